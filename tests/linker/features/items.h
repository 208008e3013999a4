// What is in a section of a header's inline variables is there once.
#include <cstdio>

struct Item {
    int number;
};

inline Item item = {20};
__attribute__((used, section("items"))) inline Item *item_slot = &item;

template <int N> struct Numbered {
    static Item item;
    __attribute__((used, section("items"))) static inline Item *slot = &item;
};
template <int N> Item Numbered<N>::item = {N};

extern Item *__start_items[], *__stop_items[];

int sum_elsewhere();
