
/*
 * The metrics of stores, as they are shown.  All of it comes from the zone.
 */


#ifndef _NGX_HTTP_TRIGGERS_METRICS_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_METRICS_H_INCLUDED_


#include "ngx_http_triggers.h"
#include "ngx_triggers_text.h"
#include "ngx_triggers_uuid.h"


/* of an endpoint; "other": of those without one */

typedef struct {
    ngx_triggers_meter_t     meter;
    char                     name[NGX_TRIGGERS_UUID_LEN + 1];
} ngx_http_triggers_meter_t;


/* of how many parts of the zone, the first ones, it is known what they hold */

#define NGX_HTTP_TRIGGERS_PARTS_USED  (NGX_TRIGGERS_PART_KEYS + 1)


/* of one store, in this moment */

typedef struct {
    ngx_str_t                label;            /* that names it, data NULL:
                                                  none */
    ngx_triggers_metrics_sums_t  sums;
    uint64_t                 sizes[NGX_TRIGGERS_SIZES];

    uint64_t                 total_events;
    uint64_t                 events[NGX_TRIGGERS_NSTATUS];
    uint64_t                 state;            /* …_store_state_e */
    uint64_t                 ready;            /* flag: it is */
    uint64_t                 leading;          /* flag: somebody drains */
    uint64_t                 delivering;       /* flag: … delivers, or nobody
                                                  has to */
    uint64_t                 started;          /* the zone's beginning, ms */

    uint64_t                 endpoints[NGX_TRIGGERS_NBREAKERS];
    ngx_http_triggers_meter_t  *meters;        /* of them; the last one is of
                                                  all others */
    ngx_uint_t               nmeters;

    ngx_triggers_metrics_logs_t  logs;
    uint64_t                 logs_writable;    /* flag */
    uint64_t                 feed_entries;
    uint64_t                 feed_lost;

    uint64_t                 failures;
    uint64_t                 refused;
    uint64_t                 timeouts;
    uint64_t                 elections;
    uint64_t                 leaders;
    uint64_t                 workers_started;

    uint64_t                 records;          /* not committed yet */
    uint64_t                 ring_used;        /* bytes */
    uint64_t                 ring_size;
    uint64_t                 zone_size;
    uint64_t                 parts[NGX_TRIGGERS_NPARTS];  /* bytes */
    uint64_t                 parts_used[NGX_HTTP_TRIGGERS_PARTS_USED];
    uint64_t                 database_size;
    uint64_t                 wal_frames;
    uint64_t                 keys;
    uint64_t                 keys_limit;

    /* of all workers that live */
    uint64_t                 workers;
    uint64_t                 workers_limit;
    uint64_t                 waiting;
    uint64_t                 waiting_limit;    /* of each */
    uint64_t                 reading;
    uint64_t                 queries;
    uint64_t                 polls;
    uint64_t                 streams;
    uint64_t                 body_bytes;
} ngx_http_triggers_view_t;


/* The content handler of a location with "triggers_status". */

ngx_int_t ngx_http_triggers_status_handler(ngx_http_request_t *r);

/* Writes n views in Prometheus' text format, or as OpenMetrics. */

void ngx_http_triggers_metrics_text(ngx_triggers_text_t *text,
    ngx_http_triggers_view_t *views, ngx_uint_t n, ngx_uint_t openmetrics);

/*
 * Any thread.  Append "name": and what it is of: a number and a comma; n parts
 * of so many, with three decimals, and a comma, where nothing of nothing is
 * none; quantiles of times, of which each one's buckets are "step" words behind
 * those of the one before.
 */

void ngx_http_triggers_metrics_number(ngx_triggers_text_t *text,
    const char *name, uint64_t n);
void ngx_http_triggers_metrics_ratio(ngx_triggers_text_t *text,
    const char *name, uint64_t n, uint64_t of);
void ngx_http_triggers_metrics_latency(ngx_triggers_text_t *text,
    const char *name, const uint64_t *buckets, ngx_uint_t step);

/*
 * Writes the object of GET /metrics, as it is now and without the request's id.
 * It takes much more of the text's pool than is written.
 */

void ngx_http_triggers_metrics_write(ngx_triggers_text_t *text,
    ngx_http_triggers_store_t *store);

/* The names of a store's state and of a breaker's. */

const char *ngx_http_triggers_store_name(ngx_uint_t state);
const char *ngx_http_triggers_breaker_name(ngx_uint_t state);


#endif /* _NGX_HTTP_TRIGGERS_METRICS_H_INCLUDED_ */
