
/*
 * Benchmark of the SQLite store: what an insert costs by batch size, owners
 * and size of the database, what the deferred merge saves, how long a page
 * takes.
 *
 *     store [directory [millions of events]]
 *
 * "us" is what an event takes in all, the wait for the disk included; "user"
 * and "system" are the CPU's part of it.
 */


#include "../t/unit/store_fixture.h"

#include <stdlib.h>
#include <sys/resource.h>


#define BENCH_PAYLOAD  300
#define BENCH_PAGES    2000


typedef enum {
    BENCH_DEFERRED = 0,               /* merged by maintain() */
    BENCH_DIRECT,                     /* every row into owner_inbox at once */
    BENCH_NONE                        /* never: what merging costs */
} bench_mode_e;


static void bench_insert(ngx_uint_t batch, ngx_uint_t owners,
    bench_mode_e mode);
static void bench_size(ngx_uint_t millions);
static void bench_pages(ngx_str_t *path, const char *user, const char *name);
static uint64_t bench_fill(ngx_triggers_store_t *store, uint64_t first,
    uint64_t n, ngx_uint_t batch, ngx_uint_t owners, bench_mode_e mode);
static ngx_uint_t bench_random(void);
static void bench_header(const char *title);
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
    ngx_uint_t  b, o, m;

    static const ngx_uint_t   sizes[] = { 1, 50, 500 };
    static const ngx_uint_t   owners[] = { 1, 1000 };

    if (argc > 1 && chdir(argv[1]) == -1) {
        perror(argv[1]);
        return 2;
    }

    fixture_init();
    ngx_memset(payload, 'x', sizeof(payload));

    bench_header("insert");

    for (b = 0; b < 3; b++) {
        for (o = 0; o < 2; o++) {
            for (m = BENCH_DEFERRED; m <= BENCH_NONE; m++) {
                bench_insert(sizes[b], owners[o], m);
            }
        }
    }

    bench_size(argc > 2 ? (ngx_uint_t) atoi(argv[2]) : 1);

    (void) fixture_done();

    return 0;
}


static void
bench_insert(ngx_uint_t batch, ngx_uint_t owners, bench_mode_e mode)
{
    uint64_t               n;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;
    static const char     *names[] = { "deferred merge", "direct insertion",
                                       "no merge" };
    static ngx_uint_t      number;
    char                   name[32];

    snprintf(name, sizeof(name), "insert%d.db", (int) number++);
    path = fixture_path(name);
    store = fixture_store(path);

    if (ngx_triggers_store_open(store) != NGX_OK) {
        exit(2);
    }

    n = (batch == 1) ? 20000 : 200000;

    (void) bench_fill(store, 0, 5000, 500, owners, mode);

    (void) bench_fill(store, 5000, n, batch, owners, mode);
    bench_line(names[mode], batch, owners, n);

    ngx_triggers_store_destroy(store);
    (void) unlink((char *) path->data);
}


static void
bench_size(ngx_uint_t millions)
{
    char                   name[64];
    uint64_t               n, last, step;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("size.db");
    store = fixture_store(path);

    if (ngx_triggers_store_open(store) != NGX_OK) {
        exit(2);
    }

    last = (uint64_t) millions * 1000000;
    step = 100000;

    printf("\n");
    bench_header("by size of the database");

    for (n = 0; n < last; n += step) {
        (void) bench_fill(store, n, step, 500, 1000, BENCH_DEFERRED);

        if (n == 0 || n + step == 1000000 || n + step == last) {
            snprintf(name, sizeof(name), "up to %d events",
                     (int) (n + step));
            bench_line(name, 500, 1000, step);
        }
    }

    printf("\n%-44s %8s %8s %8s\n", "page of 50", "p50 us", "p99 us",
           "max us");

    bench_pages(path, NULL, "all owners, newest");
    bench_pages(path, "owner-7", "one of 1000 owners, newest");

    (void) bench_fill(store, last, 3900, 500, 1000, BENCH_NONE);
    bench_pages(path, "owner-7", "the same with 3900 rows not merged");

    ngx_triggers_store_destroy(store);
}


static void
bench_pages(ngx_str_t *path, const char *user, const char *name)
{
    double                  start;
    fixture_rows_t          rows;
    ngx_uint_t              i;
    ngx_triggers_page_t     page;
    ngx_triggers_query_t    query;
    ngx_triggers_reader_t  *reader;
    static double           us[BENCH_PAGES];

    reader = ngx_triggers_reader_open(path, unit_log());

    for (i = 0; i < BENCH_PAGES; i++) {
        fixture_query(&query, &rows, user);

        start = bench_time();

        if (ngx_triggers_reader_list(reader, &query, &page) != NGX_OK
            || rows.n != 50)
        {
            exit(2);
        }

        us[i] = (bench_time() - start) * 1e6;
    }

    qsort(us, BENCH_PAGES, sizeof(us[0]), bench_compare);

    printf("%-44s %8.0f %8.0f %8.0f\n", name, us[BENCH_PAGES / 2],
           us[BENCH_PAGES * 99 / 100], us[BENCH_PAGES - 1]);

    ngx_triggers_reader_close(reader);
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


static void
bench_header(const char *title)
{
    printf("%-28s %6s %7s %9s %8s %8s %8s\n", title, "batch", "owners",
           "events/s", "us", "user", "system");
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
