
/*
 * The SQLite store: keys.  They are few and change seldom; what matters is
 * that nothing of a change is written before it is sure to be applied, as
 * everywhere in the writer, and that whoever keeps keys in memory hears of
 * each change: the handler of a writer is told before the row is written, the
 * version of the keys grows with the commit.
 *
 * A statement that has found a key is reset only when the key's strings, which
 * it holds, have been written back.
 */


#include "ngx_triggers_sqlite.h"


static int ngx_triggers_sqlite_api_keys_page_row(void *data,
    sqlite3_stmt *stmt, ngx_int_t *rc);
static int ngx_triggers_sqlite_api_key_create(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
static int ngx_triggers_sqlite_api_key_change(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
static int ngx_triggers_sqlite_api_key_update(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_key_t *key,
    ngx_triggers_result_t *result);
static int ngx_triggers_sqlite_api_key_rotate(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_key_t *key,
    ngx_triggers_result_t *result);
static int ngx_triggers_sqlite_api_key_revoke(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_key_t *key,
    ngx_triggers_result_t *result);
static int ngx_triggers_sqlite_api_key_save(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_uint_t n, ngx_triggers_key_t *key,
    ngx_uint_t action);
static ngx_uint_t ngx_triggers_sqlite_api_key_beyond(
    ngx_triggers_mutation_t *mutation, ngx_triggers_key_t *key);
static int ngx_triggers_sqlite_api_key_taken(ngx_triggers_store_t *store,
    ngx_triggers_key_t *key, ngx_uint_t *taken);
static int ngx_triggers_sqlite_api_key_tell(ngx_triggers_store_t *store,
    ngx_triggers_key_t *key, ngx_triggers_result_t *result);
static int ngx_triggers_sqlite_api_key_write(ngx_triggers_store_t *store,
    ngx_uint_t n, ngx_triggers_key_t *key);
static int ngx_triggers_sqlite_api_key_row(sqlite3_stmt *stmt,
    ngx_triggers_key_t *key);
static int ngx_triggers_sqlite_api_keys_used(ngx_triggers_store_t *store);


void
ngx_triggers_store_watch_keys(ngx_triggers_store_t *store,
    ngx_triggers_key_pt handler, void *data)
{
    store->api_keys_handler = handler;
    store->api_keys_data = data;
}


uint64_t
ngx_triggers_store_keys_version(ngx_triggers_store_t *store)
{
    return (uint64_t) store->api_keys_version;
}


ngx_int_t
ngx_triggers_store_keys_load(ngx_triggers_store_t *store,
    ngx_triggers_key_pt handler, void *data)
{
    int                 code;
    ngx_int_t           rc;
    sqlite3_stmt       *stmt;
    ngx_triggers_key_t  key;

    if (store->db == NULL) {
        return NGX_ERROR;
    }

    ngx_set_errno(0);

    rc = NGX_OK;
    stmt = store->stmt[NGX_TRIGGERS_SQLITE_API_KEYS_LOAD];

    for ( ;; ) {
        code = sqlite3_step(stmt);

        if (code != SQLITE_ROW) {
            break;
        }

        code = ngx_triggers_sqlite_api_key_row(stmt, &key);

        if (code != SQLITE_OK) {
            break;
        }

        rc = handler(data, &key);

        if (rc != NGX_OK) {
            code = SQLITE_DONE;
            break;
        }
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_DONE) {
        return ngx_triggers_sqlite_error(store, code, "reading keys");
    }

    return rc;
}


ngx_int_t
ngx_triggers_store_keys_used(ngx_triggers_store_t *store,
    ngx_triggers_key_use_t *uses, ngx_uint_t n)
{
    if (store->db == NULL) {
        return NGX_ERROR;
    }

    store->uses = uses;
    store->nuses = n;

    return ngx_triggers_sqlite_unsynced(store,
                                        ngx_triggers_sqlite_api_keys_used);
}


ngx_int_t
ngx_triggers_reader_keys(ngx_triggers_reader_t *reader,
    ngx_triggers_key_query_t *query)
{
    sqlite3_stmt  *stmt;

    stmt = reader->stmt[query->any_owner
                        ? NGX_TRIGGERS_SQLITE_READ_API_KEYS
                        : NGX_TRIGGERS_SQLITE_READ_API_KEYS_OWNED];

    sqlite3_bind_blob(stmt, 1, query->cursor, NGX_TRIGGERS_KEY_ID_LEN,
                      SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, (int64_t) query->limit + 1);
    sqlite3_bind_int64(stmt, 3, (int64_t) query->offset);

    if (!query->any_owner) {
        (void) ngx_triggers_sqlite_bind_text(stmt, 4, &query->user_id);
    }

    return ngx_triggers_sqlite_page(reader, stmt, query->limit,
                                    ngx_triggers_sqlite_api_keys_page_row,
                                    query, &query->has_more);
}


ngx_int_t
ngx_triggers_reader_key(ngx_triggers_reader_t *reader, ngx_str_t *user_id,
    ngx_uint_t any_owner, u_char *id, ngx_triggers_key_pt handler, void *data)
{
    int                  code;
    ngx_int_t            rc;
    sqlite3_stmt        *stmt;
    ngx_triggers_key_t   key;

    if (ngx_triggers_sqlite_reader_moved(reader) != NGX_OK) {
        return NGX_ERROR;
    }

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_API_KEY];

    sqlite3_bind_blob(stmt, 1, id, NGX_TRIGGERS_KEY_ID_LEN, SQLITE_STATIC);

    rc = NGX_DECLINED;
    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        code = ngx_triggers_sqlite_api_key_row(stmt, &key);
    }

    if (code == SQLITE_OK
        && (any_owner || ngx_triggers_sqlite_is_owner(&key.user_id, user_id)))
    {
        rc = handler(data, &key);
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_OK && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    reader->error = SQLITE_OK;

    return rc;
}


static int
ngx_triggers_sqlite_api_keys_page_row(void *data, sqlite3_stmt *stmt,
    ngx_int_t *rc)
{
    ngx_triggers_key_query_t *query = data;

    int                 code;
    ngx_triggers_key_t  key;

    code = ngx_triggers_sqlite_api_key_row(stmt, &key);

    if (code == SQLITE_OK) {
        *rc = query->handler(query->data, &key);
    }

    return code;
}


int
ngx_triggers_sqlite_api_key_apply(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    if (mutation->op == NGX_TRIGGERS_OP_KEY_CREATE) {
        return ngx_triggers_sqlite_api_key_create(store, mutation, result);
    }

    return ngx_triggers_sqlite_api_key_change(store, mutation, result);
}


/* part of every commit */

int
ngx_triggers_sqlite_api_keys_save(ngx_triggers_store_t *store)
{
    if (!store->api_keys_changed) {
        return SQLITE_OK;
    }

    return ngx_triggers_sqlite_exec(
                           store->stmt[NGX_TRIGGERS_SQLITE_API_KEYS_CHANGED]);
}


static int
ngx_triggers_sqlite_api_key_create(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                  rc;
    ngx_uint_t           taken;
    ngx_triggers_key_t  *key;

    key = &mutation->change->key;

    rc = ngx_triggers_sqlite_api_key_taken(store, key, &taken);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (taken) {
        result->rc = NGX_TRIGGERS_RC_FAILED;
        return SQLITE_OK;
    }

    rc = ngx_triggers_sqlite_api_key_tell(store, key, result);

    if (rc != SQLITE_OK || result->rc != NGX_TRIGGERS_RC_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_api_key_save(store, mutation,
                                            NGX_TRIGGERS_SQLITE_API_KEY_ADD,
                                            key,
                                            NGX_TRIGGERS_AUDIT_KEY_CREATED);
}


static int
ngx_triggers_sqlite_api_key_change(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                  rc;
    sqlite3_stmt        *stmt;
    ngx_triggers_key_t   key;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_API_KEY_FIND];

    sqlite3_bind_blob(stmt, 1, mutation->id, NGX_TRIGGERS_KEY_ID_LEN,
                      SQLITE_STATIC);

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        rc = ngx_triggers_sqlite_api_key_row(stmt, &key);
    }

    if (rc == SQLITE_DONE
        || (rc == SQLITE_OK && !mutation->any_owner
            && (key.user_id.len != mutation->user_id.len
                || ngx_memcmp(key.user_id.data, mutation->user_id.data,
                              key.user_id.len)
                   != 0)))
    {
        result->rc = NGX_TRIGGERS_RC_NOT_FOUND;
        rc = SQLITE_OK;

    } else if (rc == SQLITE_OK) {

        switch (mutation->op) {

        case NGX_TRIGGERS_OP_KEY_UPDATE:
            rc = ngx_triggers_sqlite_api_key_update(store, mutation, &key,
                                                result);
            break;

        case NGX_TRIGGERS_OP_KEY_ROTATE:
            rc = ngx_triggers_sqlite_api_key_rotate(store, mutation, &key,
                                                result);
            break;

        default: /* NGX_TRIGGERS_OP_KEY_REVOKE */
            rc = ngx_triggers_sqlite_api_key_revoke(store, mutation, &key,
                                                result);
        }
    }

    (void) sqlite3_reset(stmt);

    return rc;
}


