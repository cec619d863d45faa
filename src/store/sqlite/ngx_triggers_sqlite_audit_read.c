
/*
 * The SQLite store: reading the audit, newest first.  Two sources are merged
 * by their place (at, n): the rows of "audit", and the events that are there,
 * each of which says when it was created.  The rows are walked one by one, the
 * events by the walk that pages of the inbox use.
 *
 * What a filter leaves out is walked over, since no index has all that can be
 * asked for.  When the time is over the page ends where the walk has come to,
 * and the next one goes on from there.
 */


#include "ngx_triggers_sqlite.h"


/* the number of an event as the second part of its entry's place */

#define ngx_triggers_sqlite_audit_n(seq)    ((seq) - 4611686018427387904LL)
#define ngx_triggers_sqlite_audit_of(n)     ((n) + 4611686018427387904LL)


typedef struct {
    ngx_triggers_reader_t         *reader;
    ngx_triggers_audit_query_t    *query;

    int64_t                        owner;      /* 0: all */
    int64_t                        at;         /* only what is before … */
    int64_t                        n;          /* … this place */

    sqlite3_stmt                  *rows;       /* NULL: ended */
    ngx_uint_t                     entries;    /* of the page */
    ngx_uint_t                     looked;     /* flag: at something */
} ngx_triggers_sqlite_audit_walk_t;


