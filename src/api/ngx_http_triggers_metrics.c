
/*
 * GET /metrics, for keys with the scope, and "triggers_status", for whom the
 * configuration lets in.  Both are answered from the zone alone: however
 * often they are asked, the store is not.
 */


#include "ngx_http_triggers_accept.h"
#include "ngx_http_triggers_metrics.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_clock.h"


/* a worker that has not been seen for so long is dead or hangs */

#define NGX_HTTP_TRIGGERS_SEEN_MAX  2000       /* ms */


static ngx_http_triggers_view_t *ngx_http_triggers_view(
    ngx_http_request_t *r, ngx_uint_t n);
static void ngx_http_triggers_view_fill(ngx_http_triggers_view_t *view,
    ngx_http_triggers_store_t *store);
static void ngx_http_triggers_view_leader(ngx_http_triggers_view_t *view,
    ngx_triggers_metrics_leader_t *leader);
static void ngx_http_triggers_view_logs(ngx_http_triggers_view_t *view,
    ngx_triggers_zone_sh_t *sh);
static void ngx_http_triggers_view_workers(ngx_http_triggers_view_t *view,
    ngx_triggers_zone_sh_t *sh, uint64_t now);
static void ngx_http_triggers_view_parts(ngx_http_triggers_view_t *view,
    ngx_triggers_zone_sh_t *sh);
static ngx_int_t ngx_http_triggers_view_meters(ngx_http_request_t *r,
    ngx_http_triggers_view_t *view, ngx_http_triggers_store_t *store);
static ngx_int_t ngx_http_triggers_view_label(ngx_http_request_t *r,
    ngx_http_triggers_view_t *view, ngx_str_t *name);
static void ngx_http_triggers_metrics_members(ngx_triggers_text_t *text,
    ngx_http_triggers_view_t *view);
