
/*
 * The logs database: that what is added comes back, in order, page by page,
 * while rows come and go; filters; owners; what goes, and that the file
 * shrinks; what becomes of files that are damaged, foreign, deleted, read-only
 * or full; two writers.
 */


#include "store_fixture.h"
#include "ngx_triggers_logs.h"
#include "ngx_triggers_sqlite_logs.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>


#define ROWS  4096


/* the numbers of what a query found, and its last row */

typedef struct {
    int64_t                  n[ROWS];
    ngx_uint_t               rows;
    ngx_uint_t               stop;              /* rows; 0: the query's limit */
    ngx_triggers_logs_row_t  last;
    char                     message[128];
    char                     user[32];
    char                     key[64];
    char                     request[64];
    char                     correlation[64];
    char                     error[64];
} found_t;


static void test_empty(void);
static void test_values(void);
static void test_pages(void);
static void test_filters(void);
static void test_filters_combined(void);
static void test_owners(void);
static void test_since(void);
static void test_time_limit(void);
static void test_numbers(void);
static void test_retain_time(void);
static void test_retain_size(void);
static void test_minutes(void);
static void test_refused(void);
static void test_damaged(void);
static void test_deleted(void);
static void test_read_only(void);
static void test_full(void);
static void test_full_checkpoint(void);
static void test_checkpoint_error(void);
static void test_two_writers(void);
static void test_busy(void);
static void test_busy_open(void);
static void test_no_memory(void);
static void test_pipe(void);
static void test_killed(void);
static void test_wal(void);
static void test_plans(void);
static void entry_init(ngx_triggers_entry_t *entry, int64_t n);
static void str(ngx_str_t *s, const char *text);
static ngx_int_t add(ngx_triggers_logs_t *logs, int64_t first, int64_t last);
static ngx_int_t fill(ngx_triggers_logs_t *logs, int64_t first, int64_t last);
static ngx_int_t commit(ngx_triggers_logs_t *logs);
static ngx_triggers_logs_t *writer(ngx_str_t *path);
static ngx_int_t retain(ngx_triggers_logs_t *logs, int64_t now);
static void query_init(ngx_triggers_logs_query_t *query, found_t *found);
static ngx_int_t take(void *data, ngx_triggers_logs_row_t *row);
static void copy(char *dst, size_t size, ngx_str_t *src);
static ngx_int_t find(ngx_str_t *path, ngx_triggers_logs_query_t *query);
static ngx_uint_t expect(found_t *found, const char *numbers);
static ngx_uint_t whole(ngx_str_t *path);
static void limit_file_size(rlim_t size);
static off_t file_size(ngx_str_t *path);


static found_t                     found;
static ngx_triggers_logs_limits_t  limits;
static int                         sync_errno;  /* of fdatasync() below */


int
main(void)
{
    (void) signal(SIGXFSZ, SIG_IGN);

    fixture_init();

    test_empty();
    test_values();
    test_pages();
    test_filters();
    test_filters_combined();
    test_owners();
    test_since();
    test_time_limit();
    test_numbers();
    test_retain_time();
    test_retain_size();
    test_minutes();
    test_refused();
    test_damaged();
    test_deleted();
    test_read_only();
    test_full();
    test_full_checkpoint();
    test_checkpoint_error();
    test_two_writers();
    test_busy();
    test_busy_open();
    test_no_memory();
    test_pipe();
    test_killed();
    test_wal();
    test_plans();

    return fixture_done();
}


static void
test_empty(void)
{
    ngx_str_t                  *path;
    ngx_triggers_logs_t        *logs;
    ngx_triggers_logs_query_t   query;

    path = fixture_path("empty.db");
    logs = writer(path);

    unit_ok(ngx_triggers_logs_reader_open(path, unit_log()) == NULL
            && access((char *) path->data, F_OK) == -1,
            "empty: no database, no reader, and none is made");
    unit_ok(ngx_triggers_logs_begin(logs) == NGX_OK
            && commit(logs) == NGX_OK, "empty: a batch");

    query_init(&query, &found);
    unit_ok(find(path, &query) == NGX_OK && found.rows == 0
            && !query.has_more, "empty: nothing is found");

    query.since = 1;
    unit_ok(find(path, &query) == NGX_OK && found.rows == 0,
            "empty: nothing since");
    unit_ok(fixture_sql(path, "PRAGMA application_id") == 0x54726c67
            && fixture_sql(path, "PRAGMA user_version")
               == ngx_triggers_sqlite_version(NGX_TRIGGERS_SQLITE_LOGS)
            && fixture_sql(path, "PRAGMA auto_vacuum") == 2
            && fixture_sql(path, "PRAGMA page_size") == 8192,
            "empty: what the file says of itself");

    ngx_triggers_logs_destroy(logs);
}


static void
test_values(void)
{
    ngx_str_t                  *path;
    ngx_uint_t                  i;
    ngx_triggers_logs_t        *logs;
    ngx_triggers_entry_t        entry, *e;
    ngx_triggers_logs_query_t   query;

    path = fixture_path("values.db");
    logs = writer(path);

    entry_init(&entry, 1);
    entry.kind = NGX_TRIGGERS_ENTRY_REQUEST;
    entry.level = NGX_TRIGGERS_LEVEL_WARN;
    str(&entry.message, "POST /events");
    str(&entry.user_id, "demo");
    str(&entry.key_id, "key-1");
    str(&entry.request_id, "r-1");
    str(&entry.correlation_id, "c-1");
    str(&entry.error, "rate_limited");
    entry.has_event_id = 1;
    entry.has_trace_id = 1;
    fixture_id(entry.event_id, 7);

    for (i = 0; i < NGX_TRIGGERS_TRACE_ID_LEN; i++) {
        entry.trace_id[i] = (u_char) i;
    }

    entry.status = 429;
    entry.latency = 123456789012ULL;

    (void) ngx_triggers_logs_begin(logs);
    (void) ngx_triggers_logs_add(logs, &entry);
    unit_ok(commit(logs) == NGX_OK, "values: stored");

    query_init(&query, &found);
    e = &found.last.entry;

    unit_ok(find(path, &query) == NGX_OK && found.rows == 1
            && e->kind == NGX_TRIGGERS_ENTRY_REQUEST
            && e->level == NGX_TRIGGERS_LEVEL_WARN
            && e->time == entry.time && e->status == 429
            && e->latency == 123456789012ULL
            && found.last.number == 1, "values: numbers");
    unit_ok(strcmp(found.message, "POST /events") == 0
            && strcmp(found.user, "demo") == 0
            && strcmp(found.key, "key-1") == 0
            && strcmp(found.request, "r-1") == 0
            && strcmp(found.correlation, "c-1") == 0
            && strcmp(found.error, "rate_limited") == 0, "values: texts");
    unit_ok(e->has_event_id && e->has_trace_id
            && fixture_number(e->event_id) == 7
            && ngx_memcmp(e->trace_id, entry.trace_id,
                          NGX_TRIGGERS_TRACE_ID_LEN)
               == 0, "values: ids");

    /* all that can be absent */

    entry_init(&entry, 2);
    entry.kind = NGX_TRIGGERS_ENTRY_BACKGROUND;

    (void) ngx_triggers_logs_begin(logs);
    (void) ngx_triggers_logs_add(logs, &entry);
    (void) commit(logs);

    query.limit = 1;
    unit_ok(find(path, &query) == NGX_OK && found.rows == 1
            && e->kind == NGX_TRIGGERS_ENTRY_BACKGROUND
            && e->user_id.data == NULL && e->key_id.data == NULL
            && e->request_id.data == NULL && e->correlation_id.data == NULL
            && e->error.data == NULL && !e->has_event_id && !e->has_trace_id
            && e->status == 0 && e->latency == 0, "values: absent ones");

    /* one id for both is kept once */

    entry_init(&entry, 3);
    str(&entry.request_id, "same");
    str(&entry.correlation_id, "same");

    (void) ngx_triggers_logs_begin(logs);
    (void) ngx_triggers_logs_add(logs, &entry);
    (void) commit(logs);

    unit_ok(find(path, &query) == NGX_OK
            && strcmp(found.request, "same") == 0
            && strcmp(found.correlation, "same") == 0
            && fixture_sql(path, "SELECT count(*) FROM logs "
                           "WHERE log_id = 3 AND request_id IS NULL") == 1,
            "values: one id for both");

    entry_init(&entry, 4);
    str(&entry.request_id, "alone");

    (void) ngx_triggers_logs_begin(logs);
    (void) ngx_triggers_logs_add(logs, &entry);
    (void) commit(logs);

    unit_ok(find(path, &query) == NGX_OK
            && strcmp(found.request, "alone") == 0
            && e->correlation_id.data == NULL, "values: only a request id");

    /* what was not committed was not said */

    (void) ngx_triggers_logs_begin(logs);
    (void) ngx_triggers_logs_add(logs, &entry);
    ngx_triggers_logs_destroy(logs);

    query.limit = 50;
    unit_ok(find(path, &query) == NGX_OK && found.rows == 4,
            "values: no commit, no logs");
    unit_ok(whole(path), "values: whole");
}


