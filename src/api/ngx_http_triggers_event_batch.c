
/*
 * POST /v1/events/batch, and CloudEvents in batched mode: many events in one
 * request and one commit.  Those that are invalid are told of and do not stop
 * the others.
 */


#include "ngx_http_triggers_batch.h"
#include "ngx_http_triggers_decode_batch.h"
#include "ngx_http_triggers_event.h"
#include "ngx_http_triggers_idempotency.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_resources.h"


/* larger bodies are decoded in a thread */

#define NGX_HTTP_TRIGGERS_BATCH_INLINE  (64 * 1024)

#define NGX_HTTP_TRIGGERS_BATCH_EVENTS  64     /* to begin with */


/* what decoding needs and finds, all of it in the pool */

typedef struct {
    ngx_pool_t              *pool;
    ngx_str_t                body;
    ngx_str_t                user_id;
    ngx_uint_t               cloudevents;      /* flag */
    size_t                   max_size;         /* of an event */
    ngx_array_t              events;           /* of …_decoded_t */
    ngx_http_triggers_decode_error_t  error;
} ngx_http_triggers_batch_decode_t;


typedef struct {
    ngx_http_triggers_job_t  base;
    ngx_int_t                rc;               /* of decoding */
    ngx_http_triggers_batch_decode_t  decode;
} ngx_http_triggers_decode_job_t;


/* reads back what the keys of replayed items stand for */

typedef struct {
    ngx_http_triggers_job_t  base;
    ngx_triggers_replay_t   *replays;          /* of all mutations */
    ngx_triggers_replay_t  **asked;            /* those of replayed ones */
    ngx_uint_t               n;                /* of these */
} ngx_http_triggers_replay_job_t;


static ngx_int_t ngx_http_triggers_batch_decode_job(ngx_http_request_t *r);
static void ngx_http_triggers_batch_take_body(void *data);
static ngx_int_t ngx_http_triggers_batch_decode_thread(
    ngx_triggers_job_t *base, ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_batch_decode_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);
static ngx_int_t ngx_http_triggers_batch_init(ngx_http_request_t *r,
    ngx_http_triggers_batch_decode_t *d, ngx_pool_t *pool);
static ngx_int_t ngx_http_triggers_batch_decode(
    ngx_http_triggers_batch_decode_t *d);
static ngx_int_t ngx_http_triggers_batch_decoded(ngx_http_request_t *r,
    ngx_http_triggers_batch_decode_t *d, ngx_int_t rc);
static ngx_int_t ngx_http_triggers_batch_items(ngx_http_request_t *r,
    ngx_http_triggers_batch_decode_t *d, ngx_http_triggers_batch_t *batch);
static ngx_int_t ngx_http_triggers_batch_created(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_batch_replays(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch);
static ngx_int_t ngx_http_triggers_replay_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_replay_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);
static ngx_int_t ngx_http_triggers_batch_answer(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch);
static void ngx_http_triggers_batch_write(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_http_triggers_item_t *item,
    ngx_triggers_text_t *text);


ngx_int_t
ngx_http_triggers_batch_create(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t           *ctx;
    ngx_http_triggers_batch_decode_t   d;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ctx->body_pool && ctx->body.len > NGX_HTTP_TRIGGERS_BATCH_INLINE) {
        return ngx_http_triggers_batch_decode_job(r);
    }

    if (ngx_http_triggers_batch_init(r, &d, r->pool) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_triggers_batch_decoded(r, &d,
                                           ngx_http_triggers_batch_decode(&d));
}


/*
 * Megabytes of JSON would hold up everybody else, so a thread decodes them.
 * The body goes with the job, as the client may leave meanwhile.
 */

