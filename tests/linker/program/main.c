/* A program of three objects: thread locals, weak symbols, initializers, common symbols, function pointers, the C library. */
#include "program.h"
#include <stdlib.h>
#include <string.h>
#include <errno.h>

int shared_table[64];
__thread int own_per_thread = 5;
static __thread char own_buffer[100];

__attribute__((weak)) int weak_answer(void) { return 1; }
__attribute__((weak)) int weak_only(void) { return 7; }

static int order;
static void first(void) __attribute__((constructor(101)));
static void second(void) __attribute__((constructor(102)));
static void last(void) __attribute__((destructor));

static void first(void) { order = order * 10 + 1; }
static void second(void) { order = order * 10 + 2; }
static void last(void) { note("destructor of main.c"); }

static void at_exit(void) { note("atexit"); }

static int thread_values(void) { return per_thread * 1000 + own_per_thread * 10 + (int)per_thread_zero; }

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static int classify(int n) {
    switch (n) {
    case 0: return 10;
    case 1: return 21;
    case 2: return 32;
    case 3: return 43;
    case 4: return 54;
    case 5: return 65;
    default: return -1;
    }
}

int main(int argc, char **argv) {
    printf("%d arguments:", argc - 1);
    for (int i = 1; i < argc; i++) printf(" %s", argv[i]);
    printf("\nconstructors in order %d\n", order);
    printf("weak: %d %d, missing: %s\n", weak_answer(), weak_only(), maybe_missing ? "there" : "not there");
    for (int i = 0; i < items_count; i++) printf("%s(6) = %d\n", items[i].name, items[i].apply(6));
    per_thread += 2;
    own_per_thread++;
    per_thread_zero = 3;
    strcpy(own_buffer, "thread-local buffer");
    printf("thread locals here: %d, in another thread: %d\n", thread_values(), in_other_thread(thread_values));
    printf("%s, hidden: %d\n", own_buffer, hidden_helper(3));
    int numbers[] = {5, 3, 9, 1};
    qsort(numbers, 4, sizeof *numbers, compare);
    printf("sorted: %d %d %d %d\n", numbers[0], numbers[1], numbers[2], numbers[3]);
    shared_table[1] = 11;
    int sum = 0;
    for (int i = 0; i < 7; i++) sum += classify(i);
    printf("sum %d, %.2f\n", sum, atof("1.5") * 3);
    errno = 0;
    strtol("99999999999999999999", NULL, 10);
    fprintf(stdout, "errno is ERANGE: %d\n", errno == ERANGE);
    if (atexit(at_exit)) return 1;
    return shared_table[1] + shared_table[2];
}
