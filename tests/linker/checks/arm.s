@ ARM relocations, of A32 and Thumb code, checked where no ARM machine is. Addends are in the places.
@ target: armv7a-linux-gnueabihf
@ define: far=0x7f000000
@ define: near=0x10100000

        .syntax unified
        .text
        .arm
        .globl  start
        .type   start, %function
start:
call_near:
        bl      near
@ isthmus-check: (*{4}call_near)[23:0] = (near - call_near - 8)[25:2]
@ isthmus-check: (*{4}call_near)[31:24] = 0xeb
call_far:
        bl      far
@ isthmus-check: (*{4}call_far)[23:0] = (stub_addr(this, far) - call_far - 8)[25:2]
@ The stub: ldr pc, [pc, #-4]; word.
@ isthmus-check: *{4}stub_addr(this, far) = 0xe51ff004
@ isthmus-check: *{4}(stub_addr(this, far) + 4) = far
jump:
        b       near
@ isthmus-check: (*{4}jump)[23:0] = (near - jump - 8)[25:2]
@ Into Thumb code: blx, whose bit 24 is bit 1 of the distance.
to_thumb:
        bl      in_thumb
@ isthmus-check: (*{4}to_thumb)[31:25] = 0x7d
@ isthmus-check: ((*{4}to_thumb)[23:0] << 2 + ((*{4}to_thumb)[24:24] << 1))[25:0] = (in_thumb - to_thumb - 8)[25:0]
moves:
        movw    r0, #:lower16:datum
        movt    r0, #:upper16:datum
@ isthmus-check: ((*{4}moves)[19:16] << 12) + (*{4}moves)[11:0] = datum[15:0]
@ isthmus-check: ((*{4}(moves + 4))[19:16] << 12) + (*{4}(moves + 4))[11:0] = datum[31:16]
relative:
        movw    r1, #:lower16:(datum - (. + 8))
        movt    r1, #:upper16:(datum - (. + 4))
@ isthmus-check: ((*{4}relative)[19:16] << 12) + (*{4}relative)[11:0] = (datum - relative - 8)[15:0]
        bx      lr

words:
        .word   datum + 4
@ isthmus-check: *{4}words = datum + 4
        .word   datum - .
@ isthmus-check: *{4}(words + 4) = (datum - words - 4)[31:0]
        .word   in_thumb
@ isthmus-check: *{4}(words + 8) = in_thumb + 1
        .word   far(GOT_PREL)
@ isthmus-check: *{4}((*{4}(words + 12) + words + 12)[31:0]) = far
        .word   datum(GOTOFF)
@ isthmus-check: *{4}(words + 16) = (datum - section_addr(this, $GOT))[31:0]
        .word   variable(TLSGD)
@ isthmus-check: *{4}((*{4}(words + 20) + words + 20)[31:0] + 4) = 4
        .word   variable(GOTTPOFF)
@ isthmus-check: *{4}((*{4}(words + 24) + words + 24)[31:0]) = 16 + 4
        .word   variable(TPOFF)
@ isthmus-check: *{4}(words + 28) = 16 + 4
        .word   near(PREL31)
@ isthmus-check: (*{4}(words + 32))[30:0] = (near - words - 32)[30:0]

        .section .text.thumb, "ax", %progbits
        .thumb
        .balign 4
        nop
        .globl  in_thumb
        .type   in_thumb, %function
        .thumb_func
in_thumb:
thumb_moves:
        movw    r0, #:lower16:datum
        movt    r0, #:upper16:datum
@ imm4:i:imm3:imm8
@ isthmus-check: ((*{2}thumb_moves)[3:0] << 12) + ((*{2}thumb_moves)[10:10] << 11) \
@     + ((*{2}(thumb_moves + 2))[14:12] << 8) + (*{2}(thumb_moves + 2))[7:0] = datum[15:0]
@ isthmus-check: ((*{2}(thumb_moves + 4))[3:0] << 12) + ((*{2}(thumb_moves + 4))[10:10] << 11) \
@     + ((*{2}(thumb_moves + 6))[14:12] << 8) + (*{2}(thumb_moves + 6))[7:0] = datum[31:16]
@ Into A32 code: blx (bit 12 of the second half is 0), counted from the multiple of 4 below.
thumb_call:
        bl      start
@ isthmus-check: (*{2}(thumb_call + 2))[12:12] = 0
@ isthmus-check: ((*{2}thumb_call)[9:0] << 12 + ((*{2}(thumb_call + 2))[10:0] << 1))[21:0] = \
@     (start - (thumb_call[31:2] << 2) - 4)[21:0]
        .globl  second
        .type   second, %function
        .thumb_func
second:
thumb_to_thumb:
        bl      in_thumb
@ isthmus-check: (*{2}(thumb_to_thumb + 2))[12:12] = 1
@ isthmus-check: ((*{2}thumb_to_thumb)[9:0] << 12 + ((*{2}(thumb_to_thumb + 2))[10:0] << 1))[21:0] = \
@     (in_thumb - thumb_to_thumb - 4)[21:0]
thumb_far:
        b.w     far
@ The Thumb stub: ldr.w pc, [pc, #0]; word.
@ isthmus-check: *{4}stub_addr(this, far) = 0xe51ff004
        bx      lr

@ A function that is chosen when it is loaded, by Thumb code; called from both states.
        .type   choose, %function
        .thumb_func
choose:
        bx      lr
        .globl  chosen
        .type   chosen, %gnu_indirect_function
        .set    chosen, choose
        .globl  third
        .type   third, %function
        .thumb_func
third:
thumb_to_chosen:
        bl      chosen
@ isthmus-check: (*{2}(thumb_to_chosen + 2))[12:12] = 0
@ ldr ip, [pc, #4]; add ip, pc, ip; ldr pc, [ip]; distance of the word, which holds the address of what chooses, until it is asked.
@ isthmus-check: chosen = section_addr(this, $INDIRECT)
@ isthmus-check: *{4}chosen = 0xe59fc004
@ isthmus-check: *{4}(chosen + 4) = 0xe08fc00c
@ isthmus-check: *{4}(chosen + 8) = 0xe59cf000
@ isthmus-check: (*{4}(chosen + 12) + chosen + 12)[31:0] = section_addr(this, $CHOSEN)
@ isthmus-check: *{4}section_addr(this, $CHOSEN) = choose + 1

        .data
        .globl  datum
datum:
        .word   1, 2
        .section .tdata, "awT", %progbits
        .word   1
variable:
        .word   7
