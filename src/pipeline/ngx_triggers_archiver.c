
/*
 * The archiver.  The drainer asks how far the next file is to reach, and then
 * for the file; the answers go back through what the store shares with both,
 * see ngx_triggers_sqlite_retain.c.  The thread reads with a connection of its
 * own, so that neither queries nor commits wait for it.
 *
 * A file is gzip of one JSON object a line.  It is written as "NAME.tmp",
 * synced, renamed, and the directory synced: what has a name is whole.  The
 * name was committed with the range and is no other's, so that whoever has to
 * write the events again replaces that file, and never another one.
 *
 * A failure changes nothing: the events stay, and it is tried again after 2,
 * 4 and 8 seconds and then every minute.
 */


#include "ngx_triggers_archiver.h"

#include <zlib.h>


#define NGX_TRIGGERS_ARCHIVE_EVENTS  10000     /* of one file */
#define NGX_TRIGGERS_ARCHIVE_BYTES   (64 * 1024 * 1024)

#define NGX_TRIGGERS_ARCHIVE_LEVEL   4         /* of compression */
#define NGX_TRIGGERS_ARCHIVE_BUFFER  65536

#define NGX_TRIGGERS_ARCHIVE_PAUSE   60000     /* ms */

#define NGX_TRIGGERS_ARCHIVE_OPEN                                             \
    (O_WRONLY|O_CREAT|O_TRUNC|O_NOFOLLOW|O_CLOEXEC)


struct ngx_triggers_archiver_s {
    ngx_triggers_worker_t   *worker;
    ngx_thread_task_t       *task;
    ngx_triggers_archive_t  *archive;          /* shared with the drainer */

    /* of the event loop */
    ngx_msec_t               not_before;       /* ngx_current_msec */
    ngx_uint_t               failures;         /* in a row */
    unsigned                 posted:1;
    unsigned                 waits:1;          /* until not_before */

    /* of the thread while it is posted */
    ngx_int_t                rc;
    ngx_log_t               *log;
    ngx_pool_t              *pool;             /* of one event */
    ngx_triggers_reader_t   *reader;

    ngx_fd_t                 fd;               /* of the file, or -1 */
    ngx_fd_t                 dir;
    ngx_uint_t               deflating;        /* flag */
    ngx_uint_t               events;           /* in the file */
    z_stream                 stream;
    u_char                  *tmp;              /* its name meanwhile */
    u_char                  *buffer;

    ngx_err_t                err;              /* the failure … */
    const char              *call;             /* … now and … */
    ngx_err_t                logged_err;       /* … the one last logged */
    const char              *logged_call;
};


static ngx_triggers_archiver_t *ngx_triggers_archiver_create(
    ngx_triggers_worker_t *worker);
static void ngx_triggers_archiver_handler(void *data, ngx_log_t *log);
static ngx_int_t ngx_triggers_archiver_plan(ngx_triggers_archiver_t *a);
static ngx_int_t ngx_triggers_archiver_write(ngx_triggers_archiver_t *a);
static ngx_int_t ngx_triggers_archiver_event(void *data, ngx_str_t *file,
    ngx_triggers_row_t *row);
static ngx_int_t ngx_triggers_archiver_open(ngx_triggers_archiver_t *a,
    ngx_str_t *file);
static ngx_int_t ngx_triggers_archiver_deflate(ngx_triggers_archiver_t *a,
    u_char *data, size_t len, int flush);
static ngx_int_t ngx_triggers_archiver_flush(ngx_triggers_archiver_t *a);
static ngx_int_t ngx_triggers_archiver_keep(ngx_triggers_archiver_t *a,
    ngx_str_t *file);
static void ngx_triggers_archiver_close(ngx_triggers_archiver_t *a);
static ngx_int_t ngx_triggers_archiver_failed(ngx_triggers_archiver_t *a,
    ngx_err_t err, const char *call);
static void ngx_triggers_archiver_log(ngx_triggers_archiver_t *a);
static void ngx_triggers_archiver_done_handler(ngx_event_t *ev);
static ngx_uint_t ngx_triggers_archiver_turn(ngx_triggers_archive_t *archive);


