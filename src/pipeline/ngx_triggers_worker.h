
/*
 * One worker process's end of one store: its slot in the zone, the socket
 * that wakes it, the requests that wait for a commit, the readers, and, when
 * it is the leader, the drainer.
 *
 * A worker struct is made with the configuration, once for each store, and is
 * brought to life in each worker process by init_process.  All functions here
 * belong to the event loop, but for the handlers of jobs that say otherwise.
 */


#ifndef _NGX_TRIGGERS_WORKER_H_INCLUDED_
#define _NGX_TRIGGERS_WORKER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_thread_pool.h>

#include "ngx_triggers_deliverer.h"
#include "ngx_triggers_drainer.h"
#include "ngx_triggers_logs.h"


typedef struct ngx_triggers_worker_s   ngx_triggers_worker_t;
typedef struct ngx_triggers_waiter_s   ngx_triggers_waiter_t;
typedef struct ngx_triggers_job_s      ngx_triggers_job_t;
typedef struct ngx_triggers_poll_s     ngx_triggers_poll_t;
typedef struct ngx_triggers_readers_s  ngx_triggers_readers_t;
typedef struct ngx_triggers_archiver_s  ngx_triggers_archiver_t;
typedef struct ngx_triggers_logger_s   ngx_triggers_logger_t;
typedef struct ngx_triggers_outcomes_s  ngx_triggers_outcomes_t;


/* set by the configuration */

typedef struct {
    ngx_str_t                directory;        /* terminated; len 0: none */

    /*
     * Writes an event's line into buffers of the pool, in the archiver's
     * thread, which may read more of it with the reader.
     */
    ngx_int_t              (*line)(ngx_pool_t *pool,
                                   ngx_triggers_reader_t *reader,
                                   ngx_triggers_row_t *row,
                                   ngx_chain_t **cl);
} ngx_triggers_archive_conf_t;


/* likewise: which logs are stored */

typedef struct {
    ngx_str_t                path;             /* of their database,
                                                  terminated; len 0: none
                                                  are */
    ngx_uint_t               level;            /* this one and above … */
    ngx_uint_t               sample;           /* … below warn one in so
                                                  many … */
    ngx_uint_t               rate;             /* … and at most so many a
                                                  second, 0: any */
    ngx_triggers_logs_limits_t  limits;
} ngx_triggers_logger_conf_t;


struct ngx_triggers_worker_s {
    /* set by the configuration */
    ngx_triggers_zone_t     *zone;
    ngx_thread_pool_t       *thread_pool;
    ngx_triggers_drainer_conf_t  drainer_conf;
    ngx_triggers_deliverer_conf_t  deliverer_conf;
    ngx_uint_t               nreaders;
    size_t                   body_memory;      /* bytes of bodies at once */
    ngx_triggers_archive_conf_t  archive;
    ngx_triggers_logger_conf_t  logger_conf;

    /* of the process, set by init_process */
    ngx_log_t               *log;
    ngx_connection_t        *wake;             /* NULL: no slot */
    ngx_triggers_owner_t     owner;            /* the slot */
    size_t                   body_bytes;       /* buffered now */
    ngx_uint_t               nstreams;         /* open now */

    ngx_triggers_waiter_t   *waiters;          /* sh->nresults of them */
    ngx_queue_t              free;
    ngx_queue_t              waiting;          /* by position */
    ngx_uint_t               nwaiting;         /* of them with a handler */

    ngx_queue_t              polls;
    ngx_uint_t               npolls;

    ngx_event_t              guard;            /* while anything waits */
    ngx_event_t              tick;             /* election, housekeeping */
    ngx_connection_t         dummy;            /* for the timers' logging */

