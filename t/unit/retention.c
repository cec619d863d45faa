
/*
 * Retention and the archive: what goes and what stays, the steps between a
 * writer and its archiver with the process ending after each, and the audit
 * over the removal of its events.
 */


#include "store_fixture.h"


#define DAY   (24 * 3600 * 1000LL)

#define FILE_MAX  4096


/* what a file of the archive got, and the entries of a page of the audit */

typedef struct {
    ngx_str_t  *path;                 /* of the database */
    uint64_t    id[FILE_MAX];
    ngx_uint_t  n;
    ngx_uint_t  ends;
    ngx_uint_t  closed;               /* under the lock */
    ngx_uint_t  fail_at;              /* 0: never */
    char        name[NGX_TRIGGERS_ARCHIVE_NAME];
} file_t;

typedef struct {
    int64_t     at[FILE_MAX];
    int64_t     n[FILE_MAX];
    ngx_uint_t  action[FILE_MAX];
    ngx_uint_t  entries;
} audit_t;


static void test_expire(void);
static void test_stale(void);
static void test_steps(void);
static void test_archive(void);
static void test_archive_stale(void);
static void test_archive_crash(void);
static void test_archive_off(void);
static void test_others(void);
static void test_vacuum(void);
static void test_audit(void);
static ngx_triggers_store_t *open_store(ngx_str_t *path, int64_t events,
    ngx_uint_t archive);
static ngx_triggers_store_t *reopen(ngx_triggers_store_t *store,
    ngx_str_t *path, int64_t events, ngx_uint_t archive);
static void crash(ngx_triggers_store_t *store);
static void create_done(ngx_triggers_store_t *store, uint64_t first,
    uint64_t last);
static void maintain(ngx_triggers_store_t *store);
static ngx_uint_t state(ngx_triggers_store_t *store);
static void answer(ngx_triggers_store_t *store, ngx_str_t *path,
    file_t *file);
static ngx_int_t take(void *data, ngx_str_t *file, ngx_triggers_row_t *row);
static int64_t left(ngx_str_t *path);
static int64_t events(ngx_str_t *path);
static int64_t counted(ngx_str_t *path);
static void read_audit(ngx_str_t *path, ngx_triggers_audit_query_t *query,
    audit_t *audit);
static ngx_int_t take_entry(void *data, ngx_triggers_audit_t *entry);


int
main(void)
{
    fixture_init();

    test_expire();
    test_stale();
    test_steps();
    test_archive();
    test_archive_stale();
    test_archive_crash();
    test_archive_off();
    test_others();
    test_vacuum();
    test_audit();

    return fixture_done();
}


/* the fixture's times are years ago: whatever is done has expired */

static void
test_expire(void)
{
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("expire.db");
    store = open_store(path, 0, 0);

    create_done(store, 1, 200);
    (void) fixture_create(store, 201, 210, "alice");
    maintain(store);

    unit_ok(events(path) == 210, "expire: for ever, nothing goes");

    (void) fixture_sql(path, "INSERT INTO attempts (seq, at, outcome) "
                             "SELECT seq, 1, 1 FROM events;"
                             "INSERT INTO deliveries SELECT seq, 1, 0, 0, 7 "
                             "FROM events;"
                             "INSERT INTO delivery_queue SELECT 1, 7, seq "
                             "FROM events");

    store = reopen(store, path, DAY, 0);
    maintain(store);

    unit_ok(events(path) == 10, "expire: what is done goes, what is not stays");
    unit_ok(left(path) == 0, "expire: with all its rows");
    unit_ok(fixture_sql(path, "SELECT count(*) FROM attempts") == 10
            && fixture_sql(path, "SELECT count(*) FROM deliveries") == 10
            && fixture_sql(path, "SELECT count(*) FROM delivery_queue") == 10,
            "expire: and no others");
    unit_ok(counted(path) == 0, "expire: counts");
    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 7, "alice")
            == NGX_TRIGGERS_RC_NOT_FOUND, "expire: it is no more");

    ngx_triggers_store_destroy(store);
}


/* a dead letter that was retried, and one that has failed again */

