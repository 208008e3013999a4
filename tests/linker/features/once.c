/* What groups do when a program begins happens once. */
#include "once.h"

int seen_runs, unseen_runs;

int main(void) {
    int kept = (int)(__stop_kept - __start_kept);
    printf("initializers: %d %d, kept: %d %d\n", seen_runs, unseen_runs, kept, kept_elsewhere());
    return 0;
}
