/* What the objects of these programs have in common. */
#include <stdio.h>

extern int prefer_fast;
int choice(void);
int chosen(int n);
int (*chosen_elsewhere(void))(int);
int call_chosen(int n);

const char *greeting(void);
const char *other_greeting(void);

extern __thread int library_counter;
extern __thread char library_name[16];
int *library_address(void);

void note(const char *what);
