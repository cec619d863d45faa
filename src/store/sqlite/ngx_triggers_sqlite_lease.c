
/*
 * The SQLite store: leases.  A lease is one row, and the state of each event
 * that is in it; it is over when its last event has left, or when its time is,
 * which is looked at before anything is done with it: the sweep comes later.
 *
 * Consumers acknowledge the events of one lease one after the other, so that
 * the row, of which only the number of events changes, is kept in memory and
 * written once a batch, or when another lease is looked at.
 */


#include "ngx_triggers_sqlite.h"


static int ngx_triggers_sqlite_lease_select(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, int64_t owner, int64_t *seqs,
    ngx_uint_t *n);
static int ngx_triggers_sqlite_lease_urgent(ngx_triggers_store_t *store,
    ngx_uint_t priority, int64_t owner, int64_t *seqs, ngx_uint_t limit,
    ngx_uint_t *n);
static int ngx_triggers_sqlite_lease_named(ngx_triggers_store_t *store,
    ngx_str_t *ids, int64_t owner, int64_t *seqs, ngx_uint_t limit,
    ngx_uint_t *n);
static int ngx_triggers_sqlite_lease_add(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, int64_t owner, int64_t *seqs,
    ngx_uint_t n);
static int64_t ngx_triggers_sqlite_lease_end(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation);
static int ngx_triggers_sqlite_lease_take(ngx_triggers_store_t *store,
    int64_t seq, int64_t now);