static ngx_int_t
ngx_http_triggers_batch_decode_job(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_triggers_ctx_t         *ctx;
    ngx_http_triggers_decode_job_t  *job;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    job = ngx_http_triggers_job_create(r,
                                       sizeof(ngx_http_triggers_decode_job_t));
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln = ngx_pool_cleanup_add(job->base.pool, 0);

    if (cln == NULL
        || ngx_http_triggers_batch_init(r, &job->decode, job->base.pool)
           != NGX_OK)
    {
        ngx_http_triggers_job_free(&job->base);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_triggers_batch_take_body;
    cln->data = ctx->body_pool;
    ctx->body_pool = NULL;

    job->base.job.run = ngx_http_triggers_batch_decode_thread;
    job->base.answer = ngx_http_triggers_batch_decode_answer;

    return ngx_http_triggers_job_start(r, &job->base);
}


static void
ngx_http_triggers_batch_take_body(void *data)
{
    ngx_destroy_pool(data);
}


/* in a thread of the pool; the store is not asked */

static ngx_int_t
ngx_http_triggers_batch_decode_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_http_triggers_decode_job_t  *job;

    (void) reader;

    job = (ngx_http_triggers_decode_job_t *) base;
    job->rc = ngx_http_triggers_batch_decode(&job->decode);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_batch_decode_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    ngx_http_triggers_decode_job_t  *job;

    job = (ngx_http_triggers_decode_job_t *) base;

    if (base->job.rc != NGX_OK) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       base->job.rc == NGX_BUSY
                                       ? "too many requests at once"
                                       : "the store is not ready");
    }

    return ngx_http_triggers_batch_decoded(r, &job->decode, job->rc);
}


static ngx_int_t
ngx_http_triggers_batch_init(ngx_http_request_t *r,
    ngx_http_triggers_batch_decode_t *d, ngx_pool_t *pool)
{
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    d->pool = pool;
    d->body = ctx->body;
    d->cloudevents = (ctx->media == NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT_BATCH);
    d->max_size = tlcf->event_max_size;

    d->user_id.len = ctx->key->user_id.len;
    d->user_id.data = ngx_pstrdup(pool, &ctx->key->user_id);

    if (d->user_id.data == NULL) {
        return NGX_ERROR;
    }

    return ngx_array_init(&d->events, pool, NGX_HTTP_TRIGGERS_BATCH_EVENTS,
                          sizeof(ngx_http_triggers_decoded_t));
}


/* any thread: what takes time, decoding and hashing */

