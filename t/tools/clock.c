
/*
 * Another time of day, for the fault suite: a library that is preloaded into
 * nginx.  The file CLOCK_OFFSET has 8 bytes, a number of seconds in the
 * machine's order, which are added to the wall clock of all processes that were
 * started with it, as soon as they are written.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static int64_t  *offset;


/* it is mapped before nginx clears its environment, and kept by its workers */

static void  __attribute__((constructor))
map_offset(void)
{
    int    fd;
    char  *path;
    void  *p;

    path = getenv("CLOCK_OFFSET");
    fd = path ? open(path, O_RDONLY|O_CLOEXEC) : -1;

    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED) {
        offset = p;
    }

    close(fd);
}


static time_t
seconds(void)
{
    return offset ? (time_t) __atomic_load_n(offset, __ATOMIC_RELAXED) : 0;
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int  rc;

    static int (*next)(clockid_t, struct timespec *);

    if (next == NULL) {
        *(void **) &next = dlsym(RTLD_NEXT, "clock_gettime");
    }

    rc = next(id, ts);

    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        ts->tv_sec += seconds();
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    int  rc;

    static int (*next)(struct timeval *, void *);

    if (next == NULL) {
        *(void **) &next = dlsym(RTLD_NEXT, "gettimeofday");
    }

    rc = next(tv, tz);

    if (rc == 0) {
        tv->tv_sec += seconds();
    }

    return rc;
}
