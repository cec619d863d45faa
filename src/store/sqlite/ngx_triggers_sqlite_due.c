
/*
 * The SQLite store: what happens by itself.  "due" has a row for each lease,
 * each delayed event and each event in a step of ours; the sweep takes those
 * whose time has come, in the order of time, and does what they stand for.
 *
 * A row that is not what the lease or the event says of itself is stale, and
 * is only removed.
 */


#include "ngx_triggers_sqlite.h"


#define NGX_TRIGGERS_SQLITE_DUE_MAX  256     /* events, or rows, of one step */


static int ngx_triggers_sqlite_due_first(ngx_triggers_store_t *store,
    int64_t until, int64_t *at, ngx_uint_t *kind, int64_t *ref);
static int ngx_triggers_sqlite_due_sweep(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_due_event(ngx_triggers_store_t *store,
    int64_t seq, int64_t at);
static int ngx_triggers_sqlite_due_step(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event);


/* the only step there is today has been asked to fail */

static ngx_str_t  ngx_triggers_sqlite_step_error =
    ngx_string("debug: dlq_routing");


void
ngx_triggers_store_retry_schedule(ngx_triggers_store_t *store,
    ngx_triggers_schedule_t *schedule)
{
    store->schedule = *schedule;
}


int64_t
ngx_triggers_store_next_due(ngx_triggers_store_t *store)
{
    return store->next_due;
}


ngx_int_t
ngx_triggers_store_sweep(ngx_triggers_store_t *store, int64_t now,
    ngx_uint_t *changed)
{
    int         code;
    int64_t     at, ref;
    ngx_int_t   rc;
    ngx_uint_t  kind;

    if (store->db == NULL) {
        return NGX_ERROR;
    }

    if (!store->locked) {
        return NGX_AGAIN;
    }

    store->clock = now;

    if (now < store->next_due) {
        return NGX_OK;
    }

    ngx_set_errno(0);

    code = ngx_triggers_sqlite_due_first(store, INT64_MAX, &at, &kind, &ref);
    if (code != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, code, "SELECT");
    }

    if (now < at) {
        store->next_due = at;
        return NGX_OK;
    }

    store->swept = 0;

    rc = ngx_triggers_sqlite_unsynced(store, ngx_triggers_sqlite_due_sweep);

    if (rc == NGX_OK) {
        *changed += store->swept;
    }

    return rc;
}


/* what is due first, at INT64_MAX if nothing is until then */

static int
ngx_triggers_sqlite_due_first(ngx_triggers_store_t *store, int64_t until,
    int64_t *at, ngx_uint_t *kind, int64_t *ref)
{
    int            rc;
    sqlite3_stmt  *stmt;

    *at = INT64_MAX;
    *kind = 0;
    *ref = 0;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_DUE_FIRST];

    sqlite3_bind_int64(stmt, 1, until);

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        *at = sqlite3_column_int64(stmt, 0);
        *kind = (ngx_uint_t) sqlite3_column_int64(stmt, 1);
        *ref = sqlite3_column_int64(stmt, 2);
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static int
ngx_triggers_sqlite_due_sweep(ngx_triggers_store_t *store)
{
    int         rc;
    int64_t     at, ref;
    ngx_uint_t  rows, kind;

    for (rows = 0; /* void */ ; rows++) {

        rc = ngx_triggers_sqlite_due_first(store, INT64_MAX, &at, &kind, &ref);
        if (rc != SQLITE_OK) {
            return rc;
        }

        if (at > store->clock || rows == NGX_TRIGGERS_SQLITE_DUE_MAX
            || store->swept >= NGX_TRIGGERS_SQLITE_DUE_MAX)
        {
            break;
        }

        rc = ngx_triggers_sqlite_due_delete(store, at, kind, ref);

        if (rc == SQLITE_OK && kind == NGX_TRIGGERS_DUE_LEASE) {
            rc = ngx_triggers_sqlite_lease_expire(store, ref, at);

        } else if (rc == SQLITE_OK && kind == NGX_TRIGGERS_DUE_EVENT) {
            rc = ngx_triggers_sqlite_due_event(store, ref, at);
        }

        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    store->next_due = at;

    return ngx_triggers_sqlite_flush(store);
}


static int
ngx_triggers_sqlite_due_event(ngx_triggers_store_t *store, int64_t seq,
    int64_t at)
{
    int                          rc;
    ngx_triggers_sqlite_event_t  event;

    rc = ngx_triggers_sqlite_event_find_seq(store, seq, &event);

    if (rc != SQLITE_OK || event.seq == 0 || event.due_at != at) {
        return rc;
    }

    switch (event.hold) {

    case NGX_TRIGGERS_HOLD_STEP:
        store->swept++;
        return ngx_triggers_sqlite_due_step(store, &event);

    case NGX_TRIGGERS_HOLD_DELAY:
        store->swept++;

        event.hold = NGX_TRIGGERS_HOLD_NONE;
        event.due_at = 0;
        event.updated_at = store->clock;

        return ngx_triggers_sqlite_event_save(store, &event);

    default:
        return SQLITE_OK;
    }
}


/* tries the step of an event, which fails */

static int
ngx_triggers_sqlite_due_step(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    int                     rc;
    int64_t                 at;
    ngx_triggers_attempt_t  attempt;

    at = 0;

    if (event->attempts) {
        event->retry_count++;
        event->last_retry_at = store->clock;
    }

    ngx_memzero(&attempt, sizeof(ngx_triggers_attempt_t));

    attempt.at = store->clock;
    attempt.outcome = NGX_TRIGGERS_ATTEMPT_FAILED;
    attempt.duration = -1;
    attempt.error = ngx_triggers_sqlite_step_error;

    rc = ngx_triggers_sqlite_attempt_add(store, event->seq, 0, &attempt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (event->attempts < (int64_t) store->schedule.n) {
        at = store->clock
             + (int64_t) store->schedule.pauses[event->attempts];
    }

    return ngx_triggers_sqlite_event_again(store, event,
                                           (int64_t) store->schedule.n + 1, at,
                                           &ngx_triggers_sqlite_step_error,
                                           store->clock);
}


int
ngx_triggers_sqlite_due_add(ngx_triggers_store_t *store, int64_t at,
    ngx_uint_t kind, int64_t ref)
{
    sqlite3_stmt  *stmt;

    store->next_due = ngx_min(store->next_due, at);

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_DUE_ADD];

    sqlite3_bind_int64(stmt, 1, at);
    sqlite3_bind_int64(stmt, 2, (int64_t) kind);
    sqlite3_bind_int64(stmt, 3, ref);

    return ngx_triggers_sqlite_exec(stmt);
}


int
ngx_triggers_sqlite_due_delete(ngx_triggers_store_t *store, int64_t at,
    ngx_uint_t kind, int64_t ref)
{
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_DUE_DELETE];

    sqlite3_bind_int64(stmt, 1, at);
    sqlite3_bind_int64(stmt, 2, (int64_t) kind);
    sqlite3_bind_int64(stmt, 3, ref);

    return ngx_triggers_sqlite_exec(stmt);
}
