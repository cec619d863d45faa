
/*
 * The SQLite store: one event's life.  An event that has left its first state
 * has a row in "event_state"; the narrow tables have it in the lane that its
 * status, its hold and its priority come to.  All changes go the same way:
 * find, change the struct, save.
 *
 * What holds an event, and the key that it is ordered by, are kept elsewhere,
 * too: a lease counts the events that are in it, a delay or a step has a row
 * in "due", an ordering key has exactly one active event of those that are not
 * done, not pushed and not in a step.  So an event must be taken out of these
 * whenever its status or its hold change, for which the functions here are.
 *
 * Rows of "done" are never deleted here: one is stale when done_at differs.
 */


#include "ngx_triggers_sqlite.h"


static int ngx_triggers_sqlite_event_insert(ngx_triggers_store_t *store,
    ngx_triggers_event_t *event, int64_t owner, int64_t created_at);
static int ngx_triggers_sqlite_event_place(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_sqlite_event_t *event,
    ngx_uint_t pushed);
static int ngx_triggers_sqlite_event_revive(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, int64_t now);
static int ngx_triggers_sqlite_event_matches(ngx_triggers_store_t *store,
    ngx_triggers_lease_change_t *filter, ngx_triggers_sqlite_event_t *event,
    int64_t now, ngx_uint_t *matches);
static ngx_uint_t ngx_triggers_sqlite_event_matches_text(sqlite3_stmt *stmt,
    int n, ngx_str_t *text);
static int ngx_triggers_sqlite_event_step(sqlite3_stmt *stmt,
    ngx_triggers_sqlite_event_t *event);
static void ngx_triggers_sqlite_event_row(sqlite3_stmt *stmt,
    ngx_triggers_sqlite_event_t *event);
static void ngx_triggers_sqlite_event_text(sqlite3_stmt *stmt, int n,
    ngx_str_t *text, u_char *buffer, size_t size);
static int ngx_triggers_sqlite_event_state(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event);
static int ngx_triggers_sqlite_event_move(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, ngx_uint_t remove);
static int ngx_triggers_sqlite_event_unpush(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event);
static int ngx_triggers_sqlite_event_fail(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, ngx_str_t *error, int64_t now);
static int ngx_triggers_sqlite_event_range(sqlite3_stmt *stmt, ngx_uint_t lane,
    int64_t owner, int64_t after, int64_t *seqs, ngx_uint_t max,
    ngx_uint_t *n);
static int ngx_triggers_sqlite_order_join(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event);
static int ngx_triggers_sqlite_order_leave(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event);
static int ngx_triggers_sqlite_order_first(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, int64_t *seq);
static int ngx_triggers_sqlite_order_next(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event);


int
ngx_triggers_sqlite_event_create(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                           rc;
    int64_t                       owner, created_at, *targets;
    ngx_uint_t                    n;
    ngx_triggers_event_t         *sent;
    ngx_triggers_sqlite_event_t   event;

    sent = &mutation->event;
    created_at = ngx_max(sent->created_at, store->last_created_at);

    if (mutation->idempotency.data) {
        rc = ngx_triggers_sqlite_key_find(store, mutation, created_at, result);

        if (rc != SQLITE_OK || result->rc != NGX_TRIGGERS_RC_OK) {
            return rc;
        }
    }

    rc = ngx_triggers_sqlite_owner_find(store, &sent->user_id, 1, &owner);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_webhook_targets(store, mutation, owner,
                                                 result, &targets, &n);
    }

    if (rc != SQLITE_OK || result->rc != NGX_TRIGGERS_RC_OK) {
        return rc;
    }

    rc = ngx_triggers_sqlite_event_insert(store, sent, owner, created_at);

    switch (rc & 0xff) {

    case SQLITE_OK:
        break;

    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:

        ngx_log_error(NGX_LOG_ERR, store->log, 0,
                      "triggers store \"%V\": an event was refused (%d: %s)",
                      &store->path, rc, sqlite3_errmsg(store->db));

        result->rc = NGX_TRIGGERS_RC_FAILED;
        return SQLITE_OK;

    default:
        return rc;
    }

    ngx_memzero(&event, sizeof(ngx_triggers_sqlite_event_t));

    ngx_memcpy(event.id, sent->id, NGX_TRIGGERS_ID_LEN);
    event.seq = store->next_seq;
    event.owner = owner;
    event.created_at = created_at;
    event.priority = sent->priority;
    event.keyed = (sent->ordering_key.data != NULL);

    rc = ngx_triggers_sqlite_event_place(store, mutation, &event, n);

    if (rc == SQLITE_OK && event.hold == NGX_TRIGGERS_HOLD_PUSH) {

        /* it is due now, also when the clock was put back */

        rc = ngx_triggers_sqlite_deliveries_add(store, event.seq,
                                                sent->created_at, targets, n);
    }

    if (rc == SQLITE_OK && mutation->idempotency.data) {
        rc = ngx_triggers_sqlite_key_add(store, mutation, created_at);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    store->next_seq++;
    store->total_events++;
    store->last_created_at = created_at;

    ngx_triggers_sqlite_tail_add(store, owner);
    ngx_triggers_sqlite_watch_created(store, sent, created_at);

    result->time = created_at;

    return ngx_triggers_sqlite_count(store, owner, NGX_TRIGGERS_PENDING, 1);
}


