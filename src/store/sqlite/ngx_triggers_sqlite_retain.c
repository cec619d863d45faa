
/*
 * The SQLite store: retention.  Whatever is older than it is to be kept is
 * removed in small steps behind the answers; under load as many events as have
 * come since the last step and some more, so that the database does not grow.
 *
 * "done" has the events that are acknowledged, delivered or failed by the time
 * of that.  A row is stale, and only goes itself, when the event has been
 * retried since, was removed, or has got another time.
 *
 * With an archive events go by ranges of "done".  The archiver, which is not
 * ours, finds out how far the next file is to reach; the range is committed
 * and synced as the row of "archive", and from then on the events in it are
 * as good as gone: no mutation finds them, so that the file and the removal
 * agree.  The archiver writes the file, which is committed and synced as well,
 * and only then the events are removed, and with the last of them the row.
 * Killed before, it writes the file again from the start, under the same name.
 *
 * No event can come into the range meanwhile: its time would be that of its
 * mutation, which may have waited for long, so it is made later.
 */


#include "ngx_triggers_sqlite.h"


#define NGX_TRIGGERS_SQLITE_EXPIRE_MIN   64       /* rows in a step */
#define NGX_TRIGGERS_SQLITE_EXPIRE_IDLE  256
#define NGX_TRIGGERS_SQLITE_EXPIRE_MAX   1024
#define NGX_TRIGGERS_SQLITE_EXPIRE_TIME  2        /* ms */

#define NGX_TRIGGERS_SQLITE_LOOK         1000     /* ms between two looks */


typedef struct {
    int64_t                      at;
    int64_t                      seq;
} ngx_triggers_sqlite_done_t;


static ngx_int_t ngx_triggers_sqlite_retain_events(
    ngx_triggers_store_t *store, int64_t now, ngx_uint_t idle);
static ngx_int_t ngx_triggers_sqlite_retain_removal(
    ngx_triggers_store_t *store, int64_t at, int64_t seq, ngx_uint_t idle);
static ngx_int_t ngx_triggers_sqlite_retain_others(
    ngx_triggers_store_t *store, int64_t now);
static ngx_int_t ngx_triggers_sqlite_archive_step(
    ngx_triggers_store_t *store, ngx_uint_t idle);
static ngx_int_t ngx_triggers_sqlite_archive_plan(
    ngx_triggers_store_t *store, int64_t now);
static int ngx_triggers_sqlite_archive_add(ngx_triggers_store_t *store);
static void ngx_triggers_sqlite_archive_name(ngx_triggers_store_t *store,
    char *name, size_t size);