static ngx_int_t ngx_http_triggers_metrics_vary(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_status_views(ngx_http_request_t *r,
    ngx_http_triggers_view_t **views, ngx_uint_t *n);
static ngx_int_t ngx_http_triggers_status_send(ngx_http_request_t *r,
    ngx_triggers_text_t *text, ngx_str_t *type);


/* in the order of ngx_http_triggers_format_e */

static ngx_str_t  ngx_http_triggers_formats[] = {
    ngx_string("application/json"),
    ngx_string("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ngx_string("text/plain; version=0.0.4; charset=utf-8")
};


ngx_int_t
ngx_http_triggers_metrics(ngx_http_request_t *r)
{
    ngx_triggers_text_t           text;
    ngx_http_triggers_ctx_t      *ctx;
    ngx_http_triggers_view_t     *view;
    ngx_http_triggers_format_e    format;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    view = ngx_http_triggers_view(r, 1);

    if (view == NULL || ngx_http_triggers_metrics_vary(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_triggers_view_fill(view, ctx->store);
    ngx_triggers_text_init(&text, r->pool);

    format = ngx_http_triggers_accept_metrics(&r->headers_in.headers);

    if (format == NGX_HTTP_TRIGGERS_FORMAT_JSON) {
        ngx_http_triggers_metrics_members(&text, view);
        ngx_http_triggers_text_end(&text, 0, &ctx->request_id);

    } else if (ngx_http_triggers_view_meters(r, view, ctx->store) == NGX_OK) {
        ctx->answer_type = ngx_http_triggers_formats[format];
        ngx_http_triggers_metrics_text(&text, view, 1,
                           format == NGX_HTTP_TRIGGERS_FORMAT_OPENMETRICS);

    } else {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_triggers_send_text(r, NGX_HTTP_OK, &text);
}


ngx_int_t
ngx_http_triggers_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_uint_t                   n;
    ngx_triggers_text_t          text;
    ngx_http_triggers_view_t    *views;
    ngx_http_triggers_format_e   format;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return (ngx_http_triggers_allow_reading(r) == NGX_OK)
               ? NGX_HTTP_NOT_ALLOWED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_triggers_status_views(r, &views, &n) != NGX_OK
        || ngx_http_triggers_metrics_vary(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    format = ngx_http_triggers_accept_metrics(&r->headers_in.headers);

    if (format == NGX_HTTP_TRIGGERS_FORMAT_JSON) {
        format = NGX_HTTP_TRIGGERS_FORMAT_TEXT;
    }

    ngx_triggers_text_init(&text, r->pool);
    ngx_http_triggers_metrics_text(&text, views, n,
                           format == NGX_HTTP_TRIGGERS_FORMAT_OPENMETRICS);

    return ngx_http_triggers_status_send(r, &text,
                                         &ngx_http_triggers_formats[format]);
}


void
ngx_http_triggers_metrics_write(ngx_triggers_text_t *text,
    ngx_http_triggers_store_t *store)
{
    ngx_http_triggers_view_t  *view;

    view = ngx_pcalloc(text->pool, sizeof(ngx_http_triggers_view_t));
    if (view == NULL) {
        text->failed = 1;
        return;
    }

    ngx_http_triggers_view_fill(view, store);
    ngx_http_triggers_metrics_members(text, view);
    ngx_triggers_text_puts(text, "}");
}


static ngx_http_triggers_view_t *
ngx_http_triggers_view(ngx_http_request_t *r, ngx_uint_t n)
{
    return ngx_pcalloc(r->pool, n * sizeof(ngx_http_triggers_view_t));
}


static void
ngx_http_triggers_view_fill(ngx_http_triggers_view_t *view,
    ngx_http_triggers_store_t *store)
{
    uint64_t                 now;
    ngx_triggers_zone_sh_t  *sh;

    sh = store->worker.zone->sh;
    now = ngx_triggers_monotonic_us();

    ngx_triggers_metrics_read(&sh->metrics, now, &view->sums);
    ngx_http_triggers_view_leader(view, sh->metrics.leader);

    view->state = __atomic_load_n(&sh->state, __ATOMIC_RELAXED);
    view->ready = (view->state == NGX_TRIGGERS_STORE_READY);
    view->leading = ngx_triggers_zone_drained(sh);
    view->delivering = ngx_triggers_zone_delivered(sh);
    view->started = sh->metrics.started;

    view->refused = __atomic_load_n(&sh->refused, __ATOMIC_RELAXED);
    view->timeouts = __atomic_load_n(&sh->timeouts, __ATOMIC_RELAXED);
    view->elections = __atomic_load_n(&sh->elections, __ATOMIC_RELAXED);
    view->leaders = __atomic_load_n(&sh->leaders, __ATOMIC_RELAXED);

    view->records = ngx_triggers_ring_records(&sh->ring);
    view->ring_used = ngx_triggers_ring_depth(&sh->ring);
    view->ring_size = sh->ring.size;
    view->zone_size = store->size;
    view->wal_frames = __atomic_load_n(&sh->wal_frames, __ATOMIC_RELAXED);
    view->keys = __atomic_load_n(&sh->keys.count, __ATOMIC_RELAXED);
    view->keys_limit = sh->keys.capacity;
    view->waiting_limit = sh->nresults;

    ngx_http_triggers_view_logs(view, sh);
    ngx_http_triggers_view_workers(view, sh, now / 1000);
    ngx_http_triggers_view_parts(view, sh);
}


static void
ngx_http_triggers_view_leader(ngx_http_triggers_view_t *view,
    ngx_triggers_metrics_leader_t *leader)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_SIZES; i++) {
        view->sizes[i] = __atomic_load_n(&leader->sizes[i], __ATOMIC_RELAXED);
    }

    for (i = 0; i < NGX_TRIGGERS_NBREAKERS; i++) {
        view->endpoints[i] = __atomic_load_n(&leader->endpoints[i],
                                             __ATOMIC_RELAXED);
    }

    for (i = 0; i < NGX_TRIGGERS_NSTATUS; i++) {
        view->events[i] = __atomic_load_n(&leader->events[i],
                                          __ATOMIC_RELAXED);
    }

    view->total_events = __atomic_load_n(&leader->total_events,
                                         __ATOMIC_RELAXED);
    view->database_size = __atomic_load_n(&leader->bytes, __ATOMIC_RELAXED);
    view->failures = __atomic_load_n(&leader->failures, __ATOMIC_RELAXED);
}


static void
ngx_http_triggers_view_logs(ngx_http_triggers_view_t *view,
    ngx_triggers_zone_sh_t *sh)
{
    ngx_triggers_metrics_logs_t  *logs;

    logs = &sh->metrics.leader->logs;

    view->logs.stored = __atomic_load_n(&logs->stored, __ATOMIC_RELAXED);
    view->logs.limited = __atomic_load_n(&logs->limited, __ATOMIC_RELAXED);
    view->logs.sampled = __atomic_load_n(&logs->sampled, __ATOMIC_RELAXED);
    view->logs.missed = __atomic_load_n(&logs->missed, __ATOMIC_RELAXED);
    view->logs.failures = __atomic_load_n(&logs->failures, __ATOMIC_RELAXED);
    view->logs.bytes = __atomic_load_n(&logs->bytes, __ATOMIC_RELAXED);

    view->logs_writable = __atomic_load_n(&sh->log_state, __ATOMIC_RELAXED)
                          != NGX_TRIGGERS_LOG_FAILED;

    /* they are numbered from 1 */

    view->feed_entries = __atomic_load_n(&sh->feed.head, __ATOMIC_RELAXED) - 1;
    view->feed_lost = __atomic_load_n(&sh->feed.lost, __ATOMIC_RELAXED);
}


static void
ngx_http_triggers_view_workers(ngx_http_triggers_view_t *view,
    ngx_triggers_zone_sh_t *sh, uint64_t now)
{
    uint64_t              seen;
    ngx_uint_t            i;
    ngx_triggers_slot_t  *slot;

    view->workers_limit = sh->nslots;

    for (i = 0; i < sh->nslots; i++) {
        slot = &sh->slots[i];

        view->workers_started += __atomic_load_n(&slot->generation,
                                                 __ATOMIC_RELAXED);

        seen = __atomic_load_n(&slot->seen, __ATOMIC_RELAXED);

        if (seen == 0 || seen + NGX_HTTP_TRIGGERS_SEEN_MAX < now) {
            continue;
        }

        view->workers++;
        view->waiting += __atomic_load_n(&slot->waiting, __ATOMIC_RELAXED);
        view->reading += __atomic_load_n(&slot->reading, __ATOMIC_RELAXED);
        view->queries += __atomic_load_n(&slot->queries, __ATOMIC_RELAXED);
        view->polls += __atomic_load_n(&slot->polls, __ATOMIC_RELAXED);
        view->streams += __atomic_load_n(&slot->streams, __ATOMIC_RELAXED);
        view->body_bytes += __atomic_load_n(&slot->body_bytes,
                                            __ATOMIC_RELAXED);
    }
}


static void
ngx_http_triggers_view_parts(ngx_http_triggers_view_t *view,
    ngx_triggers_zone_sh_t *sh)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_NPARTS; i++) {
        view->parts[i] = ngx_triggers_zone_part(sh, i);
    }

    view->parts_used[NGX_TRIGGERS_PART_RING] = view->ring_used;
    view->parts_used[NGX_TRIGGERS_PART_RESULTS] =
                           view->waiting * sizeof(ngx_triggers_zone_result_t);
    view->parts_used[NGX_TRIGGERS_PART_KEYS] =
                               view->keys * sizeof(ngx_triggers_keys_entry_t);
}


/* those that somebody has; their number is bounded by the zone */

static ngx_int_t
ngx_http_triggers_view_meters(ngx_http_request_t *r,
    ngx_http_triggers_view_t *view, ngx_http_triggers_store_t *store)
{
    u_char                     *p;
    ngx_uint_t                  i;
    ngx_triggers_meters_t      *meters;
    ngx_http_triggers_meter_t  *m;

    meters = &store->worker.zone->sh->metrics.meters;

    m = ngx_palloc(r->pool, (meters->nelts + 1)
                            * sizeof(ngx_http_triggers_meter_t));
    if (m == NULL) {
        return NGX_ERROR;
    }

    view->meters = m;

    for (i = 0; i < meters->nelts; i++) {

        if (ngx_triggers_meter_read(&meters->elts[i], &m->meter) != NGX_OK) {
            continue;
        }

        p = ngx_triggers_uuid_format((u_char *) m->name,
                                     (u_char *) m->meter.id);
        *p = '\0';
        m++;
    }

    (void) ngx_triggers_meter_read(ngx_triggers_meters_others(meters),
                                   &m->meter);
    (void) ngx_sprintf((u_char *) m->name, "other%Z");

    view->nmeters = m - view->meters + 1;

    return NGX_OK;
}


/* store="name", in which three characters are escaped */

static ngx_int_t
ngx_http_triggers_view_label(ngx_http_request_t *r,
    ngx_http_triggers_view_t *view, ngx_str_t *name)
{
    u_char  *p;
    size_t   i;

    p = ngx_pnalloc(r->pool, sizeof("store=\"\"") + 2 * name->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    view->label.data = p;
    p = ngx_cpymem(p, "store=\"", sizeof("store=\"") - 1);

    for (i = 0; i < name->len; i++) {

        if (name->data[i] == '\n') {
            *p++ = '\\';
            *p++ = 'n';
            continue;
        }

        if (name->data[i] == '"' || name->data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = name->data[i];
    }

    *p++ = '"';
    view->label.len = p - view->label.data;

    return NGX_OK;
}


/* its object, without the brace at the end */

static void
ngx_http_triggers_metrics_members(ngx_triggers_text_t *text,
    ngx_http_triggers_view_t *view)
{
    ngx_triggers_text_puts(text, "{");
    ngx_http_triggers_metrics_number(text, "total_events",
                                     view->total_events);
    ngx_http_triggers_metrics_number(text, "pending",
                                     view->events[NGX_TRIGGERS_PENDING]);
    ngx_http_triggers_metrics_number(text, "retrying",
                                     view->events[NGX_TRIGGERS_RETRYING]);
    ngx_http_triggers_metrics_number(text, "delivered",
                                     view->events[NGX_TRIGGERS_DELIVERED]);
    ngx_http_triggers_metrics_number(text, "acknowledged",
                                     view->events[NGX_TRIGGERS_ACKNOWLEDGED]);
    ngx_http_triggers_metrics_number(text, "failed",
                                     view->events[NGX_TRIGGERS_FAILED]);
    ngx_http_triggers_metrics_number(text, "queue_depth", view->records);
    ngx_http_triggers_metrics_number(text, "dlq_count",
                                     view->events[NGX_TRIGGERS_FAILED]);

    ngx_http_triggers_metrics_ratio(text, "error_rate",
                                    view->sums.last_errors,
                                    view->sums.last_requests);
    ngx_http_triggers_metrics_ratio(text, "events_per_second",
                                    view->sums.last_events * 1000000,
                                    view->sums.elapsed);

    ngx_http_triggers_metrics_latency(text, "latency_ms",
                                      view->sums.last[0],
                                      NGX_TRIGGERS_BUCKETS);
    ngx_triggers_text_puts(text, ",");
    ngx_http_triggers_metrics_latency(text, "latency_since_start_ms",
                                      view->sums.times[0].buckets,
                                      sizeof(ngx_triggers_histogram_t)
                                      / sizeof(uint64_t));

    ngx_triggers_text_puts(text, ",\"timestamp\":");
    ngx_triggers_text_time(text, ngx_http_triggers_now());
}


static ngx_int_t
ngx_http_triggers_metrics_vary(ngx_http_request_t *r)
{
    ngx_str_t  value;

    ngx_str_set(&value, "Accept");

    return ngx_http_triggers_add_header(r, "Vary", &value) ? NGX_OK
                                                           : NGX_ERROR;
}


/* of the store that the location names, or of all, labelled */

static ngx_int_t
ngx_http_triggers_status_views(ngx_http_request_t *r,
    ngx_http_triggers_view_t **views, ngx_uint_t *n)
{
    ngx_uint_t                       i;
    ngx_http_triggers_view_t        *view;
    ngx_http_triggers_store_t      **store;
    ngx_http_triggers_loc_conf_t    *tlcf;
    ngx_http_triggers_main_conf_t   *tmcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);
    tmcf = ngx_http_get_module_main_conf(r, ngx_http_triggers_module);

    store = &tlcf->status_store;
    *n = 1;

    if (tlcf->status_store == NULL) {
        store = tmcf->stores.elts;
        *n = tmcf->stores.nelts;
    }

    view = ngx_http_triggers_view(r, *n);
    if (view == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < *n; i++) {
        ngx_http_triggers_view_fill(&view[i], store[i]);

        if (ngx_http_triggers_view_meters(r, &view[i], store[i]) != NGX_OK
            || ngx_http_triggers_view_label(r, &view[i], &store[i]->name)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    *views = view;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_status_send(ngx_http_request_t *r,
    ngx_triggers_text_t *text, ngx_str_t *type)
{
    ngx_int_t   rc;
    ngx_buf_t  *b;

    if (text->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = text->last->buf;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = text->size;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, text->first);
}
