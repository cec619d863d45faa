
/*
 * The SQLite store: pushes.  An event that webhooks want is held for them: it
 * has a row in "deliveries" for each, and one in "delivery_queue" while that
 * waits.  Outcomes come from the deliverer, more than once or late after a
 * crash, and change nothing then.
 *
 *     pending ──an outcome that failed──▶ retrying
 *     no more waits: one has failed for good ▶ failed, whose rows are kept
 *                                              for a manual retry
 *                    all others              ▶ delivered
 *                    none is left: cancelled ▶ an ordinary event, ready
 *
 * An event that one webhook has got never becomes an ordinary one: who leases
 * it would do again what is done.
 *
 * Each function does no more than an event has webhooks, 200 at most.
 */


#include "ngx_triggers_sqlite.h"


/* status of a row of "deliveries" */

#define NGX_TRIGGERS_SQLITE_PUSH_WAITS      0
#define NGX_TRIGGERS_SQLITE_PUSH_DELIVERED  1
#define NGX_TRIGGERS_SQLITE_PUSH_ENDED      2


typedef struct {
    ngx_uint_t               waits;            /* flag: there is one, and it
                                                  does */
    int64_t                  attempts;
    int64_t                  at;
} ngx_triggers_sqlite_push_t;


static int ngx_triggers_sqlite_push_again(ngx_triggers_store_t *store,
    int64_t seq, int64_t webhook, int64_t at, ngx_uint_t *queued);
static int ngx_triggers_sqlite_push_find(ngx_triggers_store_t *store,
    ngx_triggers_delivery_t *delivery, ngx_triggers_sqlite_push_t *push);
static ngx_uint_t ngx_triggers_sqlite_push_stale(
    ngx_triggers_delivery_t *delivery, ngx_triggers_sqlite_push_t *push);
static int ngx_triggers_sqlite_push_outcome(ngx_triggers_store_t *store,
    ngx_triggers_delivery_t *delivery, ngx_triggers_sqlite_push_t *push);
static int ngx_triggers_sqlite_push_attempt(ngx_triggers_store_t *store,
    ngx_triggers_delivery_t *delivery);
static int ngx_triggers_sqlite_push_event(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_sqlite_event_t *event,
    ngx_triggers_sqlite_push_t *push);
static int ngx_triggers_sqlite_push_waits(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_sqlite_event_t *event);
static int ngx_triggers_sqlite_push_count(ngx_triggers_store_t *store,
    int64_t seq, int64_t *total, int64_t *waiting, int64_t *failed);
static int ngx_triggers_sqlite_push_set(ngx_triggers_store_t *store,
    int64_t seq, int64_t webhook, ngx_uint_t status, int64_t attempts,
    int64_t at);
static int ngx_triggers_sqlite_push_queue(ngx_triggers_store_t *store,
    ngx_uint_t n, int64_t seq, int64_t webhook, int64_t at);


int
ngx_triggers_sqlite_deliveries_add(ngx_triggers_store_t *store, int64_t seq,
    int64_t at, int64_t *targets, ngx_uint_t n)
{
    int            rc;
    ngx_uint_t     i;
    sqlite3_stmt  *stmt;

    rc = SQLITE_OK;
    stmt = store->stmt[NGX_TRIGGERS_SQLITE_PUSH_ADD];

    for (i = 0; rc == SQLITE_OK && i < n; i++) {
        sqlite3_bind_int64(stmt, 1, seq);
        sqlite3_bind_int64(stmt, 2, targets[i]);
        sqlite3_bind_int64(stmt, 3, at);

        rc = ngx_triggers_sqlite_exec(stmt);

        if (rc == SQLITE_OK) {
            rc = ngx_triggers_sqlite_push_queue(store,
                                                NGX_TRIGGERS_SQLITE_PUSH_QUEUE,
                                                seq, targets[i], at);
        }
    }

    store->pushing |= NGX_TRIGGERS_PUSHED;

    return rc;
}


