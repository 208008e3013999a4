/* Calls something that others define. */
int target(int n);
static int local_offset(int n) { return n + 1000; }
int (*keep)(int) = local_offset;
int call(int n) { return target(n) + 1; }
int call_again(int n) { return target(n) * 2 + target(n + 1); }