/* cursors neither miss nor repeat while rows come and go */

static void
test_pages(void)
{
    int64_t                     i, n, next;
    ngx_str_t                  *path;
    ngx_uint_t                  pages, bad;
    ngx_triggers_logs_t        *logs;
    ngx_triggers_logs_query_t   query;

    path = fixture_path("pages.db");
    limits.logs = 1000 * 1000;
    logs = writer(path);
    (void) add(logs, 1, 1000);

    query_init(&query, &found);
    query.limit = 100;

    bad = 0;
    pages = 0;
    next = 1000;

    do {
        found.rows = 0;
        bad += (find(path, &query) != NGX_OK);

        for (i = 0; i < (int64_t) found.rows; i++, next--) {
            bad += (found.n[i] != next);
        }

        bad += (query.last != next + 1);
        query.before = query.last;
        pages++;

        /* as many come at the one end as go at the other */

        n = 1000 + 10 * (int64_t) pages;
        bad += (add(logs, n - 9, n) != NGX_OK);
        bad += (retain(logs, FIXTURE_T0 + 1000 * n) != NGX_OK);

    } while (query.has_more && pages < 20);

    unit_ok(!bad && pages == 10 && next == 90,
            "pages: %d, down to %d", (int) pages, (int) next);

    query_init(&query, &found);
    query.limit = 1000;
    unit_ok(find(path, &query) == NGX_OK && found.rows == 1000
            && found.n[0] == 1100 && !query.has_more,
            "pages: all that is left");

    query.limit = 999;
    unit_ok(find(path, &query) == NGX_OK && found.rows == 999
            && query.has_more && query.last == 102, "pages: all but one");

    query.limit = 1000;
    found.stop = 3;
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "1100 1099 1098")
            && query.has_more && query.last == 1098,
            "pages: a handler ends one");

    query.before = 102;
    found.stop = 1;
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "101")
            && !query.has_more, "pages: a handler ends the last one");

    query.before = 101;
    unit_ok(find(path, &query) == NGX_OK && found.rows == 0
            && !query.has_more, "pages: nothing is left");

    ngx_triggers_logs_destroy(logs);
    limits.logs = 0;
}


/*
 * Twelve rows: levels go round, event 1 in 1, 5, 9, correlation "c" in the
 * even ones, users "a" and "b" take turns in threes.
 */

static ngx_str_t *
filter_rows(const char *name)
{
    int64_t                n;
    ngx_str_t             *path;
    ngx_triggers_logs_t   *logs;
    ngx_triggers_entry_t   entry;

    path = fixture_path(name);
    logs = writer(path);

    (void) ngx_triggers_logs_begin(logs);

    for (n = 1; n <= 12; n++) {
        entry_init(&entry, n);

        entry.level = (ngx_uint_t) n % NGX_TRIGGERS_NLEVELS;
        str(&entry.user_id, (n - 1) / 3 % 2 ? "b" : "a");
        str(&entry.request_id, n == 8 ? "Request-Eight" : "r");
        str(&entry.correlation_id, n % 2 ? "odd" : "c");

        if (n % 4 == 1) {
            entry.has_event_id = 1;
            fixture_id(entry.event_id, 1);
        }

        if (n == 3) {
            str(&entry.error, "STORE_Unavailable");
        }

        if (n == 7) {
            str(&entry.message, "delivery to an endpoint FAILED");
        }

        (void) ngx_triggers_logs_add(logs, &entry);
    }

    (void) commit(logs);
    ngx_triggers_logs_destroy(logs);

    return path;
}


static void
test_filters(void)
{
    u_char                      id[NGX_TRIGGERS_ID_LEN];
    ngx_str_t                  *path;
    ngx_triggers_logs_query_t   query;

    path = filter_rows("filters.db");

    query_init(&query, &found);
    query.level = NGX_TRIGGERS_LEVEL_INFO;
    unit_ok(find(path, &query) == NGX_OK
            && expect(&found, "11 10 9 7 6 5 3 2 1"), "filters: info");
    query.level = NGX_TRIGGERS_LEVEL_WARN;
    unit_ok(find(path, &query) == NGX_OK
            && expect(&found, "11 10 7 6 3 2"), "filters: warnings");
    query.level = NGX_TRIGGERS_LEVEL_ERROR;
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "11 7 3"),
            "filters: errors");

    query_init(&query, &found);
    query.since = FIXTURE_T0 + 10 * 1000;
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "12 11 10"),
            "filters: since");
    query.since++;
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "12 11"),
            "filters: since, one later");
    query.since = FIXTURE_T0 + 13 * 1000;
    unit_ok(find(path, &query) == NGX_OK && found.rows == 0,
            "filters: since, nothing");

    query_init(&query, &found);
    fixture_id(id, 1);
    query.event_id = id;
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "9 5 1"),
            "filters: an event");
    fixture_id(id, 2);
    unit_ok(find(path, &query) == NGX_OK && found.rows == 0,
            "filters: an event without any");

    query_init(&query, &found);
    str(&query.correlation_id, "c");
    unit_ok(find(path, &query) == NGX_OK
            && expect(&found, "12 10 8 6 4 2"), "filters: a correlation id");
    str(&query.correlation_id, "C");
    unit_ok(find(path, &query) == NGX_OK && found.rows == 0,
            "filters: a correlation id is exact");

    query_init(&query, &found);
    str(&query.text, "unavailable");
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "3"),
            "filters: a text, in the error");
    str(&query.text, "ENDPOINT failed");
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "7"),
            "filters: a text, in the message");
    str(&query.text, "eight");
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "8"),
            "filters: a text, in the request id");
    str(&query.text, "r");
    unit_ok(find(path, &query) == NGX_OK && found.rows == 12,
            "filters: a letter");
    str(&query.text, "");
    unit_ok(find(path, &query) == NGX_OK && found.rows == 12,
            "filters: no text");
    str(&query.text, "odd");
    unit_ok(find(path, &query) == NGX_OK && found.rows == 0,
            "filters: a text is not looked for elsewhere");
}


