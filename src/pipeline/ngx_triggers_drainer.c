
/*
 * Group commit.  A run gathers all records that are ready, bounded in number
 * and bytes, applies each inside one transaction, commits it, publishes the
 * position and wakes the workers that wait.  No time is spent waiting for a
 * batch to fill: while one commits the next one forms.
 *
 * Results are written into the zone before the commit and become valid by the
 * committed position, so that a leader that dies after its commit leaves
 * nothing unanswered: its successor finds in the database how far it came.
 *
 * When the store fails nothing is dropped.  The records stay in the ring, the
 * run ends and is repeated with growing delays; the waiters' own timeouts and
 * the full ring tell the clients.
 *
 * The thread touches its drainer, its store and the zone, nothing of nginx.
 */


#include "ngx_triggers_drainer.h"
#include "ngx_triggers_clock.h"
#include "ngx_triggers_drainer_feed.h"
#include "ngx_triggers_drainer_keys.h"
#include "ngx_triggers_record.h"
#include "ngx_triggers_wake.h"


#define NGX_TRIGGERS_DELAY_MIN  5          /* ms */
#define NGX_TRIGGERS_DELAY_MAX  1000

/*
 * After that long without the write lock something is wrong; before, two
 * trees of a binary upgrade take turns.
 */

#define NGX_TRIGGERS_LOCKED_TIME  1000     /* ms */

/* a batch that takes longer is told */

#define NGX_TRIGGERS_SLOW_TIME  1000       /* ms */

/*
 * Frames in the WAL above which new reads wait until it has been restarted,
 * and for how long at most: 64 MB of 8-KB pages.
 */

#define NGX_TRIGGERS_GATE_FRAMES  8192
#define NGX_TRIGGERS_GATE_TIME    100      /* ms */

/* looks at a record that is being copied before the run ends */

#define NGX_TRIGGERS_YIELDS  100

/* how long one tick tidies up; ticks come once a second */

#define NGX_TRIGGERS_TIDY_TIME  900        /* ms */


struct ngx_triggers_drainer_s {
    ngx_triggers_zone_t     *zone;
    ngx_triggers_zone_sh_t  *sh;
    ngx_triggers_store_t    *store;
    ngx_triggers_owner_t    *owner;        /* this worker's slot */
    ngx_socket_t             fd;           /* to send wake-ups from */
    ngx_log_t               *log;
    ngx_triggers_drainer_keys_t  keys;
    ngx_triggers_drainer_feed_t  feed;
    ngx_triggers_deliverer_t  *deliverer;  /* or NULL */

    ngx_uint_t               batch_records;
    size_t                   batch_bytes;

    /* of the run */
    uint64_t                 position;     /* up to which it is committed */
    ngx_msec_t               delay;        /* after the last failure */
    uint64_t                 locked_since; /* ms, 0: it is not */
    uint32_t                 stop;         /* atomic flag */
    uint32_t                 holding;      /* atomic flag: the write lock */
    uint64_t                 lost;         /* of the feed, when its places
                                              were last looked through */
    unsigned                 leading:1;    /* position is known */
    unsigned                 broken:1;     /* the ring's contents are */

    /* the batch */
    ngx_uint_t               n;
    uint64_t                 end;          /* position behind it */
    uint64_t                 batch_start;  /* us */
    ngx_triggers_tally_t    *tally;        /* that it is counted in */
    ngx_triggers_histogram_t  waits;       /* how long its records did */
    ngx_triggers_record_header_t  **records;
    u_char                  *touched;      /* slots that wait for it */
    uint64_t                 changed_owners[NGX_TRIGGERS_GENERATIONS / 64];
    int64_t                  foreign;      /* of the store, when we last
                                              looked */
    ngx_triggers_moves_t     moves;        /* of the store, as far as they
                                              have been counted */
    unsigned                 changed:1;    /* events of anybody */
    unsigned                 changed_unknown:1;  /* of I can't tell whom */
};


static ngx_int_t ngx_triggers_drainer_prepare(ngx_triggers_drainer_t *d);
static ngx_int_t ngx_triggers_drainer_lead(ngx_triggers_drainer_t *d);
static ngx_int_t ngx_triggers_drainer_fail(ngx_triggers_drainer_t *d,
    ngx_int_t rc, ngx_msec_t *delay);
static void ngx_triggers_drainer_locked(ngx_triggers_drainer_t *d);
static void ngx_triggers_drainer_state(ngx_triggers_drainer_t *d,
    ngx_uint_t state);
static ngx_int_t ngx_triggers_drainer_idle(ngx_triggers_drainer_t *d);
static ngx_int_t ngx_triggers_drainer_sweep(ngx_triggers_drainer_t *d);
static ngx_uint_t ngx_triggers_drainer_is_due(ngx_triggers_drainer_t *d);
static ngx_int_t ngx_triggers_drainer_gather(ngx_triggers_drainer_t *d);
static ngx_int_t ngx_triggers_drainer_skip_dead(ngx_triggers_drainer_t *d,
    ngx_triggers_record_header_t *header);
