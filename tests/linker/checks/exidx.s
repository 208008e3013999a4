@ Unwind tables of 32-bit ARM: entries go with their functions, and follow each other in the order of these.
@ target: armv7a-linux-gnueabihf
@ define: __aeabi_unwind_cpp_pr0=0x10100000
@ define: __gxx_personality_v0=0x10100100

        .syntax unified
        .section .text.b, "ax", %progbits
        .globl  second
        .type   second, %function
second:
        .fnstart
        push    {r4, r5, r6, r7, r8, r9, r10, r11, lr}
        .save   {r4, r5, r6, r7, r8, r9, r10, r11, lr}
        pop     {r4, r5, r6, r7, r8, r9, r10, r11, pc}
        .fnend

        .section .text.never, "ax", %progbits
        .type   never, %function
never:
        .fnstart
        bx      lr
        .cantunwind
        .fnend

        .section .text.a, "ax", %progbits
        .globl  first
        .type   first, %function
first:
        .fnstart
        .personality __gxx_personality_v0
        push    {r4, lr}
        .save   {r4, lr}
        pop     {r4, pc}
        .handlerdata
        .word   0x12345678
        .fnend
        .globl  alone
        .type   alone, %function
alone:
        .fnstart
        bx      lr
        .cantunwind
        .fnend

@ Four entries: the dead function has none, and the end is one.
@ isthmus-check: file_size(this, .ARM.exidx.text.b) = 32
@ isthmus-check: (*{4}section_addr(this, .ARM.exidx.text.b))[30:0] = (second - section_addr(this, .ARM.exidx.text.b))[30:0]
@ How to unwind is in the entry itself.
@ isthmus-check: (*{4}(section_addr(this, .ARM.exidx.text.b) + 4))[31:24] = 0x80
@ isthmus-check: (*{4}(section_addr(this, .ARM.exidx.text.b) + 8))[30:0] = (first - section_addr(this, .ARM.exidx.text.b) - 8)[30:0]
@ The description is elsewhere, and begins with the personality.
@ isthmus-check: (*{4}(section_addr(this, .ARM.exidx.text.b) + 12) + section_addr(this, .ARM.exidx.text.b) + 12)[30:0] = section_addr(this, .ARM.extab.text.a)[30:0]
@ isthmus-check: (*{4}section_addr(this, .ARM.extab.text.a))[30:0] = (__gxx_personality_v0 - section_addr(this, .ARM.extab.text.a))[30:0]
@ isthmus-check: (*{4}(section_addr(this, .ARM.exidx.text.b) + 16))[30:0] = (alone - section_addr(this, .ARM.exidx.text.b) - 16)[30:0]
@ isthmus-check: *{4}(section_addr(this, .ARM.exidx.text.b) + 20) = 1
@ isthmus-check: (*{4}(section_addr(this, .ARM.exidx.text.b) + 24))[30:0] = (alone + 4 - section_addr(this, .ARM.exidx.text.b) - 24)[30:0]
@ isthmus-check: *{4}(section_addr(this, .ARM.exidx.text.b) + 28) = 1
