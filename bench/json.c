
/*
 * Measures the validator of the ingest path beside jansson: nanoseconds per
 * body, and how many times faster.  Usage: json [milliseconds per case].
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_json.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>


#define BENCH_LARGE   65536
#define BENCH_REPEAT  5               /* the best run counts */


static const char  bench_event[] =
    "{\"event_type\":\"order.created\",\"source\":\"checkout-service\","
    "\"payload\":{\"order_id\":\"ord_8f14\",\"customer\":"
    "{\"id\":48213,\"email\":\"jane@example.com\"},\"items\":[{\"sku\":"
    "\"A-1001\",\"qty\":2,\"price\":19.99}],\"total\":39.98,\"paid\":true},"
    "\"metadata\":{\"priority\":\"high\",\"correlation_id\":\"c-7d1f\"}}";


static double bench_now(void);
static double bench_run(void (*handler)(ngx_str_t *body), ngx_str_t *body,
    double seconds);
static void bench_walk(ngx_str_t *body);
static void bench_jansson(ngx_str_t *body);
static void bench_objects(ngx_str_t *body);
static void bench_string(ngx_str_t *body);


int
main(int argc, char **argv)
{
    double       ours, theirs, seconds;
    ngx_str_t    bodies[3];
    ngx_uint_t   i;

    static const char  *names[] = {
        "event", "objects", "string"
    };

    seconds = (argc > 1) ? atof(argv[1]) / 1000 : 0.2;

    bodies[0].data = (u_char *) bench_event;
    bodies[0].len = sizeof(bench_event) - 1;

    bench_objects(&bodies[1]);
    bench_string(&bodies[2]);

    printf("%-8s %8s %12s %12s %8s\n",
           "body", "bytes", "walk, ns", "jansson, ns", "ratio");

    for (i = 0; i < 3; i++) {
        ours = bench_run(bench_walk, &bodies[i], seconds);
        theirs = bench_run(bench_jansson, &bodies[i], seconds);

        printf("%-8s %8zu %12.0f %12.0f %8.1f\n",
               names[i], bodies[i].len, ours, theirs, theirs / ours);
    }

    free(bodies[1].data);
    free(bodies[2].data);

    return 0;
}


static double
bench_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


/* returns the nanoseconds of one call */

static double
bench_run(void (*handler)(ngx_str_t *body), ngx_str_t *body, double seconds)
{
    double      start, spent, best;
    ngx_uint_t  i, n, round;

    best = 0;

    for (round = 0; round < BENCH_REPEAT; round++) {
        n = 0;
        start = bench_now();

        do {
            for (i = 0; i < 16; i++) {
                handler(body);
            }

            n += 16;
            spent = bench_now() - start;

        } while (spent < seconds / BENCH_REPEAT);

        spent = spent / n * 1e9;

        if (round == 0 || spent < best) {
            best = spent;
        }
    }

    return best;
}


/* what the ingest path does with a body */

static void
bench_walk(ngx_str_t *body)
{
    ngx_int_t                   rc;
    ngx_triggers_json_walk_t    walk;
    ngx_triggers_json_member_t  member;

    ngx_triggers_json_walk_init(&walk, body, NGX_TRIGGERS_JSON_UNIQUE
                                             |NGX_TRIGGERS_JSON_NO_NUL);

    do {
        rc = ngx_triggers_json_next(&walk, &member);
    } while (rc == NGX_OK);

    ngx_triggers_json_walk_done(&walk);

    if (rc != NGX_DONE) {
        fprintf(stderr, "the body was refused: %s\n", walk.error.reason);
        exit(1);
    }
}


static void
bench_jansson(ngx_str_t *body)
{
    json_t        *json;
    json_error_t   error;

    json = json_loadb((char *) body->data, body->len, JSON_REJECT_DUPLICATES,
                      &error);

    if (json == NULL) {
        fprintf(stderr, "the body was refused: %s\n", error.text);
        exit(1);
    }

    json_decref(json);
}


static void
bench_objects(ngx_str_t *body)
{
    u_char  *p, *last;

    body->data = malloc(BENCH_LARGE);
    if (body->data == NULL) {
        exit(1);
    }

    last = body->data + BENCH_LARGE - sizeof(bench_event) - 2;

    p = ngx_cpymem(body->data, "{\"payload\":[", 12);
    p = ngx_cpymem(p, bench_event, sizeof(bench_event) - 1);

    while (p < last) {
        *p++ = ',';
        p = ngx_cpymem(p, bench_event, sizeof(bench_event) - 1);
    }

    p = ngx_cpymem(p, "]}", 2);

    body->len = p - body->data;
}


static void
bench_string(ngx_str_t *body)
{
    u_char      *p;
    ngx_uint_t   i;

    body->data = malloc(BENCH_LARGE);
    if (body->data == NULL) {
        exit(1);
    }

    p = ngx_cpymem(body->data, "{\"payload\":\"", 12);

    for (i = 14; i < BENCH_LARGE; i++) {
        *p++ = (u_char) ('a' + i % 26);
    }

    p = ngx_cpymem(p, "\"}", 2);

    body->len = p - body->data;
}
