
/*
 * POST /v1/inbox/ack, release and extend: what a consumer does with its lease.
 * Events are acknowledged and released one by one, in one commit; all of a
 * lease are found by a thread first.
 */


#include "ngx_http_triggers_batch.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_lease.h"
#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_triggers_time.h"


/* what is asked for; the part of all its mutations */

typedef struct {
    ngx_uint_t               op;               /* ngx_triggers_op_e */
    const char              *done;             /* the answer's member */
    ngx_triggers_lease_change_t  change;
} ngx_http_triggers_lease_state_t;


/* lists the events of a lease */

typedef struct {
    ngx_http_triggers_job_t  base;
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    ngx_uint_t               n;
    u_char                   ids[NGX_TRIGGERS_LEASE_MAX * NGX_TRIGGERS_ID_LEN];
} ngx_http_triggers_lease_list_t;


static ngx_int_t ngx_http_triggers_lease_events(ngx_http_request_t *r,
    ngx_uint_t on, ngx_uint_t op, const char *done);
static ngx_http_triggers_lease_state_t *ngx_http_triggers_lease_state(
    ngx_http_request_t *r, ngx_http_triggers_lease_body_t *lb);
static ngx_int_t ngx_http_triggers_lease_list(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_lease_list_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_lease_list_row(void *data,
    ngx_triggers_row_t *row);
static ngx_int_t ngx_http_triggers_lease_listed(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);
static ngx_int_t ngx_http_triggers_lease_submit(ngx_http_request_t *r,
    u_char *ids, ngx_uint_t n);
static ngx_int_t ngx_http_triggers_lease_push(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, u_char *id);
static ngx_int_t ngx_http_triggers_lease_changed(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static void ngx_http_triggers_lease_write(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_triggers_text_t *text);
static ngx_int_t ngx_http_triggers_lease_extended(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_lease_over(ngx_http_request_t *r);


ngx_int_t
ngx_http_triggers_lease_body(ngx_http_request_t *r,
    ngx_http_triggers_lease_body_t *lb, ngx_uint_t on)
{
    ngx_int_t                    rc;
    ngx_http_triggers_ctx_t     *ctx;
    ngx_http_triggers_object_t   object;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    object.pool = r->pool;

    rc = ngx_http_triggers_lease_body_parse(lb, &object, &ctx->body, on);

    return ngx_http_triggers_charge_body(r, rc, 1, &object.field,
                                         &object.message);
}


ngx_int_t
ngx_http_triggers_lease_ack(ngx_http_request_t *r)
{
    return ngx_http_triggers_lease_events(r, NGX_HTTP_TRIGGERS_LEASE_ON_ACK,
                                          NGX_TRIGGERS_OP_LEASE_ACK,
                                          "acknowledged");
}


ngx_int_t
ngx_http_triggers_lease_release(ngx_http_request_t *r)
{
    return ngx_http_triggers_lease_events(r,
                                          NGX_HTTP_TRIGGERS_LEASE_ON_RELEASE,
                                          NGX_TRIGGERS_OP_LEASE_RELEASE,
                                          "released");
}


ngx_int_t
ngx_http_triggers_lease_extend(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_triggers_mutation_t           mutation;
    ngx_http_triggers_lease_body_t    lb;
    ngx_http_triggers_lease_state_t  *state;

    rc = ngx_http_triggers_lease_body(r, &lb,
                                      NGX_HTTP_TRIGGERS_LEASE_ON_EXTEND);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    state = ngx_http_triggers_lease_state(r, &lb);
    if (state == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_triggers_mutation(r, &mutation, NGX_TRIGGERS_OP_LEASE_EXTEND);

    state->change.until = mutation.time + lb.seconds * 1000;
    mutation.lease = &state->change;

    return ngx_http_triggers_submit_one(r, &mutation, 1,
                                        ngx_http_triggers_lease_extended);
}


static ngx_int_t
ngx_http_triggers_lease_events(ngx_http_request_t *r, ngx_uint_t on,
    ngx_uint_t op, const char *done)
{
    ngx_int_t                         rc;
    ngx_http_triggers_lease_body_t    lb;
    ngx_http_triggers_lease_state_t  *state;

    rc = ngx_http_triggers_lease_body(r, &lb, on);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    state = ngx_http_triggers_lease_state(r, &lb);
    if (state == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    state->op = op;
    state->done = done;
    state->change.delay = lb.delay * 1000;
    state->change.error = lb.error;

    if (lb.ids == NULL) {
        return ngx_http_triggers_lease_list(r);
    }

    return ngx_http_triggers_lease_submit(r, lb.ids, lb.nids);
}


static ngx_http_triggers_lease_state_t *
ngx_http_triggers_lease_state(ngx_http_request_t *r,
    ngx_http_triggers_lease_body_t *lb)
{
    ngx_http_triggers_ctx_t          *ctx;
    ngx_http_triggers_lease_state_t  *state;

    state = ngx_pcalloc(r->pool, sizeof(ngx_http_triggers_lease_state_t));
    if (state == NULL) {
        return NULL;
    }

    ngx_memcpy(state->change.id, lb->lease_id, NGX_TRIGGERS_ID_LEN);

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    ctx->lease = state;

    return state;
}


static ngx_int_t
ngx_http_triggers_lease_list(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t          *ctx;
    ngx_http_triggers_lease_list_t   *job;
    ngx_http_triggers_lease_state_t  *state;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    state = ctx->lease;

    job = ngx_http_triggers_job_query(r,
                                      sizeof(ngx_http_triggers_lease_list_t));
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->base.job.run = ngx_http_triggers_lease_list_thread;
    job->base.answer = ngx_http_triggers_lease_listed;

    ngx_memcpy(job->id, state->change.id, NGX_TRIGGERS_ID_LEN);

    return ngx_http_triggers_job_start(r, &job->base);
}


/* in a thread of the pool, as what it calls */

static ngx_int_t
ngx_http_triggers_lease_list_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_http_triggers_lease_list_t  *job;

    job = (ngx_http_triggers_lease_list_t *) base;

    return ngx_triggers_reader_lease(reader, &job->base.asker.user_id,
                                     job->base.asker.any_owner, job->id,
                                     ngx_http_triggers_lease_list_row, job);
}


static ngx_int_t
ngx_http_triggers_lease_list_row(void *data, ngx_triggers_row_t *row)
{
    ngx_http_triggers_lease_list_t *job = data;

    ngx_memcpy(&job->ids[job->n * NGX_TRIGGERS_ID_LEN], row->event.id,
               NGX_TRIGGERS_ID_LEN);

    return (++job->n == NGX_TRIGGERS_LEASE_MAX) ? NGX_DONE : NGX_OK;
}


static ngx_int_t
ngx_http_triggers_lease_listed(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    ngx_http_triggers_lease_list_t  *job;

    job = (ngx_http_triggers_lease_list_t *) base;

    if (base->job.rc == NGX_DECLINED
        || (base->job.rc == NGX_OK && job->n == 0))
    {
        return ngx_http_triggers_lease_over(r);
    }

    if (base->job.rc != NGX_OK) {
        return ngx_http_triggers_job_unanswered(r, base, NULL);
    }

    return ngx_http_triggers_lease_submit(r, job->ids, job->n);
}


static ngx_int_t
ngx_http_triggers_lease_submit(ngx_http_request_t *r, u_char *ids,
    ngx_uint_t n)
{
    ngx_uint_t                  i;
    ngx_http_triggers_batch_t  *batch;

    batch = ngx_http_triggers_batch_alloc(r);
    if (batch == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (ngx_http_triggers_lease_push(r, batch,
                                         &ids[i * NGX_TRIGGERS_ID_LEN])
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_triggers_batch_submit(r, batch, 1,
                                          ngx_http_triggers_lease_changed);
}


static ngx_int_t
ngx_http_triggers_lease_push(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, u_char *id)
{
    ngx_str_t                         name;
    ngx_triggers_mutation_t          *mutation;
    ngx_http_triggers_ctx_t          *ctx;
    ngx_http_triggers_lease_state_t  *state;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    state = ctx->lease;

    name.len = NGX_HTTP_TRIGGERS_UUID_LEN;
    name.data = ngx_pnalloc(r->pool, NGX_HTTP_TRIGGERS_UUID_LEN);

    if (name.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_triggers_uuid_format(name.data, id);

    mutation = ngx_http_triggers_batch_push(batch, &name);
    if (mutation == NULL) {
        return NGX_ERROR;
    }

    ngx_http_triggers_mutation(r, mutation, state->op);

    ngx_memcpy(mutation->id, id, NGX_TRIGGERS_ID_LEN);
    mutation->lease = &state->change;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_lease_changed(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_triggers_text_t         text;
    ngx_http_triggers_ctx_t    *ctx;
    ngx_http_triggers_batch_t  *batch;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    batch = ctx->batch;

    ngx_http_triggers_batch_judge(batch);

    /* nothing has ended it meanwhile: it was over for all, or for none */

    if (batch->succeeded == 0
        && batch->codes[0] == NGX_TRIGGERS_RC_LEASE_OVER)
    {
        return ngx_http_triggers_lease_over(r);
    }

    ngx_triggers_text_init(&text, r->pool);
    ngx_http_triggers_lease_write(r, batch, &text);

    return ngx_http_triggers_send_text(r, NGX_HTTP_OK, &text);
}


static void
ngx_http_triggers_lease_write(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_triggers_text_t *text)
{
    ngx_uint_t                        i;
    const char                       *comma;
    ngx_http_triggers_ctx_t          *ctx;
    ngx_http_triggers_item_t         *item;
    ngx_http_triggers_lease_state_t  *state;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    state = ctx->lease;
    item = batch->items.elts;

    ngx_triggers_text_puts(text, "{\"lease_id\":");
    ngx_triggers_text_uuid(text, state->change.id);
    ngx_triggers_text_puts(text, ",\"");
    ngx_triggers_text_puts(text, state->done);
    ngx_triggers_text_puts(text, "\":[");

    comma = "";

    for (i = 0; i < batch->items.nelts; i++) {

        if (item[i].refused) {
            continue;
        }

        ngx_triggers_text_puts(text, comma);
        ngx_triggers_text_string(text, &item[i].name);
        comma = ",";
    }

    ngx_triggers_text_puts(text, "],\"failed\":[");

    comma = "{";

    for (i = 0; i < batch->items.nelts; i++) {

        if (!item[i].refused) {
            continue;
        }

        ngx_triggers_text_puts(text, comma);
        ngx_http_triggers_batch_write_error(r, &item[i], text);
        ngx_triggers_text_puts(text, "}");
        comma = ",{";
    }

    ngx_triggers_text_puts(text, "]");
    ngx_http_triggers_text_end(text, 0, &ctx->request_id);
}


static ngx_int_t
ngx_http_triggers_lease_extended(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    u_char                            id[NGX_HTTP_TRIGGERS_UUID_LEN];
    u_char                            until[NGX_TRIGGERS_TIME_LEN];
    ngx_http_triggers_ctx_t          *ctx;
    ngx_http_triggers_lease_state_t  *state;

    if (result->rc != NGX_TRIGGERS_RC_OK) {
        return ngx_http_triggers_lease_over(r);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    state = ctx->lease;

    (void) ngx_triggers_uuid_format(id, state->change.id);
    (void) ngx_triggers_time_format(until, result->time);

    return ngx_http_triggers_send_json(r, NGX_HTTP_OK,
                                       json_pack("{s:s%, s:s%}", "lease_id",
                                                 id, sizeof(id),
                                                 "leased_until", until,
                                                 sizeof(until)),
                                       0);
}


static ngx_int_t
ngx_http_triggers_lease_over(ngx_http_request_t *r)
{
    return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_CONFLICT, NULL,
                                   "the lease is over");
}