static int
ngx_triggers_sqlite_event_insert(ngx_triggers_store_t *store,
    ngx_triggers_event_t *event, int64_t owner, int64_t created_at)
{
    int            rc;
    ngx_uint_t     i;
    sqlite3_stmt  *stmt;
    ngx_str_t     *texts[11];

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_EVENT_ADD];

    sqlite3_bind_int64(stmt, 1, store->next_seq);
    sqlite3_bind_blob(stmt, 2, event->id, NGX_TRIGGERS_ID_LEN, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, owner);
    sqlite3_bind_int64(stmt, 4, created_at);
    sqlite3_bind_int64(stmt, 5, (int64_t) event->priority);

    texts[0] = &event->event_type;
    texts[1] = &event->source;
    texts[2] = &event->ordering_key;
    texts[3] = &event->correlation_id;
    texts[4] = &event->request_id;
    texts[5] = &event->source_ip;
    texts[6] = &event->user_agent;
    texts[7] = &event->api_version;
    texts[8] = &event->traceparent;
    texts[9] = &event->metadata;
    texts[10] = &event->payload;

    for (i = 0; i < 11; i++) {
        rc = ngx_triggers_sqlite_bind_text(stmt, (int) i + 6, texts[i]);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    /* few events have one, and to bind nothing takes time, too */

    if (event->tracestate.data == NULL) {
        return ngx_triggers_sqlite_exec(stmt);
    }

    rc = ngx_triggers_sqlite_bind_text(stmt, 17, &event->tracestate);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_exec(stmt);

        /* not that of the next event */

        (void) sqlite3_bind_null(stmt, 17);
    }

    return rc;
}


/* a new event's first lane; most have no state of their own */

static int
ngx_triggers_sqlite_event_place(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_sqlite_event_t *event,
    ngx_uint_t pushed)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = SQLITE_OK;

    event->status = NGX_TRIGGERS_PENDING;
    event->updated_at = event->created_at;

    if (mutation->fail) {
        event->hold = NGX_TRIGGERS_HOLD_STEP;
        event->due_at = event->created_at;

        rc = ngx_triggers_sqlite_due_add(store, event->due_at,
                                         NGX_TRIGGERS_DUE_EVENT, event->seq);

    } else if (pushed) {
        event->hold = NGX_TRIGGERS_HOLD_PUSH;

    } else if (event->keyed) {
        rc = ngx_triggers_sqlite_order_join(store, event);
    }

    if (rc == SQLITE_OK && event->hold) {
        rc = ngx_triggers_sqlite_event_state(store, event);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    event->lane = ngx_triggers_sqlite_lane(event->status, event->hold,
                                           event->priority);
    event->counted = event->status;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_INBOX_ADD];

    sqlite3_bind_int64(stmt, 1, (int64_t) event->lane);
    sqlite3_bind_int64(stmt, 2, event->seq);
    sqlite3_bind_int64(stmt, 3, event->owner);

    return ngx_triggers_sqlite_exec(stmt);
}


