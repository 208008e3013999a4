// AArch64 relocations, checked where no AArch64 machine is.
// target: aarch64-linux-gnu
// define: far=0x7f0000001238
// define: near=0x10100000

        .text
        .globl  start
        .type   start, %function
start:
call_near:
        bl      near
// isthmus-check: (*{4}call_near)[25:0] = (near - call_near)[27:2]
// isthmus-check: (*{4}call_near)[31:26] = 0x25
call_far:
        bl      far
// isthmus-check: (*{4}call_far)[25:0] = (stub_addr(this, far) - call_far)[27:2]
// The stub: adrp x16, word; ldr x16, [x16, word]; br x16.
// isthmus-check: (*{4}stub_addr(this, far))[31:31] = 1
// isthmus-check: ((*{4}stub_addr(this, far))[23:5] << 2 + (*{4}stub_addr(this, far))[30:29])[20:0] = \
//     (got_addr(this, far)[63:12] - stub_addr(this, far)[63:12])[20:0]
// isthmus-check: (*{4}(stub_addr(this, far) + 4))[21:10] = got_addr(this, far)[11:3]
// isthmus-check: *{4}(stub_addr(this, far) + 8) = 0xd61f0200
// isthmus-check: *{8}got_addr(this, far) = far
jump:
        b       far
// isthmus-check: (*{4}jump)[25:0] = (stub_addr(this, far) - jump)[27:2]

conditional:
        b.eq    target
// isthmus-check: (*{4}conditional)[23:5] = (target - conditional)[20:2]
test_bit:
        tbz     x3, 5, target
// isthmus-check: (*{4}test_bit)[18:5] = (target - test_bit)[15:2]
        .section .text.target, "ax", %progbits
        .globl  target
target:
        ret
        .text

page:
        adrp    x1, datum
        add     x1, x1, :lo12:datum
        ldrb    w2, [x1, :lo12:datum]
        ldrh    w2, [x1, :lo12:datum]
        ldr     w2, [x1, :lo12:datum]
        ldr     x2, [x1, :lo12:datum]
        ldr     q2, [x1, :lo12:datum]
// isthmus-check: ((*{4}page)[23:5] << 2 + (*{4}page)[30:29])[20:0] = (datum[63:12] - page[63:12])[20:0]
// isthmus-check: (*{4}(page + 4))[21:10] = datum[11:0]
// isthmus-check: (*{4}(page + 8))[21:10] = datum[11:0]
// isthmus-check: (*{4}(page + 12))[21:10] = datum[11:1]
// isthmus-check: (*{4}(page + 16))[21:10] = datum[11:2]
// isthmus-check: (*{4}(page + 20))[21:10] = datum[11:3]
// isthmus-check: (*{4}(page + 24))[21:10] = datum[11:4]
address:
        adr     x3, datum
// isthmus-check: ((*{4}address)[23:5] << 2 + (*{4}address)[30:29])[20:0] = (datum - address)[20:0]
literal:
        ldr     x4, datum
// isthmus-check: (*{4}literal)[23:5] = (datum - literal)[20:2]

// The word of a near symbol is not needed: adrp, add.
got_near:
        adrp    x5, :got:near
        ldr     x6, [x5, :got_lo12:near]
// isthmus-check: ((*{4}got_near)[23:5] << 2 + (*{4}got_near)[30:29])[20:0] = (near[63:12] - got_near[63:12])[20:0]
// isthmus-check: *{4}(got_near + 4) = 0x910000a6 + (near[11:0] << 10)
got_far:
        adrp    x5, :got:far
        ldr     x6, [x5, :got_lo12:far]
// isthmus-check: ((*{4}got_far)[23:5] << 2 + (*{4}got_far)[30:29])[20:0] = (got_addr(this, far)[63:12] - got_far[63:12])[20:0]
// isthmus-check: (*{4}(got_far + 4))[21:10] = got_addr(this, far)[11:3]
// isthmus-check: (*{4}(got_far + 4))[31:22] = 0x3e5

moves:
        movz    x7, #:abs_g3:far
        movk    x7, #:abs_g2_nc:far
        movk    x7, #:abs_g1_nc:far
        movk    x7, #:abs_g0_nc:far
// isthmus-check: (*{4}moves)[20:5] = far[63:48]
// isthmus-check: (*{4}(moves + 4))[20:5] = far[47:32]
// isthmus-check: (*{4}(moves + 8))[20:5] = far[31:16]
// isthmus-check: (*{4}(moves + 12))[20:5] = far[15:0]

// Thread-local variables: the home is 16 bytes behind the thread pointer.
local_exec:
        mrs     x8, TPIDR_EL0
        add     x8, x8, #:tprel_hi12:variable, lsl #12
        add     x8, x8, #:tprel_lo12_nc:variable
// isthmus-check: (*{4}(local_exec + 4))[21:10] = 0
// isthmus-check: (*{4}(local_exec + 8))[21:10] = 16 + 8
initial_exec:
        adrp    x9, :gottprel:variable
        ldr     x9, [x9, :gottprel_lo12:variable]
// isthmus-check: *{8}((((*{4}initial_exec)[23:5] << 2 + (*{4}initial_exec)[30:29])[20:0] + initial_exec[63:12] << 12) \
//     + ((*{4}(initial_exec + 4))[21:10] << 3)) = 16 + 8
descriptor:
        adrp    x0, :tlsdesc:variable
        ldr     x1, [x0, #:tlsdesc_lo12:variable]
        add     x0, x0, :tlsdesc_lo12:variable
        .tlsdesccall variable
        blr     x1
// The second word of the descriptor.
// isthmus-check: *{8}((((*{4}descriptor)[23:5] << 2 + (*{4}descriptor)[30:29])[20:0] + descriptor[63:12] << 12) \
//     + (*{4}(descriptor + 8))[21:10] + 8) = 16 + 8
        ret

        .data
        .balign 16
        .globl  datum
datum:
        .xword  start + 4
// isthmus-check: *{8}datum = start + 4
        .xword  start - .
// isthmus-check: *{8}(datum + 8) = start - datum - 8
        .word   start - .
// isthmus-check: (*{4}(datum + 16) + datum + 16)[31:0] = start[31:0]
        .word   near
// isthmus-check: *{4}(datum + 20) = near

        .section .tdata, "awT", %progbits
        .xword  1
variable:
        .word   7
