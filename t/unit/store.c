
/*
 * The SQLite store: its life, batches, every operation and refusal, merging
 * and the WAL.
 */


#include "store_fixture.h"
#include "ngx_triggers_migrations.h"


static void test_open(void);
static void test_migrate(void);
static void test_old(ngx_str_t *path);
static void test_foreign(void);
static void test_create(void);
static void test_operations(void);
static void test_retry(void);
static void test_owners(void);
static void test_batch(void);
static void test_position(void);
static void test_deltas(void);
static void test_merge(void);
static void test_merge_bounds(void);
static void test_wal(void);
static void test_lock(void);
static void test_lock_waiter(void);


int
main(void)
{
    fixture_init();

    test_open();
    test_migrate();
    test_foreign();
    test_create();
    test_operations();
    test_retry();
    test_owners();
    test_batch();
    test_position();
    test_deltas();
    test_merge();
    test_merge_bounds();
    test_wal();
    test_lock();
    test_lock_waiter();

    return fixture_done();
}


static void
test_open(void)
{
    mode_t                 mask;
    uint64_t               position;
    ngx_str_t             *path;
    struct stat            st;
    ngx_triggers_store_t  *store;

    path = fixture_path("open %#?&=é.db");
    store = fixture_store(path);

    unit_ok(ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_STARTING
            && !ngx_triggers_store_is_open(store), "open: a new handle");
    unit_ok(ngx_triggers_store_begin(store) == NGX_ERROR
            && ngx_triggers_store_check(store) == NGX_ERROR
            && ngx_triggers_store_maintain(store, 1) == NGX_ERROR
            && ngx_triggers_store_commit(store, 1, 1) == NGX_ERROR,
            "open: a closed store refuses");

    mask = umask(0);
    unit_ok(ngx_triggers_store_open(store) == NGX_OK, "open: created");
    umask(mask);

    unit_ok(ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_READY
            && ngx_triggers_store_is_open(store), "open: ready");
    unit_ok(stat((char *) path->data, &st) == 0 && (st.st_mode & 0777) == 0600,
            "open: the file is private whatever the umask");
    unit_ok(ngx_triggers_store_open(store) == NGX_OK, "open: twice");
    unit_ok(fixture_sql(path, "PRAGMA auto_vacuum") == 2, "open: auto_vacuum");
    unit_ok(fixture_sql(path, "PRAGMA application_id")
            == 0x54726967, "open: application_id");
    unit_ok(fixture_sql(path, "PRAGMA user_version")
            == ngx_triggers_sqlite_version(NGX_TRIGGERS_SQLITE_EVENTS),
            "open: user_version");
    unit_ok(fixture_sql(path, "SELECT count(*) FROM pragma_journal_mode "
                        "WHERE journal_mode = 'wal'") == 1, "open: WAL");

    unit_ok(ngx_triggers_store_begin(store) == NGX_OK
            && ngx_triggers_store_begin(store) == NGX_ERROR,
            "open: a batch within a batch is refused");
    unit_ok(ngx_triggers_store_open(store) == NGX_OK
            && ngx_triggers_store_lead(store, 1, &position) == NGX_OK,
            "open: again after an error");

    ngx_triggers_store_destroy(store);

    /* killed between the first page and the first migration */

    path = fixture_path("early.db");
    (void) fixture_sql(path, "PRAGMA auto_vacuum = INCREMENTAL;"
                       "PRAGMA journal_mode = WAL");

    store = fixture_store(path);
    unit_ok(ngx_triggers_store_open(store) == NGX_OK,
            "open: an empty database");
    unit_ok(fixture_sql(path, "PRAGMA auto_vacuum") == 2,
            "open: auto_vacuum of an empty database");
    ngx_triggers_store_close(store);
    unit_ok(!ngx_triggers_store_is_open(store)
            && ngx_triggers_store_open(store) == NGX_OK, "open: reopened");
    ngx_triggers_store_destroy(store);
}


/* the column of "tracestate" comes to events that are there */

