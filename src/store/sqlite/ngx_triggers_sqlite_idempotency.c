
/*
 * The SQLite store: idempotency keys.
 *
 * A key is known by a hash, and hashes are random: kept in a tree of their
 * own, each would dirty a page of its own in every batch.  So a new key is a
 * row at the right edge of "idempotency" and an entry of a table in memory,
 * the tail.  When the tail is long enough it is sorted and merged into
 * "idempotency_index" in small steps, in which neighbours share their pages,
 * while a new tail begins.  A lookup asks both tails and then the index.
 *
 * What is in memory only names rows, and a row is believed when it holds the
 * key, so that entries of a transaction that was rolled back do no harm.
 * Rows expire in the order of seq; what they leave in the index is removed by
 * a sweep that moves with the merge.
 */


#include "ngx_triggers_sqlite.h"


/*
 * Entries after which a tail is merged, and at which it is full; a test makes
 * all of this smaller.
 */

#ifndef NGX_TRIGGERS_SQLITE_SLICE
#define NGX_TRIGGERS_SQLITE_SLICE      65536
#define NGX_TRIGGERS_SQLITE_TAIL_FULL  131072

#define NGX_TRIGGERS_SQLITE_STEP       512     /* entries of a merge step */
#define NGX_TRIGGERS_SQLITE_SWEEP      2048    /* rows of the index in it */
#define NGX_TRIGGERS_SQLITE_EXPIRE     2048    /* seqs looked at at once */
#endif


typedef struct {
    uint64_t                     hash;
    int64_t                      seq;          /* 0: free */
} ngx_triggers_sqlite_key_t;


/* open addressing; twice the places of a full tail */

typedef struct {
    ngx_uint_t                   n;
    ngx_triggers_sqlite_key_t    keys[2 * NGX_TRIGGERS_SQLITE_TAIL_FULL];
} ngx_triggers_sqlite_tail_t;


struct ngx_triggers_sqlite_keys_s {
    int64_t                      next_seq;     /* of the store, as of the last
                                                  commit that is known here */
    int64_t                      sweep;        /* hash at which it goes on */
    ngx_triggers_sqlite_tail_t  *tail;         /* that grows */
    ngx_triggers_sqlite_tail_t  *merged;       /* whose slice is being merged,
                                                  or an empty one */
    ngx_triggers_sqlite_key_t   *slice;        /* its entries, sorted */
    ngx_uint_t                   nslice;       /* 0: nothing is merged */
    ngx_uint_t                   next;         /* of them to be merged */
    int64_t                      through;      /* the slice's last seq */
    ngx_uint_t                   expired;      /* rows removed since it was
                                                  loaded */
    ngx_uint_t                   ahead;        /* flag: a slice has ended in
                                                  the present transaction */
};


typedef struct {
    int64_t                      seq;
    int64_t                      created_at;
    ngx_uint_t                   same;         /* flag: the request is */
    u_char                       id[NGX_TRIGGERS_ID_LEN];
} ngx_triggers_sqlite_used_t;


