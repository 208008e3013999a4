/* Equal strings and constants of several objects are in memory once. */
#include "features.h"
#include <string.h>
#include <wchar.h>

static const wchar_t *wide(void) { return L"a wide greeting"; }
extern const wchar_t *other_wide(void);

int main(void) {
    printf("here: %d, with the other object: %d\n", greeting() == (const char *)"a greeting of both", greeting() == other_greeting());
    printf("wide: %d\n", wide() == other_wide());
    printf("%s, %s, tail %s\n", greeting(), other_greeting(), "a greeting of both" + 14);
    printf("%zu %zu\n", strlen("only here"), wcslen(other_wide()));
    return 0;
}

const char *greeting(void) { return "a greeting of both"; }