/* every set of filters, by each of the walks, says what SQL says */

static void
test_filters_combined(void)
{
    int                         bits;
    char                        sql[512];
    u_char                      id[NGX_TRIGGERS_ID_LEN];
    ngx_str_t                  *path;
    ngx_uint_t                  bad, some;
    ngx_triggers_logs_query_t   query;

    path = filter_rows("combined.db");
    fixture_id(id, 1);

    bad = 0;
    some = 0;

    for (bits = 0; bits < 128; bits++) {
        query_init(&query, &found);

        query.any_owner = !(bits & 1);
        query.level = (bits & 2) ? NGX_TRIGGERS_LEVEL_WARN
                                 : (bits & 64) ? NGX_TRIGGERS_LEVEL_INFO : 0;
        query.event_id = (bits & 4) ? id : NULL;
        query.since = (bits & 16) ? FIXTURE_T0 + 3 * 1000 : 0;

        str(&query.user_id, "b");

        if (bits & 8) {
            str(&query.correlation_id, (bits & 4) ? "odd" : "c");
        }

        if (bits & 32) {
            str(&query.text, "E");
        }

        (void) snprintf(sql, sizeof(sql),
                        "SELECT coalesce(sum(1 << log_id), 0) FROM logs "
                        "WHERE (NOT %d OR user_id = 'b') AND level >= %d "
                        "AND (NOT %d OR hex(event_id) LIKE '0000000000000001%%'"
                        ") AND (NOT %d OR correlation_id = '%s') "
                        "AND at >= %lld AND (NOT %d OR message LIKE '%%e%%' "
                        "OR error LIKE '%%e%%' OR request_id LIKE '%%e%%')",
                        bits & 1, (int) query.level, bits & 4, bits & 8,
                        (bits & 4) ? "odd" : "c", (long long) query.since,
                        bits & 32);

        bad += (find(path, &query) != NGX_OK);

        while (found.rows) {
            found.n[ROWS - 1] += 1LL << found.n[--found.rows];
            some++;
        }

        if (fixture_sql(path, sql) != found.n[ROWS - 1]) {
            fprintf(stderr, "# filters %d\n", bits);
            bad++;
        }

        found.n[ROWS - 1] = 0;
    }

    unit_ok(!bad && some > 100, "filters: all combinations, %d rows",
            (int) some);
}


static void
test_owners(void)
{
    u_char                      id[NGX_TRIGGERS_ID_LEN];
    ngx_str_t                  *path;
    ngx_triggers_logs_t        *logs;
    ngx_triggers_entry_t        entry;
    ngx_triggers_logs_query_t   query;

    path = filter_rows("owners.db");

    /* of nobody: only for who sees all */

    logs = writer(path);
    entry_init(&entry, 13);
    (void) ngx_triggers_logs_begin(logs);
    (void) ngx_triggers_logs_add(logs, &entry);
    (void) commit(logs);
    ngx_triggers_logs_destroy(logs);

    query_init(&query, &found);
    unit_ok(find(path, &query) == NGX_OK && found.rows == 13,
            "owners: any");

    query.any_owner = 0;
    str(&query.user_id, "a");
    unit_ok(find(path, &query) == NGX_OK
            && expect(&found, "9 8 7 3 2 1"), "owners: one");

    query.limit = 4;
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "9 8 7 3")
            && query.has_more && query.last == 3, "owners: a page");
    query.before = query.last;
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "2 1")
            && !query.has_more, "owners: the next page");

    query_init(&query, &found);
    query.any_owner = 0;
    str(&query.user_id, "A");
    unit_ok(find(path, &query) == NGX_OK && found.rows == 0,
            "owners: another");
    str(&query.user_id, "");
    unit_ok(find(path, &query) == NGX_OK && found.rows == 0,
            "owners: an empty name");
    ngx_str_null(&query.user_id);
    unit_ok(find(path, &query) == NGX_OK && found.rows == 0,
            "owners: no name is not that of nobody");

    /* by the other indexes, too */

    str(&query.user_id, "b");
    fixture_id(id, 1);
    query.event_id = id;
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "5"),
            "owners: another's event");
    query.event_id = NULL;
    str(&query.correlation_id, "c");
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "12 10 6 4"),
            "owners: another's correlation id");
}


/* clocks go back: nothing is missed, nothing too old is shown */

static void
test_since(void)
{
    int64_t                     n, at;
    ngx_str_t                  *path;
    ngx_uint_t                  i, bad, rows;
    ngx_triggers_logs_t        *logs;
    ngx_triggers_entry_t        entry;
    ngx_triggers_logs_query_t   query;
    static int64_t              times[900];

    path = fixture_path("since.db");
    bad = 0;

    for (n = 0; n < 900; n++) {

        /* a disorder of 7 ms, an hour back at 300, a day ahead for a while */

        at = FIXTURE_T0 + 1000 * n - n * 5 % 7;
        at -= (n >= 300) ? 3600 * 1000 : 0;
        at += (n >= 600 && n < 620) ? 24 * 3600 * 1000 : 0;

        times[n] = at;
    }

    for (n = 0; n < 900; n += 90) {
        logs = writer(path);
        (void) ngx_triggers_logs_begin(logs);

        for (i = 0; i < 90; i++) {
            entry_init(&entry, 0);
            entry.time = times[n + (int64_t) i];
            bad += (ngx_triggers_logs_add(logs, &entry) != NGX_OK);
        }

        (void) commit(logs);
        ngx_triggers_logs_destroy(logs);
    }

    for (n = 0; n < 900; n += 17) {
        query_init(&query, &found);
        query.limit = 1000;
        query.since = times[n];

        rows = 0;

        for (i = 0; i < 900; i++) {
            rows += (times[i] >= query.since);
        }

        bad += (find(path, &query) != NGX_OK || found.rows != rows);
    }

    unit_ok(!bad, "since: exact, wherever clocks went");
    unit_ok(fixture_sql(path, "SELECT count(*) FROM logs a JOIN logs b "
                        "ON b.log_id = a.log_id + 1 "
                        "WHERE coalesce(b.latest, b.at) "
                        "< coalesce(a.latest, a.at)") == 0
            && fixture_sql(path, "SELECT count(*) FROM logs "
                           "WHERE latest IS NULL") > 100,
            "since: the latest time does not go back");
}


