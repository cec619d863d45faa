
/*
 * Minutes of the history, with clocks of the test's own: when one is over, what
 * is in it, what becomes of it when whoever takes it dies, is late or cannot
 * store it, clocks that jump, and the way through the database and back.
 */


#include "unit.h"
#include "store_fixture.h"
#include "ngx_triggers_logs.h"
#include "ngx_triggers_zone.h"


#define ZONE    (4 * 1024 * 1024)

#define SECOND  1000
#define MINUTE  NGX_TRIGGERS_MINUTE_MS
#define HOUR    (60 * MINUTE)

#define T0      (FIXTURE_T0 - FIXTURE_T0 % MINUTE)
#define BOOT    5000000                     /* CLOCK_MONOTONIC, ms, at T0 */

#define RUNS    20000
#define ROWS    (RUNS + 1)


typedef struct {
    uint64_t               values[NGX_TRIGGERS_MINUTE_COUNTS];
    uint64_t               times[NGX_TRIGGERS_TIMES][NGX_TRIGGERS_BUCKETS];
} sums_t;


/* what there is in a database */

typedef struct {
    uint64_t               number;
    sums_t                 sums;
} row_t;


static ngx_triggers_zone_sh_t  *sh;
static void                    *memory;
static int64_t                  wall;       /* the clocks */
static uint64_t                 clock_ms;


/* a zone that was made ten seconds after T0 */

static void
setup(void)
{
    size_t  size;

    free(sh);
    free(memory);

    size = ngx_triggers_metrics_size(ZONE, 2);

    sh = aligned_alloc(128, sizeof(ngx_triggers_zone_sh_t));
    memory = aligned_alloc(128, size);
    ngx_memzero(sh, sizeof(ngx_triggers_zone_sh_t));
    ngx_memzero(memory, size);

    wall = T0 + 10 * SECOND;
    clock_ms = BOOT + 10 * SECOND;

    sh->nonce = FIXTURE_NONCE;
    ngx_triggers_metrics_init(&sh->metrics, memory, ZONE, 2);
    ngx_triggers_history_init(&sh->history, wall, clock_ms);
}


static void
pass(uint64_t ms)
{
    wall += (int64_t) ms;
    clock_ms += ms;
}


static ngx_uint_t
due(void)
{
    return ngx_triggers_history_due(sh, wall, clock_ms);
}


static void
take(ngx_triggers_minute_t *minute)
{
    memset(minute, 0xa5, sizeof(ngx_triggers_minute_t));
    ngx_triggers_history_take(sh, wall, clock_ms, minute);
}


/* n requests, of which each third one fails, and n accepted events */

static void
count(ngx_uint_t n)
{
    ngx_triggers_tally_t           *tally;
    ngx_triggers_metrics_counts_t  *counts;

    counts = ngx_triggers_metrics_counts(&sh->metrics, n % 2);
    tally = ngx_triggers_tally_begin(&sh->metrics);
    tally->ops[NGX_TRIGGERS_OP_CREATE][NGX_TRIGGERS_RC_OK] += n;
    ngx_triggers_tally_ready(tally, 1, 1);
    ngx_triggers_tally_done(&sh->metrics);

    while (n--) {
        ngx_triggers_metrics_add(&counts->requests[1][n % 3 ? 0 : 3], 1);
        ngx_triggers_metrics_time(&counts->times[NGX_TRIGGERS_TIME_INGEST],
                                  100 * n);
        ngx_triggers_metrics_drained(&sh->metrics, NGX_TRIGGERS_TIME_DELIVERY,
                                     1000 * n);
        ngx_triggers_metrics_drained(&sh->metrics, NGX_TRIGGERS_TIME_SYNC, n);
    }
}


/* one of everything */

