
/*
 * Reads the feed for the streams of a worker process; see the header.
 *
 * The streams are in one queue.  While entries are read and given out nothing
 * is finalized, so that the queue stays as it is; that is done afterwards, when
 * each has its turn, in an order that removals do not disturb.
 */


#include "ngx_http_triggers_stream.h"
#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_log_json.h"
#include "ngx_http_triggers_metrics.h"
#include "ngx_triggers_clock.h"


#define NGX_HTTP_TRIGGERS_HUB_TURN      50     /* ms between two turns */
#define NGX_HTTP_TRIGGERS_HUB_PAUSE     12     /* … when there is much */
#define NGX_HTTP_TRIGGERS_HUB_SHARE     32     /* parts of the time */

/* a turn may take long for reasons that are none of the streams' */

#define NGX_HTTP_TRIGGERS_HUB_PAUSE_MAX  500   /* ms */

/* what one turn reads, at the live edge and behind it, each */

#define NGX_HTTP_TRIGGERS_HUB_ENTRIES   2000
#define NGX_HTTP_TRIGGERS_HUB_TIME      3000   /* us */

#define NGX_HTTP_TRIGGERS_HUB_MUCH      200    /* entries in a turn */

#define NGX_HTTP_TRIGGERS_HUB_METRICS   5000   /* ms */
#define NGX_HTTP_TRIGGERS_HUB_SECOND    1000

#define NGX_HTTP_TRIGGERS_HUB_POOL      (16 * 1024)

#define NGX_HTTP_TRIGGERS_HUB_SNAPSHOTS                                       \
    (NGX_HTTP_TRIGGERS_STREAM_METRICS|NGX_HTTP_TRIGGERS_STREAM_PIPELINE)


/* what is read together, and the entry that is being given out */

typedef struct {
    ngx_http_triggers_hub_t *hub;
    ngx_pool_t              *pool;
    ngx_uint_t               left;             /* entries that may be read */
    uint64_t                 deadline;         /* CLOCK_MONOTONIC, us */
    uint64_t                 number;
    ngx_triggers_entry_t     entry;
    uint64_t                 words[NGX_TRIGGERS_FEED_WORDS];
    ngx_triggers_text_t      texts[2];         /* for owners, for who sees
                                                  all; pool NULL: not yet */
} ngx_http_triggers_hub_read_t;


static void ngx_http_triggers_hub_init(ngx_http_triggers_hub_t *hub,
    ngx_http_triggers_store_t *store);
static void ngx_http_triggers_hub_handler(ngx_event_t *ev);
static ngx_uint_t ngx_http_triggers_hub_entries(ngx_http_triggers_hub_t *hub,
    ngx_pool_t *pool);
static ngx_uint_t ngx_http_triggers_hub_live(
    ngx_http_triggers_hub_read_t *read);
static void ngx_http_triggers_hub_offer(ngx_http_triggers_hub_read_t *read);
static void ngx_http_triggers_hub_missed(ngx_http_triggers_hub_t *hub);
static ngx_uint_t ngx_http_triggers_hub_behind(
    ngx_http_triggers_hub_read_t *read);
static ngx_uint_t ngx_http_triggers_hub_resume(
    ngx_http_triggers_hub_read_t *read, ngx_http_triggers_stream_t *s);
static void ngx_http_triggers_hub_overtaken(ngx_http_triggers_stream_t *s);
static void ngx_http_triggers_hub_gap(ngx_http_triggers_stream_t *s,
    ngx_triggers_feed_cursor_t *cursor);
static void ngx_http_triggers_hub_begin(ngx_http_triggers_hub_read_t *read);
static ngx_int_t ngx_http_triggers_hub_next(
    ngx_http_triggers_hub_read_t *read, ngx_triggers_feed_cursor_t *cursor);
static ngx_int_t ngx_http_triggers_hub_give(
    ngx_http_triggers_hub_read_t *read, ngx_http_triggers_stream_t *s);
