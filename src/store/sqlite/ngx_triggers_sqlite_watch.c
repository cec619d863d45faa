
/*
 * The SQLite store: whoever watches events is told of their changes.  Nothing
 * is read for it: an event that is changed was found with its type, and the
 * names of owners are kept, but for those that have not been seen for long.
 */


#include "ngx_triggers_sqlite.h"


static ngx_uint_t ngx_triggers_sqlite_watch_outcome(
    ngx_triggers_store_t *store, ngx_triggers_sqlite_event_t *event);


void
ngx_triggers_store_watch_events(ngx_triggers_store_t *store,
    ngx_triggers_watcher_t *watcher)
{
    store->watcher = *watcher;
}


int
ngx_triggers_sqlite_watch_event(ngx_triggers_store_t *store,
    ngx_uint_t action, ngx_triggers_sqlite_event_t *event, ngx_uint_t status,
    int64_t time, ngx_str_t *error)
{
    int                    rc;
    ngx_triggers_change_t  change;

    if (store->watcher.change == NULL) {
        return SQLITE_OK;
    }

    rc = ngx_triggers_sqlite_owner_name(store, event->owner, &change.user_id);
    if (rc != SQLITE_OK) {
        return rc;
    }

    change.action = action;
    change.status = status;
    change.outcome = ngx_triggers_sqlite_watch_outcome(store, event);
    change.time = time;
    change.id = event->id;
    change.event_type = event->event_type;
    change.correlation_id = event->correlation_id;
    change.error = *error;

    store->watcher.change(store->watcher.data, &change);

    return SQLITE_OK;
}


void
ngx_triggers_sqlite_watch_created(ngx_triggers_store_t *store,
    ngx_triggers_event_t *event, int64_t created_at)
{
    ngx_triggers_change_t  change;

    if (store->watcher.change == NULL) {
        return;
    }

    change.action = NGX_TRIGGERS_AUDIT_EVENT_CREATED;
    change.status = NGX_TRIGGERS_PENDING;
    change.outcome = 0;
    change.time = created_at;
    change.id = event->id;
    change.user_id = event->user_id;
    change.event_type = event->event_type;
    change.correlation_id = event->correlation_id;
    ngx_str_null(&change.error);

    store->watcher.change(store->watcher.data, &change);
}


void
ngx_triggers_sqlite_watch_commit(ngx_triggers_store_t *store)
{
    if (store->watcher.commit) {
        store->watcher.commit(store->watcher.data);
    }
}


void
ngx_triggers_sqlite_watch_rollback(ngx_triggers_store_t *store)
{
    if (store->watcher.rollback) {
        store->watcher.rollback(store->watcher.data);
    }
}


/* a lease that nobody gives back has run out */

static ngx_uint_t
ngx_triggers_sqlite_watch_outcome(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event)
{
    if (event->hold != NGX_TRIGGERS_HOLD_LEASE) {
        return NGX_TRIGGERS_ATTEMPT_FAILED;
    }

    return store->asker ? NGX_TRIGGERS_ATTEMPT_RELEASED
                        : NGX_TRIGGERS_ATTEMPT_EXPIRED;
}