static void
count_all(void)
{
    ngx_triggers_tally_t           *tally;
    ngx_triggers_metrics_leader_t  *leader;

    leader = sh->metrics.leader;

    count(7);

    leader->moves.entered[NGX_TRIGGERS_ACKNOWLEDGED] += 11;
    leader->moves.entered[NGX_TRIGGERS_DELIVERED] += 12;
    leader->moves.entered[NGX_TRIGGERS_FAILED] += 13;
    leader->events[NGX_TRIGGERS_PENDING] = 21;
    leader->events[NGX_TRIGGERS_RETRYING] = 22;
    leader->events[NGX_TRIGGERS_FAILED] = 23;

    tally = ngx_triggers_tally_begin(&sh->metrics);
    tally->retried += 14;
    tally->attempts[NGX_TRIGGERS_ATTEMPT_DELIVERED] += 15;
    tally->attempts[NGX_TRIGGERS_ATTEMPT_FAILED] += 16;
    ngx_triggers_tally_ready(tally, 1, 1);
    ngx_triggers_tally_done(&sh->metrics);
}


static void
add(sums_t *sums, ngx_triggers_minute_t *minute)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_MINUTE_COUNTS; i++) {
        sums->values[i] += minute->values[i];
    }

    if (ngx_triggers_history_add(&minute->times, sums->times) != NGX_OK) {
        unit_ok(0, "histograms of minute %d", (int) minute->number);
    }
}


static uint64_t
buckets(sums_t *sums, ngx_triggers_time_e time)
{
    uint64_t    n;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; i < NGX_TRIGGERS_BUCKETS; i++) {
        n += sums->times[time][i];
    }

    return n;
}


static void
test_minute(void)
{
    ngx_uint_t              i, bad;
    sums_t                  sums;
    ngx_triggers_minute_t   minute;

    static uint64_t  values[NGX_TRIGGERS_MINUTE_VALUES] = {
        7, 3, 7, 11, 12, 13, 14, 31, 16, 2, 21, 22, 23, 0
    };

    setup();

    unit_ok(!due() && !ngx_triggers_history_left(sh), "nothing at first");
    count_all();
    unit_ok(!due() && ngx_triggers_history_left(sh), "something is left");
    pass(50 * SECOND - 1);
    unit_ok(!due(), "a minute is not over before its end");
    pass(1);
    unit_ok(due(), "but then");

    take(&minute);
    bad = 0;

    for (i = 0; i < NGX_TRIGGERS_MINUTE_VALUES; i++) {
        bad += (minute.values[i] != values[i]);
    }

    unit_ok(bad == 0, "what is in it");
    unit_ok(minute.minute == T0 && minute.elapsed == 50 * SECOND
            && minute.zone == FIXTURE_NONCE && minute.number == 1,
            "which one it is");

    ngx_memzero(&sums, sizeof(sums));
    add(&sums, &minute);
    unit_ok(buckets(&sums, NGX_TRIGGERS_TIME_INGEST) == 7
            && buckets(&sums, NGX_TRIGGERS_TIME_DELIVERY) == 7
            && sums.times[NGX_TRIGGERS_TIME_INGEST][0] == 2
            && sums.times[NGX_TRIGGERS_TIME_INGEST][1] == 0
            && sums.times[NGX_TRIGGERS_TIME_INGEST][4] == 1
            && buckets(&sums, NGX_TRIGGERS_TIME_ACK) == 0, "histograms");
    unit_ok(buckets(&sums, NGX_TRIGGERS_TIME_SYNC) == 0,
            "of those that are kept");

    ngx_triggers_history_done(sh, &minute);
    unit_ok(!due() && !ngx_triggers_history_left(sh), "it is done");

    count(1);
    pass(MINUTE);
    sh->metrics.leader->events[NGX_TRIGGERS_PENDING] = 5;
    take(&minute);
    unit_ok(due() && minute.minute == T0 + MINUTE && minute.number == 2
            && minute.elapsed == MINUTE
            && minute.values[NGX_TRIGGERS_MINUTE_REQUESTS] == 1
            && minute.values[NGX_TRIGGERS_MINUTE_ACKNOWLEDGED] == 0
            && minute.values[NGX_TRIGGERS_MINUTE_PENDING] == 5
            && minute.times.len == 1 + 2 * 4,
            "the next one has what came after it");
    ngx_triggers_history_done(sh, &minute);

    pass(MINUTE);
    take(&minute);
    unit_ok(minute.number == 3 && minute.times.len == 1
            && minute.values[NGX_TRIGGERS_MINUTE_REQUESTS] == 0,
            "one without anything");
}