static void ngx_http_triggers_hub_write(ngx_http_triggers_hub_read_t *read,
    ngx_triggers_text_t *text, ngx_uint_t any_owner);
static ngx_int_t ngx_http_triggers_hub_send(ngx_http_triggers_stream_t *s,
    ngx_triggers_text_t *text);
static void ngx_http_triggers_hub_snapshots(ngx_http_triggers_hub_t *hub,
    ngx_pool_t *pool);
static void ngx_http_triggers_hub_second(ngx_http_triggers_hub_t *hub);
static void ngx_http_triggers_hub_snapshot(ngx_http_triggers_hub_t *hub,
    ngx_pool_t *pool, ngx_uint_t type);
static void ngx_http_triggers_hub_due(ngx_http_triggers_hub_t *hub,
    ngx_uint_t type);
static void ngx_http_triggers_hub_turns(ngx_http_triggers_hub_t *hub);


void
ngx_http_triggers_hub_join(ngx_http_triggers_stream_t *s)
{
    ngx_http_triggers_ctx_t  *ctx;
    ngx_http_triggers_hub_t  *hub;

    ctx = ngx_http_get_module_ctx(s->request, ngx_http_triggers_module);
    hub = &ctx->store->hub;

    if (hub->worker == NULL) {
        ngx_http_triggers_hub_init(hub, ctx->store);
    }

    if (ngx_queue_empty(&hub->streams)) {
        hub->metrics_at = ngx_current_msec + NGX_HTTP_TRIGGERS_HUB_METRICS;
        hub->second_at = ngx_current_msec;
    }

    s->hub = hub;
    s->due = s->query.types & NGX_HTTP_TRIGGERS_HUB_SNAPSHOTS;

    ngx_queue_insert_tail(&hub->streams, &s->queue);

    hub->worker->nstreams++;
    ngx_triggers_metrics_add(&ngx_http_triggers_hub_counts(hub)->streams, 1);

    if (!hub->timer.timer_set) {
        ngx_add_timer(&hub->timer, NGX_HTTP_TRIGGERS_HUB_TURN);
    }
}


void
ngx_http_triggers_hub_leave(ngx_http_triggers_stream_t *s)
{
    ngx_http_triggers_hub_t  *hub;

    hub = s->hub;

    ngx_queue_remove(&s->queue);
    hub->worker->nstreams--;
    s->hub = NULL;

    if (ngx_queue_empty(&hub->streams) && hub->timer.timer_set) {
        ngx_del_timer(&hub->timer);
    }
}


ngx_triggers_metrics_counts_t *
ngx_http_triggers_hub_counts(ngx_http_triggers_hub_t *hub)
{
    return ngx_triggers_metrics_counts(&hub->worker->zone->sh->metrics,
                                       hub->worker->owner.slot);
}


static void
ngx_http_triggers_hub_init(ngx_http_triggers_hub_t *hub,
    ngx_http_triggers_store_t *store)
{
    hub->worker = &store->worker;

    ngx_queue_init(&hub->streams);

    /*
     * Not cancelable: a worker that shuts down tells its streams.  The timer's
     * debug messages want a connection.
     */

    hub->timer.handler = ngx_http_triggers_hub_handler;
    hub->timer.data = &store->worker.dummy;
    hub->timer.log = store->worker.log;
}


