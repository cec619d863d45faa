
/*
 * The read path: jobs that run in the thread pool, each on one of a fixed
 * number of read-only connections of this worker.  A job that finds none free
 * waits in a bounded queue.  Connections are opened by the first job that
 * needs them, and again after a change of leaders, as the database may be
 * another one since.
 *
 * A job that may take minutes has a task of its own beside these, so that it
 * keeps no query waiting, and a connection that is closed after it.
 *
 * Jobs that need no connection to the store have readers of their own: they
 * neither wait for the store nor behind those who do.  They are about logs,
 * and wait, just after the start, for the logger's first run.  Nobody waits in
 * a thread for that, since it may be the only one, which the logger needs.
 */


#include "ngx_triggers_worker.h"
#include "ngx_triggers_clock.h"


#define NGX_TRIGGERS_GATE_PAUSE   1        /* ms */
#define NGX_TRIGGERS_GATE_PAUSES  100

/* how long jobs wait for the store to be opened for the first time */

#define NGX_TRIGGERS_START_TIME  5000      /* ms */
#define NGX_TRIGGERS_START_LOGS  1000      /* ms, of the logger */


typedef struct {
    ngx_triggers_readers_t  *readers;
    ngx_triggers_job_t      *job;              /* NULL: free */
    ngx_triggers_reader_t   *reader;
    uint64_t                 leaders;          /* when it was opened */
} ngx_triggers_read_ctx_t;


struct ngx_triggers_readers_s {
    ngx_triggers_worker_t   *worker;
    ngx_uint_t               storeless;        /* flag */
    ngx_queue_t              waiting;
    ngx_uint_t               nwaiting;
    ngx_uint_t               nbusy;
    ngx_msec_t               created;
    ngx_thread_task_t      **tasks;            /* the last one is for jobs
                                                  apart */
    ngx_triggers_job_t      *apart;            /* that runs or waits for the
                                                  store to be opened */
};


static ngx_int_t ngx_triggers_readers_state(ngx_triggers_readers_t *readers);
static ngx_int_t ngx_triggers_readers_apart(ngx_triggers_readers_t *readers,
    ngx_triggers_job_t *job);
static ngx_int_t ngx_triggers_readers_start_apart(
    ngx_triggers_readers_t *readers);
static void ngx_triggers_readers_resume_apart(ngx_triggers_readers_t *readers);
static ngx_triggers_job_t *ngx_triggers_readers_pop(
    ngx_triggers_readers_t *readers);
static void ngx_triggers_readers_next(ngx_triggers_readers_t *readers,
    ngx_thread_task_t *task);
static ngx_int_t ngx_triggers_readers_start(ngx_triggers_readers_t *readers,
    ngx_thread_task_t *task, ngx_triggers_job_t *job);
static void ngx_triggers_read_handler(void *data, ngx_log_t *log);
static ngx_int_t ngx_triggers_read_open(ngx_triggers_read_ctx_t *ctx,
    ngx_log_t *log);
static void ngx_triggers_read_gate(ngx_triggers_zone_sh_t *sh);
static void ngx_triggers_read_done_handler(ngx_event_t *ev);


ngx_triggers_readers_t *
ngx_triggers_readers_create(ngx_triggers_worker_t *worker,
    ngx_uint_t storeless)
{
    ngx_pool_t               *pool;
    ngx_uint_t                i;
    ngx_thread_task_t        *task;
    ngx_triggers_readers_t   *readers;
    ngx_triggers_read_ctx_t  *ctx;

    pool = ngx_cycle->pool;

    readers = ngx_pcalloc(pool, sizeof(ngx_triggers_readers_t));
    if (readers == NULL) {
        return NULL;
    }

    readers->worker = worker;
    readers->storeless = storeless;
    readers->created = ngx_current_msec;
    ngx_queue_init(&readers->waiting);

    readers->tasks = ngx_pcalloc(pool, (worker->nreaders + 1)
                                       * sizeof(ngx_thread_task_t *));
    if (readers->tasks == NULL) {
        return NULL;
    }

    for (i = 0; i <= worker->nreaders; i++) {
        task = ngx_thread_task_alloc(pool, sizeof(ngx_triggers_read_ctx_t));
        if (task == NULL) {
            return NULL;
        }

        ctx = task->ctx;
        ctx->readers = readers;

        task->handler = ngx_triggers_read_handler;
        task->event.handler = ngx_triggers_read_done_handler;
        task->event.data = task;
        task->event.log = worker->log;

        readers->tasks[i] = task;
    }

    return readers;
}