static void
test_takeover(void)
{
    ngx_triggers_minute_t   one, two;

    setup();

    /* it dies, with or without having stored it */

    count(4);
    pass(MINUTE);
    take(&one);
    count(5);
    pass(2 * MINUTE);
    take(&two);
    unit_ok(one.number == 1 && two.number == 1 && two.minute == one.minute
            && one.values[0] == 4 && two.values[0] == 9
            && two.elapsed == 3 * MINUTE,
            "one that was not done is taken anew");

    /* it was only slow */

    ngx_triggers_history_done(sh, &one);
    unit_ok(due(), "what was done too late is not");
    ngx_triggers_history_done(sh, &two);
    unit_ok(!due() && !ngx_triggers_history_left(sh), "the last one is");
    ngx_triggers_history_done(sh, &two);
    ngx_triggers_history_done(sh, &one);
    unit_ok(!due() && !ngx_triggers_history_left(sh), "and once");

    /* in between, it was done */

    count(1);
    pass(MINUTE);
    take(&one);
    ngx_triggers_history_done(sh, &one);
    count(2);
    pass(MINUTE);
    take(&two);
    ngx_triggers_history_done(sh, &one);
    unit_ok(due(), "nor when the next one is under way");
    unit_ok(one.number == 2 && two.number == 3 && two.values[0] == 2,
            "which has only its own");

    /* it dies while it writes the sums */

    __atomic_add_fetch(&sh->history.word, 2, __ATOMIC_RELAXED);
    memset(&sh->history.sums[1 - sh->history.word % 2], 0x5a,
           sizeof(ngx_triggers_history_sums_t) / 2);
    take(&one);
    unit_ok(one.number == 3 && one.values[0] == 2 && one.minute == two.minute
            && one.values[NGX_TRIGGERS_MINUTE_ERRORS] == 1,
            "who dies while taking one leaves no trace");
    ngx_triggers_history_done(sh, &two);
    unit_ok(due(), "nor does it let an older one be done");
}


static void
test_clocks(void)
{
    ngx_uint_t              i, n;
    ngx_triggers_minute_t   minute;

    setup();

    count(1);
    wall += HOUR;
    unit_ok(due(), "a clock that is put forward ends a minute");
    pass(SECOND);
    take(&minute);
    ngx_triggers_history_done(sh, &minute);
    unit_ok(minute.minute == T0 && minute.elapsed == SECOND
            && minute.values[0] == 1 && !due(), "a short one");

    wall -= HOUR;
    count(1);
    unit_ok(!due(), "one that is put back does not");
    pass(MINUTE - 1);
    unit_ok(!due(), "before it has lasted one");
    pass(1);
    unit_ok(due(), "but then");
    take(&minute);
    ngx_triggers_history_done(sh, &minute);
    unit_ok(minute.minute == T0 + HOUR && minute.elapsed == MINUTE
            && minute.values[0] == 1 && !due(), "it has kept its time");

    pass(MINUTE);
    take(&minute);
    unit_ok(due() && minute.minute == T0 + MINUTE,
            "and the next one has the clock's");

    /* by a few seconds, within a minute and over its end */

    setup();
    pass(40 * SECOND);
    wall -= 45 * SECOND;
    pass(54 * SECOND);
    unit_ok(!due(), "a little back: it lasts longer");
    pass(SECOND);
    unit_ok(due(), "until its end");
    take(&minute);
    ngx_triggers_history_done(sh, &minute);
    unit_ok(minute.minute == T0 && minute.elapsed == 95 * SECOND,
            "and is told");

    wall -= 2 * SECOND;
    unit_ok(!due(), "back before it: it is not taken twice");
    pass(2 * SECOND);
    unit_ok(!due(), "nor when it ends again");
    pass(MINUTE);
    unit_ok(due(), "the next one is");

    /* to and fro each second */

    setup();

    for (i = 0, n = 0; i < 600; i++) {
        count(1);
        pass(SECOND);
        wall += (i % 2) ? HOUR : -HOUR;

        if (due()) {
            take(&minute);
            ngx_triggers_history_done(sh, &minute);
            n += (minute.elapsed <= 600 * SECOND);
        }
    }

    unit_ok(n >= 10 && n <= 20, "however it jumps: %d in ten minutes", (int) n);
}


