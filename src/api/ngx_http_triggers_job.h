
/*
 * A request's job on a reader: a pool of its own, which the thread may use,
 * and the way back to the request, if its client is still there.
 */


#ifndef _NGX_HTTP_TRIGGERS_JOB_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_JOB_H_INCLUDED_


#include "ngx_http_triggers.h"


typedef struct ngx_http_triggers_job_s  ngx_http_triggers_job_t;


/* what a thread has to know of who asks, copied from the request */

typedef struct {
    ngx_str_t                user_id;
    ngx_str_t                request_id;
    ngx_uint_t               any_owner;        /* flag: sees all */
    ngx_uint_t               v1;               /* flag: the surface */
    int64_t                  now;              /* ms since the epoch */
    int64_t                  retention;        /* of events that are done, ms,
                                                  0: for ever */
} ngx_http_triggers_asker_t;


/* to be the first member of what a resource's thread needs */

struct ngx_http_triggers_job_s {
    ngx_triggers_job_t       job;              /* its "run" is the thread's */
    ngx_pool_t              *pool;             /* lives as long as the job,
                                                  then as the request */
    ngx_http_request_t      *r;                /* NULL: the client has gone */
    ngx_uint_t               gone;             /* atomic, tells that to the
                                                  thread */
    ngx_http_triggers_asker_t  asker;          /* of a query */

    /* answers in the event loop; returns as a handler does */
    ngx_int_t              (*answer)(ngx_http_request_t *r,
                                     ngx_http_triggers_job_t *job);
};


/*
 * A job of that many bytes, zeroed but for what is set here; of a query the
 * asker is too.  NULL when there is no memory.
 */

void *ngx_http_triggers_job_create(ngx_http_request_t *r, size_t size);
void *ngx_http_triggers_job_query(ngx_http_request_t *r, size_t size);

/*
 * Answers a job that has read nothing: its rc is not NGX_OK; returns as a
 * handler does.  missing says what NGX_DECLINED means.
 */

ngx_int_t ngx_http_triggers_job_unanswered(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job, const char *missing);

/* Gives back a job that has not been started. */

void ngx_http_triggers_job_free(ngx_http_triggers_job_t *job);

/*
 * Starts it and parks the request; where it cannot be started the answer is
 * made at once, with the job's rc.  Returns as a handler does.
 */

ngx_int_t ngx_http_triggers_job_start(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job);

/*
 * Gives back the memory of a job that has been answered with waiting for
 * something else, before the request ends.
 */

void ngx_http_triggers_job_release(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job);


#endif /* _NGX_HTTP_TRIGGERS_JOB_H_INCLUDED_ */
