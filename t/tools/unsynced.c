
/*
 * What a power cut does to a database, for the fault suite: a library that is
 * preloaded into nginx, remembers what every write to a database or its WAL
 * has overwritten until the file is synced, and, at the sync whose number
 * stands in the file UNSYNCED_CONTROL, takes all writes back that were not
 * synced yet and kills the whole process group.  A plain kill -9 cannot tell
 * synchronous=FULL from OFF, since the page cache survives it.
 *
 * Syncs are counted in each process from the moment the control file has a
 * number in it.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


typedef struct write_s  write_t;

struct write_s {
    write_t         *next;               /* the one before it */
    int              fd;
    off_t            offset;
    off_t            size;               /* of the file before it */
    size_t           len;                /* of what was there */
    unsigned char    old[];
};


static write_t          *writes;
static long              syncs;
static pthread_mutex_t   mutex = PTHREAD_MUTEX_INITIALIZER;


static int
is_database(int fd)
{
    char     link[64], path[4096];
    ssize_t  n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);

    n = readlink(link, path, sizeof(path) - 1);
    if (n < 0) {
        return 0;
    }

    path[n] = '\0';

    return (n > 3 && strcmp(path + n - 3, ".db") == 0)
           || (n > 7 && strcmp(path + n - 7, ".db-wal") == 0);
}


static long
control(void)
{
    int    fd;
    char   text[32];
    long   n;
    char  *name;

    name = getenv("UNSYNCED_CONTROL");
    if (name == NULL) {
        return 0;
    }

    fd = open(name, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, text, sizeof(text) - 1);
    close(fd);

    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    return atol(text);
}


ssize_t
pwrite64(int fd, const void *buf, size_t len, off_t offset)
{
    ssize_t       n;
    write_t      *w;
    struct stat   st;

    static ssize_t (*next)(int, const void *, size_t, off_t);

    if (next == NULL) {
        *(void **) &next = dlsym(RTLD_NEXT, "pwrite64");
    }

    if (!is_database(fd)) {
        return next(fd, buf, len, offset);
    }

    pthread_mutex_lock(&mutex);

    w = malloc(sizeof(write_t) + len);
    fstat(fd, &st);
    n = pread(fd, w->old, len, offset);

    w->fd = fd;
    w->offset = offset;
    w->size = st.st_size;
    w->len = n > 0 ? n : 0;
    w->next = writes;
    writes = w;

    n = next(fd, buf, len, offset);

    pthread_mutex_unlock(&mutex);

    return n;
}


/* the newest first, so that the oldest contents win */

static void
power_cut(void)
{
    write_t  *w;

    ssize_t (*write_back)(int, const void *, size_t, off_t);

    *(void **) &write_back = dlsym(RTLD_NEXT, "pwrite64");

    for (w = writes; w; w = w->next) {
        if (write_back(w->fd, w->old, w->len, w->offset) != (ssize_t) w->len
            || ftruncate(w->fd, w->size) == -1)
        {
            abort();
        }
    }

    kill(0, SIGKILL);
    pause();
}


int
fdatasync(int fd)
{
    long       at;
    write_t  **p, *w;

    static int (*next)(int);

    if (next == NULL) {
        *(void **) &next = dlsym(RTLD_NEXT, "fdatasync");
    }

    if (is_database(fd)) {
        pthread_mutex_lock(&mutex);

        at = control();

        if (at && ++syncs >= at) {
            power_cut();
        }

        for (p = &writes; *p; /* void */ ) {
            w = *p;

            if (w->fd == fd) {
                *p = w->next;
                free(w);
                continue;
            }

            p = &w->next;
        }

        pthread_mutex_unlock(&mutex);
    }

    return next(fd);
}
