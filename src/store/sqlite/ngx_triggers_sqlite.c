
/*
 * The SQLite store: its life.  Opens the database under the write lock,
 * brings its schema up to date, closes it, and keeps the state in which it
 * is.  Called by the drainer's thread and from exit_process, except for the
 * state, which any thread may read.
 */


#include "ngx_triggers_sqlite.h"


#define NGX_TRIGGERS_SQLITE_KEYS_TTL  (24 * 3600 * 1000LL)    /* ms */


static u_char *ngx_triggers_sqlite_escape(u_char *dst, ngx_str_t *src);
static ngx_int_t ngx_triggers_sqlite_connect(ngx_triggers_store_t *store);
static ngx_int_t ngx_triggers_sqlite_accept(ngx_triggers_store_t *store,
    ngx_triggers_store_state_e state, int64_t version);
static int ngx_triggers_sqlite_wal_handler(void *data, sqlite3 *db,
    const char *name, int frames);


/* in the order of ngx_triggers_sqlite_stmt_e */

static const char *const  ngx_triggers_sqlite_statements[] = {

    "BEGIN IMMEDIATE",

    "COMMIT",

    "SELECT next_seq, total_events, merged_through, last_created_at, "
        "indexed_through, keys_version, ring_nonce, ring_position, "
        "webhooks_version, next_audit, a.through_at, a.through_seq, "
        "a.written FROM store s LEFT JOIN archive a ON a.id = 1 "
        "WHERE s.id = 1",

    "UPDATE store SET next_seq = ?1, total_events = ?2, merged_through = ?3, "
        "last_created_at = ?4, indexed_through = ?5, ring_nonce = ?6, "
        "ring_position = ?7, next_audit = ?8 WHERE id = 1",

    "UPDATE store SET epoch = epoch + 1 WHERE id = 1",

    "INSERT INTO rings (nonce, position, updated_at) VALUES (?1, 0, ?2) "
        "ON CONFLICT (nonce) DO UPDATE SET updated_at = excluded.updated_at",

    /* scans: as many rows as there were rings in a week */
    "DELETE FROM rings WHERE updated_at < ?2 AND nonce <> ?1",

    "SELECT position FROM rings WHERE nonce = ?1",

    "INSERT INTO rings (nonce, position, updated_at) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (nonce) DO UPDATE SET position = excluded.position, "
        "updated_at = excluded.updated_at",

    "SELECT owner FROM owners WHERE user_id = ?1",

    "INSERT INTO owners (user_id) VALUES (?1)",

    "SELECT user_id FROM owners WHERE owner = ?1",

    "INSERT INTO events (seq, id, owner, created_at, priority, event_type, "
        "source, ordering_key, correlation_id, request_id, source_ip, "
        "user_agent, api_version, traceparent, metadata, payload, "
        "tracestate) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
        "?12, ?13, ?14, ?15, ?16, ?17)",

    NGX_TRIGGERS_SQLITE_EVENT "WHERE e.id = ?1",

    NGX_TRIGGERS_SQLITE_EVENT "WHERE e.seq = ?1",

    "SELECT event_type, source FROM events WHERE seq = ?1",

    "DELETE FROM events WHERE seq = ?1",

    "INSERT INTO event_state (seq, status, hold, updated_at, retry_count, "
        "manual_retries, attempts, last_retry_at, delivered_at, "
        "acknowledged_at, leased_until, lease, due_at, done_at, "
        "error_message) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
        "?14, ?15) "
        "ON CONFLICT (seq) DO UPDATE SET status = ?2, hold = ?3, "
        "updated_at = ?4, retry_count = ?5, manual_retries = ?6, "
        "attempts = ?7, last_retry_at = ?8, delivered_at = ?9, "
        "acknowledged_at = ?10, leased_until = ?11, lease = ?12, "
        "due_at = ?13, done_at = ?14, "
        "error_message = CASE WHEN ?16 THEN ?15 ELSE error_message END",

    "DELETE FROM event_state WHERE seq = ?1",

    "INSERT INTO inbox (lane, seq, owner) VALUES (?1, ?2, ?3)",

    "UPDATE inbox SET lane = ?3 WHERE lane = ?1 AND seq = ?2",

    "DELETE FROM inbox WHERE lane = ?1 AND seq = ?2",

    "UPDATE owner_inbox SET lane = ?4 "
        "WHERE owner = ?1 AND lane = ?2 AND seq = ?3",

    "DELETE FROM owner_inbox WHERE owner = ?1 AND lane = ?2 AND seq = ?3",

    "SELECT seq, owner FROM inbox WHERE lane = ?1 AND seq > ?2 ORDER BY seq",

    "SELECT seq, owner FROM owner_inbox "
        "WHERE owner = ?3 AND lane = ?1 AND seq > ?2 ORDER BY seq",

    "INSERT INTO done (at, seq) VALUES (?1, ?2) ON CONFLICT DO NOTHING",

    "INSERT INTO attempts (seq, at, webhook, outcome, status_code, duration, "
        "error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",

    "DELETE FROM attempts WHERE seq = ?1",

    "INSERT INTO ordering (owner, ordering_key, seq, active) "
        "SELECT owner, ordering_key, seq, ?2 FROM events WHERE seq = ?1",

    "DELETE FROM ordering WHERE owner = ?1 AND seq = ?2 AND ordering_key "
        "= (SELECT ordering_key FROM events WHERE seq = ?2)",

    "SELECT seq FROM ordering WHERE owner = ?1 AND ordering_key "
        "= (SELECT ordering_key FROM events WHERE seq = ?2) "
        "ORDER BY seq LIMIT 1",

    "UPDATE ordering SET active = 1 WHERE owner = ?1 AND seq = ?2 "
        "AND ordering_key "
        "= (SELECT ordering_key FROM events WHERE seq = ?2)",

    "INSERT INTO leases (lease_id, owner, until, max_attempts, remaining, "
        "seqs) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",

    "SELECT lease, lease_id, owner, until, max_attempts, remaining, seqs "
        "FROM leases WHERE lease_id = ?1",

    "SELECT lease, lease_id, owner, until, max_attempts, remaining, seqs "
        "FROM leases WHERE lease = ?1",

    "UPDATE leases SET remaining = ?2, until = ?3 WHERE lease = ?1",

    "DELETE FROM leases WHERE lease = ?1",

    "INSERT INTO due (at, kind, ref) VALUES (?1, ?2, ?3) "
        "ON CONFLICT DO NOTHING",

    "DELETE FROM due WHERE at = ?1 AND kind = ?2 AND ref = ?3",

    "SELECT at, kind, ref FROM due WHERE at <= ?1 ORDER BY at, kind, ref "
        "LIMIT 1",

    "INSERT INTO counts (owner, status, n) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (owner, status) DO UPDATE SET n = n + excluded.n",

    "SELECT status, n FROM counts WHERE owner = 0",

    /* sorts: a bounded slice, so that each owner's page is dirtied once */
    "INSERT INTO owner_inbox (owner, lane, seq) "
        "SELECT owner, lane, seq FROM inbox "
        "WHERE lane IN (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) "
        "AND seq > ?1 AND seq <= ?2 ORDER BY owner, lane, seq",

    "INSERT INTO idempotency (seq, key_hash, request_hash, event_id, "
        "created_at) VALUES (?1, ?2, ?3, ?4, ?5)",

    "SELECT key_hash, request_hash, event_id, created_at FROM idempotency "
        "WHERE seq = ?1",

    "SELECT seq FROM idempotency_index WHERE hash = ?1 ORDER BY seq DESC",

    "SELECT seq, key_hash FROM idempotency WHERE seq > ?1 ORDER BY seq",

    "INSERT INTO idempotency_index (hash, seq) VALUES (?1, ?2) "
        "ON CONFLICT DO NOTHING",

    "SELECT seq, created_at FROM idempotency WHERE seq > 0 "
        "ORDER BY seq LIMIT 1",

    "DELETE FROM idempotency "
        "WHERE seq >= ?1 AND seq < ?2 AND created_at <= ?3",

    "SELECT hash FROM idempotency_index WHERE hash >= ?1 "
        "ORDER BY hash LIMIT 1 OFFSET ?2",

    "DELETE FROM idempotency_index "
        "WHERE hash >= ?1 AND hash < ?2 AND seq < ?3",

    "INSERT INTO keys (" NGX_TRIGGERS_SQLITE_API_KEY ") "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
        "?14, ?15, ?16)",

    "SELECT " NGX_TRIGGERS_SQLITE_API_KEY " FROM keys WHERE key_id = ?1",

    "SELECT 1 FROM keys WHERE key_id = ?1 "
        "UNION ALL SELECT 1 FROM keys WHERE digest = ?2",

    /* the columns that can change, numbered as above */
    "UPDATE keys SET name = ?4, scopes = ?6, rate_limit = ?7, "
        "is_active = ?8, updated_at = ?10, expires_at = ?11, "
        "revoked_at = ?13, allowed_ips = ?15, networks = ?16 "
        "WHERE key_id = ?1",

    "UPDATE keys SET last_used_at = ?2 "
        "WHERE key_id = ?1 AND coalesce(last_used_at, 0) < ?2",

    /* scans: all of them are wanted */
    "SELECT " NGX_TRIGGERS_SQLITE_API_KEY " FROM keys "
        "WHERE revoked_at IS NULL",

    "UPDATE store SET keys_version = keys_version + 1 WHERE id = 1",

    "INSERT INTO audit (at, n, owner, action, event_id, actor, source_ip, "
        "request_id, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",

    "SELECT user_id, webhook_id FROM webhooks WHERE webhook = ?1",

    "INSERT INTO audit (at, n, owner, action, event_id, actor, source_ip, "
        "request_id, details) "
        "SELECT " NGX_TRIGGERS_SQLITE_AUDIT_DERIVED " FROM events e "
        "WHERE e.seq = ?1 AND e.created_at > ?2",

    "SELECT at, seq FROM done WHERE (at, seq) <= (?1, ?2) "
        "ORDER BY at, seq LIMIT ?3",

    "DELETE FROM done WHERE (at, seq) <= (?1, ?2)",

    "SELECT attempt, at FROM attempts WHERE attempt > 0 "
        "ORDER BY attempt LIMIT ?1",

    "DELETE FROM attempts WHERE attempt <= ?1",

    "SELECT at, n FROM audit WHERE at <= ?1 ORDER BY at, n LIMIT ?2",

    "DELETE FROM audit WHERE (at, n) <= (?1, ?2)",

    "INSERT INTO archive (id, file, through_at, through_seq, written) "
        "VALUES (1, ?1, ?2, ?3, 0)",

    "UPDATE archive SET written = 1 WHERE id = 1",

    "DELETE FROM archive WHERE id = 1",

    /* the second part is for those of the configuration */
    "INSERT INTO webhooks (webhook_id, user_id, configured, url, "
        "description, event_types, format, secret, is_active, created_at, "
        "updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10) "
        "ON CONFLICT (webhook_id) DO UPDATE SET url = excluded.url, "
        "event_types = excluded.event_types, format = excluded.format, "
        "secret = excluded.secret, is_active = 1, "
        "updated_at = excluded.updated_at, disabled_at = NULL, "
        "failures = 0, open_until = NULL, generation = generation + 1 "
        "WHERE configured = 1",

    "SELECT " NGX_TRIGGERS_SQLITE_WEBHOOK " FROM webhooks "
        "WHERE webhook_id = ?1",

    "SELECT count(*) FROM webhooks WHERE user_id = ?1",

    "UPDATE webhooks SET url = ?2, description = ?3, event_types = ?4, "
        "format = ?5, secret = ?6, old_secret = ?7, old_secret_until = ?8, "
        "is_active = ?9, updated_at = ?10, disabled_at = ?11, "
        "failures = ?12, open_until = ?13, generation = ?14 "
        "WHERE webhook = ?1",

    "DELETE FROM webhooks WHERE webhook = ?1",

    "UPDATE webhooks SET failures = iif(generation = ?7, ?2, failures), "
        "open_until = iif(generation = ?7, ?3, open_until), "
        "last_success_at = coalesce(?4, last_success_at), "
        "last_failure_at = coalesce(?5, last_failure_at), "
        "last_error = coalesce(?6, last_error) WHERE webhook = ?1",

    "UPDATE webhooks SET is_active = 0, disabled_at = ?2 "
        "WHERE webhook = ?1 AND is_active = 1 AND generation = ?3",

    "SELECT 1 FROM webhooks WHERE webhook = ?1",

    "SELECT w.webhook, w.configured, o.owner, w.event_types "
        "FROM webhooks w LEFT JOIN owners o ON o.user_id = w.user_id "
        "WHERE w.webhook > 0 AND w.is_active = 1",

    "SELECT webhook, webhook_id FROM webhooks "
        "WHERE user_id = '' AND configured = 1",

    "UPDATE store SET webhooks_version = webhooks_version + 1 WHERE id = 1",

    "INSERT INTO deliveries (seq, webhook, status, attempts, at) "
        "VALUES (?1, ?2, 0, 0, ?3)",

    "SELECT status, attempts, at FROM deliveries "
        "WHERE seq = ?1 AND webhook = ?2",

    "UPDATE deliveries SET status = ?3, attempts = ?4, at = ?5 "
        "WHERE seq = ?1 AND webhook = ?2",

    "DELETE FROM deliveries WHERE seq = ?1 AND webhook = ?2",

    "SELECT webhook, status, at FROM deliveries WHERE seq = ?1",

    "SELECT count(*), coalesce(sum(status = 0), 0), "
        "coalesce(sum(status = 2), 0) FROM deliveries WHERE seq = ?1",

    "DELETE FROM deliveries WHERE seq = ?1",

    "INSERT INTO delivery_queue (webhook, at, seq) VALUES (?1, ?2, ?3)",

    "DELETE FROM delivery_queue WHERE webhook = ?1 AND at = ?2 AND seq = ?3",
    "PRAGMA data_version"
};