static int ngx_triggers_sqlite_archive_set(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_archive_end(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_expire(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_expire_list(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_done_t *done, ngx_uint_t *n);
static int ngx_triggers_sqlite_expire_event(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_done_t *done);
static ngx_int_t ngx_triggers_sqlite_expire_look(ngx_triggers_store_t *store,
    int64_t now);
static int ngx_triggers_sqlite_old_attempts(ngx_triggers_store_t *store,
    int64_t now);
static int ngx_triggers_sqlite_old_audit(ngx_triggers_store_t *store,
    int64_t now);
static int ngx_triggers_sqlite_expire_others(ngx_triggers_store_t *store);


void
ngx_triggers_store_retain(ngx_triggers_store_t *store,
    ngx_triggers_retention_t *retention)
{
    store->retention = *retention;
}


ngx_int_t
ngx_triggers_sqlite_retain(ngx_triggers_store_t *store, ngx_uint_t idle)
{
    int64_t    now;
    ngx_int_t  rc, again;

    now = ngx_triggers_wall_ms();

    again = ngx_triggers_sqlite_retain_events(store, now, idle);

    if (again == NGX_ERROR && store->db) {

        /* what is known of the archive may have been rolled back */

        (void) ngx_triggers_sqlite_load(store);
    }

    if (again == NGX_ERROR || store->db == NULL) {
        return again;
    }

    rc = ngx_triggers_sqlite_retain_others(store, now);

    return (rc == NGX_OK) ? again : rc;
}


ngx_uint_t
ngx_triggers_sqlite_archived(ngx_triggers_store_t *store, int64_t done_at,
    int64_t seq)
{
    return done_at && store->archive_at
           && (done_at < store->archive_at
               || (done_at == store->archive_at
                   && seq <= store->archive_seq));
}


int64_t
ngx_triggers_sqlite_done_time(ngx_triggers_store_t *store, int64_t now)
{
    return ngx_max(now, store->archive_at + 1);
}


ngx_triggers_archive_t *
ngx_triggers_store_archive(ngx_triggers_store_t *store)
{
    return &store->archiver;
}


static ngx_int_t
ngx_triggers_sqlite_retain_events(ngx_triggers_store_t *store, int64_t now,
    ngx_uint_t idle)
{
    ngx_int_t  rc;

    if (store->archive_at) {
        return ngx_triggers_sqlite_archive_step(store, idle);
    }

    if (store->retention.events == 0 || now < store->expire_at) {
        return NGX_OK;
    }

    rc = ngx_triggers_sqlite_expire_look(store, now);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    if (store->retention.archive) {
        return ngx_triggers_sqlite_archive_plan(store, now);
    }

    return ngx_triggers_sqlite_retain_removal(store,
                                              now - store->retention.events,
                                              INT64_MAX, idle);
}


/* a step of removing what was done up to a place in "done" */

static ngx_int_t
ngx_triggers_sqlite_retain_removal(ngx_triggers_store_t *store, int64_t at,
    int64_t seq, ngx_uint_t idle)
{
    int64_t    arrived;
    ngx_int_t  rc;

    if (store->expire_seq == 0) {
        store->expire_seq = store->next_seq;
    }

    arrived = store->next_seq - store->expire_seq;
    arrived += arrived / 4;

    store->expire_through_at = at;
    store->expire_through_seq = seq;
    store->expire_rows = ngx_min(arrived, NGX_TRIGGERS_SQLITE_EXPIRE_MAX);
    store->expire_limit = idle ? NGX_TRIGGERS_SQLITE_EXPIRE_IDLE
                               : NGX_TRIGGERS_SQLITE_EXPIRE_MIN;
    store->expire_more = 0;

    rc = ngx_triggers_sqlite_unsynced(store, ngx_triggers_sqlite_expire);

    if (rc != NGX_OK) {
        return rc;
    }

    store->expire_seq = store->next_seq;

    /* after the last one there may be the next file */

    return (store->expire_more || store->retention.archive) ? NGX_AGAIN
                                                             : NGX_OK;
}


/* there is a range of events that are to be archived, or were */

static ngx_int_t
ngx_triggers_sqlite_archive_step(ngx_triggers_store_t *store, ngx_uint_t idle)
{
    ngx_int_t                rc;
    ngx_uint_t               state;
    ngx_triggers_archive_t  *archiver;

    if (store->archive_written) {
        return ngx_triggers_sqlite_retain_removal(store, store->archive_at,
                                                  store->archive_seq, idle);
    }

    if (!store->retention.archive) {

        /* it has been switched off: they go as others do */

        rc = ngx_triggers_sqlite_unsynced(store,
                                          ngx_triggers_sqlite_archive_end);

        return (rc == NGX_OK) ? NGX_AGAIN : rc;
    }

    archiver = &store->archiver;
    state = __atomic_load_n(&archiver->state, __ATOMIC_ACQUIRE);

    if (state == NGX_TRIGGERS_ARCHIVE_PLAN
        || state == NGX_TRIGGERS_ARCHIVE_WRITE)
    {
        /* the archiver's turn */

        return NGX_OK;
    }

    if (state == NGX_TRIGGERS_ARCHIVE_WRITTEN
        && archiver->through_at == store->archive_at
        && archiver->through_seq == store->archive_seq)
    {
        rc = ngx_triggers_sqlite_synced(store,
                                        ngx_triggers_sqlite_archive_set);
        if (rc != NGX_OK) {
            return rc;
        }

        __atomic_store_n(&archiver->state, NGX_TRIGGERS_ARCHIVE_IDLE,
                         __ATOMIC_RELEASE);

        return NGX_AGAIN;
    }

    __atomic_store_n(&archiver->state, NGX_TRIGGERS_ARCHIVE_WRITE,
                     __ATOMIC_RELEASE);

    return NGX_OK;
}


/* events may have expired: how many go into the next file? */

static ngx_int_t
ngx_triggers_sqlite_archive_plan(ngx_triggers_store_t *store, int64_t now)
{
    ngx_int_t                rc;
    ngx_uint_t               state;
    ngx_triggers_archive_t  *archiver;

    archiver = &store->archiver;
    state = __atomic_load_n(&archiver->state, __ATOMIC_ACQUIRE);

    if (state == NGX_TRIGGERS_ARCHIVE_PLAN
        || state == NGX_TRIGGERS_ARCHIVE_WRITE)
    {
        return NGX_OK;
    }

    if (state == NGX_TRIGGERS_ARCHIVE_PLANNED) {

        rc = ngx_triggers_sqlite_synced(store,
                                        ngx_triggers_sqlite_archive_add);
        if (rc != NGX_OK) {
            return rc;
        }

        __atomic_store_n(&archiver->state, NGX_TRIGGERS_ARCHIVE_WRITE,
                         __ATOMIC_RELEASE);

        return NGX_OK;
    }

    archiver->through_at = now - store->retention.events;
    archiver->through_seq = INT64_MAX;

    __atomic_store_n(&archiver->state, NGX_TRIGGERS_ARCHIVE_PLAN,
                     __ATOMIC_RELEASE);

    return NGX_OK;
}


static int
ngx_triggers_sqlite_archive_add(ngx_triggers_store_t *store)
{
    int                      rc;
    char                     name[NGX_TRIGGERS_ARCHIVE_NAME];
    sqlite3_stmt            *stmt;
    ngx_triggers_archive_t  *archiver;

    /* the other tree may have been faster */

    if (store->archive_at) {
        return SQLITE_OK;
    }

    archiver = &store->archiver;
    ngx_triggers_sqlite_archive_name(store, name, sizeof(name));

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_ARCHIVE_ADD];

    (void) sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, archiver->through_at);
    sqlite3_bind_int64(stmt, 3, archiver->through_seq);

    rc = ngx_triggers_sqlite_exec(stmt);

    if (rc == SQLITE_OK) {
        store->archive_at = archiver->through_at;
        store->archive_seq = archiver->through_seq;
        store->archive_written = 0;
    }

    return rc;
}


/*
 * The time orders the files.  The random number makes the name this range's
 * alone, whatever the clock does, and whatever other databases, restored ones
 * among them, write into the directory: a file that has the name already is
 * one of this range, written before a crash, and may be replaced.
 */

static void
ngx_triggers_sqlite_archive_name(ngx_triggers_store_t *store, char *name,
    size_t size)
{
    char           text[sizeof("20251110T123456")];
    time_t         sec;
    int64_t        now;
    struct tm      tm;
    sqlite3_int64  n;

    now = ngx_triggers_wall_ms();
    sec = (time_t) (now / 1000);

    (void) gmtime_r(&sec, &tm);
    (void) strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &tm);

    sqlite3_randomness(sizeof(n), &n);

    (void) sqlite3_snprintf((int) size, name,
                            "%.*s-%s.%03dZ-%016llx.ndjson.gz",
                            (int) store->retention.name.len,
                            (char *) store->retention.name.data, text,
                            (int) (now % 1000), n);
}


