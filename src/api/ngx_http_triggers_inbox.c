
/*
 * Reading: GET /inbox, and one event by its id.  A job with a pool of its own
 * goes to a thread, which queries the store and writes the body; the request
 * is parked meanwhile.  When the client goes first the job ends alone.
 */


#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_query.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_event_json.h"


typedef struct {
    ngx_triggers_job_t       job;
    ngx_pool_t              *pool;             /* of the job */
    ngx_http_request_t      *r;                /* NULL: client has gone */

    /* copied from the request for the thread */
    ngx_str_t                user_id;
    ngx_str_t                request_id;
    ngx_uint_t               any_owner;
    ngx_uint_t               v1;
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    int64_t                  now;
    size_t                   size_max;

    ngx_http_triggers_inbox_query_t  q;
    ngx_triggers_page_t      page;
    ngx_uint_t               rows;
    ngx_triggers_text_t      text;
} ngx_http_triggers_job_t;


static ngx_int_t ngx_http_triggers_read_one(ngx_http_request_t *r,
    ngx_int_t (*run)(ngx_triggers_job_t *job, ngx_triggers_reader_t *reader));
static ngx_http_triggers_job_t *ngx_http_triggers_job_create(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_job_start(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job);
static void ngx_http_triggers_job_cleanup(void *data);
static void ngx_http_triggers_job_done(ngx_triggers_job_t *base);
static ngx_int_t ngx_http_triggers_job_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job);
static void ngx_http_triggers_job_destroy(void *data);
static ngx_int_t ngx_http_triggers_list_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_list_row(void *data,
    ngx_triggers_row_t *row);
static void ngx_http_triggers_list_page(ngx_http_triggers_job_t *job);
static ngx_int_t ngx_http_triggers_get_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_get_row(void *data,
    ngx_triggers_row_t *row);
static ngx_int_t ngx_http_triggers_status_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_status_row(void *data,
    ngx_triggers_row_t *row);
static void ngx_http_triggers_text_request_id(ngx_http_triggers_job_t *job);


