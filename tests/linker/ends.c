/* Ends its process in the middle. */
#include <stdio.h>
#include <stdlib.h>

static void at_exit(void) { printf("at exit\n"); }

int main(void) {
    atexit(at_exit);
    printf("before\n");
#ifdef DIE
    abort();
#endif
    exit(17);
}