int
ngx_triggers_sqlite_event_acknowledge(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                          rc;
    ngx_triggers_sqlite_event_t  event;

    rc = ngx_triggers_sqlite_event_find(store, mutation, &event, result);

    if (rc != SQLITE_OK || result->rc != NGX_TRIGGERS_RC_OK) {
        return rc;
    }

    if (event.status == NGX_TRIGGERS_ACKNOWLEDGED) {
        result->rc = NGX_TRIGGERS_RC_CONFLICT;
        result->time = event.acknowledged_at;
        return SQLITE_OK;
    }

    return ngx_triggers_sqlite_event_end(store, &event,
                                         NGX_TRIGGERS_ACKNOWLEDGED,
                                         mutation->time);
}


int
ngx_triggers_sqlite_event_delete(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                          rc;
    ngx_triggers_sqlite_event_t  event;

    rc = ngx_triggers_sqlite_event_find(store, mutation, &event, result);

    if (rc != SQLITE_OK || result->rc != NGX_TRIGGERS_RC_OK) {
        return rc;
    }

    rc = ngx_triggers_sqlite_audit_event(store,
                                         NGX_TRIGGERS_AUDIT_EVENT_DELETED,
                                         mutation, &event,
                                         NGX_TRIGGERS_NSTATUS,
                                         mutation->time, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_event_remove(store, &event);
}


int
ngx_triggers_sqlite_event_retry(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                          rc;
    ngx_triggers_sqlite_event_t  event;

    rc = ngx_triggers_sqlite_event_find(store, mutation, &event, result);

    if (rc != SQLITE_OK || result->rc != NGX_TRIGGERS_RC_OK) {
        return rc;
    }

    if (event.status != NGX_TRIGGERS_FAILED) {
        result->rc = NGX_TRIGGERS_RC_CONFLICT;
        return SQLITE_OK;
    }

    if (event.manual_retries >= NGX_TRIGGERS_MAX_RETRIES) {
        result->rc = NGX_TRIGGERS_RC_EXHAUSTED;
        return SQLITE_OK;
    }

    rc = ngx_triggers_sqlite_event_revive(store, &event, mutation->time);

    result->count = (uint32_t) event.retry_count;

    return rc;
}


/*
 * Looks at a slice of the dead letters.  One that has failed again since the
 * asker began is left alone: slices of one request have the same time.
 */

int
ngx_triggers_sqlite_event_retry_all(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                           rc;
    int64_t                       owner;
    ngx_uint_t                    i, n, limit, matches;
    ngx_triggers_lease_change_t  *filter;
    ngx_triggers_sqlite_event_t   event;
    int64_t                       seqs[NGX_TRIGGERS_BATCH_MAX];

    filter = mutation->lease;
    owner = 0;

    result->time = 0;

    if (!mutation->any_owner) {
        rc = ngx_triggers_sqlite_owner_find(store, &mutation->user_id, 0,
                                            &owner);

        if (rc != SQLITE_OK || owner == 0) {
            return rc;
        }
    }

    limit = ngx_min(filter->limit, NGX_TRIGGERS_BATCH_MAX);
    n = limit;

    rc = ngx_triggers_sqlite_event_lane(store, NGX_TRIGGERS_LANE_FAILED, owner,
                                        filter->after, seqs, &n);

    for (i = 0; i < n && rc == SQLITE_OK; i++) {

        rc = ngx_triggers_sqlite_event_find_seq(store, seqs[i], &event);

        if (rc == SQLITE_OK) {
            rc = ngx_triggers_sqlite_event_matches(store, filter, &event,
                                                   mutation->time, &matches);
        }

        if (rc == SQLITE_OK && matches) {
            rc = ngx_triggers_sqlite_event_revive(store, &event,
                                                  mutation->time);
            result->count++;
        }
    }

    if (n && n == limit) {
        result->time = seqs[n - 1];
    }

    return rc;
}


static int
ngx_triggers_sqlite_event_matches(ngx_triggers_store_t *store,
    ngx_triggers_lease_change_t *filter, ngx_triggers_sqlite_event_t *event,
    int64_t now, ngx_uint_t *matches)
{
    int            rc;
    sqlite3_stmt  *stmt;

    *matches = (event->status == NGX_TRIGGERS_FAILED
                && event->manual_retries < NGX_TRIGGERS_MAX_RETRIES
                && !ngx_triggers_sqlite_archived(store, event->done_at,
                                                 event->seq)
                && event->updated_at <= now
                && event->created_at >= filter->from
                && (filter->to == 0 || event->created_at <= filter->to));

    if (!*matches || (filter->event_type.data == NULL
                      && filter->source.data == NULL))
    {
        return SQLITE_OK;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_EVENT_FILTER];

    sqlite3_bind_int64(stmt, 1, event->seq);

    rc = sqlite3_step(stmt);

    *matches = (rc == SQLITE_ROW
                && ngx_triggers_sqlite_event_matches_text(stmt, 0,
                                                          &filter->event_type)
                && ngx_triggers_sqlite_event_matches_text(stmt, 1,
                                                          &filter->source));

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


/* exactly or, where the filter ends in an asterisk, by what is before that */

static ngx_uint_t
ngx_triggers_sqlite_event_matches_text(sqlite3_stmt *stmt, int n,
    ngx_str_t *text)
{
    size_t      len;
    ngx_str_t   value;
    ngx_uint_t  prefix;

    if (text->data == NULL) {
        return 1;
    }

    ngx_triggers_sqlite_column_text(stmt, n, &value);

    prefix = (n == 0 && text->len && text->data[text->len - 1] == '*');
    len = text->len - prefix;

    return value.data && (prefix ? value.len >= len : value.len == len)
           && ngx_memcmp(value.data, text->data, len) == 0;
}


/*
 * A dead letter gets a fresh budget.  Where nobody is left whom it could be
 * pushed to it has been delivered if one has got it, and nobody else may get
 * it; otherwise it is an ordinary event.
 */

static int
ngx_triggers_sqlite_event_revive(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, int64_t now)
{
    int         rc;
    ngx_uint_t  queued, taken;

    event->status = NGX_TRIGGERS_RETRYING;
    event->updated_at = now;
    event->retry_count++;
    event->manual_retries++;
    event->attempts = 0;
    event->last_retry_at = now;
    event->done_at = 0;

    ngx_str_null(&event->error);
    event->new_error = 1;

    rc = ngx_triggers_sqlite_deliveries_retry(store, event->seq, now, &queued,
                                              &taken);

    if (rc == SQLITE_OK && (queued || taken)) {
        event->hold = NGX_TRIGGERS_HOLD_PUSH;

    } else if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_event_ready(store, event);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_audit_event(store,
                                             NGX_TRIGGERS_AUDIT_EVENT_RETRIED,
                                             store->asker, event,
                                             event->status, now, NULL);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    if (taken && queued == 0) {
        return ngx_triggers_sqlite_event_end(store, event,
                                             NGX_TRIGGERS_DELIVERED, now);
    }

    return ngx_triggers_sqlite_event_save(store, event);
}


int
ngx_triggers_sqlite_event_find(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_sqlite_event_t *event,
    ngx_triggers_result_t *result)
{
    int      rc;
    int64_t  owner;

    owner = 0;

    if (!mutation->any_owner) {
        rc = ngx_triggers_sqlite_owner_find(store, &mutation->user_id, 0,
                                            &owner);
        if (rc != SQLITE_OK) {
            return rc;
        }

        if (owner == 0) {
            result->rc = NGX_TRIGGERS_RC_NOT_FOUND;
            return SQLITE_OK;
        }
    }

    rc = ngx_triggers_sqlite_event_find_id(store, mutation->id, event);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (event->seq == 0 || (owner && event->owner != owner)
        || ngx_triggers_sqlite_archived(store, event->done_at, event->seq))
    {
        result->rc = NGX_TRIGGERS_RC_NOT_FOUND;
    }

    return SQLITE_OK;
}


int
ngx_triggers_sqlite_event_find_id(ngx_triggers_store_t *store, u_char *id,
    ngx_triggers_sqlite_event_t *event)
{
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_EVENT_BY_ID];

    sqlite3_bind_blob(stmt, 1, id, NGX_TRIGGERS_ID_LEN, SQLITE_STATIC);

    return ngx_triggers_sqlite_event_step(stmt, event);
}


int
ngx_triggers_sqlite_event_find_seq(ngx_triggers_store_t *store, int64_t seq,
    ngx_triggers_sqlite_event_t *event)
{
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_EVENT_BY_SEQ];

    sqlite3_bind_int64(stmt, 1, seq);

    return ngx_triggers_sqlite_event_step(stmt, event);
}


