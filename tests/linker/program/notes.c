/* The third object. */
#include "program.h"

int hidden_helper(int n) { return n + 100; }

void note(const char *what) {
    printf("%s\n", what);
    fflush(stdout);
}

__attribute__((destructor)) static void last(void) { note("destructor of notes.c"); }
