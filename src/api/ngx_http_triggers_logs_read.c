
/*
 * GET /logs: what was stored of the live feed, newest first.  A job goes to a
 * thread, which opens the database of the logs and writes the body; the
 * request is parked meanwhile.  The store of the events has no part in it.
 *
 * Where a filter lets little pass a page may be empty with more to follow:
 * the time was over, and the cursor says how far it has looked.
 */


#include "ngx_http_triggers_args.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_log_json.h"
#include "ngx_http_triggers_page.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_args.h"
#include "ngx_triggers_logs_open.h"


#define NGX_HTTP_TRIGGERS_LOGS_TEXT_MAX  256   /* bytes of q */


typedef struct {
    ngx_http_triggers_job_t     base;

    /* copied from the request for the thread */
    u_char                      event_id[NGX_TRIGGERS_ID_LEN];

    ngx_str_t                  *path;          /* of the configuration */
    ngx_triggers_zone_sh_t     *sh;
    size_t                      size_max;      /* of the answer */
    ngx_http_triggers_page_t    page;
    ngx_triggers_logs_query_t   query;
    ngx_uint_t                  logs;
    ngx_triggers_text_t         text;
} ngx_http_triggers_logs_job_t;


static ngx_int_t ngx_http_triggers_logs_arg_level(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_logs_arg_since(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_logs_arg_correlation_id(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_logs_arg_event_id(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_logs_arg_text(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_logs_arg_limit(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_logs_arg_cursor(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_logs_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_logs_query(
    ngx_http_triggers_logs_job_t *job);
static ngx_int_t ngx_http_triggers_logs_row(void *data,
    ngx_triggers_logs_row_t *row);
static ngx_int_t ngx_http_triggers_logs_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);


static const ngx_http_triggers_arg_t  ngx_http_triggers_logs_args[] = {
    { ngx_string("level"), ngx_http_triggers_logs_arg_level,
      "level must be debug, info, warn or error" },

    { ngx_string("since"), ngx_http_triggers_logs_arg_since,
      "since must be an ISO-8601 time" },

    { ngx_string("correlation_id"), ngx_http_triggers_logs_arg_correlation_id,
      "correlation_id must have 1 to 128 characters of A-Z, a-z, 0-9 and "
      "._:-" },

    { ngx_string("event_id"), ngx_http_triggers_logs_arg_event_id,
      "event_id must be a UUID" },

    { ngx_string("q"), ngx_http_triggers_logs_arg_text,
      "q must have 1 to 256 bytes" },

    { ngx_string("limit"), ngx_http_triggers_logs_arg_limit,
      NGX_HTTP_TRIGGERS_PAGE_LIMIT_REFUSED },

    { ngx_string("cursor"), ngx_http_triggers_logs_arg_cursor,
      "cursor must be the next_cursor of an answer" },

    { ngx_null_string, NULL, NULL }
};


ngx_int_t
ngx_http_triggers_logs_list(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_triggers_worker_t         *worker;
    ngx_http_triggers_loc_conf_t  *tlcf;
    ngx_http_triggers_logs_job_t  *job;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);
    worker = &tlcf->store->worker;

    if (worker->logger_conf.path.len == 0) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_NOT_FOUND, NULL,
                                       "no logs are stored here");
    }

    job = ngx_http_triggers_job_query(r, sizeof(ngx_http_triggers_logs_job_t));
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->page.kind = 'g';
    job->path = &worker->logger_conf.path;
    job->sh = worker->zone->sh;
    job->size_max = tlcf->response_max_size;

    job->query.user_id = job->base.asker.user_id;
    job->query.any_owner = job->base.asker.any_owner;
    job->query.level = NGX_TRIGGERS_LEVEL_DEBUG;
    job->query.limit = NGX_HTTP_TRIGGERS_PAGE_LIMIT;
    job->query.time_limit = tlcf->query_timeout;
    job->query.handler = ngx_http_triggers_logs_row;
    job->query.data = job;

    rc = ngx_http_triggers_args_read(r, job->base.pool,
                                     ngx_http_triggers_logs_args, job);

    if (rc != NGX_DECLINED) {
        ngx_http_triggers_job_free(&job->base);
        return rc;
    }

    ngx_triggers_text_init(&job->text, job->base.pool);

    job->base.job.storeless = 1;
    job->base.job.run = ngx_http_triggers_logs_thread;
    job->base.answer = ngx_http_triggers_logs_answer;

    return ngx_http_triggers_job_start(r, &job->base);
}


static ngx_int_t
ngx_http_triggers_logs_arg_level(void *data, ngx_str_t *value)
{
    ngx_http_triggers_logs_job_t *job = data;

    return ngx_http_triggers_level_parse(value, &job->query.level);
}


static ngx_int_t
ngx_http_triggers_logs_arg_since(void *data, ngx_str_t *value)
{
    ngx_http_triggers_logs_job_t *job = data;

    return ngx_triggers_args_time(value, &job->query.since);
}


static ngx_int_t
ngx_http_triggers_logs_arg_correlation_id(void *data, ngx_str_t *value)
{
    ngx_http_triggers_logs_job_t *job = data;

    job->query.correlation_id = *value;

    return ngx_http_triggers_is_request_id(value) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_triggers_logs_arg_event_id(void *data, ngx_str_t *value)
{
    ngx_http_triggers_logs_job_t *job = data;

    job->query.event_id = job->event_id;

    return ngx_triggers_uuid_parse(value, job->event_id);
}


static ngx_int_t
ngx_http_triggers_logs_arg_text(void *data, ngx_str_t *value)
{
    ngx_http_triggers_logs_job_t *job = data;

    job->query.text = *value;

    return (value->len && value->len <= NGX_HTTP_TRIGGERS_LOGS_TEXT_MAX)
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_triggers_logs_arg_limit(void *data, ngx_str_t *value)
{
    ngx_http_triggers_logs_job_t *job = data;

    return ngx_http_triggers_page_limit(value, &job->query.limit);
}


static ngx_int_t
ngx_http_triggers_logs_arg_cursor(void *data, ngx_str_t *value)
{
    ngx_http_triggers_logs_job_t *job = data;

    if (ngx_http_triggers_page_cursor(&job->page, value) != NGX_OK) {
        return NGX_ERROR;
    }

    job->query.before = ngx_http_triggers_page_number(&job->page);

    return NGX_OK;
}


/* in a thread of the pool, as all that follows but the answer */

static ngx_int_t
ngx_http_triggers_logs_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    u_char                         place[NGX_HTTP_TRIGGERS_PAGE_PLACE];
    ngx_int_t                      rc;
    ngx_http_triggers_logs_job_t  *job;

    job = (ngx_http_triggers_logs_job_t *) base;

    ngx_triggers_text_puts(&job->text, "{\"logs\":[");

    rc = ngx_http_triggers_logs_query(job);

    if (rc != NGX_OK) {
        return rc;
    }

    job->page.limit = job->query.limit;
    ngx_http_triggers_page_place(place, job->query.last);

    ngx_http_triggers_page_write(&job->text, &job->page,
                                 job->query.has_more ? place : NULL);

    ngx_http_triggers_text_end(&job->text, job->base.asker.now,
                               &job->base.asker.request_id);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_logs_query(ngx_http_triggers_logs_job_t *job)
{
    ngx_int_t                    rc;
    ngx_triggers_logs_reader_t  *reader;

    rc = ngx_triggers_logs_open(job->path, job->sh, &reader);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    rc = ngx_triggers_logs_read(reader, &job->query);

    ngx_triggers_logs_close(job->path, job->sh, reader);

    if (rc == NGX_DECLINED) {
        job->query.has_more = 1;
        return NGX_OK;
    }

    return rc;
}


static ngx_int_t
ngx_http_triggers_logs_row(void *data, ngx_triggers_logs_row_t *row)
{
    ngx_http_triggers_logs_job_t *job = data;

    if (__atomic_load_n(&job->base.gone, __ATOMIC_RELAXED)) {
        return NGX_ERROR;
    }

    if (job->logs++) {
        ngx_triggers_text_puts(&job->text, ",");
    }

    ngx_http_triggers_log_write(&job->text, &row->entry,
                                job->query.any_owner);

    if (job->text.failed) {
        return NGX_ERROR;
    }

    return (job->text.size >= job->size_max) ? NGX_DONE : NGX_OK;
}


static ngx_int_t
ngx_http_triggers_logs_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    ngx_http_triggers_logs_job_t  *job;

    job = (ngx_http_triggers_logs_job_t *) base;

    switch (base->job.rc) {

    case NGX_OK:
        return ngx_http_triggers_send_text(r, NGX_HTTP_OK, &job->text);

    case NGX_BUSY:
        return ngx_http_triggers_job_unanswered(r, base, NULL);

    default:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the logs cannot be read");
    }
}