    ngx_socket_t             lead_fd;          /* leadership, or -1 */
    ngx_triggers_drainer_t  *drainer;          /* made by the first election */
    ngx_thread_task_t       *task;             /* that runs it */
    ngx_event_t              retry;            /* delayed run */
    ngx_uint_t               ticks;
    uint64_t                 batches;          /* at the last tick */
    unsigned                 homeless:1;       /* no slot, and logged so */
    unsigned                 draining:1;       /* the task is posted */
    unsigned                 kicked:1;         /* run again when it is done */
    unsigned                 housekeep:1;      /* the next run is a tick */
    unsigned                 rest:1;           /* then give the lock up */
    unsigned                 releasing:1;      /* give leadership up */
    unsigned                 exited:1;         /* the pool has ended: it takes
                                                  no task any more */

    ngx_triggers_readers_t  *readers;
    ngx_triggers_readers_t  *storeless;        /* of jobs that need no
                                                  connection to the store */
    ngx_triggers_archiver_t *archiver;         /* made when it is needed */
    ngx_triggers_logger_t   *logger;           /* likewise */

    ngx_triggers_deliverer_t  *deliverer;      /* as drainer */
    ngx_triggers_outcomes_t  *outcomes;        /* its, on their way */
};


/* Life of the process.  init never fails: it may leave a worker degraded. */

void ngx_triggers_worker_init(ngx_triggers_worker_t *worker,
    ngx_cycle_t *cycle);
void ngx_triggers_worker_exit(ngx_triggers_worker_t *worker);


/*
 * What is called when a record's fate is known: NGX_OK with the result of its
 * commit; NGX_ERROR when its outcome is unknown, as the store did not commit
 * it in time.  The waiter is gone when it is called.
 */

typedef void (*ngx_triggers_waiter_pt)(void *data, ngx_int_t rc,
    ngx_triggers_result_t *result);


struct ngx_triggers_waiter_s {
    ngx_queue_t              queue;
    ngx_triggers_worker_t   *worker;
    uint64_t                 position;         /* to be committed */
    uint64_t                 submitted;        /* CLOCK_MONOTONIC, us */
    ngx_msec_t               deadline;
    ngx_triggers_waiter_pt   handler;          /* NULL: nobody waits */
    void                    *data;

    /* of a batch: where its codes go, and the results that hold them */
    u_char                  *codes;
    ngx_uint_t               ncodes;
    ngx_uint_t               ncells;
    uint32_t                 cells[NGX_TRIGGERS_CELLS_MAX];
};


/*
 * Hands a batch to the drainer, often of one mutation; its strings are copied.
 * With a handler it is waited for, at most timeout ms, and *waiter is set;
 * without one it is only queued.  batch->codes is written before the handler
 * is called, and no more after the waiter was abandoned.  NGX_OK; NGX_BUSY: no
 * room in the ring, or too many wait already; NGX_DECLINED: the batch is
 * larger than the ring could ever take, or needs more results than there are;
 * NGX_ERROR: this worker has no slot, or the store could not be opened since
 * nginx has started.
 */

ngx_int_t ngx_triggers_submit(ngx_triggers_worker_t *worker,
    ngx_triggers_batch_t *batch, ngx_triggers_waiter_pt handler, void *data,
    ngx_msec_t timeout, ngx_triggers_waiter_t **waiter);

/* The client has gone: nobody is called.  What was submitted stays so. */

void ngx_triggers_waiter_abandon(ngx_triggers_waiter_t *waiter);


/*
 * A job on a read-only connection to the store.  run is called in a thread of
 * the pool and may touch the job, what the job owns, and the reader; done is
 * called in the event loop afterwards, unless the process is ending.  rc is
 * what run returned, or NGX_ERROR where no reader could be opened.
 */

struct ngx_triggers_job_s {
    ngx_queue_t              queue;
    ngx_int_t              (*run)(ngx_triggers_job_t *job,
                                  ngx_triggers_reader_t *reader);
    void                   (*done)(ngx_triggers_job_t *job);
    ngx_int_t                rc;
    unsigned                 apart:1;          /* takes long: has a connection
                                                  of its own */
    unsigned                 storeless:1;      /* needs none, run gets NULL */
};


