/* Initializers in groups that both objects have. One group has a function that others can see, the other has nothing but its initializer. */
#include <stdio.h>

extern int seen_runs, unseen_runs;

static __attribute__((used)) void run_seen(void) { ++seen_runs; }
static __attribute__((used)) void run_unseen(void) { ++unseen_runs; }

__asm__(".section .text.seen, \"axG\", @progbits, seen, comdat\n"
        ".weak seen\n"
        "seen: jmp run_seen\n"
        ".section .init_array, \"awG\", @init_array, seen, comdat\n"
        ".quad seen\n"
        ".section .init_array, \"awG\", @init_array, unseen, comdat\n"
        ".quad run_unseen\n"
        ".section kept, \"aGR\", @progbits, unseen, comdat\n"
        ".quad 1\n"
        ".text\n");

extern const char __start_kept[], __stop_kept[];
int kept_elsewhere(void);