int
ngx_triggers_sqlite_deliveries_drop(ngx_triggers_store_t *store, int64_t seq)
{
    int            rc;
    int64_t        webhook;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_PUSH_LIST];
    sqlite3_bind_int64(stmt, 1, seq);

    for ( ;; ) {
        rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW) {
            break;
        }

        if (sqlite3_column_int(stmt, 1) != NGX_TRIGGERS_SQLITE_PUSH_WAITS) {
            continue;
        }

        webhook = sqlite3_column_int64(stmt, 0);

        rc = ngx_triggers_sqlite_push_queue(store,
                                            NGX_TRIGGERS_SQLITE_PUSH_UNQUEUE,
                                            seq, webhook,
                                            sqlite3_column_int64(stmt, 2));
        if (rc != SQLITE_OK) {
            break;
        }
    }

    (void) sqlite3_reset(stmt);

    if (rc != SQLITE_DONE) {
        return rc;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_PUSH_DROP];
    sqlite3_bind_int64(stmt, 1, seq);

    return ngx_triggers_sqlite_exec(stmt);
}


/* one whose webhook is not active waits until that is, or is deleted */

int
ngx_triggers_sqlite_deliveries_retry(ngx_triggers_store_t *store, int64_t seq,
    int64_t at, ngx_uint_t *queued, ngx_uint_t *taken)
{
    int            rc;
    ngx_uint_t     i, n;
    sqlite3_stmt  *stmt;
    int64_t        failed[NGX_TRIGGERS_SQLITE_TARGETS];

    *queued = 0;
    *taken = 0;
    n = 0;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_PUSH_LIST];
    sqlite3_bind_int64(stmt, 1, seq);

    for ( ;; ) {
        rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW || n == NGX_TRIGGERS_SQLITE_TARGETS) {
            break;
        }

        switch (sqlite3_column_int(stmt, 1)) {

        case NGX_TRIGGERS_SQLITE_PUSH_ENDED:
            failed[n++] = sqlite3_column_int64(stmt, 0);
            break;

        case NGX_TRIGGERS_SQLITE_PUSH_DELIVERED:
            *taken = 1;
            break;
        }
    }

    (void) sqlite3_reset(stmt);

    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        return rc;
    }

    for (i = 0; i < n; i++) {
        rc = ngx_triggers_sqlite_push_again(store, seq, failed[i], at, queued);

        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    return SQLITE_OK;
}


int
ngx_triggers_sqlite_delivery_apply(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                           rc;
    ngx_triggers_delivery_t      *delivery;
    ngx_triggers_sqlite_push_t    push;
    ngx_triggers_sqlite_event_t   event;

    delivery = mutation->delivery;

    rc = ngx_triggers_sqlite_event_find(store, mutation, &event, result);

    if (rc != SQLITE_OK || result->rc != NGX_TRIGGERS_RC_OK) {
        return rc;
    }

    rc = ngx_triggers_sqlite_push_find(store, delivery, &push);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (event.seq != delivery->seq
        || event.hold != NGX_TRIGGERS_HOLD_PUSH
        || ngx_triggers_sqlite_push_stale(delivery, &push))
    {
        result->rc = NGX_TRIGGERS_RC_NOT_FOUND;
        return SQLITE_OK;
    }

    rc = ngx_triggers_sqlite_push_attempt(store, delivery);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_push_outcome(store, delivery, &push);
    }

    if (rc == SQLITE_OK
        && delivery->outcome != NGX_TRIGGERS_ATTEMPT_CANCELLED)
    {
        rc = ngx_triggers_sqlite_webhook_result(store, delivery);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_push_event(store, mutation, &event, &push);
    }

    return rc;
}


static int
ngx_triggers_sqlite_push_again(ngx_triggers_store_t *store, int64_t seq,
    int64_t webhook, int64_t at, ngx_uint_t *queued)
{
    int            rc;
    ngx_uint_t     exists;
    sqlite3_stmt  *stmt;

    rc = ngx_triggers_sqlite_webhook_exists(store, webhook, &exists);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (!exists) {
        stmt = store->stmt[NGX_TRIGGERS_SQLITE_PUSH_DELETE];

        sqlite3_bind_int64(stmt, 1, seq);
        sqlite3_bind_int64(stmt, 2, webhook);

        return ngx_triggers_sqlite_exec(stmt);
    }

    *queued += 1;
    store->pushing |= NGX_TRIGGERS_PUSHED;

    rc = ngx_triggers_sqlite_push_set(store, seq, webhook,
                                      NGX_TRIGGERS_SQLITE_PUSH_WAITS, 0, at);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_push_queue(store,
                                          NGX_TRIGGERS_SQLITE_PUSH_QUEUE, seq,
                                          webhook, at);
}