static int
ngx_triggers_sqlite_event_step(sqlite3_stmt *stmt,
    ngx_triggers_sqlite_event_t *event)
{
    int  rc;

    ngx_memzero(event, sizeof(ngx_triggers_sqlite_event_t));

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        ngx_triggers_sqlite_event_row(stmt, event);
    }

    (void) sqlite3_reset(stmt);

    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        return rc;
    }

    /* they are used as indices */

    if (event->status >= NGX_TRIGGERS_NSTATUS
        || event->priority > NGX_TRIGGERS_PRIORITY_HIGH)
    {
        return SQLITE_CORRUPT;
    }

    event->lane = ngx_triggers_sqlite_lane(event->status, event->hold,
                                           event->priority);
    event->counted = event->status;

    return SQLITE_OK;
}


static void
ngx_triggers_sqlite_event_row(sqlite3_stmt *stmt,
    ngx_triggers_sqlite_event_t *event)
{
    event->seq = sqlite3_column_int64(stmt, 0);

    if (sqlite3_column_bytes(stmt, 1) == NGX_TRIGGERS_ID_LEN) {
        ngx_memcpy(event->id, sqlite3_column_blob(stmt, 1),
                   NGX_TRIGGERS_ID_LEN);
    }

    event->owner = sqlite3_column_int64(stmt, 2);
    event->created_at = sqlite3_column_int64(stmt, 3);
    event->priority = (ngx_uint_t) sqlite3_column_int64(stmt, 4);
    event->keyed = (sqlite3_column_int(stmt, 5) != 0);
    event->status = (ngx_uint_t) sqlite3_column_int64(stmt, 6);
    event->hold = (ngx_uint_t) sqlite3_column_int64(stmt, 7);
    event->updated_at = sqlite3_column_int64(stmt, 8);
    event->retry_count = sqlite3_column_int64(stmt, 9);
    event->manual_retries = sqlite3_column_int64(stmt, 10);
    event->attempts = sqlite3_column_int64(stmt, 11);
    event->last_retry_at = sqlite3_column_int64(stmt, 12);
    event->delivered_at = sqlite3_column_int64(stmt, 13);
    event->acknowledged_at = sqlite3_column_int64(stmt, 14);
    event->leased_until = sqlite3_column_int64(stmt, 15);
    event->lease = sqlite3_column_int64(stmt, 16);
    event->due_at = sqlite3_column_int64(stmt, 17);
    event->done_at = sqlite3_column_int64(stmt, 18);

    ngx_triggers_sqlite_event_text(stmt, 19, &event->event_type, event->type,
                                   NGX_TRIGGERS_SQLITE_TYPE_LEN);
    ngx_triggers_sqlite_event_text(stmt, 20, &event->correlation_id,
                                   event->request,
                                   NGX_TRIGGERS_SQLITE_REQUEST_LEN);
}