static int
ngx_triggers_sqlite_api_key_update(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_key_t *key,
    ngx_triggers_result_t *result)
{
    int                  rc;
    ngx_uint_t           changes;
    ngx_triggers_key_t  *new;

    if (key->revoked_at) {
        result->rc = NGX_TRIGGERS_RC_CONFLICT;
        return SQLITE_OK;
    }

    if (ngx_triggers_sqlite_api_key_beyond(mutation, key)) {
        result->rc = NGX_TRIGGERS_RC_FORBIDDEN;
        return SQLITE_OK;
    }

    new = &mutation->change->key;
    changes = mutation->change->members;

    if (changes == 0) {
        return SQLITE_OK;
    }

    if (changes & NGX_TRIGGERS_KEY_NAME) {
        key->name = new->name;
    }

    if (changes & NGX_TRIGGERS_KEY_SCOPES) {
        key->scopes = new->scopes;
    }

    if (changes & NGX_TRIGGERS_KEY_RATE) {
        key->rate = new->rate;
    }

    if (changes & NGX_TRIGGERS_KEY_ACTIVE) {
        key->active = new->active;
    }

    if (changes & NGX_TRIGGERS_KEY_EXPIRES) {
        key->expires_at = new->expires_at;
    }

    if (changes & NGX_TRIGGERS_KEY_ALLOWED) {
        key->allowed = new->allowed;
        key->networks = new->networks;
    }

    key->updated_at = mutation->time;

    rc = ngx_triggers_sqlite_api_key_tell(store, key, result);

    if (rc != SQLITE_OK || result->rc != NGX_TRIGGERS_RC_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_api_key_save(store, mutation,
                                            NGX_TRIGGERS_SQLITE_API_KEY_SET,
                                            key,
                                            NGX_TRIGGERS_AUDIT_KEY_UPDATED);
}


static int
ngx_triggers_sqlite_api_key_rotate(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_key_t *key,
    ngx_triggers_result_t *result)
{
    int                 rc;
    int64_t             end;
    ngx_uint_t          taken;
    ngx_triggers_key_t  new;

    if (key->revoked_at) {
        result->rc = NGX_TRIGGERS_RC_CONFLICT;
        return SQLITE_OK;
    }

    if (key->expires_at && key->expires_at <= mutation->time) {
        result->rc = NGX_TRIGGERS_RC_EXPIRED;
        return SQLITE_OK;
    }

    if (ngx_triggers_sqlite_api_key_beyond(mutation, key)) {
        result->rc = NGX_TRIGGERS_RC_FORBIDDEN;
        return SQLITE_OK;
    }

    new = *key;

    ngx_memcpy(new.id, mutation->change->key.id, NGX_TRIGGERS_KEY_ID_LEN);
    ngx_memcpy(new.digest, mutation->change->key.digest,
               NGX_TRIGGERS_KEY_DIGEST_LEN);
    ngx_memcpy(new.rotated_from, key->id, NGX_TRIGGERS_KEY_ID_LEN);
    new.prefix = mutation->change->key.prefix;
    new.rotated = 1;
    new.created_at = mutation->time;
    new.updated_at = mutation->time;
    new.last_used_at = 0;

    rc = ngx_triggers_sqlite_api_key_taken(store, &new, &taken);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (taken) {
        result->rc = NGX_TRIGGERS_RC_FAILED;
        return SQLITE_OK;
    }

    /* the new one first: only that may be refused */

    rc = ngx_triggers_sqlite_api_key_tell(store, &new, result);

    if (rc != SQLITE_OK || result->rc != NGX_TRIGGERS_RC_OK) {
        return rc;
    }

    end = mutation->time + mutation->change->grace;

    if (key->expires_at == 0 || key->expires_at > end) {
        key->expires_at = end;
    }

    key->updated_at = mutation->time;

    rc = ngx_triggers_sqlite_api_key_tell(store, key, result);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_api_key_write(store,
                                      NGX_TRIGGERS_SQLITE_API_KEY_ADD, &new);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_api_key_save(store, mutation,
                                              NGX_TRIGGERS_SQLITE_API_KEY_SET,
                                              key,
                                              NGX_TRIGGERS_AUDIT_KEY_ROTATED);
    }

    return rc;
}


