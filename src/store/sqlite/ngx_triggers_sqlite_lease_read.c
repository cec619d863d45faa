
/*
 * The SQLite store: reading a lease back.  Which of the events that it was
 * given for are still in it is said by their states.
 */


#include "ngx_triggers_sqlite.h"


static ngx_int_t ngx_triggers_sqlite_lease_events(
    ngx_triggers_reader_t *reader, sqlite3_stmt *lease,
    ngx_triggers_row_pt handler, void *data);
static ngx_int_t ngx_triggers_sqlite_lease_event_read(
    ngx_triggers_reader_t *reader, int64_t number, int64_t seq,
    ngx_triggers_row_pt handler, void *data);


ngx_int_t
ngx_triggers_reader_lease(ngx_triggers_reader_t *reader, ngx_str_t *user_id,
    ngx_uint_t any_owner, u_char *id, ngx_triggers_row_pt handler, void *data)
{
    int            code;
    ngx_str_t      owner;
    ngx_int_t      rc;
    sqlite3_stmt  *stmt;

    if (ngx_triggers_sqlite_reader_moved(reader) != NGX_OK) {
        return NGX_ERROR;
    }

    /* an open statement is a snapshot for those that are run meanwhile */

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_LEASE];

    sqlite3_bind_blob(stmt, 1, id, NGX_TRIGGERS_ID_LEN, SQLITE_STATIC);

    rc = NGX_DECLINED;
    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        ngx_triggers_sqlite_column_text(stmt, 2, &owner);

        /* that of an admin has no owner */

        if (any_owner
            || (owner.data && ngx_triggers_sqlite_is_owner(&owner, user_id)))
        {
            rc = ngx_triggers_sqlite_lease_events(reader, stmt, handler, data);
        }
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    if (rc == NGX_OK) {
        reader->error = SQLITE_OK;
    }

    return rc;
}


static ngx_int_t
ngx_triggers_sqlite_lease_events(ngx_triggers_reader_t *reader,
    sqlite3_stmt *lease, ngx_triggers_row_pt handler, void *data)
{
    int            i, n;
    int64_t        number;
    uint64_t       seq;
    ngx_int_t      rc;
    ngx_uint_t     j;
    const u_char  *p;

    number = sqlite3_column_int64(lease, 0);
    p = sqlite3_column_blob(lease, 1);
    n = sqlite3_column_bytes(lease, 1) / 8;

    for (i = 0; i < n; i++) {
        seq = 0;

        for (j = 0; j < 8; j++) {
            seq = seq << 8 | *p++;
        }

        rc = ngx_triggers_sqlite_lease_event_read(reader, number,
                                                  (int64_t) seq, handler,
                                                  data);
        if (rc != NGX_OK) {
            return (rc == NGX_DONE) ? NGX_OK : rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_sqlite_lease_event_read(ngx_triggers_reader_t *reader,
    int64_t number, int64_t seq, ngx_triggers_row_pt handler, void *data)
{
    int                  code;
    ngx_int_t            rc;
    sqlite3_stmt        *stmt;
    ngx_triggers_row_t   row;

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_LEASED];

    sqlite3_bind_int64(stmt, 1, seq);
    sqlite3_bind_int64(stmt, 2, number);

    rc = NGX_OK;
    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        ngx_triggers_sqlite_row(stmt, &row);
        rc = handler(data, &row);
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    return rc;
}