ngx_int_t
ngx_http_triggers_inbox_list(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_str_t                      message;
    ngx_http_triggers_job_t       *job;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    job = ngx_http_triggers_job_create(r);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_triggers_query_parse(&job->q, job->pool, &r->args, ctx->v1);

    if (rc == NGX_DECLINED) {
        message.data = (u_char *) job->q.message;
        message.len = ngx_strlen(job->q.message);

        rc = ngx_http_triggers_error_field(r, NGX_HTTP_TRIGGERS_BAD_PARAMETER,
                                           &job->q.field, &message);
        ngx_destroy_pool(job->pool);
        return rc;
    }

    if (rc != NGX_OK) {
        ngx_destroy_pool(job->pool);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->q.query.user_id = job->user_id;
    job->q.query.any_owner = job->any_owner;
    job->q.query.time_limit = tlcf->query_timeout;
    job->q.query.row = ngx_http_triggers_list_row;
    job->q.query.data = job;

    job->job.run = ngx_http_triggers_list_thread;

    return ngx_http_triggers_job_start(r, job);
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
    ngx_http_triggers_job_t  *job;

    job = ngx_http_triggers_job_create(r);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->job.run = run;

    return ngx_http_triggers_job_start(r, job);
}


static ngx_http_triggers_job_t *
ngx_http_triggers_job_create(ngx_http_request_t *r)
{
    ngx_pool_t                    *pool;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_job_t       *job;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    /* not the connection's log: its handler reads the request */

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    job = ngx_pcalloc(pool, sizeof(ngx_http_triggers_job_t));
    if (job == NULL) {
        goto failed;
    }

    job->pool = pool;
    job->r = r;
    job->job.done = ngx_http_triggers_job_done;

    job->user_id = ctx->key->user_id;
    job->any_owner = ngx_http_triggers_is_admin(ctx);
    job->v1 = ctx->v1;
    job->now = ngx_http_triggers_now();
    job->size_max = tlcf->response_max_size;
    ngx_memcpy(job->id, ctx->event_id, NGX_TRIGGERS_ID_LEN);

    job->request_id.len = ctx->request_id.len;
    job->request_id.data = ngx_pstrdup(pool, &ctx->request_id);

    if (job->request_id.data == NULL) {
        goto failed;
    }

    ngx_triggers_text_init(&job->text, pool);

    return job;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


static ngx_int_t
ngx_http_triggers_job_start(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job)
{
    ngx_int_t                      rc;
    ngx_http_cleanup_t            *cln;
    ngx_http_triggers_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        ngx_destroy_pool(job->pool);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_triggers_read(&tlcf->store->worker, &job->job);

    if (rc != NGX_OK) {
        ngx_destroy_pool(job->pool);

        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       rc == NGX_BUSY
                                       ? "too many queries at once"
                                       : "the store is not ready");
    }

    cln->handler = ngx_http_triggers_job_cleanup;
    cln->data = job;

    return ngx_http_triggers_park(r);
}


static void
ngx_http_triggers_job_cleanup(void *data)
{
    ngx_http_triggers_job_t *job = data;

    job->r = NULL;
}


static void
ngx_http_triggers_job_done(ngx_triggers_job_t *base)
{
    ngx_int_t                 rc;
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_pool_cleanup_t       *cln;
    ngx_http_cleanup_t       *hc;
    ngx_http_triggers_job_t  *job;

    job = (ngx_http_triggers_job_t *) base;
    r = job->r;

    if (r == NULL) {
        ngx_destroy_pool(job->pool);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    /* the body is in the job's pool: from here on it lives as the request */

    for (hc = r->main->cleanup; hc; hc = hc->next) {
        if (hc->handler == ngx_http_triggers_job_cleanup && hc->data == job) {
            hc->handler = NULL;
        }
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (cln) {
        cln->handler = ngx_http_triggers_job_destroy;
        cln->data = job->pool;

        rc = ngx_http_triggers_job_answer(r, job);

    } else {
        ngx_destroy_pool(job->pool);
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_triggers_job_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job)
{
    ngx_buf_t  *b;

    switch (job->job.rc) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_NOT_FOUND, NULL,
                                       "there is no such event");

    case NGX_AGAIN:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the query took too long, narrow it");

    case NGX_BUSY:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "too many queries at once");

    default:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the store cannot be read");
    }

    if (job->text.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = job->text.last->buf;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    return ngx_http_triggers_send(r, NGX_HTTP_OK, job->text.first,
                                  job->text.size);
}


static void
ngx_http_triggers_job_destroy(void *data)
{
    ngx_destroy_pool(data);
}


/* in a thread of the pool, as all that follows */

static ngx_int_t
ngx_http_triggers_list_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_int_t                 rc;
    ngx_http_triggers_job_t  *job;

    job = (ngx_http_triggers_job_t *) base;

    ngx_triggers_text_puts(&job->text, "{\"events\":[");

    rc = ngx_triggers_reader_list(reader, &job->q.query, &job->page);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_triggers_list_page(job);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_list_row(void *data, ngx_triggers_row_t *row)
{
    ngx_http_triggers_job_t *job = data;

    if (job->rows++) {
        ngx_triggers_text_puts(&job->text, ",");
    }

    ngx_http_triggers_event_write(&job->text, row, job->v1);
    ngx_triggers_text_puts(&job->text, "}");

    if (job->text.failed) {
        return NGX_ERROR;
    }

    /* a page of large events ends early, and says that there is more */

    return (job->text.size >= job->size_max) ? NGX_DONE : NGX_OK;
}


static void
ngx_http_triggers_list_page(ngx_http_triggers_job_t *job)
{
    u_char                 cursor[NGX_HTTP_TRIGGERS_CURSOR_LEN];
    ngx_str_t              next;
    ngx_triggers_text_t   *text;
    ngx_triggers_query_t  *query;

    text = &job->text;
    query = &job->q.query;

    ngx_str_null(&next);

    if (job->page.has_more && job->page.last_seq) {
        next.data = cursor;
        next.len = ngx_http_triggers_cursor_write(cursor, job->page.last_seq,
                                                  query->ascending)
                   - cursor;
    }

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

    if (job->v1) {
        ngx_triggers_text_string(text, &next);

    } else {
        ngx_triggers_text_number(text, query->offset);
    }

    ngx_triggers_text_puts(text, ",\"has_more\":");
    ngx_triggers_text_puts(text, job->page.has_more ? "true" : "false");
    ngx_triggers_text_puts(text, ",\"next_cursor\":");
    ngx_triggers_text_string(text, &next);
    ngx_triggers_text_puts(text, "},\"timestamp\":");
    ngx_triggers_text_time(text, job->now);

    ngx_http_triggers_text_request_id(job);
}


static ngx_int_t
ngx_http_triggers_get_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_http_triggers_job_t  *job;

    job = (ngx_http_triggers_job_t *) base;

    return ngx_triggers_reader_get(reader, &job->user_id, job->any_owner,
                                   job->id, ngx_http_triggers_get_row, job);
}


static ngx_int_t
ngx_http_triggers_get_row(void *data, ngx_triggers_row_t *row)
{
    ngx_http_triggers_job_t *job = data;

    ngx_http_triggers_event_write(&job->text, row, job->v1);
    ngx_http_triggers_text_request_id(job);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_status_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_http_triggers_job_t  *job;

    job = (ngx_http_triggers_job_t *) base;

    return ngx_triggers_reader_get(reader, &job->user_id, job->any_owner,
                                   job->id, ngx_http_triggers_status_row,
                                   job);
}


static ngx_int_t
ngx_http_triggers_status_row(void *data, ngx_triggers_row_t *row)
{
    ngx_http_triggers_job_t *job = data;

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

    /* nothing hands events out yet, so that there are no attempts */

    ngx_triggers_text_puts(text, ",\"attempts\":[]");

    ngx_http_triggers_text_request_id(job);

    return NGX_OK;
}


static void
ngx_http_triggers_text_request_id(ngx_http_triggers_job_t *job)
{
    ngx_triggers_text_puts(&job->text, ",\"request_id\":");
    ngx_triggers_text_string(&job->text, &job->request_id);
    ngx_triggers_text_puts(&job->text, "}");
}
