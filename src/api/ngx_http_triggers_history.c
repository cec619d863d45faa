
/*
 * GET /v1/metrics/history: what the metrics were in the steps of a range of
 * time.  A job goes to a thread, which reads the minutes that are stored with
 * the logs, adds up those of each step, and writes the body; the request is
 * parked meanwhile.
 *
 * Steps are counted from the epoch, and the range is widened to whole ones.
 * Those of which nothing is stored are left out.
 */


#include "ngx_http_triggers_args.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_metrics.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_args.h"
#include "ngx_triggers_logs_open.h"
#include "ngx_triggers_time.h"


#define NGX_HTTP_TRIGGERS_HISTORY_RANGE   3600000   /* ms, by default */
#define NGX_HTTP_TRIGGERS_HISTORY_POINTS  1440      /* likewise, at most */
#define NGX_HTTP_TRIGGERS_HISTORY_MAX     10000     /* points */
#define NGX_HTTP_TRIGGERS_HISTORY_STEP    86400     /* s, at most */


/* what one step has; of no rows while there is none */

typedef struct {
    ngx_uint_t                  rows;
    int64_t                     start;         /* ms since the epoch */
    uint64_t                    elapsed;       /* ms, of all rows … */
    uint64_t                    longest;       /* … and of one */
    uint64_t                    values[NGX_TRIGGERS_MINUTE_VALUES];
    uint64_t                    times[NGX_TRIGGERS_TIMES]
                                     [NGX_TRIGGERS_BUCKETS];
} ngx_http_triggers_history_point_t;


typedef struct {
    ngx_http_triggers_job_t     base;
    ngx_str_t                  *path;          /* of the configuration */
    ngx_triggers_zone_sh_t     *sh;
    size_t                      size_max;      /* of the answer */
    ngx_uint_t                  has_from;      /* flag */
    ngx_uint_t                  has_to;        /* flag */
    int64_t                     from;          /* ms since the epoch */
    int64_t                     to;
    int64_t                     step;          /* ms, 0: any */
    ngx_triggers_minutes_query_t  query;
    ngx_http_triggers_history_point_t  point;
    ngx_uint_t                  points;
    ngx_uint_t                  has_next;      /* flag: the answer is full */
    int64_t                     next;          /* where it goes on */
    ngx_triggers_text_t         text;
} ngx_http_triggers_history_job_t;


static ngx_http_triggers_history_job_t *ngx_http_triggers_history_create(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_history_arg_from(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_history_arg_to(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_history_arg_step(void *data,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_history_range(ngx_http_request_t *r,
    ngx_http_triggers_history_job_t *job);
static int64_t ngx_http_triggers_history_points(
    ngx_http_triggers_history_job_t *job, int64_t step);
static int64_t ngx_http_triggers_history_start(int64_t time, int64_t step);
static ngx_int_t ngx_http_triggers_history_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_history_query(
    ngx_http_triggers_history_job_t *job);
static ngx_int_t ngx_http_triggers_history_minute(void *data,
    ngx_triggers_minute_t *minute);
static void ngx_http_triggers_history_point(
    ngx_http_triggers_history_job_t *job);
static uint64_t ngx_http_triggers_history_elapsed(
    ngx_http_triggers_history_job_t *job);
static void ngx_http_triggers_history_time(ngx_triggers_text_t *text,
    const char *before, int64_t time);
static ngx_int_t ngx_http_triggers_history_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base);


static const ngx_http_triggers_arg_t  ngx_http_triggers_history_args[] = {
    { ngx_string("from"), ngx_http_triggers_history_arg_from,
      "from must be an ISO-8601 time" },

    { ngx_string("to"), ngx_http_triggers_history_arg_to,
      "to must be an ISO-8601 time" },

    { ngx_string("step"), ngx_http_triggers_history_arg_step,
      "step must be a number of seconds from 60 to 86400, a multiple of 60" },

    { ngx_null_string, NULL, NULL }
};


/* the steps that are chosen by default, minutes */

static const uint16_t  ngx_http_triggers_history_steps[] = {
    1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440
};


/* in the order of ngx_triggers_minute_e */

static const char *const
    ngx_http_triggers_history_names[NGX_TRIGGERS_MINUTE_VALUES] =
{
    "requests",
    "errors",
    "events",
    "acknowledged",
    "delivered",
    "failed",
    "retried",
    "attempts",
    "failed_attempts",
    "commits",
    "pending",
    "retrying",
    "dead_letters",
    "queue_depth"
};


ngx_int_t
ngx_http_triggers_history_list(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_http_triggers_loc_conf_t     *tlcf;
    ngx_http_triggers_history_job_t  *job;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    if (tlcf->store->worker.logger_conf.path.len == 0) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_NOT_FOUND, NULL,
                                       "no history is stored here");
    }

    job = ngx_http_triggers_history_create(r);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_triggers_args_read(r, job->base.pool,
                                     ngx_http_triggers_history_args, job);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_triggers_history_range(r, job);
    }

    if (rc != NGX_DECLINED) {
        ngx_http_triggers_job_free(&job->base);
        return rc;
    }

    return ngx_http_triggers_job_start(r, &job->base);
}


