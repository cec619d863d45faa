
/*
 * Benchmark of the SQLite store, without nginx.
 *
 *     store merge FOLDER            what an insert costs by batch and owners,
 *                                   and what the deferred merge saves
 *     store rows FOLDER MANY FEW    fills FOLDER/many.db and FOLDER/few.db
 *                                   with that many events, and compares what
 *                                   inserts cost in many.db and in databases
 *                                   of a hundred thousand events
 *
 * "us" is what an event takes in all, the wait for the disk included; "user"
 * and "system" are the CPU's part of it.
 */


#include "../t/unit/store_fixture.h"

#include <stdlib.h>
#include <sys/resource.h>


#define BENCH_PAYLOAD  300
#define BENCH_BATCH    500
#define BENCH_OWNERS   1000

#define BENCH_ROUNDS   9
#define BENCH_SMALL    100000
#define BENCH_STEP     50000


typedef enum {
    BENCH_DEFERRED = 0,               /* merged by maintain() */
    BENCH_DIRECT,                     /* every row into owner_inbox at once */
    BENCH_NONE                        /* never: what merging costs */
} bench_mode_e;


/* microseconds an event, one value for each round */

typedef struct {
    ngx_uint_t  owners;
    double      small[BENCH_ROUNDS];
    double      large[BENCH_ROUNDS];
} bench_costs_t;


static void bench_merge(void);
static void bench_insert(ngx_uint_t batch, ngx_uint_t owners,
    bench_mode_e mode);
static void bench_rows(uint64_t many, uint64_t few);
static void bench_small(bench_costs_t *costs, ngx_uint_t round);
static uint64_t bench_step(ngx_triggers_store_t *store, uint64_t first,
    ngx_uint_t owners, double *us);
static void bench_verdict(bench_costs_t *costs, uint64_t many);
static ngx_triggers_store_t *bench_open(const char *name);
static void bench_close(ngx_triggers_store_t *store);
static void bench_remove(const char *name);
static uint64_t bench_fill(ngx_triggers_store_t *store, uint64_t first,
    uint64_t n, ngx_uint_t batch, ngx_uint_t owners, bench_mode_e mode);
static ngx_uint_t bench_random(void);
static void bench_line(const char *name, ngx_uint_t batch, ngx_uint_t owners,
    uint64_t n);
static double bench_seconds(struct timeval *one, struct timeval *two);
static double bench_time(void);
static int bench_compare(const void *one, const void *two);


static u_char         payload[BENCH_PAYLOAD];

/* when bench_fill() began */
static double         begun;
static struct rusage  usage;