static void
ngx_http_triggers_hub_handler(ngx_event_t *ev)
{
    uint64_t                  began;
    ngx_uint_t                more;
    ngx_msec_t                pause, took;
    ngx_pool_t               *pool;
    ngx_http_triggers_hub_t  *hub;

    hub = (ngx_http_triggers_hub_t *)
              ((u_char *) ev - offsetof(ngx_http_triggers_hub_t, timer));

    began = ngx_triggers_monotonic_us();
    more = 0;

    if (!ngx_exiting) {
        pool = ngx_create_pool(NGX_HTTP_TRIGGERS_HUB_POOL, ev->log);

        if (pool) {
            more = ngx_http_triggers_hub_entries(hub, pool);
            ngx_http_triggers_hub_snapshots(hub, pool);

            ngx_destroy_pool(pool);
        }
    }

    ngx_http_triggers_hub_turns(hub);

    if (ngx_queue_empty(&hub->streams)) {
        return;
    }

    /* events come first: of the time streams get one part */

    pause = more ? NGX_HTTP_TRIGGERS_HUB_PAUSE : NGX_HTTP_TRIGGERS_HUB_TURN;
    took = (NGX_HTTP_TRIGGERS_HUB_SHARE - 1)
           * (ngx_triggers_monotonic_us() - began) / 1000;
    pause = ngx_max(pause, took);

    ngx_add_timer(ev, ngx_min(pause, NGX_HTTP_TRIGGERS_HUB_PAUSE_MAX));
}


/* returns whether there is more to be read, or will be soon */

static ngx_uint_t
ngx_http_triggers_hub_entries(ngx_http_triggers_hub_t *hub, ngx_pool_t *pool)
{
    ngx_uint_t                    more;
    ngx_http_triggers_hub_read_t  read;

    read.hub = hub;
    read.pool = pool;

    ngx_http_triggers_hub_begin(&read);
    more = ngx_http_triggers_hub_live(&read);

    ngx_http_triggers_hub_begin(&read);
    more |= ngx_http_triggers_hub_behind(&read);

    return more;
}


static ngx_uint_t
ngx_http_triggers_hub_live(ngx_http_triggers_hub_read_t *read)
{
    ngx_queue_t                 *q;
    ngx_http_triggers_hub_t     *hub;
    ngx_http_triggers_stream_t  *s;

    hub = read->hub;

    for (q = ngx_queue_head(&hub->streams);
         q != ngx_queue_sentinel(&hub->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_triggers_stream_t, queue);

        if (s->live) {
            break;
        }
    }

    if (q == ngx_queue_sentinel(&hub->streams)) {

        /* nobody is there: who comes has less to catch up with */

        ngx_triggers_feed_newest(&hub->worker->zone->sh->feed, &hub->cursor);
        return 0;
    }

    for ( ;; ) {

        switch (ngx_http_triggers_hub_next(read, &hub->cursor)) {

        case NGX_OK:
            ngx_http_triggers_hub_offer(read);
            break;

        case NGX_DECLINED:
            ngx_http_triggers_hub_missed(hub);
            break;

        case NGX_BUSY:
            return 1;

        default: /* NGX_DONE */
            return NGX_HTTP_TRIGGERS_HUB_ENTRIES - read->left
                   > NGX_HTTP_TRIGGERS_HUB_MUCH;
        }
    }
}


/* a client who has no room for it goes on by itself */

static void
ngx_http_triggers_hub_offer(ngx_http_triggers_hub_read_t *read)
{
    ngx_queue_t                 *q;
    ngx_http_triggers_hub_t     *hub;
    ngx_http_triggers_stream_t  *s;

    hub = read->hub;

    for (q = ngx_queue_head(&hub->streams);
         q != ngx_queue_sentinel(&hub->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_triggers_stream_t, queue);

        if (!s->live
            || ngx_http_triggers_hub_give(read, s) != NGX_AGAIN)
        {
            continue;
        }

        s->live = 0;
        s->cursor = hub->cursor;
        s->cursor.number = read->number;
    }
}


static void
ngx_http_triggers_hub_missed(ngx_http_triggers_hub_t *hub)
{
    ngx_queue_t                 *q;
    ngx_http_triggers_stream_t  *s;

    for (q = ngx_queue_head(&hub->streams);
         q != ngx_queue_sentinel(&hub->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_triggers_stream_t, queue);

        if (s->live) {
            ngx_http_triggers_hub_gap(s, &hub->cursor);
        }
    }
}