/*
 * NGX_OK: the job runs or waits, for a reader or for the store to be opened
 * for the first time; NGX_BUSY: too many wait; NGX_ERROR: the store cannot be
 * read; NGX_DECLINED: this process has a job apart already.
 */

ngx_int_t ngx_triggers_read(ngx_triggers_worker_t *worker,
    ngx_triggers_job_t *job);


/*
 * Waits for a change of the events of an owner, or of anybody.  The
 * generation is read first, then the caller looks, and only then polls.  The
 * handler is called once, when something may have changed or when the process
 * is to end, unless the poll was cancelled before; user_id has to live as
 * long.  NGX_OK; NGX_AGAIN: it has changed since; NGX_DECLINED: nothing can be
 * waited for, the process is ending.
 */

struct ngx_triggers_poll_s {
    ngx_queue_t              queue;
    ngx_triggers_worker_t   *worker;           /* NULL: is not waiting */
    ngx_str_t                user_id;
    ngx_uint_t               any_owner;        /* flag */
    uint64_t                 generation;
    void                   (*handler)(void *data);
    void                    *data;
};


uint64_t ngx_triggers_poll_generation(ngx_triggers_worker_t *worker,
    ngx_str_t *user_id, ngx_uint_t any_owner);
ngx_int_t ngx_triggers_poll(ngx_triggers_worker_t *worker,
    ngx_triggers_poll_t *poll);
void ngx_triggers_poll_cancel(ngx_triggers_poll_t *poll);


/*
 * Between the files of this room; in the event loop.
 *
 * Polls: calls those whose owner has something new; calls all, at the end.
 */

void ngx_triggers_polls_wake(ngx_triggers_worker_t *worker);
void ngx_triggers_polls_end(ngx_triggers_worker_t *worker);

/*
 * Outcomes of deliveries: with the first leadership, NGX_ERROR: no memory;
 * submits what there is; the worker is to lead no more; the process ends.
 */

ngx_int_t ngx_triggers_delivery_prepare(ngx_triggers_worker_t *worker);
void ngx_triggers_delivery_look(ngx_triggers_worker_t *worker);
void ngx_triggers_delivery_resign(ngx_triggers_worker_t *worker);
void ngx_triggers_delivery_exit(ngx_triggers_worker_t *worker);

/* Keeps a worker that shuts down alive while somebody waits. */

void ngx_triggers_worker_guard(ngx_triggers_worker_t *worker);

/* Waiters: calls those whose record is committed, or whose time is over. */

void ngx_triggers_waiters_wake(ngx_triggers_worker_t *worker);
void ngx_triggers_waiters_expire(ngx_triggers_worker_t *worker);

/*
 * Leadership: is it this worker?  Becomes the leader if nobody is; makes the
 * drainer run, now or again; once a tick; gives it up; the process ends.
 */

ngx_uint_t ngx_triggers_leading(ngx_triggers_worker_t *worker);
void ngx_triggers_lead(ngx_triggers_worker_t *worker);
void ngx_triggers_kick(ngx_triggers_worker_t *worker);
void ngx_triggers_leader_tick(ngx_triggers_worker_t *worker);
void ngx_triggers_resign(ngx_triggers_worker_t *worker);
void ngx_triggers_leader_exit(ngx_triggers_worker_t *worker);

/*
 * Readers, those of the store or the storeless: NULL, no memory; has one work,
 * or work to come?  How many; goes on with jobs that wait; closes their
 * connections, when no thread runs.
 */

ngx_triggers_readers_t *ngx_triggers_readers_create(
    ngx_triggers_worker_t *worker, ngx_uint_t storeless);
ngx_uint_t ngx_triggers_readers_busy(ngx_triggers_readers_t *readers);
void ngx_triggers_readers_count(ngx_triggers_readers_t *readers,
    ngx_uint_t *busy, ngx_uint_t *waiting);
void ngx_triggers_readers_resume(ngx_triggers_readers_t *readers);
void ngx_triggers_readers_close(ngx_triggers_readers_t *readers);


#endif /* _NGX_TRIGGERS_WORKER_H_INCLUDED_ */
