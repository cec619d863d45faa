
/*
 * The SQLite store: work behind the answers.  Merges new rows of "inbox",
 * sorted by owner, into "owner_inbox"; copies the WAL into the database and
 * starts it again when it can; sees whether the file is still there.
 *
 * The unmerged tail is what a reader of one owner has to walk, so it is
 * bounded; longer slices dirty fewer pages per row when owners are many.
 */


#include "ngx_triggers_sqlite.h"


#define NGX_TRIGGERS_SQLITE_TAIL_MIN  512            /* rows */
#define NGX_TRIGGERS_SQLITE_TAIL_MAX  8192           /* and of one slice */

#define NGX_TRIGGERS_SQLITE_WAL       2000           /* frames */
#define NGX_TRIGGERS_SQLITE_NO_ROOM   1000           /* ms to the next attempt */


static ngx_int_t ngx_triggers_sqlite_merge(ngx_triggers_store_t *store,
    ngx_uint_t idle);
static int ngx_triggers_sqlite_merge_slice(ngx_triggers_store_t *store);
static ngx_int_t ngx_triggers_sqlite_checkpoint(ngx_triggers_store_t *store,
    ngx_uint_t idle);
static void ngx_triggers_sqlite_no_room(ngx_triggers_store_t *store);


ngx_int_t
ngx_triggers_store_maintain(ngx_triggers_store_t *store, ngx_uint_t idle)
{
    ngx_int_t  rc, again;

    if (store->db == NULL) {
        return NGX_ERROR;
    }

    if (!store->locked) {
        return NGX_OK;
    }

    ngx_set_errno(0);

    again = ngx_triggers_sqlite_merge(store, idle);

    if (again == NGX_ERROR || store->db == NULL) {
        return again;
    }

    rc = ngx_triggers_sqlite_keys_maintain(store, idle);

    if (rc == NGX_ERROR || store->db == NULL) {
        return rc;
    }

    if (rc == NGX_AGAIN) {
        again = rc;
    }

    rc = ngx_triggers_sqlite_retain(store, idle);

    if (rc == NGX_ERROR || store->db == NULL) {
        return rc;
    }

    if (rc == NGX_AGAIN) {
        again = rc;
    }

    if (again == NGX_OK || !idle) {
        rc = ngx_triggers_sqlite_vacuum(store, idle);

        if (rc == NGX_ERROR || store->db == NULL) {
            return rc;
        }

        if (rc == NGX_AGAIN) {
            again = rc;
        }
    }

    rc = ngx_triggers_sqlite_checkpoint(store, idle);

    return (rc == NGX_OK) ? again : rc;
}


ngx_int_t
ngx_triggers_store_check(ngx_triggers_store_t *store)
{
    int  moved;

    if (store->db == NULL) {
        return NGX_ERROR;
    }

    moved = 0;

    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved)
        != SQLITE_OK || !moved)
    {
        return NGX_OK;
    }

    /* the lock file may have gone with it */

    ngx_triggers_sqlite_disconnect(store);
    ngx_triggers_sqlite_unlock(store);

    return ngx_triggers_sqlite_moved(store);
}


uint64_t
ngx_triggers_store_size(ngx_triggers_store_t *store)
{
    int64_t  pages, size;

    if (store->db == NULL
        || ngx_triggers_sqlite_integer(store->db, "PRAGMA page_count", &pages)
           != SQLITE_OK
        || ngx_triggers_sqlite_integer(store->db, "PRAGMA page_size", &size)
           != SQLITE_OK)
    {
        return 0;
    }

    return (uint64_t) pages * (uint64_t) size;
}


ngx_uint_t
ngx_triggers_store_wal_frames(ngx_triggers_store_t *store)
{
    return __atomic_load_n(&store->frames, __ATOMIC_RELAXED);
}


static ngx_int_t
ngx_triggers_sqlite_merge(ngx_triggers_store_t *store, ngx_uint_t idle)
{
    int64_t    rows, limit;
    ngx_int_t  rc;

    rows = store->next_seq - 1 - store->merged_through;

    limit = 4 * (int64_t) store->tail_owners;
    limit = ngx_max(NGX_TRIGGERS_SQLITE_TAIL_MIN, limit);
    limit = ngx_min(NGX_TRIGGERS_SQLITE_TAIL_MAX, limit);

    if (rows == 0 || (rows < limit && !idle)) {
        return NGX_OK;
    }

    rc = ngx_triggers_sqlite_unsynced(store, ngx_triggers_sqlite_merge_slice);
    if (rc != NGX_OK) {
        return rc;
    }

    if (store->merged_through + 1 < store->next_seq) {
        return NGX_AGAIN;
    }

    ngx_memzero(store->tail, sizeof(store->tail));
    store->tail_owners = 0;

    return NGX_OK;
}