static void
test_stale(void)
{
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("stale.db");
    store = open_store(path, 0, 0);

    create_done(store, 1, 10);

    (void) fixture_sql(path, "UPDATE event_state SET status = 3, "
                             "done_at = NULL WHERE seq = 4;"
                             "UPDATE inbox SET lane = 5 WHERE seq = 4;"
                             "UPDATE owner_inbox SET lane = 5 WHERE seq = 4;"
                             "UPDATE counts SET n = n - 1 WHERE status = 0;"
                             "INSERT INTO counts VALUES (0, 3, 1), (1, 3, 1);"
                             "UPDATE event_state SET done_at = "
                             "9000000000000 WHERE seq = 5;"
                             "INSERT INTO done VALUES (9000000000000, 5)");

    store = reopen(store, path, DAY, 0);
    maintain(store);

    unit_ok(events(path) == 2
            && fixture_sql(path, "SELECT count(*) FROM events "
                                 "WHERE seq IN (4, 5)") == 2,
            "stale: neither goes");
    unit_ok(fixture_sql(path, "SELECT count(*) FROM done") == 1,
            "stale: but their old rows do");
    unit_ok(counted(path) == 0, "stale: counts");

    ngx_triggers_store_destroy(store);
}


/* beside a load that never stops: as many go as come */

static void
test_steps(void)
{
    uint64_t               n;
    int64_t                most;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("steps.db");
    store = open_store(path, 0, 0);
    create_done(store, 1, 2000);
    store = reopen(store, path, DAY, 0);

    most = 0;

    for (n = 2001; n < 8000; n += 200) {
        create_done(store, n, n + 199);
        (void) ngx_triggers_store_maintain(store, 0);
        most = ngx_max(most, events(path));
    }

    unit_ok(most <= 2200, "steps: the backlog does not grow, %d", (int) most);
    unit_ok(events(path) < 1000, "steps: it shrinks, %d", (int) events(path));

    create_done(store, 8001, 8500);
    store = reopen(store, path, DAY, 0);
    n = (uint64_t) events(path);
    (void) ngx_triggers_store_maintain(store, 0);
    n -= (uint64_t) events(path);

    unit_ok(n > 0 && n <= 64, "steps: one is bounded, %d", (int) n);

    ngx_triggers_store_destroy(store);
}


static void
test_archive(void)
{
    file_t                   file;
    ngx_str_t               *path;
    ngx_uint_t               i, bad;
    ngx_triggers_store_t    *store;
    ngx_triggers_archive_t  *archive;

    path = fixture_path("archive.db");
    store = open_store(path, 0, 0);
    create_done(store, 1, 300);
    (void) fixture_create(store, 301, 310, "alice");
    store = reopen(store, path, DAY, 1);
    archive = ngx_triggers_store_archive(store);

    maintain(store);
    unit_ok(state(store) == NGX_TRIGGERS_ARCHIVE_PLAN,
            "archive: how far is the file to reach");

    answer(store, path, NULL);
    unit_ok(state(store) == NGX_TRIGGERS_ARCHIVE_PLANNED
            && archive->through_seq == 100,
            "archive: a hundred events");

    maintain(store);
    unit_ok(state(store) == NGX_TRIGGERS_ARCHIVE_WRITE
            && fixture_sql(path, "SELECT written FROM archive") == 0,
            "archive: it is committed");

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_DELETE, 100, "alice")
            == NGX_TRIGGERS_RC_NOT_FOUND
            && fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 1, "alice")
               == NGX_TRIGGERS_RC_NOT_FOUND,
            "archive: its events are as good as gone");
    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 101, "alice")
            == NGX_TRIGGERS_RC_CONFLICT,
            "archive: the next one is not");

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 301, "alice")
            == NGX_TRIGGERS_RC_OK, "archive: one more is done");
    maintain(store);
    unit_ok(events(path) == 310, "archive: none goes before the file is");

    answer(store, path, &file);

    bad = (file.n != 100);

    for (i = 0; i < file.n; i++) {
        bad += (file.id[i] != i + 1);
    }

    unit_ok(bad == 0 && file.ends == 1, "archive: the file has them in order");
    unit_ok(strlen(file.name)
            == sizeof("main-20251110T123456.789Z-0123456789abcdef.ndjson.gz")
               - 1
            && strncmp(file.name, "main-20", 7) == 0,
            "archive: its name, %s", file.name);
    unit_ok(file.closed == 1, "archive: no other process begins meanwhile");

    maintain(store);
    unit_ok(events(path) == 210, "archive: then they go");
    unit_ok(left(path) == 0 && counted(path) == 0,
            "archive: with all that is theirs");
    unit_ok(fixture_sql(path, "SELECT count(*) FROM archive") == 0
            && state(store) == NGX_TRIGGERS_ARCHIVE_PLAN,
            "archive: the next file");

    ngx_triggers_store_destroy(store);
}