/*
 * Two processes take minutes, store them, die, or are late to say so: whatever
 * they do, the rows and what is left are all that was counted.
 */

static void
test_model(void)
{
    row_t                  *rows;
    sums_t                  sums;
    uint64_t                requests, bad;
    ngx_uint_t              i, n, who, last;
    ngx_triggers_minute_t  *m, minutes[2];

    setup();
    srandom(1);

    rows = calloc(ROWS + 1, sizeof(row_t));
    ngx_memzero(minutes, sizeof(minutes));
    requests = 0;
    last = 0;

    for (i = 0; i < RUNS; i++) {
        who = (ngx_uint_t) random() % 2;
        m = &minutes[who];

        n = (ngx_uint_t) random() % 5;
        count(n);
        requests += n;
        pass((uint64_t) random() % (2 * MINUTE));

        switch (random() % 4) {

        case 0:
            if (due()) {
                take(m);
            }

            break;

        case 1:
            ngx_triggers_history_done(sh, m);
            break;

        default:
            if (!due()) {
                break;
            }

            take(m);
            rows[m->number].number = m->number;
            ngx_memzero(&rows[m->number].sums, sizeof(sums_t));
            add(&rows[m->number].sums, m);
            last = ngx_max(last, m->number);

            if (random() % 2) {
                ngx_triggers_history_done(sh, m);
            }
        }

        /* case 0: it has died, or could not store it */

        if (rows[m->number].number != m->number
            || rows[m->number].sums.values[0] != m->values[0])
        {
            ngx_memzero(m, sizeof(ngx_triggers_minute_t));
            m->ticket = ~0ull;
        }
    }

    take(&minutes[0]);
    rows[minutes[0].number].number = minutes[0].number;
    ngx_memzero(&rows[minutes[0].number].sums, sizeof(sums_t));
    add(&rows[minutes[0].number].sums, &minutes[0]);
    last = ngx_max(last, minutes[0].number);

    ngx_memzero(&sums, sizeof(sums));
    bad = 0;

    for (i = 1; i <= last; i++) {
        bad += (rows[i].number != i);

        sums.values[0] += rows[i].sums.values[0];
        sums.values[NGX_TRIGGERS_MINUTE_ACCEPTED] +=
                           rows[i].sums.values[NGX_TRIGGERS_MINUTE_ACCEPTED];

        for (n = 0; n < NGX_TRIGGERS_BUCKETS; n++) {
            sums.times[NGX_TRIGGERS_TIME_INGEST][n] +=
                           rows[i].sums.times[NGX_TRIGGERS_TIME_INGEST][n];
        }
    }

    unit_ok(bad == 0 && last > 1000, "%d minutes, none is missing",
            (int) last);
    unit_ok(sums.values[0] == requests
            && sums.values[NGX_TRIGGERS_MINUTE_ACCEPTED] == requests
            && buckets(&sums, NGX_TRIGGERS_TIME_INGEST) == requests,
            "whoever dies, each of %d requests is there once",
            (int) requests);

    free(rows);
}