/* one that is longer than the api takes is left out */

static void
ngx_triggers_sqlite_event_text(sqlite3_stmt *stmt, int n, ngx_str_t *text,
    u_char *buffer, size_t size)
{
    ngx_str_t  value;

    ngx_triggers_sqlite_column_text(stmt, n, &value);

    if (value.data == NULL || value.len > size) {
        return;
    }

    ngx_memcpy(buffer, value.data, value.len);

    text->data = buffer;
    text->len = value.len;
}


int
ngx_triggers_sqlite_event_save(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    int         rc;
    ngx_uint_t  lane;

    rc = ngx_triggers_sqlite_event_state(store, event);
    if (rc != SQLITE_OK) {
        return rc;
    }

    lane = ngx_triggers_sqlite_lane(event->status, event->hold,
                                    event->priority);

    if (lane != event->lane) {
        rc = ngx_triggers_sqlite_event_move(store, event, 0);
    }

    if (rc != SQLITE_OK || event->status == event->counted) {
        return rc;
    }

    rc = ngx_triggers_sqlite_count(store, event->owner, event->counted, -1);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_count(store, event->owner, event->status, 1);
    }

    event->counted = event->status;

    return rc;
}


static int
ngx_triggers_sqlite_event_state(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_STATE_SET];

    sqlite3_bind_int64(stmt, 1, event->seq);
    sqlite3_bind_int64(stmt, 2, (int64_t) event->status);
    sqlite3_bind_int64(stmt, 3, (int64_t) event->hold);
    sqlite3_bind_int64(stmt, 4, event->updated_at);
    sqlite3_bind_int64(stmt, 5, event->retry_count);
    sqlite3_bind_int64(stmt, 6, event->manual_retries);
    sqlite3_bind_int64(stmt, 7, event->attempts);
    ngx_triggers_sqlite_bind_time(stmt, 8, event->last_retry_at);
    ngx_triggers_sqlite_bind_time(stmt, 9, event->delivered_at);
    ngx_triggers_sqlite_bind_time(stmt, 10, event->acknowledged_at);
    ngx_triggers_sqlite_bind_time(stmt, 11, event->leased_until);
    ngx_triggers_sqlite_bind_time(stmt, 12, event->lease);
    ngx_triggers_sqlite_bind_time(stmt, 13, event->due_at);
    ngx_triggers_sqlite_bind_time(stmt, 14, event->done_at);
    sqlite3_bind_int(stmt, 16, event->new_error);

    rc = ngx_triggers_sqlite_bind_text(stmt, 15, &event->error);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_exec(stmt);
}


