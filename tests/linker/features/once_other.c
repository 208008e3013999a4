/* The other object. */
#include "once.h"

int kept_elsewhere(void) { return (int)(__stop_kept - __start_kept); }
