/* Calls methods through unmanaged thunks, as programs that embed the VM do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int a; double b; long c[4]; } Value;

static void *(*get_thunk)(void *);
static void *(*new_string)(const char *);
static char *(*to_utf8)(void *);
static void *(*unbox)(void *);
static void *(*enter)(void **);
static void (*leave)(void *, void **);

int native_thunks_find(void) {
    *(void **)&get_thunk = dlsym(RTLD_DEFAULT, "mono_method_get_unmanaged_thunk");
    *(void **)&new_string = dlsym(RTLD_DEFAULT, "mono_string_new_wrapper");
    *(void **)&to_utf8 = dlsym(RTLD_DEFAULT, "mono_string_to_utf8");
    *(void **)&unbox = dlsym(RTLD_DEFAULT, "mono_object_unbox");
    *(void **)&enter = dlsym(RTLD_DEFAULT, "mono_threads_enter_gc_unsafe_region");
    *(void **)&leave = dlsym(RTLD_DEFAULT, "mono_threads_exit_gc_unsafe_region");
    return get_thunk && new_string && to_utf8 && unbox && enter && leave;
}

static int is(void *string, const char *text) {
    char *utf8 = to_utf8(string);
    int same = utf8 && strcmp(utf8, text) == 0;
    free(utf8);
    return same;
}

/* Each returns the number of the first thing that is wrong. */

int native_thunks_text(void *join, void *instance, void *make, int turns) {
    void *dummy, *region = enter(&dummy);
    void *(*f)(void *, void *, int, void **) = get_thunk(join);
    void *(*g)(void *, void *, double, signed char, void **) = get_thunk(instance);
    void *(*m)(void **) = get_thunk(make);
    int wrong = get_thunk(join) == (void *)f ? 0 : 1;
    for (int i = 0; i < turns && !wrong; i++) {
        void *e = &e;
        void *a = new_string("gr\xc3\xbc\xc3\x9f" "e "), *b = new_string("x");
        if (!is(f(a, b, 3, &e), "gr\xc3\xbc\xc3\x9f" "e xxx") || e) wrong = 2;
        void *object = m(&e);
        if (!object || e) wrong = 3;
        if (!is(g(object, a, 2.5, -7, &e), "made gr\xc3\xbc\xc3\x9f" "e  250 -7") || e) wrong = 4;
        if (!is(a, "gr\xc3\xbc\xc3\x9f" "e ") || to_utf8(NULL)) wrong = 5;
    }
    leave(region, &dummy);
    return wrong;
}

int native_thunks_values(void *make, void *sum, void *change, void *own, void *enumeration) {
    void *dummy, *region = enter(&dummy), *e = NULL;
    void *(*m)(int, void **) = get_thunk(make);
    double (*s)(void *, void *, void **) = get_thunk(sum);
    void (*c)(void *, void **) = get_thunk(change);
    long (*o)(void *, short, void **) = get_thunk(own);
    int (*n)(unsigned char, void **) = get_thunk(enumeration);
    int wrong = 0;
    void *box = m(5, &e), *other = m(7, &e);
    Value *v = unbox(box);
    if (e || v->a != 5 || v->b != 2.5 || v->c[3] != 20) wrong = 1;
    v->b = 100;
    if (s(box, other, &e) != 103.5 || e || v->a != 5) wrong = 2;
    c(box, &e);
    if (e || v->a != -5 || v->c[0] != 77) wrong = 3;
    if (o(box, 2, &e) != -10 || e || v->a != -4) wrong = 4;
    if (n(3, &e) != 4 || e) wrong = 5;
    leave(region, &dummy);
    return wrong;
}

int native_thunks_references(void *swap, void *both) {
    void *dummy, *region = enter(&dummy), *e = NULL;
    void (*f)(void **, int *, void **) = get_thunk(swap);
    void *(*g)(void **, void **, void **) = get_thunk(both);
    void *text = new_string("before");
    int n = 4, wrong = 0;
    f(&text, &n, &e);
    if (e || n != 8 || !is(text, "before and after")) wrong = 1;
    void *none = NULL;
    g(&text, &none, &e);
    if (!e || n != 8) wrong = 2;
    void *first = e;
    if (g(&none, &text, &e) != text || e || first == NULL) wrong = 3;
    leave(region, &dummy);
    return wrong;
}
