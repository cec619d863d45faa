
/*
 * What the tests and the benchmark of the SQLite store share: a directory
 * that is removed, events made from a number, one-record batches, a page
 * collected into an array.
 */


#ifndef _STORE_FIXTURE_H_INCLUDED_
#define _STORE_FIXTURE_H_INCLUDED_


#include "unit.h"
#include "ngx_triggers_store.h"
#include "ngx_triggers_sqlite.h"

#include <ftw.h>


#define FIXTURE_NONCE  0xfedcba9876543210ULL    /* not an int64_t */

#define FIXTURE_T0     1700000000000LL          /* ms */

#define FIXTURE_ROWS   2048


typedef struct {
    int64_t             seq[FIXTURE_ROWS];
    uint64_t            id[FIXTURE_ROWS];
    ngx_uint_t          n;
    ngx_uint_t          seen;         /* by the match handler */
    ngx_uint_t          stop;         /* rows after which the page ends */
    ngx_triggers_row_t  last;         /* strings are gone */
    char                user[64];
    char                text[64];     /* payload of the last row */
} fixture_rows_t;


static char  fixture_dir[] = "/tmp/triggers_store_XXXXXX";


static ngx_inline void
fixture_init(void)
{
    if (mkdtemp(fixture_dir) == NULL) {
        perror("mkdtemp()");
        exit(2);
    }
}


static ngx_inline int
fixture_remove(const char *path, const struct stat *sb, int type,
    struct FTW *ftw)
{
    (void) sb;
    (void) type;
    (void) ftw;

    return remove(path);
}


static ngx_inline int
fixture_done(void)
{
    (void) nftw(fixture_dir, fixture_remove, 16, FTW_DEPTH|FTW_PHYS);

    return unit_done();
}


/* a terminated path in the directory; valid to the end of the program */

static ngx_inline ngx_str_t *
fixture_path(const char *name)
{
    ngx_str_t         *path;
    static ngx_uint_t  n;
    static ngx_str_t   paths[64];
    static char        texts[64][64];

    path = &paths[n];

    path->data = (u_char *) texts[n];
    path->len = (size_t) snprintf(texts[n], sizeof(texts[n]), "%s/%s",
                                  fixture_dir, name);

    if (++n == 64) {
        exit(2);
    }

    return path;
}


static ngx_inline ngx_triggers_store_t *
fixture_store(ngx_str_t *path)
{
    ngx_triggers_store_t  *store;

    store = ngx_triggers_store_create(path, unit_log());
    if (store == NULL) {
        exit(2);
    }

    return store;
}


static ngx_inline void
fixture_id(u_char *id, uint64_t n)
{
    ngx_uint_t  i;

    ngx_memzero(id, NGX_TRIGGERS_ID_LEN);

    for (i = 0; i < 8; i++) {
        id[i] = (u_char) (n >> (56 - 8 * i));
    }
}


static ngx_inline uint64_t
fixture_number(u_char *id)
{
    uint64_t    n;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; i < 8; i++) {
        n = n << 8 | id[i];
    }

    return n;
}


static ngx_inline void
fixture_mutation(ngx_triggers_mutation_t *m, ngx_uint_t op, uint64_t n,
    const char *user)
{
    ngx_memzero(m, sizeof(ngx_triggers_mutation_t));

    m->op = op;
    m->time = FIXTURE_T0 + (int64_t) n * 1000;
    m->user_id.data = (u_char *) user;
    m->user_id.len = strlen(user);
    fixture_id(m->id, n);

    if (op != NGX_TRIGGERS_OP_CREATE) {
        return;
    }

    fixture_id(m->event.id, n);
    m->event.created_at = m->time;
    m->event.priority = NGX_TRIGGERS_PRIORITY_NORMAL;
    m->event.user_id = m->user_id;
    ngx_str_set(&m->event.event_type, "order.created");
    ngx_str_set(&m->event.payload, "{\"a\":1}");
}


/* one batch of one record; the code of the first call that fails */

static ngx_inline ngx_int_t
fixture_write(ngx_triggers_store_t *store, ngx_triggers_mutation_t *m,
    ngx_triggers_result_t *result)
{
    ngx_int_t        rc;
    static uint64_t  position;

    ngx_memset(result, 0xff, sizeof(ngx_triggers_result_t));

    rc = ngx_triggers_store_begin(store);

    if (rc == NGX_OK) {
        rc = ngx_triggers_store_apply(store, m, result);
    }

    if (rc == NGX_OK) {
        rc = ngx_triggers_store_commit(store, FIXTURE_NONCE, ++position);
    }

    return rc;
}