/* what the log says of a state, in the order of ngx_triggers_store_state_e */

static const char *const  ngx_triggers_sqlite_states[] = {
    "starting",
    "ready",
    "cannot be opened",
    "locked",
    "no space left",
    "read-only",
    "input/output error",
    "file was deleted or replaced",
    "schema of a newer module",
    "not a database of this module",
    "corrupt"
};


ngx_triggers_store_t *
ngx_triggers_store_create(ngx_str_t *path, ngx_log_t *log)
{
    ngx_triggers_store_t  *store;

    store = ngx_calloc(sizeof(ngx_triggers_store_t), log);
    if (store == NULL) {
        return NULL;
    }

    /*
     * set by ngx_calloc():
     *
     *     store->db = NULL;
     *     store->stmt[] = NULL;
     *     store->state = NGX_TRIGGERS_STORE_STARTING;
     *     store->deltas[].owner = 0;
     *     store->owners[].owner = 0;
     */

    /*
     * Statistics of memory cost every malloc() of SQLite a mutex that all
     * threads share.  Refused, without harm, where SQLite is in use already.
     */

    (void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

    store->path = *path;
    store->log = log;
    store->lock_fd = -1;
    store->keys_ttl = NGX_TRIGGERS_SQLITE_KEYS_TTL;

    store->schedule.pauses[0] = 2000;
    store->schedule.pauses[1] = 4000;
    store->schedule.pauses[2] = 8000;
    store->schedule.n = 3;

    store->lock_path = ngx_triggers_sqlite_lock_path(path, log);
    store->uri = ngx_triggers_sqlite_uri(path, log);

    if (store->lock_path == NULL || store->uri == NULL) {
        ngx_triggers_store_destroy(store);
        return NULL;
    }

    return store;
}


void
ngx_triggers_store_destroy(ngx_triggers_store_t *store)
{
    ngx_triggers_store_close(store);

    if (store->lock_path) {
        ngx_free(store->lock_path);
    }

    if (store->uri) {
        ngx_free(store->uri);
    }

    ngx_free(store);
}


ngx_int_t
ngx_triggers_store_open(ngx_triggers_store_t *store)
{
    int        code;
    ngx_int_t  rc;

    if (store->db && store->locked) {
        return NGX_OK;
    }

    rc = ngx_triggers_sqlite_lock(store);
    if (rc != NGX_OK) {
        return rc;
    }

    if (store->db == NULL) {
        rc = ngx_triggers_sqlite_connect(store);

        if (rc != NGX_OK) {
            ngx_triggers_sqlite_disconnect(store);
            ngx_triggers_sqlite_unlock(store);
            return rc;
        }
    }

    code = ngx_triggers_sqlite_load(store);

    if (code == SQLITE_OK) {
        code = ngx_triggers_sqlite_totals_load(store);
    }

    if (code != SQLITE_OK) {
        rc = ngx_triggers_sqlite_error(store, code, "SELECT");
        ngx_triggers_sqlite_unlock(store);
        return rc;
    }

    ngx_triggers_sqlite_keys_check(store);

    /* whoever has had the lock may have added to what is due */

    store->next_due = 0;

    switch (ngx_triggers_store_state(store)) {

    case NGX_TRIGGERS_STORE_FULL:
    case NGX_TRIGGERS_STORE_IO_ERROR:
        /* only a commit can tell that it is over */
        break;

    default:
        ngx_triggers_sqlite_healthy(store);
    }

    return NGX_OK;
}


/*
 * Leaves a database that is whole by itself.  The close would checkpoint too,
 * but only as the last connection, and the readers of other processes may be
 * open still.  Without the write lock neither must be.
 */

void
ngx_triggers_store_close(ngx_triggers_store_t *store)
{
    if (store->db && store->locked) {
        ngx_triggers_store_rollback(store);

        (void) sqlite3_busy_timeout(store->db, 0);
        (void) sqlite3_wal_checkpoint_v2(store->db, NULL,
                                         SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                         NULL);

        (void) sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
                                 0, NULL);
        ngx_triggers_sqlite_finalize(store->stmt, NGX_TRIGGERS_SQLITE_NSTMT);
        (void) sqlite3_close(store->db);

        store->db = NULL;
    }

    ngx_triggers_sqlite_keys_free(store);
    ngx_triggers_sqlite_webhooks_free(store);
    ngx_triggers_sqlite_disconnect(store);
    ngx_triggers_sqlite_unlock(store);
}


