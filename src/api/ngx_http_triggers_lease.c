
/*
 * POST /v1/inbox/lease: events are handed out to one of many consumers.  The
 * lease is a record through the ring, as every change is; when it has been
 * committed a thread reads its events back and writes them into the answer.
 * With nothing to hand out the request may wait, as a long poll does.
 *
 * Events of a type are looked for by a thread first, as the writer must not
 * search, and then named in the record; others may be faster, so that it looks
 * again a few times.
 *
 * A lease whose events have not been given whole to the client's connection is
 * undone when the request ends, for whatever reason it ends: the client has
 * left, the commit was not heard of in time, the events could not be read.
 * The ring keeps the order, so that this may be asked for before it is known
 * whether the lease was given.
 */


#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_event_json.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_lease.h"
#include "ngx_http_triggers_lease_undo.h"
#include "ngx_http_triggers_poll.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"


/* candidates for each event that is wanted, and how often they are sought */

#define NGX_HTTP_TRIGGERS_LEASE_CANDIDATES  5
#define NGX_HTTP_TRIGGERS_LEASE_LOOKS       5

#define NGX_HTTP_TRIGGERS_LEASE_IDS                                           \
    (NGX_HTTP_TRIGGERS_LEASE_CANDIDATES * NGX_TRIGGERS_LEASE_MAX)


/* of a request, from its body to its end */

typedef struct {
    ngx_http_request_t      *r;
    ngx_triggers_worker_t   *worker;
    ngx_msec_t               commit_timeout;
    ngx_http_triggers_lease_body_t  body;
    uint64_t                 generation;       /* before it last looked */
    ngx_uint_t               looks;            /* for candidates */
    uint32_t                 limit;            /* events, fewer after one that
                                                  was too large to answer */

    ngx_triggers_mutation_t  mutation;         /* that was submitted last … */
    ngx_triggers_lease_change_t  change;       /* … and its part */
    ngx_uint_t               count;            /* events that it was given */

    unsigned                 crowded:1;        /* there was no room to look */
    unsigned                 outstanding:1;    /* it may have been given */
    unsigned                 sent:1;           /* the answer is nginx's */
} ngx_http_triggers_lease_t;


/* looks for events of a type */

typedef struct {
    ngx_http_triggers_job_t  base;
    ngx_triggers_query_t     query;
    ngx_uint_t               n;                /* that were found */
    u_char                   ids[NGX_HTTP_TRIGGERS_LEASE_IDS
                                 * NGX_TRIGGERS_ID_LEN];
} ngx_http_triggers_candidates_t;


/* reads a lease's events back */

typedef struct {
    ngx_http_triggers_job_t  base;
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    int64_t                  until;
    size_t                   size_max;
    ngx_uint_t               rows;
    ngx_uint_t               full;             /* flag: at size_max */
    ngx_triggers_text_t      text;
} ngx_http_triggers_lease_read_t;


static ngx_http_triggers_lease_t *ngx_http_triggers_lease_create(
    ngx_http_request_t *r, ngx_http_triggers_lease_body_t *lb);
