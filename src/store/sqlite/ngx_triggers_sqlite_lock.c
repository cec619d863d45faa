
/*
 * The write lock of a database: two bytes of "PATH.lock", locked with OFD
 * locks, which belong to the descriptor, so that no other close() in the
 * process drops them, and which the kernel releases with the process.
 *
 * Byte 0 is the right to write.  Byte 1 is held by the one who waits for it;
 * whoever wants byte 0 takes byte 1 first, so a former holder cannot overtake
 * a waiter.  A waiter that has stopped asking is passed over after a second.
 */


#include "ngx_triggers_sqlite.h"

#include <sys/stat.h>


#define NGX_TRIGGERS_SQLITE_LOCK_WRITE  0
#define NGX_TRIGGERS_SQLITE_LOCK_WAIT   1

/* byte 2 is that of ngx_triggers_sqlite_backup.c */

#define NGX_TRIGGERS_SQLITE_LOCK_DELIVER  3

#define NGX_TRIGGERS_SQLITE_DEFER       1000         /* ms */


static ngx_int_t ngx_triggers_sqlite_lock_open(ngx_triggers_store_t *store);
static ngx_int_t ngx_triggers_sqlite_lock_wait(ngx_triggers_store_t *store);
static ngx_int_t ngx_triggers_sqlite_lock_same(ngx_triggers_store_t *store);
static ngx_int_t ngx_triggers_sqlite_lock_error(ngx_triggers_store_t *store,
    const char *call);


/* Takes the write lock, or the place of the waiter; never blocks. */

