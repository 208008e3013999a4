/* An object with nothing but an entry, which it could write to. */
#include "registry.h"

static const struct entry entry = {"again", run_other};
static const struct entry *slot __attribute__((used, section("registry"))) = &entry;
