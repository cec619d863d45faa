
/*
 * The SQLite store: making the file smaller.  Pages that nothing uses any more
 * are used again by what comes; only when nothing waits, or when they are many
 * and a good part of the file, they are given back, by PRAGMA
 * incremental_vacuum in steps of few pages: each moves a page from the end of
 * the file into a free one's place.  The file shrinks with the next
 * checkpoint.
 */


#include "ngx_triggers_sqlite.h"


#define NGX_TRIGGERS_SQLITE_FREE_KEEP   64         /* pages: 512 KB */
#define NGX_TRIGGERS_SQLITE_FREE_MANY   8192       /* 64 MB … */
#define NGX_TRIGGERS_SQLITE_FREE_SHARE  4          /* … and a fourth */

#define NGX_TRIGGERS_SQLITE_FREE_LOOK   1000       /* ms */


static int ngx_triggers_sqlite_free_pages(ngx_triggers_store_t *store,
    int64_t *unused, int64_t *all);
static int ngx_triggers_sqlite_vacuum_idle(ngx_triggers_store_t *store);
static int ngx_triggers_sqlite_vacuum_busy(ngx_triggers_store_t *store);


ngx_int_t
ngx_triggers_sqlite_vacuum(ngx_triggers_store_t *store, ngx_uint_t idle)
{
    int         code;
    int64_t     now, unused, all;
    ngx_int_t   rc;
    ngx_uint_t  excess;

    now = ngx_triggers_wall_ms();

    if (now < store->vacuum_at) {
        return NGX_OK;
    }

    code = ngx_triggers_sqlite_free_pages(store, &unused, &all);
    if (code != SQLITE_OK) {
        return ngx_triggers_sqlite_error(store, code, "PRAGMA");
    }

    excess = idle ? (unused > NGX_TRIGGERS_SQLITE_FREE_KEEP)
                  : (unused > NGX_TRIGGERS_SQLITE_FREE_MANY
                     && unused > all / NGX_TRIGGERS_SQLITE_FREE_SHARE);

    /* a step that has given nothing back will not do so at once, if ever */

    if (!excess || unused == store->vacuum_free) {
        store->vacuum_at = now + NGX_TRIGGERS_SQLITE_FREE_LOOK;
        store->vacuum_free = 0;
        return NGX_OK;
    }

    store->vacuum_free = unused;
    store->shrunk = 1;

    rc = ngx_triggers_sqlite_unsynced(store,
                                      idle ? ngx_triggers_sqlite_vacuum_idle
                                           : ngx_triggers_sqlite_vacuum_busy);

    return (rc == NGX_OK) ? NGX_AGAIN : rc;
}


static int
ngx_triggers_sqlite_free_pages(ngx_triggers_store_t *store, int64_t *unused,
    int64_t *all)
{
    int  rc;

    rc = ngx_triggers_sqlite_integer(store->db, "PRAGMA freelist_count",
                                     unused);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_integer(store->db, "PRAGMA page_count", all);
}


static int
ngx_triggers_sqlite_vacuum_idle(ngx_triggers_store_t *store)
{
    return sqlite3_exec(store->db, "PRAGMA incremental_vacuum(64)", NULL, NULL,
                        NULL);
}


static int
ngx_triggers_sqlite_vacuum_busy(ngx_triggers_store_t *store)
{
    return sqlite3_exec(store->db, "PRAGMA incremental_vacuum(8)", NULL, NULL,
                        NULL);
}