static void
test_time_limit(void)
{
    ngx_int_t                    rc;
    ngx_str_t                   *path;
    ngx_uint_t                   parts;
    ngx_triggers_logs_t         *logs;
    ngx_triggers_logs_query_t    query;
    ngx_triggers_logs_reader_t  *reader;

    path = fixture_path("time.db");
    logs = writer(path);
    (void) add(logs, 1, 100000);

    reader = ngx_triggers_logs_reader_open(path, unit_log());

    query_init(&query, &found);
    query.time_limit = 1;
    str(&query.text, "nothing has this");

    rc = ngx_triggers_logs_read(reader, &query);
    unit_ok(rc == NGX_DECLINED && found.rows == 0 && query.has_more
            && query.last > 1 && query.last < 100000,
            "time: it is over at %d", (int) query.last);

    /* from there it comes to the end, and finds what is there */

    str(&query.text, "message 5 ");

    for (parts = 0; query.has_more && parts < 100000; parts++) {
        query.before = query.last;

        if (ngx_triggers_logs_read(reader, &query) == NGX_ERROR) {
            break;
        }
    }

    unit_ok(!query.has_more && parts > 1 && expect(&found, "5"),
            "time: it ends, after %d parts", (int) parts);

    /* a page that has something is one, and says where it ended */

    query_init(&query, &found);
    query.time_limit = 1;
    str(&query.text, "message 99999 ");
    unit_ok(ngx_triggers_logs_read(reader, &query) == NGX_OK
            && expect(&found, "99999") && query.has_more
            && query.last < 99999, "time: what was found is shown");

    query_init(&query, &found);
    query.time_limit = 0;
    str(&query.text, "nothing has this");
    unit_ok(ngx_triggers_logs_read(reader, &query) == NGX_OK
            && !query.has_more, "time: no limit");

    ngx_triggers_logs_reader_close(reader);
    ngx_triggers_logs_destroy(logs);
}


/* a number is given once, also when all is removed, and by another writer */

static void
test_numbers(void)
{
    ngx_str_t                  *path;
    ngx_triggers_logs_t        *logs, *other;
    ngx_triggers_logs_query_t   query;

    path = fixture_path("numbers.db");
    limits.logs = 1000;
    logs = writer(path);
    other = writer(path);

    (void) add(logs, 1, 10);
    unit_ok(retain(logs, FIXTURE_T0 + 3600 * 1000) == NGX_OK
            && fixture_sql(path, "SELECT count(*) FROM logs") == 0,
            "numbers: all are removed");

    (void) add(logs, 1, 2);
    query_init(&query, &found);
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "12 11"),
            "numbers: they go on");

    (void) retain(logs, FIXTURE_T0 + 3600 * 1000);
    (void) add(other, 1, 1);
    (void) add(logs, 1, 1);
    (void) add(other, 1, 1);
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "15 14 13"),
            "numbers: another writer's, too");

    (void) retain(other, FIXTURE_T0 + 3600 * 1000);
    ngx_triggers_logs_destroy(logs);
    ngx_triggers_logs_destroy(other);

    logs = writer(path);
    (void) add(logs, 1, 1);
    unit_ok(find(path, &query) == NGX_OK && expect(&found, "16"),
            "numbers: after a restart");

    ngx_triggers_logs_destroy(logs);
    limits.logs = 0;
}


static void
test_retain_time(void)
{
    int64_t                     now;
    ngx_str_t                  *path;
    ngx_uint_t                  steps;
    ngx_triggers_logs_t        *logs;
    ngx_triggers_entry_t        entry;
    ngx_triggers_logs_query_t   query;

    path = fixture_path("retain.db");
    logs = writer(path);
    (void) add(logs, 1, 3000);

    now = FIXTURE_T0 + 2600 * 1000;
    limits.logs = 100 * 1000;

    for (steps = 1; ngx_triggers_logs_retain(logs, now) == NGX_AGAIN; steps++)
    {
        if (steps == 1) {
            unit_ok(fixture_sql(path, "SELECT count(*) FROM logs")
                    > 2000, "retain: a step removes some");
        }
    }

    query_init(&query, &found);
    query.limit = 1000;
    unit_ok(find(path, &query) == NGX_OK && found.rows == 500
            && found.n[499] == 2501 && steps > 4,
            "retain: those that are not too old stay, %d steps", (int) steps);
    unit_ok(ngx_triggers_logs_retain(logs, now) == NGX_OK,
            "retain: nothing is left to do");

    limits.logs = 0;
    unit_ok(retain(logs, now + 3600 * 1000) == NGX_OK
            && fixture_sql(path, "SELECT count(*) FROM logs") == 500,
            "retain: for ever");

    /* a clock that was a year ahead does not keep the others */

    entry_init(&entry, 1);
    entry.time = now + 365LL * 24 * 3600 * 1000;
    (void) ngx_triggers_logs_begin(logs);
    (void) ngx_triggers_logs_add(logs, &entry);
    (void) commit(logs);
    (void) add(logs, 3001, 3005);

    limits.logs = 1000;
    unit_ok(retain(logs, FIXTURE_T0 + 3004 * 1000) == NGX_OK
            && find(path, &query) == NGX_OK && expect(&found, "3006 3005"),
            "retain: a time far ahead goes");

    unit_ok(whole(path), "retain: whole");

    ngx_triggers_logs_destroy(logs);
    limits.logs = 0;
}


static void
test_retain_size(void)
{
    off_t                       before;
    int64_t                     first, used;
    ngx_str_t                  *path;
    ngx_uint_t                  i, bad;
    ngx_triggers_logs_t        *logs;
    ngx_triggers_logs_query_t   query;

    path = fixture_path("size.db");
    logs = writer(path);

    limits.size = 1024 * 1024;
    bad = 0;

    for (i = 0; i < 20; i++) {
        bad += (add(logs, 1000 * i + 1, 1000 * i + 1000) != NGX_OK);
        bad += (retain(logs, FIXTURE_T0) != NGX_OK);

        used = fixture_sql(path, "SELECT (page_count - freelist_count) "
                           "* page_size FROM pragma_page_count, "
                           "pragma_freelist_count, pragma_page_size");

        bad += (used > limits.size);
    }

    query_init(&query, &found);
    query.limit = 100000;
    first = fixture_sql(path, "SELECT min(log_id) FROM logs");

    bad += (find(path, &query) != NGX_OK);
    unit_ok(!bad && found.rows > 1000 && found.n[0] == 20000
            && (int64_t) found.rows == 20001 - first,
            "size: the newest %d stay", (int) found.rows);

    unit_ok(file_size(path) < 4 * 1024 * 1024, "size: of the file, %d",
            (int) file_size(path));

    /* it shrinks, too, and what stays is sound */

    limits.size = 0;
    (void) add(logs, 20001, 50000);
    (void) retain(logs, FIXTURE_T0);
    ngx_triggers_logs_destroy(logs);

    before = file_size(path);
    logs = writer(path);
    limits.size = 1024 * 1024;

    bad = (retain(logs, FIXTURE_T0) != NGX_OK);
    unit_ok(!bad
            && before > 4 * 1024 * 1024
            && file_size(path) <= 1024 * 1024 + 65 * 8192,
            "size: the file shrinks, from %d to %d", (int) before,
            (int) file_size(path));
    unit_ok(whole(path), "size: whole");

    limits.size = 1;
    unit_ok(retain(logs, FIXTURE_T0) == NGX_OK
            && fixture_sql(path, "SELECT count(*) FROM logs") == 0,
            "size: a limit that nothing keeps");

    ngx_triggers_logs_destroy(logs);
    limits.size = 0;
}


