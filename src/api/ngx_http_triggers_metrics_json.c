
/*
 * Members of JSON that the metrics and their history have.
 */


#include "ngx_http_triggers_metrics.h"


/* room for three quantiles, of which none is above 10 s, and their number */

#define NGX_HTTP_TRIGGERS_QUANTILES_LEN  128


typedef struct {
    const char              *name;
    ngx_triggers_time_e      time;
} ngx_http_triggers_latency_t;


static void ngx_http_triggers_metrics_quantiles(ngx_triggers_text_t *text,
    const uint64_t *buckets);


static const ngx_http_triggers_latency_t  ngx_http_triggers_latencies[] = {
    { "ingest", NGX_TRIGGERS_TIME_INGEST },
    { "commit", NGX_TRIGGERS_TIME_COMMIT },
    { "inbox", NGX_TRIGGERS_TIME_INBOX },
    { "ack", NGX_TRIGGERS_TIME_ACK },
    { "delivery", NGX_TRIGGERS_TIME_DELIVERY },
    { NULL, 0 }
};


void
ngx_http_triggers_metrics_number(ngx_triggers_text_t *text, const char *name,
    uint64_t n)
{
    ngx_triggers_text_puts(text, "\"");
    ngx_triggers_text_puts(text, name);
    ngx_triggers_text_puts(text, "\":");
    ngx_triggers_text_number(text, (int64_t) n);
    ngx_triggers_text_puts(text, ",");
}


void
ngx_http_triggers_metrics_ratio(ngx_triggers_text_t *text, const char *name,
    uint64_t n, uint64_t of)
{
    u_char    *p;
    uint64_t   thousandths;
    u_char     buf[NGX_INT64_LEN + 4];

    thousandths = of ? (n * 1000 + of / 2) / of : 0;

    p = ngx_sprintf(buf, "%uL.%03uL", thousandths / 1000, thousandths % 1000);

    ngx_triggers_text_puts(text, "\"");
    ngx_triggers_text_puts(text, name);
    ngx_triggers_text_puts(text, "\":");
    ngx_triggers_text_add(text, buf, p - buf);
    ngx_triggers_text_puts(text, ",");
}


void
ngx_http_triggers_metrics_latency(ngx_triggers_text_t *text,
    const char *name, const uint64_t *buckets, ngx_uint_t step)
{
    const ngx_http_triggers_latency_t  *l;

    ngx_triggers_text_puts(text, "\"");
    ngx_triggers_text_puts(text, name);
    ngx_triggers_text_puts(text, "\":{");

    for (l = ngx_http_triggers_latencies; l->name; l++) {

        if (l != ngx_http_triggers_latencies) {
            ngx_triggers_text_puts(text, ",");
        }

        ngx_triggers_text_puts(text, "\"");
        ngx_triggers_text_puts(text, l->name);
        ngx_triggers_text_puts(text, "\":");

        ngx_http_triggers_metrics_quantiles(text, buckets + l->time * step);
    }

    ngx_triggers_text_puts(text, "}");
}


static void
ngx_http_triggers_metrics_quantiles(ngx_triggers_text_t *text,
    const uint64_t *buckets)
{
    u_char      *p;
    uint64_t     n, p50, p95, p99;
    ngx_uint_t   i;
    u_char       buf[NGX_HTTP_TRIGGERS_QUANTILES_LEN];

    n = 0;

    for (i = 0; i < NGX_TRIGGERS_BUCKETS; i++) {
        n += buckets[i];
    }

    p50 = ngx_triggers_metrics_quantile(buckets, 500);
    p95 = ngx_triggers_metrics_quantile(buckets, 950);
    p99 = ngx_triggers_metrics_quantile(buckets, 990);

    p = ngx_sprintf(buf, "{\"p50\":%uL.%03uL,\"p95\":%uL.%03uL,"
                    "\"p99\":%uL.%03uL,\"count\":%uL}",
                    p50 / 1000, p50 % 1000, p95 / 1000, p95 % 1000,
                    p99 / 1000, p99 % 1000, n);

    ngx_triggers_text_add(text, buf, p - buf);
}
