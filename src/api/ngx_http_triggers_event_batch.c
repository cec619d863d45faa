
/*
 * POST /v1/events/batch, and CloudEvents in batched mode: many events in one
 * request and one commit.  Those that are invalid are told of and do not stop
 * the others.
 */


#include "ngx_http_triggers_batch.h"
#include "ngx_http_triggers_cloudevent.h"
#include "ngx_http_triggers_decode.h"
#include "ngx_http_triggers_event.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_triggers_json.h"


/* reads back what the keys of replayed items stand for */

typedef struct {
    ngx_http_triggers_job_t  base;
    ngx_triggers_replay_t   *replays;          /* of all mutations */
    ngx_triggers_replay_t  **asked;            /* those of replayed ones */
    ngx_uint_t               n;                /* of these */
} ngx_http_triggers_replay_job_t;


static ngx_int_t ngx_http_triggers_batch_events(ngx_http_request_t *r,
    ngx_str_t *events, ngx_http_triggers_decode_error_t *error);
static ngx_int_t ngx_http_triggers_batch_decode(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch,
    ngx_http_triggers_decode_error_t *error);
static ngx_int_t ngx_http_triggers_batch_event(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_str_t *text);
static ngx_int_t ngx_http_triggers_batch_decline(
    ngx_http_triggers_decode_error_t *error, const char *field,
    const char *fmt, ...);
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
    ngx_int_t                          rc;
    ngx_uint_t                         i, wait;
    ngx_triggers_mutation_t           *mutation;
    ngx_http_triggers_batch_t         *batch;
    ngx_http_triggers_loc_conf_t      *tlcf;
    ngx_http_triggers_decode_error_t   error;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    batch = ngx_http_triggers_batch_alloc(r);
    if (batch == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_triggers_batch_decode(r, batch, &error);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_triggers_charge(r, (rc == NGX_OK) ? batch->items.nelts : 1)
        != NGX_OK)
    {
        return ngx_http_triggers_limited(r);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_triggers_error_field(r, NGX_HTTP_TRIGGERS_BAD_BODY,
                                             error.field.data ? &error.field
                                                              : NULL,
                                             &error.message);
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


/* the text of the array in the body */

static ngx_int_t
ngx_http_triggers_batch_events(ngx_http_request_t *r, ngx_str_t *events,
    ngx_http_triggers_decode_error_t *error)
{
    ngx_int_t                   rc;
    ngx_triggers_json_walk_t    walk;
    ngx_triggers_json_member_t  member;
    ngx_http_triggers_ctx_t    *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ctx->media == NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT_BATCH) {
        *events = ctx->body;
        return NGX_OK;
    }

    ngx_str_null(events);

    ngx_triggers_json_walk_init(&walk, &ctx->body, NGX_TRIGGERS_JSON_UNIQUE
                                                   |NGX_TRIGGERS_JSON_NO_NUL);

    while ((rc = ngx_triggers_json_next(&walk, &member)) == NGX_OK) {

        if (!ngx_triggers_json_name_is(&member, "events",
                                       sizeof("events") - 1))
        {
            ngx_triggers_json_walk_done(&walk);

            (void) ngx_http_triggers_batch_decline(error, NULL,
                                                   "unknown member");
            error->field = member.name;

            return NGX_DECLINED;
        }

        *events = member.value.text;
    }

    ngx_triggers_json_walk_done(&walk);

    if (rc == NGX_ERROR) {
        return walk.error.reason
               ? ngx_http_triggers_batch_decline(error, NULL,
                                                 "invalid JSON in the body: "
                                                 "%s at byte %uz",
                                                 walk.error.reason,
                                                 walk.error.offset)
               : NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_triggers_batch_decline(error, NULL,
                                              "the body must be a JSON object");
    }

    if (events->data == NULL) {
        return ngx_http_triggers_batch_decline(error, "events",
                                               "events is required");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_batch_decode(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_http_triggers_decode_error_t *error)
{
    ngx_int_t                   rc;
    ngx_str_t                   events;
    ngx_triggers_json_items_t   items;
    ngx_triggers_json_value_t   value;

    rc = ngx_http_triggers_batch_events(r, &events, error);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_triggers_json_items_init(&items, &events);

    while ((rc = ngx_triggers_json_item(&items, &value)) == NGX_OK) {

        if (batch->items.nelts == NGX_TRIGGERS_BATCH_MAX) {
            break;
        }

        if (ngx_http_triggers_batch_event(r, batch, &value.text) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (rc == NGX_ERROR) {
        return ngx_http_triggers_batch_decline(error, NULL,
                                               "invalid JSON in the body: %s "
                                               "at byte %uz",
                                               items.error.reason,
                                               items.error.offset);
    }

    if (rc != NGX_DONE || batch->items.nelts == 0) {
        return ngx_http_triggers_batch_decline(error, "events",
                                               "the events must be an array "
                                               "of 1 to %d",
                                               NGX_TRIGGERS_BATCH_MAX);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_batch_event(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_str_t *text)
{
    ngx_int_t                          rc;
    ngx_str_t                          key;
    ngx_triggers_event_t               event;
    ngx_triggers_mutation_t           *mutation;
    ngx_http_triggers_ctx_t           *ctx;
    ngx_http_triggers_error_e          code;
    ngx_http_triggers_loc_conf_t      *tlcf;
    ngx_http_triggers_decode_error_t   error;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    ngx_memzero(&event, sizeof(ngx_triggers_event_t));

    if (text->len > tlcf->event_max_size) {
        code = NGX_HTTP_TRIGGERS_TOO_LARGE;
        rc = ngx_http_triggers_batch_decline(&error, NULL,
                                             "the event is larger than %uz "
                                             "bytes", tlcf->event_max_size);

    } else if (ctx->media == NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT_BATCH) {
        code = NGX_HTTP_TRIGGERS_BAD_BODY;
        rc = ngx_http_triggers_cloudevent_decode(r->pool, text, &event, &key,
                                                 &error);

    } else {
        code = NGX_HTTP_TRIGGERS_BAD_BODY;
        rc = ngx_http_triggers_decode_event(r->pool, text, 1, &event, &key,
                                            &error);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_triggers_batch_refuse(r, batch, NULL, code,
                                              &error.field, &error.message);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    mutation = ngx_http_triggers_batch_push(batch, NULL);
    if (mutation == NULL) {
        return NGX_ERROR;
    }

    mutation->event = event;

    return ngx_http_triggers_event_mutation(r, mutation, &key);
}


static ngx_int_t
ngx_http_triggers_batch_decline(ngx_http_triggers_decode_error_t *error,
    const char *field, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    error->message.len = ngx_vslprintf(error->buf,
                                       error->buf + sizeof(error->buf), fmt,
                                       args)
                         - error->buf;
    va_end(args);

    error->message.data = error->buf;

    error->field.data = (u_char *) field;
    error->field.len = field ? ngx_strlen(field) : 0;

    return NGX_DECLINED;
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

    if (batch->mutations.nelts == 1) {
        batch->codes[0] = result->rc;
    }

    if (result->count || batch->mutations.nelts == 1) {

        for (i = 0; i < batch->mutations.nelts; i++) {
            if (batch->codes[i] == NGX_TRIGGERS_RC_REPLAY) {
                return ngx_http_triggers_batch_replays(r, batch);
            }
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

    if (base->job.rc != NGX_OK) {

        /* all is committed: the same request tells it when it is repeated */

        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the store cannot be read");
    }

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
