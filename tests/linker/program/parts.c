/* The second object: definitions that the first one refers to. */
#include "program.h"
#include <pthread.h>

int shared_table[64];
__thread int per_thread = 40;
__thread long per_thread_zero;

static int twice(int n) { return 2 * n; }
static int square(int n) { return n * n; }
static int third(int n) { return n / 3; }

const struct item items[] = {{"twice", twice}, {"square", square}, {"third", third}, {"hidden", hidden_helper}};
int items_count = sizeof items / sizeof *items;

int weak_answer(void) { return 42; }

__attribute__((constructor)) static void fill(void) { shared_table[2] = 22; }

static void *start(void *function) {
    int (*f)(void) = (int (*)(void))function;
    return (void *)(long)f();
}

int in_other_thread(int (*function)(void)) {
    pthread_t thread;
    void *result;
    if (pthread_create(&thread, NULL, start, (void *)function)) return -1;
    pthread_join(thread, &result);
    return (int)(long)result;
}
