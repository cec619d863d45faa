
/*
 * The SQLite store: pages, filters, totals, time limits, and the plans of
 * all its statements.
 */


#include "store_fixture.h"



static void test_pages(void);
static void test_filters(void);
static void test_totals(void);
static void test_times(void);
static void test_ends(void);
static void test_follow(void);
static void test_model(void);
static void test_plans(void);
static ngx_uint_t plans(sqlite3 *db, const char *who);
static ngx_uint_t plan(sqlite3 *db, const char *sql);
static ngx_int_t match_odd(void *data, ngx_triggers_row_t *row);
static ngx_int_t match_slow(void *data, ngx_triggers_row_t *row);
static ngx_int_t match_error(void *data, ngx_triggers_row_t *row);
static ngx_int_t row_error(void *data, ngx_triggers_row_t *row);


static fixture_rows_t         rows;
static ngx_triggers_query_t   query;
static ngx_triggers_page_t    page;


int
main(void)
{
    fixture_init();

    test_pages();
    test_filters();
    test_totals();
    test_times();
    test_ends();
    test_follow();
    test_model();
    test_plans();

    return fixture_done();
}


/*
 * 100 events of two owners in turn; 60 are merged, 20 acknowledged; id and
 * seq are the same
 */

static ngx_triggers_store_t *
fill(ngx_str_t *path)
{
    uint64_t               n;
    ngx_triggers_store_t  *store;

    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    for (n = 1; n <= 100; n++) {
        (void) fixture_create(store, n, n, n % 2 ? "odd" : "even");

        if (n == 60) {
            (void) ngx_triggers_store_maintain(store, 1);
        }
    }

    for (n = 51; n <= 70; n++) {
        (void) fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, n,
                          n % 2 ? "odd" : "even");
    }

    return store;
}


/* the page is first, first + step, … n rows */

static ngx_uint_t
is_page(int64_t first, int64_t step, ngx_uint_t n)
{
    ngx_uint_t  i;

    if (rows.n != n || (n && page.last_seq != rows.seq[n - 1])) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (rows.seq[i] != first + (int64_t) i * step) {
            return 0;
        }
    }

    return 1;
}


static void
test_pages(void)
{
    ngx_str_t              *path;
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *reader;

    path = fixture_path("pages.db");
    store = fill(path);
    reader = ngx_triggers_reader_open(path, unit_log());

    fixture_query(&query, &rows, NULL);
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(100, -1, 50), "pages: newest of all");
    unit_ok(page.total == 100 && page.has_more && !page.total_is_capped,
            "pages: total");

    fixture_query(&query, &rows, NULL);
    query.cursor = 51;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(50, -1, 50) && !page.has_more && page.total == 100,
            "pages: the second and last");

    fixture_query(&query, &rows, NULL);
    query.ascending = 1;
    query.offset = 95;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(96, 1, 5) && !page.has_more && page.total == 100,
            "pages: ascending with offset");

    fixture_query(&query, &rows, NULL);
    query.offset = 100;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && rows.n == 0 && page.last_seq == 0 && !page.has_more
            && page.total == 100, "pages: behind the end");

    /* an owner's page goes over the merged rows and the tail */

    fixture_query(&query, &rows, "odd");
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(99, -2, 50) && page.total == 50 && !page.has_more,
            "pages: of an owner");
    unit_ok(strcmp(rows.user, "odd") == 0, "pages: with its name");

    fixture_query(&query, &rows, "even");
    query.ascending = 1;
    query.cursor = 40;
    query.limit = 20;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(42, 2, 20) && page.has_more && page.total == 50,
            "pages: of an owner, ascending");

    fixture_query(&query, &rows, "odd");
    query.statuses = 1 << NGX_TRIGGERS_ACKNOWLEDGED;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(69, -2, 10) && page.total == 10
            && rows.last.status == NGX_TRIGGERS_ACKNOWLEDGED,
            "pages: by status");

    fixture_query(&query, &rows, "odd");
    query.statuses = 1 << NGX_TRIGGERS_PENDING | 1 << NGX_TRIGGERS_FAILED;
    query.limit = 16;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && rows.seq[14] == 71 && rows.seq[15] == 49
            && page.total == 40 && page.has_more, "pages: by two statuses");

    fixture_query(&query, &rows, "nobody");
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && rows.n == 0 && page.total == 0 && !page.has_more,
            "pages: of nobody");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


