/* Function pointers: called here and there, kept, returned, on other threads. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int32_t (*Unary)(int32_t);
typedef int32_t (*Compare)(const void *, const void *);
typedef struct { double x, y; } Pair;
typedef struct { int64_t a, b, c; } Big;
typedef struct { float x; int32_t n; } Small;

int32_t c_apply(Unary f, int32_t x) { return f(x); }
int32_t c_double(int32_t x) { return 2 * x; }
Unary c_choose(int32_t which, Unary other) { return which == 0 ? c_double : which == 1 ? other : NULL; }
static Unary kept;
void c_keep(Unary f) { kept = f; }
int32_t c_call_kept(int32_t x) { return kept(x); }
void c_sort(int32_t *a, int32_t n, Compare f) { qsort(a, n, sizeof *a, f); }
double c_pair(Pair (*f)(Pair, double), double k) { Pair p = { 1.5, 2.5 }, r = f(p, k); return r.x * 1000 + r.y; }
int64_t c_big(Big (*f)(Big, int8_t)) { Big b = { 1, 2, 3 }, r = f(b, -5); return r.a * 10000 + r.b * 100 + r.c; }
double c_small(Small (*f)(Small)) { Small s = { 1.25f, 7 }, r = f(s); return r.x * 100 + r.n; }
int64_t c_many(int64_t (*f)(int8_t, int64_t, float, double, int16_t, int32_t, uint8_t, int64_t, Pair, int32_t)) {
    Pair p = { 10, 20 };
    return f(-1, 2, 3.5f, 4.5, -5, 6, 250, 8, p, 9);
}
int32_t c_text(char *(*f)(const char *, const uint16_t *)) {
    const uint16_t wide[] = { 'w', 0x20ac, 0 };
    char *s = f("t\xc3\xa4xt", wide);
    int32_t n = 0;
    for (char *p = s; *p; p++) n = n * 31 + (unsigned char)*p;
    free(s);
    return n;
}
int32_t c_array(int32_t (*f)(const int32_t *, int32_t)) { int32_t a[] = { 3, 1, 4, 1, 5 }; return f(a, 5); }
int32_t c_fill(void (*f)(int32_t *, int32_t)) { int32_t a[4] = { 0 }; f(a, 4); return a[0] + 10 * a[1] + 100 * a[2] + 1000 * a[3]; }
int32_t c_refs(uint8_t (*f)(int32_t *, double *, Pair *)) { int32_t i = 1; double d = 2; Pair p = { 3, 4 }; int32_t ok = f(&i, &d, &p); return ok * 100000 + i * 1000 + (int32_t)(d * 100 + p.x * 10 + p.y); }
struct Table { int32_t version; Unary up; Unary down; };
int32_t c_table(struct Table t, int32_t x) { return t.up(x) * 100 + t.down(x) + (t.version << 16); }
void c_table_swap(struct Table *t) { Unary u = t->up; t->up = t->down; t->down = u; t->version++; }
int32_t c_nested(int32_t (*f)(Unary, int32_t), Unary g) { return f(g, 5) + f(c_double, 6); }
void c_for_each(int32_t n, void (*f)(int32_t)) { for (int i = 0; i < n; i++) f(i); }

struct Job { Unary f; int32_t n, result; };
static void *run(void *data) { struct Job *job = data; for (int i = 0; i < job->n; i++) job->result += job->f(i); return NULL; }
int32_t c_threads(Unary f, int32_t threads, int32_t n) {
    pthread_t ids[16];
    struct Job jobs[16];
    int32_t sum = 0;
    for (int i = 0; i < threads; i++) {
        jobs[i] = (struct Job) { f, n, 0 };
        pthread_create(&ids[i], NULL, run, &jobs[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        sum += jobs[i].result;
    }
    return sum;
}