static void
test_minutes(void)
{
    ngx_str_t              *path;
    ngx_uint_t              i;
    ngx_triggers_logs_t    *logs;
    ngx_triggers_minute_t   minute;

    path = fixture_path("minutes.db");
    logs = writer(path);

    ngx_memzero(&minute, sizeof(ngx_triggers_minute_t));

    minute.zone = FIXTURE_NONCE;
    minute.elapsed = 99;
    str(&minute.times, "times");

    for (i = 0; i < NGX_TRIGGERS_MINUTE_VALUES; i++) {
        minute.values[i] = i + 100;
    }

    unit_ok(ngx_triggers_logs_add_minute(logs, &minute) == NGX_ERROR,
            "minutes: not without a batch");

    (void) ngx_triggers_logs_begin(logs);

    for (minute.number = 1; minute.number <= 2000; minute.number++) {
        minute.minute = (int64_t) minute.number * NGX_TRIGGERS_MINUTE_MS;
        (void) ngx_triggers_logs_add_minute(logs, &minute);
    }

    unit_ok(commit(logs) == NGX_OK
            && fixture_sql(path, "SELECT count(*) FROM minutes") == 2000
            && fixture_sql(path, "SELECT count(*) FROM minutes "
                           "WHERE requests = 100 AND errors = 101 "
                           "AND accepted = 102 AND acknowledged = 103 "
                           "AND delivered = 104 AND failed = 105 "
                           "AND retried = 106 AND attempts = 107 "
                           "AND failed_attempts = 108 AND commits = 109 "
                           "AND pending = 110 AND retrying = 111 "
                           "AND dead = 112 AND queued = 113 "
                           "AND elapsed = 99 "
                           "AND minute = number * 60000 "
                           "AND zone = -81985529216486896 "
                           "AND times = x'74696d6573'") == 2000,
            "minutes: stored");

    /* who takes over does not know whether it was stored */

    minute.number = 2000;
    minute.minute = 2002 * NGX_TRIGGERS_MINUTE_MS;
    minute.values[NGX_TRIGGERS_MINUTE_REQUESTS] = 7;
    (void) ngx_triggers_logs_begin(logs);
    (void) ngx_triggers_logs_add_minute(logs, &minute);
    unit_ok(commit(logs) == NGX_OK
            && fixture_sql(path, "SELECT count(*) FROM minutes") == 2000
            && fixture_sql(path, "SELECT minute / 60000 * 10 + requests "
                           "FROM minutes WHERE number = 2000") == 20027,
            "minutes: one takes the place of itself");

    minute.zone++;
    (void) ngx_triggers_logs_begin(logs);
    (void) ngx_triggers_logs_add_minute(logs, &minute);
    unit_ok(commit(logs) == NGX_OK
            && fixture_sql(path, "SELECT count(*) FROM minutes") == 2001,
            "minutes: but not of another zone's");

    limits.logs = 1;
    (void) add(logs, 1, 1);
    limits.history = 100 * NGX_TRIGGERS_MINUTE_MS;
    unit_ok(retain(logs, 2000 * NGX_TRIGGERS_MINUTE_MS) == NGX_OK
            && fixture_sql(path, "SELECT min(minute / 60000) FROM minutes")
               == 1900, "minutes: what is too old goes");

    limits.logs = 0;
    limits.history = 0;
    ngx_triggers_logs_destroy(logs);
}


static void
test_refused(void)
{
    ngx_str_t            *path;
    ngx_triggers_logs_t  *logs;

    path = fixture_path("newer.db");
    logs = writer(path);
    (void) add(logs, 1, 5);
    ngx_triggers_logs_destroy(logs);
    (void) fixture_sql(path, "PRAGMA user_version = 99");

    logs = writer(path);
    unit_ok(ngx_triggers_logs_begin(logs) == NGX_ERROR
            && ngx_triggers_logs_reader_open(path, unit_log()) == NULL,
            "refused: a newer module's");
    unit_ok(ngx_triggers_logs_retain(logs, FIXTURE_T0) == NGX_ERROR
            && fixture_sql(path, "SELECT count(*) FROM logs") == 5,
            "refused: nothing goes from it");

    (void) fixture_sql(path, "PRAGMA user_version = 1");
    unit_ok(add(logs, 6, 6) == NGX_OK, "refused: it is ours again");
    ngx_triggers_logs_destroy(logs);

    path = fixture_path("foreign.db");
    (void) fixture_sql(path, "CREATE TABLE t (a)");

    logs = writer(path);
    unit_ok(ngx_triggers_logs_begin(logs) == NGX_ERROR
            && ngx_triggers_logs_reader_open(path, unit_log()) == NULL
            && fixture_sql(path, "SELECT count(*) FROM sqlite_master") == 1,
            "refused: another application's");
    ngx_triggers_logs_destroy(logs);

    /* the two databases of this module are not mixed up */

    path = fixture_path("events.db");
    ngx_triggers_store_destroy(fixture_store(path));
    fixture_sql(path, "PRAGMA application_id = 0x54726967;"
                "PRAGMA user_version = 5");

    logs = writer(path);
    unit_ok(ngx_triggers_logs_begin(logs) == NGX_ERROR,
            "refused: a database of events");
    ngx_triggers_logs_destroy(logs);
}


static void
test_damaged(void)
{
    FILE                 *file;
    ngx_str_t            *path;
    ngx_triggers_logs_t  *logs;

    path = fixture_path("damaged.db");

    file = fopen((char *) path->data, "w");
    fprintf(file, "%20000s", "this is no database");
    (void) fclose(file);

    logs = writer(path);
    unit_ok(ngx_triggers_logs_begin(logs) == NGX_ERROR
            && ngx_triggers_logs_add(logs, NULL) == NGX_ERROR
            && commit(logs) == NGX_ERROR,
            "damaged: no database");
    unit_ok(ngx_triggers_logs_begin(logs) == NGX_ERROR && logs->failed
            && logs->db == NULL && logs->lock_fd == -1,
            "damaged: closed, and the lock given up");
    unit_ok(ngx_triggers_logs_reader_open(path, unit_log()) == NULL,
            "damaged: no reader");

    (void) unlink((char *) path->data);
    unit_ok(add(logs, 1, 1) == NGX_OK && !logs->failed, "damaged: heals");
    ngx_triggers_logs_destroy(logs);

    /* a page within a good one */

    logs = writer(path);
    (void) add(logs, 2, 3000);
    ngx_triggers_logs_destroy(logs);

    file = fopen((char *) path->data, "r+");
    (void) fseek(file, 2 * 8192, SEEK_SET);
    fprintf(file, "%8192s%8192s%8192s%8192s", "x", "x", "x", "x");
    (void) fclose(file);

    logs = writer(path);
    unit_ok(add(logs, 3001, 6000) == NGX_ERROR && logs->failed
            && logs->db == NULL, "damaged: pages");
    ngx_triggers_logs_destroy(logs);
}


