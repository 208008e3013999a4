// Sections with bounds in groups: entries of functions and variables that several objects define.
#include "items.h"

int main() {
    int sum = 0;
    for (Item **slot = __start_items; slot != __stop_items; ++slot) sum += (*slot)->number;
    std::printf("items: %td, %d, %d\n", __stop_items - __start_items, sum, sum_elsewhere());
    return Numbered<300>::slot->number - 300 + Numbered<1>::slot->number - 1;
}
