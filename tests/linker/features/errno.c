/* errno at a fixed distance from the thread pointer. */
#include <stdio.h>
#include <stdlib.h>

extern __thread int errno;

int main(void) {
    errno = 0;
    strtol("99999999999999999999", NULL, 10);
    printf("errno: %d\n", errno);
    return 0;
}
