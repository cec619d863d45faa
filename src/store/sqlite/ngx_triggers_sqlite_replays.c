
/*
 * The SQLite store: what idempotency keys stand for, for batches, whose
 * results have no room to tell it.  The writer finds the keys that are not
 * indexed yet in memory; a reader walks them, from the newest, once for all
 * keys it is asked for.
 */


#include "ngx_triggers_sqlite.h"


typedef struct {
    ngx_triggers_replay_t      **replays;      /* sorted by their hash */
    ngx_uint_t                   n;
    ngx_uint_t                   found;
} ngx_triggers_sqlite_replays_t;


static int ngx_triggers_sqlite_replays_find(ngx_triggers_reader_t *reader,
    ngx_triggers_sqlite_replays_t *r);
static int ngx_triggers_sqlite_replays_tail(ngx_triggers_reader_t *reader,
    ngx_triggers_sqlite_replays_t *r);
static int ngx_triggers_sqlite_replays_index(ngx_triggers_reader_t *reader,
    ngx_triggers_sqlite_replays_t *r, ngx_triggers_replay_t *replay);
static void ngx_triggers_sqlite_replays_row(sqlite3_stmt *stmt,
    ngx_triggers_sqlite_replays_t *r);
static int ngx_triggers_sqlite_replays_compare(const void *one,
    const void *two);


ngx_int_t
ngx_triggers_reader_replays(ngx_triggers_reader_t *reader,
    ngx_triggers_replay_t **replays, ngx_uint_t n)
{
    int                            rc, end;
    ngx_uint_t                     i;
    ngx_triggers_sqlite_replays_t  r;

    r.replays = replays;
    r.n = n;
    r.found = 0;

    for (i = 0; i < n; i++) {
        replays[i]->created_at = 0;
    }

    qsort(replays, n, sizeof(ngx_triggers_replay_t *),
          ngx_triggers_sqlite_replays_compare);

    rc = ngx_triggers_sqlite_exec(reader->stmt[NGX_TRIGGERS_SQLITE_READ_BEGIN]);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_replays_find(reader, &r);
        end = ngx_triggers_sqlite_exec(
                                   reader->stmt[NGX_TRIGGERS_SQLITE_READ_END]);
        rc = (rc == SQLITE_OK) ? end : rc;
    }

    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_reader_error(reader, rc, "SELECT");
    }

    return NGX_OK;
}


static int
ngx_triggers_sqlite_replays_find(ngx_triggers_reader_t *reader,
    ngx_triggers_sqlite_replays_t *r)
{
    int         rc;
    ngx_uint_t  i;

    rc = ngx_triggers_sqlite_replays_tail(reader, r);

    for (i = 0; i < r->n && rc == SQLITE_OK; i++) {

        if (r->replays[i]->created_at == 0) {
            rc = ngx_triggers_sqlite_replays_index(reader, r, r->replays[i]);
        }
    }

    return rc;
}


static int
ngx_triggers_sqlite_replays_tail(ngx_triggers_reader_t *reader,
    ngx_triggers_sqlite_replays_t *r)
{
    int            rc;
    int64_t        through;
    sqlite3_stmt  *stmt;

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_INDEXED];

    rc = sqlite3_step(stmt);
    through = sqlite3_column_int64(stmt, 0);

    (void) sqlite3_reset(stmt);

    if (rc != SQLITE_ROW) {
        return (rc == SQLITE_DONE) ? SQLITE_CORRUPT : rc;
    }

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_TAIL];
    sqlite3_bind_int64(stmt, 1, through);

    while (r->found < r->n && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        ngx_triggers_sqlite_replays_row(stmt, r);
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static int
ngx_triggers_sqlite_replays_index(ngx_triggers_reader_t *reader,
    ngx_triggers_sqlite_replays_t *r, ngx_triggers_replay_t *replay)
{
    int            rc;
    int64_t        hash;
    sqlite3_stmt  *stmt;

    ngx_memcpy(&hash, replay->key_hash, sizeof(hash));

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_KEY];
    sqlite3_bind_int64(stmt, 1, hash);

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        ngx_triggers_sqlite_replays_row(stmt, r);
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


/* a row goes to those who ask for its key and have no later one */

static void
ngx_triggers_sqlite_replays_row(sqlite3_stmt *stmt,
    ngx_triggers_sqlite_replays_t *r)
{
    ngx_uint_t              i;
    ngx_triggers_replay_t   key, *wanted, **first;

    if (sqlite3_column_bytes(stmt, 0) != NGX_TRIGGERS_KEY_HASH_LEN
        || sqlite3_column_bytes(stmt, 1) != NGX_TRIGGERS_ID_LEN)
    {
        return;
    }

    ngx_memcpy(key.key_hash, sqlite3_column_blob(stmt, 0),
               NGX_TRIGGERS_KEY_HASH_LEN);
    wanted = &key;

    first = bsearch(&wanted, r->replays, r->n,
                    sizeof(ngx_triggers_replay_t *),
                    ngx_triggers_sqlite_replays_compare);
    if (first == NULL) {
        return;
    }

    /* several items may have one key */

    while (first > r->replays
           && ngx_triggers_sqlite_replays_compare(first - 1, &wanted) == 0)
    {
        first--;
    }

    for (i = first - r->replays;
         i < r->n
         && ngx_triggers_sqlite_replays_compare(&r->replays[i], &wanted) == 0;
         i++)
    {
        if (r->replays[i]->created_at == 0) {
            ngx_memcpy(r->replays[i]->id, sqlite3_column_blob(stmt, 1),
                       NGX_TRIGGERS_ID_LEN);
            r->replays[i]->created_at = sqlite3_column_int64(stmt, 2);
            r->found++;
        }
    }
}


static int
ngx_triggers_sqlite_replays_compare(const void *one, const void *two)
{
    ngx_triggers_replay_t *const *a = one;
    ngx_triggers_replay_t *const *b = two;

    return ngx_memcmp((*a)->key_hash, (*b)->key_hash,
                      NGX_TRIGGERS_KEY_HASH_LEN);
}
