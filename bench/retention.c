
/*
 * Benchmark of what becomes of events later, without nginx:
 *
 *     retention FOLDER
 *
 * What an event costs that is stored, with nothing to be removed and with as
 * many expired events removed beside it; and what an acknowledgement costs,
 * with and without its entry of the audit.  Microseconds, the wait for the
 * disk included; the best of some rounds, which take turns.
 */


#include "../t/unit/store_fixture.h"

#include <stdlib.h>
#include <sys/time.h>


#define BENCH_EVENTS   20000
#define BENCH_ROUNDS   3
#define BENCH_PAYLOAD  300


static ngx_triggers_store_t *bench_open(const char *name);
static double bench_run(ngx_triggers_store_t *store, ngx_uint_t op,
    uint64_t first, ngx_uint_t batch);
static void bench_ingest(ngx_uint_t batch);
static void bench_acknowledge(ngx_uint_t batch);
static void bench_no_audit(ngx_triggers_store_t *store);
static void bench_idle(ngx_triggers_store_t *store);
static void bench_remove(const char *name);


static u_char  payload[BENCH_PAYLOAD];


int
main(int argc, char *argv[])
{
    static const ngx_uint_t  batches[] = { 8, 50, 500 };
    ngx_uint_t               i;

    if (argc != 2 || chdir(argv[1]) == -1) {
        fprintf(stderr, "usage: retention FOLDER\n");
        return 2;
    }

    ngx_memset(payload, 'x', sizeof(payload));

    payload[0] = '{';
    ngx_memcpy(&payload[1], "\"note\":\"", 8);
    ngx_memcpy(&payload[BENCH_PAYLOAD - 2], "\"}", 2);

    for (i = 0; i < 3; i++) {
        bench_ingest(batches[i]);
    }

    for (i = 0; i < 3; i++) {
        bench_acknowledge(batches[i]);
    }

    return 0;
}


/* the second database begins with as many expired events as are to come */

static void
bench_ingest(ngx_uint_t batch)
{
    double                 us, plain, beside;
    ngx_uint_t             round;
    ngx_triggers_store_t  *store;

    plain = 1e9;
    beside = 1e9;

    for (round = 0; round < BENCH_ROUNDS; round++) {
        store = bench_open("plain.db");
        us = bench_run(store, NGX_TRIGGERS_OP_CREATE, 1, batch);
        plain = ngx_min(plain, us);
        ngx_triggers_store_destroy(store);

        store = bench_open("beside.db");
        (void) bench_run(store, NGX_TRIGGERS_OP_CREATE, 1, 500);
        (void) bench_run(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 1, 500);
        bench_idle(store);

        store->retention.events = 1;
        us = bench_run(store, NGX_TRIGGERS_OP_CREATE, BENCH_EVENTS + 1, batch);
        beside = ngx_min(beside, us);
        ngx_triggers_store_destroy(store);

        bench_remove("plain.db");
        bench_remove("beside.db");
    }

    printf("stored, batches of %3d: %5.1f us, %5.1f with removal, ratio "
           "%.2f\n", (int) batch, plain, beside, plain / beside);
}


static void
bench_acknowledge(ngx_uint_t batch)
{
    double                 us, with, without;
    ngx_uint_t             round, audit;
    ngx_triggers_store_t  *store;

    with = 1e9;
    without = 1e9;

    for (round = 0; round < 2 * BENCH_ROUNDS; round++) {
        audit = round % 2;
        store = bench_open("ack.db");
        (void) bench_run(store, NGX_TRIGGERS_OP_CREATE, 1, 500);
        bench_idle(store);

        if (!audit) {
            bench_no_audit(store);
        }

        us = bench_run(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 1, batch);

        if (audit) {
            with = ngx_min(with, us);

        } else {
            without = ngx_min(without, us);
        }

        ngx_triggers_store_destroy(store);
        bench_remove("ack.db");
    }

    printf("acknowledged, batches of %3d: %5.1f us, %5.1f without audit\n",
           (int) batch, with, without);
}


static double
bench_run(ngx_triggers_store_t *store, ngx_uint_t op, uint64_t first,
    ngx_uint_t batch)
{
    uint64_t                 last;
    ngx_uint_t               i;
    struct timeval           begun, ended;
    ngx_triggers_result_t    result;
    ngx_triggers_mutation_t  m;

    (void) gettimeofday(&begun, NULL);

    for (last = first + BENCH_EVENTS; first < last; first += batch) {

        if (ngx_triggers_store_begin(store) != NGX_OK) {
            exit(2);
        }

        for (i = 0; i < batch && first + i < last; i++) {
            fixture_mutation(&m, op, first + i, "alice");
            ngx_str_set(&m.key_id, "1a2b3c4d5e6f");
            ngx_str_set(&m.source_ip, "192.0.2.7");
            ngx_str_set(&m.request_id, "7f4a1f0e-1f3b-4b0e-8a54-0f3a5c9d2e77");

            if (op == NGX_TRIGGERS_OP_CREATE) {
                m.event.payload.data = payload;
                m.event.payload.len = sizeof(payload);
                m.event.correlation_id = m.request_id;
            }

            if (ngx_triggers_store_apply(store, &m, &result) != NGX_OK) {
                exit(2);
            }
        }

        if (ngx_triggers_store_commit(store, FIXTURE_NONCE, first) != NGX_OK
            || ngx_triggers_store_maintain(store, 0) == NGX_ERROR)
        {
            exit(2);
        }
    }

    (void) gettimeofday(&ended, NULL);

    return ((ended.tv_sec - begun.tv_sec) * 1e6
            + (ended.tv_usec - begun.tv_usec)) / BENCH_EVENTS;
}


/* its statement does nothing */

static void
bench_no_audit(ngx_triggers_store_t *store)
{
    sqlite3_stmt  **stmt;

    stmt = &store->stmt[NGX_TRIGGERS_SQLITE_AUDIT_ADD];

    (void) sqlite3_finalize(*stmt);
    (void) sqlite3_prepare_v2(store->db, "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                              "?8, ?9", -1, stmt, NULL);
}


static void
bench_idle(ngx_triggers_store_t *store)
{
    while (ngx_triggers_store_maintain(store, 1) == NGX_AGAIN) { /* void */ }
}


static ngx_triggers_store_t *
bench_open(const char *name)
{
    static ngx_str_t       path;
    ngx_triggers_store_t  *store;

    path.data = (u_char *) name;
    path.len = strlen(name);

    store = fixture_store(&path);

    if (ngx_triggers_store_open(store) != NGX_OK) {
        exit(2);
    }

    return store;
}


static void
bench_remove(const char *name)
{
    ngx_uint_t           i;
    char                 path[64];
    static const char   *ends[] = { "", "-wal", "-shm", ".lock" };

    for (i = 0; i < 4; i++) {
        (void) snprintf(path, sizeof(path), "%s%s", name, ends[i]);
        (void) unlink(path);
    }
}