static int
ngx_triggers_sqlite_merge_slice(ngx_triggers_store_t *store)
{
    int64_t        rows, through;
    sqlite3_stmt  *stmt;

    rows = store->next_seq - 1 - store->merged_through;
    through = store->merged_through
              + ngx_min(rows, NGX_TRIGGERS_SQLITE_TAIL_MAX);

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_MERGE];

    sqlite3_bind_int64(stmt, 1, store->merged_through);
    sqlite3_bind_int64(stmt, 2, through);

    store->merged_through = through;

    return ngx_triggers_sqlite_exec(stmt);
}


ngx_int_t
ngx_triggers_sqlite_unsynced(ngx_triggers_store_t *store,
    int (*work)(ngx_triggers_store_t *store))
{
    int        code;
    ngx_int_t  rc;

    code = sqlite3_exec(store->db, "PRAGMA synchronous = NORMAL", NULL, NULL,
                        NULL);
    if (code != SQLITE_OK) {
        rc = ngx_triggers_sqlite_error(store, code, "PRAGMA");

    } else {
        rc = ngx_triggers_sqlite_synced(store, work);
    }

    if (store->db == NULL) {
        return rc;
    }

    code = sqlite3_exec(store->db, "PRAGMA synchronous = FULL", NULL, NULL,
                        NULL);

    if (code != SQLITE_OK) {

        /* this connection must not commit a batch any more */

        rc = ngx_triggers_sqlite_error(store, code, "PRAGMA");
        ngx_triggers_sqlite_disconnect(store);
    }

    return rc;
}


ngx_int_t
ngx_triggers_sqlite_synced(ngx_triggers_store_t *store,
    int (*work)(ngx_triggers_store_t *store))
{
    int        rc;
    ngx_int_t  code;

    code = ngx_triggers_store_begin(store);
    if (code != NGX_OK) {
        return code;
    }

    rc = work(store);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_flush(store);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_save(store);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_exec(store->stmt[NGX_TRIGGERS_SQLITE_COMMIT]);
    }

    if (rc != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, rc, "tidying up");
    }

    ngx_triggers_sqlite_totals_commit(store);
    ngx_triggers_sqlite_watch_commit(store);

    return NGX_OK;
}


/*
 * RESTART without a busy timeout is PASSIVE that also gives the WAL back when
 * no reader uses it; where one does, it says so and nothing has waited.  With
 * nothing else to do it is tried again and again, since a WAL that readers
 * have kept from restarting shrinks only here or with the next commit.
 *
 * Where the database cannot grow the WAL may still have room: whether the disk
 * is full is for the commits to say.
 */

static ngx_int_t
ngx_triggers_sqlite_checkpoint(ngx_triggers_store_t *store, ngx_uint_t idle)
{
    int         rc, frames, copied;
    ngx_uint_t  n;

    n = idle ? store->frames : store->frames - store->copied;

    /* the file becomes smaller when the last page that is left is copied */

    if (n < NGX_TRIGGERS_SQLITE_WAL
        && !(idle && store->shrunk && store->vacuum_at))
    {
        return NGX_OK;
    }

    if (store->no_room
        && ngx_triggers_monotonic_ms() - store->no_room
           < NGX_TRIGGERS_SQLITE_NO_ROOM)
    {
        return NGX_OK;
    }

    (void) sqlite3_busy_timeout(store->db, 0);

    rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_RESTART,
                                   &frames, &copied);

    (void) sqlite3_busy_timeout(store->db, NGX_TRIGGERS_SQLITE_BUSY);

    if (rc == SQLITE_OK) {
        frames = 0;
        copied = 0;
        store->shrunk = 0;
        store->no_room = 0;

    } else if ((rc & 0xff) == SQLITE_FULL) {
        ngx_triggers_sqlite_no_room(store);
        return NGX_OK;

    } else if ((rc & 0xff) != SQLITE_BUSY) {
        return ngx_triggers_sqlite_error(store, rc, "checkpoint");
    }

    if (frames >= 0 && copied >= 0) {
        store->copied = (ngx_uint_t) copied;
        __atomic_store_n(&store->frames, (ngx_uint_t) frames,
                         __ATOMIC_RELAXED);
    }

    return NGX_OK;
}


static void
ngx_triggers_sqlite_no_room(ngx_triggers_store_t *store)
{
    if (store->no_room == 0) {
        ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                      "triggers store \"%V\": no space to copy the WAL into "
                      "the database", &store->path);
    }

    store->no_room = ngx_triggers_monotonic_ms();
}
