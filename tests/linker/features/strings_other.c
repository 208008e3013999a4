/* The other object. */
#include "features.h"
#include <wchar.h>

const char *other_greeting(void) { return "a greeting of both"; }
const wchar_t *other_wide(void) { return L"a wide greeting"; }