void
ngx_triggers_store_unlock(ngx_triggers_store_t *store)
{
    if (store->db) {
        ngx_triggers_store_rollback(store);
    }

    ngx_triggers_sqlite_unlock(store);
}


void
ngx_triggers_store_keep_keys(ngx_triggers_store_t *store, int64_t ttl)
{
    store->keys_ttl = ttl;
}


int64_t
ngx_triggers_store_foreign(ngx_triggers_store_t *store)
{
    int64_t        version;
    sqlite3_stmt  *stmt;

    version = 0;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_DATA_VERSION];

    if (sqlite3_step(stmt) == SQLITE_ROW) {
        version = sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_reset(stmt);

    return version;
}


void
ngx_triggers_store_expect(ngx_triggers_store_t *store)
{
    store->expected = 1;
}


ngx_uint_t
ngx_triggers_store_is_open(ngx_triggers_store_t *store)
{
    return store->db != NULL;
}


ngx_triggers_store_state_e
ngx_triggers_store_state(ngx_triggers_store_t *store)
{
    return __atomic_load_n(&store->state, __ATOMIC_RELAXED);
}


const char *
ngx_triggers_store_state_name(ngx_uint_t state)
{
    return ngx_triggers_sqlite_states[state];
}


ngx_uint_t
ngx_triggers_sqlite_change(ngx_triggers_store_t *store,
    ngx_triggers_store_state_e state)
{
    return __atomic_exchange_n(&store->state, (ngx_uint_t) state,
                               __ATOMIC_RELAXED)
           != state;
}


