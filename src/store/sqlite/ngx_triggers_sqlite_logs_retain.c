
/*
 * The logs database: what goes.  Logs go in the order in which they were
 * stored, the oldest first: when their time is over, or while there is more
 * than there may be.  Minutes of the history go when theirs is.
 *
 * One step does one of these, or gives pages back that nothing uses.  Some
 * are kept for what comes, so that a database whose size is limited does not
 * shrink and grow all the time.
 */


#include "ngx_triggers_sqlite_logs.h"


#define NGX_TRIGGERS_LOGS_VACUUM      "PRAGMA incremental_vacuum(64)"

#define NGX_TRIGGERS_LOGS_FREE_KEEP   64             /* pages: 512 KB … */
#define NGX_TRIGGERS_LOGS_FREE_SHARE  16             /* … or that part */

/* a time so far ahead is that of a clock that was wrong, and as good as old */

#define NGX_TRIGGERS_LOGS_AHEAD       (24 * 3600 * 1000LL)    /* ms */


typedef struct {
    int64_t     all;                           /* pages */
    int64_t     unused;                        /* of them */
    int64_t     size;                          /* bytes, of one */
} ngx_triggers_sqlite_logs_pages_t;


static int ngx_triggers_sqlite_logs_step(ngx_triggers_logs_t *logs,
    int64_t now, ngx_uint_t *done);
static int ngx_triggers_sqlite_logs_remove(ngx_triggers_logs_t *logs,
    int64_t now, ngx_uint_t any, ngx_uint_t *done);
static int ngx_triggers_sqlite_logs_remove_minutes(ngx_triggers_logs_t *logs,
    int64_t now, ngx_uint_t *done);
static int ngx_triggers_sqlite_logs_vacuum(ngx_triggers_logs_t *logs,
    int64_t unused, ngx_uint_t *done);
static int ngx_triggers_sqlite_logs_pages(ngx_triggers_logs_t *logs,
    ngx_triggers_sqlite_logs_pages_t *pages);


ngx_int_t
ngx_triggers_logs_retain(ngx_triggers_logs_t *logs, int64_t now)
{
    int         code;
    ngx_int_t   rc;
    ngx_uint_t  done;

    rc = ngx_triggers_logs_begin(logs);

    if (rc != NGX_OK) {
        return (rc == NGX_AGAIN) ? NGX_BUSY : rc;
    }

    done = 0;

    code = ngx_triggers_sqlite_logs_step(logs, now, &done);

    if (code != SQLITE_OK) {
        rc = ngx_triggers_sqlite_logs_error(logs, code, "tidying up");
        return (rc == NGX_AGAIN) ? NGX_BUSY : rc;
    }

    /* the file becomes smaller when the last page that is left is copied */

    logs->settle = (!done && logs->shrunk);

    rc = ngx_triggers_logs_commit(logs);

    ngx_triggers_logs_release(logs);

    if (rc != NGX_OK) {
        return (rc == NGX_AGAIN) ? NGX_BUSY : rc;
    }

    return done ? NGX_AGAIN : NGX_OK;
}


/* *done says that it has changed something, so that there may be more */

static int
ngx_triggers_sqlite_logs_step(ngx_triggers_logs_t *logs, int64_t now,
    ngx_uint_t *done)
{
    int                               rc;
    int64_t                           keep, used;
    ngx_triggers_sqlite_logs_pages_t  pages;

    rc = SQLITE_OK;

    if (logs->limits->logs) {
        rc = ngx_triggers_sqlite_logs_remove(logs, now, 0, done);
    }

    if (rc == SQLITE_OK && !*done && logs->limits->history) {
        rc = ngx_triggers_sqlite_logs_remove_minutes(logs, now, done);
    }

    if (rc != SQLITE_OK || *done) {
        return rc;
    }

    rc = ngx_triggers_sqlite_logs_pages(logs, &pages);
    if (rc != SQLITE_OK) {
        return rc;
    }

    used = (pages.all - pages.unused) * pages.size;

    if (logs->limits->size && used > logs->limits->size) {
        rc = ngx_triggers_sqlite_logs_remove(logs, now, 1, done);

        if (rc != SQLITE_OK || *done) {
            return rc;
        }
    }

    keep = pages.all / NGX_TRIGGERS_LOGS_FREE_SHARE;
    keep = ngx_max(keep, NGX_TRIGGERS_LOGS_FREE_KEEP);

    if (pages.unused > keep) {
        return ngx_triggers_sqlite_logs_vacuum(logs, pages.unused, done);
    }

    return SQLITE_OK;
}