static void
test_deleted(void)
{
    ngx_str_t                   *path, *wal, *shm, *lock;
    ngx_triggers_logs_t         *logs;
    ngx_triggers_logs_query_t    query;
    ngx_triggers_logs_reader_t  *reader;

    path = fixture_path("deleted.db");
    wal = fixture_path("deleted.db-wal");
    shm = fixture_path("deleted.db-shm");
    lock = fixture_path("deleted.db.lock");

    logs = writer(path);
    (void) add(logs, 1, 10);
    reader = ngx_triggers_logs_reader_open(path, unit_log());

    (void) unlink((char *) path->data);
    (void) unlink((char *) wal->data);
    (void) unlink((char *) shm->data);
    (void) unlink((char *) lock->data);

    query_init(&query, &found);
    unit_ok(ngx_triggers_logs_read(reader, &query) == NGX_ERROR,
            "deleted: a reader sees it");
    ngx_triggers_logs_reader_close(reader);

    unit_ok(add(logs, 1, 3) == NGX_OK && find(path, &query) == NGX_OK
            && expect(&found, "3 2 1"), "deleted: begun afresh");

    /* the database alone: what its WAL has belongs to it */

    (void) add(logs, 4, 9);
    (void) unlink((char *) path->data);
    unit_ok(add(logs, 1, 2) == NGX_OK && find(path, &query) == NGX_OK
            && expect(&found, "2 1") && whole(path),
            "deleted: without its WAL");

    ngx_triggers_logs_destroy(logs);

    /* the directory */

    path = fixture_path("gone/logs.db");
    logs = writer(path);
    unit_ok(ngx_triggers_logs_begin(logs) == NGX_ERROR && logs->failed,
            "deleted: there is no directory");
    (void) mkdir((char *) fixture_path("gone")->data, 0700);
    unit_ok(add(logs, 1, 2) == NGX_OK && !logs->failed,
            "deleted: there is one");
    ngx_triggers_logs_destroy(logs);
}


/* root may write everything: the test becomes somebody else */

static void
test_read_only(void)
{
    int                   status;
    pid_t                 pid;
    ngx_uint_t            bad;
    ngx_str_t            *path;
    ngx_triggers_logs_t  *logs;

    path = fixture_path("read_only.db");
    logs = writer(path);
    (void) add(logs, 1, 5);
    ngx_triggers_logs_destroy(logs);

    (void) chmod((char *) path->data, 0444);
    (void) chmod((char *) fixture_path("read_only.db.lock")->data, 0666);
    (void) chmod(fixture_dir, 0777);

    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        bad = (geteuid() == 0 && setuid(65534) == -1);

        logs = writer(path);
        bad += (ngx_triggers_logs_begin(logs) != NGX_ERROR);
        bad += (!logs->failed || logs->db != NULL || logs->lock_fd != -1);

        _exit((int) bad);
    }

    (void) waitpid(pid, &status, 0);
    (void) chmod((char *) path->data, 0600);
    (void) chmod(fixture_dir, 0700);

    unit_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "read-only");

    logs = writer(path);
    unit_ok(add(logs, 6, 6) == NGX_OK, "read-only: heals");
    ngx_triggers_logs_destroy(logs);
}


/* a full disk: a batch is stored or it is not, and it goes on later */

static void
test_full(void)
{
    int64_t                     n;
    ngx_str_t                  *path;
    ngx_triggers_logs_t        *logs;
    ngx_triggers_logs_query_t   query;

    path = fixture_path("full.db");
    logs = writer(path);
    (void) add(logs, 1, 100);

    limit_file_size(512 * 1024);

    for (n = 101; n < 100000; n += 100) {
        if (add(logs, n, n + 99) != NGX_OK) {
            break;
        }
    }

    unit_ok(n < 100000 && logs->failed && logs->db == NULL
            && logs->lock_fd == -1, "full: at log %d", (int) n);
    unit_ok(add(logs, n, n + 99) == NGX_ERROR, "full: stays so");

    query_init(&query, &found);
    query.limit = 1;
    unit_ok(find(path, &query) == NGX_OK && found.n[0] == n - 1,
            "full: readers see what was committed");

    limit_file_size(RLIM_INFINITY);

    unit_ok(add(logs, n, n + 99) == NGX_OK && !logs->failed
            && fixture_sql(path, "SELECT count(*) FROM logs") == n + 99
            && whole(path), "full: heals");

    ngx_triggers_logs_destroy(logs);
}


/* the WAL has room, the database file has not: it does not grow for ever */

static void
test_full_checkpoint(void)
{
    int64_t               n;
    ngx_str_t            *path, *wal;
    ngx_uint_t            stored, failures;
    ngx_triggers_logs_t  *logs;

    path = fixture_path("growth.db");
    wal = fixture_path("growth.db-wal");
    logs = writer(path);

    (void) add(logs, 1, 10);
    limit_file_size(12 * 1024 * 1024);

    stored = 0;
    failures = 0;

    for (n = 11; n < 200000 && failures < 20; n += 500) {
        if (add(logs, n, n + 499) == NGX_OK) {
            stored++;

        } else {
            failures++;
        }
    }

    unit_ok(failures == 20 && logs->failed
            && file_size(wal) <= 12 * 1024 * 1024,
            "full: after %d batches the WAL has %d", (int) stored,
            (int) file_size(wal));
    unit_ok(fixture_sql(path, "SELECT count(*) FROM logs")
            == (int64_t) stored * 500 + 10, "full: what was said is stored");

    limit_file_size(RLIM_INFINITY);

    unit_ok(add(logs, n, n + 499) == NGX_OK && !logs->failed && whole(path),
            "full: goes on");

    ngx_triggers_logs_destroy(logs);
}


/* the batch is stored: nobody else's turn before it is said how far it came */

static void
test_checkpoint_error(void)
{
    int64_t               n;
    ngx_int_t             rc;
    ngx_str_t            *path;
    ngx_triggers_logs_t  *logs, *other;

    path = fixture_path("checkpoint.db");
    logs = writer(path);
    other = writer(path);

    (void) add(other, 1, 1);
    (void) add(logs, 2, 2);

    sync_errno = EIO;
    rc = NGX_OK;

    for (n = 3; n < 200000 && rc == NGX_OK && !logs->failed; n += 500) {
        rc = fill(logs, n, n + 499);

        if (rc == NGX_OK) {
            rc = ngx_triggers_logs_commit(logs);
        }

        if (!logs->failed) {
            ngx_triggers_logs_release(logs);
        }
    }

    sync_errno = 0;

    unit_ok(rc == NGX_OK && logs->failed
            && fixture_sql(path, "SELECT count(*) FROM logs") == n - 1,
            "checkpoint fails: the batch is stored");
    unit_ok(ngx_triggers_logs_begin(other) == NGX_AGAIN,
            "checkpoint fails: the lock is kept");

    ngx_triggers_logs_release(logs);

    unit_ok(add(other, 1, 1) == NGX_OK && add(logs, 1, 1) == NGX_OK
            && !logs->failed && whole(path),
            "checkpoint fails: … until it is given up");

    ngx_triggers_logs_destroy(other);
    ngx_triggers_logs_destroy(logs);
}


