/* What the parts of the program know of each other. */
#include <stdio.h>

struct item {
    const char *name;
    int (*apply)(int);
};

extern __thread int per_thread;      /* parts.c */
extern __thread long per_thread_zero;
extern int shared_table[64];         /* common in two objects */
extern const struct item items[];
extern int items_count;
int weak_answer(void);               /* weak in main.c, strong in parts.c */
int weak_only(void);                 /* weak in main.c */
void maybe_missing(void) __attribute__((weak));
int hidden_helper(int) __attribute__((visibility("hidden")));
void note(const char *what);
int in_other_thread(int (*function)(void));
