
/*
 * Reading webhooks: GET /v1/webhooks, one webhook, what was pushed to it, and
 * the webhook that has just been changed.  A job goes to a thread, which
 * queries the store and writes the body; the request is parked meanwhile.
 * What is written never has a secret, but for the new one of a rotation, which
 * the request itself has made.
 */


#include "ngx_http_triggers_event_json.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_key.h"
#include "ngx_http_triggers_page.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_webhook.h"


typedef struct {
    ngx_http_triggers_job_t  base;

    /* copied from the request for the thread */
    ngx_uint_t               changed;          /* flag: it is an answer to a
                                                  change */
    u_char                   id[NGX_TRIGGERS_WEBHOOK_ID_LEN];

    ngx_http_triggers_page_t  page;
    ngx_uint_t               rows;
    int64_t                  last;             /* number of the last row */
    int64_t                  number;           /* of the webhook */
    ngx_triggers_text_t      text;

    ngx_http_triggers_webhook_state_t  *state; /* NULL: no new secret; of the
                                                  request, not the thread's */
} ngx_http_triggers_webhook_job_t;


static ngx_int_t ngx_http_triggers_webhook_read(ngx_http_request_t *r,
    ngx_uint_t changed, ngx_http_triggers_webhook_state_t *state);
static ngx_int_t ngx_http_triggers_webhook_pages(ngx_http_request_t *r,
    u_char kind, ngx_int_t (*run)(ngx_triggers_job_t *job,
    ngx_triggers_reader_t *reader));
