/* Error numbers, handles, HRESULTs, variadic functions, marshalers. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

int32_t m_fail(int32_t error) { errno = error; return -1; }
static intptr_t closed[8];
static int32_t count;
intptr_t m_open(int32_t n) { return n; }
void m_open_out(intptr_t *h) { *h = 55; }
void m_reopen(intptr_t *h, int32_t n) { if (n) *h = n; }
int32_t m_use(intptr_t h) { return (int32_t)h * 2; }
int32_t m_close(intptr_t h) { if (count < 8) closed[count++] = h; return 1; }
int32_t m_closed(void) { int32_t r = 0; for (int i = 0; i < count; i++) r = r * 100 + (int32_t)closed[i]; return r; }
int32_t m_result(int32_t fail, int32_t *r) { if (fail) return (int32_t)0x80070057; *r = 42; return 0; }
double m_sum(int32_t n, ...) { va_list l; double r = 0; va_start(l, n); for (int i = 0; i < n; i++) r += i % 2 ? va_arg(l, double) : va_arg(l, int32_t); va_end(l); return r; }
int32_t m_peek(const int32_t *p) { return p ? *p : -1; }
void m_poke(int32_t **p) { if (*p) **p += 100; }
int32_t *m_give(int32_t n) { int32_t *p = malloc(4); *p = n; return p; }
double m_date(double d, double *next) { *next = d + 1.5; return d * 2; }
void *m_address(void) { return (void *)m_use; }