static int
ngx_triggers_sqlite_archive_set(ngx_triggers_store_t *store)
{
    int                      rc;
    ngx_triggers_archive_t  *archiver;

    archiver = &store->archiver;

    /* it is what the transaction has found that counts */

    if (store->archive_at != archiver->through_at
        || store->archive_seq != archiver->through_seq)
    {
        return SQLITE_OK;
    }

    rc = ngx_triggers_sqlite_exec(
                             store->stmt[NGX_TRIGGERS_SQLITE_ARCHIVE_WRITTEN]);
    if (rc == SQLITE_OK) {
        store->archive_written = 1;
    }

    return rc;
}


static int
ngx_triggers_sqlite_archive_end(ngx_triggers_store_t *store)
{
    int  rc;

    rc = ngx_triggers_sqlite_exec(
                                 store->stmt[NGX_TRIGGERS_SQLITE_ARCHIVE_END]);
    if (rc == SQLITE_OK) {
        store->archive_at = 0;
        store->archive_seq = 0;
        store->archive_written = 0;
    }

    return rc;
}


/*
 * As many events as have arrived, or the limit; beyond those that have arrived
 * only while there is time.
 */

static int
ngx_triggers_sqlite_expire(ngx_triggers_store_t *store)
{
    int                          rc;
    int64_t                      rows;
    uint64_t                     until;
    ngx_uint_t                   i, n;
    ngx_triggers_sqlite_done_t   done[NGX_TRIGGERS_SQLITE_EXPIRE_MIN];

    rows = 0;
    until = ngx_triggers_monotonic_ms() + NGX_TRIGGERS_SQLITE_EXPIRE_TIME;

    do {
        rc = ngx_triggers_sqlite_expire_list(store, done, &n);

        for (i = 0; i < n && rc == SQLITE_OK; i++) {
            rc = ngx_triggers_sqlite_expire_event(store, &done[i]);
        }

        if (rc != SQLITE_OK) {
            return rc;
        }

        rows += n;
        store->expire_more = (n == NGX_TRIGGERS_SQLITE_EXPIRE_MIN);

    } while (store->expire_more
             && (rows < store->expire_rows
                 || (rows < store->expire_limit
                     && ngx_triggers_monotonic_ms() < until)));

    if (store->archive_at && !store->expire_more) {
        return ngx_triggers_sqlite_archive_end(store);
    }

    return SQLITE_OK;
}


