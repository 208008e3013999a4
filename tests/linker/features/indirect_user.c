/* The other object. */
#include "features.h"

int choice(void) { return prefer_fast; }
int (*chosen_elsewhere(void))(int) { return chosen; }
int call_chosen(int n) { return chosen(n); }
