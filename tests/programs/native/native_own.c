#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int32_t (*Unary)(int32_t);
int32_t o_apply(Unary f, int32_t x) { return f(x); }
int32_t o_result(int32_t fail, int32_t *r) { if (fail) return (int32_t)0x80070057; *r = 42; return 0; }
int32_t o_only(int32_t fail) { return fail ? (int32_t)0x80004001 : 1; }
int32_t o_sum(const int32_t *a, int32_t n) { int32_t r = 0; for (int i = 0; i < n; i++) r += a[i]; return r; }
static int32_t twice(int32_t x) { return 2 * x; }
void *o_address(void) { return (void *)twice; }
int32_t o_names(int32_t (*f)(char **, int32_t)) { char *names[] = { "one", "two", "three" }; return f(names, 3); }
void o_replace(char **s, int32_t n) { for (int i = 0; i < n; i++) { free(s[i]); s[i] = strdup(i % 2 ? "odd" : "even"); } }
