
/*
 * The logs database: reading, newest first.  Rows are walked by the index that
 * leaves most of them out, and what else is asked for is looked at in each, so
 * that the time that a page takes can be limited: when it is over the page
 * ends where the walk has come to, and the next one goes on from there.
 *
 * The times of all rows up to one never go back as log_id grows (see
 * sql/logs/0001_logs.sql), so "since" is turned into a bound of log_id by
 * binary search, which needs no index.
 */


#include "ngx_triggers_sqlite_logs.h"


/* the columns of NGX_TRIGGERS_LOGS_ROW */

typedef enum {
    NGX_TRIGGERS_LOGS_ID = 0,
    NGX_TRIGGERS_LOGS_AT,
    NGX_TRIGGERS_LOGS_KIND,
    NGX_TRIGGERS_LOGS_LEVEL,
    NGX_TRIGGERS_LOGS_STATUS,
    NGX_TRIGGERS_LOGS_LATENCY,
    NGX_TRIGGERS_LOGS_USER,
    NGX_TRIGGERS_LOGS_KEY,
    NGX_TRIGGERS_LOGS_REQUEST,
    NGX_TRIGGERS_LOGS_CORRELATION_ID,
    NGX_TRIGGERS_LOGS_EVENT,
    NGX_TRIGGERS_LOGS_TRACE,
    NGX_TRIGGERS_LOGS_ERROR,
    NGX_TRIGGERS_LOGS_MESSAGE
} ngx_triggers_sqlite_logs_column_e;


typedef struct {
    ngx_triggers_reader_t      *reader;
    ngx_triggers_logs_query_t  *query;
    ngx_uint_t                  rows;          /* of the page */
    unsigned                    full:1;        /* the page has ended */
    unsigned                    late:1;        /* the time is over */
} ngx_triggers_sqlite_logs_walk_t;