/* who had a part of this turn is the last one of the next */

static ngx_uint_t
ngx_http_triggers_hub_behind(ngx_http_triggers_hub_read_t *read)
{
    ngx_uint_t                   more;
    ngx_queue_t                 *q, *next, *last;
    ngx_http_triggers_hub_t     *hub;
    ngx_http_triggers_stream_t  *s;

    hub = read->hub;
    last = ngx_queue_last(&hub->streams);

    for (q = ngx_queue_head(&hub->streams); /* void */ ; q = next) {
        next = ngx_queue_next(q);

        s = ngx_queue_data(q, ngx_http_triggers_stream_t, queue);

        if (!s->live && !s->ending && !s->failed
            && (s->query.types & NGX_HTTP_TRIGGERS_STREAM_ENTRIES))
        {
            more = ngx_http_triggers_hub_resume(read, s);

            ngx_queue_remove(q);
            ngx_queue_insert_tail(&hub->streams, q);

            if (more) {
                return 1;
            }
        }

        if (q == last) {
            return 0;
        }
    }
}


/* returns whether what may be read in this turn was not enough */

static ngx_uint_t
ngx_http_triggers_hub_resume(ngx_http_triggers_hub_read_t *read,
    ngx_http_triggers_stream_t *s)
{
    ngx_http_triggers_hub_t  *hub;

    hub = read->hub;

    if (s->full) {
        ngx_http_triggers_hub_overtaken(s);
        return 0;
    }

    while (!s->ending && !s->failed) {

        if (s->cursor.number >= hub->cursor.number) {

            /* or it has come after the hub's last turn */

            s->live = (s->cursor.number == hub->cursor.number);
            return 0;
        }

        switch (ngx_http_triggers_hub_next(read, &s->cursor)) {

        case NGX_OK:
            break;

        case NGX_DECLINED:
            ngx_http_triggers_hub_gap(s, &s->cursor);
            continue;

        case NGX_BUSY:
            return 1;

        default: /* NGX_DONE */
            return 0;
        }

        if (ngx_http_triggers_hub_give(read, s) == NGX_AGAIN) {
            s->cursor.number = read->number;
            return 0;
        }
    }

    return 0;
}


/* whose client has left no room until what it waits for was overwritten */

static void
ngx_http_triggers_hub_overtaken(ngx_http_triggers_stream_t *s)
{
    ngx_triggers_feed_t         *feed;
    ngx_triggers_feed_cursor_t   newest;

    feed = &s->hub->worker->zone->sh->feed;

    ngx_triggers_feed_newest(feed, &newest);

    if (newest.number - s->cursor.number > feed->nplaces) {
        ngx_http_triggers_stream_drop(s);
    }
}


/* a single one was never finished: whoever wrote it was killed, or overtaken */

static void
ngx_http_triggers_hub_gap(ngx_http_triggers_stream_t *s,
    ngx_triggers_feed_cursor_t *cursor)
{
    if (ngx_http_triggers_stream_gap(s, cursor->missed,
                                     cursor->missed == 1 ? "lost"
                                                         : "overtaken")
        == NGX_AGAIN)
    {
        ngx_http_triggers_stream_drop(s);
    }
}


static void
ngx_http_triggers_hub_begin(ngx_http_triggers_hub_read_t *read)
{
    read->left = NGX_HTTP_TRIGGERS_HUB_ENTRIES;
    read->deadline = ngx_triggers_monotonic_us() + NGX_HTTP_TRIGGERS_HUB_TIME;
}


/* as ngx_triggers_feed_next(); NGX_BUSY: enough for this turn */

