/* What is called instead. */
int replacement(int n) { return n + 500; }
