/* Counts its ends where it is told to. */
static int *where;
void watch(int *counter) { where = counter; }
__attribute__((destructor)) static void end(void) {
    if (where) ++*where;
}
