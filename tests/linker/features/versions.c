/* Versions of names: an old function of the C library, and two of our own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

char *old_realpath(const char *path, char *to);
char *new_realpath(const char *path, char *to);
__asm__(".symver old_realpath, realpath@GLIBC_2.2.5");
__asm__(".symver new_realpath, realpath@GLIBC_2.3");

int first_answer(void);
int second_answer(void);
int answer(void);
__asm__(".symver first_answer, answer@FIRST");
__asm__(".symver second_answer, answer@SECOND");

int main(void) {
    /* Only the newer one takes a null pointer. */
    errno = 0;
    char *none = old_realpath("/", NULL);
    printf("old: %s, invalid: %d\n", none ? none : "nothing", errno == EINVAL);
    char *path = new_realpath("/", NULL);
    printf("new: %s\n", path ? path : "nothing");
    printf("answers: %d %d %d\n", first_answer(), second_answer(), answer());
    return 0;
}
