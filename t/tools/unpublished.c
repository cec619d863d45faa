
/*
 * Kills a writer in the instant between its commit and everything that tells
 * of it, for the fault suite: a library that is preloaded into nginx.
 *
 * A commit that is to last syncs the WAL, makes its frames known in the shared
 * memory, and then gives the byte of the write lock back, which lies at 120 in
 * the file of that memory ("WAL-Index Locks" in SQLite's walformat.html).
 * Whoever does so after a sync of its own, while the file UNPUBLISHED_CONTROL
 * exists, removes that file and dies with its process.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>


#define WRITE_LOCK  120


static __thread int  synced;


int
fdatasync(int fd)
{
    static int (*next)(int);

    if (next == NULL) {
        *(void **) &next = dlsym(RTLD_NEXT, "fdatasync");
    }

    synced = 1;

    return next(fd);
}


int
fcntl64(int fd, int cmd, ...)
{
    int            rc;
    char          *control;
    void          *arg;
    va_list        args;
    struct flock  *lock;

    static int (*next)(int, int, ...);

    if (next == NULL) {
        *(void **) &next = dlsym(RTLD_NEXT, "fcntl64");
    }

    va_start(args, cmd);
    arg = va_arg(args, void *);
    va_end(args);

    rc = next(fd, cmd, arg);

    if (cmd != F_SETLK || !synced) {
        return rc;
    }

    lock = arg;

    if (lock->l_type != F_UNLCK || lock->l_start != WRITE_LOCK) {
        return rc;
    }

    synced = 0;
    control = getenv("UNPUBLISHED_CONTROL");

    if (control && unlink(control) == 0) {
        kill(getpid(), SIGKILL);
        pause();
    }

    return rc;
}