static void
test_two_writers(void)
{
    int                   status;
    pid_t                 pid[3];
    ngx_str_t            *path;
    ngx_uint_t            i, n, bad;
    ngx_triggers_entry_t  entry;
    ngx_triggers_logs_t  *logs, *other;

    path = fixture_path("two.db");
    logs = writer(path);
    other = writer(path);

    (void) add(logs, 1, 1);
    (void) add(other, 2, 2);

    unit_ok(ngx_triggers_logs_begin(logs) == NGX_OK
            && ngx_triggers_logs_begin(other) == NGX_AGAIN && !other->failed,
            "two writers: one at a time");
    unit_ok(ngx_triggers_logs_retain(other, FIXTURE_T0) == NGX_BUSY
            && !other->failed,
            "two writers: it is not the other's turn to remove");
    unit_ok(ngx_triggers_logs_commit(logs) == NGX_OK
            && ngx_triggers_logs_begin(other) == NGX_AGAIN,
            "two writers: until it has said how far it is");

    ngx_triggers_logs_release(logs);

    unit_ok(ngx_triggers_logs_begin(other) == NGX_OK
            && ngx_triggers_logs_begin(logs) == NGX_AGAIN
            && commit(other) == NGX_OK,
            "two writers: in turn");

    /* one that goes away leaves the other alone */

    (void) ngx_triggers_logs_begin(logs);
    ngx_triggers_logs_destroy(other);
    unit_ok(commit(logs) == NGX_OK && whole(path),
            "two writers: one closes while the other writes");

    (void) ngx_triggers_logs_begin(logs);
    entry_init(&entry, 3);
    (void) ngx_triggers_logs_add(logs, &entry);
    unit_ok(add(logs, 3, 3) == NGX_OK
            && fixture_sql(path, "SELECT count(*) FROM logs") == 3,
            "two writers: a batch that was abandoned");
    ngx_triggers_logs_destroy(logs);

    /* processes, with checkpoints and removal */

    (void) fflush(stdout);
    limits.logs = 1000 * 1000;

    for (i = 0; i < 3; i++) {
        pid[i] = fork();

        if (pid[i] == 0) {
            logs = writer(path);
            bad = 0;

            for (n = 0; n < 60 && !bad; /* void */ ) {
                switch (add(logs, 1000 * n, 1000 * n + 199)) {
                case NGX_OK:
                    n++;
                    break;
                case NGX_ERROR:
                    bad = 1;
                }

                bad += (ngx_triggers_logs_retain(logs, FIXTURE_T0
                                                 + 1000 * 1000 * (int64_t) n)
                        == NGX_ERROR);
            }

            ngx_triggers_logs_destroy(logs);
            _exit((int) bad);
        }
    }

    for (i = 0, bad = 0; i < 3; i++) {
        (void) waitpid(pid[i], &status, 0);
        bad += (!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    }

    unit_ok(!bad && whole(path)
            && fixture_sql(path, "SELECT max(log_id) FROM logs")
               == 3 + 3 * 60 * 200,
            "two writers: three processes");

    limits.logs = 0;
}


/* somebody looks into it and writes, without the lock */

static void
test_busy(void)
{
    sqlite3              *db;
    ngx_str_t            *path;
    ngx_triggers_logs_t  *logs;

    path = fixture_path("busy.db");
    logs = writer(path);
    (void) add(logs, 1, 5);

    (void) sqlite3_open((char *) path->data, &db);
    (void) sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    unit_ok(ngx_triggers_logs_begin(logs) == NGX_AGAIN && !logs->failed
            && logs->db && logs->lock_fd == -1, "busy");

    (void) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    (void) sqlite3_close(db);

    unit_ok(add(logs, 6, 6) == NGX_OK, "busy: not any more");
    ngx_triggers_logs_destroy(logs);
}


/*
 * One that was found busy while it was opened was kept, without statements,
 * and the next batch failed as if the database were broken.
 */

static void
test_busy_open(void)
{
    sqlite3              *db;
    ngx_str_t            *path;
    ngx_triggers_logs_t  *logs;

    path = fixture_path("busy_open.db");
    logs = writer(path);

    (void) sqlite3_open((char *) path->data, &db);
    (void) sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);

    unit_ok(ngx_triggers_logs_begin(logs) == NGX_AGAIN
            && ngx_triggers_logs_begin(logs) == NGX_AGAIN
            && !logs->failed && logs->lock_fd == -1, "busy: while opening");

    ngx_triggers_logs_locked(logs);
    unit_ok(logs->failed, "busy: for too long");

    (void) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    (void) sqlite3_close(db);

    unit_ok(add(logs, 1, 1) == NGX_OK && !logs->failed && whole(path),
            "busy: opened when it is not any more");
    ngx_triggers_logs_destroy(logs);
}


/* SQLite has not even a handle then */

static void
test_no_memory(void)
{
    ngx_str_t            *path;
    ngx_triggers_logs_t  *logs;

    path = fixture_path("no_memory.db");
    logs = writer(path);

    (void) sqlite3_hard_heap_limit64(1);

    unit_ok(ngx_triggers_logs_begin(logs) == NGX_ERROR && logs->db == NULL,
            "no memory");

    (void) sqlite3_hard_heap_limit64(0);

    unit_ok(add(logs, 1, 1) == NGX_OK, "no memory: there is some again");
    ngx_triggers_logs_destroy(logs);
}


/* to open a pipe for reading only waits until somebody writes */

static void
test_pipe(void)
{
    ngx_str_t  *path;

    path = fixture_path("pipe");

    unit_ok(mkfifo((char *) path->data, 0600) == 0
            && ngx_triggers_logs_reader_open(path, unit_log()) == NULL,
            "pipe: nobody waits for it");
}


/* at any instruction; the lock goes with the process */

static void
test_killed(void)
{
    int                   status;
    pid_t                 pid;
    int64_t               n, last;
    ngx_str_t            *path;
    ngx_uint_t            i, bad;
    volatile int64_t     *stored;
    ngx_triggers_logs_t  *logs;

    path = fixture_path("killed.db");
    last = 0;
    bad = 0;
    limits.logs = 500 * 1000;

    stored = mmap(NULL, sizeof(int64_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    if (stored == MAP_FAILED) {
        exit(2);
    }

    (void) fflush(stdout);

    for (i = 0; i < 12; i++) {
        *stored = 0;
        pid = fork();

        if (pid == 0) {
            logs = writer(path);

            for (n = 1; /* void */ ; n += 100) {

                if (add(logs, n, n + 99) == NGX_OK) {
                    *stored += 100;
                }

                (void) ngx_triggers_logs_retain(logs, FIXTURE_T0 + 1000 * n);
            }
        }

        while (*stored < 200 * (int64_t) i) {
            (void) usleep(100);
        }

        (void) usleep(300 * i);
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, &status, 0);

        /* what was said is stored, and nothing by halves */

        logs = writer(path);
        bad += (add(logs, 1, 100) != NGX_OK || !whole(path));
        ngx_triggers_logs_destroy(logs);

        n = fixture_sql(path, "SELECT max(log_id) FROM logs");
        bad += (n < last + *stored + 100 || n % 100 != 0);
        last = n;
    }

    unit_ok(!bad, "killed: the next one goes on");

    (void) munmap((void *) stored, sizeof(int64_t));
    limits.logs = 0;
}


/* the WAL is copied and begun again; a reader in its way is waited for */

static void
test_wal(void)
{
    off_t                        held;
    int64_t                      n;
    ngx_str_t                   *path, *wal;
    ngx_uint_t                   again;
    ngx_triggers_logs_t         *logs;
    ngx_triggers_logs_reader_t  *reader;

    path = fixture_path("wal.db");
    wal = fixture_path("wal.db-wal");
    logs = writer(path);

    for (n = 0; n < 200; n++) {
        (void) add(logs, 200 * n, 200 * n + 199);
    }

    unit_ok(file_size(wal) < 16 * 1024 * 1024, "WAL: %d bytes",
            (int) file_size(wal));

    reader = ngx_triggers_logs_reader_open(path, unit_log());
    (void) sqlite3_exec(((ngx_triggers_reader_t *) reader)->db,
                        "BEGIN; SELECT * FROM state", NULL, NULL, NULL);

    again = 0;

    for (n = 0; n < 2000 && !again; n++) {
        again = (add(logs, 1000 * n, 1000 * n + 999) == NGX_AGAIN);
    }

    held = file_size(wal);
    unit_ok(again && !logs->failed && held < 80 * 1024 * 1024,
            "WAL: a reader holds it up, %d bytes", (int) held);

    ngx_triggers_logs_reader_close(reader);

    unit_ok(add(logs, 1, 1000) == NGX_OK && logs->frames < 1000,
            "WAL: it is begun again");

    ngx_triggers_logs_destroy(logs);
    unit_ok(access((char *) wal->data, F_OK) == -1 && whole(path),
            "WAL: the last one leaves none");
}


/* no query of a reader scans or sorts */

static void
test_plans(void)
{
    int                          n;
    char                         sql[640];
    const char                  *plan;
    ngx_str_t                   *path;
    ngx_uint_t                   bad;
    sqlite3_stmt                *stmt;
    ngx_triggers_logs_t         *logs;
    ngx_triggers_reader_t       *reader;
    ngx_triggers_logs_reader_t  *opened;

    path = fixture_path("plans.db");
    logs = writer(path);
    (void) add(logs, 1, 5);

    opened = ngx_triggers_logs_reader_open(path, unit_log());
    reader = (ngx_triggers_reader_t *) opened;
    bad = 0;

    for (n = 2; reader->stmt[n]; n++) {
        (void) snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s",
                        sqlite3_sql(reader->stmt[n]));
        (void) sqlite3_prepare_v2(reader->db, sql, -1, &stmt, NULL);

        while (sqlite3_step(stmt) == SQLITE_ROW) {
            plan = (const char *) sqlite3_column_text(stmt, 3);

            if (strncmp(plan, "SEARCH", 6) != 0) {
                fprintf(stderr, "# %d: %s\n", n, plan);
                bad++;
            }
        }

        (void) sqlite3_finalize(stmt);
    }

    unit_ok(!bad && n >= 9, "plans: %d", n);

    ngx_triggers_logs_reader_close(opened);
    ngx_triggers_logs_destroy(logs);
}