void
ngx_triggers_sqlite_healthy(ngx_triggers_store_t *store)
{
    ngx_triggers_store_state_e  old;

    store->suspect = 0;
    store->expected = 1;

    old = ngx_triggers_store_state(store);

    if (ngx_triggers_sqlite_change(store, NGX_TRIGGERS_STORE_READY)) {
        ngx_log_error(NGX_LOG_NOTICE, store->log, 0,
                      "triggers store \"%V\": ready, was %s",
                      &store->path, ngx_triggers_sqlite_states[old]);
    }
}


ngx_int_t
ngx_triggers_sqlite_moved(ngx_triggers_store_t *store)
{
    if (ngx_triggers_sqlite_change(store, NGX_TRIGGERS_STORE_MOVED)) {
        ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                      "triggers store \"%V\": the file was deleted or "
                      "replaced", &store->path);
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_triggers_sqlite_error(ngx_triggers_store_t *store, int rc,
    const char *what)
{
    ngx_uint_t                  level;
    ngx_triggers_store_state_e  state;

    state = ngx_triggers_sqlite_classify(store->db, rc);

    if (ngx_triggers_sqlite_change(store, state)) {
        level = (state == NGX_TRIGGERS_STORE_LOCKED) ? NGX_LOG_WARN
                                                     : NGX_LOG_CRIT;

        ngx_log_error(level, store->log, 0,
                      "triggers store \"%V\": %s, %s failed (%d: %s)",
                      &store->path, ngx_triggers_sqlite_states[state], what,
                      rc, sqlite3_errmsg(store->db));
    }

    switch (rc & 0xff) {

    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
        ngx_triggers_store_rollback(store);
        break;

    default:
        store->suspect = 1;
        ngx_triggers_sqlite_disconnect(store);
    }

    return (state == NGX_TRIGGERS_STORE_LOCKED) ? NGX_AGAIN : NGX_ERROR;
}


/*
 * errno is that of the failed system call: nothing but cleaning up happened
 * since; SQLite remembers it for some of its calls only.
 */

ngx_triggers_store_state_e
ngx_triggers_sqlite_classify(sqlite3 *db, int rc)
{
    ngx_err_t  err;

    err = ngx_errno;

    if (err != ENOSPC && err != EFBIG && err != EDQUOT && err != EROFS) {
        err = sqlite3_system_errno(db);
    }

    switch (rc & 0xff) {

    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return NGX_TRIGGERS_STORE_LOCKED;

    case SQLITE_FULL:
        return NGX_TRIGGERS_STORE_FULL;

    case SQLITE_READONLY:
        return (rc == SQLITE_READONLY_DBMOVED) ? NGX_TRIGGERS_STORE_MOVED
                                               : NGX_TRIGGERS_STORE_READ_ONLY;

    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
        return NGX_TRIGGERS_STORE_CORRUPT;

    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        break;

    default:
        return NGX_TRIGGERS_STORE_IO_ERROR;
    }

    switch (err) {

    case ENOSPC:
    case EFBIG:
    case EDQUOT:
        return NGX_TRIGGERS_STORE_FULL;

    case EROFS:
        return NGX_TRIGGERS_STORE_READ_ONLY;
    }

    return ((rc & 0xff) == SQLITE_CANTOPEN) ? NGX_TRIGGERS_STORE_OPEN_FAILED
                                            : NGX_TRIGGERS_STORE_IO_ERROR;
}


void
ngx_triggers_sqlite_disconnect(ngx_triggers_store_t *store)
{
    if (store->db == NULL) {
        return;
    }

    (void) sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
                             NULL);

    ngx_triggers_sqlite_finalize(store->stmt, NGX_TRIGGERS_SQLITE_NSTMT);
    (void) sqlite3_close(store->db);

    store->db = NULL;

    /* rolls back what is in memory: there is no connection any more */
    ngx_triggers_store_rollback(store);
    ngx_triggers_sqlite_keys_free(store);
    ngx_triggers_sqlite_webhooks_free(store);
}


