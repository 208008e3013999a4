/* Initializers and finalizers of two objects run in order of their priorities, whatever the order of the objects. */
#include "features.h"

__attribute__((constructor(300))) static void c(void) { note("300 here"); }
__attribute__((constructor(101))) static void a(void) { note("101 here"); }
__attribute__((constructor)) static void z(void) { note("last"); }
__attribute__((destructor(300))) static void x(void) { note("300 ends"); }
__attribute__((destructor(101))) static void y(void) { note("101 ends"); }

int main(void) {
    note("main");
    return 0;
}