static ngx_int_t
ngx_http_triggers_hub_next(ngx_http_triggers_hub_read_t *read,
    ngx_triggers_feed_cursor_t *cursor)
{
    uint64_t   now;
    ngx_int_t  rc;

    now = ngx_triggers_monotonic_us();

    if (read->left == 0 || now >= read->deadline) {
        return NGX_BUSY;
    }

    read->left--;

    rc = ngx_triggers_feed_next(&read->hub->worker->zone->sh->feed, cursor,
                                now / 1000, read->words, &read->entry);

    if (rc == NGX_OK) {
        read->number = cursor->number - 1;
        read->texts[0].pool = NULL;
        read->texts[1].pool = NULL;

        ngx_reset_pool(read->pool);
    }

    return rc;
}


/* the same text goes to all; NGX_AGAIN: there is no room for it */

static ngx_int_t
ngx_http_triggers_hub_give(ngx_http_triggers_hub_read_t *read,
    ngx_http_triggers_stream_t *s)
{
    ngx_int_t                 rc;
    ngx_uint_t                any_owner;
    ngx_triggers_text_t      *text;
    ngx_http_triggers_ctx_t  *ctx;

    if (!ngx_http_triggers_stream_wants(s, &read->entry)) {
        return NGX_OK;
    }

    if (read->entry.kind == NGX_TRIGGERS_ENTRY_GAP) {
        rc = ngx_http_triggers_stream_gap(s, 0, "omitted");

        if (rc == NGX_AGAIN) {
            s->full = 1;
        }

        return rc;
    }

    ctx = ngx_http_get_module_ctx(s->request, ngx_http_triggers_module);

    any_owner = ngx_http_triggers_is_admin(ctx);
    text = &read->texts[any_owner];

    if (text->pool == NULL) {
        ngx_http_triggers_hub_write(read, text, any_owner);
    }

    return ngx_http_triggers_hub_send(s, text);
}


static void
ngx_http_triggers_hub_write(ngx_http_triggers_hub_read_t *read,
    ngx_triggers_text_t *text, ngx_uint_t any_owner)
{
    u_char  *p, head[128];

    ngx_triggers_text_init(text, read->pool);

    p = ngx_sprintf(head, NGX_HTTP_TRIGGERS_STREAM_ID "event: %s\ndata: ",
                    read->hub->worker->zone->sh->nonce, read->number,
                    read->entry.kind == NGX_TRIGGERS_ENTRY_EVENT ? "event"
                                                                 : "log");

    ngx_triggers_text_add(text, head, p - head);
    ngx_http_triggers_log_write(text, &read->entry, any_owner);
    ngx_triggers_text_puts(text, "\n\n");
}


/* a message that counts */

static ngx_int_t
ngx_http_triggers_hub_send(ngx_http_triggers_stream_t *s,
    ngx_triggers_text_t *text)
{
    ngx_int_t  rc;

    if (text->failed) {

        /* it must not be passed over without a word */

        s->failed = 1;
        return NGX_ERROR;
    }

    rc = ngx_http_triggers_stream_append(s, text);

    if (rc == NGX_AGAIN) {
        s->full = 1;
    }

    if (rc == NGX_OK && s->query.limit && --s->query.limit == 0) {
        ngx_http_triggers_stream_end(s, "limit");
    }

    return rc;
}


static void
ngx_http_triggers_hub_snapshots(ngx_http_triggers_hub_t *hub,
    ngx_pool_t *pool)
{
    if ((ngx_msec_int_t) (ngx_current_msec - hub->metrics_at) >= 0) {
        hub->metrics_at = ngx_current_msec + NGX_HTTP_TRIGGERS_HUB_METRICS;
        ngx_http_triggers_hub_due(hub, NGX_HTTP_TRIGGERS_STREAM_METRICS);
    }

    if ((ngx_msec_int_t) (ngx_current_msec - hub->second_at) >= 0) {
        hub->second_at = ngx_current_msec + NGX_HTTP_TRIGGERS_HUB_SECOND;
        ngx_http_triggers_hub_second(hub);
    }

    ngx_http_triggers_hub_snapshot(hub, pool,
                                   NGX_HTTP_TRIGGERS_STREAM_PIPELINE);
    ngx_http_triggers_hub_snapshot(hub, pool,
                                   NGX_HTTP_TRIGGERS_STREAM_METRICS);
}


