/* Bounds of sections that several objects have. */
#include "registry.h"

static int run_double(int n) { return 2 * n; }
REGISTER(double);
static int run_negate(int n) { return -n; }
REGISTER(negate);

static int counter __attribute__((used, section("counters"))) = 1;

__attribute__((section("workers"), noinline)) static int work(int n) { return n + counter; }

/* Nobody has such a section. */
extern const int __start_absent[] __attribute__((weak)), __stop_absent[] __attribute__((weak));

static int by_name(const void *a, const void *b) {
    const struct entry *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

int main(void) {
    size_t count = __stop_registry - __start_registry;
    const struct entry **sorted = malloc(count * sizeof *sorted);
    memcpy(sorted, __start_registry, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t n = 0; n < count; ++n) printf("%s(7) = %d\n", sorted[n]->name, sorted[n]->run(7));
    printf("one registry: %d\n", other_start() == __start_registry);
    for (int *c = __start_counters; c != __stop_counters; ++c) *c += 40;
    printf("counters: %td, %d %d\n", __stop_counters - __start_counters, counter, other_counter());
    printf("workers: %d %d, %d\n", is_worker(&work), is_worker(&main), work(1));
    printf("absent: %d\n", __start_absent == __stop_absent);
    free(sorted);
    return 0;
}
