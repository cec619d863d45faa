
/*
 * The SQLite store: writing.  A batch is one transaction; all rows of a new
 * event go to the right edges of their tables, counts are summed in memory
 * and written once per batch.
 *
 * Every check is a SELECT before the first write of a record, so a refused
 * record leaves nothing to undo and needs no savepoint.  What is in memory
 * (store row, count deltas, cached owners) belongs to the transaction: begin
 * reads the row, rollback drops the rest.
 *
 * created_at is made monotone in seq: an event whose clock is behind gets the
 * time of its predecessor.  Readers turn ranges of time into ranges of seq.
 */


#include "ngx_triggers_sqlite.h"


#define NGX_TRIGGERS_SQLITE_RING_KEEP  (7 * 24 * 3600 * 1000LL)    /* ms */


static int ngx_triggers_sqlite_lead(ngx_triggers_store_t *store,
    uint64_t nonce, uint64_t *position);
static int ngx_triggers_sqlite_ring_find(ngx_triggers_store_t *store,
    uint64_t nonce, uint64_t *position);
static int ngx_triggers_sqlite_ring_set(ngx_triggers_store_t *store,
    uint64_t nonce, uint64_t position);
static int ngx_triggers_sqlite_ring_keep(ngx_triggers_store_t *store,
    int64_t now);
static void ngx_triggers_sqlite_owner_keep(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_owner_t *cached, int64_t owner, ngx_str_t *name);
static uint32_t ngx_triggers_sqlite_hash(u_char *data, size_t len);
static int ngx_triggers_sqlite_count_flush(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_count_add(ngx_triggers_store_t *store,
    int64_t owner, int64_t *n);


ngx_int_t
ngx_triggers_store_lead(ngx_triggers_store_t *store, uint64_t nonce,
    uint64_t *position)
{
    int        code;
    ngx_int_t  rc;

    rc = ngx_triggers_store_begin(store);
    if (rc != NGX_OK) {
        return rc;
    }

    code = ngx_triggers_sqlite_lead(store, nonce, position);
    if (code != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, code, "taking the lead");
    }

    ngx_triggers_sqlite_webhooks_commit(store);
    ngx_triggers_sqlite_healthy(store);

    return NGX_OK;
}


ngx_int_t
ngx_triggers_store_begin(ngx_triggers_store_t *store)
{
    int  rc;

    if (store->db == NULL) {
        return NGX_ERROR;
    }

    if (!store->locked) {
        return NGX_AGAIN;
    }

    ngx_set_errno(0);

    ngx_memzero(store->added, sizeof(store->added));
    ngx_memzero(&store->moves, sizeof(ngx_triggers_moves_t));

    rc = ngx_triggers_sqlite_exec(store->stmt[NGX_TRIGGERS_SQLITE_BEGIN]);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, rc, "BEGIN");
    }

    rc = ngx_triggers_sqlite_load(store);

    if (rc == SQLITE_OK && store->keys == NULL) {
        rc = ngx_triggers_sqlite_keys_load(store);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_webhooks_load(store);
    }

    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, rc, "SELECT");
    }

    return NGX_OK;
}