static void
entry_init(ngx_triggers_entry_t *entry, int64_t n)
{
    static char  message[64];

    ngx_memzero(entry, sizeof(ngx_triggers_entry_t));

    (void) snprintf(message, sizeof(message), "message %d of a row",
                    (int) n);

    entry->kind = NGX_TRIGGERS_ENTRY_REQUEST;
    entry->level = NGX_TRIGGERS_LEVEL_INFO;
    entry->time = FIXTURE_T0 + n * 1000;
    str(&entry->message, message);
}


static void
str(ngx_str_t *s, const char *text)
{
    s->data = (u_char *) text;
    s->len = strlen(text);
}


/* one batch; the code of the first call that fails */

static ngx_int_t
add(ngx_triggers_logs_t *logs, int64_t first, int64_t last)
{
    ngx_int_t  rc;

    rc = fill(logs, first, last);

    return (rc == NGX_OK) ? commit(logs) : rc;
}


static ngx_int_t
fill(ngx_triggers_logs_t *logs, int64_t first, int64_t last)
{
    int64_t               n;
    ngx_int_t             rc;
    ngx_triggers_entry_t  entry;

    rc = ngx_triggers_logs_begin(logs);

    for (n = first; rc == NGX_OK && n <= last; n++) {
        entry_init(&entry, n);
        str(&entry.user_id, "demo");
        str(&entry.request_id, "0190a8f0-9c5e-7cc3-a5cf-a4a4a4a4a4a4");
        str(&entry.correlation_id, "0190a8f0-9c5e-7cc3-a5cf-a4a4a4a4a4a4");
        rc = ngx_triggers_logs_add(logs, &entry);
    }

    return rc;
}


/* takes the place of libc's */

int
fdatasync(int fd)
{
    if (sync_errno) {
        errno = sync_errno;
        return -1;
    }

    return (int) syscall(SYS_fdatasync, fd);
}


static ngx_int_t
commit(ngx_triggers_logs_t *logs)
{
    ngx_int_t  rc;

    rc = ngx_triggers_logs_commit(logs);

    ngx_triggers_logs_release(logs);

    return rc;
}


static ngx_triggers_logs_t *
writer(ngx_str_t *path)
{
    ngx_triggers_logs_t  *logs;

    logs = ngx_triggers_logs_create(path, &limits, unit_log());
    if (logs == NULL) {
        exit(2);
    }

    return logs;
}


static ngx_int_t
retain(ngx_triggers_logs_t *logs, int64_t now)
{
    ngx_int_t   rc;
    ngx_uint_t  n;

    for (n = 0; n < 10000; n++) {
        rc = ngx_triggers_logs_retain(logs, now);

        if (rc != NGX_AGAIN) {
            return rc;
        }
    }

    return NGX_AGAIN;
}


static void
query_init(ngx_triggers_logs_query_t *query, found_t *f)
{
    ngx_memzero(query, sizeof(ngx_triggers_logs_query_t));
    ngx_memzero(f, sizeof(found_t));

    query->any_owner = 1;
    query->limit = 50;
    query->time_limit = 60000;
    query->handler = take;
    query->data = f;
}


static ngx_int_t
take(void *data, ngx_triggers_logs_row_t *row)
{
    found_t *f = data;

    if (f->rows < ROWS) {
        f->n[f->rows] = row->number;
    }

    f->rows++;
    f->last = *row;

    copy(f->message, sizeof(f->message), &row->entry.message);
    copy(f->user, sizeof(f->user), &row->entry.user_id);
    copy(f->key, sizeof(f->key), &row->entry.key_id);
    copy(f->request, sizeof(f->request), &row->entry.request_id);
    copy(f->correlation, sizeof(f->correlation), &row->entry.correlation_id);
    copy(f->error, sizeof(f->error), &row->entry.error);

    return (f->rows == f->stop) ? NGX_DONE : NGX_OK;
}


static void
copy(char *dst, size_t size, ngx_str_t *src)
{
    (void) snprintf(dst, size, "%.*s", (int) src->len, (char *) src->data);
}


/* with a reader of its own */

static ngx_int_t
find(ngx_str_t *path, ngx_triggers_logs_query_t *query)
{
    ngx_int_t                    rc;
    ngx_triggers_logs_reader_t  *reader;

    reader = ngx_triggers_logs_reader_open(path, unit_log());
    if (reader == NULL) {
        return NGX_ERROR;
    }

    ((found_t *) query->data)->rows = 0;

    rc = ngx_triggers_logs_read(reader, query);

    ngx_triggers_logs_reader_close(reader);

    return rc;
}


static ngx_uint_t
expect(found_t *f, const char *numbers)
{
    char        *end;
    ngx_uint_t   i;

    for (i = 0; i < f->rows; i++) {
        if (strtoll(numbers, &end, 10) != f->n[i]) {
            break;
        }

        numbers = end;
    }

    if (i < f->rows || *numbers) {
        fprintf(stderr, "# row %d is %d, then come:%s\n", (int) i,
                (int) f->n[i], numbers);
        return 0;
    }

    return 1;
}


static ngx_uint_t
whole(ngx_str_t *path)
{
    return fixture_sql(path, "SELECT count(*) FROM pragma_integrity_check "
                       "WHERE integrity_check = 'ok'") == 1;
}


static void
limit_file_size(rlim_t size)
{
    struct rlimit  limit;

    (void) getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    (void) setrlimit(RLIMIT_FSIZE, &limit);
}


static off_t
file_size(ngx_str_t *path)
{
    struct stat  sb;

    return stat((char *) path->data, &sb) == 0 ? sb.st_size : -1;
}
