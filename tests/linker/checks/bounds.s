# Bounds of sections: several sections of one name, those that live with others, and a name of which nothing is left.
# target: aarch64-linux-gnu
        .section .text.live, "ax", %progbits
        .globl  live
live:
        adrp    x0, __start_list
        add     x0, x0, :lo12:__start_list
# isthmus-check: (*{4}(live + 4))[21:10] = (*{8}bounds)[11:0]
        ret
        .section .text.dead, "ax", %progbits
dead:
        ret
# Nobody refers to any of these.
        .section list, "a", %progbits, unique, 1
        .word   1
        .section list, "ao", %progbits, .text.dead, unique, 2
        .word   2
        .section list, "ao", %progbits, .text.live, unique, 3
        .word   3
        .section list, "aG", %progbits, dead_group, comdat, unique, 4
        .word   4
        .section list, "aG", %progbits, live_group, comdat, unique, 5
        .word   5
        .section .text.grouped, "axG", %progbits, live_group, comdat
        .weak   live_group
live_group:
        ret
        .section list, "aw", %progbits, unique, 6
        .balign 8
        .word   6
        .section none, "ao", %progbits, .text.dead
        .word   7
        .data
        .globl  bounds
bounds:
        .xword  __start_list, __stop_list, __start_none, __stop_none
        .weak   __start_nowhere
        .xword  __start_nowhere
        .weak   __start_2nd
        .xword  __start_2nd
# isthmus-check: *{8}(bounds + 8) - *{8}bounds = 20
# isthmus-check: *{4}(*{8}bounds) = 1
# isthmus-check: *{4}(*{8}bounds + 4) = 3
# isthmus-check: *{4}(*{8}bounds + 8) = 5
# isthmus-check: *{4}(*{8}bounds + 16) = 6
# isthmus-check: *{8}bounds[2:0] = 0
# isthmus-check: *{8}(bounds + 16) = *{8}(bounds + 24)
# isthmus-check: *{8}(bounds + 32) = 0
# isthmus-check: *{8}(bounds + 40) = 0