ngx_int_t
ngx_triggers_store_apply(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int  rc;

    /* outside a transaction a write would commit by itself */

    if (store->db == NULL || sqlite3_get_autocommit(store->db)) {
        return NGX_ERROR;
    }

    result->rc = NGX_TRIGGERS_RC_OK;
    result->count = 0;
    result->time = mutation->time;
    ngx_memcpy(result->id, mutation->id, NGX_TRIGGERS_ID_LEN);

    /* what the deliverer tells is our own doing */

    store->asker = (mutation->op == NGX_TRIGGERS_OP_DELIVERY) ? NULL
                                                              : mutation;

    switch (mutation->op) {

    case NGX_TRIGGERS_OP_CREATE:
        rc = ngx_triggers_sqlite_event_create(store, mutation, result);
        break;

    case NGX_TRIGGERS_OP_ACKNOWLEDGE:
        rc = ngx_triggers_sqlite_event_acknowledge(store, mutation, result);
        break;

    case NGX_TRIGGERS_OP_DELETE:
        rc = ngx_triggers_sqlite_event_delete(store, mutation, result);
        break;

    case NGX_TRIGGERS_OP_RETRY:
        rc = ngx_triggers_sqlite_event_retry(store, mutation, result);
        break;

    case NGX_TRIGGERS_OP_RETRY_ALL:
        rc = ngx_triggers_sqlite_event_retry_all(store, mutation, result);
        break;

    case NGX_TRIGGERS_OP_LEASE:
        rc = ngx_triggers_sqlite_lease_give(store, mutation, result);
        break;

    case NGX_TRIGGERS_OP_LEASE_ACK:
    case NGX_TRIGGERS_OP_LEASE_RELEASE:
    case NGX_TRIGGERS_OP_LEASE_EXTEND:
    case NGX_TRIGGERS_OP_LEASE_UNDO:
        rc = ngx_triggers_sqlite_lease_apply(store, mutation, result);
        break;

    case NGX_TRIGGERS_OP_DELIVERY:
        rc = ngx_triggers_sqlite_delivery_apply(store, mutation, result);
        break;

    case NGX_TRIGGERS_OP_WEBHOOK_CREATE:
    case NGX_TRIGGERS_OP_WEBHOOK_UPDATE:
    case NGX_TRIGGERS_OP_WEBHOOK_ROTATE:
    case NGX_TRIGGERS_OP_WEBHOOK_DELETE:
        rc = ngx_triggers_sqlite_webhook_apply(store, mutation, result);
        break;

    case NGX_TRIGGERS_OP_KEY_CREATE:
    case NGX_TRIGGERS_OP_KEY_UPDATE:
    case NGX_TRIGGERS_OP_KEY_ROTATE:
    case NGX_TRIGGERS_OP_KEY_REVOKE:
        rc = ngx_triggers_sqlite_api_key_apply(store, mutation, result);
        break;

    default:
        ngx_log_error(NGX_LOG_ALERT, store->log, 0,
                      "triggers store \"%V\": unknown operation %ui",
                      &store->path, mutation->op);

        result->rc = NGX_TRIGGERS_RC_FAILED;
        rc = SQLITE_OK;
    }

    store->asker = NULL;

    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, rc, "writing");
    }

    return NGX_OK;
}


ngx_int_t
ngx_triggers_store_commit(ngx_triggers_store_t *store, uint64_t nonce,
    uint64_t position)
{
    int  rc;

    if (store->db == NULL || sqlite3_get_autocommit(store->db)) {
        return NGX_ERROR;
    }

    ngx_set_errno(0);

    rc = ngx_triggers_sqlite_flush(store);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_ring_set(store, nonce, position);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_save(store);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_api_keys_save(store);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_webhooks_save(store);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_exec(store->stmt[NGX_TRIGGERS_SQLITE_COMMIT]);
    }

    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, rc, "COMMIT");
    }

    ngx_triggers_sqlite_totals_commit(store);
    ngx_triggers_sqlite_keys_commit(store);
    ngx_triggers_sqlite_webhooks_commit(store);
    ngx_triggers_sqlite_watch_commit(store);

    store->api_keys_version += store->api_keys_changed;
    store->api_keys_changed = 0;

    ngx_triggers_sqlite_healthy(store);

    return NGX_OK;
}


/*
 * Some errors have already rolled back, and none of the cached statements
 * may stand between: an error leaves them reset.
 */

void
ngx_triggers_store_rollback(ngx_triggers_store_t *store)
{
    ngx_uint_t  i;

    if (store->db && !sqlite3_get_autocommit(store->db)) {
        (void) sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }

    for (i = 0; i < store->nused; i++) {
        ngx_memzero(store->used[i], sizeof(ngx_triggers_sqlite_delta_t));
    }

    store->nused = 0;
    store->api_keys_changed = 0;
    ngx_memzero(store->sums, sizeof(store->sums));

    /* may name owners that exist no more */
    ngx_memzero(store->owners, sizeof(store->owners));

    store->lease.number = 0;
    store->lease.changed = 0;

    /* to be read again */
    store->next_due = 0;

    ngx_triggers_sqlite_keys_rollback(store);
    ngx_triggers_sqlite_webhooks_rollback(store);
    ngx_triggers_sqlite_watch_rollback(store);
}


int
ngx_triggers_sqlite_flush(ngx_triggers_store_t *store)
{
    int  rc;

    rc = ngx_triggers_sqlite_lease_flush(store);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_count_flush(store);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_count_add(store, 0, store->sums);
    }

    return rc;
}


