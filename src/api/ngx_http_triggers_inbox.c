
/*
 * Reading: GET /inbox, and one event by its id.  A job goes to a thread, which
 * queries the store and writes the body; the request is parked meanwhile.
 */


#include "ngx_http_triggers_accept.h"
#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_cloudevent.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_poll.h"
#include "ngx_http_triggers_link.h"
#include "ngx_http_triggers_query.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_event_json.h"


typedef struct {
    ngx_http_triggers_job_t  base;

    /* copied from the request for the thread */
    ngx_uint_t               cloudevents;      /* flag: is asked for them */
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    int64_t                  seq;              /* of the one event */
    size_t                   size_max;

    ngx_http_triggers_inbox_query_t  q;
    uint64_t                 generation;       /* before it looks */
    ngx_triggers_page_t      page;
    ngx_str_t                end;              /* cursor behind the page; data
                                                  NULL: none */
    ngx_str_t                next;             /* that, if more follows */
    u_char                   cursor[NGX_HTTP_TRIGGERS_CURSOR_LEN];
    ngx_uint_t               rows;             /* or attempts */
    ngx_triggers_text_t      text;
} ngx_http_triggers_inbox_t;


static ngx_int_t ngx_http_triggers_read_one(ngx_http_request_t *r,
    ngx_int_t (*run)(ngx_triggers_job_t *job, ngx_triggers_reader_t *reader));
static ngx_http_triggers_inbox_t *ngx_http_triggers_inbox_create(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_inbox_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);
static ngx_int_t ngx_http_triggers_inbox_cloudevents(ngx_http_request_t *r,
    ngx_http_triggers_inbox_t *job);
static ngx_int_t ngx_http_triggers_inbox_wait(ngx_http_request_t *r,
    ngx_http_triggers_inbox_t *job);
static ngx_int_t ngx_http_triggers_list_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_list_match(void *data,
    ngx_triggers_row_t *row);
static ngx_int_t ngx_http_triggers_list_row(void *data,
    ngx_triggers_row_t *row);
static void ngx_http_triggers_list_cursors(ngx_http_triggers_inbox_t *job);
static void ngx_http_triggers_list_page(ngx_http_triggers_inbox_t *job);
static ngx_int_t ngx_http_triggers_get_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_get_row(void *data,
    ngx_triggers_row_t *row);
static ngx_int_t ngx_http_triggers_status_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_status_row(void *data,
    ngx_triggers_row_t *row);
static ngx_int_t ngx_http_triggers_status_attempt(void *data,
    ngx_triggers_attempt_t *attempt);