static void
test_filters(void)
{
    ngx_uint_t                i;
    ngx_str_t                *path;
    ngx_triggers_store_t     *store;
    ngx_triggers_result_t     result;
    ngx_triggers_reader_t    *reader;
    ngx_triggers_mutation_t   m;
    static char              *types[] = { "order.created", "order.paid",
                                          "order", "orders", NULL };
    static char              *sources[] = { "web", "we", NULL };

    path = fixture_path("filters.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    for (i = 1; i <= 60; i++) {
        fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, i, "demo");
        m.event.event_type.data = (u_char *) types[i % 5];
        m.event.event_type.len = types[i % 5] ? strlen(types[i % 5]) : 0;
        m.event.source.data = (u_char *) sources[i % 3];
        m.event.source.len = sources[i % 3] ? strlen(sources[i % 3]) : 0;
        m.event.priority = i % 4 ? i % 4 - 1 : 0;
        (void) fixture_write(store, &m, &result);
    }

    reader = ngx_triggers_reader_open(path, unit_log());

    fixture_query(&query, &rows, "demo");
    ngx_str_set(&query.event_type, "order");
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(57, -5, 12) && page.total == 12, "filters: type");

    fixture_query(&query, &rows, "demo");
    ngx_str_set(&query.event_type, "order.");
    query.event_type_prefix = 1;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && rows.n == 24 && rows.seq[0] == 60 && rows.seq[1] == 56
            && page.total == 24, "filters: type by prefix");

    fixture_query(&query, &rows, "demo");
    ngx_str_set(&query.source, "we");
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(58, -3, 20), "filters: source");

    fixture_query(&query, &rows, "demo");
    query.priorities = 1 << NGX_TRIGGERS_PRIORITY_HIGH;
    query.ascending = 1;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(3, 4, 15), "filters: priority");

    fixture_query(&query, &rows, "demo");
    query.from = FIXTURE_T0 + 10000;
    query.to = FIXTURE_T0 + 19999;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(19, -1, 10) && page.total == 10 && !page.has_more,
            "filters: from, to");

    query.from = FIXTURE_T0 + 10001;
    query.to = FIXTURE_T0 + 20000;
    query.ascending = 1;
    rows.n = 0;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(11, 1, 10), "filters: from, to, inclusive");

    query.to = query.from - 1;
    rows.n = 0;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && rows.n == 0 && page.total == 0, "filters: from after to");

    fixture_query(&query, &rows, NULL);
    query.match = match_odd;
    query.limit = 10;
    query.offset = 5;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(49, -2, 10) && page.total == 30 && page.has_more,
            "filters: match handler");

    fixture_query(&query, &rows, "demo");
    query.match = match_odd;
    query.cursor = 40;
    query.limit = 5;
    query.to = FIXTURE_T0 + 50000;
    ngx_str_set(&query.source, "web");
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(39, -6, 5) && page.total == 8 && page.has_more,
            "filters: all at once, behind a cursor");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


static void
test_totals(void)
{
    uint64_t                n;
    ngx_str_t              *path;
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *reader;

    path = fixture_path("totals.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    for (n = 0; n < NGX_TRIGGERS_TOTAL_MAX; n += 1000) {
        (void) fixture_create(store, n + 1, n + 1000, "demo");
    }

    reader = ngx_triggers_reader_open(path, unit_log());

    fixture_query(&query, &rows, "demo");
    ngx_str_set(&query.event_type, "order.created");
    query.limit = 1;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && page.total == NGX_TRIGGERS_TOTAL_MAX && !page.total_is_capped,
            "totals: as many as are counted");

    (void) fixture_create(store, n + 1, n + 1000, "demo");

    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && page.total == NGX_TRIGGERS_TOTAL_MAX && page.total_is_capped
            && page.has_more, "totals: capped");

    query.offset = n + 500;
    query.limit = 100;
    rows.n = 0;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(500, -1, 100) && page.has_more
            && page.total == NGX_TRIGGERS_TOTAL_MAX && page.total_is_capped,
            "totals: a page behind the cap");

    query.offset = 0;
    query.cursor = 20;
    rows.n = 0;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(19, -1, 19) && !page.has_more
            && page.total == NGX_TRIGGERS_TOTAL_MAX && page.total_is_capped,
            "totals: of all, behind a cursor");

    fixture_query(&query, &rows, "demo");
    query.from = FIXTURE_T0 + 2000;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && page.total == NGX_TRIGGERS_TOTAL_MAX && page.total_is_capped,
            "totals: of a range of time");

    fixture_query(&query, &rows, "demo");
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && page.total == n + 1000 && !page.total_is_capped,
            "totals: without filters never capped");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