int
ngx_triggers_sqlite_load(ngx_triggers_store_t *store)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_LOAD];

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        store->next_seq = sqlite3_column_int64(stmt, 0);
        store->total_events = sqlite3_column_int64(stmt, 1);
        store->merged_through = sqlite3_column_int64(stmt, 2);
        store->last_created_at = sqlite3_column_int64(stmt, 3);
        store->indexed_through = sqlite3_column_int64(stmt, 4);
        store->api_keys_version = sqlite3_column_int64(stmt, 5);
        store->ring_nonce = (uint64_t) sqlite3_column_int64(stmt, 6);
        store->ring_position = (uint64_t) sqlite3_column_int64(stmt, 7);
        store->webhooks_version = sqlite3_column_int64(stmt, 8);
        store->next_audit = sqlite3_column_int64(stmt, 9);
        store->archive_at = sqlite3_column_int64(stmt, 10);
        store->archive_seq = sqlite3_column_int64(stmt, 11);
        store->archive_written = (ngx_uint_t) sqlite3_column_int64(stmt, 12);
        rc = SQLITE_OK;

    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT;
    }

    (void) sqlite3_reset(stmt);

    return rc;
}


/* another tree may have written since */

int
ngx_triggers_sqlite_totals_load(ngx_triggers_store_t *store)
{
    int            rc;
    int64_t        status;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_COUNTS];

    ngx_memzero(store->totals.events, sizeof(store->totals.events));
    store->totals.total_events = store->total_events;

    for ( ;; ) {
        rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW) {
            break;
        }

        status = sqlite3_column_int64(stmt, 0);

        if (status >= 0 && status < NGX_TRIGGERS_NSTATUS) {
            store->totals.events[status] = sqlite3_column_int64(stmt, 1);
        }
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


void
ngx_triggers_sqlite_totals_commit(ngx_triggers_store_t *store)
{
    ngx_uint_t  status;

    store->totals.total_events = store->total_events;

    for (status = 0; status < NGX_TRIGGERS_NSTATUS; status++) {
        store->totals.events[status] += store->added[status];
        store->totals.moves.entered[status] += store->moves.entered[status];
    }

    store->totals.moves.expired += store->moves.expired;
}


ngx_triggers_totals_t *
ngx_triggers_store_totals(ngx_triggers_store_t *store)
{
    return &store->totals;
}


ngx_triggers_moves_t *
ngx_triggers_store_moves(ngx_triggers_store_t *store)
{
    return &store->moves;
}


int
ngx_triggers_sqlite_save(ngx_triggers_store_t *store)
{
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_SAVE];

    sqlite3_bind_int64(stmt, 1, store->next_seq);
    sqlite3_bind_int64(stmt, 2, store->total_events);
    sqlite3_bind_int64(stmt, 3, store->merged_through);
    sqlite3_bind_int64(stmt, 4, store->last_created_at);
    sqlite3_bind_int64(stmt, 5, store->indexed_through);
    sqlite3_bind_int64(stmt, 6, (int64_t) store->ring_nonce);
    sqlite3_bind_int64(stmt, 7, (int64_t) store->ring_position);
    sqlite3_bind_int64(stmt, 8, store->next_audit);

    return ngx_triggers_sqlite_exec(stmt);
}


/*
 * A transaction without a changed page would be committed without a sync:
 * epoch is what changes for certain.
 */

static int
ngx_triggers_sqlite_lead(ngx_triggers_store_t *store, uint64_t nonce,
    uint64_t *position)
{
    int            rc;
    int64_t        now;
    sqlite3_stmt  *stmt;

    now = ngx_triggers_wall_ms();

    rc = ngx_triggers_sqlite_ring_keep(store, now);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_exec(store->stmt[NGX_TRIGGERS_SQLITE_EPOCH]);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_RING_LEAD];
    sqlite3_bind_int64(stmt, 1, (int64_t) nonce);
    sqlite3_bind_int64(stmt, 2, now);

    rc = ngx_triggers_sqlite_exec(stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_RING_PRUNE];
    sqlite3_bind_int64(stmt, 1, (int64_t) nonce);
    sqlite3_bind_int64(stmt, 2, now - NGX_TRIGGERS_SQLITE_RING_KEEP);

    rc = ngx_triggers_sqlite_exec(stmt);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_ring_find(store, nonce, position);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_webhooks_lead(store);
    }

    if (rc == SQLITE_OK) {
        store->ring_nonce = nonce;
        store->ring_position = *position;
        rc = ngx_triggers_sqlite_save(store);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_exec(store->stmt[NGX_TRIGGERS_SQLITE_COMMIT]);
}


static int
ngx_triggers_sqlite_ring_find(ngx_triggers_store_t *store, uint64_t nonce,
    uint64_t *position)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_RING_FIND];
    sqlite3_bind_int64(stmt, 1, (int64_t) nonce);

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        *position = (uint64_t) sqlite3_column_int64(stmt, 0);
        rc = SQLITE_OK;
    }

    (void) sqlite3_reset(stmt);

    return rc;
}


