/* What is called. */
int target(int n) { return n + 10; }