static int
ngx_triggers_sqlite_api_key_revoke(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_key_t *key,
    ngx_triggers_result_t *result)
{
    int  rc;

    if (key->revoked_at) {
        result->time = key->revoked_at;
        return SQLITE_OK;
    }

    key->revoked_at = mutation->time;
    key->updated_at = mutation->time;

    rc = ngx_triggers_sqlite_api_key_tell(store, key, result);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_api_key_save(store, mutation,
                                            NGX_TRIGGERS_SQLITE_API_KEY_SET,
                                            key,
                                            NGX_TRIGGERS_AUDIT_KEY_REVOKED);
}


/* writes the key and the entry of the audit */

static int
ngx_triggers_sqlite_api_key_save(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_uint_t n, ngx_triggers_key_t *key,
    ngx_uint_t action)
{
    int  rc;

    rc = ngx_triggers_sqlite_api_key_write(store, n, key);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_audit_subject(store, action, mutation,
                                             &key->user_id, key->id,
                                             mutation->time, NULL);
}


/* may the key do what the asker may not? */

static ngx_uint_t
ngx_triggers_sqlite_api_key_beyond(ngx_triggers_mutation_t *mutation,
    ngx_triggers_key_t *key)
{
    if (mutation->any_owner) {
        return 0;
    }

    return (key->scopes & ~mutation->change->scopes)
           || (mutation->change->rate
               && (key->rate == 0 || key->rate > mutation->change->rate));
}