void
ngx_triggers_archiver_start(ngx_triggers_worker_t *worker)
{
    ngx_triggers_archiver_t  *a;

    if (worker->archive.directory.len == 0 || ngx_exiting || ngx_terminate
        || worker->releasing)
    {
        return;
    }

    if (worker->archiver == NULL) {
        worker->archiver = ngx_triggers_archiver_create(worker);

        if (worker->archiver == NULL) {
            return;
        }
    }

    a = worker->archiver;

    if (a->posted || !ngx_triggers_archiver_turn(a->archive)) {
        return;
    }

    if (a->waits
        && (ngx_msec_int_t) (a->not_before - ngx_current_msec) > 0)
    {
        return;
    }

    a->waits = 0;

    if (ngx_thread_task_post(worker->thread_pool, a->task) == NGX_OK) {
        a->posted = 1;
    }
}


static ngx_triggers_archiver_t *
ngx_triggers_archiver_create(ngx_triggers_worker_t *worker)
{
    ngx_pool_t               *pool;
    ngx_thread_task_t        *task;
    ngx_triggers_archiver_t  *a;

    /* the cycle's pool: it lives as long as the process */

    pool = ngx_cycle->pool;

    task = ngx_thread_task_alloc(pool, sizeof(ngx_triggers_archiver_t));
    if (task == NULL) {
        return NULL;
    }

    a = task->ctx;

    /*
     * set by ngx_thread_task_alloc():
     *
     *     a->posted = 0;
     *     a->failures = 0;
     *     a->logged_err = 0;
     */

    a->worker = worker;
    a->task = task;
    a->archive = ngx_triggers_drainer_archive(worker->drainer);
    a->log = worker->log;

    a->tmp = ngx_pnalloc(pool, worker->archive.directory.len + 1
                               + NGX_TRIGGERS_ARCHIVE_NAME + sizeof(".tmp"));
    a->buffer = ngx_pnalloc(pool, NGX_TRIGGERS_ARCHIVE_BUFFER);

    if (a->tmp == NULL || a->buffer == NULL) {
        return NULL;
    }

    task->handler = ngx_triggers_archiver_handler;
    task->event.handler = ngx_triggers_archiver_done_handler;
    task->event.data = a;
    task->event.log = worker->log;

    return a;
}


/* in a thread of the pool */

static void
ngx_triggers_archiver_handler(void *data, ngx_log_t *log)
{
    ngx_triggers_archiver_t *a = data;

    a->rc = NGX_ERROR;
    a->err = 0;
    a->call = NULL;

    a->reader = ngx_triggers_reader_open(&a->worker->zone->path, a->log);
    if (a->reader == NULL) {
        return;
    }

    if (__atomic_load_n(&a->archive->state, __ATOMIC_ACQUIRE)
        == NGX_TRIGGERS_ARCHIVE_PLAN)
    {
        a->rc = ngx_triggers_archiver_plan(a);

    } else {
        a->rc = ngx_triggers_archiver_write(a);
    }

    ngx_triggers_reader_close(a->reader);
}


static ngx_int_t
ngx_triggers_archiver_plan(ngx_triggers_archiver_t *a)
{
    ngx_int_t  rc;

    rc = ngx_triggers_reader_archive_plan(a->reader, a->archive,
                                          NGX_TRIGGERS_ARCHIVE_EVENTS,
                                          NGX_TRIGGERS_ARCHIVE_BYTES);

    if (rc == NGX_OK) {
        __atomic_store_n(&a->archive->state, NGX_TRIGGERS_ARCHIVE_PLANNED,
                         __ATOMIC_RELEASE);

    } else if (rc == NGX_DECLINED) {
        __atomic_store_n(&a->archive->state, NGX_TRIGGERS_ARCHIVE_IDLE,
                         __ATOMIC_RELEASE);
    }

    return rc;
}


static ngx_int_t
ngx_triggers_archiver_write(ngx_triggers_archiver_t *a)
{
    ngx_int_t  rc;

    a->fd = NGX_INVALID_FILE;
    a->dir = NGX_INVALID_FILE;
    a->deflating = 0;
    a->events = 0;

    a->pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, a->log);
    if (a->pool == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_triggers_reader_archive(a->reader, a->archive,
                                     ngx_triggers_archiver_event, a);

    ngx_destroy_pool(a->pool);

    if (a->call) {
        ngx_triggers_archiver_log(a);
    }

    if (rc == NGX_OK) {
        __atomic_store_n(&a->archive->state, NGX_TRIGGERS_ARCHIVE_WRITTEN,
                         __ATOMIC_RELEASE);

    } else if (rc == NGX_DECLINED) {
        __atomic_store_n(&a->archive->state, NGX_TRIGGERS_ARCHIVE_IDLE,
                         __ATOMIC_RELEASE);
    }

    return rc;
}


