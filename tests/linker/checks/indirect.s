# A function that is chosen when it is loaded, and strings that are there once, in AArch64 code.
# target: aarch64-linux-gnu

        .text
        .globl  start
        .type   start, %function
start:
call:
        bl      chosen
# isthmus-check: (*{4}call)[25:0] = (chosen - call)[27:2]
        adrp    x0, :got:chosen
        ldr     x0, [x0, :got_lo12:chosen]
        ret

        .type   choose, %function
choose:
        ret
        .globl  chosen
        .type   chosen, %gnu_indirect_function
        .set    chosen, choose

# The code: adrp x16, word; ldr x16, [x16, word]; br x16. The word holds the address of what chooses, until it is asked.
# isthmus-check: chosen = section_addr(this, $INDIRECT)
# isthmus-check: *{4}(chosen + 8) = 0xd61f0200
# isthmus-check: *{8}section_addr(this, $CHOSEN) = choose
# isthmus-check: (*{4}(chosen + 4))[21:10] = section_addr(this, $CHOSEN)[11:3]

        .section .rodata.str1.1, "aMS", %progbits, 1
.Lfirst:
        .asciz  "a string"
.Lsecond:
        .asciz  "another"
.Lthird:
        .asciz  "a string"
        .asciz  "of no use"
        .section .rodata.cst8, "aM", %progbits, 8
.Lnumber:
        .xword  77
.Lagain:
        .xword  77
# What somebody may ask the bounds of, and what is kept in any case, stays whole.
        .section texts, "aMS", %progbits, 1
        .asciz  "twice"
        .asciz  "twice"
        .section .kept, "aMSR", %progbits, 1
        .asciz  "twice"
        .asciz  "twice"
# isthmus-check: file_size(this, texts) = 12
# isthmus-check: file_size(this, .kept) = 12
        .data
        .globl  pointers
pointers:
        .xword  .Lfirst, .Lsecond, .Lthird, .Lthird + 2, .Lnumber, .Lagain, __start_texts
# isthmus-check: *{8}(pointers + 48) = section_addr(this, texts)
# isthmus-check: file_size(this, .rodata.str1.1) = 17
# isthmus-check: *{8}pointers = *{8}(pointers + 16)
# isthmus-check: *{8}pointers + 2 = *{8}(pointers + 24)
# isthmus-check: *{8}(*{8}(pointers + 8)) = 0x00726568746f6e61
# isthmus-check: file_size(this, .rodata.cst8) = 8
# isthmus-check: *{8}(pointers + 32) = *{8}(pointers + 40)
# isthmus-check: *{8}(*{8}(pointers + 32)) = 77
