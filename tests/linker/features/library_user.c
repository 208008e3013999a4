/* Thread-local variables of shared libraries, here and in another thread; the C library's errno by its name. */
#include "features.h"
#include <pthread.h>
#include <stdlib.h>

#undef errno
extern __thread int errno;

static void *other(void *unused) {
    (void)unused;
    library_counter += 5;
    printf("other thread: %d %s, same: %d\n", library_counter, library_name, &library_counter == library_address());
    return NULL;
}

int main(void) {
    pthread_t thread;
    library_counter++;
    library_name[0] = 'L';
    pthread_create(&thread, NULL, other, NULL);
    pthread_join(thread, NULL);
    printf("this thread: %d %s, same: %d\n", library_counter, library_name, &library_counter == library_address());
    errno = 0;
    strtol("99999999999999999999", NULL, 10);
    printf("errno: %d\n", errno);
    return 0;
}
