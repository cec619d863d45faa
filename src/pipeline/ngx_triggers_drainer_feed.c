
/*
 * What happens to events, on its way into the live feed; see the header.
 * Entries are encoded when they are told, as their strings are gone later.
 */


#include "ngx_triggers_drainer_feed.h"
#include "ngx_triggers_clock.h"


#define NGX_TRIGGERS_CHANGES_MAX   4096        /* of a transaction, kept */
#define NGX_TRIGGERS_CHANGE_WORDS  24          /* that one takes, about */

#define NGX_TRIGGERS_CHANGE_ERROR  200         /* bytes told of an error */

#define NGX_TRIGGERS_REMOVED_TIME  60000       /* ms, while it goes on */


static void ngx_triggers_drainer_feed_change(void *data,
    ngx_triggers_change_t *change);
static void ngx_triggers_drainer_feed_event(ngx_triggers_drainer_feed_t *df,
    ngx_triggers_change_t *change);
static void ngx_triggers_drainer_feed_attempt(
    ngx_triggers_drainer_feed_t *df, ngx_triggers_change_t *change);
static ngx_int_t ngx_triggers_drainer_feed_add(
    ngx_triggers_drainer_feed_t *df, ngx_triggers_change_t *change,
    ngx_triggers_entry_t *entry);
static void ngx_triggers_drainer_feed_commit(void *data);
static void ngx_triggers_drainer_feed_rollback(void *data);
static void ngx_triggers_drainer_feed_gap(ngx_triggers_drainer_feed_t *df);
static void ngx_triggers_drainer_feed_removed(
    ngx_triggers_drainer_feed_t *df, uint64_t now);


ngx_int_t
ngx_triggers_drainer_feed_create(ngx_triggers_drainer_feed_t *df,
    ngx_triggers_zone_t *zone, ngx_triggers_owner_t *owner,
    ngx_triggers_store_t *store, ngx_log_t *log)
{
    ngx_uint_t              n;
    ngx_triggers_watcher_t  watcher;

    df->feed = &zone->sh->feed;
    df->owner = owner;
    df->untold = &zone->sh->untold;

    /* more than half of the places would be gone before they are read */

    n = ngx_min(df->feed->nplaces / 2, NGX_TRIGGERS_CHANGES_MAX);
    n *= NGX_TRIGGERS_CHANGE_WORDS;

    df->size = ngx_max(n, 2 * NGX_TRIGGERS_FEED_WORDS);

    df->words = ngx_alloc(df->size * sizeof(uint64_t), log);
    if (df->words == NULL) {
        return NGX_ERROR;
    }

    watcher.change = ngx_triggers_drainer_feed_change;
    watcher.commit = ngx_triggers_drainer_feed_commit;
    watcher.rollback = ngx_triggers_drainer_feed_rollback;
    watcher.data = df;

    ngx_triggers_store_watch_events(store, &watcher);

    return NGX_OK;
}


void
ngx_triggers_drainer_feed_flush(ngx_triggers_drainer_feed_t *df)
{
    uint64_t                           until;
    ngx_uint_t                         watched;
    ngx_triggers_drainer_feed_mark_t  *mark;

    mark = &df->committed;

    if (mark->removed) {

        if (df->removed == 0) {
            df->pass = ngx_triggers_monotonic_ms();
        }

        df->removed += mark->removed;
    }

    ngx_triggers_feed_append_encoded(df->feed, df->owner->slot, df->words,
                                     mark->used);

    if (mark->missed) {

        /*
         * Somebody may have come since the first one was left out; or he came
         * and went since that was said, and comes back to after it.
         */

        until = __atomic_load_n(&df->feed->watched, __ATOMIC_SEQ_CST);
        watched = (until > ngx_triggers_monotonic_ms());

        if (watched || !df->gap || df->until != until) {
            ngx_triggers_drainer_feed_gap(df);
        }

        df->gap = !watched;
        df->until = until;
    }

    ngx_memzero(&df->now, sizeof(ngx_triggers_drainer_feed_mark_t));
    ngx_memzero(&df->committed, sizeof(ngx_triggers_drainer_feed_mark_t));

    __atomic_store_n(df->untold, 0, __ATOMIC_RELEASE);
}


void
ngx_triggers_drainer_feed_lead(ngx_triggers_drainer_feed_t *df,
    ngx_uint_t lost)
{
    if (lost || __atomic_load_n(df->untold, __ATOMIC_ACQUIRE)) {
        ngx_triggers_drainer_feed_gap(df);
    }

    ngx_triggers_drainer_feed_flush(df);
}


void
ngx_triggers_drainer_feed_tick(ngx_triggers_drainer_feed_t *df)
{
    uint64_t    now;
    ngx_uint_t  n;

    now = ngx_triggers_monotonic_ms();

    n = ngx_triggers_feed_rest(&df->failed, now);

    if (n) {
        (void) ngx_triggers_feed_log(df->feed, df->owner->slot,
                                     NGX_TRIGGERS_LEVEL_WARN, NULL, NULL,
                                     "event failed: %ui more", n);
    }

    n = ngx_triggers_feed_rest(&df->ran_out, now);

    if (n) {
        (void) ngx_triggers_feed_log(df->feed, df->owner->slot,
                                     NGX_TRIGGERS_LEVEL_WARN, NULL, NULL,
                                     "event is ready again: %ui more", n);
    }

    ngx_triggers_drainer_feed_removed(df, now);
}