/* two trees take turns during a binary upgrade, each with a ring of its own */

static int
ngx_triggers_sqlite_ring_set(ngx_triggers_store_t *store, uint64_t nonce,
    uint64_t position)
{
    int  rc;

    if (store->ring_nonce != nonce) {
        rc = ngx_triggers_sqlite_ring_keep(store, ngx_triggers_wall_ms());
        if (rc != SQLITE_OK) {
            return rc;
        }

        store->ring_nonce = nonce;
    }

    store->ring_position = position;

    return SQLITE_OK;
}


/* moves the ring of the last batch from the row of "store" into "rings" */

static int
ngx_triggers_sqlite_ring_keep(ngx_triggers_store_t *store, int64_t now)
{
    sqlite3_stmt  *stmt;

    if (store->ring_nonce == 0) {
        return SQLITE_OK;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_RING_SAVE];

    sqlite3_bind_int64(stmt, 1, (int64_t) store->ring_nonce);
    sqlite3_bind_int64(stmt, 2, (int64_t) store->ring_position);
    sqlite3_bind_int64(stmt, 3, now);

    return ngx_triggers_sqlite_exec(stmt);
}


int
ngx_triggers_sqlite_owner_find(ngx_triggers_store_t *store,
    ngx_str_t *user_id, ngx_uint_t create, int64_t *owner)
{
    int                           rc;
    uint32_t                      hash;
    ngx_str_t                     name;
    sqlite3_stmt                 *stmt;
    ngx_triggers_sqlite_owner_t  *cached;

    name = *user_id;

    if (name.data == NULL) {
        ngx_str_set(&name, "");
    }

    hash = ngx_triggers_sqlite_hash(name.data, name.len);
    cached = &store->owners[hash & (NGX_TRIGGERS_SQLITE_CACHE - 1)];

    if (cached->owner && cached->len == name.len
        && ngx_memcmp(cached->name, name.data, name.len) == 0)
    {
        *owner = cached->owner;
        return SQLITE_OK;
    }

    *owner = 0;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_OWNER_FIND];

    rc = ngx_triggers_sqlite_bind_text(stmt, 1, &name);
    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        *owner = sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_reset(stmt);

    if (rc == SQLITE_DONE) {

        if (!create) {
            return SQLITE_OK;
        }

        stmt = store->stmt[NGX_TRIGGERS_SQLITE_OWNER_ADD];
        (void) ngx_triggers_sqlite_bind_text(stmt, 1, &name);

        rc = ngx_triggers_sqlite_exec(stmt);
        if (rc != SQLITE_OK) {
            return rc;
        }

        *owner = sqlite3_last_insert_rowid(store->db);

    } else if (rc != SQLITE_ROW) {
        return rc;
    }

    ngx_triggers_sqlite_owner_keep(store, cached, *owner, &name);

    return SQLITE_OK;
}


int
ngx_triggers_sqlite_owner_name(ngx_triggers_store_t *store, int64_t owner,
    ngx_str_t *user_id)
{
    int                           rc;
    uint32_t                      hash;
    ngx_str_t                     name;
    sqlite3_stmt                 *stmt;
    ngx_triggers_sqlite_owner_t  *cached;

    cached = &store->owners[store->places[owner
                                          & (NGX_TRIGGERS_SQLITE_CACHE - 1)]];

    if (cached->owner == owner) {
        user_id->data = cached->name;
        user_id->len = cached->len;
        return SQLITE_OK;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_OWNER_NAME];

    sqlite3_bind_int64(stmt, 1, owner);

    rc = sqlite3_step(stmt);

    user_id->data = store->name;
    user_id->len = 0;

    if (rc == SQLITE_ROW) {
        ngx_triggers_sqlite_column_text(stmt, 0, &name);

        user_id->len = ngx_min(name.len, NGX_TRIGGERS_SQLITE_NAME_LEN);
        ngx_memcpy(store->name, name.data, user_id->len);
    }

    (void) sqlite3_reset(stmt);

    if (rc != SQLITE_ROW) {
        return (rc == SQLITE_DONE) ? SQLITE_OK : rc;
    }

    hash = ngx_triggers_sqlite_hash(user_id->data, user_id->len);
    cached = &store->owners[hash & (NGX_TRIGGERS_SQLITE_CACHE - 1)];

    ngx_triggers_sqlite_owner_keep(store, cached, owner, user_id);

    return SQLITE_OK;
}