static int ngx_triggers_sqlite_keys_work(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_keys_merge(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_keys_expire(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_keys_search(ngx_triggers_store_t *store,
    ngx_str_t *hashes, int64_t now, ngx_triggers_sqlite_used_t *used);
static int ngx_triggers_sqlite_tail_search(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_tail_t *tail, ngx_str_t *hashes,
    ngx_triggers_sqlite_used_t *used);
static int ngx_triggers_sqlite_key_read(ngx_triggers_store_t *store,
    int64_t seq, ngx_str_t *hashes, ngx_triggers_sqlite_used_t *used);
static int ngx_triggers_sqlite_tail_put(ngx_triggers_store_t *store,
    uint64_t hash, int64_t seq);
static ngx_triggers_sqlite_tail_t *ngx_triggers_sqlite_tail_create(
    ngx_triggers_store_t *store);
static ngx_int_t ngx_triggers_sqlite_slice_start(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_slice_compare(const void *one,
    const void *two);
static int ngx_triggers_sqlite_slice_step(ngx_triggers_store_t *store);
static void ngx_triggers_sqlite_slice_end(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_keys_sweep(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_keys_oldest(ngx_triggers_store_t *store,
    int64_t *seq, int64_t *created_at);
static uint64_t ngx_triggers_sqlite_key_hash(const u_char *hashes);


int
ngx_triggers_sqlite_keys_load(ngx_triggers_store_t *store)
{
    int                          rc;
    uint64_t                     hash;
    sqlite3_stmt                *stmt;
    ngx_triggers_sqlite_keys_t  *keys;

    ngx_triggers_sqlite_keys_free(store);

    keys = ngx_calloc(sizeof(ngx_triggers_sqlite_keys_t), store->log);
    if (keys == NULL) {
        return SQLITE_NOMEM;
    }

    keys->next_seq = store->next_seq;
    keys->sweep = INT64_MIN;
    store->keys = keys;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_KEY_TAIL];
    sqlite3_bind_int64(stmt, 1, store->indexed_through);

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {

        if (sqlite3_column_bytes(stmt, 1) != NGX_TRIGGERS_KEY_HASH_LEN) {
            rc = SQLITE_CORRUPT;
            break;
        }

        hash = ngx_triggers_sqlite_key_hash(sqlite3_column_blob(stmt, 1));

        rc = ngx_triggers_sqlite_tail_put(store, hash,
                                          sqlite3_column_int64(stmt, 0));
        if (rc != SQLITE_OK) {
            break;
        }
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


void
ngx_triggers_sqlite_keys_free(ngx_triggers_store_t *store)
{
    if (store->keys == NULL) {
        return;
    }

    ngx_free(store->keys->tail);
    ngx_free(store->keys->merged);
    ngx_free(store->keys->slice);
    ngx_free(store->keys);

    store->keys = NULL;
}


int
ngx_triggers_sqlite_key_find(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, int64_t now,
    ngx_triggers_result_t *result)
{
    int                          rc;
    ngx_triggers_sqlite_used_t   used;

    rc = ngx_triggers_sqlite_keys_search(store, &mutation->idempotency, now,
                                         &used);

    if (rc != SQLITE_OK || used.seq == 0) {
        return rc;
    }

    result->rc = used.same ? NGX_TRIGGERS_RC_REPLAY
                           : NGX_TRIGGERS_RC_KEY_REUSED;
    result->time = used.created_at;
    ngx_memcpy(result->id, used.id, NGX_TRIGGERS_ID_LEN);

    return SQLITE_OK;
}


int
ngx_triggers_sqlite_key_add(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, int64_t created_at)
{
    int            rc;
    u_char        *hashes;
    sqlite3_stmt  *stmt;

    hashes = mutation->idempotency.data;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_KEY_ADD];

    sqlite3_bind_int64(stmt, 1, store->next_seq);
    sqlite3_bind_blob(stmt, 2, hashes, NGX_TRIGGERS_KEY_HASH_LEN,
                      SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 3, hashes + NGX_TRIGGERS_KEY_HASH_LEN,
                      NGX_TRIGGERS_REQUEST_HASH_LEN, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 4, mutation->id, NGX_TRIGGERS_ID_LEN,
                      SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 5, created_at);

    rc = ngx_triggers_sqlite_exec(stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_tail_put(store,
                                        ngx_triggers_sqlite_key_hash(hashes),
                                        store->next_seq);
}


void
ngx_triggers_sqlite_keys_commit(ngx_triggers_store_t *store)
{
    if (store->keys) {
        store->keys->next_seq = store->next_seq;
        store->keys->ahead = 0;
    }
}


/* next_seq never goes back, and a rollback leaves that of store behind */

void
ngx_triggers_sqlite_keys_check(ngx_triggers_store_t *store)
{
    if (store->keys && store->keys->next_seq != store->next_seq) {
        ngx_triggers_sqlite_keys_free(store);
    }
}


/*
 * Entries that were put name rows which are not there and will not be
 * believed; those that left the tail for the index are in neither.
 */

void
ngx_triggers_sqlite_keys_rollback(ngx_triggers_store_t *store)
{
    if (store->keys == NULL) {
        return;
    }

    if (store->keys->ahead) {
        ngx_triggers_sqlite_keys_free(store);
        return;
    }

    store->keys->next = 0;
    store->keys->through = ngx_min(store->keys->through,
                                   store->keys->next_seq - 1);
}


ngx_int_t
ngx_triggers_sqlite_keys_maintain(ngx_triggers_store_t *store,
    ngx_uint_t idle)
{
    int                          rc;
    int64_t                      seq, created_at;
    ngx_int_t                    code;
    ngx_uint_t                   merge;
    ngx_triggers_sqlite_keys_t  *keys;

    keys = store->keys;

    if (keys == NULL) {
        return NGX_OK;
    }

    merge = (keys->nslice
             || (keys->tail && keys->tail->n >= NGX_TRIGGERS_SQLITE_SLICE));

    if (merge) {
        code = ngx_triggers_sqlite_unsynced(store,
                                            ngx_triggers_sqlite_keys_work);

        if (code == NGX_OK && keys->next == keys->nslice) {
            ngx_triggers_sqlite_slice_end(store);
        }

        return (code == NGX_OK && keys->nslice) ? NGX_AGAIN : code;
    }

    if (!idle) {
        return NGX_OK;
    }

    rc = ngx_triggers_sqlite_keys_oldest(store, &seq, &created_at);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, rc, "SELECT");
    }

    if (seq == 0
        || created_at > ngx_triggers_wall_ms() - store->keys_ttl)
    {
        return NGX_OK;
    }

    code = ngx_triggers_sqlite_unsynced(store,
                                        ngx_triggers_sqlite_keys_expire);

    return (code == NGX_OK) ? NGX_AGAIN : code;
}


/* a step of the merge, the sweep and the expiry, in one transaction */

static int
ngx_triggers_sqlite_keys_work(ngx_triggers_store_t *store)
{
    int  rc;

    rc = ngx_triggers_sqlite_keys_merge(store);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_keys_expire(store);
    }

    return rc;
}


static int
ngx_triggers_sqlite_keys_merge(ngx_triggers_store_t *store)
{
    int                          rc;
    ngx_triggers_sqlite_keys_t  *keys;

    keys = store->keys;

    if (keys->nslice == 0 && ngx_triggers_sqlite_slice_start(store) != NGX_OK)
    {
        return SQLITE_NOMEM;
    }

    rc = ngx_triggers_sqlite_slice_step(store);

    if (rc == SQLITE_OK && keys->expired) {
        rc = ngx_triggers_sqlite_keys_sweep(store);
    }

    if (keys->next == keys->nslice) {
        store->indexed_through = keys->through;
    }

    return rc;
}


static int
ngx_triggers_sqlite_keys_expire(ngx_triggers_store_t *store)
{
    int            rc;
    int64_t        seq, created_at, end;
    sqlite3_stmt  *stmt;

    end = ngx_triggers_wall_ms() - store->keys_ttl;

    rc = ngx_triggers_sqlite_keys_oldest(store, &seq, &created_at);

    if (rc != SQLITE_OK || seq == 0 || created_at > end) {
        return rc;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_KEY_EXPIRE];

    sqlite3_bind_int64(stmt, 1, seq);
    sqlite3_bind_int64(stmt, 2, seq + NGX_TRIGGERS_SQLITE_EXPIRE);
    sqlite3_bind_int64(stmt, 3, end);

    rc = ngx_triggers_sqlite_exec(stmt);

    if (rc == SQLITE_OK) {
        store->keys->expired += sqlite3_changes(store->db);
    }

    return rc;
}


/* used->seq is 0 if the key is new, or was forgotten */

static int
ngx_triggers_sqlite_keys_search(ngx_triggers_store_t *store,
    ngx_str_t *hashes, int64_t now, ngx_triggers_sqlite_used_t *used)
{
    int            rc;
    uint64_t       hash;
    sqlite3_stmt  *stmt;

    ngx_memzero(used, sizeof(ngx_triggers_sqlite_used_t));

    rc = ngx_triggers_sqlite_tail_search(store, store->keys->tail, hashes,
                                         used);

    if (rc == SQLITE_OK && used->seq == 0) {
        rc = ngx_triggers_sqlite_tail_search(store, store->keys->merged,
                                             hashes, used);
    }

    if (rc == SQLITE_OK && used->seq == 0) {
        hash = ngx_triggers_sqlite_key_hash(hashes->data);

        stmt = store->stmt[NGX_TRIGGERS_SQLITE_KEY_INDEXED];
        sqlite3_bind_int64(stmt, 1, (int64_t) hash);

        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {

            rc = ngx_triggers_sqlite_key_read(store,
                                              sqlite3_column_int64(stmt, 0),
                                              hashes, used);
            if (rc != SQLITE_OK) {
                break;
            }
        }

        (void) sqlite3_reset(stmt);

        if (rc == SQLITE_DONE) {
            rc = SQLITE_OK;
        }
    }

    if (used->created_at <= now - store->keys_ttl) {
        used->seq = 0;
    }

    return rc;
}


static int
ngx_triggers_sqlite_tail_search(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_tail_t *tail, ngx_str_t *hashes,
    ngx_triggers_sqlite_used_t *used)
{
    int                         rc;
    uint64_t                    hash, i;
    ngx_triggers_sqlite_key_t  *key;

    if (tail == NULL) {
        return SQLITE_OK;
    }

    hash = ngx_triggers_sqlite_key_hash(hashes->data);

    for (i = hash; /* void */ ; i++) {
        key = &tail->keys[i & (2 * NGX_TRIGGERS_SQLITE_TAIL_FULL - 1)];

        if (key->seq == 0) {
            return SQLITE_OK;
        }

        if (key->hash != hash) {
            continue;
        }

        rc = ngx_triggers_sqlite_key_read(store, key->seq, hashes, used);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
}


/* *used becomes the row, if it is this key's and a later one than before */

static int
ngx_triggers_sqlite_key_read(ngx_triggers_store_t *store, int64_t seq,
    ngx_str_t *hashes, ngx_triggers_sqlite_used_t *used)
{
    int            rc;
    sqlite3_stmt  *stmt;

    if (seq <= used->seq) {
        return SQLITE_OK;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_KEY_READ];
    sqlite3_bind_int64(stmt, 1, seq);

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW
        && sqlite3_column_bytes(stmt, 0) == NGX_TRIGGERS_KEY_HASH_LEN
        && sqlite3_column_bytes(stmt, 1) == NGX_TRIGGERS_REQUEST_HASH_LEN
        && sqlite3_column_bytes(stmt, 2) == NGX_TRIGGERS_ID_LEN
        && ngx_memcmp(sqlite3_column_blob(stmt, 0), hashes->data,
                      NGX_TRIGGERS_KEY_HASH_LEN)
           == 0)
    {
        used->seq = seq;
        used->same = (ngx_memcmp(sqlite3_column_blob(stmt, 1),
                                 hashes->data + NGX_TRIGGERS_KEY_HASH_LEN,
                                 NGX_TRIGGERS_REQUEST_HASH_LEN)
                      == 0);
        ngx_memcpy(used->id, sqlite3_column_blob(stmt, 2),
                   NGX_TRIGGERS_ID_LEN);
        used->created_at = sqlite3_column_int64(stmt, 3);
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static int
ngx_triggers_sqlite_tail_put(ngx_triggers_store_t *store, uint64_t hash,
    int64_t seq)
{
    int                          rc;
    uint64_t                     i;
    ngx_triggers_sqlite_key_t   *key;
    ngx_triggers_sqlite_keys_t  *keys;

    keys = store->keys;

    if (keys->tail == NULL) {
        keys->tail = ngx_triggers_sqlite_tail_create(store);
        if (keys->tail == NULL) {
            return SQLITE_NOMEM;
        }
    }

    while (keys->tail->n == NGX_TRIGGERS_SQLITE_TAIL_FULL) {

        /* the merge has not kept up, so this batch does it */

        rc = ngx_triggers_sqlite_keys_merge(store);
        if (rc != SQLITE_OK) {
            return rc;
        }


        if (keys->next == keys->nslice) {
            ngx_triggers_sqlite_slice_end(store);
            keys->ahead = 1;
        }
    }

    for (i = hash; /* void */ ; i++) {
        key = &keys->tail->keys[i & (2 * NGX_TRIGGERS_SQLITE_TAIL_FULL - 1)];

        if (key->seq == 0) {
            break;
        }

        if (key->hash == hash && key->seq == seq) {
            return SQLITE_OK;
        }
    }

    key->hash = hash;
    key->seq = seq;
    keys->tail->n++;

    return SQLITE_OK;
}


static ngx_triggers_sqlite_tail_t *
ngx_triggers_sqlite_tail_create(ngx_triggers_store_t *store)
{
    return ngx_calloc(sizeof(ngx_triggers_sqlite_tail_t), store->log);
}


/* the tail becomes a sorted slice, a new tail begins */

static ngx_int_t
ngx_triggers_sqlite_slice_start(ngx_triggers_store_t *store)
{
    ngx_uint_t                   i, n;
    ngx_triggers_sqlite_tail_t  *tail;
    ngx_triggers_sqlite_keys_t  *keys;

    keys = store->keys;

    if (keys->merged == NULL) {
        keys->merged = ngx_triggers_sqlite_tail_create(store);
        keys->slice = ngx_alloc(NGX_TRIGGERS_SQLITE_TAIL_FULL
                                * sizeof(ngx_triggers_sqlite_key_t),
                                store->log);
    }

    if (keys->merged == NULL || keys->slice == NULL) {
        ngx_free(keys->merged);
        ngx_free(keys->slice);
        keys->merged = NULL;
        keys->slice = NULL;
        return NGX_ERROR;
    }

    tail = keys->tail;
    keys->tail = keys->merged;
    keys->merged = tail;

    keys->through = 0;
    n = 0;

    for (i = 0; i < 2 * NGX_TRIGGERS_SQLITE_TAIL_FULL; i++) {

        if (tail->keys[i].seq) {
            keys->slice[n++] = tail->keys[i];
            keys->through = ngx_max(keys->through, tail->keys[i].seq);
        }
    }

    /*
     * Entries that were rolled back may name rows that are yet to come, and
     * whose keys will be in the new tail.
     */

    keys->through = ngx_min(keys->through, store->next_seq - 1);

    qsort(keys->slice, n, sizeof(ngx_triggers_sqlite_key_t),
          ngx_triggers_sqlite_slice_compare);

    keys->nslice = n;
    keys->next = 0;

    return NGX_OK;
}


/* in the order of the index, whose hashes are signed */

static int
ngx_triggers_sqlite_slice_compare(const void *one, const void *two)
{
    const ngx_triggers_sqlite_key_t *a = one;
    const ngx_triggers_sqlite_key_t *b = two;

    if (a->hash != b->hash) {
        return ((int64_t) a->hash < (int64_t) b->hash) ? -1 : 1;
    }

    return (a->seq < b->seq) ? -1 : 1;
}


static int
ngx_triggers_sqlite_slice_step(ngx_triggers_store_t *store)
{
    int                          rc;
    ngx_uint_t                   i, last;
    sqlite3_stmt                *stmt;
    ngx_triggers_sqlite_keys_t  *keys;

    keys = store->keys;
    last = ngx_min(keys->next + NGX_TRIGGERS_SQLITE_STEP, keys->nslice);

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_KEY_MERGE];

    for (i = keys->next; i < last; i++) {
        sqlite3_bind_int64(stmt, 1, (int64_t) keys->slice[i].hash);
        sqlite3_bind_int64(stmt, 2, keys->slice[i].seq);

        rc = ngx_triggers_sqlite_exec(stmt);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    keys->next = last;

    return SQLITE_OK;
}


static void
ngx_triggers_sqlite_slice_end(ngx_triggers_store_t *store)
{
    store->keys->nslice = 0;
    store->keys->next = 0;

    ngx_memzero(store->keys->merged, sizeof(ngx_triggers_sqlite_tail_t));
}


/*
 * Four rows of the index for each that is merged: what has expired is then at
 * most about a third of it.
 */

static int
ngx_triggers_sqlite_keys_sweep(ngx_triggers_store_t *store)
{
    int                          rc;
    int64_t                      seq, created_at, next;
    sqlite3_stmt                *stmt;
    ngx_triggers_sqlite_keys_t  *keys;

    keys = store->keys;

    rc = ngx_triggers_sqlite_keys_oldest(store, &seq, &created_at);
    if (rc != SQLITE_OK) {
        return rc;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_KEY_SWEEP_END];

    sqlite3_bind_int64(stmt, 1, keys->sweep);
    sqlite3_bind_int64(stmt, 2, NGX_TRIGGERS_SQLITE_SWEEP);

    rc = sqlite3_step(stmt);
    next = (rc == SQLITE_ROW) ? sqlite3_column_int64(stmt, 0) : INT64_MAX;

    (void) sqlite3_reset(stmt);

    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        return rc;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_KEY_SWEEP];

    sqlite3_bind_int64(stmt, 1, keys->sweep);
    sqlite3_bind_int64(stmt, 2, next);
    sqlite3_bind_int64(stmt, 3, seq);

    keys->sweep = (rc == SQLITE_ROW) ? next : INT64_MIN;

    return ngx_triggers_sqlite_exec(stmt);
}


/* the oldest row, or a seq of 0 */

static int
ngx_triggers_sqlite_keys_oldest(ngx_triggers_store_t *store, int64_t *seq,
    int64_t *created_at)
{
    int            rc;
    sqlite3_stmt  *stmt;

    *seq = 0;
    *created_at = 0;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_KEY_OLDEST];

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        *seq = sqlite3_column_int64(stmt, 0);
        *created_at = sqlite3_column_int64(stmt, 1);
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static uint64_t
ngx_triggers_sqlite_key_hash(const u_char *hashes)
{
    uint64_t  hash;

    ngx_memcpy(&hash, hashes, sizeof(hash));

    return hash;
}

