// What both objects define.
#include <cstdio>
#include <string>
#include <typeinfo>

inline int next() {
    static int counter;
    return ++counter;
}

template <class T> const T &instance() {
    static const T value = T(7);
    return value;
}

template <class T> T twice(T value) { return value * 2; }

struct Shape {
    virtual ~Shape() {}
    virtual std::string name() const { return "shape"; }
};

struct Square : Shape {
    std::string name() const override { return "square"; }
};

int next_elsewhere();
const int *instance_elsewhere();
Shape *make();
[[noreturn]] void fail(Shape *shape);