static int
ngx_triggers_sqlite_push_find(ngx_triggers_store_t *store,
    ngx_triggers_delivery_t *delivery, ngx_triggers_sqlite_push_t *push)
{
    int            rc;
    sqlite3_stmt  *stmt;

    ngx_memzero(push, sizeof(ngx_triggers_sqlite_push_t));

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_PUSH_FIND];

    sqlite3_bind_int64(stmt, 1, delivery->seq);
    sqlite3_bind_int64(stmt, 2, delivery->webhook);

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        push->waits = (sqlite3_column_int(stmt, 0)
                       == NGX_TRIGGERS_SQLITE_PUSH_WAITS);
        push->attempts = sqlite3_column_int64(stmt, 1);
        push->at = sqlite3_column_int64(stmt, 2);
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


/*
 * An attempt that was begun before this one is due is one whose outcome is
 * known already: that has put the next one off.
 */

static ngx_uint_t
ngx_triggers_sqlite_push_stale(ngx_triggers_delivery_t *delivery,
    ngx_triggers_sqlite_push_t *push)
{
    if (!push->waits) {
        return 1;
    }

    return delivery->outcome != NGX_TRIGGERS_ATTEMPT_CANCELLED
           && delivery->at < push->at;
}


static int
ngx_triggers_sqlite_push_attempt(ngx_triggers_store_t *store,
    ngx_triggers_delivery_t *delivery)
{
    ngx_triggers_attempt_t  attempt;

    ngx_memzero(&attempt, sizeof(ngx_triggers_attempt_t));

    attempt.at = delivery->at;
    attempt.outcome = delivery->outcome;
    attempt.status_code = delivery->status_code;
    attempt.duration = delivery->duration;
    attempt.error = delivery->error;

    return ngx_triggers_sqlite_attempt_add(store, delivery->seq,
                                           delivery->webhook, &attempt);
}


/* moves the rows of the push to what it is now */

static int
ngx_triggers_sqlite_push_outcome(ngx_triggers_store_t *store,
    ngx_triggers_delivery_t *delivery, ngx_triggers_sqlite_push_t *push)
{
    int            rc;
    ngx_uint_t     status;
    sqlite3_stmt  *stmt;

    rc = ngx_triggers_sqlite_push_queue(store,
                                        NGX_TRIGGERS_SQLITE_PUSH_UNQUEUE,
                                        delivery->seq, delivery->webhook,
                                        push->at);
    if (rc != SQLITE_OK) {
        return rc;
    }

    switch (delivery->outcome) {

    case NGX_TRIGGERS_ATTEMPT_DELIVERED:
        status = NGX_TRIGGERS_SQLITE_PUSH_DELIVERED;
        break;

    case NGX_TRIGGERS_ATTEMPT_CANCELLED:
        stmt = store->stmt[NGX_TRIGGERS_SQLITE_PUSH_DELETE];

        sqlite3_bind_int64(stmt, 1, delivery->seq);
        sqlite3_bind_int64(stmt, 2, delivery->webhook);

        return ngx_triggers_sqlite_exec(stmt);

    default:
        status = NGX_TRIGGERS_SQLITE_PUSH_ENDED;

        if (delivery->next_at == 0) {
            break;
        }

        status = NGX_TRIGGERS_SQLITE_PUSH_WAITS;

        rc = ngx_triggers_sqlite_push_queue(store,
                                            NGX_TRIGGERS_SQLITE_PUSH_QUEUE,
                                            delivery->seq, delivery->webhook,
                                            delivery->next_at);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    return ngx_triggers_sqlite_push_set(store, delivery->seq,
                                        delivery->webhook, status,
                                        push->attempts + 1,
                                        delivery->next_at);
}


/* what the outcome means for the event */

static int
ngx_triggers_sqlite_push_event(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_sqlite_event_t *event,
    ngx_triggers_sqlite_push_t *push)
{
    int                       rc;
    int64_t                   total, waiting, failed;
    ngx_triggers_delivery_t  *delivery;

    delivery = mutation->delivery;

    rc = ngx_triggers_sqlite_push_count(store, event->seq, &total, &waiting,
                                        &failed);
    if (rc != SQLITE_OK) {
        return rc;
    }

    event->updated_at = mutation->time;

    if (push->attempts && delivery->outcome != NGX_TRIGGERS_ATTEMPT_CANCELLED)
    {
        event->retry_count++;
        event->last_retry_at = delivery->at;
    }

    if (delivery->outcome == NGX_TRIGGERS_ATTEMPT_FAILED) {
        event->status = NGX_TRIGGERS_RETRYING;

        /* an endpoint that has failed for good has the word */

        if (delivery->next_at == 0 || failed == 0) {
            event->error = delivery->error;
            event->new_error = 1;
        }
    }

    if (waiting) {
        return ngx_triggers_sqlite_push_waits(store, mutation, event);
    }

    if (failed) {
        return ngx_triggers_sqlite_event_end(store, event,
                                             NGX_TRIGGERS_FAILED,
                                             mutation->time);
    }

    if (total) {
        ngx_str_null(&event->error);
        event->new_error = 1;

        return ngx_triggers_sqlite_event_end(store, event,
                                             NGX_TRIGGERS_DELIVERED,
                                             mutation->time);
    }

    rc = ngx_triggers_sqlite_event_ready(store, event);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_event_save(store, event);
    }

    return rc;
}