static ngx_int_t
ngx_http_triggers_batch_decode(ngx_http_triggers_batch_decode_t *d)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_http_triggers_decoded_t  *item;

    rc = ngx_http_triggers_decode_batch(d->pool, &d->body, d->cloudevents,
                                        d->max_size, &d->events, &d->error);

    if (rc != NGX_OK) {
        return rc;
    }

    item = d->events.elts;

    for (i = 0; i < d->events.nelts; i++) {

        if (item[i].key.data == NULL || item[i].message.data) {
            continue;
        }

        /* in the place of the key, which is not needed any more */

        if (ngx_http_triggers_idempotency_hash(d->pool, &d->user_id,
                                               &item[i].event, &item[i].key)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* in the event loop again; rc is that of decoding */

static ngx_int_t
ngx_http_triggers_batch_decoded(ngx_http_request_t *r,
    ngx_http_triggers_batch_decode_t *d, ngx_int_t rc)
{
    ngx_uint_t                     i, wait;
    ngx_triggers_mutation_t       *mutation;
    ngx_http_triggers_batch_t     *batch;
    ngx_http_triggers_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    rc = ngx_http_triggers_charge_body(r, rc, d->events.nelts,
                                       &d->error.field, &d->error.message);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    batch = ngx_http_triggers_batch_alloc(r);

    if (batch == NULL || ngx_http_triggers_batch_items(r, d, batch) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (batch->mutations.nelts == 0) {
        return ngx_http_triggers_batch_answer(r, batch);
    }

    wait = tlcf->synchronous_commit;
    mutation = batch->mutations.elts;

    for (i = 0; i < batch->mutations.nelts && !wait; i++) {
        wait = (mutation[i].idempotency.data != NULL);
    }

    return ngx_http_triggers_batch_submit(r, batch, wait,
                                          ngx_http_triggers_batch_created);
}


static ngx_int_t
ngx_http_triggers_batch_items(ngx_http_request_t *r,
    ngx_http_triggers_batch_decode_t *d, ngx_http_triggers_batch_t *batch)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_triggers_mutation_t      *mutation;
    ngx_http_triggers_decoded_t  *item;

    item = d->events.elts;

    for (i = 0; i < d->events.nelts; i++) {

        if (item[i].message.data) {
            rc = ngx_http_triggers_batch_refuse(r, batch, NULL,
                                                item[i].too_large
                                                ? NGX_HTTP_TRIGGERS_TOO_LARGE
                                                : NGX_HTTP_TRIGGERS_BAD_BODY,
                                                &item[i].field,
                                                &item[i].message);
            if (rc != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        mutation = ngx_http_triggers_batch_push(batch, NULL);
        if (mutation == NULL) {
            return NGX_ERROR;
        }

        mutation->event = item[i].event;
        mutation->idempotency = item[i].key;

        ngx_http_triggers_event_mutation(r, mutation);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_batch_created(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_uint_t                  i;
    ngx_http_triggers_ctx_t    *ctx;
    ngx_http_triggers_batch_t  *batch;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    batch = ctx->batch;
    batch->time = result->time;

    for (i = 0; i < batch->mutations.nelts; i++) {
        if (batch->codes[i] == NGX_TRIGGERS_RC_REPLAY) {
            return ngx_http_triggers_batch_replays(r, batch);
        }
    }

    return ngx_http_triggers_batch_answer(r, batch);
}


/* asks the store for the events that were there before */

static ngx_int_t
ngx_http_triggers_batch_replays(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch)
{
    ngx_uint_t                       i, n;
    ngx_triggers_mutation_t         *mutation;
    ngx_http_triggers_replay_job_t  *job;

    job = ngx_http_triggers_job_create(r,
                                       sizeof(ngx_http_triggers_replay_job_t));
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    n = batch->mutations.nelts;
    mutation = batch->mutations.elts;

    job->base.job.run = ngx_http_triggers_replay_thread;
    job->base.answer = ngx_http_triggers_replay_answer;

    job->replays = ngx_pcalloc(job->base.pool,
                               n * sizeof(ngx_triggers_replay_t));
    job->asked = ngx_palloc(job->base.pool,
                            n * sizeof(ngx_triggers_replay_t *));

    if (job->replays == NULL || job->asked == NULL) {
        ngx_http_triggers_job_free(&job->base);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (batch->codes[i] == NGX_TRIGGERS_RC_REPLAY) {
            ngx_memcpy(job->replays[i].key_hash, mutation[i].idempotency.data,
                       NGX_TRIGGERS_KEY_HASH_LEN);
            job->asked[job->n++] = &job->replays[i];
        }
    }

    return ngx_http_triggers_job_start(r, &job->base);
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_replay_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_http_triggers_replay_job_t  *job;

    job = (ngx_http_triggers_replay_job_t *) base;

    return ngx_triggers_reader_replays(reader, job->asked, job->n);
}


/*
 * All is committed, so the answer tells of the other items also where the
 * store could not be read: those that were replayed are not known then.
 */

static ngx_int_t
ngx_http_triggers_replay_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    ngx_http_triggers_ctx_t         *ctx;
    ngx_http_triggers_batch_t       *batch;
    ngx_http_triggers_replay_job_t  *job;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    job = (ngx_http_triggers_replay_job_t *) base;
    batch = ctx->batch;

    batch->replays = job->replays;

    return ngx_http_triggers_batch_answer(r, batch);
}


static ngx_int_t
ngx_http_triggers_batch_answer(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch)
{
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    return ngx_http_triggers_batch_send(r, batch,
                                        ctx->v1 ? NGX_HTTP_CREATED
                                                : NGX_HTTP_OK,
                                        NGX_HTTP_BAD_REQUEST,
                                        ngx_http_triggers_batch_write);
}


static void
ngx_http_triggers_batch_write(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_http_triggers_item_t *item,
    ngx_triggers_text_t *text)
{
    u_char                      *id;
    int64_t                      time;
    ngx_uint_t                   replayed;
    ngx_triggers_mutation_t     *mutation;
    ngx_http_triggers_ctx_t     *ctx;
    ngx_triggers_replay_t       *replay;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    mutation = batch->mutations.elts;
    id = mutation[item->mutation].id;
    time = batch->time;

    replayed = (batch->codes[item->mutation] == NGX_TRIGGERS_RC_REPLAY);

    if (replayed) {
        replay = &batch->replays[item->mutation];
        id = replay->id;
        time = replay->created_at;
    }

    ngx_triggers_text_puts(text, ",\"event_id\":");
    ngx_triggers_text_uuid(text, id);
    ngx_triggers_text_puts(text, ctx->v1 ? ",\"status\":\"pending\""
                                         : ",\"status\":\"accepted\"");
    ngx_triggers_text_puts(text, ",\"timestamp\":");
    ngx_triggers_text_time(text, time);

    if (replayed) {
        ngx_triggers_text_puts(text, ",\"idempotent_replayed\":true");
    }
}