int
main(int argc, char *argv[])
{
    if (!(argc == 3 && strcmp(argv[1], "merge") == 0)
        && !(argc == 5 && strcmp(argv[1], "rows") == 0))
    {
        fprintf(stderr, "usage: store merge FOLDER\n"
                        "       store rows FOLDER MANY FEW\n");
        return 2;
    }

    if (chdir(argv[2]) == -1) {
        perror(argv[2]);
        return 2;
    }

    ngx_memset(payload, 'x', sizeof(payload));

    payload[0] = '{';
    ngx_memcpy(&payload[1], "\"note\":\"", 8);
    ngx_memcpy(&payload[BENCH_PAYLOAD - 2], "\"}", 2);

    if (argc == 3) {
        bench_merge();

    } else {
        bench_rows(strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
    }

    return 0;
}


static void
bench_merge(void)
{
    ngx_uint_t  b, o, m;

    static const ngx_uint_t   sizes[] = { 1, 50, 500 };
    static const ngx_uint_t   owners[] = { 1, BENCH_OWNERS };

    printf("%-28s %6s %7s %9s %8s %8s %8s\n", "insert", "batch", "owners",
           "events/s", "us", "user", "system");

    for (b = 0; b < 3; b++) {
        for (o = 0; o < 2; o++) {
            for (m = BENCH_DEFERRED; m <= BENCH_NONE; m++) {
                bench_insert(sizes[b], owners[o], m);
            }
        }
    }
}


static void
bench_insert(ngx_uint_t batch, ngx_uint_t owners, bench_mode_e mode)
{
    uint64_t               n;
    ngx_triggers_store_t  *store;
    static const char     *names[] = { "deferred merge", "direct insertion",
                                       "no merge" };

    store = bench_open("insert.db");

    n = (batch == 1) ? 20000 : 200000;

    (void) bench_fill(store, 0, 5000, BENCH_BATCH, owners, mode);

    (void) bench_fill(store, 5000, n, batch, owners, mode);
    bench_line(names[mode], batch, owners, n);

    ngx_triggers_store_destroy(store);
    bench_remove("insert.db");
}


/* the two kinds of databases take turns, so that noise falls on both */

static void
bench_rows(uint64_t many, uint64_t few)
{
    uint64_t               n;
    ngx_uint_t             i, k;
    ngx_triggers_store_t  *store;
    static bench_costs_t   costs[] = { { .owners = 1 },
                                       { .owners = BENCH_OWNERS } };

    store = bench_open("few.db");
    (void) bench_fill(store, 0, few, BENCH_BATCH, few / 100, BENCH_DEFERRED);
    bench_close(store);

    store = bench_open("many.db");
    n = bench_fill(store, 0, many, BENCH_BATCH, BENCH_OWNERS, BENCH_DEFERRED);

    for (i = 0; i < BENCH_ROUNDS; i++) {
        bench_small(costs, i);

        for (k = 0; k < 2; k++) {
            n = bench_step(store, n, costs[k].owners, &costs[k].large[i]);
        }
    }

    bench_close(store);

    for (k = 0; k < 2; k++) {
        bench_verdict(&costs[k], many);
    }
}


static void
bench_small(bench_costs_t *costs, ngx_uint_t round)
{
    uint64_t               n;
    ngx_uint_t             k;
    ngx_triggers_store_t  *store;

    store = bench_open("small.db");

    n = bench_fill(store, 0, BENCH_SMALL, BENCH_BATCH, BENCH_OWNERS,
                   BENCH_DEFERRED);

    for (k = 0; k < 2; k++) {
        n = bench_step(store, n, costs[k].owners, &costs[k].small[round]);
    }

    ngx_triggers_store_destroy(store);
    bench_remove("small.db");
}


/* sets *us to the microseconds that each of the next BENCH_STEP events took */

static uint64_t
bench_step(ngx_triggers_store_t *store, uint64_t first, ngx_uint_t owners,
    double *us)
{
    uint64_t  n;

    n = bench_fill(store, first, BENCH_STEP, BENCH_BATCH, owners,
                   BENCH_DEFERRED);

    *us = (bench_time() - begun) * 1e6 / BENCH_STEP;

    return n;
}


static void
bench_verdict(bench_costs_t *costs, uint64_t many)
{
    double      ratio[BENCH_ROUNDS];
    ngx_uint_t  i;

    for (i = 0; i < BENCH_ROUNDS; i++) {
        ratio[i] = costs->large[i] / costs->small[i];
    }

    qsort(costs->small, BENCH_ROUNDS, sizeof(double), bench_compare);
    qsort(costs->large, BENCH_ROUNDS, sizeof(double), bench_compare);
    qsort(ratio, BENCH_ROUNDS, sizeof(double), bench_compare);

    i = BENCH_ROUNDS / 2;

    printf("insert, us an event, %d owner%s: %.2f at %d events, "
           "%.2f at %llu\n"
           "    target: ratio at most 1.3, is %.2f (%.2f-%.2f): %s\n",
           (int) costs->owners, costs->owners == 1 ? "" : "s",
           costs->small[i], BENCH_SMALL, costs->large[i],
           (unsigned long long) many, ratio[i], ratio[0],
           ratio[BENCH_ROUNDS - 1], ratio[i] <= 1.3 ? "met" : "MISSED");
}


static ngx_triggers_store_t *
bench_open(const char *name)
{
    ngx_str_t              path;
    ngx_triggers_store_t  *store;

    path.data = (u_char *) name;
    path.len = strlen(name);

    store = fixture_store(&path);

    if (ngx_triggers_store_open(store) != NGX_OK) {
        exit(2);
    }

    return store;
}


/* leaves nothing to be merged or checkpointed */

static void
bench_close(ngx_triggers_store_t *store)
{
    while (ngx_triggers_store_maintain(store, 1) == NGX_AGAIN) { /* void */ }

    ngx_triggers_store_destroy(store);
}


static void
bench_remove(const char *name)
{
    char  lock[64];

    snprintf(lock, sizeof(lock), "%s.lock", name);

    (void) unlink(name);
    (void) unlink(lock);
}


static uint64_t
bench_fill(ngx_triggers_store_t *store, uint64_t first, uint64_t n,
    ngx_uint_t batch, ngx_uint_t owners, bench_mode_e mode)
{
    int64_t                   owner;
    uint64_t                  last;
    ngx_uint_t                i, k;
    sqlite3_stmt             *stmt;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   m;
    char                      name[32];

    (void) sqlite3_prepare_v2(store->db, "INSERT INTO owner_inbox "
                              "(owner, status, seq) VALUES (?1, 4, ?2)",
                              -1, &stmt, NULL);

    begun = bench_time();
    (void) getrusage(RUSAGE_THREAD, &usage);

    for (last = first + n; first < last; first += batch) {

        if (ngx_triggers_store_begin(store) != NGX_OK) {
            exit(2);
        }

        for (i = 0; i < batch; i++) {
            k = bench_random() % owners;
            snprintf(name, sizeof(name), "owner-%d", (int) k);

            fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, first + i, name);
            m.event.payload.data = payload;
            m.event.payload.len = sizeof(payload);

            if (ngx_triggers_store_apply(store, &m, &result) != NGX_OK) {
                exit(2);
            }

            if (mode == BENCH_DIRECT) {
                owner = (int64_t) k + 1;
                sqlite3_bind_int64(stmt, 1, owner);
                sqlite3_bind_int64(stmt, 2, store->next_seq - 1);
                (void) ngx_triggers_sqlite_exec(stmt);
            }
        }

        if (ngx_triggers_store_commit(store, FIXTURE_NONCE, first) != NGX_OK) {
            exit(2);
        }

        if (mode != BENCH_DEFERRED) {

            /* nothing to merge, but the same checkpoints */

            store->next_seq = store->merged_through + 1;
        }

        if (ngx_triggers_store_maintain(store, 0) == NGX_ERROR) {
            exit(2);
        }
    }

    (void) sqlite3_finalize(stmt);

    return last;
}


static ngx_uint_t
bench_random(void)
{
    static uint64_t  x = 88172645463325252ULL;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;

    return (ngx_uint_t) (x >> 33);
}


/* what the last n events took */

static void
bench_line(const char *name, ngx_uint_t batch, ngx_uint_t owners, uint64_t n)
{
    double         wall;
    struct rusage  now;

    (void) getrusage(RUSAGE_THREAD, &now);
    wall = bench_time() - begun;

    printf("%-28s %6d %7d %9.0f %8.2f %8.2f %8.2f\n", name, (int) batch,
           (int) owners, n / wall, wall * 1e6 / n,
           bench_seconds(&usage.ru_utime, &now.ru_utime) * 1e6 / n,
           bench_seconds(&usage.ru_stime, &now.ru_stime) * 1e6 / n);
    fflush(stdout);
}


static double
bench_seconds(struct timeval *one, struct timeval *two)
{
    return two->tv_sec - one->tv_sec + (two->tv_usec - one->tv_usec) / 1e6;
}


static double
bench_time(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static int
bench_compare(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}