static void
ngx_http_triggers_hub_second(ngx_http_triggers_hub_t *hub)
{
    ngx_queue_t                   *q;
    ngx_triggers_zone_sh_t        *sh;
    ngx_http_triggers_stream_t    *s;
    ngx_http_triggers_pipeline_t   now;

    sh = hub->worker->zone->sh;

    ngx_http_triggers_pipeline_read(&now, sh);

    if (ngx_memcmp(&now, &hub->pipeline, sizeof(now)) != 0) {
        hub->pipeline = now;
        ngx_http_triggers_hub_due(hub, NGX_HTTP_TRIGGERS_STREAM_PIPELINE);
    }

    for (q = ngx_queue_head(&hub->streams);
         q != ngx_queue_sentinel(&hub->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_triggers_stream_t, queue);

        if (s->query.types & NGX_HTTP_TRIGGERS_STREAM_EVENT) {
            ngx_triggers_feed_watch(&sh->feed, ngx_triggers_monotonic_ms());
            return;
        }
    }
}


/* sends it to whom it is due, as soon as there is room */

static void
ngx_http_triggers_hub_snapshot(ngx_http_triggers_hub_t *hub, ngx_pool_t *pool,
    ngx_uint_t type)
{
    ngx_queue_t                 *q;
    ngx_triggers_text_t          text;
    ngx_http_triggers_store_t   *store;
    ngx_http_triggers_stream_t  *s;

    text.pool = NULL;

    for (q = ngx_queue_head(&hub->streams);
         q != ngx_queue_sentinel(&hub->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_triggers_stream_t, queue);

        if (!(s->due & type) || s->failed) {
            continue;
        }

        if (text.pool == NULL) {
            ngx_triggers_text_init(&text, pool);

            if (type == NGX_HTTP_TRIGGERS_STREAM_PIPELINE) {
                ngx_triggers_text_puts(&text,
                                       "event: pipeline-update\ndata: ");
                ngx_http_triggers_pipeline_write(&text, &hub->pipeline,
                                                 ngx_http_triggers_now());

            } else {
                store = (ngx_http_triggers_store_t *)
                            ((u_char *) hub
                             - offsetof(ngx_http_triggers_store_t, hub));

                ngx_triggers_text_puts(&text, "event: metrics\ndata: ");
                ngx_http_triggers_metrics_write(&text, store);
            }

            ngx_triggers_text_puts(&text, "\n\n");
        }

        if (ngx_http_triggers_hub_send(s, &text) == NGX_OK) {
            s->due &= ~type;
        }
    }
}


static void
ngx_http_triggers_hub_due(ngx_http_triggers_hub_t *hub, ngx_uint_t type)
{
    ngx_queue_t                 *q;
    ngx_http_triggers_stream_t  *s;

    for (q = ngx_queue_head(&hub->streams);
         q != ngx_queue_sentinel(&hub->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_triggers_stream_t, queue);

        if (!s->ending) {
            s->due |= s->query.types & type;
        }
    }
}


/* each may be gone after its turn, and others with it */

static void
ngx_http_triggers_hub_turns(ngx_http_triggers_hub_t *hub)
{
    ngx_queue_t                  all, *q;
    ngx_http_triggers_stream_t  *s;

    ngx_queue_init(&all);

    if (!ngx_queue_empty(&hub->streams)) {
        ngx_queue_add(&all, &hub->streams);
        ngx_queue_init(&hub->streams);
    }

    while (!ngx_queue_empty(&all)) {
        q = ngx_queue_head(&all);
        s = ngx_queue_data(q, ngx_http_triggers_stream_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&hub->streams, q);

        ngx_http_triggers_stream_turn(s);
    }
}
