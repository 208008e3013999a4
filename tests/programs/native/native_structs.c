/* Structures by value, by reference, returned, in arrays. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int8_t a; } One;
typedef struct { int32_t x, y, z; } Three;
typedef struct { float x, y, z; } Floats;
typedef struct { double x; int32_t n; } Mixed;
typedef struct { int64_t a; double b; int64_t c; } Big;
typedef struct { double x, y; } Pair;
typedef struct { Pair low, high; } Box;
typedef struct { int32_t tag; union { int32_t i; float f; int64_t l; double d; } u; } Tagged;
typedef struct { int32_t yes; uint8_t byte_yes; int16_t variant; char letter; uint16_t wide; } Truths;
typedef struct { char *name; int32_t age; char code[8]; int32_t marks[3]; } Person;
typedef struct { uint8_t data[40]; } Block;

int32_t s_one(One s) { return s.a * 2; }
One s_one_back(int32_t n) { One s = { (int8_t)n }; return s; }
int32_t s_three(Three s) { return s.x * 100 + s.y * 10 + s.z; }
Three s_three_back(Three s) { Three r = { s.z, s.x, s.y }; return r; }
float s_floats(Floats s) { return s.x * 100 + s.y * 10 + s.z; }
Floats s_floats_back(Floats s) { Floats r = { s.y, s.z, s.x }; return r; }
Mixed s_mixed(int32_t k, Mixed s, double f) { Mixed r = { s.x * f, s.n + k }; return r; }
Big s_big(Big s, int32_t k) { Big r = { s.c + k, -s.b, s.a }; return r; }
/* The registers do not suffice for the last pair: it is on the stack, the int behind it is not. */
double s_many(Pair a, Pair b, Pair c, double d, Pair e, int32_t f) {
    return a.x + 2 * a.y + 3 * b.x + 4 * b.y + 5 * c.x + 6 * c.y + 7 * d + 8 * e.x + 9 * e.y + 10 * f;
}
int64_t s_crowd(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, Three s, int32_t g, int8_t h) {
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * s.x + 7 * s.y + 8 * s.z + 9 * g + 10 * h;
}
Box s_box(Box b) { Box r = { b.high, b.low }; return r; }
Tagged s_tagged(Tagged t) { t.tag++; if (t.tag == 2) t.u.d *= 2; else t.u.l = ~t.u.l; return t; }
int32_t s_truths(Truths t) { return (t.yes == 1) | (t.byte_yes == 1) << 1 | (t.variant == -1) << 2 | (t.letter == 'q') << 3 | (t.wide == 0x20ac) << 4; }
void s_flip(Truths *t) { t->yes = !t->yes; t->byte_yes = !t->byte_yes; t->variant = ~t->variant; t->letter++; t->wide++; }
Truths s_truths_back(void) { Truths t = { 7, 0, -1, 'Z', 0x263a }; return t; }
static char *copy(const char *s) { char *r = malloc(strlen(s) + 1); strcpy(r, s); return r; }
int32_t s_person(Person p) { return (int32_t)strlen(p.name) + p.age + (int32_t)strlen(p.code) + p.marks[0] + p.marks[1] + p.marks[2]; }
void s_birthday(Person *p) { p->age++; free(p->name); p->name = copy("renamed"); strcpy(p->code, "new"); p->marks[1] = 99; }
void s_born(Person *p) { memset(p, 0, sizeof *p); p->name = copy("newborn"); strcpy(p->code, "zero"); }
Person *s_find(int32_t age) { if (age < 0) return NULL; Person *p = calloc(1, sizeof *p); p->name = copy("found"); p->age = age; return p; }
int32_t s_sum(const Three *a, int32_t n) { int32_t r = 0; for (int i = 0; i < n; i++) r += a[i].x + a[i].y * a[i].z; return r; }
void s_scale(Three *a, int32_t n, int32_t k) { for (int i = 0; i < n; i++) { a[i].x *= k; a[i].y *= k; a[i].z *= k; } }
int32_t s_people(const Person *p, int32_t n) { int32_t r = 0; for (int i = 0; i < n; i++) r += s_person(p[i]); return r; }
void s_older(Person *p, int32_t n) { for (int i = 0; i < n; i++) p[i].age += 10; }
int32_t s_pointer(const Pair *p) { return p ? (int32_t)(p->x * p->y) : -1; }
Block s_block(Block b, uint8_t k) { for (int i = 0; i < 40; i++) b.data[i] += k; return b; }
int8_t s_narrow(int8_t a, uint8_t b, int16_t c, uint16_t d) { return (int8_t)(a + b + c + d); }
uint16_t s_narrow_back(int32_t n) { return (uint16_t)n; }
