/* A shared library with thread-local variables. */
__thread int library_counter = 100;
__thread char library_name[16] = "library";

int *library_address(void) { return &library_counter; }
