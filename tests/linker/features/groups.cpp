// What two objects both define is there once: inline functions and their variables, templates, virtual tables. Exceptions pass between them.
#include "groups.h"

int main() {
    next();
    next();
    std::printf("one counter: %d\n", next_elsewhere());
    std::printf("one instance: %d, %d\n", &instance<int>() == instance_elsewhere(), twice(21));
    Shape *shape = make();
    std::printf("one virtual table: %d, %s\n", typeid(*shape) == typeid(Square), shape->name().c_str());
    try {
        fail(shape);
    } catch (const Square &square) {
        std::printf("caught %s\n", square.name().c_str());
    }
    delete shape;
    return 0;
}
