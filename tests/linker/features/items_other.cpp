// The other object.
#include "items.h"

int sum_elsewhere() {
    int sum = Numbered<300>::slot->number - 300 + Numbered<4000>::slot->number - 4000;
    for (Item **slot = __start_items; slot != __stop_items; ++slot) sum += (*slot)->number;
    return sum;
}
