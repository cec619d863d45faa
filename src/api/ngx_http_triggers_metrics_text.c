
/*
 * Metrics in Prometheus' text format, version 0.0.4, and as OpenMetrics 1.0.
 * They differ in little: OpenMetrics names a counter without the "_total" of
 * its sample, has units and an end.
 *
 * One table is all that there is.  Names of labels and their values are ours,
 * but for the name of a store and the ids of endpoints, of which the zone
 * shows a limited number: how many series there are does not depend on what
 * clients send.
 */


#include "ngx_http_triggers_metrics.h"
#include "ngx_http_triggers_router.h"


#define NGX_HTTP_TRIGGERS_LINE_LEN     1024
#define NGX_HTTP_TRIGGERS_SECONDS_LEN  (NGX_INT64_LEN + 8)


typedef enum {
    NGX_HTTP_TRIGGERS_COUNTER = 0,
    NGX_HTTP_TRIGGERS_GAUGE,
    NGX_HTTP_TRIGGERS_HISTOGRAM
} ngx_http_triggers_metric_type_e;


typedef struct ngx_http_triggers_metric_s  ngx_http_triggers_metric_t;


typedef struct {
    ngx_triggers_text_t      *text;
    const ngx_http_triggers_metric_t  *metric;
    ngx_http_triggers_view_t  *view;
} ngx_http_triggers_metrics_writer_t;


/* data is an offset in the view, or what its handler makes of it */

struct ngx_http_triggers_metric_s {
    const char              *name;
    const char              *unit;             /* the name ends with it; NULL:
                                                  none */
    ngx_uint_t               type;             /* …_metric_type_e */
    const char              *help;
    void                   (*handler)(ngx_http_triggers_metrics_writer_t *w,
                                      uintptr_t data);
    uintptr_t                data;
};


static void ngx_http_triggers_metric_head(ngx_triggers_text_t *text,
    const ngx_http_triggers_metric_t *metric, ngx_uint_t openmetrics);
static void ngx_http_triggers_metric_line(
    ngx_http_triggers_metrics_writer_t *w, const char *suffix,
    const char *value, const char *fmt, ...);
static void ngx_http_triggers_metric_number(
    ngx_http_triggers_metrics_writer_t *w, const char *suffix, uint64_t n,
    const char *label, const char *value);