int
ngx_triggers_sqlite_exec(sqlite3_stmt *stmt)
{
    int  rc;

    rc = sqlite3_step(stmt);

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_DONE || rc == SQLITE_ROW) ? SQLITE_OK : rc;
}


int
ngx_triggers_sqlite_prepare(sqlite3 *db, const char *const *sql,
    sqlite3_stmt **stmt, ngx_uint_t n)
{
    int         rc;
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        rc = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &stmt[i], NULL);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    return SQLITE_OK;
}


void
ngx_triggers_sqlite_finalize(sqlite3_stmt **stmt, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        (void) sqlite3_finalize(stmt[i]);
        stmt[i] = NULL;
    }
}


int
ngx_triggers_sqlite_integer(sqlite3 *db, const char *sql, int64_t *value)
{
    int            rc;
    sqlite3_stmt  *stmt;

    *value = 0;

    rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (sqlite3_step(stmt) == SQLITE_ROW) {
        *value = sqlite3_column_int64(stmt, 0);
    }

    return sqlite3_finalize(stmt);
}


char *
ngx_triggers_sqlite_lock_path(ngx_str_t *path, ngx_log_t *log)
{
    u_char  *p;
    char    *lock_path;

    lock_path = ngx_alloc(path->len + sizeof(".lock"), log);
    if (lock_path == NULL) {
        return NULL;
    }

    p = ngx_cpymem(lock_path, path->data, path->len);
    ngx_memcpy(p, ".lock", sizeof(".lock"));

    return lock_path;
}


