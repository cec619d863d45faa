
/*
 * The logs database: its life and its batches.  Each batch takes the lock,
 * opens the database if it has to, writes one transaction, copies the WAL into
 * the database if it has become long, and gives the lock up.
 *
 * Logs are worth less than events: a file that was deleted is begun afresh,
 * nothing is synced but by checkpoints, and what cannot be stored is lost.
 */


#include "ngx_triggers_sqlite_logs.h"


#define NGX_TRIGGERS_LOGS_WAL      1000              /* frames: 8 MB */

/* readers that follow each other keep the WAL from being begun again */

#define NGX_TRIGGERS_LOGS_WAL_MAX  8192              /* 64 MB */


static ngx_int_t ngx_triggers_sqlite_logs_lock(ngx_triggers_logs_t *logs);
static void ngx_triggers_sqlite_logs_unlock(ngx_triggers_logs_t *logs);
static ngx_int_t ngx_triggers_sqlite_logs_failed(ngx_triggers_logs_t *logs,
    const char *call);
static ngx_int_t ngx_triggers_sqlite_logs_open(ngx_triggers_logs_t *logs);
static ngx_int_t ngx_triggers_sqlite_logs_accept(ngx_triggers_logs_t *logs,
    ngx_triggers_store_state_e state);
static ngx_int_t ngx_triggers_sqlite_logs_broken(ngx_triggers_logs_t *logs,
    int rc, const char *what);
static ngx_int_t ngx_triggers_sqlite_logs_refuse(ngx_triggers_logs_t *logs,
    const char *reason);
static void ngx_triggers_sqlite_logs_rollback(ngx_triggers_logs_t *logs);
static void ngx_triggers_sqlite_logs_disconnect(ngx_triggers_logs_t *logs,
    ngx_uint_t checkpoint);
static ngx_uint_t ngx_triggers_sqlite_logs_moved(ngx_triggers_logs_t *logs);
static int ngx_triggers_sqlite_logs_load(ngx_triggers_logs_t *logs);
static void ngx_triggers_sqlite_logs_bind(ngx_triggers_logs_t *logs,
    ngx_triggers_entry_t *entry, int64_t latest);
static int ngx_triggers_sqlite_logs_checkpoint(ngx_triggers_logs_t *logs);
static int ngx_triggers_sqlite_logs_wal_handler(void *data, sqlite3 *db,
    const char *name, int frames);


/* in the order of ngx_triggers_sqlite_logs_stmt_e */

static const char *const  ngx_triggers_sqlite_logs_statements[] = {

    "BEGIN IMMEDIATE",

    "COMMIT",

    "SELECT s.next_log, l.log_id, coalesce(l.latest, l.at) FROM state s "
        "LEFT JOIN logs l ON l.log_id = (SELECT max(log_id) FROM logs) "
        "WHERE s.id = 1",

    "UPDATE state SET next_log = ?1 WHERE id = 1",

    "INSERT INTO logs (log_id, at, latest, kind, level, status, latency, "
        "user_id, key_id, request_id, correlation_id, event_id, trace_id, "
        "error, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
        "?11, ?12, ?13, ?14, ?15)",

    "SELECT log_id, at FROM logs ORDER BY log_id LIMIT ?1",

    "DELETE FROM logs WHERE log_id <= ?1",

    "INSERT OR REPLACE INTO minutes (minute, zone, number, times, elapsed, "
        "requests, errors, accepted, acknowledged, delivered, failed, "
        "retried, attempts, failed_attempts, commits, pending, retrying, "
        "dead, queued) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
        "?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",

    "DELETE FROM minutes WHERE n IN (SELECT n FROM minutes "
        "WHERE minute < ?1 ORDER BY minute LIMIT ?2)"
};


ngx_triggers_logs_t *
ngx_triggers_logs_create(ngx_str_t *path, ngx_triggers_logs_limits_t *limits,
    ngx_log_t *log)
{
    ngx_triggers_logs_t  *logs;

    logs = ngx_calloc(sizeof(ngx_triggers_logs_t), log);
    if (logs == NULL) {
        return NULL;
    }

    logs->path = *path;
    logs->limits = limits;
    logs->log = log;
    logs->lock_fd = -1;

    logs->lock_path = ngx_triggers_sqlite_lock_path(path, log);
    logs->uri = ngx_triggers_sqlite_uri(path, log);

    if (logs->lock_path == NULL || logs->uri == NULL) {
        ngx_triggers_logs_destroy(logs);
        return NULL;
    }

    return logs;
}


/* leaves a database that is whole by itself, if the lock can be had */