static void
ngx_triggers_drainer_feed_change(void *data, ngx_triggers_change_t *change)
{
    ngx_triggers_drainer_feed_t *df = data;

    if (df->now.used == 0 && df->now.missed == 0) {
        df->watched = ngx_triggers_feed_is_watched(df->feed,
                                                  ngx_triggers_monotonic_ms());
        __atomic_store_n(df->untold, 1, __ATOMIC_RELAXED);
    }

    if (df->watched) {
        ngx_triggers_drainer_feed_event(df, change);

    } else {
        df->now.missed++;
    }

    if (change->action == NGX_TRIGGERS_AUDIT_EVENT_FAILED
        || (change->action == NGX_TRIGGERS_EVENT_RETRYING
            && change->outcome == NGX_TRIGGERS_ATTEMPT_EXPIRED))
    {
        ngx_triggers_drainer_feed_attempt(df, change);
    }

    if (change->action == NGX_TRIGGERS_AUDIT_EVENT_EXPIRED) {
        df->now.removed++;
    }
}


static void
ngx_triggers_drainer_feed_event(ngx_triggers_drainer_feed_t *df,
    ngx_triggers_change_t *change)
{
    ngx_triggers_entry_t  entry;

    ngx_memzero(&entry, sizeof(ngx_triggers_entry_t));

    entry.kind = NGX_TRIGGERS_ENTRY_EVENT;
    entry.level = NGX_TRIGGERS_LEVEL_INFO;
    entry.message = change->event_type;
    entry.action = change->action;
    entry.event_status = change->status;

    if (ngx_triggers_drainer_feed_add(df, change, &entry) != NGX_OK) {
        df->now.missed++;
    }
}


/* a dead letter, or one whose lease ran out: a record of the background */

static void
ngx_triggers_drainer_feed_attempt(ngx_triggers_drainer_feed_t *df,
    ngx_triggers_change_t *change)
{
    u_char                      line[NGX_TRIGGERS_CHANGE_ERROR + 64];
    ngx_str_t                   error;
    ngx_triggers_entry_t        entry;
    ngx_triggers_feed_limit_t  *limit;

    limit = (change->action == NGX_TRIGGERS_AUDIT_EVENT_FAILED)
            ? &df->failed : &df->ran_out;

    if (!ngx_triggers_feed_may(limit, ngx_triggers_monotonic_ms())) {
        return;
    }

    ngx_memzero(&entry, sizeof(ngx_triggers_entry_t));

    entry.kind = NGX_TRIGGERS_ENTRY_BACKGROUND;
    entry.level = NGX_TRIGGERS_LEVEL_WARN;
    entry.message.data = line;

    error = change->error;

    /* the last of several deliveries: which one had failed is not at hand */

    if (error.len == 0) {
        ngx_str_set(&error, "a delivery failed");
    }

    error.len = ngx_triggers_feed_cut(&error, NGX_TRIGGERS_CHANGE_ERROR);

    entry.message.len = ngx_sprintf(line, "%s: %V",
                                    (limit == &df->failed)
                                    ? "event failed" : "event is ready again",
                                    &error)
                        - line;

    (void) ngx_triggers_drainer_feed_add(df, change, &entry);
}


/* NGX_DECLINED: there is no room for it */

static ngx_int_t
ngx_triggers_drainer_feed_add(ngx_triggers_drainer_feed_t *df,
    ngx_triggers_change_t *change, ngx_triggers_entry_t *entry)
{
    if (df->size - df->now.used < NGX_TRIGGERS_FEED_WORDS) {
        return NGX_DECLINED;
    }

    entry->time = change->time;
    entry->correlation_id = change->correlation_id;
    entry->has_event_id = 1;
    ngx_memcpy(entry->event_id, change->id, NGX_TRIGGERS_ID_LEN);

    if (change->user_id.len) {
        entry->user_id = change->user_id;
    }

    df->now.used += ngx_triggers_feed_encode(entry, df->words + df->now.used);

    return NGX_OK;
}


static void
ngx_triggers_drainer_feed_commit(void *data)
{
    ngx_triggers_drainer_feed_t *df = data;

    df->committed = df->now;
}


static void
ngx_triggers_drainer_feed_rollback(void *data)
{
    ngx_triggers_drainer_feed_t *df = data;

    df->now = df->committed;
}


static void
ngx_triggers_drainer_feed_gap(ngx_triggers_drainer_feed_t *df)
{
    ngx_triggers_entry_t  entry;

    ngx_memzero(&entry, sizeof(ngx_triggers_entry_t));

    entry.kind = NGX_TRIGGERS_ENTRY_GAP;
    entry.level = NGX_TRIGGERS_LEVEL_INFO;
    entry.time = ngx_triggers_wall_ms();

    (void) ngx_triggers_feed_append(df->feed, df->owner->slot, &entry);
}


/* once none has gone for a second, or once a minute */

static void
ngx_triggers_drainer_feed_removed(ngx_triggers_drainer_feed_t *df,
    uint64_t now)
{
    if (df->removed
        && (df->removed == df->removed_before
            || now - df->pass >= NGX_TRIGGERS_REMOVED_TIME))
    {
        (void) ngx_triggers_feed_log(df->feed, df->owner->slot,
                                     NGX_TRIGGERS_LEVEL_INFO, NULL, NULL,
                                     "events removed by retention: %ui",
                                     df->removed);
        df->removed = 0;
    }

    df->removed_before = df->removed;
}