static void
ngx_triggers_sqlite_owner_keep(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_owner_t *cached, int64_t owner, ngx_str_t *name)
{
    if (name->len > NGX_TRIGGERS_SQLITE_CACHE_LEN) {
        return;
    }

    cached->owner = owner;
    cached->len = name->len;
    ngx_memcpy(cached->name, name->data, name->len);

    store->places[owner & (NGX_TRIGGERS_SQLITE_CACHE - 1)]
        = (uint16_t) (cached - store->owners);
}


/* FNV-1a */

static uint32_t
ngx_triggers_sqlite_hash(u_char *data, size_t len)
{
    size_t    i;
    uint32_t  hash;

    hash = 2166136261u;

    for (i = 0; i < len; i++) {
        hash = (hash ^ data[i]) * 16777619u;
    }

    return hash ^ (hash >> 15);
}


int
ngx_triggers_sqlite_count(ngx_triggers_store_t *store, int64_t owner,
    ngx_uint_t status, int64_t n)
{
    int                           rc;
    uint64_t                      i;
    ngx_triggers_sqlite_delta_t  *delta;

    if (store->nused == NGX_TRIGGERS_SQLITE_DELTAS / 2) {
        rc = ngx_triggers_sqlite_count_flush(store);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    /* at most half of the table is in use, so a free place is found */

    for (i = (uint64_t) owner; /* void */ ; i++) {
        delta = &store->deltas[i & (NGX_TRIGGERS_SQLITE_DELTAS - 1)];

        if (delta->owner == owner) {
            break;
        }

        if (delta->owner == 0) {
            delta->owner = owner;
            store->used[store->nused++] = delta;
            break;
        }
    }

    delta->n[status] += n;
    store->sums[status] += n;
    store->added[status] += n;

    if (n > 0) {
        store->moves.entered[status] += n;
    }

    return SQLITE_OK;
}


/* Writes the deltas of the owners; the sum over all is left to the commit. */

static int
ngx_triggers_sqlite_count_flush(ngx_triggers_store_t *store)
{
    int                           rc;
    ngx_triggers_sqlite_delta_t  *delta;

    while (store->nused) {
        delta = store->used[store->nused - 1];

        rc = ngx_triggers_sqlite_count_add(store, delta->owner, delta->n);
        if (rc != SQLITE_OK) {
            return rc;
        }

        delta->owner = 0;
        store->nused--;
    }

    return SQLITE_OK;
}


/* adds the numbers of one owner and sets them to zero */

static int
ngx_triggers_sqlite_count_add(ngx_triggers_store_t *store, int64_t owner,
    int64_t *n)
{
    int            rc;
    ngx_uint_t     status;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_COUNT_ADD];

    for (status = 0; status < NGX_TRIGGERS_NSTATUS; status++) {

        if (n[status] == 0) {
            continue;
        }

        sqlite3_bind_int64(stmt, 1, owner);
        sqlite3_bind_int64(stmt, 2, (int64_t) status);
        sqlite3_bind_int64(stmt, 3, n[status]);

        rc = ngx_triggers_sqlite_exec(stmt);
        if (rc != SQLITE_OK) {
            return rc;
        }

        n[status] = 0;
    }

    return SQLITE_OK;
}


/*
 * Owners are numbered from 1, so up to the size of the filter the number of
 * bits is the number of owners.
 */

void
ngx_triggers_sqlite_tail_add(ngx_triggers_store_t *store, int64_t owner)
{
    uint64_t   bit, mask;
    uint64_t  *word;

    bit = (uint64_t) owner & (NGX_TRIGGERS_SQLITE_TAIL_BITS - 1);

    word = &store->tail[bit / 64];
    mask = 1ULL << (bit % 64);

    if (!(*word & mask)) {
        *word |= mask;
        store->tail_owners++;
    }
}


int
ngx_triggers_sqlite_bind_text(sqlite3_stmt *stmt, int n, ngx_str_t *text)
{
    if (text->data == NULL) {
        return sqlite3_bind_null(stmt, n);
    }

    return sqlite3_bind_text64(stmt, n, (const char *) text->data, text->len,
                               SQLITE_STATIC, SQLITE_UTF8);
}


void
ngx_triggers_sqlite_bind_time(sqlite3_stmt *stmt, int n, int64_t time)
{
    if (time) {
        sqlite3_bind_int64(stmt, n, time);

    } else {
        sqlite3_bind_null(stmt, n);
    }
}
