
/*
 * The logs database: reading the minutes of the history.
 */


#include "ngx_triggers_sqlite_logs.h"


#define NGX_TRIGGERS_LOGS_MINUTE_TICKS  4      /* see …_reader_time() */


/* its columns; behind these are the values */

typedef enum {
    NGX_TRIGGERS_LOGS_MINUTE_BEGIN = 0,
    NGX_TRIGGERS_LOGS_MINUTE_TIMES,
    NGX_TRIGGERS_LOGS_MINUTE_ELAPSED,
    NGX_TRIGGERS_LOGS_MINUTE_FIRST
} ngx_triggers_sqlite_logs_minute_e;


static ngx_int_t ngx_triggers_sqlite_logs_minutes(
    ngx_triggers_reader_t *reader, ngx_triggers_minutes_query_t *query);
static void ngx_triggers_sqlite_logs_minute(sqlite3_stmt *stmt,
    ngx_triggers_minute_t *minute);


ngx_int_t
ngx_triggers_logs_read_minutes(ngx_triggers_logs_reader_t *reader,
    ngx_triggers_minutes_query_t *query)
{
    ngx_int_t  rc;

    rc = ngx_triggers_sqlite_reader_begin(&reader->reader, query->time_limit);

    if (rc == NGX_OK) {
        rc = ngx_triggers_sqlite_reader_end(&reader->reader,
                   ngx_triggers_sqlite_logs_minutes(&reader->reader, query));
    }

    return rc;
}


static ngx_int_t
ngx_triggers_sqlite_logs_minutes(ngx_triggers_reader_t *reader,
    ngx_triggers_minutes_query_t *query)
{
    int                     code;
    ngx_int_t               rc;
    sqlite3_stmt           *stmt;
    ngx_triggers_minute_t   minute;

    stmt = reader->stmt[NGX_TRIGGERS_LOGS_READ_MINUTES];

    sqlite3_bind_int64(stmt, 1, query->from);
    sqlite3_bind_int64(stmt, 2, query->to);

    code = SQLITE_OK;

    do {
        rc = ngx_triggers_sqlite_reader_time(reader,
                                             NGX_TRIGGERS_LOGS_MINUTE_TICKS);
        if (rc != NGX_OK) {
            break;
        }

        code = sqlite3_step(stmt);

        if (code != SQLITE_ROW) {
            break;
        }

        ngx_triggers_sqlite_logs_minute(stmt, &minute);

        rc = query->handler(query->data, &minute);

    } while (rc == NGX_OK);

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    return (rc == NGX_DONE) ? NGX_OK : rc;
}


/* its histograms are the statement's, until the next step */

static void
ngx_triggers_sqlite_logs_minute(sqlite3_stmt *stmt,
    ngx_triggers_minute_t *minute)
{
    int         column;
    ngx_uint_t  i;

    minute->minute = sqlite3_column_int64(stmt,
                                          NGX_TRIGGERS_LOGS_MINUTE_BEGIN);
    minute->elapsed = (uint64_t) sqlite3_column_int64(stmt,
                                          NGX_TRIGGERS_LOGS_MINUTE_ELAPSED);

    ngx_triggers_sqlite_column_blob(stmt, NGX_TRIGGERS_LOGS_MINUTE_TIMES,
                                    &minute->times);

    for (i = 0; i < NGX_TRIGGERS_MINUTE_VALUES; i++) {
        column = NGX_TRIGGERS_LOGS_MINUTE_FIRST + (int) i;
        minute->values[i] = (uint64_t) sqlite3_column_int64(stmt, column);
    }
}