/* takes rows out of "done" */

static int
ngx_triggers_sqlite_expire_list(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_done_t *done, ngx_uint_t *n)
{
    int            rc;
    sqlite3_stmt  *stmt;

    *n = 0;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_DONE_LIST];

    sqlite3_bind_int64(stmt, 1, store->expire_through_at);
    sqlite3_bind_int64(stmt, 2, store->expire_through_seq);
    sqlite3_bind_int64(stmt, 3, NGX_TRIGGERS_SQLITE_EXPIRE_MIN);

    for ( ;; ) {
        rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW) {
            break;
        }

        done[*n].at = sqlite3_column_int64(stmt, 0);
        done[*n].seq = sqlite3_column_int64(stmt, 1);
        (*n)++;
    }

    (void) sqlite3_reset(stmt);

    if (rc != SQLITE_DONE || *n == 0) {
        return (rc == SQLITE_DONE) ? SQLITE_OK : rc;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_DONE_DELETE];

    sqlite3_bind_int64(stmt, 1, done[*n - 1].at);
    sqlite3_bind_int64(stmt, 2, done[*n - 1].seq);

    return ngx_triggers_sqlite_exec(stmt);
}


static int
ngx_triggers_sqlite_expire_event(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_done_t *done)
{
    int                          rc;
    ngx_triggers_sqlite_event_t  event;

    rc = ngx_triggers_sqlite_event_find_seq(store, done->seq, &event);

    if (rc != SQLITE_OK || event.seq == 0 || event.done_at != done->at) {
        return rc;
    }

    rc = ngx_triggers_sqlite_audit_event(store,
                                         NGX_TRIGGERS_AUDIT_EVENT_EXPIRED,
                                         NULL, &event, NGX_TRIGGERS_NSTATUS,
                                         ngx_triggers_wall_ms(),
                                         "retention");
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_event_remove(store, &event);
}


/* is there an event that has expired?  NGX_DECLINED: none before a time */