static ngx_int_t ngx_http_triggers_lease_look(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_lease_seek(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_candidates_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_candidates_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);
static ngx_int_t ngx_http_triggers_lease_take(ngx_http_request_t *r,
    ngx_str_t *events);
static ngx_uint_t ngx_http_triggers_lease_waits(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_lease_taken(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_lease_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_lease_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_lease_row(void *data,
    ngx_triggers_row_t *row);
static ngx_int_t ngx_http_triggers_lease_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);
static ngx_uint_t ngx_http_triggers_lease_is_gone(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_lease_shrink(ngx_http_request_t *r,
    ngx_uint_t rows);
static ngx_int_t ngx_http_triggers_lease_none(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_lease_empty(ngx_http_request_t *r);
static void ngx_http_triggers_lease_undone(ngx_http_triggers_lease_t *lease);
static void ngx_http_triggers_lease_cleanup(void *data);


ngx_int_t
ngx_http_triggers_lease(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_http_triggers_ctx_t         *ctx;
    ngx_http_triggers_lease_body_t   lb;

    rc = ngx_http_triggers_lease_body(r, &lb,
                                      NGX_HTTP_TRIGGERS_LEASE_ON_LEASE);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ctx->lease = ngx_http_triggers_lease_create(r, &lb);
    if (ctx->lease == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_triggers_lease_look(r);
}


static ngx_http_triggers_lease_t *
ngx_http_triggers_lease_create(ngx_http_request_t *r,
    ngx_http_triggers_lease_body_t *lb)
{
    ngx_http_cleanup_t            *cln;
    ngx_http_triggers_lease_t     *lease;
    ngx_http_triggers_loc_conf_t  *tlcf;

    lease = ngx_pcalloc(r->pool, sizeof(ngx_http_triggers_lease_t));
    if (lease == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_triggers_lease_cleanup;
    cln->data = lease;

    /* an error page of the user's may end it in another location */

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    lease->r = r;
    lease->worker = &tlcf->store->worker;
    lease->commit_timeout = tlcf->commit_timeout;
    lease->body = *lb;
    lease->limit = (uint32_t) lb->limit;

    return lease;
}


/* what comes after the generation was read is told by another one */

static ngx_int_t
ngx_http_triggers_lease_look(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t    *ctx;
    ngx_http_triggers_lease_t  *lease;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    lease = ctx->lease;
    lease->looks = 0;
    lease->crowded = 0;
    lease->generation =
                 ngx_triggers_poll_generation(lease->worker,
                                              &ctx->key->user_id,
                                              ngx_http_triggers_is_admin(ctx));

    if (lease->body.event_type.data) {
        return ngx_http_triggers_lease_seek(r);
    }

    return ngx_http_triggers_lease_take(r, NULL);
}


static ngx_int_t
ngx_http_triggers_lease_seek(ngx_http_request_t *r)
{
    ngx_str_t                       *type;
    ngx_http_triggers_ctx_t         *ctx;
    ngx_http_triggers_lease_t       *lease;
    ngx_http_triggers_loc_conf_t    *tlcf;
    ngx_http_triggers_candidates_t  *job;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    lease = ctx->lease;
    lease->looks++;

    job = ngx_http_triggers_job_query(r,
                                      sizeof(ngx_http_triggers_candidates_t));
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->base.job.run = ngx_http_triggers_candidates_thread;
    job->base.answer = ngx_http_triggers_candidates_answer;

    type = &job->query.event_type;
    type->len = lease->body.event_type.len;
    type->data = ngx_pstrdup(job->base.pool, &lease->body.event_type);

    if (type->data == NULL) {
        ngx_http_triggers_job_free(&job->base);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (type->data[type->len - 1] == '*') {
        type->len--;
        job->query.event_type_prefix = 1;
    }

    job->query.user_id = job->base.asker.user_id;
    job->query.any_owner = job->base.asker.any_owner;
    job->query.limit = lease->limit * NGX_HTTP_TRIGGERS_LEASE_CANDIDATES;
    job->query.time_limit = tlcf->query_timeout;

    return ngx_http_triggers_job_start(r, &job->base);
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_candidates_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_int_t                        rc;
    ngx_http_triggers_candidates_t  *job;

    job = (ngx_http_triggers_candidates_t *) base;

    rc = ngx_triggers_reader_candidates(reader, &job->query, job->ids,
                                        &job->n);

    /* some are as good as all */

    return (rc == NGX_AGAIN && job->n) ? NGX_OK : rc;
}


static ngx_int_t
ngx_http_triggers_candidates_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    ngx_int_t                        rc;
    ngx_str_t                        events;
    ngx_http_triggers_candidates_t  *job;

    job = (ngx_http_triggers_candidates_t *) base;

    if (base->job.rc == NGX_BUSY && ngx_http_triggers_lease_waits(r)) {
        rc = ngx_http_triggers_lease_none(r);

    } else if (base->job.rc != NGX_OK) {
        return ngx_http_triggers_job_unanswered(r, base, "there is no event");

    } else if (job->n == 0) {
        rc = ngx_http_triggers_lease_none(r);

    } else {
        events.data = job->ids;
        events.len = job->n * NGX_TRIGGERS_ID_LEN;

        rc = ngx_http_triggers_lease_take(r, &events);
    }

    if (rc == NGX_DONE) {

        /* it may look hundreds of times */

        ngx_http_triggers_job_release(r, base);
    }

    return rc;
}


static ngx_int_t
ngx_http_triggers_lease_take(ngx_http_request_t *r, ngx_str_t *events)
{
    ngx_int_t                      rc;
    ngx_triggers_batch_t           batch;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_triggers_mutation_t       *mutation;
    ngx_http_triggers_lease_t     *lease;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    lease = ctx->lease;
    mutation = &lease->mutation;

    ngx_http_triggers_mutation(r, mutation, NGX_TRIGGERS_OP_LEASE);
    ngx_memzero(&lease->change, sizeof(ngx_triggers_lease_change_t));

    /* whoever knows a lease's id may do with its events as he likes */

    if (ngx_triggers_uuid_secret(mutation->time, mutation->id) != NGX_OK) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, ngx_errno,
                      "getrandom() failed");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(lease->change.id, mutation->id, NGX_TRIGGERS_ID_LEN);
    lease->change.until = mutation->time + lease->body.seconds * 1000;
    lease->change.limit = lease->limit;
    lease->change.max_attempts = (uint32_t) tlcf->lease_attempts;

    if (events) {
        lease->change.events = *events;
    }

    mutation->lease = &lease->change;

    batch.mutations = mutation;
    batch.n = 1;
    batch.codes = NULL;

    rc = ngx_http_triggers_submit_waiting(r, &batch,
                                          ngx_http_triggers_lease_taken);

    ngx_str_null(&lease->change.events);

    /* it waits for its commit, or it was refused */

    lease->outstanding = (ctx->waiter != NULL);

    if (lease->outstanding || rc == NGX_HTTP_INTERNAL_SERVER_ERROR) {
        return rc;
    }

    if (rc == NGX_BUSY && ngx_http_triggers_lease_waits(r)) {
        return ngx_http_triggers_lease_none(r);
    }

    return ngx_http_triggers_refuse(r, rc);
}


/*
 * There was no room to look, as when many are woken by one event: whoever may
 * wait looks again soon.
 */

static ngx_uint_t
ngx_http_triggers_lease_waits(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t    *ctx;
    ngx_http_triggers_lease_t  *lease;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    lease = ctx->lease;
    lease->crowded = 1;

    return lease->body.wait != 0;
}


static ngx_int_t
ngx_http_triggers_lease_taken(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_http_triggers_ctx_t    *ctx;
    ngx_http_triggers_lease_t  *lease;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    lease = ctx->lease;

    lease->count = result->count;

    if (lease->count) {
        lease->change.until = result->time;
        return ngx_http_triggers_lease_read(r);
    }

    lease->outstanding = 0;

    if (lease->body.event_type.data
        && lease->looks < NGX_HTTP_TRIGGERS_LEASE_LOOKS)
    {
        /* there were some, and others were faster */

        return ngx_http_triggers_lease_seek(r);
    }

    return ngx_http_triggers_lease_none(r);
}


static ngx_int_t
ngx_http_triggers_lease_read(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t         *ctx;
    ngx_http_triggers_lease_t       *lease;
    ngx_http_triggers_loc_conf_t    *tlcf;
    ngx_http_triggers_lease_read_t  *job;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    lease = ctx->lease;

    job = ngx_http_triggers_job_query(r,
                                      sizeof(ngx_http_triggers_lease_read_t));
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->base.job.run = ngx_http_triggers_lease_thread;
    job->base.answer = ngx_http_triggers_lease_answer;

    ngx_memcpy(job->id, lease->mutation.id, NGX_TRIGGERS_ID_LEN);
    job->until = lease->change.until;
    job->size_max = tlcf->response_max_size;

    ngx_triggers_text_init(&job->text, job->base.pool);

    return ngx_http_triggers_job_start(r, &job->base);
}


/* in a thread of the pool, as what it calls */

static ngx_int_t
ngx_http_triggers_lease_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_int_t                        rc;
    ngx_triggers_text_t             *text;
    ngx_http_triggers_lease_read_t  *job;

    job = (ngx_http_triggers_lease_read_t *) base;
    text = &job->text;

    ngx_triggers_text_puts(text, "{\"lease_id\":");
    ngx_triggers_text_uuid(text, job->id);
    ngx_triggers_text_puts(text, ",\"leased_until\":");
    ngx_triggers_text_time(text, job->until);
    ngx_triggers_text_puts(text, ",\"events\":[");

    rc = ngx_triggers_reader_lease(reader, &job->base.asker.user_id,
                                   job->base.asker.any_owner, job->id,
                                   ngx_http_triggers_lease_row, job);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_triggers_text_puts(text, "]");
    ngx_http_triggers_text_end(text, 0, &job->base.asker.request_id);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_lease_row(void *data, ngx_triggers_row_t *row)
{
    ngx_http_triggers_lease_read_t *job = data;

    if (job->rows++) {
        ngx_triggers_text_puts(&job->text, ",");
    }

    ngx_http_triggers_event_write(&job->text, row, job->base.asker.v1,
                                  job->base.asker.retention);
    ngx_triggers_text_puts(&job->text, "}");

    if (job->text.failed) {
        return NGX_ERROR;
    }

    if (job->text.size >= job->size_max) {
        job->full = 1;
        return NGX_DONE;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_lease_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    ngx_int_t                        rc;
    ngx_http_triggers_ctx_t         *ctx;
    ngx_http_triggers_lease_t       *lease;
    ngx_http_triggers_lease_read_t  *job;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    lease = ctx->lease;
    job = (ngx_http_triggers_lease_read_t *) base;

    if (base->job.rc == NGX_DECLINED
        || (base->job.rc == NGX_OK && job->rows == 0))
    {
        /* it ran out already, or somebody has acknowledged its events */

        lease->outstanding = 0;
        rc = ngx_http_triggers_lease_none(r);

    } else if (base->job.rc != NGX_OK) {
        rc = ngx_http_triggers_job_unanswered(r, base, NULL);

    } else if (job->full && job->rows < lease->count) {
        rc = ngx_http_triggers_lease_shrink(r, job->rows);

    } else if (ngx_http_triggers_lease_is_gone(r)) {
        rc = NGX_HTTP_CLIENT_CLOSED_REQUEST;

    } else {
        rc = ngx_http_triggers_send_text(r, NGX_HTTP_OK, &job->text);

        lease->sent = (rc == NGX_OK || rc == NGX_AGAIN);
    }

    if (rc == NGX_DONE) {
        ngx_http_triggers_job_release(r, base);
    }

    return rc;
}


/*
 * Has the client left since the loop last heard of it?  Its end of the
 * connection may have come in the same turn as the events.
 */

static ngx_uint_t
ngx_http_triggers_lease_is_gone(ngx_http_request_t *r)
{
    u_char             byte;
    ssize_t            n;
    ngx_connection_t  *c;

    c = r->connection;

    n = recv(c->fd, &byte, 1, MSG_PEEK|MSG_DONTWAIT);

    if (n > 0 || (n == -1 && ngx_socket_errno == NGX_EAGAIN)) {
        return 0;
    }

    c->error = 1;

    return 1;
}


/*
 * All its events would make an answer that is too large: it is given back and
 * asked for again, for no more than there is room for.
 */

static ngx_int_t
ngx_http_triggers_lease_shrink(ngx_http_request_t *r, ngx_uint_t rows)
{
    ngx_http_triggers_ctx_t    *ctx;
    ngx_http_triggers_lease_t  *lease;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    lease = ctx->lease;

    ngx_http_triggers_lease_undone(lease);

    lease->limit = rows;

    return ngx_http_triggers_lease_look(r);
}


/* there is nothing to hand out now */

static ngx_int_t
ngx_http_triggers_lease_none(ngx_http_request_t *r)
{
    uint64_t                    generation;
    ngx_int_t                   rc;
    ngx_http_triggers_ctx_t    *ctx;
    ngx_http_triggers_lease_t  *lease;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    lease = ctx->lease;

    if (lease->body.wait == 0) {
        return ngx_http_triggers_lease_empty(r);
    }

    /* who was too slow, or could not look, must not wait for a change */

    generation = lease->generation;

    if (lease->crowded || lease->looks == NGX_HTTP_TRIGGERS_LEASE_LOOKS) {
        generation--;
    }

    rc = ngx_http_triggers_poll(r, ctx->started + lease->body.wait * 1000,
                                generation, ngx_http_triggers_lease_look);

    if (rc == NGX_DECLINED) {
        return ngx_http_triggers_lease_empty(r);
    }

    return (rc == NGX_ERROR) ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
}


static ngx_int_t
ngx_http_triggers_lease_empty(ngx_http_request_t *r)
{
    return ngx_http_triggers_send_json(r, NGX_HTTP_OK,
                                       json_pack("{s:n, s:n, s:[]}",
                                                 "lease_id", "leased_until",
                                                 "events"),
                                       0);
}


static void
ngx_http_triggers_lease_undone(ngx_http_triggers_lease_t *lease)
{
    lease->outstanding = 0;
    lease->mutation.op = NGX_TRIGGERS_OP_LEASE_UNDO;

    ngx_http_triggers_lease_undo(lease->worker, &lease->mutation,
                                 lease->commit_timeout);
}


/* a client has what the kernel has, which may still lose it on the way */

static void
ngx_http_triggers_lease_cleanup(void *data)
{
    ngx_http_triggers_lease_t *lease = data;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = lease->r;
    c = r->connection;

    if (!lease->outstanding) {
        return;
    }

    if (lease->sent && !c->buffered && !r->main->buffered) {
        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "triggers lease undone: its client has gone");

    ngx_http_triggers_lease_undone(lease);
}