static void
test_migrate(void)
{
    ngx_str_t               *path;
    ngx_uint_t               i;
    fixture_rows_t           rows;
    ngx_triggers_store_t    *store;
    ngx_triggers_reader_t   *reader;
    ngx_triggers_result_t    result;
    ngx_triggers_mutation_t  m;

    path = fixture_path("migrate.db");
    test_old(path);

    reader = ngx_triggers_reader_open(path, unit_log());
    unit_ok(reader == NULL, "migrate: not read before");

    store = fixture_store(path);
    unit_ok(ngx_triggers_store_open(store) == NGX_OK, "migrate: opened");
    unit_ok(fixture_sql(path, "PRAGMA user_version")
            == ngx_triggers_sqlite_version(NGX_TRIGGERS_SQLITE_EVENTS),
            "migrate: user_version");
    unit_ok(fixture_sql(path, "SELECT file GLOB 'main-20251110T123456Z-1-*"
                              ".ndjson.gz' AND length(file) = 50 "
                              "FROM archive") == 1,
            "migrate: the file to be written has a name of its own");

    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 2, "demo");
    ngx_str_set(&m.event.traceparent, "parent");
    ngx_str_set(&m.event.tracestate, "a=1,b=2");
    unit_ok(fixture_write(store, &m, &result) == NGX_OK
            && result.rc == NGX_TRIGGERS_RC_OK, "migrate: an event is added");
    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_CREATE, 3, "demo")
            == NGX_TRIGGERS_RC_OK, "migrate: and another one");

    reader = ngx_triggers_reader_open(path, unit_log());

    for (i = 1; i <= 3; i++) {
        ngx_memzero(&rows, sizeof(rows));
        fixture_id(m.id, i);

        unit_ok(ngx_triggers_reader_get(reader, &m.user_id, 0, m.id,
                                        fixture_row, &rows)
                == NGX_OK && rows.n == 1
                && rows.last.event.traceparent.len
                   == (i == 3 ? 0 : sizeof("parent") - 1)
                && rows.last.event.tracestate.len
                   == (i == 2 ? sizeof("a=1,b=2") - 1 : 0)
                && (rows.last.event.tracestate.data != NULL) == (i == 2)
                && strcmp(rows.text, i == 1 ? "{\"old\":1}" : "{\"a\":1}")
                   == 0,
                "migrate: event %d", (int) i);
    }

    unit_ok(fixture_sql(path, "SELECT count(*) FROM events "
                        "WHERE tracestate = 'a=1,b=2'") == 1,
            "migrate: one has a tracestate");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


/* a database of version 5, with an event in it */

static void
test_old(ngx_str_t *path)
{
    char        sql[256];
    ngx_uint_t  i;

    (void) fixture_sql(path, "PRAGMA auto_vacuum = INCREMENTAL;"
                       "PRAGMA journal_mode = WAL");

    for (i = 0; ngx_triggers_migrations[i].version < 6; i++) {
        (void) fixture_sql(path, ngx_triggers_migrations[i].text);
    }

    (void) fixture_sql(path, "PRAGMA application_id = 0x54726967;"
                       "PRAGMA user_version = 5;"
                       "INSERT INTO owners VALUES (1, 'demo')");

    snprintf(sql, sizeof(sql), "INSERT INTO events (seq, id, owner, "
             "created_at, priority, traceparent, payload) VALUES (1, "
             "x'00000000000000010000000000000000', 1, %lld, 1, 'parent', "
             "'{\"old\":1}')", (long long) FIXTURE_T0);
    (void) fixture_sql(path, sql);
    (void) fixture_sql(path, "INSERT INTO inbox VALUES (10, 1, 1);"
                       "INSERT INTO counts VALUES (0, 4, 1), (1, 4, 1);"
                       "UPDATE store SET next_seq = 2, total_events = 1;"
                       "INSERT INTO archive VALUES (1, "
                       "'main-20251110T123456Z-1.ndjson.gz', 1, 1, 0)");
}


static void
test_foreign(void)
{
    char                    sql[64];
    FILE                   *f;
    ngx_uint_t              i;
    ngx_str_t              *path;
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *reader;

    path = fixture_path("foreign.db");
    (void) fixture_sql(path, "CREATE TABLE t (a)");

    store = fixture_store(path);
    reader = ngx_triggers_reader_open(path, unit_log());
    unit_ok(ngx_triggers_store_open(store) == NGX_ERROR
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_FOREIGN,
            "foreign: refused");
    unit_ok(reader == NULL, "foreign: not read");
    unit_ok(fixture_sql(path, "SELECT count(*) FROM sqlite_master") == 1,
            "foreign: untouched");

    /* heals when the file goes away */

    (void) unlink((char *) path->data);
    unit_ok(ngx_triggers_store_open(store) == NGX_OK
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_READY,
            "foreign: removed");
    ngx_triggers_store_close(store);

    (void) fixture_sql(path, "PRAGMA user_version = 9999");
    reader = ngx_triggers_reader_open(path, unit_log());
    unit_ok(ngx_triggers_store_open(store) == NGX_ERROR
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_NEWER,
            "newer: refused");
    unit_ok(reader == NULL, "newer: not read");

    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d",
             (int) ngx_triggers_sqlite_version(NGX_TRIGGERS_SQLITE_EVENTS));
    (void) fixture_sql(path, sql);
    unit_ok(ngx_triggers_store_open(store) == NGX_OK, "newer: heals");
    ngx_triggers_store_destroy(store);

    path = fixture_path("corrupt.db");
    f = fopen((char *) path->data, "w");

    for (i = 0; f && i < 1000; i++) {
        fprintf(f, "this is not a database %d\n", (int) i);
    }

    fclose(f);

    store = fixture_store(path);
    reader = ngx_triggers_reader_open(path, unit_log());
    unit_ok(ngx_triggers_store_open(store) == NGX_ERROR
            && ngx_triggers_store_state(store) == NGX_TRIGGERS_STORE_CORRUPT,
            "corrupt: refused");
    unit_ok(reader == NULL, "corrupt: not read");
    ngx_triggers_store_destroy(store);
}