ngx_int_t
ngx_triggers_read(ngx_triggers_worker_t *worker, ngx_triggers_job_t *job)
{
    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_triggers_readers_t   *readers;
    ngx_triggers_read_ctx_t  *ctx;

    if (worker->wake == NULL) {
        return NGX_ERROR;
    }

    readers = job->storeless ? worker->storeless : worker->readers;

    rc = ngx_triggers_readers_state(readers);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (job->apart) {
        return ngx_triggers_readers_apart(readers, job);
    }

    if (rc == NGX_OK && readers->nbusy < worker->nreaders) {

        for (i = 0; i < worker->nreaders; i++) {
            ctx = readers->tasks[i]->ctx;

            if (ctx->job == NULL) {
                return ngx_triggers_readers_start(readers, readers->tasks[i],
                                                  job);
            }
        }
    }

    if (readers->nwaiting >= worker->zone->sh->nresults) {
        return NGX_BUSY;
    }

    ngx_queue_insert_tail(&readers->waiting, &job->queue);
    readers->nwaiting++;

    ngx_triggers_worker_guard(worker);

    return NGX_OK;
}


ngx_uint_t
ngx_triggers_readers_busy(ngx_triggers_readers_t *readers)
{
    return readers->nbusy || readers->nwaiting
           || readers->apart != NULL;
}


void
ngx_triggers_readers_count(ngx_triggers_readers_t *readers, ngx_uint_t *busy,
    ngx_uint_t *waiting)
{
    *busy = readers->nbusy + (readers->apart != NULL);
    *waiting = readers->nwaiting;
}


void
ngx_triggers_readers_resume(ngx_triggers_readers_t *readers)
{
    ngx_int_t            rc;
    ngx_uint_t           i;
    ngx_triggers_job_t  *job;

    ngx_triggers_readers_resume_apart(readers);

    if (readers->nwaiting == 0) {
        return;
    }

    rc = ngx_triggers_readers_state(readers);

    if (rc == NGX_OK) {
        for (i = 0; i < readers->worker->nreaders; i++) {
            ngx_triggers_readers_next(readers, readers->tasks[i]);
        }

        return;
    }

    if (rc == NGX_AGAIN) {
        return;
    }

    for (i = readers->nwaiting; i; i--) {
        job = ngx_triggers_readers_pop(readers);
        job->rc = NGX_ERROR;
        job->done(job);
    }
}


void
ngx_triggers_readers_close(ngx_triggers_readers_t *readers)
{
    ngx_uint_t                i;
    ngx_triggers_read_ctx_t  *ctx;

    for (i = 0; i <= readers->worker->nreaders; i++) {
        ctx = readers->tasks[i]->ctx;

        if (ctx->reader) {
            ngx_triggers_reader_close(ctx->reader);
            ctx->reader = NULL;
        }
    }
}


/*
 * NGX_OK: the store, or the logs, can be read; NGX_AGAIN: it is being opened
 * for the first time, which takes a moment after nginx has started; NGX_ERROR:
 * that failed.
 */