static ngx_http_triggers_history_job_t *
ngx_http_triggers_history_create(ngx_http_request_t *r)
{
    ngx_triggers_worker_t            *worker;
    ngx_http_triggers_loc_conf_t     *tlcf;
    ngx_http_triggers_history_job_t  *job;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);
    worker = &tlcf->store->worker;

    job = ngx_http_triggers_job_query(r,
                                      sizeof(ngx_http_triggers_history_job_t));
    if (job == NULL) {
        return NULL;
    }

    job->path = &worker->logger_conf.path;
    job->sh = worker->zone->sh;
    job->size_max = tlcf->response_max_size;

    job->query.time_limit = tlcf->query_timeout;
    job->query.handler = ngx_http_triggers_history_minute;
    job->query.data = job;

    ngx_triggers_text_init(&job->text, job->base.pool);

    job->base.job.storeless = 1;
    job->base.job.run = ngx_http_triggers_history_thread;
    job->base.answer = ngx_http_triggers_history_answer;

    return job;
}


static ngx_int_t
ngx_http_triggers_history_arg_from(void *data, ngx_str_t *value)
{
    ngx_http_triggers_history_job_t *job = data;

    job->has_from = 1;

    return ngx_triggers_args_time(value, &job->from);
}


static ngx_int_t
ngx_http_triggers_history_arg_to(void *data, ngx_str_t *value)
{
    ngx_http_triggers_history_job_t *job = data;

    job->has_to = 1;

    return ngx_triggers_args_time(value, &job->to);
}


static ngx_int_t
ngx_http_triggers_history_arg_step(void *data, ngx_str_t *value)
{
    ngx_http_triggers_history_job_t *job = data;

    ngx_int_t  step;

    step = ngx_atoi(value->data, value->len);

    if (step < 60 || step > NGX_HTTP_TRIGGERS_HISTORY_STEP || step % 60) {
        return NGX_ERROR;
    }

    job->step = (int64_t) step * 1000;

    return NGX_OK;
}


/* NGX_DECLINED: it is good, go on; else as a handler, which has refused it */

static ngx_int_t
ngx_http_triggers_history_range(ngx_http_request_t *r,
    ngx_http_triggers_history_job_t *job)
{
    int64_t     step;
    ngx_uint_t  i;

    if (!job->has_to) {
        job->to = job->base.asker.now;
    }

    if (!job->has_from) {
        job->from = job->to - NGX_HTTP_TRIGGERS_HISTORY_RANGE;
    }

    if (job->from >= job->to) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_PARAMETER,
                                       "from", "from must be before to");
    }

    step = job->step;

    for (i = 0; job->step == 0; i++) {
        step = ngx_http_triggers_history_steps[i] * NGX_TRIGGERS_MINUTE_MS;

        if (step == NGX_HTTP_TRIGGERS_HISTORY_STEP * 1000
            || ngx_http_triggers_history_points(job, step)
               <= NGX_HTTP_TRIGGERS_HISTORY_POINTS)
        {
            job->step = step;
        }
    }

    if (ngx_http_triggers_history_points(job, step)
        > NGX_HTTP_TRIGGERS_HISTORY_MAX)
    {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_PARAMETER,
                                       "step", "there would be more than %d "
                                       "points", NGX_HTTP_TRIGGERS_HISTORY_MAX);
    }

    job->from = ngx_http_triggers_history_start(job->from, step);
    job->to = ngx_http_triggers_history_start(job->to - 1, step) + step;

    job->query.from = job->from;
    job->query.to = job->to;

    return NGX_DECLINED;
}


static int64_t
ngx_http_triggers_history_points(ngx_http_triggers_history_job_t *job,
    int64_t step)
{
    return (ngx_http_triggers_history_start(job->to - 1, step)
            - ngx_http_triggers_history_start(job->from, step)) / step + 1;
}


/* of the step in which it is; a time may be before the epoch */

static int64_t
ngx_http_triggers_history_start(int64_t time, int64_t step)
{
    int64_t  rest;

    rest = time % step;

    return time - rest - (rest < 0 ? step : 0);
}


/* in a thread of the pool, as all that follows but the answer */