static ngx_int_t ngx_triggers_sqlite_audit_page(
    ngx_triggers_sqlite_audit_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_audit_owner(
    ngx_triggers_sqlite_audit_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_audit_open(
    ngx_triggers_sqlite_audit_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_audit_step(
    ngx_triggers_sqlite_audit_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_audit_derived(
    ngx_triggers_sqlite_audit_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_audit_events(
    ngx_triggers_sqlite_audit_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_audit_by_id(
    ngx_triggers_sqlite_audit_walk_t *walk);
static ngx_int_t ngx_triggers_sqlite_audit_by_seq(void *data, int64_t seq);
static ngx_int_t ngx_triggers_sqlite_audit_rows(
    ngx_triggers_sqlite_audit_walk_t *walk, int64_t at, int64_t n);
static ngx_int_t ngx_triggers_sqlite_audit_entry(
    ngx_triggers_sqlite_audit_walk_t *walk, sqlite3_stmt *stmt);


ngx_int_t
ngx_triggers_reader_audit(ngx_triggers_reader_t *reader,
    ngx_triggers_audit_query_t *query)
{
    ngx_int_t                         rc;
    ngx_triggers_sqlite_audit_walk_t  walk;

    ngx_memzero(&walk, sizeof(ngx_triggers_sqlite_audit_walk_t));

    walk.reader = reader;
    walk.query = query;
    walk.at = INT64_MAX;
    walk.n = INT64_MAX;

    query->has_more = 0;

    if (query->before_at) {
        walk.at = query->before_at;
        walk.n = query->before_n;
    }

    if (query->to && query->to < walk.at) {
        walk.at = query->to;
        walk.n = INT64_MAX;
    }

    rc = ngx_triggers_sqlite_reader_begin(reader, query->time_limit);

    if (rc == NGX_OK) {
        rc = ngx_triggers_sqlite_reader_end(reader,
                                       ngx_triggers_sqlite_audit_page(&walk));
    }

    return rc;
}


static ngx_int_t
ngx_triggers_sqlite_audit_page(ngx_triggers_sqlite_audit_walk_t *walk)
{
    ngx_int_t                    rc;
    ngx_triggers_audit_query_t  *query;

    query = walk->query;

    if (query->actions == 0) {
        return NGX_OK;
    }

    if (!query->any_owner) {
        rc = ngx_triggers_sqlite_audit_owner(walk);

        if (rc != NGX_OK) {
            return (rc == NGX_DECLINED) ? NGX_OK : rc;
        }
    }

    rc = ngx_triggers_sqlite_audit_open(walk);

    if (rc == NGX_OK) {
        rc = ngx_triggers_sqlite_audit_derived(walk);
    }

    if (rc == NGX_OK) {
        rc = ngx_triggers_sqlite_audit_rows(walk, INT64_MIN, 0);
    }

    if (walk->rows) {
        (void) sqlite3_reset(walk->rows);
    }

    if (rc == NGX_AGAIN && walk->looked) {

        /* the time is over, but it has come somewhere */

        query->has_more = 1;
        return NGX_OK;
    }

    return (rc == NGX_DONE) ? NGX_OK : rc;
}


/* NGX_DECLINED: there is no such owner, who then has no entries */

static ngx_int_t
ngx_triggers_sqlite_audit_owner(ngx_triggers_sqlite_audit_walk_t *walk)
{
    int            code;
    sqlite3_stmt  *stmt;

    stmt = walk->reader->stmt[NGX_TRIGGERS_SQLITE_READ_OWNER];

    (void) ngx_triggers_sqlite_bind_text(stmt, 1, &walk->query->user_id);

    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        walk->owner = sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_reset(stmt);

    if (code == SQLITE_ROW) {
        return NGX_OK;
    }

    if (code == SQLITE_DONE) {
        return NGX_DECLINED;
    }

    return ngx_triggers_sqlite_reader_error(walk->reader, code, "SELECT");
}


/* the rows that are walked, by the index that leaves most of them out */

static ngx_int_t
ngx_triggers_sqlite_audit_open(ngx_triggers_sqlite_audit_walk_t *walk)
{
    ngx_uint_t                   n;
    ngx_triggers_audit_query_t  *query;

    query = walk->query;

    if (query->event_id) {
        n = NGX_TRIGGERS_SQLITE_READ_AUDIT_EVENT;

    } else if (!(query->actions & NGX_TRIGGERS_AUDIT_EVENTS)) {
        n = NGX_TRIGGERS_SQLITE_READ_AUDIT_OTHER;

    } else if (walk->owner) {
        n = NGX_TRIGGERS_SQLITE_READ_AUDIT_OWNED;

    } else {
        n = NGX_TRIGGERS_SQLITE_READ_AUDIT;
    }

    walk->rows = walk->reader->stmt[n];

    sqlite3_bind_int64(walk->rows, 1, walk->at);
    sqlite3_bind_int64(walk->rows, 2, walk->n);
    sqlite3_bind_int64(walk->rows, 3, query->from);

    if (n == NGX_TRIGGERS_SQLITE_READ_AUDIT_EVENT) {
        (void) sqlite3_bind_blob(walk->rows, 4, query->event_id,
                                 NGX_TRIGGERS_ID_LEN, SQLITE_STATIC);

    } else if (n == NGX_TRIGGERS_SQLITE_READ_AUDIT_OWNED) {
        sqlite3_bind_int64(walk->rows, 4, walk->owner);
    }

    return ngx_triggers_sqlite_audit_step(walk);
}


static ngx_int_t
ngx_triggers_sqlite_audit_step(ngx_triggers_sqlite_audit_walk_t *walk)
{
    int  code;

    code = sqlite3_step(walk->rows);

    if (code == SQLITE_ROW) {
        return NGX_OK;
    }

    (void) sqlite3_reset(walk->rows);
    walk->rows = NULL;

    if (code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(walk->reader, code, "SELECT");
    }

    return NGX_OK;
}


/* the entries that events stand for, with the rows that are newer */

static ngx_int_t
ngx_triggers_sqlite_audit_derived(ngx_triggers_sqlite_audit_walk_t *walk)
{
    ngx_triggers_audit_query_t  *query;

    query = walk->query;

    if (!(query->actions & (1 << NGX_TRIGGERS_AUDIT_EVENT_CREATED))) {
        return NGX_OK;
    }

    return query->event_id ? ngx_triggers_sqlite_audit_by_id(walk)
                           : ngx_triggers_sqlite_audit_events(walk);
}


/* created_at does not go back as seq grows, nor does the place */

static ngx_int_t
ngx_triggers_sqlite_audit_events(ngx_triggers_sqlite_audit_walk_t *walk)
{
    ngx_triggers_query_t         query;
    ngx_triggers_audit_query_t  *audit;

    audit = walk->query;

    ngx_memzero(&query, sizeof(ngx_triggers_query_t));

    query.user_id = audit->user_id;
    query.any_owner = audit->any_owner;
    query.from = audit->from;
    query.to = (walk->at == INT64_MAX) ? 0 : walk->at;

    if (walk->n < 0) {
        query.cursor = ngx_triggers_sqlite_audit_of(walk->n);
    }

    return ngx_triggers_sqlite_walk_seqs(walk->reader, &query,
                                         ngx_triggers_sqlite_audit_by_seq,
                                         walk);
}


static ngx_int_t
ngx_triggers_sqlite_audit_by_id(ngx_triggers_sqlite_audit_walk_t *walk)
{
    int            code;
    int64_t        seq;
    sqlite3_stmt  *stmt;

    seq = 0;
    stmt = walk->reader->stmt[NGX_TRIGGERS_SQLITE_READ_AUDIT_SEQ];

    (void) sqlite3_bind_blob(stmt, 1, walk->query->event_id,
                             NGX_TRIGGERS_ID_LEN, SQLITE_STATIC);

    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        seq = sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(walk->reader, code, "SELECT");
    }

    return seq ? ngx_triggers_sqlite_audit_by_seq(walk, seq) : NGX_OK;
}


static ngx_int_t
ngx_triggers_sqlite_audit_by_seq(void *data, int64_t seq)
{
    ngx_triggers_sqlite_audit_walk_t *walk = data;

    int            code;
    int64_t        at, n;
    ngx_int_t      rc;
    sqlite3_stmt  *stmt;

    rc = NGX_OK;
    n = ngx_triggers_sqlite_audit_n(seq);
    stmt = walk->reader->stmt[NGX_TRIGGERS_SQLITE_READ_AUDIT_DERIVED];

    sqlite3_bind_int64(stmt, 1, seq);

    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        at = sqlite3_column_int64(stmt, 0);

        /* of one that is looked for by its id the place is not known before */

        if (at >= walk->query->from
            && (at < walk->at || (at == walk->at && n < walk->n)))
        {
            rc = ngx_triggers_sqlite_audit_rows(walk, at, n);

            if (rc == NGX_OK) {
                rc = ngx_triggers_sqlite_audit_entry(walk, stmt);
            }
        }
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(walk->reader, code, "SELECT");
    }

    return rc;
}


/* goes through the rows behind the place */

static ngx_int_t
ngx_triggers_sqlite_audit_rows(ngx_triggers_sqlite_audit_walk_t *walk,
    int64_t at, int64_t n)
{
    int64_t    row_at;
    ngx_int_t  rc;

    while (walk->rows) {
        row_at = sqlite3_column_int64(walk->rows, 0);

        if (row_at < at
            || (row_at == at && sqlite3_column_int64(walk->rows, 1) < n))
        {
            return NGX_OK;
        }

        rc = ngx_triggers_sqlite_audit_entry(walk, walk->rows);

        if (rc == NGX_OK) {
            rc = ngx_triggers_sqlite_audit_step(walk);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* NGX_DONE: the page has ended */

static ngx_int_t
ngx_triggers_sqlite_audit_entry(ngx_triggers_sqlite_audit_walk_t *walk,
    sqlite3_stmt *stmt)
{
    ngx_int_t                    rc;
    ngx_triggers_audit_t         entry;
    ngx_triggers_audit_query_t  *query;

    query = walk->query;

    rc = ngx_triggers_sqlite_reader_time(walk->reader, 4);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&entry, sizeof(ngx_triggers_audit_t));

    entry.at = sqlite3_column_int64(stmt, 0);
    entry.n = sqlite3_column_int64(stmt, 1);
    entry.action = (ngx_uint_t) sqlite3_column_int64(stmt, 3);

    rc = NGX_OK;

    if ((walk->owner == 0 || walk->owner == sqlite3_column_int64(stmt, 2))
        && entry.action < NGX_TRIGGERS_NAUDIT
        && (query->actions & ((ngx_uint_t) 1 << entry.action)))
    {
        if (walk->entries == query->limit) {
            query->has_more = 1;
            return NGX_DONE;
        }

        if (sqlite3_column_bytes(stmt, 4) == NGX_TRIGGERS_ID_LEN) {
            entry.event_id = (u_char *) sqlite3_column_blob(stmt, 4);
        }

        ngx_triggers_sqlite_column_text(stmt, 5, &entry.actor);
        ngx_triggers_sqlite_column_text(stmt, 6, &entry.source_ip);
        ngx_triggers_sqlite_column_text(stmt, 7, &entry.request_id);
        ngx_triggers_sqlite_column_text(stmt, 8, &entry.details);
        ngx_triggers_sqlite_column_text(stmt, 9, &entry.owner);

        rc = query->handler(query->data, &entry);
        walk->entries++;
    }

    walk->looked = 1;
    query->last_at = entry.at;
    query->last_n = entry.n;

    return rc;
}