static ngx_int_t
ngx_triggers_sqlite_expire_look(ngx_triggers_store_t *store, int64_t now)
{
    int            code;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_DONE_LIST];

    sqlite3_bind_int64(stmt, 1, now - store->retention.events);
    sqlite3_bind_int64(stmt, 2, INT64_MAX);
    sqlite3_bind_int64(stmt, 3, 1);

    code = sqlite3_step(stmt);

    (void) sqlite3_reset(stmt);

    if (code == SQLITE_ROW) {
        return NGX_OK;
    }

    if (code != SQLITE_DONE) {
        return ngx_triggers_sqlite_error(store, code, "SELECT");
    }

    store->expire_at = now + NGX_TRIGGERS_SQLITE_LOOK;

    return NGX_DECLINED;
}


/* attempts and entries of the audit; a look once a second */

static ngx_int_t
ngx_triggers_sqlite_retain_others(ngx_triggers_store_t *store, int64_t now)
{
    int        code;
    ngx_int_t  rc;

    if (now < store->others_at) {
        return NGX_OK;
    }

    store->others_at = now + NGX_TRIGGERS_SQLITE_LOOK;
    store->expire_more = 0;
    store->old_attempts = 0;
    store->old_audit_at = 0;

    code = ngx_triggers_sqlite_old_attempts(store, now);

    if (code == SQLITE_OK) {
        code = ngx_triggers_sqlite_old_audit(store, now);
    }

    if (code != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, code, "SELECT");
    }

    if (store->old_attempts == 0 && store->old_audit_at == 0) {
        return NGX_OK;
    }

    rc = ngx_triggers_sqlite_unsynced(store,
                                      ngx_triggers_sqlite_expire_others);

    if (rc != NGX_OK || !store->expire_more) {
        return rc;
    }

    store->others_at = 0;

    return NGX_AGAIN;
}


/* from the low end, where they are oldest, up to the first that is to stay */

static int
ngx_triggers_sqlite_old_attempts(ngx_triggers_store_t *store, int64_t now)
{
    int            rc;
    ngx_uint_t     n;
    sqlite3_stmt  *stmt;

    if (store->retention.attempts == 0) {
        return SQLITE_OK;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_ATTEMPT_OLD];

    sqlite3_bind_int64(stmt, 1, NGX_TRIGGERS_SQLITE_EXPIRE_IDLE);

    for (n = 0; /* void */ ; n++) {
        rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW
            || sqlite3_column_int64(stmt, 1) > now - store->retention.attempts)
        {
            break;
        }

        store->old_attempts = sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_reset(stmt);

    if (n == NGX_TRIGGERS_SQLITE_EXPIRE_IDLE) {
        store->expire_more = 1;
    }

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static int
ngx_triggers_sqlite_old_audit(ngx_triggers_store_t *store, int64_t now)
{
    int            rc;
    ngx_uint_t     n;
    sqlite3_stmt  *stmt;

    if (store->retention.audit == 0) {
        return SQLITE_OK;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_AUDIT_OLD];

    sqlite3_bind_int64(stmt, 1, now - store->retention.audit);
    sqlite3_bind_int64(stmt, 2, NGX_TRIGGERS_SQLITE_EXPIRE_IDLE);

    for (n = 0; /* void */ ; n++) {
        rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW) {
            break;
        }

        store->old_audit_at = sqlite3_column_int64(stmt, 0);
        store->old_audit_n = sqlite3_column_int64(stmt, 1);
    }

    (void) sqlite3_reset(stmt);

    if (n == NGX_TRIGGERS_SQLITE_EXPIRE_IDLE) {
        store->expire_more = 1;
    }

    return (rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static int
ngx_triggers_sqlite_expire_others(ngx_triggers_store_t *store)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = SQLITE_OK;

    if (store->old_attempts) {
        stmt = store->stmt[NGX_TRIGGERS_SQLITE_ATTEMPT_EXPIRE];
        sqlite3_bind_int64(stmt, 1, store->old_attempts);

        rc = ngx_triggers_sqlite_exec(stmt);
    }

    if (rc == SQLITE_OK && store->old_audit_at) {
        stmt = store->stmt[NGX_TRIGGERS_SQLITE_AUDIT_EXPIRE];
        sqlite3_bind_int64(stmt, 1, store->old_audit_at);
        sqlite3_bind_int64(stmt, 2, store->old_audit_n);

        rc = ngx_triggers_sqlite_exec(stmt);
    }

    return rc;
}