static ngx_http_triggers_webhook_job_t *ngx_http_triggers_webhook_job_create(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_webhook_list_thread(
    ngx_triggers_job_t *base, ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_webhook_list_row(void *data,
    ngx_triggers_webhook_t *webhook);
static ngx_int_t ngx_http_triggers_webhook_deliveries_thread(
    ngx_triggers_job_t *base, ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_webhook_number(void *data,
    ngx_triggers_webhook_t *webhook);
static ngx_int_t ngx_http_triggers_webhook_deliveries_row(void *data,
    ngx_triggers_attempt_t *attempt);
static void ngx_http_triggers_webhook_write_end(
    ngx_http_triggers_webhook_job_t *job, ngx_uint_t has_more);
static ngx_int_t ngx_http_triggers_webhook_get_thread(
    ngx_triggers_job_t *base, ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_webhook_get_row(void *data,
    ngx_triggers_webhook_t *webhook);
static ngx_int_t ngx_http_triggers_webhook_job_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);
static ngx_int_t ngx_http_triggers_webhook_rotated(ngx_http_request_t *r,
    ngx_http_triggers_webhook_job_t *job);
static void ngx_http_triggers_webhook_write_types(ngx_triggers_text_t *text,
    ngx_str_t *types);
static void ngx_http_triggers_webhook_write_breaker(ngx_triggers_text_t *text,
    ngx_triggers_webhook_t *webhook, int64_t now);


ngx_int_t
ngx_http_triggers_webhook_list(ngx_http_request_t *r)
{
    return ngx_http_triggers_webhook_pages(r, 'w',
                                       ngx_http_triggers_webhook_list_thread);
}


ngx_int_t
ngx_http_triggers_webhook_deliveries(ngx_http_request_t *r)
{
    return ngx_http_triggers_webhook_pages(r, 'd',
                                 ngx_http_triggers_webhook_deliveries_thread);
}


ngx_int_t
ngx_http_triggers_webhook_get(ngx_http_request_t *r)
{
    return ngx_http_triggers_webhook_read(r, 0, NULL);
}


ngx_int_t
ngx_http_triggers_webhook_answer(ngx_http_request_t *r,
    ngx_http_triggers_webhook_state_t *state)
{
    return ngx_http_triggers_webhook_read(r, 1, state);
}


void
ngx_http_triggers_webhook_write(ngx_triggers_text_t *text,
    ngx_triggers_webhook_t *webhook, int64_t now)
{
    ngx_str_t  none;

    ngx_str_null(&none);

    ngx_triggers_text_puts(text, "{\"webhook_id\":");
    ngx_triggers_text_uuid(text, webhook->id);
    ngx_triggers_text_puts(text, ",\"user_id\":");
    ngx_triggers_text_string(text, webhook->configured ? &none
                                                       : &webhook->user_id);
    ngx_triggers_text_puts(text, ",\"configured\":");
    ngx_triggers_text_puts(text, webhook->configured ? "true" : "false");
    ngx_triggers_text_puts(text, ",\"url\":");
    ngx_triggers_text_string(text, &webhook->url);

    ngx_http_triggers_webhook_write_types(text, &webhook->event_types);

    ngx_triggers_text_puts(text, ",\"description\":");
    ngx_triggers_text_string(text, &webhook->description);
    ngx_triggers_text_puts(text, ",\"is_active\":");
    ngx_triggers_text_puts(text, webhook->active ? "true" : "false");
    ngx_triggers_text_puts(text, ",\"format\":");
    ngx_triggers_text_puts(text,
                           webhook->format == NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS
                           ? "\"cloudevents\"" : "\"standard\"");

    ngx_triggers_text_member_time(text, "created_at", webhook->created_at);
    ngx_triggers_text_member_time(text, "updated_at", webhook->updated_at);
    ngx_triggers_text_member_time(text, "disabled_at", webhook->disabled_at);

    ngx_http_triggers_webhook_write_breaker(text, webhook, now);

    ngx_triggers_text_member_time(text, "last_success_at",
                                  webhook->last_success_at);
    ngx_triggers_text_member_time(text, "last_failure_at",
                                  webhook->last_failure_at);
    ngx_triggers_text_puts(text, ",\"last_error\":");
    ngx_triggers_text_string(text, &webhook->last_error);
}


static ngx_int_t
ngx_http_triggers_webhook_read(ngx_http_request_t *r, ngx_uint_t changed,
    ngx_http_triggers_webhook_state_t *state)
{
    ngx_http_triggers_webhook_job_t  *job;

    job = ngx_http_triggers_webhook_job_create(r);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->changed = changed;
    job->state = state;

    if (state && ngx_triggers_text_wipe(&job->text) != NGX_OK) {
        ngx_http_triggers_job_free(&job->base);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->base.job.run = ngx_http_triggers_webhook_get_thread;

    return ngx_http_triggers_job_start(r, &job->base);
}


/* a page of what run lists, with cursors of a kind */

static ngx_int_t
ngx_http_triggers_webhook_pages(ngx_http_request_t *r, u_char kind,
    ngx_int_t (*run)(ngx_triggers_job_t *job, ngx_triggers_reader_t *reader))
{
    ngx_int_t                         rc;
    ngx_http_triggers_webhook_job_t  *job;

    job = ngx_http_triggers_webhook_job_create(r);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_triggers_page_read(r, &job->page, kind);

    if (rc != NGX_DECLINED) {
        ngx_http_triggers_job_free(&job->base);
        return rc;
    }

    job->base.job.run = run;

    return ngx_http_triggers_job_start(r, &job->base);
}


static ngx_http_triggers_webhook_job_t *
ngx_http_triggers_webhook_job_create(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t          *ctx;
    ngx_http_triggers_webhook_job_t  *job;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    job = ngx_http_triggers_job_query(r,
                                      sizeof(ngx_http_triggers_webhook_job_t));
    if (job == NULL) {
        return NULL;
    }

    job->base.answer = ngx_http_triggers_webhook_job_answer;
    ngx_memcpy(job->id, ctx->id, NGX_TRIGGERS_WEBHOOK_ID_LEN);

    ngx_triggers_text_init(&job->text, job->base.pool);

    return job;
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_webhook_list_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_int_t                         rc;
    ngx_triggers_webhook_query_t      query;
    ngx_http_triggers_webhook_job_t  *job;

    job = (ngx_http_triggers_webhook_job_t *) base;

    query.user_id = job->base.asker.user_id;
    query.any_owner = job->base.asker.any_owner;
    query.cursor = ngx_http_triggers_page_number(&job->page);
    query.offset = job->page.offset;
    query.limit = job->page.limit;
    query.handler = ngx_http_triggers_webhook_list_row;
    query.data = job;

    ngx_triggers_text_puts(&job->text, "{\"webhooks\":[");

    rc = ngx_triggers_reader_webhooks(reader, &query);

    if (rc == NGX_OK) {
        ngx_http_triggers_webhook_write_end(job, query.has_more);
    }

    return rc;
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_webhook_list_row(void *data, ngx_triggers_webhook_t *webhook)
{
    ngx_http_triggers_webhook_job_t *job = data;

    if (job->rows++) {
        ngx_triggers_text_puts(&job->text, ",");
    }

    ngx_http_triggers_webhook_write(&job->text, webhook, job->base.asker.now);
    ngx_triggers_text_puts(&job->text, "}");

    job->last = webhook->number;

    return job->text.failed ? NGX_ERROR : NGX_OK;
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_webhook_deliveries_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_int_t                         rc;
    ngx_triggers_delivery_query_t     query;
    ngx_http_triggers_webhook_job_t  *job;

    job = (ngx_http_triggers_webhook_job_t *) base;

    rc = ngx_triggers_reader_webhook(reader, &job->base.asker.user_id,
                                     job->base.asker.any_owner, job->id,
                                     ngx_http_triggers_webhook_number, job);

    if (rc != NGX_OK) {
        return rc;
    }

    query.webhook = job->number;
    query.cursor = ngx_http_triggers_page_number(&job->page);
    query.offset = job->page.offset;
    query.limit = job->page.limit;
    query.handler = ngx_http_triggers_webhook_deliveries_row;
    query.data = job;

    ngx_triggers_text_puts(&job->text, "{\"deliveries\":[");

    rc = ngx_triggers_reader_deliveries(reader, &query);

    if (rc == NGX_OK) {
        ngx_http_triggers_webhook_write_end(job, query.has_more);
    }

    return rc;
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_webhook_number(void *data, ngx_triggers_webhook_t *webhook)
{
    ngx_http_triggers_webhook_job_t *job = data;

    job->number = webhook->number;

    return NGX_OK;
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_webhook_deliveries_row(void *data,
    ngx_triggers_attempt_t *attempt)
{
    ngx_http_triggers_webhook_job_t *job = data;

    ngx_triggers_text_t  *text;

    text = &job->text;

    if (job->rows++) {
        ngx_triggers_text_puts(text, ",");
    }

    ngx_triggers_text_puts(text, "{\"event_id\":");
    ngx_triggers_text_uuid(text, attempt->event_id);

    ngx_triggers_text_member_time(text, "at", attempt->at);
    ngx_http_triggers_attempt_write_outcome(text, attempt);

    job->last = attempt->number;

    return text->failed ? NGX_ERROR : NGX_OK;
}


/* in a thread of the pool */

static void
ngx_http_triggers_webhook_write_end(ngx_http_triggers_webhook_job_t *job,
    ngx_uint_t has_more)
{
    u_char  place[NGX_HTTP_TRIGGERS_PAGE_PLACE];

    ngx_http_triggers_page_place(place, job->last);
    ngx_http_triggers_page_write(&job->text, &job->page,
                                 has_more ? place : NULL);

    ngx_http_triggers_text_end(&job->text, job->base.asker.now,
                               &job->base.asker.request_id);
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_webhook_get_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_http_triggers_webhook_job_t  *job;

    job = (ngx_http_triggers_webhook_job_t *) base;

    return ngx_triggers_reader_webhook(reader, &job->base.asker.user_id,
                                       job->base.asker.any_owner, job->id,
                                       ngx_http_triggers_webhook_get_row, job);
}


/* in a thread of the pool */

static ngx_int_t
ngx_http_triggers_webhook_get_row(void *data, ngx_triggers_webhook_t *webhook)
{
    ngx_http_triggers_webhook_job_t *job = data;

    ngx_http_triggers_webhook_write(&job->text, webhook, job->base.asker.now);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_webhook_job_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    ngx_http_triggers_webhook_job_t  *job;

    job = (ngx_http_triggers_webhook_job_t *) base;

    if (job->state) {
        return ngx_http_triggers_webhook_rotated(r, job);
    }

    if (base->job.rc != NGX_OK && base->job.rc != NGX_DECLINED
        && job->changed)
    {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the webhook has been changed, but the "
                                       "store cannot be read");
    }

    if (base->job.rc != NGX_OK) {
        return ngx_http_triggers_job_unanswered(r, base,
                                                "there is no such webhook");
    }

    if (job->page.kind == 0) {
        ngx_http_triggers_text_end(&job->text, job->base.asker.now,
                                   &job->base.asker.request_id);
    }

    return ngx_http_triggers_send_text(r, NGX_HTTP_OK, &job->text);
}


/*
 * The old secret has been given an end: its owner gets the new one, whatever
 * can be said of the webhook.
 */

static ngx_int_t
ngx_http_triggers_webhook_rotated(ngx_http_request_t *r,
    ngx_http_triggers_webhook_job_t *job)
{
    ngx_triggers_text_t  *text;

    text = &job->text;

    if (job->base.job.rc != NGX_OK) {
        ngx_triggers_text_init(text, job->base.pool);
        ngx_triggers_text_puts(text, "{\"webhook_id\":");
        ngx_triggers_text_uuid(text, job->id);
    }

    ngx_triggers_text_puts(text, ",\"secret\":");
    ngx_triggers_text_string(text, &job->state->webhook.secret);

    ngx_http_triggers_text_end(text, job->base.asker.now,
                               &job->base.asker.request_id);

    return ngx_http_triggers_send_text(r, NGX_HTTP_OK, text);
}


static void
ngx_http_triggers_webhook_write_types(ngx_triggers_text_t *text,
    ngx_str_t *types)
{
    u_char     *p, *last;
    ngx_str_t   type;

    ngx_triggers_text_puts(text, ",\"event_types\":[");

    last = types->data + types->len;

    for (p = types->data; p < last; p += type.len + 1) {

        type.data = p;
        type.len = ngx_strnlen(p, last - p);

        if (p != types->data) {
            ngx_triggers_text_puts(text, ",");
        }

        ngx_triggers_text_string(text, &type);
    }

    ngx_triggers_text_puts(text, "]");
}


static void
ngx_http_triggers_webhook_write_breaker(ngx_triggers_text_t *text,
    ngx_triggers_webhook_t *webhook, int64_t now)
{
    const char  *state;

    state = (webhook->open_until == 0) ? "closed"
            : (webhook->open_until > now) ? "open" : "half_open";

    ngx_triggers_text_puts(text, ",\"breaker\":{\"state\":\"");
    ngx_triggers_text_puts(text, state);
    ngx_triggers_text_puts(text, "\",\"failures\":");
    ngx_triggers_text_number(text, webhook->failures);
    ngx_triggers_text_member_time(text, "open_until", webhook->open_until);
    ngx_triggers_text_puts(text, "}");
}