static void
test_histograms(void)
{
    ngx_str_t               times;
    ngx_uint_t              i, n, bad;
    sums_t                  sums;
    ngx_triggers_minute_t   minute;

    static struct {
        const char  *text;
        size_t       len;
    } texts[] = {
        { "", 0 },
        { "\x02", 1 },
        { "\x01\x00", 2 },
        { "\x01\x00\x01", 3 },
        { "\x01\x00\x01\x00", 4 },
        { "\x01\x00\x01\x00\x80", 5 },
        { "\x01\x00\x01\x3e\x01", 5 },
        { "\x01\x00\x02\x00\x01", 5 },
        { "\x01\x00\x01\x00\x01\x00", 6 },
        { "\x01\x00\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 15 }
    };

    bad = 0;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        /* on the heap, so that nothing is read behind it */

        times.len = texts[i].len;
        times.data = malloc(times.len + !times.len);
        ngx_memcpy(times.data, texts[i].text, times.len);

        bad += (ngx_triggers_history_add(&times, sums.times) != NGX_ERROR);
        free(times.data);
    }

    unit_ok(bad == 0, "what is no histogram is refused");

    ngx_memzero(&sums, sizeof(sums));
    ngx_str_set(&times, "\x01\x09\x01\x00\x07\x00\x02\x3d\xac\x02\x01\x01");

    unit_ok(ngx_triggers_history_add(&times, sums.times) == NGX_OK
            && ngx_triggers_history_add(&times, sums.times) == NGX_OK
            && sums.times[0][61] == 600 && sums.times[0][1] == 2
            && buckets(&sums, 0) == 602,
            "those of other times are passed by, others are added up");

    /* as many as there can be */

    setup();

    for (i = 0; i < NGX_TRIGGERS_BUCKETS; i++) {
        for (n = 0; n < NGX_TRIGGERS_WORKER_TIMES; n++) {
            sh->metrics.blocks[0].counts.times[n].buckets[i] = 0xffffffff - n;
        }

        sh->metrics.leader->times[NGX_TRIGGERS_TIME_DELIVERY
                                  - NGX_TRIGGERS_WORKER_TIMES].buckets[i] =
                                                                    1ull << i;
    }

    take(&minute);
    ngx_memzero(&sums, sizeof(sums));
    add(&sums, &minute);

    unit_ok(minute.times.len <= NGX_TRIGGERS_MINUTE_TIMES, "they fit: %d",
            (int) minute.times.len);
    unit_ok(buckets(&sums, NGX_TRIGGERS_TIME_ACK)
            == NGX_TRIGGERS_BUCKETS * (0xffffffffull - 3)
            && sums.times[NGX_TRIGGERS_TIME_DELIVERY][31] == 1ull << 31
            && sums.times[NGX_TRIGGERS_TIME_DELIVERY][32] == 0,
            "large counts, of 32 bits");
}


/* sums up what is read, at most "most" */

typedef struct {
    sums_t                  sums;
    ngx_uint_t              n;
    ngx_uint_t              most;
    ngx_uint_t              sleep;          /* ms, at each */
    int64_t                 first;
    ngx_triggers_minute_t   last;
} read_t;


static ngx_int_t
read_row(void *data, ngx_triggers_minute_t *minute)
{
    read_t *r = data;

    if (r->n == r->most) {
        return NGX_DONE;
    }

    if (r->n++ == 0) {
        r->first = minute->minute;
    }

    add(&r->sums, minute);
    r->last = *minute;

    if (r->sleep) {
        usleep((useconds_t) r->sleep * 1000);
    }

    return NGX_OK;
}