static void
test_times(void)
{
    ngx_str_t              *path;
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *reader;

    path = fixture_path("times.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    (void) fixture_create(store, 1, 400, "demo");
    reader = ngx_triggers_reader_open(path, unit_log());

    /* 1 ms an event */

    fixture_query(&query, &rows, "demo");
    query.match = match_slow;
    query.limit = 200;
    query.time_limit = 50;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_AGAIN,
            "times: no page");
    unit_ok(rows.seen < 100, "times: %d rows were seen", (int) rows.seen);

    fixture_query(&query, &rows, "demo");
    query.match = match_slow;
    query.limit = 10;
    query.time_limit = 100;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(400, -1, 10) && page.has_more && page.total_is_capped
            && page.total >= 10 && page.total < 400,
            "times: a page and no total");

    fixture_query(&query, &rows, "demo");
    query.match = match_slow;
    query.limit = 10;
    query.time_limit = 100;
    query.cursor = 6;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(5, -1, 5) && !page.has_more && page.total_is_capped
            && page.total < 400, "times: a page behind a cursor, no total");

    fixture_query(&query, &rows, "demo");
    query.time_limit = 0;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK,
            "times: no limit");
    unit_ok(sqlite3_get_autocommit(reader->db) == 1,
            "times: no snapshot is left");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


static void
test_ends(void)
{
    ngx_str_t              *path;
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *reader;

    path = fixture_path("ends.db");
    store = fill(path);
    reader = ngx_triggers_reader_open(path, unit_log());

    fixture_query(&query, &rows, NULL);
    rows.stop = 7;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(100, -1, 7) && page.has_more && page.total == 100,
            "ends: a row handler ends the page");

    fixture_query(&query, &rows, NULL);
    query.match = match_error;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_ERROR
            && rows.n == 0, "ends: an error of a match handler");

    fixture_query(&query, &rows, NULL);
    query.row = row_error;
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_ERROR,
            "ends: an error of a row handler");

    fixture_query(&query, &rows, NULL);
    unit_ok(ngx_triggers_reader_list(reader, &query, &page) == NGX_OK
            && is_page(100, -1, 50), "ends: the reader goes on");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


/* following with a cursor while events come, go, and are merged */

static void
test_follow(void)
{
    uint64_t                n, next;
    ngx_uint_t              i, ascending, bad, seen;
    ngx_str_t              *path;
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *reader;

    for (ascending = 0; ascending < 2; ascending++) {
        path = fixture_path(ascending ? "follow1.db" : "follow0.db");
        store = fixture_store(path);
        (void) ngx_triggers_store_open(store);
        (void) fixture_create(store, 1, 300, "demo");
        reader = ngx_triggers_reader_open(path, unit_log());

        fixture_query(&query, &rows, "demo");
        query.ascending = ascending;
        query.limit = 7;

        n = 300;
        next = ascending ? 1 : 300;
        bad = 0;
        seen = 0;

        for ( ;; ) {
            rows.n = 0;
            bad += ngx_triggers_reader_list(reader, &query, &page) != NGX_OK;

            for (i = 0; i < rows.n; i++) {
                bad += rows.id[i] != next;
                next += ascending ? 1 : -1;
                seen++;
            }

            if (!page.has_more) {
                break;
            }

            query.cursor = page.last_seq;

            /* what has been read goes, what has not been comes */

            (void) fixture_do(store, NGX_TRIGGERS_OP_DELETE,
                              (uint64_t) page.last_seq, "demo");

            if (n < 340) {
                n++;
                (void) fixture_create(store, n, n, "demo");
            }

            if (n % 16 == 0) {
                (void) ngx_triggers_store_maintain(store, 1);
            }
        }

        unit_ok(bad == 0 && seen == (ascending ? 340 : 300),
                "follow: %s, no event twice, none missed",
                ascending ? "ascending" : "descending");

        ngx_triggers_reader_close(reader);
        ngx_triggers_store_destroy(store);
    }
}


/* random queries against a plain SQL statement */