/* takes an event, the end of the file, or the end of its lock */

static ngx_int_t
ngx_triggers_archiver_event(void *data, ngx_str_t *file,
    ngx_triggers_row_t *row)
{
    ngx_triggers_archiver_t *a = data;

    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_chain_t  *cl;

    if (file == NULL) {
        ngx_triggers_archiver_close(a);
        return NGX_OK;
    }

    if (row == NULL) {
        return ngx_triggers_archiver_keep(a, file);
    }

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return NGX_DONE;
    }

    if (a->fd == NGX_INVALID_FILE) {
        rc = ngx_triggers_archiver_open(a, file);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = a->worker->archive.line(a->pool, a->reader, row, &cl);
    if (rc != NGX_OK) {
        return rc;
    }

    for ( /* void */ ; cl; cl = cl->next) {
        b = cl->buf;

        rc = ngx_triggers_archiver_deflate(a, b->pos, b->last - b->pos,
                                           Z_NO_FLUSH);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_reset_pool(a->pool);
    a->events++;

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_archiver_open(ngx_triggers_archiver_t *a, ngx_str_t *file)
{
    ngx_str_t  *dir;

    dir = &a->worker->archive.directory;

    (void) ngx_sprintf(a->tmp, "%V/%V.tmp%Z", dir, file);

    a->dir = open((char *) dir->data, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (a->dir == NGX_INVALID_FILE) {
        return ngx_triggers_archiver_failed(a, ngx_errno,
                                            "open() of the directory");
    }

    a->fd = open((char *) a->tmp, NGX_TRIGGERS_ARCHIVE_OPEN, 0600);
    if (a->fd == NGX_INVALID_FILE) {
        return ngx_triggers_archiver_failed(a, ngx_errno, "open()");
    }

    ngx_memzero(&a->stream, sizeof(z_stream));

    /* 16: a gzip header */

    if (deflateInit2(&a->stream, NGX_TRIGGERS_ARCHIVE_LEVEL, Z_DEFLATED,
                     16 + MAX_WBITS, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY)
        != Z_OK)
    {
        return ngx_triggers_archiver_failed(a, 0, "deflateInit2()");
    }

    a->deflating = 1;
    a->stream.next_out = a->buffer;
    a->stream.avail_out = NGX_TRIGGERS_ARCHIVE_BUFFER;

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_archiver_deflate(ngx_triggers_archiver_t *a, u_char *data,
    size_t len, int flush)
{
    int  rc;

    a->stream.next_in = data;
    a->stream.avail_in = (uInt) len;

    for ( ;; ) {
        rc = deflate(&a->stream, flush);

        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            return ngx_triggers_archiver_failed(a, 0, "deflate()");
        }

        if (a->stream.avail_out == 0 || rc == Z_STREAM_END) {
            if (ngx_triggers_archiver_flush(a) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        if (rc == Z_STREAM_END
            || (flush == Z_NO_FLUSH && a->stream.avail_in == 0))
        {
            return NGX_OK;
        }
    }
}


static ngx_int_t
ngx_triggers_archiver_flush(ngx_triggers_archiver_t *a)
{
    u_char   *p, *last;
    ssize_t   n;

    last = a->buffer + NGX_TRIGGERS_ARCHIVE_BUFFER - a->stream.avail_out;

    for (p = a->buffer; p < last; p += n) {
        n = write(a->fd, p, last - p);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;
        }

        if (n == -1) {
            return ngx_triggers_archiver_failed(a, ngx_errno, "write()");
        }
    }

    a->stream.next_out = a->buffer;
    a->stream.avail_out = NGX_TRIGGERS_ARCHIVE_BUFFER;

    return NGX_OK;
}


/* from here on it is there, whatever happens to the machine */

static ngx_int_t
ngx_triggers_archiver_keep(ngx_triggers_archiver_t *a, ngx_str_t *file)
{
    if (ngx_triggers_archiver_deflate(a, NULL, 0, Z_FINISH) != NGX_OK) {
        return NGX_ERROR;
    }

    if (fsync(a->fd) == -1) {
        return ngx_triggers_archiver_failed(a, ngx_errno, "fsync()");
    }

    if (renameat(AT_FDCWD, (char *) a->tmp, a->dir, (char *) file->data)
        == -1)
    {
        return ngx_triggers_archiver_failed(a, ngx_errno, "renameat()");
    }

    if (fsync(a->dir) == -1) {
        return ngx_triggers_archiver_failed(a, ngx_errno,
                                            "fsync() of the directory");
    }

    (void) close(a->fd);
    a->fd = NGX_INVALID_FILE;

    (void) ngx_triggers_feed_log(&a->worker->zone->sh->feed,
                                 a->worker->owner.slot,
                                 NGX_TRIGGERS_LEVEL_INFO, NULL, NULL,
                                 "archive file %V of %ui events has been "
                                 "written", file, a->events);

    return NGX_OK;
}


/* a file that is not whole is removed, before another process writes it */

static void
ngx_triggers_archiver_close(ngx_triggers_archiver_t *a)
{
    if (a->deflating) {
        (void) deflateEnd(&a->stream);
    }

    if (a->fd != NGX_INVALID_FILE) {
        (void) unlink((char *) a->tmp);
        (void) close(a->fd);
    }

    if (a->dir != NGX_INVALID_FILE) {
        (void) close(a->dir);
    }
}


static ngx_int_t
ngx_triggers_archiver_failed(ngx_triggers_archiver_t *a, ngx_err_t err,
    const char *call)
{
    a->err = err;
    a->call = call;

    return NGX_ERROR;
}


/* one that goes on is said once */

static void
ngx_triggers_archiver_log(ngx_triggers_archiver_t *a)
{
    if (a->err == a->logged_err && a->call == a->logged_call) {
        return;
    }

    a->logged_err = a->err;
    a->logged_call = a->call;

    ngx_log_error(NGX_LOG_ERR, a->log, a->err,
                  "triggers store \"%V\": archive in \"%V\", %s failed, the "
                  "events are kept until it works",
                  &a->worker->zone->name, &a->worker->archive.directory,
                  a->call);

    (void) ngx_triggers_feed_log(&a->worker->zone->sh->feed,
                                 a->worker->owner.slot,
                                 NGX_TRIGGERS_LEVEL_ERROR, NULL, NULL,
                                 "the archive cannot be written, %s failed "
                                 "(%d)", a->call, a->err);
}


static void
ngx_triggers_archiver_done_handler(ngx_event_t *ev)
{
    ngx_triggers_worker_t    *worker;
    ngx_triggers_archiver_t  *a;

    a = ev->data;
    worker = a->worker;

    a->posted = 0;

    /* the state does not tell: the drainer may have gone on since */

    if (a->rc != NGX_OK && a->rc != NGX_DECLINED) {

        /* it has failed: 2, 4 and 8 seconds, then a minute */

        a->waits = 1;
        a->not_before = ngx_current_msec
                        + (a->failures < 3
                           ? (ngx_msec_t) 2000 << a->failures
                           : NGX_TRIGGERS_ARCHIVE_PAUSE);
        a->failures++;
        return;
    }

    if (a->logged_call) {
        ngx_log_error(NGX_LOG_NOTICE, worker->log, 0,
                      "triggers store \"%V\": the archive is written again",
                      &worker->zone->name);
    }

    a->failures = 0;
    a->logged_call = NULL;
    a->logged_err = 0;

    if (ngx_triggers_leading(worker) && !worker->releasing) {

        /* it is the drainer's turn, and it need not wait for a second */

        worker->housekeep = 1;
        ngx_triggers_kick(worker);

        /* or it is ours again */

        ngx_triggers_archiver_start(worker);
    }
}


static ngx_uint_t
ngx_triggers_archiver_turn(ngx_triggers_archive_t *archive)
{
    ngx_uint_t  state;

    state = __atomic_load_n(&archive->state, __ATOMIC_ACQUIRE);

    return state == NGX_TRIGGERS_ARCHIVE_PLAN
           || state == NGX_TRIGGERS_ARCHIVE_WRITE;
}
