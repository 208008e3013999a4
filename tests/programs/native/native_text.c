/* Text and arrays. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *s) { char *r = malloc(strlen(s) + 1); strcpy(r, s); return r; }
static size_t units(const uint16_t *s) { size_t n = 0; while (s[n]) n++; return n; }
int32_t t_hash(const char *s) { if (!s) return -1; int32_t n = 7; for (; *s; s++) n = n * 31 + (unsigned char)*s; return n; }
int32_t t_hash_wide(const uint16_t *s) { if (!s) return -1; int32_t n = 7; for (; *s; s++) n = n * 31 + *s; return n; }
int32_t t_bstr(const uint16_t *s) { return s ? (int32_t)((const uint32_t *)s)[-1] * 1000 + (int32_t)units(s) : -1; }
char *t_back(int32_t n) { return n < 0 ? NULL : copy(n ? "\xc3\xa9t\xc3\xa9" : ""); }
uint16_t *t_back_wide(void) { uint16_t *r = calloc(4, 2); r[0] = 0x3b1; r[1] = 'z'; r[2] = 0x4e2d; return r; }
void t_out(char **s) { *s = copy("out"); }
void t_ref(char **s) { char *old = *s; char *r = malloc(strlen(old) * 2 + 1); strcpy(r, old); strcat(r, old); *s = r; free(old); }
void t_upper(char *s) { for (; *s; s++) *s = (char)toupper((unsigned char)*s); }
void t_upper_wide(uint16_t *s) { for (; *s; s++) if (*s >= 'a' && *s <= 'z') *s -= 32; }
int32_t t_fill(char *s, int32_t size) { strncpy(s, "filled by native code", (size_t)size); return (int32_t)strlen(s); }
int32_t t_join(char **s, int32_t n) { int32_t h = 0; for (int i = 0; i < n; i++) h = h * 17 + t_hash(s[i]); return h + (s[n] == NULL ? 1 : 0); }
int32_t t_join_wide(uint16_t **s, int32_t n) { int32_t h = 0; for (int i = 0; i < n; i++) h = h * 17 + t_hash_wide(s[i]); return h; }
void t_replace(char **s, int32_t n) { for (int i = 0; i < n; i++) { free(s[i]); s[i] = copy(i % 2 ? "odd" : "even"); } }
int32_t t_letters(const char *s, int32_t n) { int32_t r = 0; for (int i = 0; i < n; i++) r = r * 3 + s[i]; return r; }
void t_letters_wide(uint16_t *s, int32_t n) { for (int i = 0; i < n; i++) s[i]++; }
int32_t t_truths(const int32_t *a, int32_t n) { int32_t r = 0; for (int i = 0; i < n; i++) r = r * 2 + (a[i] == 1); return r; }
int32_t t_bytes(const uint8_t *a, int32_t n) { int32_t r = 0; for (int i = 0; i < n; i++) r += a[i]; return r; }
void t_reverse(double *a, int32_t n) { for (int i = 0; i < n / 2; i++) { double d = a[i]; a[i] = a[n - 1 - i]; a[n - 1 - i] = d; } }
void t_make(int32_t **a, int32_t *n) { *n = 4; *a = malloc(16); for (int i = 0; i < 4; i++) (*a)[i] = i * i; }
int32_t t_null(const void *a, const void *b, const void *c) { return (a == NULL) + 2 * (b == NULL) + 4 * (c == NULL); }
char t_char(char c, uint16_t w) { return (char)(c + (w == 0x20ac)); }
int32_t t_any(const void *p, int32_t what) {
    switch (what) {
    case 0: return *(const int32_t *)p;
    case 1: return t_hash(p);
    case 2: return ((const int32_t *)p)[0] + ((const int32_t *)p)[1];
    default: return p == NULL;
    }
}