/* the oldest that are too old, or any */

static int
ngx_triggers_sqlite_logs_remove(ngx_triggers_logs_t *logs, int64_t now,
    ngx_uint_t any, ngx_uint_t *done)
{
    int            rc;
    int64_t        last, at;
    sqlite3_stmt  *stmt;

    last = 0;
    stmt = logs->stmt[NGX_TRIGGERS_LOGS_OLDEST];

    sqlite3_bind_int64(stmt, 1, NGX_TRIGGERS_LOGS_STEP);

    for ( ;; ) {
        rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW) {
            break;
        }

        at = sqlite3_column_int64(stmt, 1);

        if (!any && at > now - logs->limits->logs
            && at - now < NGX_TRIGGERS_LOGS_AHEAD)
        {
            rc = SQLITE_DONE;
            break;
        }

        last = sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_reset(stmt);

    if (rc != SQLITE_DONE || last == 0) {
        return (rc == SQLITE_DONE) ? SQLITE_OK : rc;
    }

    *done = 1;

    stmt = logs->stmt[NGX_TRIGGERS_LOGS_REMOVE];
    sqlite3_bind_int64(stmt, 1, last);

    rc = ngx_triggers_sqlite_exec(stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    /* the newest one may have gone, with its number */

    stmt = logs->stmt[NGX_TRIGGERS_LOGS_SAVE];
    sqlite3_bind_int64(stmt, 1, logs->next_log);

    return ngx_triggers_sqlite_exec(stmt);
}


static int
ngx_triggers_sqlite_logs_remove_minutes(ngx_triggers_logs_t *logs,
    int64_t now, ngx_uint_t *done)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = logs->stmt[NGX_TRIGGERS_LOGS_REMOVE_MINUTES];

    sqlite3_bind_int64(stmt, 1, now - logs->limits->history);
    sqlite3_bind_int64(stmt, 2, NGX_TRIGGERS_LOGS_STEP);

    rc = ngx_triggers_sqlite_exec(stmt);

    *done = (rc == SQLITE_OK && sqlite3_changes(logs->db) > 0);

    return rc;
}


/* a step that gives nothing back is none: there would be no end */

static int
ngx_triggers_sqlite_logs_vacuum(ngx_triggers_logs_t *logs, int64_t unused,
    ngx_uint_t *done)
{
    int                               rc;
    ngx_triggers_sqlite_logs_pages_t  pages;

    rc = sqlite3_exec(logs->db, NGX_TRIGGERS_LOGS_VACUUM, NULL, NULL, NULL);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_logs_pages(logs, &pages);
    }

    if (rc == SQLITE_OK && pages.unused < unused) {
        logs->shrunk = 1;
        *done = 1;
    }

    return rc;
}


static int
ngx_triggers_sqlite_logs_pages(ngx_triggers_logs_t *logs,
    ngx_triggers_sqlite_logs_pages_t *pages)
{
    int  rc;

    rc = ngx_triggers_sqlite_integer(logs->db, "PRAGMA page_count",
                                     &pages->all);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_integer(logs->db, "PRAGMA freelist_count",
                                         &pages->unused);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_integer(logs->db, "PRAGMA page_size",
                                         &pages->size);
    }

    return rc;
}