static ngx_int_t
ngx_triggers_readers_state(ngx_triggers_readers_t *readers)
{
    ngx_triggers_zone_sh_t  *sh;

    sh = readers->worker->zone->sh;

    if (readers->storeless) {
        return (__atomic_load_n(&sh->log_state, __ATOMIC_RELAXED)
                == NGX_TRIGGERS_LOG_STARTING
                && ngx_current_msec - readers->created
                   < NGX_TRIGGERS_START_LOGS)
               ? NGX_AGAIN : NGX_OK;
    }

    if (__atomic_load_n(&sh->readable, __ATOMIC_ACQUIRE)) {
        return NGX_OK;
    }

    if (__atomic_load_n(&sh->state, __ATOMIC_RELAXED)
        == NGX_TRIGGERS_STORE_STARTING
        && ngx_current_msec - readers->created
           < NGX_TRIGGERS_START_TIME)
    {
        return NGX_AGAIN;
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_triggers_readers_apart(ngx_triggers_readers_t *readers,
    ngx_triggers_job_t *job)
{
    ngx_int_t  rc;

    if (readers->apart) {
        return NGX_DECLINED;
    }

    readers->apart = job;
    rc = NGX_OK;

    if (ngx_triggers_readers_state(readers) == NGX_OK) {
        rc = ngx_triggers_readers_start_apart(readers);
    }

    ngx_triggers_worker_guard(readers->worker);

    return rc;
}


static ngx_int_t
ngx_triggers_readers_start_apart(ngx_triggers_readers_t *readers)
{
    ngx_thread_task_t        *task;
    ngx_triggers_read_ctx_t  *ctx;

    task = readers->tasks[readers->worker->nreaders];

    ctx = task->ctx;
    ctx->job = readers->apart;

    if (ngx_thread_task_post(readers->worker->thread_pool, task) != NGX_OK) {
        ctx->job = NULL;
        readers->apart = NULL;
        return NGX_BUSY;
    }

    return NGX_OK;
}


/* one that has waited for the store to be opened */

static void
ngx_triggers_readers_resume_apart(ngx_triggers_readers_t *readers)
{
    ngx_int_t                 rc;
    ngx_triggers_job_t       *job;
    ngx_triggers_read_ctx_t  *ctx;

    job = readers->apart;
    ctx = readers->tasks[readers->worker->nreaders]->ctx;

    if (job == NULL || ctx->job) {
        return;
    }

    rc = ngx_triggers_readers_state(readers);

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_OK) {
        rc = ngx_triggers_readers_start_apart(readers);
    }

    if (rc != NGX_OK) {
        readers->apart = NULL;
        job->rc = rc;
        job->done(job);
    }
}


static ngx_triggers_job_t *
ngx_triggers_readers_pop(ngx_triggers_readers_t *readers)
{
    ngx_queue_t  *q;

    q = ngx_queue_head(&readers->waiting);
    ngx_queue_remove(q);
    readers->nwaiting--;

    return ngx_queue_data(q, ngx_triggers_job_t, queue);
}


/* gives a free reader the job that has waited longest */

static void
ngx_triggers_readers_next(ngx_triggers_readers_t *readers,
    ngx_thread_task_t *task)
{
    ngx_triggers_job_t       *job;
    ngx_triggers_read_ctx_t  *ctx;

    ctx = task->ctx;

    while (ctx->job == NULL && readers->nwaiting) {
        job = ngx_triggers_readers_pop(readers);

        if (ngx_triggers_readers_start(readers, task, job) != NGX_OK) {
            job->rc = NGX_BUSY;
            job->done(job);
        }
    }
}


static ngx_int_t
ngx_triggers_readers_start(ngx_triggers_readers_t *readers,
    ngx_thread_task_t *task, ngx_triggers_job_t *job)
{
    ngx_triggers_read_ctx_t  *ctx;

    ctx = task->ctx;
    ctx->job = job;

    if (ngx_thread_task_post(readers->worker->thread_pool, task) != NGX_OK) {
        ctx->job = NULL;
        return NGX_BUSY;
    }

    readers->nbusy++;

    ngx_triggers_worker_guard(readers->worker);

    return NGX_OK;
}


/* in a thread of the pool */

static void
ngx_triggers_read_handler(void *data, ngx_log_t *log)
{
    ngx_triggers_read_ctx_t *ctx = data;

    if (ctx->readers->storeless) {
        ctx->job->rc = ctx->job->run(ctx->job, NULL);
        return;
    }

    ngx_triggers_read_gate(ctx->readers->worker->zone->sh);

    ctx->job->rc = ngx_triggers_read_open(ctx, log);

    if (ctx->job->rc == NGX_OK) {
        ctx->job->rc = ctx->job->run(ctx->job, ctx->reader);
    }

    if (ctx->job->apart && ctx->reader) {
        ngx_triggers_reader_close(ctx->reader);
        ctx->reader = NULL;
    }
}


static ngx_int_t
ngx_triggers_read_open(ngx_triggers_read_ctx_t *ctx, ngx_log_t *log)
{
    uint64_t              leaders;
    ngx_triggers_zone_t  *zone;

    zone = ctx->readers->worker->zone;
    leaders = __atomic_load_n(&zone->sh->leaders, __ATOMIC_ACQUIRE);

    if (ctx->reader && ctx->leaders != leaders) {
        ngx_triggers_reader_close(ctx->reader);
        ctx->reader = NULL;
    }

    if (ctx->reader == NULL) {
        ctx->reader = ngx_triggers_reader_open(&zone->path, log);
        ctx->leaders = leaders;
    }

    return ctx->reader ? NGX_OK : NGX_ERROR;
}


/*
 * Readers that follow each other without a gap keep the WAL from being
 * restarted, and it grows.  Above a size the leader asks new ones to wait
 * until it has caught up.
 */

static void
ngx_triggers_read_gate(ngx_triggers_zone_sh_t *sh)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_GATE_PAUSES; i++) {

        if (__atomic_load_n(&sh->gate, __ATOMIC_RELAXED)
            <= ngx_triggers_monotonic_ms())
        {
            break;
        }

        ngx_msleep(NGX_TRIGGERS_GATE_PAUSE);
    }
}


static void
ngx_triggers_read_done_handler(ngx_event_t *ev)
{
    ngx_thread_task_t        *task;
    ngx_triggers_job_t       *job;
    ngx_triggers_readers_t   *readers;
    ngx_triggers_read_ctx_t  *ctx;

    task = ev->data;
    ctx = task->ctx;
    readers = ctx->readers;

    job = ctx->job;
    ctx->job = NULL;

    if (job->apart) {
        readers->apart = NULL;

    } else {
        readers->nbusy--;
        ngx_triggers_readers_next(readers, task);
    }

    job->done(job);
}