/*
 * SQLite creates the database, and with it the WAL, with the mode of the file
 * that "modeof" names: that of the lock file, whatever the umask is.
 */

char *
ngx_triggers_sqlite_uri(ngx_str_t *path, ngx_log_t *log)
{
    u_char  *p;
    char    *uri;

    uri = ngx_alloc(sizeof("file:?modeof=.lock") + 2 * 3 * path->len, log);
    if (uri == NULL) {
        return NULL;
    }

    p = ngx_cpymem(uri, "file:", sizeof("file:") - 1);
    p = ngx_triggers_sqlite_escape(p, path);
    p = ngx_cpymem(p, "?modeof=", sizeof("?modeof=") - 1);
    p = ngx_triggers_sqlite_escape(p, path);
    ngx_memcpy(p, ".lock", sizeof(".lock"));

    return uri;
}


static u_char *
ngx_triggers_sqlite_escape(u_char *dst, ngx_str_t *src)
{
    u_char         ch;
    size_t         i;
    static u_char  hex[] = "0123456789abcdef";

    for (i = 0; i < src->len; i++) {
        ch = src->data[i];

        if (ch == '%' || ch == '?' || ch == '#' || ch == '&' || ch == '='
            || (i == 1 && ch == '/'))
        {
            /* "//" after the scheme would begin the name of a host */
            *dst++ = '%';
            *dst++ = hex[ch >> 4];
            *dst++ = hex[ch & 0xf];

        } else {
            *dst++ = ch;
        }
    }

    return dst;
}