static ngx_int_t
read_minutes(ngx_triggers_logs_reader_t *reader, read_t *r, int64_t from,
    int64_t to)
{
    ngx_triggers_minutes_query_t  query;

    ngx_memzero(&r->sums, sizeof(sums_t));
    r->n = 0;

    query.from = from;
    query.to = to;
    query.time_limit = r->sleep ? 1 : 0;
    query.handler = read_row;
    query.data = r;

    return ngx_triggers_logs_read_minutes(reader, &query);
}


static void
test_database(void)
{
    read_t                       *r;
    ngx_str_t                    *path;
    ngx_uint_t                    i;
    ngx_triggers_logs_t          *logs;
    ngx_triggers_minute_t         minute;
    ngx_triggers_logs_reader_t   *reader;

    static ngx_triggers_logs_limits_t  limits;

    setup();

    path = fixture_path("history.db");
    logs = ngx_triggers_logs_create(path, &limits, unit_log());
    r = calloc(1, sizeof(read_t));
    r->most = 10000;

    (void) ngx_triggers_logs_begin(logs);

    for (i = 0; i < 1000; i++) {
        count(i % 4);
        pass(MINUTE);
        take(&minute);
        (void) ngx_triggers_logs_add_minute(logs, &minute);

        /* one in ten was not done, and is replaced */

        if (i % 10) {
            ngx_triggers_history_done(sh, &minute);
        }
    }

    unit_ok(ngx_triggers_logs_commit(logs) == NGX_OK, "minutes are stored");
    ngx_triggers_logs_release(logs);

    reader = ngx_triggers_logs_reader_open(path, unit_log());

    unit_ok(read_minutes(reader, r, 0, INT64_MAX) == NGX_OK && r->n == 900
            && r->sums.values[NGX_TRIGGERS_MINUTE_REQUESTS] == 1500
            && r->sums.values[NGX_TRIGGERS_MINUTE_ACCEPTED] == 1500
            && buckets(&r->sums, NGX_TRIGGERS_TIME_INGEST) == 1500
            && r->last.elapsed == MINUTE
            && r->first == T0
            && r->last.minute == T0 + 999 * MINUTE,
            "and read back, with nothing lost or twice");

    unit_ok(read_minutes(reader, r, T0 + 2 * MINUTE, T0 + 5 * MINUTE)
            == NGX_OK && r->n == 3 && r->first == T0 + 2 * MINUTE
            && r->last.minute == T0 + 4 * MINUTE, "from one to another");
    unit_ok(read_minutes(reader, r, T0 + 5000 * MINUTE, INT64_MAX) == NGX_OK
            && r->n == 0, "none");

    r->most = 7;
    unit_ok(read_minutes(reader, r, 0, INT64_MAX) == NGX_OK && r->n == 7,
            "until it is enough");

    r->most = 10000;
    r->sleep = 1;
    unit_ok(read_minutes(reader, r, 0, INT64_MAX) == NGX_AGAIN
            && r->n < 900, "or has taken too long");
    r->sleep = 0;

    /* one of another zone at the same time, stored later */

    sh->nonce++;
    sh->metrics.leader->events[NGX_TRIGGERS_PENDING] = 99;
    take(&minute);
    minute.minute = T0;
    (void) ngx_triggers_logs_begin(logs);
    (void) ngx_triggers_logs_add_minute(logs, &minute);
    (void) ngx_triggers_logs_commit(logs);
    ngx_triggers_logs_release(logs);

    unit_ok(read_minutes(reader, r, T0, T0 + MINUTE) == NGX_OK && r->n == 2
            && r->last.values[NGX_TRIGGERS_MINUTE_PENDING] == 99,
            "of one minute the one that was stored last is the last");

    ngx_triggers_logs_reader_close(reader);
    ngx_triggers_logs_destroy(logs);
    free(r);
}


int
main(void)
{
    fixture_init();

    test_minute();
    test_takeover();
    test_clocks();
    test_model();
    test_histograms();
    test_database();

    free(sh);
    free(memory);

    return fixture_done();
}