/* moves the event to its lane, or out of all */

static int
ngx_triggers_sqlite_event_move(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, ngx_uint_t remove)
{
    int            rc;
    ngx_uint_t     lane;
    sqlite3_stmt  *stmt;

    lane = ngx_triggers_sqlite_lane(event->status, event->hold,
                                    event->priority);

    stmt = store->stmt[remove ? NGX_TRIGGERS_SQLITE_INBOX_DELETE
                              : NGX_TRIGGERS_SQLITE_INBOX_MOVE];

    sqlite3_bind_int64(stmt, 1, (int64_t) event->lane);
    sqlite3_bind_int64(stmt, 2, event->seq);
    sqlite3_bind_int64(stmt, 3, (int64_t) lane);

    rc = ngx_triggers_sqlite_exec(stmt);

    if (rc == SQLITE_OK && event->seq <= store->merged_through) {
        stmt = store->stmt[remove ? NGX_TRIGGERS_SQLITE_OWNED_DELETE
                                  : NGX_TRIGGERS_SQLITE_OWNED_MOVE];

        sqlite3_bind_int64(stmt, 1, event->owner);
        sqlite3_bind_int64(stmt, 2, (int64_t) event->lane);
        sqlite3_bind_int64(stmt, 3, event->seq);
        sqlite3_bind_int64(stmt, 4, (int64_t) lane);

        rc = ngx_triggers_sqlite_exec(stmt);
    }

    event->lane = lane;

    return rc;
}


int
ngx_triggers_sqlite_event_lane(ngx_triggers_store_t *store, ngx_uint_t lane,
    int64_t owner, int64_t after, int64_t *seqs, ngx_uint_t *n)
{
    int         rc;
    ngx_uint_t  max;

    max = *n;
    *n = 0;

    if (owner) {
        rc = ngx_triggers_sqlite_event_range(
                                store->stmt[NGX_TRIGGERS_SQLITE_OWNED_LANE],
                                lane, owner, after, seqs, max, n);
        if (rc != SQLITE_OK) {
            return rc;
        }

        /* what is yet to be merged */

        after = ngx_max(after, store->merged_through);
    }

    return ngx_triggers_sqlite_event_range(
                                store->stmt[NGX_TRIGGERS_SQLITE_INBOX_LANE],
                                lane, owner, after, seqs, max, n);
}


static int
ngx_triggers_sqlite_event_range(sqlite3_stmt *stmt, ngx_uint_t lane,
    int64_t owner, int64_t after, int64_t *seqs, ngx_uint_t max,
    ngx_uint_t *n)
{
    int  rc;

    rc = SQLITE_DONE;

    sqlite3_bind_int64(stmt, 1, (int64_t) lane);
    sqlite3_bind_int64(stmt, 2, after);

    if (sqlite3_bind_parameter_count(stmt) > 2) {
        sqlite3_bind_int64(stmt, 3, owner);
    }

    while (*n < max) {
        rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW) {
            break;
        }

        if (owner == 0 || sqlite3_column_int64(stmt, 1) == owner) {
            seqs[(*n)++] = sqlite3_column_int64(stmt, 0);
        }
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


ngx_uint_t
ngx_triggers_sqlite_event_is_ready(ngx_triggers_sqlite_event_t *event)
{
    return event->seq && event->hold == NGX_TRIGGERS_HOLD_NONE
           && (event->status == NGX_TRIGGERS_PENDING
               || event->status == NGX_TRIGGERS_RETRYING);
}


int
ngx_triggers_sqlite_event_end(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, ngx_uint_t status, int64_t now)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = ngx_triggers_sqlite_audit_end(store, event, status, now);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_order_leave(store, event);
    }

    /* what has failed may be pushed again */

    if (rc == SQLITE_OK && status != NGX_TRIGGERS_FAILED) {
        rc = ngx_triggers_sqlite_event_unpush(store, event);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_event_release(store, event);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    event->status = status;
    event->updated_at = now;
    event->done_at = ngx_triggers_sqlite_done_time(store, now);

    if (status == NGX_TRIGGERS_ACKNOWLEDGED) {
        event->acknowledged_at = now;

    } else if (status == NGX_TRIGGERS_DELIVERED) {
        event->delivered_at = now;
    }

    rc = ngx_triggers_sqlite_event_save(store, event);
    if (rc != SQLITE_OK) {
        return rc;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_DONE_ADD];

    sqlite3_bind_int64(stmt, 1, event->done_at);
    sqlite3_bind_int64(stmt, 2, event->seq);

    return ngx_triggers_sqlite_exec(stmt);
}