ngx_int_t
ngx_http_triggers_inbox_list(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_str_t                      message;
    ngx_http_triggers_inbox_t     *job;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    job = ngx_http_triggers_inbox_create(r);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_triggers_query_parse(&job->q, job->base.pool, &r->args,
                                       ctx->v1);

    if (rc == NGX_DECLINED) {
        message.data = (u_char *) job->q.message;
        message.len = ngx_strlen(job->q.message);

        rc = ngx_http_triggers_error_field(r, NGX_HTTP_TRIGGERS_BAD_PARAMETER,
                                           &job->q.field, &message);
        ngx_http_triggers_job_free(&job->base);
        return rc;
    }

    if (rc != NGX_OK) {
        ngx_http_triggers_job_free(&job->base);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->q.query.user_id = job->base.asker.user_id;
    job->q.query.any_owner = job->base.asker.any_owner;
    job->q.query.time_limit = tlcf->query_timeout;
    job->q.query.match = job->q.nfilters ? ngx_http_triggers_list_match
                                         : NULL;
    job->q.query.row = ngx_http_triggers_list_row;
    job->q.query.data = job;

    job->base.job.run = ngx_http_triggers_list_thread;

    job->generation = ngx_triggers_poll_generation(&tlcf->store->worker,
                                                   &job->base.asker.user_id,
                                                   job->base.asker.any_owner);

    return ngx_http_triggers_job_start(r, &job->base);
}


ngx_int_t
ngx_http_triggers_event_get(ngx_http_request_t *r)
{
    return ngx_http_triggers_read_one(r, ngx_http_triggers_get_thread);
}


ngx_int_t
ngx_http_triggers_event_status(ngx_http_request_t *r)
{
    return ngx_http_triggers_read_one(r, ngx_http_triggers_status_thread);
}


static ngx_int_t
ngx_http_triggers_read_one(ngx_http_request_t *r,
    ngx_int_t (*run)(ngx_triggers_job_t *job, ngx_triggers_reader_t *reader))
{
    ngx_http_triggers_inbox_t  *job;

    job = ngx_http_triggers_inbox_create(r);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->base.job.run = run;

    return ngx_http_triggers_job_start(r, &job->base);
}


static ngx_http_triggers_inbox_t *
ngx_http_triggers_inbox_create(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_inbox_t     *job;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    job = ngx_http_triggers_job_query(r, sizeof(ngx_http_triggers_inbox_t));
    if (job == NULL) {
        return NULL;
    }

    job->base.answer = ngx_http_triggers_inbox_answer;

    job->cloudevents =
             ngx_http_triggers_accept_cloudevents(&r->headers_in.headers);
    job->size_max = tlcf->response_max_size;
    ngx_memcpy(job->id, ctx->event_id, NGX_TRIGGERS_ID_LEN);

    ngx_triggers_text_init(&job->text, job->base.pool);

    return job;
}


static ngx_int_t
ngx_http_triggers_inbox_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    ngx_int_t                   rc;
    ngx_http_triggers_inbox_t  *job;

    job = (ngx_http_triggers_inbox_t *) base;

    if (base->job.rc != NGX_OK) {
        return ngx_http_triggers_job_unanswered(r, base,
                                                "there is no such event");
    }

    if (job->text.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (job->q.wait && job->rows == 0) {
        rc = ngx_http_triggers_inbox_wait(r, job);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (job->cloudevents
        && ngx_http_triggers_inbox_cloudevents(r, job) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_triggers_send_text(r, NGX_HTTP_OK, &job->text);
}


/* NGX_DECLINED: the empty page is the answer */

static ngx_int_t
ngx_http_triggers_inbox_wait(ngx_http_request_t *r,
    ngx_http_triggers_inbox_t *job)
{
    ngx_int_t                 rc;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    rc = ngx_http_triggers_poll(r, ctx->started + job->q.wait * 1000,
                                job->generation, ngx_http_triggers_inbox_list);

    if (rc == NGX_DONE) {

        /* it may look hundreds of times */

        ngx_http_triggers_job_release(r, &job->base);
    }

    return (rc == NGX_ERROR) ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
}


/* a status is no event and stays JSON */

static ngx_int_t
ngx_http_triggers_inbox_cloudevents(ngx_http_request_t *r,
    ngx_http_triggers_inbox_t *job)
{
    ngx_str_t                 link;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (job->base.job.run == ngx_http_triggers_get_thread) {
        ngx_str_set(&ctx->answer_type, "application/cloudevents+json");
    }

    if (job->base.job.run != ngx_http_triggers_list_thread) {
        return NGX_OK;
    }

    ngx_str_set(&ctx->answer_type, "application/cloudevents-batch+json");

    if (job->next.data == NULL) {
        return NGX_OK;
    }

    if (ngx_http_triggers_link_next(r->pool, &r->unparsed_uri, &job->next,
                                    &link)
        != NGX_OK
        || ngx_http_triggers_add_header(r, "Link", &link) == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* in a thread of the pool, as all that follows */

static ngx_int_t
ngx_http_triggers_list_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_int_t                 rc;
    ngx_http_triggers_inbox_t  *job;

    job = (ngx_http_triggers_inbox_t *) base;

    ngx_triggers_text_puts(&job->text, job->cloudevents ? "["
                                                        : "{\"events\":[");

    rc = ngx_triggers_reader_list(reader, &job->q.query, &job->page);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_triggers_list_cursors(job);

    if (job->cloudevents) {
        ngx_triggers_text_puts(&job->text, "]");

    } else {
        ngx_http_triggers_list_page(job);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_list_match(void *data, ngx_triggers_row_t *row)
{
    ngx_http_triggers_inbox_t *job = data;

    return ngx_http_triggers_query_match(&job->q, row);
}


static ngx_int_t
ngx_http_triggers_list_row(void *data, ngx_triggers_row_t *row)
{
    ngx_http_triggers_inbox_t *job = data;

    if (job->rows++) {
        ngx_triggers_text_puts(&job->text, ",");
    }

    if (job->cloudevents) {
        ngx_http_triggers_cloudevent_write(&job->text, row);

    } else {
        ngx_http_triggers_event_write(&job->text, row, job->base.asker.v1,
                                      job->base.asker.retention);
        ngx_triggers_text_puts(&job->text, "}");
    }

    if (job->text.failed) {
        return NGX_ERROR;
    }

    /* a page of large events ends early, and says that there is more */

    return (job->text.size >= job->size_max) ? NGX_DONE : NGX_OK;
}


/* who follows the inbox goes on behind an empty page where it began */

static void
ngx_http_triggers_list_cursors(ngx_http_triggers_inbox_t *job)
{
    int64_t                seq;
    ngx_triggers_query_t  *query;

    query = &job->q.query;

    seq = job->page.last_seq ? job->page.last_seq : query->cursor;

    if (seq == 0) {
        return;
    }

    job->end.data = job->cursor;
    job->end.len = ngx_http_triggers_cursor_write(job->cursor, seq,
                                                  query->ascending)
                   - job->cursor;

    if (job->page.has_more) {
        job->next = job->end;
    }
}


static void
ngx_http_triggers_list_page(ngx_http_triggers_inbox_t *job)
{
    ngx_triggers_text_t   *text;
    ngx_triggers_query_t  *query;

    text = &job->text;
    query = &job->q.query;

    ngx_triggers_text_puts(text, "],\"total\":");
    ngx_triggers_text_number(text, job->page.total);

    if (job->page.total_is_capped) {
        ngx_triggers_text_puts(text, ",\"total_is_capped\":true");
    }

    ngx_triggers_text_puts(text, ",\"limit\":");
    ngx_triggers_text_number(text, query->limit);
    ngx_triggers_text_puts(text, ",\"offset\":");
    ngx_triggers_text_number(text, query->offset);

    ngx_triggers_text_puts(text, ",\"pagination\":{\"limit\":");
    ngx_triggers_text_number(text, query->limit);
    ngx_triggers_text_puts(text, ",\"offset\":");

    if (job->base.asker.v1) {
        ngx_triggers_text_string(text, &job->next);

    } else {
        ngx_triggers_text_number(text, query->offset);
    }

    ngx_triggers_text_puts(text, ",\"has_more\":");
    ngx_triggers_text_puts(text, job->page.has_more ? "true" : "false");
    ngx_triggers_text_puts(text, ",\"next_cursor\":");
    ngx_triggers_text_string(text, &job->next);
    ngx_triggers_text_puts(text, ",\"end_cursor\":");
    ngx_triggers_text_string(text, &job->end);
    ngx_triggers_text_puts(text, "}");

    ngx_http_triggers_text_end(text, job->base.asker.now,
                               &job->base.asker.request_id);
}


static ngx_int_t
ngx_http_triggers_get_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_http_triggers_inbox_t  *job;

    job = (ngx_http_triggers_inbox_t *) base;

    return ngx_triggers_reader_get(reader, &job->base.asker.user_id,
                                   job->base.asker.any_owner, job->id,
                                   ngx_http_triggers_get_row, job);
}


static ngx_int_t
ngx_http_triggers_get_row(void *data, ngx_triggers_row_t *row)
{
    ngx_http_triggers_inbox_t *job = data;

    if (job->cloudevents) {
        ngx_http_triggers_cloudevent_write(&job->text, row);
        return NGX_OK;
    }

    ngx_http_triggers_event_write(&job->text, row, job->base.asker.v1,
                                  job->base.asker.retention);
    ngx_http_triggers_text_end(&job->text, 0, &job->base.asker.request_id);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_status_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_int_t                   rc;
    ngx_http_triggers_inbox_t  *job;

    job = (ngx_http_triggers_inbox_t *) base;

    rc = ngx_triggers_reader_get(reader, &job->base.asker.user_id,
                                 job->base.asker.any_owner, job->id,
                                 ngx_http_triggers_status_row, job);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_triggers_reader_attempts(reader, job->seq,
                                      ngx_http_triggers_status_attempt, job);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_triggers_text_puts(&job->text, "]");
    ngx_http_triggers_text_end(&job->text, 0, &job->base.asker.request_id);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_status_row(void *data, ngx_triggers_row_t *row)
{
    ngx_http_triggers_inbox_t *job = data;

    ngx_triggers_text_t  *text;

    text = &job->text;

    ngx_triggers_text_puts(text, "{\"event_id\":");
    ngx_triggers_text_uuid(text, row->event.id);
    ngx_triggers_text_puts(text, ",\"status\":\"");
    ngx_triggers_text_puts(text, ngx_http_triggers_status_name(row->status));
    ngx_triggers_text_puts(text, "\",\"retry_count\":");
    ngx_triggers_text_number(text, row->retry_count);
    ngx_triggers_text_puts(text, ",\"last_retry_at\":");
    ngx_triggers_text_time(text, row->last_retry_at);
    ngx_triggers_text_puts(text, ",\"delivered_at\":");
    ngx_triggers_text_time(text, row->delivered_at);
    ngx_triggers_text_puts(text, ",\"acknowledged_at\":");
    ngx_triggers_text_time(text, row->acknowledged_at);
    ngx_triggers_text_puts(text, ",\"attempts\":[");

    job->seq = row->seq;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_status_attempt(void *data, ngx_triggers_attempt_t *attempt)
{
    ngx_http_triggers_inbox_t *job = data;

    if (job->rows++) {
        ngx_triggers_text_puts(&job->text, ",");
    }

    ngx_http_triggers_attempt_write(&job->text, attempt);

    return NGX_OK;
}