void
ngx_triggers_logs_destroy(ngx_triggers_logs_t *logs)
{
    ngx_uint_t  locked;

    if (logs->db) {
        locked = (ngx_triggers_sqlite_logs_lock(logs) == NGX_OK);
        ngx_triggers_sqlite_logs_disconnect(logs, locked);
    }

    ngx_triggers_sqlite_logs_unlock(logs);

    if (logs->lock_path) {
        ngx_free(logs->lock_path);
    }

    if (logs->uri) {
        ngx_free(logs->uri);
    }

    ngx_free(logs);
}


ngx_int_t
ngx_triggers_logs_begin(ngx_triggers_logs_t *logs)
{
    int        code;
    ngx_int_t  rc;

    ngx_set_errno(0);

    rc = ngx_triggers_sqlite_logs_lock(logs);
    if (rc != NGX_OK) {
        return rc;
    }

    if (logs->active) {

        /* a batch that has been abandoned */

        ngx_triggers_sqlite_logs_rollback(logs);
    }

    rc = ngx_triggers_sqlite_logs_open(logs);
    if (rc != NGX_OK) {
        return rc;
    }

    if (logs->frames >= NGX_TRIGGERS_LOGS_WAL_MAX) {
        code = ngx_triggers_sqlite_logs_checkpoint(logs);

        if (code != SQLITE_OK) {
            return ngx_triggers_sqlite_logs_error(logs, code, "checkpoint");
        }
    }

    code = ngx_triggers_sqlite_exec(logs->stmt[NGX_TRIGGERS_LOGS_BEGIN]);
    if (code != SQLITE_OK) {
        return ngx_triggers_sqlite_logs_error(logs, code, "BEGIN");
    }

    logs->active = 1;

    code = ngx_triggers_sqlite_logs_load(logs);
    if (code != SQLITE_OK) {
        return ngx_triggers_sqlite_logs_error(logs, code, "SELECT");
    }

    return NGX_OK;
}


ngx_int_t
ngx_triggers_logs_add(ngx_triggers_logs_t *logs, ngx_triggers_entry_t *entry)
{
    int      code;
    int64_t  latest;

    if (!logs->active) {
        return NGX_ERROR;
    }

    latest = ngx_max(logs->latest, entry->time);

    ngx_triggers_sqlite_logs_bind(logs, entry, latest);

    code = ngx_triggers_sqlite_exec(logs->stmt[NGX_TRIGGERS_LOGS_ADD]);
    if (code != SQLITE_OK) {
        return ngx_triggers_sqlite_logs_error(logs, code, "INSERT");
    }

    logs->latest = latest;
    logs->next_log++;

    return NGX_OK;
}


ngx_int_t
ngx_triggers_logs_add_minute(ngx_triggers_logs_t *logs,
    ngx_triggers_minute_t *minute)
{
    int            code;
    ngx_uint_t     i;
    sqlite3_stmt  *stmt;

    if (!logs->active) {
        return NGX_ERROR;
    }

    stmt = logs->stmt[NGX_TRIGGERS_LOGS_ADD_MINUTE];

    sqlite3_bind_int64(stmt, 1, minute->minute);
    sqlite3_bind_int64(stmt, 2, (int64_t) minute->zone);
    sqlite3_bind_int64(stmt, 3, (int64_t) minute->number);
    (void) sqlite3_bind_blob64(stmt, 4, minute->times.data, minute->times.len,
                               SQLITE_STATIC);

    sqlite3_bind_int64(stmt, 5, (int64_t) minute->elapsed);

    for (i = 0; i < NGX_TRIGGERS_MINUTE_VALUES; i++) {
        sqlite3_bind_int64(stmt, 6 + (int) i, (int64_t) minute->values[i]);
    }

    code = ngx_triggers_sqlite_exec(stmt);
    if (code != SQLITE_OK) {
        return ngx_triggers_sqlite_logs_error(logs, code, "INSERT");
    }

    return NGX_OK;
}


/*
 * A checkpoint that fails does not take the batch back, nor the lock away; but
 * as long as it does, all is not well.
 */