int
ngx_triggers_sqlite_event_remove(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    int            rc;
    ngx_uint_t     i;
    sqlite3_stmt  *stmt;

    static const ngx_uint_t  rows[] = {
        NGX_TRIGGERS_SQLITE_ATTEMPT_DELETE,
        NGX_TRIGGERS_SQLITE_STATE_DELETE,
        NGX_TRIGGERS_SQLITE_EVENT_DELETE
    };

    rc = ngx_triggers_sqlite_audit_created(store, event->seq);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_order_leave(store, event);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_deliveries_drop(store, event->seq);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_event_release(store, event);
    }

    for (i = 0; rc == SQLITE_OK && i < sizeof(rows) / sizeof(rows[0]); i++) {
        stmt = store->stmt[rows[i]];
        sqlite3_bind_int64(stmt, 1, event->seq);

        rc = ngx_triggers_sqlite_exec(stmt);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_event_move(store, event, 1);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_count(store, event->owner, event->counted, -1);
}


/* ends the pushes that the event waits for, or those that have failed */

static int
ngx_triggers_sqlite_event_unpush(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    if (event->hold != NGX_TRIGGERS_HOLD_PUSH
        && event->status != NGX_TRIGGERS_FAILED)
    {
        return SQLITE_OK;
    }

    return ngx_triggers_sqlite_deliveries_drop(store, event->seq);
}


int
ngx_triggers_sqlite_event_release(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    int  rc;

    switch (event->hold) {

    case NGX_TRIGGERS_HOLD_LEASE:
        rc = ngx_triggers_sqlite_lease_leave(store, event);
        break;

    case NGX_TRIGGERS_HOLD_DELAY:
    case NGX_TRIGGERS_HOLD_STEP:
        rc = ngx_triggers_sqlite_due_delete(store, event->due_at,
                                            NGX_TRIGGERS_DUE_EVENT,
                                            event->seq);
        break;

    default:
        rc = SQLITE_OK;
    }

    event->hold = NGX_TRIGGERS_HOLD_NONE;
    event->lease = 0;
    event->leased_until = 0;
    event->due_at = 0;

    return rc;
}


int
ngx_triggers_sqlite_event_ready(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    event->hold = NGX_TRIGGERS_HOLD_NONE;

    return event->keyed ? ngx_triggers_sqlite_order_join(store, event)
                        : SQLITE_OK;
}


int
ngx_triggers_sqlite_event_again(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, int64_t max_attempts, int64_t at,
    ngx_str_t *error, int64_t now)
{
    int         rc;
    ngx_uint_t  hold;

    event->attempts++;

    if (event->attempts >= max_attempts) {
        return ngx_triggers_sqlite_event_fail(store, event, error, now);
    }

    hold = (event->hold == NGX_TRIGGERS_HOLD_STEP) ? NGX_TRIGGERS_HOLD_STEP
                                                   : NGX_TRIGGERS_HOLD_DELAY;

    rc = ngx_triggers_sqlite_watch_event(store, NGX_TRIGGERS_EVENT_RETRYING,
                                         event, NGX_TRIGGERS_RETRYING, now,
                                         error);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_event_release(store, event);
    }

    if (rc == SQLITE_OK && at) {
        event->hold = hold;
        event->due_at = at;

        rc = ngx_triggers_sqlite_due_add(store, at, NGX_TRIGGERS_DUE_EVENT,
                                         event->seq);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    event->status = NGX_TRIGGERS_RETRYING;
    event->updated_at = now;

    return ngx_triggers_sqlite_event_save(store, event);
}


