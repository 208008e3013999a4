/* Functions that are chosen when they are loaded: exported and local ones, called, and compared by address from two objects. */
#include "features.h"

static int slow(int n) { return n + 1; }
static int fast(int n) { return n + 2; }

/* The choice depends on another object, and on a variable. */
static int (*choose(void))(int) { return choice() == prefer_fast ? fast : slow; }

int chosen(int n) __attribute__((ifunc("choose")));
static int chosen_here(int n) __attribute__((ifunc("choose")));

int prefer_fast = 7;

int main(void) {
    int (*volatile pointer)(int) = chosen;
    printf("%d %d %d\n", chosen(10), chosen_here(20), pointer(30));
    printf("one address: %d\n", pointer == chosen_elsewhere());
    printf("from elsewhere: %d\n", call_chosen(40));
    return 0;
}