ngx_int_t
ngx_triggers_logs_commit(ngx_triggers_logs_t *logs)
{
    int  code;

    if (!logs->active) {
        return NGX_ERROR;
    }

    code = ngx_triggers_sqlite_exec(logs->stmt[NGX_TRIGGERS_LOGS_COMMIT]);
    if (code != SQLITE_OK) {
        return ngx_triggers_sqlite_logs_error(logs, code, "COMMIT");
    }

    logs->active = 0;

    if (logs->settle
        || logs->frames - logs->copied >= NGX_TRIGGERS_LOGS_WAL)
    {
        logs->settle = 0;
        code = ngx_triggers_sqlite_logs_checkpoint(logs);

        if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
            (void) ngx_triggers_sqlite_logs_broken(logs, code, "checkpoint");
            return NGX_OK;
        }
    }

    if (logs->failed) {
        logs->failed = 0;

        ngx_log_error(NGX_LOG_NOTICE, logs->log, 0,
                      "triggers logs \"%V\": stored again", &logs->path);
    }

    return NGX_OK;
}


void
ngx_triggers_logs_release(ngx_triggers_logs_t *logs)
{
    ngx_triggers_sqlite_logs_unlock(logs);
}


void
ngx_triggers_logs_locked(ngx_triggers_logs_t *logs)
{
    if (logs->failed) {
        return;
    }

    logs->failed = 1;

    ngx_log_error(NGX_LOG_CRIT, logs->log, 0,
                  "triggers logs \"%V\": cannot be stored, another process "
                  "keeps the database locked", &logs->path);
}


