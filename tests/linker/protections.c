/* Says what the memory of its own parts may be used for. */
#include <stdio.h>
#include <string.h>

static const int constant = 1;
static int datum = 1;
static int zeros[100];

static const char *protection(const void *where, int *both) {
    static char found[5];
    char line[500], flags[5];
    FILE *maps = fopen("/proc/self/maps", "r");
    *both = 0;
    strcpy(found, "???");
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx %4s", &from, &to, flags) != 3) continue;
        if (flags[1] == 'w' && flags[2] == 'x') ++*both;
        if ((unsigned long)where >= from && (unsigned long)where < to) memcpy(found, flags, 3);
    }
    fclose(maps);
    return found;
}

int main(void) {
    int both;
    printf("code %s, ", protection((const void *)main, &both));
    printf("constants %s, ", protection(&constant, &both));
    printf("data %s, ", protection(&datum, &both));
    printf("zeros %s\n", protection(zeros, &both));
    printf("writable and executable: %d\n", both);
    return both;
}