static ngx_int_t
ngx_triggers_sqlite_connect(ngx_triggers_store_t *store)
{
    int                         rc, flags;
    int64_t                     version;
    ngx_triggers_store_state_e  state;

    flags = SQLITE_OPEN_READWRITE|SQLITE_OPEN_NOMUTEX|SQLITE_OPEN_URI;

    if (!store->expected) {
        flags |= SQLITE_OPEN_CREATE;
    }

    rc = sqlite3_open_v2(store->uri, &store->db, flags, NULL);

    if (store->db == NULL) {
        if (ngx_triggers_sqlite_change(store, NGX_TRIGGERS_STORE_IO_ERROR)) {
            ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                          "triggers store \"%V\": no memory to open it",
                          &store->path);
        }

        return NGX_ERROR;
    }

    if (store->expected && (rc & 0xff) == SQLITE_CANTOPEN
        && sqlite3_system_errno(store->db) == ENOENT)
    {
        return ngx_triggers_sqlite_moved(store);
    }

    if (rc != SQLITE_OK) {
        rc = sqlite3_extended_errcode(store->db);
        return ngx_triggers_sqlite_error(store, rc, "sqlite3_open_v2()");
    }

    (void) sqlite3_extended_result_codes(store->db, 1);
    (void) sqlite3_busy_timeout(store->db, NGX_TRIGGERS_SQLITE_BUSY);

    rc = ngx_triggers_sqlite_identify(store->db, NGX_TRIGGERS_SQLITE_EVENTS,
                                      &state, &version);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, rc, "reading it");
    }

    if (ngx_triggers_sqlite_accept(store, state, version) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_triggers_sqlite_configure(store->db, NGX_TRIGGERS_SQLITE_EVENTS,
                                      state == NGX_TRIGGERS_STORE_STARTING);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, rc, "PRAGMA");
    }

    rc = ngx_triggers_sqlite_migrate(store->db, NGX_TRIGGERS_SQLITE_EVENTS,
                                     version);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, rc, "migration");
    }

    rc = ngx_triggers_sqlite_prepare(store->db, ngx_triggers_sqlite_statements,
                                     store->stmt, NGX_TRIGGERS_SQLITE_NSTMT);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, rc, "sqlite3_prepare_v3()");
    }

    (void) sqlite3_wal_hook(store->db, ngx_triggers_sqlite_wal_handler, store);

    store->copied = 0;

    if (!store->suspect) {
        return NGX_OK;
    }

    /*
     * The kernel reports a failed write-back once and then takes the pages
     * for clean; a later sync of the WAL says nothing about them.  Copied
     * into the database file they are written anew.
     */

    rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                   NULL, NULL);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, rc, "checkpoint");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_sqlite_accept(ngx_triggers_store_t *store,
    ngx_triggers_store_state_e state, int64_t version)
{
    if (state == NGX_TRIGGERS_STORE_FOREIGN) {

        if (ngx_triggers_sqlite_change(store, state)) {
            ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                          "triggers store \"%V\": the file is a database "
                          "of another application", &store->path);
        }

        return NGX_ERROR;
    }

    if (state == NGX_TRIGGERS_STORE_NEWER) {

        if (ngx_triggers_sqlite_change(store, state)) {
            ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                          "triggers store \"%V\": the database has schema "
                          "version %L, this module knows versions up to %L",
                          &store->path, version,
                          ngx_triggers_sqlite_version(
                              NGX_TRIGGERS_SQLITE_EVENTS));
        }

        return NGX_ERROR;
    }

    if (sqlite3_db_readonly(store->db, "main") == 1) {

        if (ngx_triggers_sqlite_change(store,
                                       NGX_TRIGGERS_STORE_READ_ONLY))
        {
            ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                          "triggers store \"%V\": the file may not be "
                          "written", &store->path);
        }

        return NGX_ERROR;
    }

    return NGX_OK;
}


static int
ngx_triggers_sqlite_wal_handler(void *data, sqlite3 *db, const char *name,
    int frames)
{
    ngx_triggers_store_t *store = data;

    (void) db;
    (void) name;

    /* fewer than before: SQLite has begun the WAL again */

    if ((ngx_uint_t) frames < store->copied) {
        store->copied = 0;
    }

    __atomic_store_n(&store->frames, (ngx_uint_t) frames, __ATOMIC_RELAXED);

    return SQLITE_OK;
}
