/* The other object. */
#include "features.h"

__attribute__((constructor(200))) static void b(void) { note("200 there"); }
__attribute__((constructor(400))) static void d(void) { note("400 there"); }
__attribute__((destructor(200))) static void w(void) { note("200 ends there"); }

void note(const char *what) { puts(what); }
