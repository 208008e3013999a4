// The other object.
#include "groups.h"

int next_elsewhere() { return next(); }
const int *instance_elsewhere() { return &instance<int>(); }
Shape *make() { return new Square; }
void fail(Shape *shape) { throw dynamic_cast<Square &>(*shape); }