static void
test_create(void)
{
    uint64_t                  n;
    ngx_str_t                *path;
    fixture_rows_t            rows;
    ngx_triggers_row_t       *row;
    ngx_triggers_store_t     *store;
    ngx_triggers_reader_t    *reader;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   m;

    path = fixture_path("create.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 5, "demo");
    ngx_str_set(&m.event.source, "");
    m.event.priority = NGX_TRIGGERS_PRIORITY_HIGH;

    unit_ok(fixture_write(store, &m, &result) == NGX_OK
            && result.rc == NGX_TRIGGERS_RC_OK
            && result.time == m.event.created_at, "create: stored");

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_CREATE, 5, "demo")
            == NGX_TRIGGERS_RC_FAILED, "create: an id twice fails alone");

    n = 4;
    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, n, "demo");
    unit_ok(fixture_write(store, &m, &result) == NGX_OK
            && result.time == FIXTURE_T0 + 5000,
            "create: time never goes back");

    reader = ngx_triggers_reader_open(path, unit_log());
    ngx_memzero(&rows, sizeof(rows));
    row = &rows.last;
    n = 5;
    fixture_id(m.id, n);

    unit_ok(ngx_triggers_reader_get(reader, &m.user_id, 0, m.id, fixture_row,
                                    &rows)
            == NGX_OK && rows.n == 1, "create: read back");
    unit_ok(row->seq == 1 && row->status == NGX_TRIGGERS_PENDING
            && row->event.created_at == FIXTURE_T0 + 5000
            && row->updated_at == FIXTURE_T0 + 5000
            && row->event.priority == NGX_TRIGGERS_PRIORITY_HIGH
            && row->acknowledged_at == 0 && row->retry_count == 0,
            "create: numbers");
    unit_ok(strcmp(rows.user, "demo") == 0
            && strcmp(rows.text, "{\"a\":1}") == 0
            && row->event.event_type.len == 13, "create: strings");
    unit_ok(row->event.source.data != NULL && row->event.source.len == 0
            && row->event.metadata.data == NULL
            && row->error_message.data == NULL, "create: empty and absent");

    /* the largest event of the contract */

    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 6, "demo");
    m.event.payload.len = 1024 * 1024;
    m.event.payload.data = malloc(m.event.payload.len);
    ngx_memset(m.event.payload.data, ' ', m.event.payload.len);

    unit_ok(fixture_write(store, &m, &result) == NGX_OK, "create: large");
    free(m.event.payload.data);

    unit_ok(ngx_triggers_reader_get(reader, &m.user_id, 0, m.id, fixture_row,
                                    &rows)
            == NGX_OK && row->event.payload.len == 1024 * 1024,
            "create: large read back");

    m.event.payload.len = 0x7fffffff;
    m.event.id[15] = 1;
    unit_ok(fixture_write(store, &m, &result) == NGX_OK
            && result.rc == NGX_TRIGGERS_RC_FAILED, "create: too large");

    m.op = 77;
    unit_ok(fixture_write(store, &m, &result) == NGX_OK
            && result.rc == NGX_TRIGGERS_RC_FAILED, "unknown operation");

    unit_ok(fixture_sql(path, "SELECT total_events FROM store") == 3,
            "create: counted");
    unit_ok(fixture_consistent(path), "create: consistent");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


