/* Stack unwinding through linked code: backtraces, and cleanups that run when a thread ends in the middle. Compiled with -fexceptions. */
#include <pthread.h>
#include <stdio.h>
#include <unwind.h>

static int cleaned;

static void clean(int *n) { cleaned = cleaned * 10 + *n; }

__attribute__((noinline)) static void deep(int n) {
    __attribute__((cleanup(clean))) int here = n;
    if (n == 3) pthread_exit(&cleaned);
    deep(n + 1);
}

static void *start(void *unused) {
    (void)unused;
    deep(1);
    return NULL;
}

struct trace {
    int depth;
    unsigned long last;
};

static _Unwind_Reason_Code frame(struct _Unwind_Context *context, void *argument) {
    struct trace *trace = argument;
    trace->depth++;
    trace->last = _Unwind_GetIP(context);
    return _URC_NO_REASON;
}

__attribute__((noinline)) static int depth(int n) {
    if (n > 0) return depth(n - 1) + (cleaned & 0);
    struct trace trace = {0, 0};
    _Unwind_Backtrace(frame, &trace);
    return trace.depth;
}

int main(void) {
    pthread_t thread;
    void *result;
    int near = depth(0), far = depth(5);
    printf("five more frames: %d\n", far - near);
    if (pthread_create(&thread, NULL, start, NULL) || pthread_join(thread, &result)) return 1;
    printf("cleaned up in order: %d\n", *(int *)result);
    return 0;
}