/*
 * An event that has failed and was acknowledged later is in "done" twice, and
 * two files in a row begin with a row of it.
 */

static void
test_archive_stale(void)
{
    file_t                 file, next;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("again.db");
    store = open_store(path, 0, 0);
    create_done(store, 1, 150);

    (void) fixture_sql(path, "UPDATE done SET at = at + 1 WHERE seq >= 100;"
                             "UPDATE event_state SET done_at = done_at + 1 "
                             "WHERE seq >= 100;"
                             "INSERT INTO done SELECT at - 1, 100 FROM done "
                             "WHERE seq = 1");

    store = reopen(store, path, DAY, 1);

    maintain(store);
    answer(store, path, NULL);
    maintain(store);
    file.fail_at = 0;
    answer(store, path, &file);
    maintain(store);

    unit_ok(file.n == 99 && file.ends == 1,
            "again: the stale row is of no event, %d", (int) file.n);

    answer(store, path, NULL);
    maintain(store);
    next.fail_at = 0;
    answer(store, path, &next);
    maintain(store);

    unit_ok(next.n == 51 && events(path) == 0, "again: the next file, %d",
            (int) next.n);
    unit_ok(strcmp(file.name, next.name) != 0
            && strncmp(file.name, next.name,
                       sizeof("main-20251110T123456.789Z") - 1) <= 0,
            "again: has another name, no earlier one, %s %s", file.name,
            next.name);

    ngx_triggers_store_destroy(store);
}


/* the process ends after each step */

static void
test_archive_crash(void)
{
    file_t                    file, again;
    ngx_str_t                *path;
    ngx_triggers_store_t     *store;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   m;

    path = fixture_path("crash.db");
    store = open_store(path, 0, 0);
    create_done(store, 1, 50);
    (void) fixture_create(store, 51, 60, "alice");

    /* after the plan: nothing has happened */

    store = reopen(store, path, DAY, 1);
    maintain(store);
    answer(store, path, NULL);
    crash(store);

    store = open_store(path, DAY, 1);
    maintain(store);
    unit_ok(state(store) == NGX_TRIGGERS_ARCHIVE_PLAN && events(path) == 60,
            "crash: after the plan, it is asked for again");

    /* after the range was committed, and while the file is being written */

    answer(store, path, NULL);
    maintain(store);
    crash(store);

    store = open_store(path, DAY, 1);
    maintain(store);
    unit_ok(state(store) == NGX_TRIGGERS_ARCHIVE_WRITE,
            "crash: after its commit, the file is written");

    fixture_mutation(&m, NGX_TRIGGERS_OP_ACKNOWLEDGE, 51, "alice");
    m.time = 1;
    unit_ok(fixture_write(store, &m, &result) == NGX_OK
            && result.rc == NGX_TRIGGERS_RC_OK
            && fixture_sql(path, "SELECT s.done_at > a.through_at "
                                 "FROM event_state s, archive a "
                                 "WHERE s.seq = 51") == 1,
            "crash: what is done late is not in the range");

    file.fail_at = 20;
    answer(store, path, &file);
    unit_ok(file.n == 20 && file.ends == 0 && file.closed == 1
            && state(store) == NGX_TRIGGERS_ARCHIVE_WRITE,
            "crash: a file that fails");

    file.fail_at = 0;
    answer(store, path, &file);
    unit_ok(file.n == 50, "crash: is written from the start");
    crash(store);

    /* after it was written, but before that was committed */

    store = open_store(path, DAY, 1);
    maintain(store);
    again.fail_at = 0;
    answer(store, path, &again);
    unit_ok(again.n == 50 && strcmp(again.name, file.name) == 0
            && memcmp(again.id, file.id, 50 * sizeof(uint64_t)) == 0,
            "crash: the same file again, of the same name");
    unit_ok(events(path) == 60, "crash: and nothing has gone");

    /* after that was committed, in the middle of the removal */

    (void) ngx_triggers_store_maintain(store, 0);
    unit_ok(fixture_sql(path, "SELECT written FROM archive") == 1,
            "crash: it is written");
    crash(store);

    store = open_store(path, DAY, 1);
    maintain(store);
    unit_ok(fixture_sql(path, "SELECT count(*) FROM events "
                              "WHERE seq <= 50") == 0
            && fixture_sql(path, "SELECT count(*) FROM archive") == 0,
            "crash: the removal goes on");

    /* the one that was done late comes into the next file */

    answer(store, path, NULL);
    maintain(store);
    answer(store, path, &file);
    unit_ok(file.n == 1 && file.id[0] == 51, "crash: and what comes after it");
    maintain(store);
    unit_ok(events(path) == 9 && left(path) == 0 && counted(path) == 0,
            "crash: no more and no less has gone");

    ngx_triggers_store_destroy(store);
}