static ngx_int_t
ngx_triggers_sqlite_logs_lock(ngx_triggers_logs_t *logs)
{
    short      type;
    ngx_int_t  rc;

    if (logs->lock_fd != -1) {
        return NGX_OK;
    }

    logs->lock_fd = open(logs->lock_path, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (logs->lock_fd == -1) {
        return ngx_triggers_sqlite_logs_failed(logs, "open()");
    }

    type = F_WRLCK;
    rc = ngx_triggers_sqlite_lock_byte(logs->lock_fd, F_OFD_SETLK, &type, 0);

    if (rc == NGX_ERROR) {
        return ngx_triggers_sqlite_logs_failed(logs, "fcntl(F_OFD_SETLK)");
    }

    if (rc == NGX_OK) {
        rc = ngx_triggers_sqlite_lock_named(logs->lock_fd, logs->lock_path);
    }

    if (rc == NGX_ERROR) {
        return ngx_triggers_sqlite_logs_failed(logs, "fstat()");
    }

    if (rc != NGX_OK) {
        ngx_triggers_sqlite_logs_unlock(logs);
        return NGX_AGAIN;
    }

    return NGX_OK;
}


static void
ngx_triggers_sqlite_logs_unlock(ngx_triggers_logs_t *logs)
{
    if (logs->lock_fd == -1) {
        return;
    }

    if (close(logs->lock_fd) == -1) {
        ngx_log_error(NGX_LOG_ALERT, logs->log, ngx_errno,
                      "close() \"%s\" failed", logs->lock_path);
    }

    logs->lock_fd = -1;
}


static ngx_int_t
ngx_triggers_sqlite_logs_failed(ngx_triggers_logs_t *logs, const char *call)
{
    ngx_err_t  err;

    err = ngx_errno;

    if (!logs->failed) {
        logs->failed = 1;

        ngx_log_error(NGX_LOG_CRIT, logs->log, err,
                      "triggers logs \"%V\": cannot be stored, %s \"%s\" "
                      "failed", &logs->path, call, logs->lock_path);
    }

    ngx_triggers_sqlite_logs_unlock(logs);

    return NGX_ERROR;
}


/* under the lock, which is given up if it fails */

static ngx_int_t
ngx_triggers_sqlite_logs_open(ngx_triggers_logs_t *logs)
{
    int                         rc;
    int64_t                     version;
    ngx_triggers_store_state_e  state;

    if (logs->db && ngx_triggers_sqlite_logs_moved(logs)) {
        ngx_log_error(NGX_LOG_WARN, logs->log, 0,
                      "triggers logs \"%V\": the file was deleted or "
                      "replaced, it is opened anew", &logs->path);

        ngx_triggers_sqlite_logs_disconnect(logs, 0);

        logs->frames = 0;
    }

    if (logs->db) {
        return NGX_OK;
    }

    rc = sqlite3_open_v2(logs->uri, &logs->db,
                         SQLITE_OPEN_READWRITE|SQLITE_OPEN_CREATE
                         |SQLITE_OPEN_NOMUTEX|SQLITE_OPEN_URI,
                         NULL);

    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_logs_error(logs, rc, "sqlite3_open_v2()");
    }

    (void) sqlite3_extended_result_codes(logs->db, 1);
    (void) sqlite3_busy_timeout(logs->db, NGX_TRIGGERS_SQLITE_BUSY);

    rc = ngx_triggers_sqlite_identify(logs->db, NGX_TRIGGERS_SQLITE_LOGS,
                                      &state, &version);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_logs_error(logs, rc, "reading it");
    }

    if (ngx_triggers_sqlite_logs_accept(logs, state) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_triggers_sqlite_configure(logs->db, NGX_TRIGGERS_SQLITE_LOGS,
                                       state == NGX_TRIGGERS_STORE_STARTING);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_logs_error(logs, rc, "PRAGMA");
    }

    rc = ngx_triggers_sqlite_migrate(logs->db, NGX_TRIGGERS_SQLITE_LOGS,
                                     version);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_logs_error(logs, rc, "migration");
    }

    rc = ngx_triggers_sqlite_prepare(logs->db,
                                     ngx_triggers_sqlite_logs_statements,
                                     logs->stmt, NGX_TRIGGERS_LOGS_NSTMT);
    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_logs_error(logs, rc,
                                              "sqlite3_prepare_v3()");
    }

    (void) sqlite3_wal_hook(logs->db, ngx_triggers_sqlite_logs_wal_handler,
                            logs);

    logs->copied = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_sqlite_logs_accept(ngx_triggers_logs_t *logs,
    ngx_triggers_store_state_e state)
{
    if (state == NGX_TRIGGERS_STORE_FOREIGN) {
        return ngx_triggers_sqlite_logs_refuse(logs,
                              "the file is a database of something else");
    }

    if (state == NGX_TRIGGERS_STORE_NEWER) {
        return ngx_triggers_sqlite_logs_refuse(logs,
                              "the database has the schema of a newer module");
    }

    if (sqlite3_db_readonly(logs->db, "main") == 1) {
        return ngx_triggers_sqlite_logs_refuse(logs,
                                               "the file may not be written");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_sqlite_logs_refuse(ngx_triggers_logs_t *logs, const char *reason)
{
    if (!logs->failed) {
        logs->failed = 1;

        ngx_log_error(NGX_LOG_CRIT, logs->log, 0,
                      "triggers logs \"%V\": cannot be stored, %s",
                      &logs->path, reason);
    }

    ngx_triggers_sqlite_logs_disconnect(logs, 0);
    ngx_triggers_sqlite_logs_unlock(logs);

    return NGX_ERROR;
}


ngx_int_t
ngx_triggers_sqlite_logs_error(ngx_triggers_logs_t *logs, int rc,
    const char *what)
{
    ngx_int_t  error;

    error = ngx_triggers_sqlite_logs_broken(logs, rc, what);
    ngx_triggers_sqlite_logs_unlock(logs);

    return error;
}


/* the same, and the lock is kept */

static ngx_int_t
ngx_triggers_sqlite_logs_broken(ngx_triggers_logs_t *logs, int rc,
    const char *what)
{
    ngx_uint_t  busy;

    busy = (logs->db && ngx_triggers_sqlite_classify(logs->db, rc)
                        == NGX_TRIGGERS_STORE_LOCKED);

    if (!busy && !logs->failed) {
        logs->failed = 1;

        ngx_log_error(NGX_LOG_CRIT, logs->log, 0,
                      "triggers logs \"%V\": cannot be stored, %s failed "
                      "(%d: %s)", &logs->path, what, rc,
                      logs->db ? sqlite3_errmsg(logs->db) : "no memory");
    }

    /* one that was found busy while it was opened has no statements */

    if (busy && logs->stmt[NGX_TRIGGERS_LOGS_NSTMT - 1]) {
        ngx_triggers_sqlite_logs_rollback(logs);

    } else if (logs->db) {
        ngx_triggers_sqlite_logs_disconnect(logs, 0);
    }

    return busy ? NGX_AGAIN : NGX_ERROR;
}


static void
ngx_triggers_sqlite_logs_rollback(ngx_triggers_logs_t *logs)
{
    if (!sqlite3_get_autocommit(logs->db)) {
        (void) sqlite3_exec(logs->db, "ROLLBACK", NULL, NULL, NULL);
    }

    logs->active = 0;
}


static void
ngx_triggers_sqlite_logs_disconnect(ngx_triggers_logs_t *logs,
    ngx_uint_t checkpoint)
{
    ngx_triggers_sqlite_logs_rollback(logs);
    ngx_triggers_sqlite_finalize(logs->stmt, NGX_TRIGGERS_LOGS_NSTMT);

    if (checkpoint) {
        (void) sqlite3_busy_timeout(logs->db, 0);
        (void) sqlite3_wal_checkpoint_v2(logs->db, NULL,
                                         SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                         NULL);
    }

    (void) sqlite3_db_config(logs->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
                             checkpoint ? 0 : 1, NULL);
    (void) sqlite3_close(logs->db);

    logs->db = NULL;
}


static ngx_uint_t
ngx_triggers_sqlite_logs_moved(ngx_triggers_logs_t *logs)
{
    int  moved;

    moved = 0;

    (void) sqlite3_file_control(logs->db, "main", SQLITE_FCNTL_HAS_MOVED,
                                &moved);

    return moved != 0;
}


/* another tree may have added or removed some since */

static int
ngx_triggers_sqlite_logs_load(ngx_triggers_logs_t *logs)
{
    int            rc;
    int64_t        newest;
    sqlite3_stmt  *stmt;

    stmt = logs->stmt[NGX_TRIGGERS_LOGS_LOAD];

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        newest = sqlite3_column_int64(stmt, 1);

        logs->next_log = ngx_max(sqlite3_column_int64(stmt, 0), newest + 1);
        logs->latest = sqlite3_column_int64(stmt, 2);
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW) ? SQLITE_OK
                              : (rc == SQLITE_DONE) ? SQLITE_CORRUPT : rc;
}


/*
 * Who has a correlation id has a request id too.  Of both, which mostly are the
 * same, the one that is searched for is kept.
 */

static void
ngx_triggers_sqlite_logs_bind(ngx_triggers_logs_t *logs,
    ngx_triggers_entry_t *entry, int64_t latest)
{
    sqlite3_stmt  *stmt;

    stmt = logs->stmt[NGX_TRIGGERS_LOGS_ADD];

    (void) sqlite3_clear_bindings(stmt);

    sqlite3_bind_int64(stmt, 1, logs->next_log);
    sqlite3_bind_int64(stmt, 2, entry->time);

    if (latest != entry->time) {
        sqlite3_bind_int64(stmt, 3, latest);
    }

    sqlite3_bind_int64(stmt, 4, (int64_t) entry->kind);
    sqlite3_bind_int64(stmt, 5, (int64_t) entry->level);
    sqlite3_bind_int64(stmt, 6, (int64_t) entry->status);
    sqlite3_bind_int64(stmt, 7, (int64_t) entry->latency);

    (void) ngx_triggers_sqlite_bind_text(stmt, 8, &entry->user_id);
    (void) ngx_triggers_sqlite_bind_text(stmt, 9, &entry->key_id);

    if (!ngx_triggers_sqlite_equal(&entry->correlation_id,
                                   &entry->request_id))
    {
        (void) ngx_triggers_sqlite_bind_text(stmt, 10, &entry->request_id);
    }

    (void) ngx_triggers_sqlite_bind_text(stmt, 11, &entry->correlation_id);

    if (entry->has_event_id) {
        (void) sqlite3_bind_blob(stmt, 12, entry->event_id,
                                 NGX_TRIGGERS_ID_LEN, SQLITE_STATIC);
    }

    if (entry->has_trace_id) {
        (void) sqlite3_bind_blob(stmt, 13, entry->trace_id,
                                 NGX_TRIGGERS_TRACE_ID_LEN, SQLITE_STATIC);
    }

    (void) ngx_triggers_sqlite_bind_text(stmt, 14, &entry->error);
    (void) ngx_triggers_sqlite_bind_text(stmt, 15, &entry->message);
}


/* as the store's: RESTART without a busy timeout waits for nobody */

static int
ngx_triggers_sqlite_logs_checkpoint(ngx_triggers_logs_t *logs)
{
    int  rc, frames, copied;

    (void) sqlite3_busy_timeout(logs->db, 0);

    rc = sqlite3_wal_checkpoint_v2(logs->db, NULL, SQLITE_CHECKPOINT_RESTART,
                                   &frames, &copied);

    (void) sqlite3_busy_timeout(logs->db, NGX_TRIGGERS_SQLITE_BUSY);

    if (rc == SQLITE_OK) {
        logs->frames = 0;
        logs->copied = 0;
        logs->shrunk = 0;

    } else if (frames >= 0 && copied >= 0) {
        logs->frames = (ngx_uint_t) frames;
        logs->copied = (ngx_uint_t) copied;
    }

    return rc;
}


static int
ngx_triggers_sqlite_logs_wal_handler(void *data, sqlite3 *db,
    const char *name, int frames)
{
    ngx_triggers_logs_t *logs = data;

    (void) db;
    (void) name;

    /* fewer than before: SQLite has begun the WAL again */

    if ((ngx_uint_t) frames < logs->copied) {
        logs->copied = 0;
    }

    logs->frames = (ngx_uint_t) frames;

    return SQLITE_OK;
}
