
/*
 * The SQLite store: attempts, which are the history of what was tried with an
 * event and did not end it for good: pushes, leases that were given back or
 * ran out, steps that failed.
 */


#include "ngx_triggers_sqlite.h"


static void ngx_triggers_sqlite_attempt_id(sqlite3_stmt *stmt, int n,
    u_char *id);


int
ngx_triggers_sqlite_attempt_add(ngx_triggers_store_t *store, int64_t seq,
    int64_t webhook, ngx_triggers_attempt_t *attempt)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_ATTEMPT_ADD];

    sqlite3_clear_bindings(stmt);

    sqlite3_bind_int64(stmt, 1, seq);
    sqlite3_bind_int64(stmt, 2, attempt->at);

    if (webhook) {
        sqlite3_bind_int64(stmt, 3, webhook);
    }

    sqlite3_bind_int64(stmt, 4, (int64_t) attempt->outcome);

    if (attempt->status_code) {
        sqlite3_bind_int64(stmt, 5, (int64_t) attempt->status_code);
    }

    if (attempt->duration >= 0) {
        sqlite3_bind_int64(stmt, 6, attempt->duration);
    }

    rc = ngx_triggers_sqlite_bind_text(stmt, 7, &attempt->error);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_exec(stmt);
}


ngx_int_t
ngx_triggers_reader_attempts(ngx_triggers_reader_t *reader, int64_t seq,
    ngx_triggers_attempt_pt handler, void *data)
{
    int                     code;
    ngx_int_t               rc;
    sqlite3_stmt           *stmt;
    ngx_triggers_attempt_t  attempt;

    if (ngx_triggers_sqlite_reader_moved(reader) != NGX_OK) {
        return NGX_ERROR;
    }

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_ATTEMPTS];

    sqlite3_bind_int64(stmt, 1, seq);

    rc = NGX_OK;

    for ( ;; ) {
        code = sqlite3_step(stmt);

        if (code != SQLITE_ROW) {
            break;
        }

        ngx_triggers_sqlite_attempt_row(stmt, &attempt);

        rc = handler(data, &attempt);
        if (rc != NGX_OK) {
            break;
        }
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    reader->error = SQLITE_OK;

    return (rc == NGX_DONE) ? NGX_OK : rc;
}


void
ngx_triggers_sqlite_attempt_row(sqlite3_stmt *stmt,
    ngx_triggers_attempt_t *attempt)
{
    ngx_memzero(attempt, sizeof(ngx_triggers_attempt_t));

    attempt->number = sqlite3_column_int64(stmt, 0);
    attempt->at = sqlite3_column_int64(stmt, 1);
    attempt->outcome = (ngx_uint_t) sqlite3_column_int64(stmt, 2);
    attempt->status_code = (ngx_uint_t) sqlite3_column_int64(stmt, 3);

    attempt->duration = (sqlite3_column_type(stmt, 4) == SQLITE_NULL)
                            ? -1 : sqlite3_column_int64(stmt, 4);

    ngx_triggers_sqlite_column_text(stmt, 5, &attempt->error);
    ngx_triggers_sqlite_attempt_id(stmt, 6, attempt->event_id);
    ngx_triggers_sqlite_column_text(stmt, 7, &attempt->url);
    ngx_triggers_sqlite_attempt_id(stmt, 8, attempt->webhook_id);

    attempt->pushed = (ngx_uint_t) sqlite3_column_int64(stmt, 9);
}


static void
ngx_triggers_sqlite_attempt_id(sqlite3_stmt *stmt, int n, u_char *id)
{
    if (sqlite3_column_bytes(stmt, n) == NGX_TRIGGERS_ID_LEN) {
        ngx_memcpy(id, sqlite3_column_blob(stmt, n), NGX_TRIGGERS_ID_LEN);
    }
}