static ngx_int_t ngx_triggers_drainer_batch(ngx_triggers_drainer_t *d);
static ngx_int_t ngx_triggers_drainer_apply(ngx_triggers_drainer_t *d,
    ngx_triggers_record_header_t *header);
static ngx_int_t ngx_triggers_drainer_record(ngx_triggers_drainer_t *d,
    ngx_triggers_record_header_t *header, ngx_triggers_record_t *record,
    ngx_triggers_result_t *result);
static void ngx_triggers_drainer_code(ngx_triggers_drainer_t *d,
    ngx_triggers_record_header_t *header, ngx_triggers_record_t *record,
    ngx_uint_t i, ngx_uint_t code);
static void ngx_triggers_drainer_changed(ngx_triggers_drainer_t *d,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
static ngx_uint_t ngx_triggers_drainer_malformed(ngx_triggers_drainer_t *d,
    ngx_triggers_record_header_t *header);
static void ngx_triggers_drainer_publish(ngx_triggers_drainer_t *d);
static void ngx_triggers_drainer_slow(ngx_triggers_drainer_t *d,
    uint64_t time);
static void ngx_triggers_drainer_totals(ngx_triggers_drainer_t *d);
static void ngx_triggers_drainer_size(ngx_triggers_drainer_t *d);
static void ngx_triggers_drainer_reclaim(ngx_triggers_drainer_t *d);
static ngx_uint_t ngx_triggers_drainer_is_free(void *data, ngx_uint_t slot);
static void ngx_triggers_drainer_tell(ngx_triggers_drainer_t *d);
static void ngx_triggers_drainer_foreign(ngx_triggers_drainer_t *d);
static void ngx_triggers_drainer_generations(ngx_triggers_drainer_t *d);
static void ngx_triggers_drainer_wake(ngx_triggers_zone_sh_t *sh,
    ngx_socket_t fd, ngx_uint_t slot);
static void ngx_triggers_drainer_wake_all(ngx_triggers_drainer_t *d);
static void ngx_triggers_drainer_after(ngx_triggers_drainer_t *d);
static void ngx_triggers_drainer_tidy(ngx_triggers_drainer_t *d);
static ngx_int_t ngx_triggers_drainer_maintain(ngx_triggers_drainer_t *d,
    ngx_uint_t idle);
static ngx_uint_t ngx_triggers_drainer_stopping(ngx_triggers_drainer_t *d);


ngx_triggers_drainer_t *
ngx_triggers_drainer_create(ngx_triggers_zone_t *zone,
    ngx_triggers_drainer_conf_t *conf, ngx_triggers_owner_t *owner,
    ngx_socket_t fd, ngx_log_t *log)
{
    ngx_triggers_drainer_t  *d;

    d = ngx_calloc(sizeof(ngx_triggers_drainer_t)
                   + conf->batch_records
                     * sizeof(ngx_triggers_record_header_t *)
                   + zone->sh->nslots, log);
    if (d == NULL) {
        return NULL;
    }

    d->store = ngx_triggers_store_create(&zone->path, log);
    if (d->store == NULL) {
        ngx_free(d);
        return NULL;
    }

    if (ngx_triggers_drainer_feed_create(&d->feed, zone, owner, d->store, log)
        != NGX_OK)
    {
        ngx_triggers_store_destroy(d->store);
        ngx_free(d);
        return NULL;
    }

    if (ngx_triggers_drainer_keys_create(&d->keys, zone, owner, d->store, log)
        != NGX_OK)
    {
        ngx_triggers_store_destroy(d->store);
        ngx_free(d->feed.words);
        ngx_free(d);
        return NULL;
    }

    ngx_triggers_store_keep_keys(d->store, conf->idempotency_ttl);
    ngx_triggers_store_retain(d->store, &conf->retention);
    ngx_triggers_store_retry_schedule(d->store, &conf->retry_schedule);

    if (conf->webhooks) {
        ngx_triggers_store_configure(d->store, conf->webhooks->elts,
                                     conf->webhooks->nelts);
    }

    d->zone = zone;
    d->sh = zone->sh;
    d->owner = owner;
    d->fd = fd;
    d->lost = (uint64_t) -1;
    d->log = log;
    d->batch_records = conf->batch_records;
    d->batch_bytes = conf->batch_bytes;
    d->records = (ngx_triggers_record_header_t **) (d + 1);
    d->touched = (u_char *) (d->records + d->batch_records);

    return d;
}


void
ngx_triggers_drainer_watch(ngx_triggers_drainer_t *d,
    ngx_triggers_deliverer_t *deliverer)
{
    d->deliverer = deliverer;
}


ngx_int_t
ngx_triggers_drainer_run(ngx_triggers_drainer_t *d, ngx_msec_t *delay)
{
    uint64_t    until;
    ngx_int_t   rc;
    ngx_uint_t  yields;

    yields = 0;
    until = ngx_triggers_monotonic_ms() + NGX_TRIGGERS_DRAIN_TIME;
    *delay = 0;

    __atomic_store_n(&d->stop, 0, __ATOMIC_RELAXED);

    rc = ngx_triggers_drainer_prepare(d);

    if (rc != NGX_OK) {
        return ngx_triggers_drainer_fail(d, rc, delay);
    }

    /* here, as the tick may find the lock taken each time */

    ngx_triggers_drainer_foreign(d);

    if (d->changed) {
        ngx_triggers_drainer_tell(d);
    }

    for ( ;; ) {

        rc = ngx_triggers_drainer_sweep(d);

        if (rc == NGX_OK) {
            rc = ngx_triggers_drainer_gather(d);
        }

        if (rc == NGX_OK) {
            yields = 0;
            rc = ngx_triggers_drainer_batch(d);

            if (rc == NGX_OK) {
                ngx_triggers_drainer_publish(d);
                ngx_triggers_drainer_feed_flush(&d->feed);
                ngx_triggers_drainer_after(d);
            }
        }

        if (rc == NGX_DONE && !ngx_triggers_drainer_is_due(d)) {

            /*
             * On a busy machine the workers are about to append what the
             * last batch's answers have caused; they get the processor now.
             * On an idle one this takes some microseconds.
             */

            if (yields++ < NGX_TRIGGERS_YIELDS) {
                (void) sched_yield();
                continue;
            }

            if (ngx_triggers_drainer_idle(d) == NGX_OK) {
                return NGX_OK;
            }

            continue;
        }

        if (rc != NGX_OK && rc != NGX_DONE) {
            return ngx_triggers_drainer_fail(d, rc, delay);
        }

        if (ngx_triggers_store_wanted(d->store)) {

            /* the drainer of another tree waits; it has its turn now */

            ngx_triggers_drainer_rest(d);
            *delay = NGX_TRIGGERS_DELAY_MIN;
            return NGX_AGAIN;
        }

        if (ngx_triggers_drainer_stopping(d)
            || ngx_triggers_monotonic_ms() >= until)
        {
            return NGX_AGAIN;
        }
    }
}


void
ngx_triggers_drainer_tick(ngx_triggers_drainer_t *d)
{
    ngx_triggers_drainer_feed_tick(&d->feed);
    ngx_triggers_drainer_reclaim(d);

    if (!d->leading || !ngx_triggers_store_is_open(d->store)) {
        return;
    }

    if (ngx_triggers_store_check(d->store) != NGX_OK) {
        d->leading = 0;
        ngx_triggers_drainer_keys_forget(&d->keys);
        ngx_triggers_drainer_state(d, ngx_triggers_store_state(d->store));
        return;
    }

    if (ngx_triggers_store_open(d->store) == NGX_OK
        && ngx_triggers_drainer_keys_check(&d->keys) == NGX_OK)
    {
        ngx_triggers_drainer_keys_tick(&d->keys);
        ngx_triggers_drainer_size(d);
    }

    if (ngx_triggers_ring_depth(&d->sh->ring) == 0
        && ngx_triggers_store_open(d->store) == NGX_OK)
    {
        ngx_triggers_drainer_tidy(d);
        ngx_triggers_drainer_rest(d);
    }

    if (!ngx_triggers_store_is_open(d->store)) {
        d->leading = 0;
    }

    ngx_triggers_drainer_totals(d);
    ngx_triggers_drainer_state(d, ngx_triggers_store_state(d->store));
}


/*
 * While nobody else wants anything most of the time goes into what is left to
 * be tidied up.  That may be much, and what is due does not wait for it.
 */

static void
ngx_triggers_drainer_tidy(ngx_triggers_drainer_t *d)
{
    uint64_t  until;

    until = ngx_triggers_monotonic_ms() + NGX_TRIGGERS_TIDY_TIME;

    while (ngx_triggers_drainer_maintain(d, 1) == NGX_AGAIN
           && ngx_triggers_drainer_sweep(d) == NGX_OK
           && ngx_triggers_ring_depth(&d->sh->ring) == 0
           && !ngx_triggers_store_wanted(d->store)
           && !ngx_triggers_drainer_stopping(d)
           && ngx_triggers_monotonic_ms() < until)
    {
        /* void */
    }
}


void
ngx_triggers_drainer_rest(ngx_triggers_drainer_t *d)
{
    ngx_triggers_store_unlock(d->store);
    __atomic_store_n(&d->holding, 0, __ATOMIC_RELAXED);
}


ngx_uint_t
ngx_triggers_drainer_holds(ngx_triggers_drainer_t *d)
{
    return __atomic_load_n(&d->holding, __ATOMIC_RELAXED);
}


ngx_triggers_archive_t *
ngx_triggers_drainer_archive(ngx_triggers_drainer_t *d)
{
    return ngx_triggers_store_archive(d->store);
}


void
ngx_triggers_drainer_stop(ngx_triggers_drainer_t *d)
{
    __atomic_store_n(&d->stop, 1, __ATOMIC_RELAXED);
}


void
ngx_triggers_drainer_close(ngx_triggers_drainer_t *d)
{
    /* with the lock the close also empties the WAL into the database */

    if (ngx_triggers_store_is_open(d->store)
        && ngx_triggers_store_open(d->store) == NGX_OK
        && d->leading)
    {
        ngx_triggers_drainer_keys_close(&d->keys);
    }

    d->leading = 0;

    ngx_triggers_store_close(d->store);
    __atomic_store_n(&d->holding, 0, __ATOMIC_RELAXED);
}


static void
ngx_triggers_drainer_wake(ngx_triggers_zone_sh_t *sh, ngx_socket_t fd,
    ngx_uint_t slot)
{
    if (__atomic_exchange_n(&sh->slots[slot].pending, 1, __ATOMIC_SEQ_CST)
        == 0)
    {
        (void) ngx_triggers_wake_send(fd, sh->nonce, slot);
    }
}


/* the store is open, the write lock held, and the position known */

static ngx_int_t
ngx_triggers_drainer_prepare(ngx_triggers_drainer_t *d)
{
    ngx_int_t  rc;

    if (d->broken) {
        return NGX_ERROR;
    }

    /* a reload makes a new database in the place of one that went, no crash */

    if (d->sh->opened >= d->zone->cycle) {
        ngx_triggers_store_expect(d->store);
    }

    rc = ngx_triggers_store_open(d->store);

    if (rc == NGX_OK) {
        rc = d->leading ? ngx_triggers_drainer_keys_check(&d->keys)
                        : ngx_triggers_drainer_lead(d);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    d->locked_since = 0;
    __atomic_store_n(&d->holding, 1, __ATOMIC_RELAXED);

    /* not READY: a full disk is full until something has been committed */

    ngx_triggers_drainer_state(d, ngx_triggers_store_state(d->store));

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_drainer_lead(ngx_triggers_drainer_t *d)
{
    uint64_t   position, committed;
    ngx_int_t  rc;

    rc = ngx_triggers_store_lead(d->store, d->sh->nonce, &position);

    if (rc == NGX_OK) {
        rc = ngx_triggers_drainer_keys_lead(&d->keys);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    committed = ngx_triggers_ring_committed(&d->sh->ring);
    d->position = ngx_max(position, committed);
    d->end = d->position;
    d->leading = 1;
    d->sh->leaders++;
    d->sh->opened = ngx_max(d->sh->opened, d->zone->cycle);
    __atomic_store_n(&d->sh->readable, 1, __ATOMIC_RELEASE);

    /* a predecessor may have committed some and died before it said so */

    ngx_triggers_drainer_feed_lead(&d->feed, position > committed);

    ngx_triggers_tally_recover(&d->sh->metrics, position);
    ngx_triggers_drainer_totals(d);
    ngx_triggers_drainer_size(d);
    ngx_triggers_ring_commit(&d->sh->ring, d->position);

    d->changed = 1;
    d->changed_unknown = 1;
    ngx_triggers_drainer_generations(d);

    ngx_triggers_drainer_wake_all(d);

    return NGX_OK;
}


/*
 * NGX_AGAIN, the write lock is another's or the database is busy, passes soon
 * and keeps our place among those who wait for the lock.  What else fails is
 * tried again after longer and longer.
 */

static ngx_int_t
ngx_triggers_drainer_fail(ngx_triggers_drainer_t *d, ngx_int_t rc,
    ngx_msec_t *delay)
{
    ngx_uint_t  state;

    if (!ngx_triggers_store_is_open(d->store)) {
        d->leading = 0;
    }

    if (rc == NGX_AGAIN) {
        ngx_triggers_drainer_locked(d);
        *delay = NGX_TRIGGERS_DELAY_MIN;
        return NGX_AGAIN;
    }

    state = d->broken ? NGX_TRIGGERS_STORE_CORRUPT
                      : ngx_triggers_store_state(d->store);

    ngx_triggers_drainer_state(d, state);
    ngx_triggers_metrics_add(&d->sh->metrics.leader->failures, 1);

    if (state == NGX_TRIGGERS_STORE_MOVED) {
        ngx_triggers_drainer_keys_forget(&d->keys);
    }

    ngx_triggers_drainer_rest(d);

    d->delay = ngx_max(2 * d->delay, NGX_TRIGGERS_DELAY_MIN);
    d->delay = ngx_min(d->delay, NGX_TRIGGERS_DELAY_MAX);
    *delay = d->delay;

    return NGX_AGAIN;
}


static void
ngx_triggers_drainer_locked(ngx_triggers_drainer_t *d)
{
    uint64_t  now;

    now = ngx_triggers_monotonic_ms();

    if (d->locked_since == 0) {
        d->locked_since = now;
    }

    if (now - d->locked_since < NGX_TRIGGERS_LOCKED_TIME
        || d->sh->state == NGX_TRIGGERS_STORE_LOCKED)
    {
        return;
    }

    ngx_triggers_drainer_state(d, NGX_TRIGGERS_STORE_LOCKED);

    ngx_log_error(NGX_LOG_WARN, d->log, 0,
                  "triggers store \"%V\": another process has kept the "
                  "database locked for %d ms", &d->zone->name,
                  NGX_TRIGGERS_LOCKED_TIME);
}


/* how the store is, for all workers; a change is told, why is in the log */

static void
ngx_triggers_drainer_state(ngx_triggers_drainer_t *d, ngx_uint_t state)
{
    ngx_uint_t  old, level;

    old = __atomic_exchange_n(&d->sh->state, (uint32_t) state,
                              __ATOMIC_RELAXED);

    if (old == state) {
        return;
    }

    switch (state) {

    case NGX_TRIGGERS_STORE_STARTING:
    case NGX_TRIGGERS_STORE_READY:
        level = NGX_TRIGGERS_LEVEL_INFO;
        break;

    case NGX_TRIGGERS_STORE_LOCKED:
        level = NGX_TRIGGERS_LEVEL_WARN;
        break;

    default:
        level = NGX_TRIGGERS_LEVEL_ERROR;
    }

    (void) ngx_triggers_feed_log(&d->sh->feed, d->owner->slot, level, NULL,
                                 NULL, "store: %s, was %s",
                                 ngx_triggers_store_state_name(state),
                                 ngx_triggers_store_state_name(old));
}


/*
 * Whoever appends sets "wanted" and, if it was not set, tells the leader.  It
 * is cleared before the last look, so that a record is either seen here or
 * its worker sees the flag cleared.
 */

static ngx_int_t
ngx_triggers_drainer_idle(ngx_triggers_drainer_t *d)
{
    uint64_t                       position;
    ngx_triggers_record_header_t  *header;

    __atomic_store_n(&d->sh->wanted, 0, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    position = d->position;

    if (ngx_triggers_ring_peek(&d->sh->ring, &position, &header) == NGX_OK
        && !ngx_triggers_drainer_stopping(d))
    {
        __atomic_store_n(&d->sh->wanted, 1, __ATOMIC_SEQ_CST);
        return NGX_AGAIN;
    }

    d->sh->gate = 0;

    return NGX_OK;
}


/* what is due by now, before a batch that may ask what can be leased */

static ngx_int_t
ngx_triggers_drainer_sweep(ngx_triggers_drainer_t *d)
{
    ngx_int_t   rc;
    ngx_uint_t  changed;

    changed = 0;

    rc = ngx_triggers_store_sweep(d->store, ngx_triggers_wall_ms(), &changed);
    if (rc != NGX_OK) {
        return rc;
    }

    __atomic_store_n(&d->sh->next_due, ngx_triggers_store_next_due(d->store),
                     __ATOMIC_RELAXED);

    if (changed) {

        /* as much may be due at once as takes longer than a beat may */

        ngx_triggers_zone_beat(d->sh);

        d->changed = 1;
        d->changed_unknown = 1;
        ngx_triggers_drainer_totals(d);
        ngx_triggers_drainer_tell(d);
        ngx_triggers_drainer_feed_flush(&d->feed);
    }

    return NGX_OK;
}


/* a step of the sweep is bounded: is there more? */

static ngx_uint_t
ngx_triggers_drainer_is_due(ngx_triggers_drainer_t *d)
{
    return ngx_triggers_store_next_due(d->store) <= ngx_triggers_wall_ms();
}


/* NGX_OK: a batch of at least one record; NGX_DONE: none is ready */

static ngx_int_t
ngx_triggers_drainer_gather(ngx_triggers_drainer_t *d)
{
    size_t                         bytes;
    uint64_t                       position;
    ngx_int_t                      rc;
    ngx_uint_t                     yields;
    ngx_triggers_record_header_t  *header;

    d->n = 0;
    bytes = 0;
    yields = 0;
    position = d->position;

    while (d->n < d->batch_records && bytes < d->batch_bytes) {

        rc = ngx_triggers_ring_peek(&d->sh->ring, &position, &header);

        if (rc == NGX_OK) {
            d->records[d->n++] = header;
            bytes += header->len;
            ngx_triggers_ring_step(header, &position);
            continue;
        }

        if (rc == NGX_ERROR) {
            ngx_log_error(NGX_LOG_ALERT, d->log, 0,
                          "triggers store \"%V\": the ring is broken at %uL",
                          &d->zone->name, position);
            d->broken = 1;
            return NGX_ERROR;
        }

        if (rc == NGX_DONE || d->n) {
            break;
        }

        /* the next record is being copied, or its owner has died */

        if (ngx_triggers_drainer_skip_dead(d, header) == NGX_OK) {
            ngx_triggers_ring_step(header, &position);
            d->position = position;
            ngx_triggers_ring_done(&d->sh->ring, header);
            ngx_triggers_ring_commit(&d->sh->ring, position);
            continue;
        }

        if (yields++ == NGX_TRIGGERS_YIELDS) {
            break;
        }

        (void) sched_yield();
    }

    d->end = position;

    return d->n ? NGX_OK : NGX_DONE;
}


static ngx_int_t
ngx_triggers_drainer_skip_dead(ngx_triggers_drainer_t *d,
    ngx_triggers_record_header_t *header)
{
    uint32_t               generation;
    ngx_triggers_owner_t  *owner;

    owner = &header->owner;

    if (owner->slot == d->owner->slot
        && owner->generation == d->owner->generation)
    {
        return NGX_DECLINED;
    }

    generation = __atomic_load_n(&d->sh->slots[owner->slot].generation,
                                 __ATOMIC_ACQUIRE);

    if (generation == owner->generation
        && ngx_triggers_wake_send(d->fd, d->sh->nonce, owner->slot) == NGX_OK)
    {
        return NGX_DECLINED;
    }

    /* it may have been marked ready just before its owner died */

    if (__atomic_load_n(&header->state, __ATOMIC_ACQUIRE)
        == NGX_TRIGGERS_RECORD_READY)
    {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_WARN, d->log, 0,
                  "triggers store \"%V\": skipped a record that a worker "
                  "had not finished when it died", &d->zone->name);

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_drainer_batch(ngx_triggers_drainer_t *d)
{
    uint64_t    start;
    ngx_int_t   rc;
    ngx_uint_t  i;

    d->batch_start = ngx_triggers_monotonic_us();
    d->tally = ngx_triggers_tally_begin(&d->sh->metrics);
    ngx_memzero(&d->waits, sizeof(ngx_triggers_histogram_t));

    ngx_triggers_drainer_keys_begin(&d->keys);

    rc = ngx_triggers_store_begin(d->store);

    if (rc == NGX_OK) {
        ngx_triggers_drainer_foreign(d);
    }

    for (i = 0; rc == NGX_OK && i < d->n; i++) {
        rc = ngx_triggers_drainer_apply(d, d->records[i]);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_triggers_moves_add(&d->tally->moves,
                           ngx_triggers_store_moves(d->store));
    ngx_triggers_tally_ready(d->tally, d->end, d->n);

    start = ngx_triggers_monotonic_us();

    rc = ngx_triggers_store_commit(d->store, d->sh->nonce, d->end);

    if (rc == NGX_ERROR) {

        /* the outcome is unknown; the database will tell */

        d->leading = 0;
    }

    if (rc == NGX_OK) {
        ngx_triggers_metrics_drained(&d->sh->metrics, NGX_TRIGGERS_TIME_SYNC,
                                     ngx_triggers_monotonic_us() - start);
        ngx_triggers_drainer_keys_publish(&d->keys);
    }

    return rc;
}


static ngx_int_t
ngx_triggers_drainer_apply(ngx_triggers_drainer_t *d,
    ngx_triggers_record_header_t *header)
{
    uint64_t                     end;
    ngx_int_t                    rc;
    ngx_triggers_record_t        record;
    ngx_triggers_result_t        result;
    ngx_triggers_zone_result_t  *zr;

    ngx_memzero(&result, sizeof(ngx_triggers_result_t));

    rc = ngx_triggers_record_open(&record, (u_char *) (header + 1),
                                  header->len);
    if (rc == NGX_OK) {
        rc = ngx_triggers_drainer_record(d, header, &record, &result);

        if (rc != NGX_OK) {
            return rc;
        }

        ngx_triggers_metrics_time(&d->waits, (uint32_t) d->batch_start
                                             - record.submitted);

    } else {
        result.rc = ngx_triggers_drainer_malformed(d, header);
    }

    zr = ngx_triggers_zone_result(d->sh, &header->owner);

    if (zr) {
        end = header->position;
        ngx_triggers_ring_step(header, &end);

        zr->result = result;
        __atomic_store_n(&zr->position, end, __ATOMIC_RELEASE);

        d->touched[header->owner.slot] = 1;
    }

    return NGX_OK;
}


/*
 * A single mutation's result is its own; that of several is their number, and
 * the time of those that were done: others may tell one of long ago.
 */

static ngx_int_t
ngx_triggers_drainer_record(ngx_triggers_drainer_t *d,
    ngx_triggers_record_header_t *header, ngx_triggers_record_t *record,
    ngx_triggers_result_t *result)
{
    int64_t                  time;
    ngx_int_t                rc;
    ngx_uint_t               i, refused;
    ngx_triggers_mutation_t  mutation;

    time = 0;
    refused = 0;

    for (i = 0; i < record->n; i++) {

        rc = ngx_triggers_record_next(record, &mutation);

        if (rc == NGX_OK) {
            rc = ngx_triggers_store_apply(d->store, &mutation, result);

            if (rc != NGX_OK) {
                return rc;
            }

            ngx_triggers_drainer_changed(d, &mutation, result);
            ngx_triggers_tally_count(d->tally, &mutation, result);

        } else {
            result->rc = ngx_triggers_drainer_malformed(d, header);
        }

        if (result->rc == NGX_TRIGGERS_RC_OK) {
            time = result->time;

        } else {
            refused++;
        }

        if (record->n > 1) {
            ngx_triggers_drainer_code(d, header, record, i, result->rc);
        }
    }

    if (record->n > 1) {
        result->rc = NGX_TRIGGERS_RC_OK;
        result->count = refused;
        result->time = time;
    }

    return NGX_OK;
}


static void
ngx_triggers_drainer_code(ngx_triggers_drainer_t *d,
    ngx_triggers_record_header_t *header, ngx_triggers_record_t *record,
    ngx_uint_t i, ngx_uint_t code)
{
    ngx_uint_t                   n;
    ngx_triggers_owner_t         owner;
    ngx_triggers_zone_result_t  *cell;

    n = i / NGX_TRIGGERS_CELL_CODES;

    if (n >= record->ncells) {
        return;
    }

    owner = header->owner;
    owner.index = record->cells[n];

    cell = ngx_triggers_zone_result(d->sh, &owner);

    if (cell) {
        ngx_triggers_zone_set_code(cell, i, code);
    }
}


/* remembers whose events the batch changes, for those who wait for them */

static void
ngx_triggers_drainer_changed(ngx_triggers_drainer_t *d,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    ngx_uint_t  i;

    if (result->rc != NGX_TRIGGERS_RC_OK || mutation->change
        || mutation->webhook)
    {
        return;
    }

    /* nobody has to look again because of what others were given */

    if (mutation->op == NGX_TRIGGERS_OP_LEASE
        || mutation->op == NGX_TRIGGERS_OP_LEASE_EXTEND)
    {
        return;
    }

    d->changed = 1;

    if (mutation->any_owner) {

        /* it is who asks that is known, not whose the event is */

        d->changed_unknown = 1;
        return;
    }

    i = ngx_triggers_zone_generation_index(&mutation->user_id);
    d->changed_owners[i / 64] |= 1ULL << (i % 64);
}


static ngx_uint_t
ngx_triggers_drainer_malformed(ngx_triggers_drainer_t *d,
    ngx_triggers_record_header_t *header)
{
    ngx_log_error(NGX_LOG_ALERT, d->log, 0,
                  "triggers store \"%V\": malformed record at %uL",
                  &d->zone->name, header->position);

    return NGX_TRIGGERS_RC_FAILED;
}


static void
ngx_triggers_drainer_publish(ngx_triggers_drainer_t *d)
{
    uint64_t  now;

    /* whoever has an answer now finds the store healthy too */

    ngx_triggers_drainer_state(d, ngx_triggers_store_state(d->store));

    /* and counted */

    ngx_triggers_tally_done(&d->sh->metrics);
    ngx_triggers_moves_add(&d->moves, ngx_triggers_store_moves(d->store));
    ngx_triggers_metrics_merge(&d->sh->metrics, NGX_TRIGGERS_TIME_QUEUE,
                               &d->waits);
    ngx_triggers_drainer_totals(d);

    d->position = d->end;
    ngx_triggers_ring_done(&d->sh->ring, d->records[d->n - 1]);
    ngx_triggers_ring_commit(&d->sh->ring, d->end);

    __atomic_store_n(&d->sh->next_due, ngx_triggers_store_next_due(d->store),
                     __ATOMIC_RELAXED);

    ngx_triggers_drainer_tell(d);

    now = ngx_triggers_monotonic_us();

    d->delay = 0;
    d->sh->batches++;
    d->sh->commit_time = now - d->batch_start;

    ngx_triggers_metrics_drained(&d->sh->metrics, NGX_TRIGGERS_TIME_BATCH,
                                 now - d->batch_start);
    ngx_triggers_metrics_batch(&d->sh->metrics, d->n);

    ngx_triggers_zone_beat(d->sh);

    ngx_triggers_drainer_slow(d, (now - d->batch_start) / 1000);
}


/* it cannot be more than one a second */

static void
ngx_triggers_drainer_slow(ngx_triggers_drainer_t *d, uint64_t time)
{
    if (time < NGX_TRIGGERS_SLOW_TIME) {
        return;
    }

    (void) ngx_triggers_feed_log(&d->sh->feed, d->owner->slot,
                                 NGX_TRIGGERS_LEVEL_WARN, NULL, NULL,
                                 "a commit of %ui records took %uL ms", d->n,
                                 time);
}


/* what the store holds now, and what else it has done */

static void
ngx_triggers_drainer_totals(ngx_triggers_drainer_t *d)
{
    ngx_uint_t                      i;
    ngx_triggers_moves_t            moves;
    ngx_triggers_totals_t          *totals;
    ngx_triggers_metrics_leader_t  *leader;

    leader = d->sh->metrics.leader;
    totals = ngx_triggers_store_totals(d->store);

    __atomic_store_n(&leader->total_events, totals->total_events,
                     __ATOMIC_RELAXED);

    for (i = 0; i < NGX_TRIGGERS_NSTATUS; i++) {
        __atomic_store_n(&leader->events[i], totals->events[i],
                         __ATOMIC_RELAXED);

        moves.entered[i] = totals->moves.entered[i] - d->moves.entered[i];
    }

    moves.expired = totals->moves.expired - d->moves.expired;

    ngx_triggers_moves_add(&leader->moves, &moves);
    d->moves = totals->moves;
}


static void
ngx_triggers_drainer_size(ngx_triggers_drainer_t *d)
{
    __atomic_store_n(&d->sh->metrics.leader->bytes,
                     ngx_triggers_store_size(d->store), __ATOMIC_RELAXED);
}


/*
 * An entry of the feed is lost when its place is still being written: by
 * somebody who is slow, or has died.
 */

static void
ngx_triggers_drainer_reclaim(ngx_triggers_drainer_t *d)
{
    uint64_t  lost;

    lost = __atomic_load_n(&d->sh->feed.lost, __ATOMIC_RELAXED);

    if (lost == d->lost) {
        return;
    }

    d->lost = lost;

    ngx_triggers_feed_reclaim(&d->sh->feed, ngx_triggers_drainer_is_free, d);
}


static ngx_uint_t
ngx_triggers_drainer_is_free(void *data, ngx_uint_t slot)
{
    ngx_triggers_drainer_t *d = data;

    return slot != d->owner->slot
           && ngx_triggers_wake_send(d->fd, d->sh->nonce, slot)
              == NGX_DECLINED;
}


/* wakes those who wait for the batch, or for a change of events */

static void
ngx_triggers_drainer_tell(ngx_triggers_drainer_t *d)
{
    ngx_uint_t  i, changed, pushed;

    changed = d->changed;
    ngx_triggers_drainer_generations(d);

    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    for (i = 0; i < d->sh->nslots; i++) {
        if (d->touched[i]
            || (changed && __atomic_load_n(&d->sh->slots[i].polling,
                                           __ATOMIC_RELAXED)))
        {
            d->touched[i] = 0;
            ngx_triggers_drainer_wake(d->sh, d->fd, i);
        }
    }

    pushed = ngx_triggers_store_pushed(d->store);

    if (pushed && d->deliverer) {
        ngx_triggers_deliverer_wake(d->deliverer,
                                    pushed & NGX_TRIGGERS_PUSHED_WEBHOOKS);
    }
}


/* has another tree changed events?  Whose they are is not known here. */

static void
ngx_triggers_drainer_foreign(ngx_triggers_drainer_t *d)
{
    int64_t  foreign;

    foreign = ngx_triggers_store_foreign(d->store);

    if (foreign != d->foreign) {
        d->foreign = foreign;
        d->changed = 1;
        d->changed_unknown = 1;
    }
}


static void
ngx_triggers_drainer_generations(ngx_triggers_drainer_t *d)
{
    uint64_t    bits;
    ngx_uint_t  i, n;

    if (!d->changed) {
        return;
    }

    for (i = 0; i < NGX_TRIGGERS_GENERATIONS / 64; i++) {

        for (bits = d->changed_owners[i]; bits; bits &= bits - 1) {
            n = 64 * i + __builtin_ctzll(bits);
            (void) __atomic_add_fetch(&d->sh->generations[n], 1,
                                      __ATOMIC_SEQ_CST);
        }

        d->changed_owners[i] = 0;
    }

    if (d->changed_unknown) {
        (void) __atomic_add_fetch(&d->sh->unknown_generation, 1,
                                  __ATOMIC_SEQ_CST);
    }

    (void) __atomic_add_fetch(&d->sh->any_generation, 1, __ATOMIC_SEQ_CST);

    d->changed = 0;
    d->changed_unknown = 0;
}


/*
 * A new leader's call: "pending" may have been set by one that died before it
 * sent anything, and says nothing here.
 */

static void
ngx_triggers_drainer_wake_all(ngx_triggers_drainer_t *d)
{
    ngx_uint_t  i;

    for (i = 0; i < d->sh->nslots; i++) {
        if (d->sh->slots[i].generation) {
            (void) ngx_triggers_wake_send(d->fd, d->sh->nonce, i);
        }
    }
}


/* what can wait until the clients have their answers */

static void
ngx_triggers_drainer_after(ngx_triggers_drainer_t *d)
{
    uint64_t    gate;
    ngx_uint_t  frames;

    (void) ngx_triggers_drainer_maintain(d, 0);

    frames = ngx_triggers_store_wal_frames(d->store);
    gate = 0;

    if (frames > NGX_TRIGGERS_GATE_FRAMES) {
        gate = ngx_triggers_monotonic_ms() + NGX_TRIGGERS_GATE_TIME;
    }

    d->sh->wal_frames = frames;
    __atomic_store_n(&d->sh->gate, gate, __ATOMIC_RELAXED);
}


static ngx_int_t
ngx_triggers_drainer_maintain(ngx_triggers_drainer_t *d, ngx_uint_t idle)
{
    ngx_int_t  rc;

    rc = ngx_triggers_store_maintain(d->store, idle);

    /*
     * Whatever it returns, it may have removed events before.  If it has lost
     * the store, nobody knows how its last commit ended: lead() tells then.
     */

    if (ngx_triggers_store_is_open(d->store)) {
        ngx_triggers_drainer_feed_flush(&d->feed);
    }

    return rc;
}


static ngx_uint_t
ngx_triggers_drainer_stopping(ngx_triggers_drainer_t *d)
{
    return ngx_terminate || __atomic_load_n(&d->stop, __ATOMIC_RELAXED);
}