static int
ngx_triggers_sqlite_event_fail(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, ngx_str_t *error, int64_t now)
{
    event->error = *error;
    event->new_error = 1;

    return ngx_triggers_sqlite_event_end(store, event, NGX_TRIGGERS_FAILED,
                                         now);
}


/* the event waits if another one of its key is there */

static int
ngx_triggers_sqlite_order_join(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    int            rc;
    int64_t        first;
    sqlite3_stmt  *stmt;

    rc = ngx_triggers_sqlite_order_first(store, event, &first);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (first) {
        event->hold = NGX_TRIGGERS_HOLD_ORDER;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_ORDER_ADD];

    sqlite3_bind_int64(stmt, 1, event->seq);
    sqlite3_bind_int(stmt, 2, first == 0);

    return ngx_triggers_sqlite_exec(stmt);
}


/* to be called while the event is still what it has been for its key */

static int
ngx_triggers_sqlite_order_leave(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    int            rc;
    sqlite3_stmt  *stmt;

    if (!event->keyed
        || (event->status != NGX_TRIGGERS_PENDING
            && event->status != NGX_TRIGGERS_RETRYING)
        || event->hold == NGX_TRIGGERS_HOLD_STEP
        || event->hold == NGX_TRIGGERS_HOLD_PUSH)
    {
        return SQLITE_OK;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_ORDER_DELETE];

    sqlite3_bind_int64(stmt, 1, event->owner);
    sqlite3_bind_int64(stmt, 2, event->seq);

    rc = ngx_triggers_sqlite_exec(stmt);

    if (rc != SQLITE_OK || event->hold == NGX_TRIGGERS_HOLD_ORDER) {
        return rc;
    }

    return ngx_triggers_sqlite_order_next(store, event);
}


/* the oldest one of the event's key, 0: there is none */

static int
ngx_triggers_sqlite_order_first(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, int64_t *seq)
{
    int            rc;
    sqlite3_stmt  *stmt;

    *seq = 0;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_ORDER_FIRST];

    sqlite3_bind_int64(stmt, 1, event->owner);
    sqlite3_bind_int64(stmt, 2, event->seq);

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        *seq = sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


/* the active event of the key has left: the oldest one that waits is next */

static int
ngx_triggers_sqlite_order_next(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    int                           rc;
    int64_t                       seq;
    sqlite3_stmt                 *stmt;
    ngx_triggers_sqlite_event_t   next;

    rc = ngx_triggers_sqlite_order_first(store, event, &seq);

    if (rc != SQLITE_OK || seq == 0) {
        return rc;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_ORDER_SET];

    sqlite3_bind_int64(stmt, 1, event->owner);
    sqlite3_bind_int64(stmt, 2, seq);

    rc = ngx_triggers_sqlite_exec(stmt);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_event_find_seq(store, seq, &next);
    }

    if (rc != SQLITE_OK || next.hold != NGX_TRIGGERS_HOLD_ORDER) {
        return rc;
    }

    next.hold = NGX_TRIGGERS_HOLD_NONE;

    return ngx_triggers_sqlite_event_save(store, &next);
}


ngx_uint_t
ngx_triggers_sqlite_lane(ngx_uint_t status, ngx_uint_t hold,
    ngx_uint_t priority)
{
    static const u_char  retrying[] = {
        NGX_TRIGGERS_LANE_RETRYING_LOW,
        NGX_TRIGGERS_LANE_RETRYING_NORMAL,
        NGX_TRIGGERS_LANE_RETRYING_HIGH
    };

    static const u_char  pending[] = {
        NGX_TRIGGERS_LANE_PENDING_LOW,
        NGX_TRIGGERS_LANE_PENDING_NORMAL,
        NGX_TRIGGERS_LANE_PENDING_HIGH
    };

    switch (status) {

    case NGX_TRIGGERS_RETRYING:
        return hold ? NGX_TRIGGERS_LANE_RETRYING_HELD : retrying[priority];

    case NGX_TRIGGERS_PENDING:
        return hold ? NGX_TRIGGERS_LANE_PENDING_HELD : pending[priority];

    default:

        /* of what is done the lane is the status */

        return status;
    }
}