ngx_int_t
ngx_triggers_sqlite_lock(ngx_triggers_store_t *store)
{
    short      type;
    ngx_int_t  rc;

    if (store->locked) {
        return NGX_OK;
    }

    if (ngx_triggers_sqlite_lock_open(store) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_triggers_sqlite_lock_wait(store);

    if (rc == NGX_OK) {
        type = F_WRLCK;
        rc = ngx_triggers_sqlite_lock_byte(store->lock_fd, F_OFD_SETLK, &type,
                                           NGX_TRIGGERS_SQLITE_LOCK_WRITE);
    }

    if (rc == NGX_ERROR) {
        return ngx_triggers_sqlite_lock_error(store, "fcntl(F_OFD_SETLK)");
    }

    if (rc == NGX_AGAIN) {

        /* no fault of the store: two trees take turns many times a second */

        return NGX_AGAIN;
    }

    store->locked = 1;
    store->deferred = 0;

    type = F_UNLCK;
    (void) ngx_triggers_sqlite_lock_byte(store->lock_fd, F_OFD_SETLK, &type,
                                         NGX_TRIGGERS_SQLITE_LOCK_WAIT);
    store->waiting = 0;

    return ngx_triggers_sqlite_lock_same(store);
}


/* Releases both bytes and closes the file. */

void
ngx_triggers_sqlite_unlock(ngx_triggers_store_t *store)
{
    if (store->lock_fd == -1) {
        return;
    }

    if (close(store->lock_fd) == -1) {
        ngx_log_error(NGX_LOG_ALERT, store->log, ngx_errno,
                      "close() \"%s\" failed", store->lock_path);
    }

    store->lock_fd = -1;
    store->locked = 0;
    store->waiting = 0;
}


ngx_uint_t
ngx_triggers_store_wanted(ngx_triggers_store_t *store)
{
    short  type;

    if (!store->locked) {
        return 0;
    }

    type = F_WRLCK;

    if (ngx_triggers_sqlite_lock_byte(store->lock_fd, F_OFD_GETLK, &type,
                                      NGX_TRIGGERS_SQLITE_LOCK_WAIT)
        != NGX_OK)
    {
        return 0;
    }

    return type != F_UNLCK;
}


ngx_int_t
ngx_triggers_store_delivery_lock(ngx_str_t *path, ngx_fd_t *fd,
    ngx_log_t *log)
{
    char      *lock_path;
    short      type;
    ngx_int_t  rc;

    lock_path = ngx_triggers_sqlite_lock_path(path, log);
    if (lock_path == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    type = F_WRLCK;

    *fd = open(lock_path, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (*fd != -1) {
        rc = ngx_triggers_sqlite_lock_byte(*fd, F_OFD_SETLK, &type,
                                           NGX_TRIGGERS_SQLITE_LOCK_DELIVER);
    }

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "triggers: the right to deliver, a lock of \"%s\", "
                      "cannot be had", lock_path);
    }

    if (rc != NGX_OK && *fd != -1) {
        (void) close(*fd);
        *fd = -1;
    }

    ngx_free(lock_path);

    return rc;
}


static ngx_int_t
ngx_triggers_sqlite_lock_open(ngx_triggers_store_t *store)
{
    if (store->lock_fd != -1) {
        return NGX_OK;
    }

    store->lock_fd = open(store->lock_path, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (store->lock_fd == -1) {
        return ngx_triggers_sqlite_lock_error(store, "open()");
    }

    return NGX_OK;
}


/* NGX_OK: nobody else waits, or has waited for too long without asking */

static ngx_int_t
ngx_triggers_sqlite_lock_wait(ngx_triggers_store_t *store)
{
    short      type;
    uint64_t   now;
    ngx_int_t  rc;

    if (store->waiting) {
        return NGX_OK;
    }

    type = F_WRLCK;
    rc = ngx_triggers_sqlite_lock_byte(store->lock_fd, F_OFD_SETLK, &type,
                                       NGX_TRIGGERS_SQLITE_LOCK_WAIT);

    if (rc == NGX_OK) {
        store->waiting = 1;
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    now = ngx_triggers_monotonic_ms();

    if (store->deferred == 0) {
        store->deferred = now;
    }

    return (now - store->deferred >= NGX_TRIGGERS_SQLITE_DEFER) ? NGX_OK
                                                                : NGX_AGAIN;
}


static ngx_int_t
ngx_triggers_sqlite_lock_same(ngx_triggers_store_t *store)
{
    ngx_int_t  rc;

    rc = ngx_triggers_sqlite_lock_named(store->lock_fd, store->lock_path);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return ngx_triggers_sqlite_lock_error(store, "fstat()");
    }

    ngx_triggers_sqlite_disconnect(store);
    ngx_triggers_sqlite_unlock(store);

    return NGX_AGAIN;
}


/* the directory may have been replaced between open() and fcntl(), or since */

ngx_int_t
ngx_triggers_sqlite_lock_named(ngx_fd_t fd, const char *path)
{
    struct stat  held, named;

    if (fstat(fd, &held) == -1) {
        return NGX_ERROR;
    }

    return (stat(path, &named) == 0 && held.st_ino == named.st_ino
            && held.st_dev == named.st_dev)
           ? NGX_OK : NGX_DECLINED;
}


int
ngx_triggers_sqlite_lock_byte(ngx_fd_t fd, int cmd, short *type, off_t byte)
{
    struct flock  lock;

    ngx_memzero(&lock, sizeof(struct flock));

    lock.l_type = *type;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;

    if (fcntl(fd, cmd, &lock) == -1) {
        return (errno == EAGAIN || errno == EACCES) ? NGX_AGAIN : NGX_ERROR;
    }

    *type = lock.l_type;

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_sqlite_lock_error(ngx_triggers_store_t *store, const char *call)
{
    ngx_err_t                   err;
    ngx_triggers_store_state_e  state;

    err = ngx_errno;

    switch (err) {

    case EROFS:
        state = NGX_TRIGGERS_STORE_READ_ONLY;
        break;

    case ENOSPC:
    case EDQUOT:
        state = NGX_TRIGGERS_STORE_FULL;
        break;

    default:
        state = NGX_TRIGGERS_STORE_OPEN_FAILED;
    }

    if (ngx_triggers_sqlite_change(store, state)) {
        ngx_log_error(NGX_LOG_CRIT, store->log, err,
                      "triggers store \"%V\": %s \"%s\" failed",
                      &store->path, call, store->lock_path);
    }

    ngx_triggers_sqlite_unlock(store);

    return NGX_ERROR;
}
