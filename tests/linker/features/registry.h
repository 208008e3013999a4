/* A registry of objects that know nothing of each other: each puts pointers into sections, and all of them are between the sections' bounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    const char *name;
    int (*run)(int);
};

/* Nothing else refers to what is in the sections. */
#define REGISTER(name)                                             \
    static const struct entry entry_##name = {#name, run_##name};  \
    static const struct entry *const slot_##name __attribute__((used, section("registry"))) = &entry_##name

extern const struct entry *const __start_registry[], *const __stop_registry[];
extern int __start_counters[], __stop_counters[];
extern char __start_workers[], __stop_workers[];

int run_other(int n);
const struct entry *const *other_start(void);
int other_counter(void);
int is_worker(const void *code);