static void
test_operations(void)
{
    ngx_uint_t                merged;
    ngx_str_t                *path;
    ngx_triggers_store_t     *store;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   m;

    for (merged = 0; merged < 2; merged++) {
        path = fixture_path(merged ? "operations1.db" : "operations0.db");
        store = fixture_store(path);
        (void) ngx_triggers_store_open(store);
        (void) fixture_create(store, 1, 20, "demo");

        if (merged) {
            (void) ngx_triggers_store_maintain(store, 1);
            (void) fixture_create(store, 21, 25, "demo");
        }

        fixture_mutation(&m, NGX_TRIGGERS_OP_ACKNOWLEDGE, 3, "demo");
        unit_ok(fixture_write(store, &m, &result) == NGX_OK
                && result.rc == NGX_TRIGGERS_RC_OK && result.time == m.time,
                "acknowledge");

        m.time += 5;
        unit_ok(fixture_write(store, &m, &result) == NGX_OK
                && result.rc == NGX_TRIGGERS_RC_CONFLICT
                && result.time == m.time - 5, "acknowledge: conflict");

        unit_ok(fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 99, "demo")
                == NGX_TRIGGERS_RC_NOT_FOUND, "acknowledge: unknown");
        unit_ok(fixture_do(store, NGX_TRIGGERS_OP_RETRY, 99, "demo")
                == NGX_TRIGGERS_RC_NOT_FOUND, "retry: unknown");
        unit_ok(fixture_do(store, NGX_TRIGGERS_OP_RETRY, 4, "demo")
                == NGX_TRIGGERS_RC_CONFLICT, "retry: pending");
        unit_ok(fixture_do(store, NGX_TRIGGERS_OP_RETRY, 3, "demo")
                == NGX_TRIGGERS_RC_CONFLICT, "retry: acknowledged");

        unit_ok(fixture_do(store, NGX_TRIGGERS_OP_DELETE, 3, "demo")
                == NGX_TRIGGERS_RC_OK, "delete: acknowledged");
        unit_ok(fixture_do(store, NGX_TRIGGERS_OP_DELETE, 3, "demo")
                == NGX_TRIGGERS_RC_NOT_FOUND, "delete: again");
        unit_ok(fixture_do(store, NGX_TRIGGERS_OP_DELETE, 4, "demo")
                == NGX_TRIGGERS_RC_OK, "delete: pending");
        unit_ok(fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 4, "demo")
                == NGX_TRIGGERS_RC_NOT_FOUND, "acknowledge: deleted");

        if (merged) {
            unit_ok(fixture_do(store, NGX_TRIGGERS_OP_DELETE, 25, "demo")
                    == NGX_TRIGGERS_RC_OK, "delete: the newest");
            (void) fixture_create(store, 26, 26, "demo");
            unit_ok(fixture_sql(path, "SELECT max(seq) FROM events") == 26,
                    "delete: its number is not given again");
        }

        unit_ok(fixture_consistent(path), "operations: consistent");
        ngx_triggers_store_destroy(store);
    }
}


/* no operation makes an event fail, so SQL does */

static void
test_retry(void)
{
    ngx_uint_t                i, good;
    ngx_str_t                *path;
    ngx_triggers_store_t     *store;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   m;

    path = fixture_path("retry.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    (void) fixture_create(store, 1, 3, "demo");
    (void) ngx_triggers_store_maintain(store, 1);

    fixture_mutation(&m, NGX_TRIGGERS_OP_RETRY, 2, "demo");
    good = 0;

    for (i = 0; i < NGX_TRIGGERS_MAX_RETRIES + 1; i++) {
        (void) fixture_sql(path,
            "BEGIN;"
            "INSERT INTO event_state (seq, status, updated_at, retry_count,"
            " done_at) VALUES (2, 2, 1, 5, 1)"
            " ON CONFLICT DO UPDATE SET status = 2, done_at = 1;"
            "INSERT INTO done VALUES (1, 2) ON CONFLICT DO NOTHING;"
            "UPDATE inbox SET lane = 2 WHERE seq = 2;"
            "UPDATE owner_inbox SET lane = 2 WHERE seq = 2;"
            "UPDATE counts SET n = 2 WHERE status = 4;"
            "INSERT INTO counts VALUES (0, 2, 1), (1, 2, 1)"
            " ON CONFLICT DO UPDATE SET n = 1;"
            "UPDATE counts SET n = 0 WHERE status = 3;"
            "COMMIT");

        m.time++;

        if (fixture_write(store, &m, &result) == NGX_OK
            && result.rc == NGX_TRIGGERS_RC_OK && result.count == 6 + i
            && result.time == m.time)
        {
            good++;
        }
    }

    unit_ok(good == NGX_TRIGGERS_MAX_RETRIES, "retry: three times");
    unit_ok(result.rc == NGX_TRIGGERS_RC_EXHAUSTED, "retry: exhausted");
    unit_ok(fixture_sql(path, "SELECT last_retry_at FROM event_state "
                        "WHERE manual_retries = 3") == m.time - 1,
            "retry: its time");
    unit_ok(fixture_consistent(path), "retry: consistent");

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 2, "demo")
            == NGX_TRIGGERS_RC_OK, "retry: a failed one is acknowledged");
    unit_ok(fixture_consistent(path), "retry: consistent again");

    ngx_triggers_store_destroy(store);
}