static int
ngx_triggers_sqlite_api_key_taken(ngx_triggers_store_t *store,
    ngx_triggers_key_t *key, ngx_uint_t *taken)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_API_KEY_TAKEN];

    sqlite3_bind_blob(stmt, 1, key->id, NGX_TRIGGERS_KEY_ID_LEN,
                      SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 2, key->digest, NGX_TRIGGERS_KEY_DIGEST_LEN,
                      SQLITE_STATIC);

    rc = sqlite3_step(stmt);
    *taken = (rc == SQLITE_ROW);

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static int
ngx_triggers_sqlite_api_key_tell(ngx_triggers_store_t *store,
    ngx_triggers_key_t *key, ngx_triggers_result_t *result)
{
    ngx_int_t  rc;

    if (store->api_keys_handler == NULL) {
        return SQLITE_OK;
    }

    rc = store->api_keys_handler(store->api_keys_data, key);

    if (rc == NGX_BUSY) {
        result->rc = NGX_TRIGGERS_RC_NO_ROOM;
        return SQLITE_OK;
    }

    return (rc == NGX_OK) ? SQLITE_OK : SQLITE_NOMEM;
}


/* the parameters of both statements are the columns of a key's row */

static int
ngx_triggers_sqlite_api_key_write(ngx_triggers_store_t *store, ngx_uint_t n,
    ngx_triggers_key_t *key)
{
    sqlite3_stmt  *stmt;

    stmt = store->stmt[n];

    (void) sqlite3_clear_bindings(stmt);

    sqlite3_bind_blob(stmt, 1, key->id, NGX_TRIGGERS_KEY_ID_LEN,
                      SQLITE_STATIC);

    if (n == NGX_TRIGGERS_SQLITE_API_KEY_ADD) {
        sqlite3_bind_blob(stmt, 2, key->digest, NGX_TRIGGERS_KEY_DIGEST_LEN,
                          SQLITE_STATIC);
        (void) ngx_triggers_sqlite_bind_text(stmt, 3, &key->user_id);
        (void) ngx_triggers_sqlite_bind_text(stmt, 5, &key->prefix);
        sqlite3_bind_int64(stmt, 9, key->created_at);

        if (key->rotated) {
            sqlite3_bind_blob(stmt, 14, key->rotated_from,
                              NGX_TRIGGERS_KEY_ID_LEN, SQLITE_STATIC);
        }
    }

    (void) ngx_triggers_sqlite_bind_text(stmt, 4, &key->name);
    sqlite3_bind_int64(stmt, 6, key->scopes);
    sqlite3_bind_int64(stmt, 7, key->rate);
    sqlite3_bind_int64(stmt, 8, key->active);
    sqlite3_bind_int64(stmt, 10, key->updated_at);
    ngx_triggers_sqlite_bind_time(stmt, 11, key->expires_at);
    ngx_triggers_sqlite_bind_time(stmt, 13, key->revoked_at);

    if (key->networks.len) {
        (void) ngx_triggers_sqlite_bind_text(stmt, 15, &key->allowed);
        sqlite3_bind_blob(stmt, 16, key->networks.data,
                          (int) key->networks.len, SQLITE_STATIC);
    }

    store->api_keys_changed = 1;

    return ngx_triggers_sqlite_exec(stmt);
}