static int ngx_triggers_sqlite_lease_event(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
static int ngx_triggers_sqlite_lease_release(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_sqlite_event_t *event);
static int ngx_triggers_sqlite_lease_extend(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
static int ngx_triggers_sqlite_lease_undo(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
static int ngx_triggers_sqlite_lease_find(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_uint_t *found);
static int ngx_triggers_sqlite_lease_load(ngx_triggers_store_t *store,
    sqlite3_stmt *stmt);
static int ngx_triggers_sqlite_lease_load_number(ngx_triggers_store_t *store,
    int64_t number);
static void ngx_triggers_sqlite_lease_row(ngx_triggers_sqlite_lease_t *lease,
    sqlite3_stmt *stmt);
static int ngx_triggers_sqlite_lease_in(ngx_triggers_store_t *store,
    ngx_uint_t i, ngx_triggers_sqlite_event_t *event);


static ngx_str_t  ngx_triggers_sqlite_released =
    ngx_string("released by its consumer");

static ngx_str_t  ngx_triggers_sqlite_ran_out =
    ngx_string("the lease ran out");


int
ngx_triggers_sqlite_lease_give(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int         rc;
    int64_t     owner;
    ngx_uint_t  i, n;
    int64_t     seqs[NGX_TRIGGERS_LEASE_MAX];

    n = 0;
    owner = 0;
    rc = SQLITE_OK;

    if (!mutation->any_owner) {
        rc = ngx_triggers_sqlite_owner_find(store, &mutation->user_id, 0,
                                            &owner);
    }

    if (rc == SQLITE_OK && (owner || mutation->any_owner)) {
        rc = ngx_triggers_sqlite_lease_select(store, mutation, owner, seqs,
                                              &n);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    if (n == 0) {
        result->rc = NGX_TRIGGERS_RC_NOT_FOUND;
        return SQLITE_OK;
    }

    rc = ngx_triggers_sqlite_lease_add(store, mutation, owner, seqs, n);

    if ((rc & 0xff) == SQLITE_CONSTRAINT) {

        /* there is a lease of that id */

        result->rc = NGX_TRIGGERS_RC_CONFLICT;
        return SQLITE_OK;
    }

    for (i = 0; i < n && rc == SQLITE_OK; i++) {
        rc = ngx_triggers_sqlite_lease_take(store, seqs[i], mutation->time);
    }

    result->count = (uint32_t) n;
    result->time = store->lease.until;

    return rc;
}


/* the events that the lease is to have, in the order of handing out */

static int
ngx_triggers_sqlite_lease_select(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, int64_t owner, int64_t *seqs,
    ngx_uint_t *n)
{
    int                           rc;
    ngx_uint_t                    limit, priority;
    ngx_triggers_lease_change_t  *lease;

    lease = mutation->lease;
    limit = ngx_min(lease->limit, NGX_TRIGGERS_LEASE_MAX);

    if (lease->events.data) {
        return ngx_triggers_sqlite_lease_named(store, &lease->events, owner,
                                               seqs, limit, n);
    }

    for (priority = NGX_TRIGGERS_PRIORITY_HIGH + 1; priority; priority--) {

        rc = ngx_triggers_sqlite_lease_urgent(store, priority - 1, owner, seqs,
                                              limit, n);

        if (rc != SQLITE_OK || *n == limit) {
            return rc;
        }
    }

    return SQLITE_OK;
}


/* merges the two lanes of one priority */

static int
ngx_triggers_sqlite_lease_urgent(ngx_triggers_store_t *store,
    ngx_uint_t priority, int64_t owner, int64_t *seqs, ngx_uint_t limit,
    ngx_uint_t *n)
{
    int         rc;
    ngx_uint_t  i, j, nretrying, npending;
    int64_t     retrying[NGX_TRIGGERS_LEASE_MAX];
    int64_t     pending[NGX_TRIGGERS_LEASE_MAX];

    nretrying = limit - *n;
    npending = nretrying;

    rc = ngx_triggers_sqlite_event_lane(store,
                         ngx_triggers_sqlite_lane(NGX_TRIGGERS_RETRYING,
                                                  NGX_TRIGGERS_HOLD_NONE,
                                                  priority),
                         owner, 0, retrying, &nretrying);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_event_lane(store,
                         ngx_triggers_sqlite_lane(NGX_TRIGGERS_PENDING,
                                                  NGX_TRIGGERS_HOLD_NONE,
                                                  priority),
                         owner, 0, pending, &npending);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    i = 0;
    j = 0;

    while (*n < limit && (i < nretrying || j < npending)) {

        if (j == npending || (i < nretrying && retrying[i] < pending[j])) {
            seqs[(*n)++] = retrying[i++];

        } else {
            seqs[(*n)++] = pending[j++];
        }
    }

    return SQLITE_OK;
}


/* candidates that have been found a moment ago; one is named once */

static int
ngx_triggers_sqlite_lease_named(ngx_triggers_store_t *store, ngx_str_t *ids,
    int64_t owner, int64_t *seqs, ngx_uint_t limit, ngx_uint_t *n)
{
    int                           rc;
    u_char                       *id;
    ngx_uint_t                    i;
    ngx_triggers_sqlite_event_t   event;

    for (id = ids->data;
         id + NGX_TRIGGERS_ID_LEN <= ids->data + ids->len && *n < limit;
         id += NGX_TRIGGERS_ID_LEN)
    {
        rc = ngx_triggers_sqlite_event_find_id(store, id, &event);
        if (rc != SQLITE_OK) {
            return rc;
        }

        if (!ngx_triggers_sqlite_event_is_ready(&event)
            || (owner && event.owner != owner))
        {
            continue;
        }

        for (i = 0; i < *n; i++) {
            if (seqs[i] == event.seq) {
                break;
            }
        }

        if (i == *n) {
            seqs[(*n)++] = event.seq;
        }
    }

    return SQLITE_OK;
}


/* makes it the present lease */

static int
ngx_triggers_sqlite_lease_add(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, int64_t owner, int64_t *seqs,
    ngx_uint_t n)
{
    int                           rc;
    u_char                       *p;
    ngx_uint_t                    i, j;
    sqlite3_stmt                 *stmt;
    ngx_triggers_sqlite_lease_t  *lease;
    u_char                        blob[8 * NGX_TRIGGERS_LEASE_MAX];

    rc = ngx_triggers_sqlite_lease_flush(store);
    if (rc != SQLITE_OK) {
        return rc;
    }

    p = blob;

    for (i = 0; i < n; i++) {
        for (j = 0; j < 8; j++) {
            *p++ = (u_char) ((uint64_t) seqs[i] >> (56 - 8 * j));
        }
    }

    lease = &store->lease;

    lease->number = 0;
    ngx_memcpy(lease->id, mutation->id, NGX_TRIGGERS_ID_LEN);
    lease->owner = owner;
    lease->until = ngx_triggers_sqlite_lease_end(store, mutation);
    lease->max_attempts = mutation->lease->max_attempts;
    lease->remaining = (int64_t) n;
    lease->n = n;
    ngx_memcpy(lease->seqs, seqs, n * sizeof(int64_t));

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_LEASE_ADD];

    sqlite3_bind_blob(stmt, 1, lease->id, NGX_TRIGGERS_ID_LEN, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, lease->owner);
    sqlite3_bind_int64(stmt, 3, lease->until);
    sqlite3_bind_int64(stmt, 4, lease->max_attempts);
    sqlite3_bind_int64(stmt, 5, lease->remaining);
    sqlite3_bind_blob(stmt, 6, blob, (int) (8 * n), SQLITE_STATIC);

    rc = ngx_triggers_sqlite_exec(stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    lease->number = sqlite3_last_insert_rowid(store->db);

    return ngx_triggers_sqlite_due_add(store, lease->until,
                                       NGX_TRIGGERS_DUE_LEASE, lease->number);
}


/*
 * The time that a record has waited is not taken from its lease, which might
 * be over before anybody has heard of it.
 */

static int64_t
ngx_triggers_sqlite_lease_end(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation)
{
    return mutation->lease->until + ngx_max(store->clock - mutation->time, 0);
}


static int
ngx_triggers_sqlite_lease_take(ngx_triggers_store_t *store, int64_t seq,
    int64_t now)
{
    int                          rc;
    ngx_triggers_sqlite_event_t  event;

    rc = ngx_triggers_sqlite_event_find_seq(store, seq, &event);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (!ngx_triggers_sqlite_event_is_ready(&event)) {

        /* the lanes and the states do not agree */

        return SQLITE_CORRUPT;
    }

    event.hold = NGX_TRIGGERS_HOLD_LEASE;
    event.lease = store->lease.number;
    event.leased_until = store->lease.until;
    event.updated_at = now;

    if (event.attempts) {
        event.retry_count++;
        event.last_retry_at = now;
    }

    return ngx_triggers_sqlite_event_save(store, &event);
}


int
ngx_triggers_sqlite_lease_apply(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int         rc;
    int64_t     now;
    ngx_uint_t  found;

    rc = ngx_triggers_sqlite_lease_find(store, mutation, &found);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (!found) {
        result->rc = NGX_TRIGGERS_RC_LEASE_OVER;
        return SQLITE_OK;
    }

    /* who never got it has not had it for any time */

    if (mutation->op == NGX_TRIGGERS_OP_LEASE_UNDO) {
        return ngx_triggers_sqlite_lease_undo(store, mutation, result);
    }

    now = ngx_max(mutation->time, store->clock);

    if (store->lease.until <= now) {
        result->rc = NGX_TRIGGERS_RC_LEASE_OVER;
        return SQLITE_OK;
    }

    if (mutation->op == NGX_TRIGGERS_OP_LEASE_EXTEND) {
        return ngx_triggers_sqlite_lease_extend(store, mutation, result);
    }

    return ngx_triggers_sqlite_lease_event(store, mutation, result);
}


static int
ngx_triggers_sqlite_lease_event(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                          rc;
    ngx_triggers_sqlite_event_t  event;

    rc = ngx_triggers_sqlite_event_find(store, mutation, &event, result);

    if (rc != SQLITE_OK || result->rc != NGX_TRIGGERS_RC_OK) {
        return rc;
    }

    if (event.lease != store->lease.number) {
        result->rc = (event.status == NGX_TRIGGERS_ACKNOWLEDGED)
                         ? NGX_TRIGGERS_RC_CONFLICT
                         : NGX_TRIGGERS_RC_NOT_LEASED;
        return SQLITE_OK;
    }

    if (mutation->op == NGX_TRIGGERS_OP_LEASE_RELEASE) {
        return ngx_triggers_sqlite_lease_release(store, mutation, &event);
    }

    return ngx_triggers_sqlite_event_end(store, &event,
                                         NGX_TRIGGERS_ACKNOWLEDGED,
                                         mutation->time);
}


static int
ngx_triggers_sqlite_lease_release(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_sqlite_event_t *event)
{
    int                           rc;
    int64_t                       at;
    ngx_str_t                    *error;
    ngx_triggers_attempt_t        attempt;
    ngx_triggers_lease_change_t  *change;

    change = mutation->lease;
    at = change->delay ? mutation->time + change->delay : 0;
    error = change->error.data ? &change->error
                               : &ngx_triggers_sqlite_released;

    ngx_memzero(&attempt, sizeof(ngx_triggers_attempt_t));

    attempt.at = mutation->time;
    attempt.outcome = NGX_TRIGGERS_ATTEMPT_RELEASED;
    attempt.duration = -1;
    attempt.error = change->error;

    rc = ngx_triggers_sqlite_attempt_add(store, event->seq, 0, &attempt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_event_again(store, event,
                                           store->lease.max_attempts, at,
                                           error, mutation->time);
}


static int
ngx_triggers_sqlite_lease_extend(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                           rc;
    ngx_uint_t                    i;
    ngx_triggers_sqlite_event_t   event;
    ngx_triggers_sqlite_lease_t  *lease;

    lease = &store->lease;

    rc = ngx_triggers_sqlite_due_delete(store, lease->until,
                                        NGX_TRIGGERS_DUE_LEASE, lease->number);

    if (rc == SQLITE_OK) {
        lease->until = ngx_triggers_sqlite_lease_end(store, mutation);
        lease->changed = 1;

        rc = ngx_triggers_sqlite_due_add(store, lease->until,
                                         NGX_TRIGGERS_DUE_LEASE,
                                         lease->number);
    }

    for (i = 0; i < lease->n && rc == SQLITE_OK; i++) {
        rc = ngx_triggers_sqlite_lease_in(store, i, &event);

        if (rc == SQLITE_OK && event.seq) {
            event.leased_until = lease->until;
            rc = ngx_triggers_sqlite_event_save(store, &event);
        }
    }

    result->time = lease->until;

    return rc;
}


static int
ngx_triggers_sqlite_lease_undo(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                          rc;
    ngx_uint_t                   i;
    ngx_triggers_sqlite_event_t  event;

    rc = SQLITE_OK;

    for (i = 0; i < store->lease.n && rc == SQLITE_OK; i++) {
        rc = ngx_triggers_sqlite_lease_in(store, i, &event);

        if (rc != SQLITE_OK || event.seq == 0) {
            continue;
        }

        if (event.attempts) {
            event.retry_count--;
        }

        event.updated_at = mutation->time;
        result->count++;

        rc = ngx_triggers_sqlite_event_release(store, &event);

        if (rc == SQLITE_OK) {
            rc = ngx_triggers_sqlite_event_save(store, &event);
        }
    }

    return rc;
}


int
ngx_triggers_sqlite_lease_expire(ngx_triggers_store_t *store, int64_t number,
    int64_t at)
{
    int                          rc;
    ngx_uint_t                   i;
    ngx_triggers_attempt_t       attempt;
    ngx_triggers_sqlite_event_t  event;

    rc = ngx_triggers_sqlite_lease_load_number(store, number);

    if (rc != SQLITE_OK || store->lease.number == 0
        || store->lease.until != at)
    {
        return rc;
    }

    ngx_memzero(&attempt, sizeof(ngx_triggers_attempt_t));

    attempt.at = at;
    attempt.outcome = NGX_TRIGGERS_ATTEMPT_EXPIRED;
    attempt.duration = -1;
    attempt.error = ngx_triggers_sqlite_ran_out;

    for (i = 0; i < store->lease.n && rc == SQLITE_OK; i++) {
        rc = ngx_triggers_sqlite_lease_in(store, i, &event);

        if (rc != SQLITE_OK || event.seq == 0) {
            continue;
        }

        store->swept++;
        store->moves.expired++;

        rc = ngx_triggers_sqlite_attempt_add(store, event.seq, 0, &attempt);

        if (rc == SQLITE_OK) {
            rc = ngx_triggers_sqlite_event_again(store, &event,
                                            store->lease.max_attempts, 0,
                                            &ngx_triggers_sqlite_ran_out,
                                            store->clock);
        }
    }

    return rc;
}


int
ngx_triggers_sqlite_lease_leave(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    int  rc;

    rc = ngx_triggers_sqlite_lease_load_number(store, event->lease);

    if (rc == SQLITE_OK && store->lease.number) {
        store->lease.remaining--;
        store->lease.changed = 1;
    }

    return rc;
}


/* makes the mutation's lease the present one, if there is one for the asker */

static int
ngx_triggers_sqlite_lease_find(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_uint_t *found)
{
    int            rc;
    int64_t        owner;
    sqlite3_stmt  *stmt;

    *found = 0;
    owner = 0;

    if (!mutation->any_owner) {
        rc = ngx_triggers_sqlite_owner_find(store, &mutation->user_id, 0,
                                            &owner);

        if (rc != SQLITE_OK || owner == 0) {
            return rc;
        }
    }

    if (store->lease.number == 0
        || ngx_memcmp(store->lease.id, mutation->lease->id,
                      NGX_TRIGGERS_ID_LEN)
           != 0)
    {
        stmt = store->stmt[NGX_TRIGGERS_SQLITE_LEASE_BY_ID];

        sqlite3_bind_blob(stmt, 1, mutation->lease->id, NGX_TRIGGERS_ID_LEN,
                          SQLITE_STATIC);

        rc = ngx_triggers_sqlite_lease_load(store, stmt);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    *found = (store->lease.number && store->lease.remaining > 0
              && (mutation->any_owner || store->lease.owner == owner));

    return SQLITE_OK;
}


static int
ngx_triggers_sqlite_lease_load_number(ngx_triggers_store_t *store,
    int64_t number)
{
    sqlite3_stmt  *stmt;

    if (number && store->lease.number == number) {
        return SQLITE_OK;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_LEASE_BY_NUMBER];

    sqlite3_bind_int64(stmt, 1, number);

    return ngx_triggers_sqlite_lease_load(store, stmt);
}


/* the number of the present lease is 0 if there is none */

static int
ngx_triggers_sqlite_lease_load(ngx_triggers_store_t *store, sqlite3_stmt *stmt)
{
    int  rc;

    rc = ngx_triggers_sqlite_lease_flush(store);
    if (rc != SQLITE_OK) {
        return rc;
    }

    store->lease.number = 0;

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        ngx_triggers_sqlite_lease_row(&store->lease, stmt);
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static void
ngx_triggers_sqlite_lease_row(ngx_triggers_sqlite_lease_t *lease,
    sqlite3_stmt *stmt)
{
    uint64_t       seq;
    ngx_uint_t     i, j;
    const u_char  *p;

    lease->number = sqlite3_column_int64(stmt, 0);

    ngx_memzero(lease->id, NGX_TRIGGERS_ID_LEN);

    if (sqlite3_column_bytes(stmt, 1) == NGX_TRIGGERS_ID_LEN) {
        ngx_memcpy(lease->id, sqlite3_column_blob(stmt, 1),
                   NGX_TRIGGERS_ID_LEN);
    }

    lease->owner = sqlite3_column_int64(stmt, 2);
    lease->until = sqlite3_column_int64(stmt, 3);
    lease->max_attempts = sqlite3_column_int64(stmt, 4);
    lease->remaining = sqlite3_column_int64(stmt, 5);

    p = sqlite3_column_blob(stmt, 6);

    lease->n = (ngx_uint_t) sqlite3_column_bytes(stmt, 6) / 8;
    lease->n = ngx_min(lease->n, NGX_TRIGGERS_LEASE_MAX);

    for (i = 0; i < lease->n; i++) {
        seq = 0;

        for (j = 0; j < 8; j++) {
            seq = seq << 8 | *p++;
        }

        lease->seqs[i] = (int64_t) seq;
    }
}


/* event number i of the present lease; seq is 0 if it has left it */

static int
ngx_triggers_sqlite_lease_in(ngx_triggers_store_t *store, ngx_uint_t i,
    ngx_triggers_sqlite_event_t *event)
{
    int  rc;

    rc = ngx_triggers_sqlite_event_find_seq(store, store->lease.seqs[i],
                                            event);

    if (rc == SQLITE_OK
        && (event->hold != NGX_TRIGGERS_HOLD_LEASE
            || event->lease != store->lease.number))
    {
        event->seq = 0;
    }

    return rc;
}


int
ngx_triggers_sqlite_lease_flush(ngx_triggers_store_t *store)
{
    int                           rc;
    sqlite3_stmt                 *stmt;
    ngx_triggers_sqlite_lease_t  *lease;

    lease = &store->lease;

    if (!lease->changed) {
        return SQLITE_OK;
    }

    lease->changed = 0;

    if (lease->remaining > 0) {
        stmt = store->stmt[NGX_TRIGGERS_SQLITE_LEASE_SET];

        sqlite3_bind_int64(stmt, 1, lease->number);
        sqlite3_bind_int64(stmt, 2, lease->remaining);
        sqlite3_bind_int64(stmt, 3, lease->until);

        return ngx_triggers_sqlite_exec(stmt);
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_LEASE_DELETE];

    sqlite3_bind_int64(stmt, 1, lease->number);

    rc = ngx_triggers_sqlite_exec(stmt);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_due_delete(store, lease->until,
                                            NGX_TRIGGERS_DUE_LEASE,
                                            lease->number);
    }

    lease->number = 0;

    return rc;
}
