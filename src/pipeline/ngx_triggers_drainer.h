
/*
 * The drainer: moves records from the ring of a zone into its store.  At most
 * one worker of a tree, the leader, has one that runs; it runs as a task of a
 * thread pool, for a bounded time, and is posted again.
 *
 * Everything here but the two functions that say otherwise is called by one
 * thread at a time: by the task, or by exit_process when the pool has ended.
 */


#ifndef _NGX_TRIGGERS_DRAINER_H_INCLUDED_
#define _NGX_TRIGGERS_DRAINER_H_INCLUDED_


#include "ngx_triggers_deliverer.h"
#include "ngx_triggers_store.h"
#include "ngx_triggers_zone.h"


#define NGX_TRIGGERS_DRAIN_TIME  50        /* ms that one run may take */


typedef struct ngx_triggers_drainer_s  ngx_triggers_drainer_t;


/* set by the configuration */

typedef struct {
    ngx_uint_t               batch_records;
    size_t                   batch_bytes;
    ngx_msec_t               idempotency_ttl;  /* of keys */
    ngx_triggers_retention_t retention;
    ngx_array_t             *webhooks;         /* of ngx_triggers_webhook_t,
                                                  those of the configuration;
                                                  NULL: none */
    ngx_triggers_schedule_t  retry_schedule;   /* of steps */
} ngx_triggers_drainer_conf_t;


/* Event loop, before the first run.  NULL when there is no memory. */

ngx_triggers_drainer_t *ngx_triggers_drainer_create(
    ngx_triggers_zone_t *zone, ngx_triggers_drainer_conf_t *conf,
    ngx_triggers_owner_t *owner, ngx_socket_t fd, ngx_log_t *log);

/* Before the first run: who is to be told what has been committed. */

void ngx_triggers_drainer_watch(ngx_triggers_drainer_t *drainer,
    ngx_triggers_deliverer_t *deliverer);

/*
 * Drains.  NGX_OK: the ring is empty, whoever appends next will tell the
 * leader; NGX_AGAIN: there is more, run again after *delay ms (0: at once).
 * It ends early when the process is told to terminate or stop() was called.
 */

ngx_int_t ngx_triggers_drainer_run(ngx_triggers_drainer_t *drainer,
    ngx_msec_t *delay);

/*
 * Work of every second: is the database still where its name says; tidying
 * up when nothing comes in.
 */

void ngx_triggers_drainer_tick(ngx_triggers_drainer_t *drainer);

/* Any thread: what its store and the archiver share. */

ngx_triggers_archive_t *ngx_triggers_drainer_archive(
    ngx_triggers_drainer_t *drainer);

/* Any thread: makes a run that is under way end soon. */

void ngx_triggers_drainer_stop(ngx_triggers_drainer_t *drainer);

/*
 * Gives the write lock up, which a run leaves held; to be called when nothing
 * has come for a while, so that another tree need not ask.  The second, for
 * any thread, tells whether there is one to give up.
 */

void ngx_triggers_drainer_rest(ngx_triggers_drainer_t *drainer);
ngx_uint_t ngx_triggers_drainer_holds(ngx_triggers_drainer_t *drainer);

/* Closes the store; it is opened again by the next run. */

void ngx_triggers_drainer_close(ngx_triggers_drainer_t *drainer);


#endif /* _NGX_TRIGGERS_DRAINER_H_INCLUDED_ */