/* the ngx_triggers_rc_e of one record, -1 if its batch failed */

static ngx_inline int
fixture_do(ngx_triggers_store_t *store, ngx_uint_t op, uint64_t n,
    const char *user)
{
    ngx_triggers_result_t    result;
    ngx_triggers_mutation_t  m;

    fixture_mutation(&m, op, n, user);

    if (fixture_write(store, &m, &result) != NGX_OK) {
        return -1;
    }

    return (int) result.rc;
}


static ngx_inline ngx_int_t
fixture_create(ngx_triggers_store_t *store, uint64_t first, uint64_t last,
    const char *user)
{
    ngx_triggers_result_t    result;
    ngx_triggers_mutation_t  m;

    if (ngx_triggers_store_begin(store) != NGX_OK) {
        return NGX_ERROR;
    }

    for ( /* void */ ; first <= last; first++) {
        fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, first, user);

        if (ngx_triggers_store_apply(store, &m, &result) != NGX_OK
            || result.rc != NGX_TRIGGERS_RC_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_triggers_store_commit(store, FIXTURE_NONCE, last);
}


static ngx_inline ngx_int_t
fixture_row(void *data, ngx_triggers_row_t *row)
{
    fixture_rows_t *rows = data;

    if (rows->n < FIXTURE_ROWS) {
        rows->seq[rows->n] = row->seq;
        rows->id[rows->n] = fixture_number(row->event.id);
    }

    rows->n++;
    rows->last = *row;

    snprintf(rows->user, sizeof(rows->user), "%.*s",
             (int) row->event.user_id.len, (char *) row->event.user_id.data);
    snprintf(rows->text, sizeof(rows->text), "%.*s",
             (int) row->event.payload.len, (char *) row->event.payload.data);

    return (rows->n == rows->stop) ? NGX_DONE : NGX_OK;
}


/* a query of all owners, newest first; rows are emptied */

static ngx_inline void
fixture_query(ngx_triggers_query_t *query, fixture_rows_t *rows,
    const char *user)
{
    ngx_memzero(query, sizeof(ngx_triggers_query_t));
    ngx_memzero(rows, sizeof(fixture_rows_t));

    query->any_owner = (user == NULL);
    query->limit = 50;
    query->time_limit = 60000;
    query->row = fixture_row;
    query->data = rows;

    if (user) {
        query->user_id.data = (u_char *) user;
        query->user_id.len = strlen(user);
    }
}


/* a statement in a connection of its own; the first column of its last row */

static ngx_inline int64_t
fixture_sql(ngx_str_t *path, const char *sql)
{
    int64_t        value;
    const char    *tail;
    sqlite3       *db;
    sqlite3_stmt  *stmt;

    value = -1;

    if (sqlite3_open((char *) path->data, &db) != SQLITE_OK) {
        sqlite3_close(db);
        return -2;
    }

    (void) sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);

    while (*sql) {
        if (sqlite3_prepare_v2(db, sql, -1, &stmt, &tail) != SQLITE_OK) {
            fprintf(stderr, "# %s: %s\n", sql, sqlite3_errmsg(db));
            break;
        }

        while (sqlite3_step(stmt) == SQLITE_ROW) {
            value = sqlite3_column_int64(stmt, 0);
        }

        (void) sqlite3_finalize(stmt);
        sql = tail;
    }

    (void) sqlite3_close(db);

    return value;
}


#define FIXTURE_LANE                                                          \
    "CASE coalesce(status, 4)"                                                \
    " WHEN 3 THEN CASE WHEN hold THEN 3 ELSE 4 + priority END"                \
    " WHEN 4 THEN CASE WHEN hold THEN 7 WHEN priority = 0 THEN 8"             \
    " WHEN priority = 2 THEN 9 ELSE 10 END"                                   \
    " ELSE status END"

#define FIXTURE_STATUS                                                        \
    "CASE WHEN lane < 3 THEN lane WHEN lane < 7 THEN 3 ELSE 4 END"


/* all tables say the same, and SQLite finds nothing wrong */