static void
test_archive_off(void)
{
    file_t                   file;
    ngx_str_t               *path;
    ngx_triggers_store_t    *store;
    ngx_triggers_reader_t   *reader;
    ngx_triggers_archive_t   archive;

    path = fixture_path("off.db");
    store = open_store(path, 0, 0);
    create_done(store, 1, 50);
    store = reopen(store, path, DAY, 1);

    maintain(store);
    answer(store, path, NULL);
    maintain(store);

    store = reopen(store, path, DAY, 0);
    maintain(store);
    unit_ok(events(path) == 0
            && fixture_sql(path, "SELECT count(*) FROM archive") == 0,
            "off: without an archive they go at once");

    reader = ngx_triggers_reader_open(path, unit_log());
    file.n = 0;
    file.fail_at = 0;
    file.closed = 0;
    file.path = path;
    archive.through_at = INT64_MAX;
    archive.through_seq = INT64_MAX;

    unit_ok(ngx_triggers_reader_archive(reader, &archive, take, &file)
            == NGX_DECLINED && file.n == 0,
            "off: there is no file to be written");
    unit_ok(ngx_triggers_reader_archive_plan(reader, &archive, 10, 1000)
            == NGX_DECLINED, "off: and none to come");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


static void
test_others(void)
{
    ngx_str_t                 *path;
    ngx_triggers_store_t      *store;
    ngx_triggers_retention_t   retention;

    path = fixture_path("others.db");
    store = open_store(path, 0, 0);
    (void) fixture_create(store, 1, 1000, "alice");
    create_done(store, 1001, 1500);

    (void) fixture_sql(path, "INSERT INTO attempts (seq, at, outcome) "
                             "SELECT seq, CASE WHEN seq <= 700 THEN seq "
                             "ELSE 9000000000000 END, 1 FROM events "
                             "WHERE seq <= 1000;"
                             "INSERT INTO audit (at, n, owner, action) "
                             "VALUES (9000000000000, 1, 1, 7)");

    ngx_memzero(&retention, sizeof(ngx_triggers_retention_t));
    retention.attempts = DAY;
    retention.audit = DAY;
    ngx_triggers_store_retain(store, &retention);
    maintain(store);

    unit_ok(fixture_sql(path, "SELECT count(*) FROM attempts") == 300
            && fixture_sql(path, "SELECT min(seq) FROM attempts") == 701,
            "others: attempts by their own age");
    unit_ok(fixture_sql(path, "SELECT count(*) FROM audit") == 1,
            "others: entries of the audit, too");
    unit_ok(events(path) == 1500, "others: and no event");

    ngx_triggers_store_destroy(store);
}


static void
test_vacuum(void)
{
    int64_t                pages;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("vacuum.db");
    store = open_store(path, 0, 0);
    create_done(store, 1, 20000);
    maintain(store);
    store = reopen(store, path, DAY, 0);
    store->retention.audit = DAY;

    pages = fixture_sql(path, "PRAGMA page_count");
    unit_ok(pages > 600, "vacuum: a database of %d pages", (int) pages);

    while (ngx_triggers_store_maintain(store, 0) == NGX_AGAIN
           && events(path))
    {
        /* void */
    }

    unit_ok(fixture_sql(path, "PRAGMA page_count") >= pages,
            "vacuum: under load the pages wait for new events");

    store->vacuum_at = 0;
    maintain(store);

    /* what is left is the audit, and some free pages */

    pages -= fixture_sql(path, "PRAGMA page_count");
    unit_ok(pages > 100
            && fixture_sql(path, "PRAGMA freelist_count") <= 64,
            "vacuum: with nothing to do %d are given back", (int) pages);
    unit_ok(fixture_sql(path, "PRAGMA quick_check; SELECT 5") == 5,
            "vacuum: it is sound");

    ngx_triggers_store_destroy(store);
}


/* a page before the removal and the next one after it: none missed or twice */

static void
test_audit(void)
{
    audit_t                      first, rest;
    ngx_str_t                   *path;
    ngx_uint_t                   i, bad;
    ngx_triggers_store_t        *store;
    ngx_triggers_audit_query_t   query;

    path = fixture_path("audit.db");
    store = open_store(path, 0, 0);
    create_done(store, 1, 100);
    (void) fixture_do(store, NGX_TRIGGERS_OP_DELETE, 50, "alice");

    ngx_memzero(&query, sizeof(ngx_triggers_audit_query_t));
    query.any_owner = 1;
    query.actions = NGX_TRIGGERS_AUDIT_ALL;
    query.limit = 80;
    read_audit(path, &query, &first);

    unit_ok(first.entries == 80 && query.has_more == 1, "audit: a page");

    store = reopen(store, path, DAY, 0);
    maintain(store);
    unit_ok(events(path) == 0, "audit: all events go");

    query.before_at = query.last_at;
    query.before_n = query.last_n;
    query.limit = 1000;
    read_audit(path, &query, &rest);

    bad = (query.has_more != 0);

    for (i = 1; i < rest.entries; i++) {
        bad += rest.at[i] > rest.at[i - 1]
               || (rest.at[i] == rest.at[i - 1]
                   && rest.n[i] >= rest.n[i - 1]);
    }

    /* created and acknowledged, and one deleted */

    unit_ok(first.entries + rest.entries == 201 && bad == 0,
            "audit: the next page has the rest, %d",
            (int) (first.entries + rest.entries));

    ngx_memzero(&query, sizeof(ngx_triggers_audit_query_t));
    query.user_id.data = (u_char *) "alice";
    query.user_id.len = 5;
    query.actions = 1 << NGX_TRIGGERS_AUDIT_EVENT_EXPIRED;
    query.limit = 1000;
    read_audit(path, &query, &first);
    unit_ok(first.entries == 99, "audit: of its owner, by action");

    query.user_id.data = (u_char *) "bob";
    query.user_id.len = 3;
    read_audit(path, &query, &first);
    unit_ok(first.entries == 0, "audit: of another, nothing");

    ngx_triggers_store_destroy(store);
}


static ngx_triggers_store_t *
open_store(ngx_str_t *path, int64_t keep, ngx_uint_t archive)
{
    ngx_triggers_store_t      *store;
    ngx_triggers_retention_t   retention;

    store = fixture_store(path);

    ngx_memzero(&retention, sizeof(ngx_triggers_retention_t));
    retention.events = keep;
    retention.archive = archive;
    ngx_str_set(&retention.name, "main");

    ngx_triggers_store_retain(store, &retention);

    if (ngx_triggers_store_open(store) != NGX_OK) {
        exit(2);
    }

    return store;
}


static ngx_triggers_store_t *
reopen(ngx_triggers_store_t *store, ngx_str_t *path, int64_t keep,
    ngx_uint_t archive)
{
    ngx_triggers_store_destroy(store);

    return open_store(path, keep, archive);
}


/* ends without tidying up */

static void
crash(ngx_triggers_store_t *store)
{
    ngx_triggers_sqlite_disconnect(store);
    ngx_triggers_store_destroy(store);
}


static void
create_done(ngx_triggers_store_t *store, uint64_t first, uint64_t last)
{
    uint64_t                 n;
    ngx_triggers_result_t    result;
    ngx_triggers_mutation_t  m;

    (void) fixture_create(store, first, last, "alice");
    (void) ngx_triggers_store_begin(store);

    for (n = first; n <= last; n++) {
        fixture_mutation(&m, NGX_TRIGGERS_OP_ACKNOWLEDGE, n, "alice");
        (void) ngx_triggers_store_apply(store, &m, &result);
    }

    (void) ngx_triggers_store_commit(store, FIXTURE_NONCE, last);
}


static void
maintain(ngx_triggers_store_t *store)
{
    store->expire_at = 0;

    while (ngx_triggers_store_maintain(store, 1) == NGX_AGAIN) { /* void */ }
}


static ngx_uint_t
state(ngx_triggers_store_t *store)
{
    return ngx_triggers_store_archive(store)->state;
}


/* the archiver's part: the plan or, with a file, the file */

static void
answer(ngx_triggers_store_t *store, ngx_str_t *path, file_t *file)
{
    ngx_int_t                rc;
    ngx_triggers_reader_t   *reader;
    ngx_triggers_archive_t  *archive;

    archive = ngx_triggers_store_archive(store);
    reader = ngx_triggers_reader_open(path, unit_log());

    if (file == NULL) {
        rc = ngx_triggers_reader_archive_plan(reader, archive, 100, 1 << 20);
        archive->state = (rc == NGX_OK) ? NGX_TRIGGERS_ARCHIVE_PLANNED
                                        : NGX_TRIGGERS_ARCHIVE_IDLE;
    } else {
        file->n = 0;
        file->ends = 0;
        file->closed = 0;
        file->path = path;

        if (ngx_triggers_reader_archive(reader, archive, take, file)
            == NGX_OK)
        {
            archive->state = NGX_TRIGGERS_ARCHIVE_WRITTEN;
        }
    }

    ngx_triggers_reader_close(reader);
}


static ngx_int_t
take(void *data, ngx_str_t *name, ngx_triggers_row_t *row)
{
    file_t *file = data;

    ngx_triggers_reader_t   *other;
    ngx_triggers_archive_t   archive;

    if (name == NULL) {
        other = ngx_triggers_reader_open(file->path, unit_log());
        file->closed += ngx_triggers_reader_archive(other, &archive, take,
                                                    file)
                        == NGX_AGAIN;
        ngx_triggers_reader_close(other);
        return NGX_OK;
    }

    if (row == NULL) {
        file->ends++;
        return NGX_OK;
    }

    snprintf(file->name, sizeof(file->name), "%.*s", (int) name->len,
             (char *) name->data);
    file->id[file->n++] = fixture_number(row->event.id);

    return (file->n == file->fail_at) ? NGX_ERROR : NGX_OK;
}


/* rows that name an event which is not there */

static int64_t
left(ngx_str_t *path)
{
    ngx_uint_t           i;
    int64_t              n;
    char                 sql[256];
    static const char   *tables[] = {
        "event_state", "inbox", "owner_inbox", "attempts", "deliveries",
        "delivery_queue", "ordering", "done"
    };

    n = 0;

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE seq NOT IN "
                 "(SELECT seq FROM events)", tables[i]);
        n += fixture_sql(path, sql);
    }

    return n;
}


static int64_t
events(ngx_str_t *path)
{
    return fixture_sql(path, "SELECT count(*) FROM events");
}


/* by how much the counts differ from the rows */

static int64_t
counted(ngx_str_t *path)
{
    return fixture_sql(path, "SELECT sum(abs(n - (SELECT count(*) FROM events "
                             "LEFT JOIN event_state s USING (seq) "
                             "WHERE coalesce(s.status, 4) = counts.status))) "
                             "FROM counts");
}


static void
read_audit(ngx_str_t *path, ngx_triggers_audit_query_t *query, audit_t *audit)
{
    ngx_triggers_reader_t  *reader;

    audit->entries = 0;
    query->handler = take_entry;
    query->data = audit;

    reader = ngx_triggers_reader_open(path, unit_log());

    if (ngx_triggers_reader_audit(reader, query) != NGX_OK) {
        exit(2);
    }

    ngx_triggers_reader_close(reader);
}


static ngx_int_t
take_entry(void *data, ngx_triggers_audit_t *entry)
{
    audit_t *audit = data;

    audit->at[audit->entries] = entry->at;
    audit->n[audit->entries] = entry->n;
    audit->action[audit->entries++] = entry->action;

    return NGX_OK;
}