static void
test_model(void)
{
    char                    sql[512];
    ngx_uint_t              i, bad, n, statuses;
    ngx_str_t              *path;
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *reader;
    static const char      *users[] = { "odd", "even", NULL };

    path = fixture_path("model.db");
    store = fill(path);
    reader = ngx_triggers_reader_open(path, unit_log());

    srandom(42);
    bad = 0;

    for (i = 0; i < 400; i++) {
        n = (ngx_uint_t) random();
        statuses = (ngx_uint_t) random() % 32;

        fixture_query(&query, &rows, users[n % 3]);
        query.statuses = statuses;
        query.ascending = n / 3 % 2;
        query.cursor = n / 7 % 2 ? (int64_t) (n / 100 % 103) : 0;
        query.limit = 1 + n / 1000 % 40;
        query.offset = n / 11 % 3 ? 0 : n / 5000 % 20;
        query.from = n / 13 % 2 ? FIXTURE_T0 + (int64_t) (n / 77 % 90) * 1000
                                : 0;
        query.to = n / 17 % 2 ? FIXTURE_T0 + (int64_t) (n / 99 % 110) * 1000
                              : 0;

        bad += ngx_triggers_reader_list(reader, &query, &page) != NGX_OK;

        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM events JOIN inbox USING (seq)"
                 " NATURAL JOIN owners"
                 " WHERE (%d OR user_id = '%s') AND %d & (1 << CASE"
                 " WHEN lane < 3 THEN lane WHEN lane < 7 THEN 3 ELSE 4 END)"
                 " AND created_at >= %lld AND created_at <= %lld",
                 users[n % 3] == NULL, users[n % 3] ? users[n % 3] : "",
                 statuses ? (int) statuses : 31, (long long) query.from,
                 query.to ? (long long) query.to : INT64_MAX);

        bad += fixture_sql(path, sql) != (int64_t) page.total;

        if (query.cursor) {
            snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql),
                     " AND seq %c %lld", query.ascending ? '>' : '<',
                     (long long) query.cursor);
        }

        n = (ngx_uint_t) fixture_sql(path, sql);
        n = n > query.offset ? n - query.offset : 0;

        bad += rows.n != ngx_min(n, query.limit);
        bad += page.has_more != (n > query.limit);
    }

    unit_ok(bad == 0, "model: %d differences", (int) bad);

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


static void
test_plans(void)
{
    ngx_str_t              *path;
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *reader;

    path = fixture_path("plans.db");
    store = fill(path);
    reader = ngx_triggers_reader_open(path, unit_log());

    unit_ok(plans(store->db, "writer") == NGX_TRIGGERS_SQLITE_NSTMT,
            "plans: all statements of the writer");
    unit_ok(plans(reader->db, "reader")
            == NGX_TRIGGERS_SQLITE_NREAD
               + NGX_TRIGGERS_NLANES * NGX_TRIGGERS_SQLITE_NSTREAM,
            "plans: all statements of the reader");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


/* the handles prepare all their statements when they open */

static ngx_uint_t
plans(sqlite3 *db, const char *who)
{
    ngx_uint_t     n;
    sqlite3_stmt  *stmt, *next;
    const char    *sql[256];

    n = 0;

    for (stmt = sqlite3_next_stmt(db, NULL); stmt; stmt = next) {
        next = sqlite3_next_stmt(db, stmt);
        sql[n++] = sqlite3_sql(stmt);

        unit_ok(plan(db, sql[n - 1]), "plans: %s, %.60s", who, sql[n - 1]);
    }

    return n;
}


static ngx_uint_t
plan(sqlite3 *db, const char *sql)
{
    char           text[1024];
    ngx_uint_t     good, merge, scan;
    const char    *detail;
    sqlite3_stmt  *stmt;

    /*
     * a bounded slice is sorted; a table of few rows and one of which all is
     * wanted are scanned
     */

    merge = (strstr(sql, "INSERT INTO owner_inbox") != NULL);
    scan = (strstr(sql, "DELETE FROM rings") != NULL
            || strstr(sql, "FROM keys WHERE revoked_at") != NULL);

    snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sql);

    if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK) {
        return 0;
    }

    good = 1;

    while (sqlite3_step(stmt) == SQLITE_ROW) {
        detail = (const char *) sqlite3_column_text(stmt, 3);

        if ((strstr(detail, "SCAN") && !scan)
            || (strstr(detail, "TEMP B-TREE") && !merge))
        {
            fprintf(stderr, "# %s\n", detail);
            good = 0;
        }
    }

    (void) sqlite3_finalize(stmt);

    return good;
}


static ngx_int_t
match_odd(void *data, ngx_triggers_row_t *row)
{
    (void) data;

    return row->seq % 2 ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
match_slow(void *data, ngx_triggers_row_t *row)
{
    fixture_rows_t *r = data;

    (void) row;

    r->seen++;
    usleep(1000);

    return NGX_OK;
}


static ngx_int_t
match_error(void *data, ngx_triggers_row_t *row)
{
    (void) data;

    return row->seq == 90 ? NGX_ERROR : NGX_DECLINED;
}


static ngx_int_t
row_error(void *data, ngx_triggers_row_t *row)
{
    (void) data;
    (void) row;

    return NGX_ERROR;
}