static ngx_inline ngx_uint_t
fixture_consistent(ngx_str_t *path)
{
    int64_t  bad;

    bad = fixture_sql(path,
        "SELECT count(*) FROM pragma_integrity_check"
        " WHERE integrity_check <> 'ok'");

    bad += fixture_sql(path,
        "SELECT count(*) FROM (SELECT seq, owner, " FIXTURE_LANE
        " FROM events LEFT JOIN event_state USING (seq)"
        " EXCEPT SELECT seq, owner, lane FROM inbox)");

    bad += fixture_sql(path,
        "SELECT (SELECT count(*) FROM events) <> (SELECT count(*) FROM inbox)"
        " + (SELECT count(*) FROM event_state"
        "    WHERE seq NOT IN (SELECT seq FROM events))");

    bad += fixture_sql(path,
        "SELECT count(*) FROM (SELECT owner, lane, seq FROM inbox"
        " WHERE seq <= (SELECT merged_through FROM store)"
        " EXCEPT SELECT owner, lane, seq FROM owner_inbox)");

    bad += fixture_sql(path,
        "SELECT (SELECT count(*) FROM owner_inbox)"
        " <> (SELECT count(*) FROM inbox"
        "     WHERE seq <= (SELECT merged_through FROM store))");

    bad += fixture_sql(path,
        "SELECT count(*) FROM (SELECT owner, " FIXTURE_STATUS ", count(*)"
        " FROM inbox"
        " GROUP BY 1, 2"
        " UNION SELECT 0, " FIXTURE_STATUS ", count(*) FROM inbox"
        " GROUP BY 2 EXCEPT SELECT owner, status, n FROM counts)");

    bad += fixture_sql(path,
        "SELECT (SELECT coalesce(sum(n), 0) FROM counts WHERE owner > 0)"
        " <> (SELECT count(*) FROM inbox)");

    bad += fixture_sql(path,
        "SELECT count(*) FROM event_state WHERE (hold = 1) <> (lease IS NOT"
        " NULL) OR (hold = 1) <> (leased_until IS NOT NULL)"
        " OR (hold IN (2, 4)) <> (due_at IS NOT NULL)"
        " OR (status < 3) <> (done_at IS NOT NULL)"
        " OR (status < 3 AND hold <> 0)");

    bad += fixture_sql(path,
        "SELECT count(*) FROM (SELECT lease, remaining, until FROM leases"
        " EXCEPT SELECT lease, count(*), leased_until FROM event_state"
        " WHERE lease IS NOT NULL GROUP BY 1, 3)");

    bad += fixture_sql(path,
        "SELECT count(*) FROM event_state WHERE lease IS NOT NULL"
        " AND lease NOT IN (SELECT lease FROM leases)");

    bad += fixture_sql(path,
        "WITH d (at, kind, ref) AS (SELECT until, 1, lease FROM leases"
        " UNION ALL SELECT due_at, 2, seq FROM event_state"
        " WHERE due_at IS NOT NULL) "
        "SELECT (SELECT count(*) FROM (SELECT * FROM d EXCEPT"
        " SELECT at, kind, ref FROM due))"
        " + (SELECT count(*) FROM (SELECT at, kind, ref FROM due EXCEPT"
        " SELECT * FROM d))");

    bad += fixture_sql(path,
        "SELECT count(*) FROM (SELECT done_at, seq FROM event_state"
        " WHERE done_at IS NOT NULL EXCEPT SELECT at, seq FROM done)");

    bad += fixture_sql(path,
        "WITH o (owner, ordering_key, seq, active) AS (SELECT owner,"
        " ordering_key, seq, coalesce(hold, 0) <> 3 FROM events"
        " LEFT JOIN event_state USING (seq) WHERE ordering_key IS NOT NULL"
        " AND coalesce(status, 4) > 2 AND coalesce(hold, 0) NOT IN (4, 5)) "
        "SELECT (SELECT count(*) FROM (SELECT * FROM o EXCEPT"
        " SELECT owner, ordering_key, seq, active FROM ordering))"
        " + (SELECT (SELECT count(*) FROM o)"
        "    <> (SELECT count(*) FROM ordering))"
        " + (SELECT count(*) FROM (SELECT 1 FROM ordering"
        "    GROUP BY owner, ordering_key HAVING sum(active) <> 1))"
        " + (SELECT count(*) FROM event_state JOIN events USING (seq)"
        "    WHERE hold = 3 AND ordering_key IS NULL)");

    bad += fixture_sql(path,
        "SELECT count(*) FROM attempts"
        " WHERE seq NOT IN (SELECT seq FROM events)");

    return bad == 0;
}


#endif /* _STORE_FIXTURE_H_INCLUDED_ */
