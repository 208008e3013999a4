/* C without a library, for compilers of machines that have none here: what generated code refers to. */
typedef unsigned long size_t;

extern int external_data;
extern int external_function(int, double);
extern void *weak_external __attribute__((weak));
static int counter;
int common_like;
const char *const strings[] = {"one", "two", "three"};
static const int table[] = {1, 2, 3, 4, 5, 6, 7, 8};
__thread int thread_value = 3;
static __thread char thread_zeros[64];
extern __thread int external_thread_value __attribute__((weak));

struct node {
    struct node *next;
    int value;
};

static struct node second = {0, 2};
static struct node first = {&second, 1};

static int walk(const struct node *n) {
    int sum = 0;
    for (; n; n = n->next) sum += n->value;
    return sum;
}

static int choose(int n) {
    switch (n) {
    case 0: return external_function(1, 1.5);
    case 1: return walk(&first);
    case 2: return table[counter & 7];
    case 3: return thread_value;
    case 4: return thread_zeros[counter & 63];
    case 5: return strings[counter % 3][0];
    case 6: return external_data;
    default: return weak_external != 0;
    }
}

__attribute__((constructor)) static void before(void) { counter = 5; }

__attribute__((weak)) int replaceable(int n) { return n; }

int run(int n) {
    int sum = 0;
    for (int i = 0; i < n; i++) {
        sum += choose(i) + replaceable(i);
        common_like += sum;
        counter++;
    }
    return sum;
}