/* others are still to come, or this one is to be tried again */

static int
ngx_triggers_sqlite_push_waits(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_sqlite_event_t *event)
{
    int                       rc;
    ngx_triggers_delivery_t  *delivery;

    delivery = mutation->delivery;

    if (delivery->outcome == NGX_TRIGGERS_ATTEMPT_FAILED) {
        rc = ngx_triggers_sqlite_watch_event(store,
                                             NGX_TRIGGERS_EVENT_RETRYING,
                                             event, NGX_TRIGGERS_RETRYING,
                                             mutation->time,
                                             &delivery->error);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    return ngx_triggers_sqlite_event_save(store, event);
}


static int
ngx_triggers_sqlite_push_count(ngx_triggers_store_t *store, int64_t seq,
    int64_t *total, int64_t *waiting, int64_t *failed)
{
    int            rc;
    sqlite3_stmt  *stmt;

    *total = 0;
    *waiting = 0;
    *failed = 0;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_PUSH_COUNT];
    sqlite3_bind_int64(stmt, 1, seq);

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        *total = sqlite3_column_int64(stmt, 0);
        *waiting = sqlite3_column_int64(stmt, 1);
        *failed = sqlite3_column_int64(stmt, 2);
        rc = SQLITE_OK;
    }

    (void) sqlite3_reset(stmt);

    return rc;
}


static int
ngx_triggers_sqlite_push_set(ngx_triggers_store_t *store, int64_t seq,
    int64_t webhook, ngx_uint_t status, int64_t attempts, int64_t at)
{
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_PUSH_SET];

    sqlite3_bind_int64(stmt, 1, seq);
    sqlite3_bind_int64(stmt, 2, webhook);
    sqlite3_bind_int64(stmt, 3, (int64_t) status);
    sqlite3_bind_int64(stmt, 4, attempts);
    sqlite3_bind_int64(stmt, 5, at);

    return ngx_triggers_sqlite_exec(stmt);
}


/* puts it into the queue, or takes it out, as the statement says */

static int
ngx_triggers_sqlite_push_queue(ngx_triggers_store_t *store, ngx_uint_t n,
    int64_t seq, int64_t webhook, int64_t at)
{
    sqlite3_stmt  *stmt;

    stmt = store->stmt[n];

    sqlite3_bind_int64(stmt, 1, webhook);
    sqlite3_bind_int64(stmt, 2, at);
    sqlite3_bind_int64(stmt, 3, seq);

    return ngx_triggers_sqlite_exec(stmt);
}
