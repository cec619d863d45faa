
/*
 * The hub of a worker process and one store: it reads the live feed for all
 * streams that are open here.  It has a timer while there are any, and neither
 * a thread nor a connection to the store.
 *
 * Most streams are at the live edge: the hub reads an entry once, formats it
 * once and gives it to all whom it concerns.  A stream that resumes, or whose
 * buffer is full, has a cursor of its own and reads for itself, as fast as its
 * client takes it, until it has caught up.  So it is the feed that buffers for
 * a client, and what a stream holds of its own stays small.
 *
 * Events come first: one turn of the hub is bounded in entries and in time, and
 * between two there is a pause, so that streams never take more than a third of
 * a worker.  Where that is not enough they are told of a gap.
 */


#ifndef _NGX_HTTP_TRIGGERS_HUB_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_HUB_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_http_triggers_pipeline.h"
#include "ngx_triggers_worker.h"


/* set by ngx_pcalloc() with the configuration; used in worker processes */

typedef struct {
    ngx_triggers_worker_t   *worker;           /* NULL: not used yet */
    ngx_queue_t              streams;
    ngx_event_t              timer;
    ngx_triggers_feed_cursor_t  cursor;        /* of the live edge */
    ngx_msec_t               metrics_at;       /* when they are sent again */
    ngx_msec_t               second_at;        /* … what changes is looked
                                                  at */
    ngx_http_triggers_pipeline_t  pipeline;    /* as it was sent */
} ngx_http_triggers_hub_t;


#endif /* _NGX_HTTP_TRIGGERS_HUB_H_INCLUDED_ */
