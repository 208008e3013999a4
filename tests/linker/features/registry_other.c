/* The other object. */
#include "registry.h"

static int run_square(int n) { return n * n; }
REGISTER(square);

static int counter __attribute__((used, section("counters"))) = 2;

__attribute__((section("workers"), noinline)) int run_other(int n) { return n - counter; }

const struct entry *const *other_start(void) { return __start_registry; }
int other_counter(void) { return counter; }
int is_worker(const void *code) {
    const char *at = code;
    return at >= __start_workers && at < __stop_workers;
}