static void ngx_http_triggers_metric_value(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_version(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_started(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_requests(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static const char *ngx_http_triggers_method(ngx_uint_t method);
static void ngx_http_triggers_metric_codes(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_states(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_operations(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_attempts(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_endpoints(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_meter_attempts(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_meter_time(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_meter_breaker(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_meter_sending(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_suppressed(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_store(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_parts(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_time(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_sizes(
    ngx_http_triggers_metrics_writer_t *w, uintptr_t data);
static void ngx_http_triggers_metric_seconds(u_char *buf, uint64_t us);


#define ngx_http_triggers_metric_view(member)                                 \
    ngx_http_triggers_metric_value, offsetof(ngx_http_triggers_view_t, member)


static const ngx_http_triggers_metric_t  ngx_http_triggers_metrics_table[] = {

    { "triggers_build_info", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "The version of the module.",
      ngx_http_triggers_metric_version, 0 },

    { "triggers_start_time_seconds", "seconds", NGX_HTTP_TRIGGERS_GAUGE,
      "When counting began: the start of nginx, Unix time.",
      ngx_http_triggers_metric_started, 0 },

    /* requests */

    { "triggers_requests", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Requests by route and class of status; the route other is unknown "
      "paths and methods, and OPTIONS.",
      ngx_http_triggers_metric_requests, 0 },

    { "triggers_responses", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Requests by status; 499 is a client that left.",
      ngx_http_triggers_metric_codes, 0 },

    { "triggers_received_bytes", "bytes", NGX_HTTP_TRIGGERS_COUNTER,
      "Bytes of requests, headers included.",
      ngx_http_triggers_metric_view(sums.counts.received) },

    { "triggers_sent_bytes", "bytes", NGX_HTTP_TRIGGERS_COUNTER,
      "Bytes of responses, headers included.",
      ngx_http_triggers_metric_view(sums.counts.sent) },

    { "triggers_refused", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Times that the queue, or the places to wait in, were full.",
      ngx_http_triggers_metric_view(refused) },

    { "triggers_commit_timeouts", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Requests that were not committed in time.",
      ngx_http_triggers_metric_view(timeouts) },

    { "triggers_streams_opened", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Live streams that were opened.",
      ngx_http_triggers_metric_view(sums.counts.streams) },

    { "triggers_streams_dropped", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Live streams that were ended because their client did not read.",
      ngx_http_triggers_metric_view(sums.counts.streams_dropped) },

    { "triggers_stream_gaps", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Times that a live stream was told of a gap.",
      ngx_http_triggers_metric_view(sums.counts.stream_gaps) },

    { "triggers_ingest_seconds", "seconds", NGX_HTTP_TRIGGERS_HISTOGRAM,
      "Time of requests that post events, from their header to the end of "
      "the answer; without refusals (4xx).",
      ngx_http_triggers_metric_time, NGX_TRIGGERS_TIME_INGEST },

    { "triggers_inbox_seconds", "seconds", NGX_HTTP_TRIGGERS_HISTOGRAM,
      "Time of requests for the inbox, without those that waited for events.",
      ngx_http_triggers_metric_time, NGX_TRIGGERS_TIME_INBOX },

    { "triggers_ack_seconds", "seconds", NGX_HTTP_TRIGGERS_HISTOGRAM,
      "Time of requests that acknowledge events.",
      ngx_http_triggers_metric_time, NGX_TRIGGERS_TIME_ACK },

    /* events */

    { "triggers_events_accepted", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Events stored since the database was made.",
      ngx_http_triggers_metric_view(total_events) },

    { "triggers_events", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Events in the store, by state; failed ones are the dead letters.",
      ngx_http_triggers_metric_states,
      offsetof(ngx_http_triggers_view_t, events) },

    { "triggers_events_entered", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Times that an event came into a state.",
      ngx_http_triggers_metric_states,
      offsetof(ngx_http_triggers_view_t, sums.moves.entered) },

    { "triggers_events_leased", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Events handed out with leases.",
      ngx_http_triggers_metric_view(sums.tally.leased) },

    { "triggers_events_lease_expired", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Events whose lease ran out.",
      ngx_http_triggers_metric_view(sums.moves.expired) },

    { "triggers_events_retried", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Dead letters retried by hand.",
      ngx_http_triggers_metric_view(sums.tally.retried) },

    { "triggers_operations", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Committed operations by result.",
      ngx_http_triggers_metric_operations, 0 },

    { "triggers_delivery_attempts", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Attempts to push events to endpoints, by outcome.",
      ngx_http_triggers_metric_attempts, 0 },

    { "triggers_endpoints", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Active endpoints by the state of their circuit breaker.",
      ngx_http_triggers_metric_endpoints, 0 },

    { "triggers_endpoint_attempts", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Attempts to push events, by endpoint and outcome; the endpoint other "
      "is all those that are not counted by themselves.",
      ngx_http_triggers_metric_meter_attempts, 0 },

    { "triggers_endpoint_attempt_seconds", "seconds",
      NGX_HTTP_TRIGGERS_HISTOGRAM,
      "Time of attempts to push events, by endpoint.",
      ngx_http_triggers_metric_meter_time, 0 },

    { "triggers_endpoint_breaker_state", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "1 for the state that the circuit breaker of an endpoint is in.",
      ngx_http_triggers_metric_meter_breaker, 0 },

    { "triggers_endpoint_messages_in_flight", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Messages on their way to an endpoint.",
      ngx_http_triggers_metric_meter_sending, 0 },

    { "triggers_delivery_seconds", "seconds", NGX_HTTP_TRIGGERS_HISTOGRAM,
      "Time from the creation of events to their delivery.",
      ngx_http_triggers_metric_time, NGX_TRIGGERS_TIME_DELIVERY },

    /* commits */

    { "triggers_commit_seconds", "seconds", NGX_HTTP_TRIGGERS_HISTOGRAM,
      "Time that requests waited for their commit.",
      ngx_http_triggers_metric_time, NGX_TRIGGERS_TIME_COMMIT },

    { "triggers_queue_wait_seconds", "seconds", NGX_HTTP_TRIGGERS_HISTOGRAM,
      "Time that records waited to be taken into a batch.",
      ngx_http_triggers_metric_time, NGX_TRIGGERS_TIME_QUEUE },

    { "triggers_batch_seconds", "seconds", NGX_HTTP_TRIGGERS_HISTOGRAM,
      "Time of batches, from taking them to telling their results.",
      ngx_http_triggers_metric_time, NGX_TRIGGERS_TIME_BATCH },

    { "triggers_sync_seconds", "seconds", NGX_HTTP_TRIGGERS_HISTOGRAM,
      "Time of COMMIT, most of which is the disk's.",
      ngx_http_triggers_metric_time, NGX_TRIGGERS_TIME_SYNC },

    { "triggers_batch_records", NULL, NGX_HTTP_TRIGGERS_HISTOGRAM,
      "Records in a batch.",
      ngx_http_triggers_metric_sizes, 0 },

    { "triggers_batches", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Batches committed.",
      ngx_http_triggers_metric_view(sums.tally.batches) },

    { "triggers_records", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Records committed; a batch of events is one.",
      ngx_http_triggers_metric_view(sums.tally.records) },

    { "triggers_store_failures", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Times that the store could not be opened or written.",
      ngx_http_triggers_metric_view(failures) },

    /* the store and who drains into it */

    { "triggers_store_up", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "1 if the store can be written.",
      ngx_http_triggers_metric_view(ready) },

    { "triggers_store_state", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "1 for the state that the store is in.",
      ngx_http_triggers_metric_store, 0 },

    { "triggers_leading", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "1 if a worker drains the queue.",
      ngx_http_triggers_metric_view(leading) },

    { "triggers_leaders_elected", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Times that a worker became the one that drains the queue.",
      ngx_http_triggers_metric_view(elections) },

    { "triggers_drainer_starts", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Times that such a worker opened the store and began to drain.",
      ngx_http_triggers_metric_view(leaders) },

    { "triggers_delivering", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "1 if a worker serves the endpoints, or there are none.",
      ngx_http_triggers_metric_view(delivering) },

    { "triggers_database_size_bytes", "bytes", NGX_HTTP_TRIGGERS_GAUGE,
      "Size of the database without its WAL.",
      ngx_http_triggers_metric_view(database_size) },

    { "triggers_wal_frames", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Pages in the WAL.",
      ngx_http_triggers_metric_view(wal_frames) },

    /* the live feed and the stored logs */

    { "triggers_feed_entries", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Entries of the live feed: requests, changes of events, and what is "
      "done in the background.",
      ngx_http_triggers_metric_view(feed_entries) },

    { "triggers_feed_lost", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Entries of it that were lost, as their place was still being written.",
      ngx_http_triggers_metric_view(feed_lost) },

    { "triggers_logs_stored", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Logs stored.",
      ngx_http_triggers_metric_view(logs.stored) },

    { "triggers_logs_suppressed", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Logs left out, by the parameter of triggers_logs that did it.",
      ngx_http_triggers_metric_suppressed, 0 },

    { "triggers_logs_missed", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Entries of the feed that were overwritten before they were looked at.",
      ngx_http_triggers_metric_view(logs.missed) },

    { "triggers_logs_failures", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Times that logs could not be written.",
      ngx_http_triggers_metric_view(logs.failures) },

    { "triggers_logs_writable", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "0 while logs cannot be written.",
      ngx_http_triggers_metric_view(logs_writable) },

    { "triggers_logs_size_bytes", "bytes", NGX_HTTP_TRIGGERS_GAUGE,
      "Size of the database of logs with its WAL.",
      ngx_http_triggers_metric_view(logs.bytes) },

    /* shared memory */

    { "triggers_queue_records", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Records that are not committed yet.",
      ngx_http_triggers_metric_view(records) },

    { "triggers_queue_used_bytes", "bytes", NGX_HTTP_TRIGGERS_GAUGE,
      "What these take.",
      ngx_http_triggers_metric_view(ring_used) },

    { "triggers_queue_size_bytes", "bytes", NGX_HTTP_TRIGGERS_GAUGE,
      "What they may take.",
      ngx_http_triggers_metric_view(ring_size) },

    { "triggers_zone_size_bytes", "bytes", NGX_HTTP_TRIGGERS_GAUGE,
      "Size of the shared memory.",
      ngx_http_triggers_metric_view(zone_size) },

    { "triggers_zone_part_size_bytes", "bytes", NGX_HTTP_TRIGGERS_GAUGE,
      "What parts of it may take: the queue, results of commits, keys, rate "
      "limits, worker processes, metrics, the feed.",
      ngx_http_triggers_metric_parts, 0 },

    { "triggers_zone_part_used_bytes", "bytes", NGX_HTTP_TRIGGERS_GAUGE,
      "What is in use of those that fill.",
      ngx_http_triggers_metric_parts, 1 },

    { "triggers_keys", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Usable keys of the store.",
      ngx_http_triggers_metric_view(keys) },

    { "triggers_keys_limit", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "How many of them there may be.",
      ngx_http_triggers_metric_view(keys_limit) },

    /* workers, as of the last tenth of a second */

    { "triggers_workers", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Worker processes.",
      ngx_http_triggers_metric_view(workers) },

    { "triggers_workers_limit", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "How many of them the shared memory has places for.",
      ngx_http_triggers_metric_view(workers_limit) },

    { "triggers_workers_started", NULL, NGX_HTTP_TRIGGERS_COUNTER,
      "Worker processes that took a place.",
      ngx_http_triggers_metric_view(workers_started) },

    { "triggers_commits_waiting", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Requests that wait for a commit.",
      ngx_http_triggers_metric_view(waiting) },

    { "triggers_commits_waiting_limit", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "How many may wait in one worker process.",
      ngx_http_triggers_metric_view(waiting_limit) },

    { "triggers_queries_running", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Queries that have a reader.",
      ngx_http_triggers_metric_view(reading) },

    { "triggers_queries_waiting", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Queries that wait for one.",
      ngx_http_triggers_metric_view(queries) },

    { "triggers_polls_waiting", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Requests that wait for events.",
      ngx_http_triggers_metric_view(polls) },

    { "triggers_streams", NULL, NGX_HTTP_TRIGGERS_GAUGE,
      "Live streams that are open.",
      ngx_http_triggers_metric_view(streams) },

    { "triggers_body_memory_bytes", "bytes", NGX_HTTP_TRIGGERS_GAUGE,
      "Memory of request bodies.",
      ngx_http_triggers_metric_view(body_bytes) },

    { NULL, NULL, 0, NULL, NULL, 0 }
};


/* in the order of ngx_http_triggers_metric_type_e */

static const char *const  ngx_http_triggers_metric_types[] = {
    "counter", "gauge", "histogram"
};


/* in the order of ngx_triggers_status_e */

static const char *const  ngx_http_triggers_metric_events[] = {
    "acknowledged", "delivered", "failed", "retrying", "pending"
};


/* in the order of ngx_triggers_op_e, which begins with 1 */

static const char *const  ngx_http_triggers_metric_ops[] = {
    NULL, "create", "acknowledge", "delete", "retry", "key_create",
    "key_update", "key_rotate", "key_revoke", "lease", "lease_ack",
    "lease_release", "lease_extend", "lease_undo", "retry_all", "delivery",
    "webhook_create", "webhook_update", "webhook_rotate", "webhook_delete"
};

_Static_assert(sizeof(ngx_http_triggers_metric_ops) / sizeof(char *)
               == NGX_TRIGGERS_NOPS, "an operation has no name");


/* in the order of ngx_triggers_rc_e */

static const char *const  ngx_http_triggers_metric_results[] = {
    "ok", "not_found", "conflict", "exhausted", "failed", "replay",
    "key_reused", "forbidden", "expired", "no_room", "lease_over",
    "not_leased"
};

_Static_assert(sizeof(ngx_http_triggers_metric_results) / sizeof(char *)
               == NGX_TRIGGERS_RC_MAX, "a result has no name");


/* in the order of ngx_triggers_attempt_e */

static const char *const  ngx_http_triggers_metric_outcomes[] = {
    "delivered", "failed", "released", "expired", "cancelled"
};

_Static_assert(sizeof(ngx_http_triggers_metric_outcomes) / sizeof(char *)
               == NGX_TRIGGERS_NATTEMPTS, "an outcome has no name");


/* in the order of ngx_triggers_breaker_state_e */

static const char *const  ngx_http_triggers_metric_breakers[] = {
    "closed", "open", "half_open"
};


/* in the order of ngx_triggers_zone_part_e */

static const char *const  ngx_http_triggers_metric_zone[] = {
    "queue", "results", "keys", "rates", "workers", "metrics", "feed"
};

_Static_assert(sizeof(ngx_http_triggers_metric_zone) / sizeof(char *)
               == NGX_TRIGGERS_NPARTS, "a part has no name");


/* in the order of ngx_triggers_store_state_e */

static const char *const  ngx_http_triggers_metric_stores[] = {
    "starting", "ready", "open_failed", "locked", "full", "read_only",
    "io_error", "moved", "newer", "foreign", "corrupt"
};


void
ngx_http_triggers_metrics_text(ngx_triggers_text_t *text,
    ngx_http_triggers_view_t *views, ngx_uint_t n, ngx_uint_t openmetrics)
{
    ngx_uint_t                          i;
    const ngx_http_triggers_metric_t   *metric;
    ngx_http_triggers_metrics_writer_t  w;

    w.text = text;

    for (metric = ngx_http_triggers_metrics_table; metric->name; metric++) {

        ngx_http_triggers_metric_head(text, metric, openmetrics);

        w.metric = metric;

        for (i = 0; i < n; i++) {
            w.view = &views[i];
            metric->handler(&w, metric->data);
        }
    }

    if (openmetrics) {
        ngx_triggers_text_puts(text, "# EOF\n");
    }
}


const char *
ngx_http_triggers_store_name(ngx_uint_t state)
{
    return ngx_http_triggers_metric_stores[state];
}


const char *
ngx_http_triggers_breaker_name(ngx_uint_t state)
{
    return ngx_http_triggers_metric_breakers[state];
}


static void
ngx_http_triggers_metric_head(ngx_triggers_text_t *text,
    const ngx_http_triggers_metric_t *metric, ngx_uint_t openmetrics)
{
    u_char      *p, *last;
    const char  *suffix;
    u_char       buf[NGX_HTTP_TRIGGERS_LINE_LEN];

    suffix = "";

    if (metric->type == NGX_HTTP_TRIGGERS_COUNTER && !openmetrics) {
        suffix = "_total";
    }

    last = buf + sizeof(buf);

    p = ngx_slprintf(buf, last, "# HELP %s%s %s\n# TYPE %s%s %s\n",
                     metric->name, suffix, metric->help,
                     metric->name, suffix,
                     ngx_http_triggers_metric_types[metric->type]);

    if (metric->unit && openmetrics) {
        p = ngx_slprintf(p, last, "# UNIT %s %s\n", metric->name,
                         metric->unit);
    }

    ngx_triggers_text_add(text, buf, p - buf);
}


/* the format is that of the labels besides the store's */

static void
ngx_http_triggers_metric_line(ngx_http_triggers_metrics_writer_t *w,
    const char *suffix, const char *value, const char *fmt, ...)
{
    u_char     *p, *last;
    va_list     args;
    ngx_str_t   labels;
    u_char      buf[NGX_HTTP_TRIGGERS_LINE_LEN];

    last = buf + sizeof(buf);

    va_start(args, fmt);
    p = ngx_vslprintf(buf, last, fmt, args);
    va_end(args);

    labels.data = buf;
    labels.len = p - buf;

    ngx_triggers_text_puts(w->text, w->metric->name);
    ngx_triggers_text_puts(w->text, suffix);

    if (w->view->label.len || labels.len) {
        ngx_triggers_text_puts(w->text, "{");

        if (w->view->label.len) {
            ngx_triggers_text_add(w->text, w->view->label.data,
                                  w->view->label.len);
        }

        if (w->view->label.len && labels.len) {
            ngx_triggers_text_puts(w->text, ",");
        }

        ngx_triggers_text_add(w->text, labels.data, labels.len);
        ngx_triggers_text_puts(w->text, "}");
    }

    ngx_triggers_text_puts(w->text, " ");
    ngx_triggers_text_puts(w->text, value);
    ngx_triggers_text_puts(w->text, "\n");
}


/* with one label, or none where it is NULL */

static void
ngx_http_triggers_metric_number(ngx_http_triggers_metrics_writer_t *w,
    const char *suffix, uint64_t n, const char *label, const char *value)
{
    u_char  buf[NGX_INT64_LEN + 1];

    (void) ngx_sprintf(buf, "%uL%Z", n);

    if (label == NULL) {
        ngx_http_triggers_metric_line(w, suffix, (char *) buf, "");
        return;
    }

    ngx_http_triggers_metric_line(w, suffix, (char *) buf, "%s=\"%s\"", label,
                                  value);
}


static void
ngx_http_triggers_metric_value(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    uint64_t  *n;

    n = (uint64_t *) ((u_char *) w->view + data);

    ngx_http_triggers_metric_number(w,
                            (w->metric->type == NGX_HTTP_TRIGGERS_COUNTER)
                            ? "_total" : "", *n, NULL, NULL);
}


static void
ngx_http_triggers_metric_version(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    ngx_http_triggers_metric_number(w, "", 1, "version",
                                    NGX_HTTP_TRIGGERS_VERSION);
}


static void
ngx_http_triggers_metric_started(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    u_char  buf[NGX_INT64_LEN + 5];

    (void) ngx_sprintf(buf, "%uL.%03uL%Z", w->view->started / 1000,
                       w->view->started % 1000);

    ngx_http_triggers_metric_line(w, "", (char *) buf, "");
}


static void
ngx_http_triggers_metric_requests(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    uint64_t                          n;
    ngx_uint_t                        i, class;
    u_char                            buf[NGX_INT64_LEN + 1];
    const ngx_http_triggers_route_t  *route;

    for (i = 0; i < NGX_TRIGGERS_ROUTES; i++) {
        route = ngx_http_triggers_route_of(i);

        if (i && route == NULL) {
            break;
        }

        for (class = 0; class < NGX_TRIGGERS_CLASSES; class++) {

            n = w->view->sums.counts.requests[i][class];

            /* redirects are made by other parts of a configuration only */

            if (n == 0 && class == 1) {
                continue;
            }

            (void) ngx_sprintf(buf, "%uL%Z", n);

            if (route == NULL) {
                ngx_http_triggers_metric_line(w, "_total", (char *) buf,
                            "method=\"other\",route=\"other\","
                            "status=\"%uixx\"", class + 2);
                continue;
            }

            ngx_http_triggers_metric_line(w, "_total", (char *) buf,
                            "method=\"%s\",route=\"%V\",status=\"%uixx\"",
                            ngx_http_triggers_method(route->method),
                            &route->path, class + 2);
        }
    }
}


static const char *
ngx_http_triggers_method(ngx_uint_t method)
{
    switch (method) {

    case NGX_HTTP_GET:
        return "GET";

    case NGX_HTTP_POST:
        return "POST";

    case NGX_HTTP_PATCH:
        return "PATCH";

    default: /* NGX_HTTP_DELETE */
        return "DELETE";
    }
}


static void
ngx_http_triggers_metric_codes(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    u_char      code[NGX_INT_T_LEN + 1];
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_CODES; i++) {

        (void) ngx_sprintf(code, "%ui%Z", ngx_triggers_metrics_status(i));

        ngx_http_triggers_metric_number(w, "_total",
                                        w->view->sums.counts.codes[i], "code",
                                        (i == NGX_TRIGGERS_CODES - 1)
                                        ? "other" : (char *) code);
    }
}


static void
ngx_http_triggers_metric_states(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    uint64_t    *n;
    ngx_uint_t   i;

    n = (uint64_t *) ((u_char *) w->view + data);

    for (i = 0; i < NGX_TRIGGERS_NSTATUS; i++) {
        ngx_http_triggers_metric_number(w,
                            (w->metric->type == NGX_HTTP_TRIGGERS_COUNTER)
                            ? "_total" : "", n[i], "state",
                            ngx_http_triggers_metric_events[i]);
    }
}


/* most results are impossible for most operations: they never show */

static void
ngx_http_triggers_metric_operations(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    uint64_t    n;
    ngx_uint_t  op, rc;
    u_char      buf[NGX_INT64_LEN + 1];

    for (op = NGX_TRIGGERS_OP_CREATE; op < NGX_TRIGGERS_NOPS; op++) {
        for (rc = 0; rc < NGX_TRIGGERS_RC_MAX; rc++) {
            n = w->view->sums.tally.ops[op][rc];

            if (n == 0 && rc != NGX_TRIGGERS_RC_OK
                && !(op == NGX_TRIGGERS_OP_CREATE
                     && rc == NGX_TRIGGERS_RC_REPLAY))
            {
                continue;
            }

            (void) ngx_sprintf(buf, "%uL%Z", n);

            ngx_http_triggers_metric_line(w, "_total", (char *) buf,
                                    "operation=\"%s\",result=\"%s\"",
                                    ngx_http_triggers_metric_ops[op],
                                    ngx_http_triggers_metric_results[rc]);
        }
    }
}


static void
ngx_http_triggers_metric_attempts(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_NATTEMPTS; i++) {
        ngx_http_triggers_metric_number(w, "_total",
                                   w->view->sums.tally.attempts[i], "outcome",
                                   ngx_http_triggers_metric_outcomes[i]);
    }
}


static void
ngx_http_triggers_metric_endpoints(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_NBREAKERS; i++) {
        ngx_http_triggers_metric_number(w, "", w->view->endpoints[i],
                                        "breaker",
                                        ngx_http_triggers_metric_breakers[i]);
    }
}


static void
ngx_http_triggers_metric_meter_attempts(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    ngx_uint_t                  i, n;
    u_char                      buf[NGX_INT64_LEN + 1];
    ngx_http_triggers_meter_t  *m;

    for (n = 0; n < w->view->nmeters; n++) {
        m = &w->view->meters[n];

        for (i = 0; i < NGX_TRIGGERS_METER_OUTCOMES; i++) {
            (void) ngx_sprintf(buf, "%uL%Z", m->meter.attempts[i]);

            ngx_http_triggers_metric_line(w, "_total", (char *) buf,
                                    "endpoint=\"%s\",outcome=\"%s\"", m->name,
                                    ngx_http_triggers_metric_outcomes[i]);
        }
    }
}


static void
ngx_http_triggers_metric_meter_time(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    uint64_t                    count;
    ngx_uint_t                  i, n;
    u_char                      buf[NGX_INT64_LEN + 1];
    u_char                      le[NGX_HTTP_TRIGGERS_SECONDS_LEN];
    ngx_http_triggers_meter_t  *m;

    for (n = 0; n < w->view->nmeters; n++) {
        m = &w->view->meters[n];
        count = 0;

        for (i = 0; i < NGX_TRIGGERS_METER_BUCKETS; i++) {
            count += m->meter.buckets[i];
            (void) ngx_sprintf(buf, "%uL%Z", count);

            if (i < NGX_TRIGGERS_METER_BUCKETS - 1) {
                ngx_http_triggers_metric_seconds(le,
                             (uint64_t) ngx_triggers_meter_bound(i) * 1000);
            } else {
                (void) ngx_sprintf(le, "+Inf%Z");
            }

            ngx_http_triggers_metric_line(w, "_bucket", (char *) buf,
                                          "endpoint=\"%s\",le=\"%s\"",
                                          m->name, le);
        }

        ngx_http_triggers_metric_number(w, "_count", count, "endpoint",
                                        m->name);

        ngx_http_triggers_metric_seconds(le, m->meter.time * 1000);
        ngx_http_triggers_metric_line(w, "_sum", (char *) le,
                                      "endpoint=\"%s\"", m->name);
    }
}


/* the last one is that of all others: they have no state together */

static void
ngx_http_triggers_metric_meter_breaker(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    ngx_uint_t                  i, n;
    ngx_http_triggers_meter_t  *m;

    for (n = 0; n < w->view->nmeters - 1; n++) {
        m = &w->view->meters[n];

        for (i = 0; i < NGX_TRIGGERS_NBREAKERS; i++) {
            ngx_http_triggers_metric_line(w, "",
                                    (m->meter.breaker == i) ? "1" : "0",
                                    "endpoint=\"%s\",state=\"%s\"", m->name,
                                    ngx_http_triggers_metric_breakers[i]);
        }
    }
}


static void
ngx_http_triggers_metric_meter_sending(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    ngx_uint_t                  n;
    ngx_http_triggers_meter_t  *m;

    for (n = 0; n < w->view->nmeters; n++) {
        m = &w->view->meters[n];

        ngx_http_triggers_metric_number(w, "", m->meter.sending, "endpoint",
                                        m->name);
    }
}


static void
ngx_http_triggers_metric_parts(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    uint64_t    *bytes;
    ngx_uint_t   i, n;

    bytes = data ? w->view->parts_used : w->view->parts;
    n = data ? NGX_HTTP_TRIGGERS_PARTS_USED : NGX_TRIGGERS_NPARTS;

    for (i = 0; i < n; i++) {
        ngx_http_triggers_metric_number(w, "", bytes[i], "part",
                                        ngx_http_triggers_metric_zone[i]);
    }
}


static void
ngx_http_triggers_metric_suppressed(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    ngx_http_triggers_metric_number(w, "_total", w->view->logs.limited,
                                    "reason", "rate");
    ngx_http_triggers_metric_number(w, "_total", w->view->logs.sampled,
                                    "reason", "sample");
}


static void
ngx_http_triggers_metric_store(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    ngx_uint_t  i;

    for (i = 0; i <= NGX_TRIGGERS_STORE_CORRUPT; i++) {
        ngx_http_triggers_metric_number(w, "", w->view->state == i, "state",
                                        ngx_http_triggers_metric_stores[i]);
    }
}


/* the counts of a histogram are those of all that is not longer */

static void
ngx_http_triggers_metric_time(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    uint64_t                   n;
    ngx_uint_t                 i;
    u_char                     buf[NGX_HTTP_TRIGGERS_SECONDS_LEN];
    ngx_triggers_histogram_t  *h;

    h = &w->view->sums.times[data];
    n = 0;

    for (i = 0; i < NGX_TRIGGERS_BOUNDS; i++) {
        n += h->buckets[i];
        ngx_http_triggers_metric_seconds(buf, ngx_triggers_metrics_bound(i));
        ngx_http_triggers_metric_number(w, "_bucket", n, "le", (char *) buf);
    }

    n += h->buckets[i];
    ngx_http_triggers_metric_seconds(buf, h->sum);

    ngx_http_triggers_metric_number(w, "_bucket", n, "le", "+Inf");
    ngx_http_triggers_metric_line(w, "_sum", (char *) buf, "");
    ngx_http_triggers_metric_number(w, "_count", n, NULL, NULL);
}


static void
ngx_http_triggers_metric_sizes(ngx_http_triggers_metrics_writer_t *w,
    uintptr_t data)
{
    uint64_t    n;
    ngx_uint_t  i;
    u_char      buf[NGX_INT64_LEN + 3];

    n = 0;

    for (i = 0; i < NGX_TRIGGERS_SIZES - 1; i++) {
        n += w->view->sizes[i];

        (void) ngx_sprintf(buf, "%ui.0%Z", (ngx_uint_t) 1 << i);

        ngx_http_triggers_metric_number(w, "_bucket", n, "le", (char *) buf);
    }

    n += w->view->sizes[i];

    ngx_http_triggers_metric_number(w, "_bucket", n, "le", "+Inf");
    ngx_http_triggers_metric_number(w, "_sum", w->view->sums.tally.records,
                                    NULL, NULL);
    ngx_http_triggers_metric_number(w, "_count", n, NULL, NULL);
}


/* with as many decimals as it takes: "0.1" and "0.10" would be two series */

static void
ngx_http_triggers_metric_seconds(u_char *buf, uint64_t us)
{
    u_char  *p;

    p = ngx_sprintf(buf, "%uL.%06uL", us / 1000000, us % 1000000);

    while (p[-1] == '0' && p[-2] != '.') {
        p--;
    }

    *p = '\0';
}