static void
test_owners(void)
{
    char                      name[64];
    ngx_uint_t                i, good;
    ngx_str_t                *path;
    fixture_rows_t            rows;
    ngx_triggers_store_t     *store;
    ngx_triggers_reader_t    *reader;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   m;

    path = fixture_path("owners.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    (void) fixture_create(store, 1, 1, "alice");
    (void) fixture_create(store, 2, 2, "bob");

    good = 0;

    for (i = NGX_TRIGGERS_OP_ACKNOWLEDGE; i <= NGX_TRIGGERS_OP_RETRY; i++) {
        good += (fixture_do(store, i, 1, "bob") == NGX_TRIGGERS_RC_NOT_FOUND);
        good += (fixture_do(store, i, 1, "eve") == NGX_TRIGGERS_RC_NOT_FOUND);
        good += (fixture_do(store, i, 1, "") == NGX_TRIGGERS_RC_NOT_FOUND);
    }

    unit_ok(good == 9, "owners: another's event is unknown");
    unit_ok(fixture_sql(path, "SELECT count(*) FROM owners") == 2,
            "owners: asking creates none");

    fixture_mutation(&m, NGX_TRIGGERS_OP_ACKNOWLEDGE, 1, "root");
    m.any_owner = 1;
    unit_ok(fixture_write(store, &m, &result) == NGX_OK
            && result.rc == NGX_TRIGGERS_RC_OK, "owners: any owner");

    reader = ngx_triggers_reader_open(path, unit_log());
    ngx_memzero(&rows, sizeof(rows));

    unit_ok(ngx_triggers_reader_get(reader, &m.user_id, 0, m.id, fixture_row,
                                    &rows)
            == NGX_DECLINED && rows.n == 0, "owners: get another's");
    unit_ok(ngx_triggers_reader_get(reader, &m.user_id, 1, m.id, fixture_row,
                                    &rows)
            == NGX_OK && strcmp(rows.user, "alice") == 0
            && rows.last.status == NGX_TRIGGERS_ACKNOWLEDGED
            && rows.last.acknowledged_at == m.time, "owners: get any");
    fixture_id(m.id, 77);
    unit_ok(ngx_triggers_reader_get(reader, &m.user_id, 1, m.id, fixture_row,
                                    &rows)
            == NGX_DECLINED, "owners: get an unknown one");
    ngx_triggers_reader_close(reader);

    /* more owners than are cached or summed at once, some with long names */

    (void) ngx_triggers_store_begin(store);

    for (i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "owner-%0*d", i % 2 ? 5 : 55, (int) i);
        fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 100 + i, name);
        (void) ngx_triggers_store_apply(store, &m, &result);
    }

    unit_ok(ngx_triggers_store_commit(store, FIXTURE_NONCE, 1) == NGX_OK
            && fixture_sql(path, "SELECT count(*) FROM owners") == 3002,
            "owners: many in one batch");
    unit_ok(fixture_consistent(path), "owners: consistent");

    while (ngx_triggers_store_maintain(store, 1) == NGX_AGAIN) { /* void */ }

    unit_ok(fixture_consistent(path), "owners: consistent when merged");
    ngx_triggers_store_destroy(store);
}


/* a rolled back batch leaves nothing, neither in the file nor in memory */

static void
test_batch(void)
{
    uint64_t                  position;
    ngx_str_t                *path;
    ngx_triggers_store_t     *store;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   m;

    path = fixture_path("batch.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    (void) fixture_create(store, 1, 5, "demo");

    (void) ngx_triggers_store_begin(store);
    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 6, "new");
    (void) ngx_triggers_store_apply(store, &m, &result);
    fixture_mutation(&m, NGX_TRIGGERS_OP_DELETE, 1, "demo");
    (void) ngx_triggers_store_apply(store, &m, &result);
    ngx_triggers_store_rollback(store);

    unit_ok(ngx_triggers_store_apply(store, &m, &result) == NGX_ERROR
            && ngx_triggers_store_commit(store, 1, 1) == NGX_ERROR,
            "batch: nothing is written outside of one");
    unit_ok(fixture_consistent(path)
            && fixture_sql(path, "SELECT count(*) FROM owners") == 1
            && fixture_sql(path, "SELECT count(*) FROM events") == 5,
            "batch: rolled back");

    /* the number of "new" goes to another, so a stale cache would show */

    (void) fixture_create(store, 7, 7, "other");
    (void) fixture_create(store, 6, 6, "new");
    unit_ok(fixture_sql(path, "SELECT count(*) FROM events "
                        "NATURAL JOIN owners WHERE user_id = 'new'") == 1,
            "batch: owners are forgotten with it");
    unit_ok(fixture_sql(path, "SELECT max(seq) FROM events") == 7,
            "batch: its numbers are given again");
    unit_ok(fixture_consistent(path), "batch: counts are dropped with it");

    (void) ngx_triggers_store_begin(store);
    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 8, "demo");
    (void) ngx_triggers_store_apply(store, &m, &result);
    ngx_triggers_store_close(store);

    unit_ok(ngx_triggers_store_open(store) == NGX_OK && fixture_consistent(path)
            && fixture_sql(path, "SELECT count(*) FROM events") == 7,
            "batch: closed within one");
    unit_ok(ngx_triggers_store_lead(store, FIXTURE_NONCE, &position) == NGX_OK,
            "batch: goes on");

    ngx_triggers_store_destroy(store);
}