/* SQLITE_CORRUPT where a blob is not as long as it must be */

static int
ngx_triggers_sqlite_api_key_row(sqlite3_stmt *stmt, ngx_triggers_key_t *key)
{
    if (sqlite3_column_bytes(stmt, 0) != NGX_TRIGGERS_KEY_ID_LEN
        || sqlite3_column_bytes(stmt, 1) != NGX_TRIGGERS_KEY_DIGEST_LEN)
    {
        return SQLITE_CORRUPT;
    }

    ngx_memzero(key, sizeof(ngx_triggers_key_t));

    ngx_memcpy(key->id, sqlite3_column_blob(stmt, 0),
               NGX_TRIGGERS_KEY_ID_LEN);
    ngx_memcpy(key->digest, sqlite3_column_blob(stmt, 1),
               NGX_TRIGGERS_KEY_DIGEST_LEN);

    ngx_triggers_sqlite_column_text(stmt, 2, &key->user_id);
    ngx_triggers_sqlite_column_text(stmt, 3, &key->name);
    ngx_triggers_sqlite_column_text(stmt, 4, &key->prefix);

    key->scopes = (uint32_t) sqlite3_column_int64(stmt, 5);
    key->rate = (uint32_t) sqlite3_column_int64(stmt, 6);
    key->active = (sqlite3_column_int64(stmt, 7) != 0);
    key->created_at = sqlite3_column_int64(stmt, 8);
    key->updated_at = sqlite3_column_int64(stmt, 9);
    key->expires_at = sqlite3_column_int64(stmt, 10);
    key->last_used_at = sqlite3_column_int64(stmt, 11);
    key->revoked_at = sqlite3_column_int64(stmt, 12);

    if (sqlite3_column_bytes(stmt, 13) == NGX_TRIGGERS_KEY_ID_LEN) {
        key->rotated = 1;
        ngx_memcpy(key->rotated_from, sqlite3_column_blob(stmt, 13),
                   NGX_TRIGGERS_KEY_ID_LEN);
    }

    ngx_triggers_sqlite_column_text(stmt, 14, &key->allowed);
    ngx_triggers_sqlite_column_blob(stmt, 15, &key->networks);

    return SQLITE_OK;
}


static int
ngx_triggers_sqlite_api_keys_used(ngx_triggers_store_t *store)
{
    int            rc;
    ngx_uint_t     i;
    sqlite3_stmt  *stmt;

    rc = SQLITE_OK;
    stmt = store->stmt[NGX_TRIGGERS_SQLITE_API_KEY_USED];

    for (i = 0; i < store->nuses && rc == SQLITE_OK; i++) {
        sqlite3_bind_blob(stmt, 1, store->uses[i].id, NGX_TRIGGERS_KEY_ID_LEN,
                          SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 2, store->uses[i].time);

        rc = ngx_triggers_sqlite_exec(stmt);
    }

    return rc;
}