static ngx_int_t ngx_triggers_sqlite_logs_page(
    ngx_triggers_sqlite_logs_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_logs_since(
    ngx_triggers_sqlite_logs_walk_t *walk, int64_t *first);
static sqlite3_stmt *ngx_triggers_sqlite_logs_select(
    ngx_triggers_sqlite_logs_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_logs_walk(
    ngx_triggers_sqlite_logs_walk_t *walk, sqlite3_stmt *stmt);
static ngx_int_t ngx_triggers_sqlite_logs_row(
    ngx_triggers_sqlite_logs_walk_t *walk, sqlite3_stmt *stmt);
static ngx_uint_t ngx_triggers_sqlite_logs_match(
    ngx_triggers_logs_query_t *query, ngx_triggers_logs_row_t *row);
static ngx_uint_t ngx_triggers_sqlite_logs_find(ngx_str_t *text,
    ngx_str_t *value);
static ngx_uint_t ngx_triggers_sqlite_logs_blob(sqlite3_stmt *stmt, int n,
    u_char *dst, size_t len);


#define NGX_TRIGGERS_LOGS_ROW                                                 \
    "SELECT log_id, at, kind, level, status, latency, user_id, key_id, "      \
        "request_id, correlation_id, event_id, trace_id, error, message "     \
        "FROM logs "

#define NGX_TRIGGERS_LOGS_ORDER                                               \
    "log_id < ?1 AND log_id >= ?2 ORDER BY log_id DESC"


/* in the order of ngx_triggers_sqlite_logs_read_e */

static const char *const  ngx_triggers_sqlite_logs_read_statements[] = {

    "BEGIN",

    "COMMIT",

    "SELECT coalesce(latest, at) FROM logs WHERE log_id >= ?1 "
        "ORDER BY log_id LIMIT 1",

    "SELECT max(log_id) FROM logs",

    NGX_TRIGGERS_LOGS_ROW "WHERE " NGX_TRIGGERS_LOGS_ORDER,

    NGX_TRIGGERS_LOGS_ROW "INDEXED BY logs_warn "
        "WHERE level >= 2 AND " NGX_TRIGGERS_LOGS_ORDER,

    NGX_TRIGGERS_LOGS_ROW "INDEXED BY logs_owner "
        "WHERE user_id = ?3 AND " NGX_TRIGGERS_LOGS_ORDER,

    NGX_TRIGGERS_LOGS_ROW "INDEXED BY logs_event "
        "WHERE event_id = ?3 AND " NGX_TRIGGERS_LOGS_ORDER,

    NGX_TRIGGERS_LOGS_ROW "INDEXED BY logs_correlation "
        "WHERE correlation_id = ?3 AND " NGX_TRIGGERS_LOGS_ORDER,

    "SELECT minute, times, elapsed, requests, errors, accepted, "
        "acknowledged, delivered, failed, retried, attempts, "
        "failed_attempts, commits, pending, retrying, dead, queued "
        "FROM minutes INDEXED BY minutes_minute "
        "WHERE minute >= ?1 AND minute < ?2 ORDER BY minute, n"
};


ngx_triggers_logs_reader_t *
ngx_triggers_logs_reader_open(ngx_str_t *path, ngx_log_t *log)
{
    ngx_file_info_t  fi;

    if (ngx_file_info(path->data, &fi) == NGX_FILE_ERROR) {

        /* where nothing has been logged yet there is nothing to complain of */

        if (ngx_errno == NGX_ENOENT) {
            return NULL;
        }

    } else if (!ngx_is_file(&fi)) {

        /* to open a pipe would wait for somebody to write there */

        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "triggers logs \"%V\": it is not a file", path);
        return NULL;
    }

    return (ngx_triggers_logs_reader_t *)
               ngx_triggers_sqlite_reader_open(path, NGX_TRIGGERS_SQLITE_LOGS,
                                      ngx_triggers_sqlite_logs_read_statements,
                                      NGX_TRIGGERS_LOGS_NREAD, log);
}


void
ngx_triggers_logs_reader_close(ngx_triggers_logs_reader_t *reader)
{
    ngx_triggers_reader_close(&reader->reader);
}


ngx_uint_t
ngx_triggers_logs_reader_failed(ngx_triggers_logs_reader_t *reader)
{
    return reader->reader.error != SQLITE_OK;
}


ngx_int_t
ngx_triggers_logs_read(ngx_triggers_logs_reader_t *reader,
    ngx_triggers_logs_query_t *query)
{
    ngx_int_t                        rc;
    ngx_triggers_sqlite_logs_walk_t  walk;

    ngx_memzero(&walk, sizeof(ngx_triggers_sqlite_logs_walk_t));

    walk.reader = &reader->reader;
    walk.query = query;

    query->has_more = 0;
    query->last = query->before;

    rc = ngx_triggers_sqlite_reader_begin(walk.reader, query->time_limit);

    if (rc == NGX_OK) {
        rc = ngx_triggers_sqlite_reader_end(walk.reader,
                                       ngx_triggers_sqlite_logs_page(&walk));
    }

    if (rc == NGX_OK && walk.late) {
        query->has_more = 1;
        return walk.rows ? NGX_OK : NGX_DECLINED;
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_triggers_sqlite_logs_page(ngx_triggers_sqlite_logs_walk_t *walk)
{
    int64_t                     first;
    ngx_int_t                   rc;
    sqlite3_stmt               *stmt;
    ngx_triggers_logs_query_t  *query;

    query = walk->query;
    first = 0;

    if (query->since > 0) {
        rc = ngx_triggers_sqlite_logs_since(walk, &first);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    stmt = ngx_triggers_sqlite_logs_select(walk);

    sqlite3_bind_int64(stmt, 1, query->before ? query->before : INT64_MAX);
    sqlite3_bind_int64(stmt, 2, first);

    rc = ngx_triggers_sqlite_logs_walk(walk, stmt);

    (void) sqlite3_reset(stmt);

    return rc;
}


/* *first: what is before it is older, of the others some may be */

static ngx_int_t
ngx_triggers_sqlite_logs_since(ngx_triggers_sqlite_logs_walk_t *walk,
    int64_t *first)
{
    int            rc;
    int64_t        newest;
    sqlite3_stmt  *stmt;

    newest = 0;
    stmt = walk->reader->stmt[NGX_TRIGGERS_LOGS_READ_NEWEST];

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        newest = sqlite3_column_int64(stmt, 0);
        rc = SQLITE_OK;
    }

    (void) sqlite3_reset(stmt);

    if (rc == SQLITE_OK) {
        stmt = walk->reader->stmt[NGX_TRIGGERS_LOGS_READ_TIME];
        rc = ngx_triggers_sqlite_search(stmt, 1, newest + 1,
                                        walk->query->since, first);
    }

    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_reader_error(walk->reader, rc, "SELECT");
    }

    return NGX_OK;
}


/* an owner's own come before warnings, of which others may have any number */

static sqlite3_stmt *
ngx_triggers_sqlite_logs_select(ngx_triggers_sqlite_logs_walk_t *walk)
{
    sqlite3_stmt               **stmt;
    ngx_triggers_logs_query_t   *query;

    query = walk->query;
    stmt = walk->reader->stmt;

    if (query->event_id) {
        stmt += NGX_TRIGGERS_LOGS_READ_EVENT;
        (void) sqlite3_bind_blob(*stmt, 3, query->event_id,
                                 NGX_TRIGGERS_ID_LEN, SQLITE_STATIC);

    } else if (query->correlation_id.data) {
        stmt += NGX_TRIGGERS_LOGS_READ_CORRELATION;
        (void) ngx_triggers_sqlite_bind_text(*stmt, 3, &query->correlation_id);

    } else if (!query->any_owner) {
        stmt += NGX_TRIGGERS_LOGS_READ_OWNED;
        (void) ngx_triggers_sqlite_bind_text(*stmt, 3, &query->user_id);

    } else if (query->level >= NGX_TRIGGERS_LEVEL_WARN) {
        stmt += NGX_TRIGGERS_LOGS_READ_WARN;

    } else {
        stmt += NGX_TRIGGERS_LOGS_READ_ALL;
    }

    return *stmt;
}


/* looks for one row more than the page has, to know that there is one */

static ngx_int_t
ngx_triggers_sqlite_logs_walk(ngx_triggers_sqlite_logs_walk_t *walk,
    sqlite3_stmt *stmt)
{
    int        code;
    ngx_int_t  rc;

    for ( ;; ) {

        if (ngx_triggers_sqlite_reader_time(walk->reader, 4) != NGX_OK) {
            walk->late = 1;
            return NGX_OK;
        }

        code = sqlite3_step(stmt);

        if (code == SQLITE_DONE) {
            return NGX_OK;
        }

        if (code != SQLITE_ROW) {
            return ngx_triggers_sqlite_reader_error(walk->reader, code,
                                                    "SELECT");
        }

        rc = ngx_triggers_sqlite_logs_row(walk, stmt);

        if (rc == NGX_DONE) {
            walk->query->has_more = 1;
            return NGX_OK;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


/* NGX_DONE: it is the first one behind the page */

static ngx_int_t
ngx_triggers_sqlite_logs_row(ngx_triggers_sqlite_logs_walk_t *walk,
    sqlite3_stmt *stmt)
{
    ngx_int_t                   rc;
    ngx_triggers_entry_t       *entry;
    ngx_triggers_logs_row_t     row;
    ngx_triggers_logs_query_t  *query;

    query = walk->query;
    entry = &row.entry;

    ngx_memzero(&row, sizeof(ngx_triggers_logs_row_t));

    row.number = sqlite3_column_int64(stmt, NGX_TRIGGERS_LOGS_ID);

    entry->time = sqlite3_column_int64(stmt, NGX_TRIGGERS_LOGS_AT);
    entry->kind = (ngx_uint_t) sqlite3_column_int64(stmt,
                                                    NGX_TRIGGERS_LOGS_KIND);
    entry->level = (ngx_uint_t) sqlite3_column_int64(stmt,
                                                     NGX_TRIGGERS_LOGS_LEVEL);
    entry->status = (ngx_uint_t) sqlite3_column_int64(stmt,
                                                    NGX_TRIGGERS_LOGS_STATUS);
    entry->latency = (uint64_t) sqlite3_column_int64(stmt,
                                                   NGX_TRIGGERS_LOGS_LATENCY);

    ngx_triggers_sqlite_column_text(stmt, NGX_TRIGGERS_LOGS_USER,
                                    &entry->user_id);
    ngx_triggers_sqlite_column_text(stmt, NGX_TRIGGERS_LOGS_KEY,
                                    &entry->key_id);
    ngx_triggers_sqlite_column_text(stmt, NGX_TRIGGERS_LOGS_REQUEST,
                                    &entry->request_id);
    ngx_triggers_sqlite_column_text(stmt, NGX_TRIGGERS_LOGS_CORRELATION_ID,
                                    &entry->correlation_id);
    ngx_triggers_sqlite_column_text(stmt, NGX_TRIGGERS_LOGS_ERROR,
                                    &entry->error);
    ngx_triggers_sqlite_column_text(stmt, NGX_TRIGGERS_LOGS_MESSAGE,
                                    &entry->message);

    if (entry->request_id.data == NULL) {
        entry->request_id = entry->correlation_id;
    }

    entry->has_event_id = ngx_triggers_sqlite_logs_blob(stmt,
                            NGX_TRIGGERS_LOGS_EVENT, entry->event_id,
                            NGX_TRIGGERS_ID_LEN);
    entry->has_trace_id = ngx_triggers_sqlite_logs_blob(stmt,
                            NGX_TRIGGERS_LOGS_TRACE, entry->trace_id,
                            NGX_TRIGGERS_TRACE_ID_LEN);

    rc = NGX_OK;

    if (ngx_triggers_sqlite_logs_match(query, &row)) {

        if (walk->full) {
            return NGX_DONE;
        }

        rc = query->handler(query->data, &row);

        walk->rows++;
        walk->full = (rc == NGX_DONE || walk->rows == query->limit);
    }

    query->last = row.number;

    return (rc == NGX_DONE) ? NGX_OK : rc;
}


static ngx_uint_t
ngx_triggers_sqlite_logs_match(ngx_triggers_logs_query_t *query,
    ngx_triggers_logs_row_t *row)
{
    ngx_triggers_entry_t  *entry;

    entry = &row->entry;

    if (entry->level >= NGX_TRIGGERS_NLEVELS || entry->level < query->level
        || entry->kind > NGX_TRIGGERS_ENTRY_BACKGROUND
        || entry->time < query->since)
    {
        return 0;
    }

    if (!query->any_owner
        && (entry->user_id.data == NULL
            || !ngx_triggers_sqlite_equal(&entry->user_id, &query->user_id)))
    {
        return 0;
    }

    if (query->event_id
        && (!entry->has_event_id
            || ngx_memcmp(entry->event_id, query->event_id,
                          NGX_TRIGGERS_ID_LEN)
               != 0))
    {
        return 0;
    }

    if (query->correlation_id.data
        && !ngx_triggers_sqlite_equal(&entry->correlation_id,
                                      &query->correlation_id))
    {
        return 0;
    }

    return query->text.data == NULL
           || ngx_triggers_sqlite_logs_find(&query->text, &entry->message)
           || ngx_triggers_sqlite_logs_find(&query->text, &entry->error)
           || ngx_triggers_sqlite_logs_find(&query->text, &entry->request_id);
}


static ngx_uint_t
ngx_triggers_sqlite_logs_find(ngx_str_t *text, ngx_str_t *value)
{
    if (text->len == 0) {
        return 1;
    }

    return value->len >= text->len
           && ngx_strlcasestrn(value->data, value->data + value->len,
                               text->data, text->len - 1)
              != NULL;
}


static ngx_uint_t
ngx_triggers_sqlite_logs_blob(sqlite3_stmt *stmt, int n, u_char *dst,
    size_t len)
{
    ngx_str_t  blob;

    ngx_triggers_sqlite_column_blob(stmt, n, &blob);

    if (blob.len != len) {
        return 0;
    }

    ngx_memcpy(dst, blob.data, len);

    return 1;
}