static void
test_position(void)
{
    uint64_t               position;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("position.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    unit_ok(ngx_triggers_store_lead(store, FIXTURE_NONCE, &position) == NGX_OK
            && position == 0, "position: an unknown ring");

    (void) ngx_triggers_store_begin(store);
    unit_ok(ngx_triggers_store_commit(store, FIXTURE_NONCE, UINT64_MAX - 1)
            == NGX_OK, "position: of an empty batch");
    ngx_triggers_store_destroy(store);

    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    unit_ok(ngx_triggers_store_lead(store, FIXTURE_NONCE, &position) == NGX_OK
            && position == UINT64_MAX - 1, "position: after a reopen");
    unit_ok(ngx_triggers_store_lead(store, 7, &position) == NGX_OK
            && position == 0, "position: of another ring");

    (void) fixture_sql(path, "UPDATE rings SET updated_at = 1");
    unit_ok(ngx_triggers_store_lead(store, 7, &position) == NGX_OK
            && fixture_sql(path, "SELECT count(*) FROM rings") == 1,
            "position: old rings are forgotten, not the own");
    unit_ok(fixture_sql(path, "SELECT epoch FROM store") == 4,
            "position: each leader commits");

    ngx_triggers_store_destroy(store);
}


/* every status of an owner moves in one batch */

static void
test_deltas(void)
{
    ngx_uint_t                i;
    ngx_str_t                *path;
    ngx_triggers_store_t     *store, *other;
    ngx_triggers_result_t     result;
    ngx_triggers_totals_t    *totals;
    ngx_triggers_mutation_t   m;

    path = fixture_path("deltas.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    (void) ngx_triggers_store_begin(store);

    for (i = 0; i < 300; i++) {
        fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, i, i % 3 ? "a" : "b");
        (void) ngx_triggers_store_apply(store, &m, &result);

        m.op = i % 2 ? NGX_TRIGGERS_OP_ACKNOWLEDGE : NGX_TRIGGERS_OP_DELETE;

        if (i % 5) {
            (void) ngx_triggers_store_apply(store, &m, &result);
        }
    }

    totals = ngx_triggers_store_totals(store);
    unit_ok(totals->total_events == 0 && totals->moves.entered[4] == 0
            && ngx_triggers_store_moves(store)->entered[4] == 300
            && ngx_triggers_store_moves(store)->entered[0] == 120,
            "totals: nothing before the commit, but that it is to come");

    (void) ngx_triggers_store_commit(store, FIXTURE_NONCE, 1);

    unit_ok(totals->total_events == 300 && totals->events[0] == 120
            && totals->events[4] == 60 && totals->moves.entered[4] == 300
            && totals->moves.entered[0] == 120, "totals: all after it");

    (void) ngx_triggers_store_begin(store);
    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, i, "a");
    (void) ngx_triggers_store_apply(store, &m, &result);
    ngx_triggers_store_rollback(store);
    (void) ngx_triggers_store_begin(store);
    (void) ngx_triggers_store_commit(store, FIXTURE_NONCE, 2);

    unit_ok(totals->total_events == 300 && totals->events[4] == 60
            && totals->moves.entered[4] == 300
            && ngx_triggers_store_moves(store)->entered[4] == 0,
            "totals: nothing of what was rolled back");

    /* another holder of the lock */

    ngx_triggers_store_unlock(store);
    other = fixture_store(path);
    (void) ngx_triggers_store_open(other);
    (void) ngx_triggers_store_begin(other);
    (void) ngx_triggers_store_apply(other, &m, &result);
    (void) ngx_triggers_store_commit(other, FIXTURE_NONCE + 1, 1);
    ngx_triggers_store_destroy(other);

    (void) ngx_triggers_store_open(store);
    unit_ok(totals->total_events == 301 && totals->events[4] == 61
            && totals->moves.entered[4] == 300,
            "totals: what another has stored is there, and is not counted");
    unit_ok(ngx_triggers_store_size(store) >= 8192
            && ngx_triggers_store_size(store) % 8192 == 0, "size");

    (void) ngx_triggers_store_begin(store);
    m.op = NGX_TRIGGERS_OP_DELETE;
    (void) ngx_triggers_store_apply(store, &m, &result);
    (void) ngx_triggers_store_commit(store, FIXTURE_NONCE, 3);

    unit_ok(fixture_sql(path, "SELECT n FROM counts "
                        "WHERE owner = 0 AND status = 0") == 120
            && fixture_sql(path, "SELECT n FROM counts "
                           "WHERE owner = 0 AND status = 4") == 60,
            "deltas: sums");
    unit_ok(fixture_consistent(path), "deltas: consistent");
    ngx_triggers_store_destroy(store);
}


