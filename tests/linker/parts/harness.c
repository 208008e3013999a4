/* A test harness: in place of `target`, and with a look at what is local. */
int target(int n) { return -n; }
int local_offset(int n);
int call(int n);
int probe(int n) { return local_offset(n) * 10000 + call(n); }