static ngx_int_t
ngx_http_triggers_history_thread(ngx_triggers_job_t *base,
    ngx_triggers_reader_t *reader)
{
    ngx_int_t                         rc;
    ngx_triggers_text_t              *text;
    ngx_http_triggers_history_job_t  *job;

    job = (ngx_http_triggers_history_job_t *) base;
    text = &job->text;

    ngx_http_triggers_history_time(text, "{\"from\":", job->from);
    ngx_http_triggers_history_time(text, ",\"to\":", job->to);
    ngx_triggers_text_puts(text, ",\"step\":");
    ngx_triggers_text_number(text, job->step / 1000);
    ngx_triggers_text_puts(text, ",\"points\":[");

    rc = ngx_http_triggers_history_query(job);

    if (rc != NGX_OK) {
        return rc;
    }

    if (job->has_next) {
        ngx_http_triggers_history_time(text, "],\"next_from\":", job->next);

    } else {
        ngx_triggers_text_puts(text, "],\"next_from\":null");
    }

    ngx_http_triggers_text_end(text, 0, &job->base.asker.request_id);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_history_query(ngx_http_triggers_history_job_t *job)
{
    ngx_int_t                    rc;
    ngx_triggers_logs_reader_t  *reader;

    rc = ngx_triggers_logs_open(job->path, job->sh, &reader);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    rc = ngx_triggers_logs_read_minutes(reader, &job->query);

    ngx_triggers_logs_close(job->path, job->sh, reader);

    if (rc == NGX_OK && job->point.rows) {
        ngx_http_triggers_history_point(job);
    }

    return rc;
}


/* how it was at the end is that of the last one, the rest is added up */

static ngx_int_t
ngx_http_triggers_history_minute(void *data, ngx_triggers_minute_t *minute)
{
    ngx_http_triggers_history_job_t *job = data;

    int64_t                             start;
    ngx_uint_t                          i;
    ngx_http_triggers_history_point_t  *point;

    point = &job->point;
    start = ngx_http_triggers_history_start(minute->minute, job->step);

    if (point->rows && point->start != start) {
        ngx_http_triggers_history_point(job);

        if (job->text.failed
            || __atomic_load_n(&job->base.gone, __ATOMIC_RELAXED))
        {
            return NGX_ERROR;
        }

        if (job->text.size >= job->size_max) {
            job->has_next = 1;
            job->next = start;
            return NGX_DONE;
        }
    }

    point->rows++;
    point->start = start;
    point->elapsed += minute->elapsed;
    point->longest = ngx_max(point->longest, minute->elapsed);

    for (i = 0; i < NGX_TRIGGERS_MINUTE_COUNTS; i++) {
        point->values[i] += minute->values[i];
    }

    for ( /* void */ ; i < NGX_TRIGGERS_MINUTE_VALUES; i++) {
        point->values[i] = minute->values[i];
    }

    /* those that a newer module has written in another way are not known */

    (void) ngx_triggers_history_add(&minute->times, point->times);

    return NGX_OK;
}


/* writes the point that there is, and begins another one */

static void
ngx_http_triggers_history_point(ngx_http_triggers_history_job_t *job)
{
    ngx_uint_t                          i;
    ngx_triggers_text_t                *text;
    ngx_http_triggers_history_point_t  *point;

    text = &job->text;
    point = &job->point;

    ngx_http_triggers_history_time(text, job->points++ ? ",{\"timestamp\":"
                                                       : "{\"timestamp\":",
                                   point->start);
    ngx_triggers_text_puts(text, ",");

    for (i = 0; i < NGX_TRIGGERS_MINUTE_VALUES; i++) {
        ngx_http_triggers_metrics_number(text,
                                         ngx_http_triggers_history_names[i],
                                         point->values[i]);
    }

    ngx_http_triggers_metrics_ratio(text, "error_rate",
                                 point->values[NGX_TRIGGERS_MINUTE_ERRORS],
                                 point->values[NGX_TRIGGERS_MINUTE_REQUESTS]);
    ngx_http_triggers_metrics_ratio(text, "events_per_second",
                                    point->values[NGX_TRIGGERS_MINUTE_ACCEPTED]
                                    * 1000,
                                    ngx_http_triggers_history_elapsed(job));
    ngx_http_triggers_metrics_latency(text, "latency_ms", point->times[0],
                                      NGX_TRIGGERS_BUCKETS);
    ngx_triggers_text_puts(text, "}");

    ngx_memzero(point, sizeof(ngx_http_triggers_history_point_t));
}


/*
 * How long it is that the point is of, ms: of a step that has just begun, or in
 * which nginx was started, that is less than the step.  Two zones may have been
 * at the same time.
 */

static uint64_t
ngx_http_triggers_history_elapsed(ngx_http_triggers_history_job_t *job)
{
    uint64_t                            most;
    ngx_http_triggers_history_point_t  *point;

    point = &job->point;
    most = ngx_max(point->longest, (uint64_t) job->step);

    return ngx_min(point->elapsed, most);
}


/* with what stands before it; 0 is a time, too */

static void
ngx_http_triggers_history_time(ngx_triggers_text_t *text, const char *before,
    int64_t time)
{
    u_char  *p;
    u_char   buf[NGX_TRIGGERS_TIME_LEN + 2];

    p = buf;

    *p++ = '"';
    p = ngx_triggers_time_format(p, time);
    *p++ = '"';

    ngx_triggers_text_puts(text, before);
    ngx_triggers_text_add(text, buf, p - buf);
}


static ngx_int_t
ngx_http_triggers_history_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *base)
{
    ngx_http_triggers_history_job_t  *job;

    job = (ngx_http_triggers_history_job_t *) base;

    switch (base->job.rc) {

    case NGX_OK:
        return ngx_http_triggers_send_text(r, NGX_HTTP_OK, &job->text);

    case NGX_AGAIN:
    case NGX_BUSY:
        return ngx_http_triggers_job_unanswered(r, base, NULL);

    default:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the history cannot be read");
    }
}