static void
test_merge(void)
{
    uint64_t               n;
    ngx_str_t             *path;
    ngx_triggers_store_t  *store;

    path = fixture_path("merge.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);

    (void) fixture_create(store, 1, 511, "demo");
    unit_ok(ngx_triggers_store_maintain(store, 0) == NGX_OK
            && fixture_sql(path, "SELECT merged_through FROM store") == 0,
            "merge: a short tail waits");

    (void) fixture_create(store, 512, 512, "demo");
    unit_ok(ngx_triggers_store_maintain(store, 0) == NGX_OK
            && fixture_sql(path, "SELECT merged_through FROM store") == 512
            && fixture_sql(path, "SELECT count(*) FROM owner_inbox") == 512,
            "merge: a long one not");

    (void) fixture_create(store, 513, 513, "demo");
    unit_ok(ngx_triggers_store_maintain(store, 1) == NGX_OK
            && fixture_sql(path, "SELECT merged_through FROM store") == 513,
            "merge: when idle");
    unit_ok(fixture_consistent(path), "merge: consistent");

    for (n = 514; n < 20000; n += 1000) {
        (void) fixture_create(store, n, n + 999, "demo");
    }

    unit_ok(ngx_triggers_store_maintain(store, 0) == NGX_AGAIN
            && fixture_sql(path, "SELECT merged_through FROM store")
               == 513 + 8192,
            "merge: in slices");

    ngx_triggers_store_close(store);
    (void) ngx_triggers_store_open(store);

    while (ngx_triggers_store_maintain(store, 0) == NGX_AGAIN) { /* void */ }

    unit_ok(fixture_sql(path, "SELECT merged_through FROM store") == 20513,
            "merge: goes on after a reopen");
    unit_ok(fixture_consistent(path), "merge: consistent after slices");
    unit_ok(sqlite3_exec(store->db, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL,
                         NULL) == SQLITE_OK, "merge: leaves no transaction");

    ngx_triggers_store_destroy(store);
}


/* many owners: the tail may grow longer; after each, syncs are full again */

static void
test_merge_bounds(void)
{
    char                      name[16];
    int64_t                   level;
    ngx_uint_t                i;
    ngx_str_t                *path;
    ngx_triggers_store_t     *store;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   m;

    path = fixture_path("bounds.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    (void) ngx_triggers_store_begin(store);

    for (i = 0; i < 1199; i++) {
        snprintf(name, sizeof(name), "%d", (int) (i % 300));
        fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, i, name);
        (void) ngx_triggers_store_apply(store, &m, &result);
    }

    (void) ngx_triggers_store_commit(store, FIXTURE_NONCE, 1);

    (void) ngx_triggers_store_maintain(store, 0);
    unit_ok(fixture_sql(path, "SELECT merged_through FROM store") == 0,
            "merge: four rows an owner");

    (void) fixture_create(store, 2000, 2000, "1");
    (void) ngx_triggers_store_maintain(store, 0);
    unit_ok(fixture_sql(path, "SELECT merged_through FROM store") == 1200,
            "merge: and not longer");

    (void) ngx_triggers_sqlite_integer(store->db, "PRAGMA synchronous",
                                       &level);
    unit_ok(level == 2, "merge: synchronous is FULL again");

    ngx_triggers_store_destroy(store);
}


static void
test_wal(void)
{
    uint64_t                n;
    ngx_uint_t              i, most, held;
    ngx_str_t              *path;
    ngx_triggers_store_t   *store;
    ngx_triggers_reader_t  *reader;

    path = fixture_path("wal.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    reader = ngx_triggers_reader_open(path, unit_log());

    n = 1;
    most = 0;

    for (i = 0; i < 600; i++, n += 50) {
        (void) fixture_create(store, n, n + 49, "demo");
        most = ngx_max(most, ngx_triggers_store_wal_frames(store));
        (void) ngx_triggers_store_maintain(store, 0);
    }

    unit_ok(most >= 1000 && most < 3000, "wal: bounded, %d frames",
            (int) most);

    /* a snapshot that is held lets it grow */

    (void) sqlite3_exec(reader->db, "BEGIN; SELECT * FROM store", NULL, NULL,
                        NULL);

    for (i = 0; i < 300; i++, n += 50) {
        (void) fixture_create(store, n, n + 49, "demo");
        (void) ngx_triggers_store_maintain(store, 0);
    }

    held = ngx_triggers_store_wal_frames(store);
    unit_ok(held > 2000, "wal: held by a reader, %d frames", (int) held);

    (void) ngx_triggers_store_maintain(store, 1);
    unit_ok(ngx_triggers_store_wal_frames(store) >= held,
            "wal: not given back while it is read");

    (void) sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);

    (void) ngx_triggers_store_maintain(store, 1);
    unit_ok(ngx_triggers_store_wal_frames(store) == 0,
            "wal: given back when the reader has gone");

    (void) fixture_create(store, n, n, "demo");
    unit_ok(ngx_triggers_store_wal_frames(store) < 20, "wal: begins again");

    /* readers that come and go, each beginning before the last one ends */

    most = 0;

    for (i = 0; i < 600; i++) {
        (void) fixture_create(store, n + 1, n + 50, "demo");
        n += 50;
        (void) ngx_triggers_store_maintain(store, 0);

        if (i % 7 == 0) {
            (void) sqlite3_exec(reader->db, "BEGIN; SELECT * FROM store",
                                NULL, NULL, NULL);

        } else if (i % 7 == 5) {
            (void) sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
        }

        most = ngx_max(most, ngx_triggers_store_wal_frames(store));
    }

    unit_ok(most < 8000, "wal: bounded under readers, %d frames", (int) most);
    unit_ok(fixture_consistent(path), "wal: consistent");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


static void
test_lock(void)
{
    int64_t                foreign;
    uint64_t               position;
    ngx_str_t             *path;
    ngx_triggers_store_t  *a, *b;

    path = fixture_path("lock.db");
    a = fixture_store(path);
    b = fixture_store(path);

    (void) ngx_triggers_store_open(a);
    unit_ok(!ngx_triggers_store_wanted(a), "lock: not wanted");

    unit_ok(ngx_triggers_store_open(b) == NGX_AGAIN
            && ngx_triggers_store_state(b) == NGX_TRIGGERS_STORE_STARTING
            && !ngx_triggers_store_is_open(b), "lock: another's");
    unit_ok(ngx_triggers_store_wanted(a), "lock: wanted");
    foreign = ngx_triggers_store_foreign(a);
    unit_ok(fixture_create(a, 1, 9, "demo") == NGX_OK
            && ngx_triggers_store_foreign(a) == foreign,
            "lock: the holder goes on");

    ngx_triggers_store_unlock(a);
    unit_ok(ngx_triggers_store_begin(a) == NGX_AGAIN
            && ngx_triggers_store_is_open(a), "lock: given up");
    unit_ok(ngx_triggers_store_open(a) == NGX_AGAIN,
            "lock: not taken back before the waiter");
    unit_ok(ngx_triggers_store_open(b) == NGX_OK
            && ngx_triggers_store_state(b) == NGX_TRIGGERS_STORE_READY,
            "lock: handed over");
    unit_ok(!ngx_triggers_store_wanted(b), "lock: asked for only once open");

    (void) ngx_triggers_store_lead(b, 8, &position);
    unit_ok(fixture_create(b, 10, 20, "other") == NGX_OK,
            "lock: the next one writes");

    unit_ok(ngx_triggers_store_open(a) == NGX_AGAIN
            && ngx_triggers_store_wanted(b), "lock: wanted back");
    ngx_triggers_store_close(b);
    unit_ok(ngx_triggers_store_open(a) == NGX_OK
            && ngx_triggers_store_foreign(a) != foreign, "lock: taken back");
    unit_ok(fixture_create(a, 21, 30, "third") == NGX_OK
            && fixture_consistent(path)
            && fixture_sql(path, "SELECT count(*) FROM events") == 30,
            "lock: sees what the other wrote");

    ngx_triggers_store_destroy(a);
    ngx_triggers_store_destroy(b);
}


static void
test_lock_waiter(void)
{
    ngx_str_t             *path;
    ngx_triggers_store_t  *a, *b;

    path = fixture_path("waiter.db");
    a = fixture_store(path);
    b = fixture_store(path);

    (void) ngx_triggers_store_open(a);
    (void) ngx_triggers_store_open(b);
    ngx_triggers_store_unlock(b);
    unit_ok(!ngx_triggers_store_wanted(a), "lock: no more wanted");

    (void) ngx_triggers_store_open(b);
    ngx_triggers_store_unlock(a);
    (void) ngx_triggers_store_open(a);
    usleep(1100000);
    unit_ok(ngx_triggers_store_open(a) == NGX_OK,
            "lock: a waiter that stopped asking is passed over");

    ngx_triggers_store_destroy(a);
    ngx_triggers_store_destroy(b);
}


/* the lane that an event's state comes to, and the status of a lane */
