
/*
 * The logger.  A run of its task reads the feed from where the last one has
 * ended, chooses, and stores what it has chosen in one transaction.  Nobody
 * waits for it: what it does not read in time is overwritten, and counted.
 *
 * How far it is stands in the zone and is moved after the commit, so that
 * whoever leads next goes on there.  A leader that is killed in between leaves
 * the records of one run to be stored twice.  A new leader may begin while
 * its predecessor still writes; the lock that comes with a transaction makes
 * them take turns, and whoever gets it looks whether the other one has gone on
 * meanwhile.
 *
 * Once a minute the same transaction takes one of the history, of which the
 * zone knows how far it has come, see ngx_triggers_history.h.
 *
 * A failure changes nothing either: the entries stay where they are until they
 * are overwritten, and it is tried again after 1, 2, 4, 8 and 16 seconds and
 * then every 30.
 */


#include "ngx_triggers_logger.h"
#include "ngx_triggers_clock.h"
#include "ngx_triggers_wake.h"


#define NGX_TRIGGERS_LOGGER_RECORDS  2000      /* of one transaction */

#define NGX_TRIGGERS_LOGGER_SECOND   1000      /* ms */

#define NGX_TRIGGERS_LOGGER_TOKEN    1000      /* of a record, in the bucket */

#define NGX_TRIGGERS_LOGGER_RETAIN   50        /* ms of each second */

#define NGX_TRIGGERS_LOGGER_PAUSE    1000      /* ms, after a failure */
#define NGX_TRIGGERS_LOGGER_PAUSES   5
#define NGX_TRIGGERS_LOGGER_PAUSE_MAX  30000

#define NGX_TRIGGERS_LOGGER_TRIES    10        /* at exit */
#define NGX_TRIGGERS_LOGGER_EXIT_TIME   100    /* ms, if it is locked */
#define NGX_TRIGGERS_LOGGER_EXIT_PAUSE  10


/* what a run changes, if it ends well */

typedef struct {
    ngx_triggers_feed_cursor_t  cursor;
    uint64_t                 tokens;           /* thousandths of a record */
    uint64_t                 filled;           /* … when they were given, ms */
    uint64_t                 seen;             /* records the sample is of */

    /* not stored, and not told so yet */
    uint64_t                 limited;
    uint64_t                 missed;
    uint64_t                 told;             /* when it was, ms */
} ngx_triggers_logger_state_t;


struct ngx_triggers_logger_s {
    ngx_triggers_worker_t   *worker;
    ngx_thread_task_t       *task;
    ngx_triggers_logger_conf_t  *conf;
    ngx_log_t               *log;
    u_char                  *wal;              /* its path */

    /* of the event loop */
    ngx_msec_t               not_before;       /* ngx_current_msec */
    ngx_uint_t               failures;         /* in a row */
    unsigned                 posted:1;
    unsigned                 waits:1;          /* until not_before */

    /* of the thread while it is posted */
    ngx_uint_t               release;          /* flag: close it */
    ngx_int_t                rc;
    ngx_triggers_logs_t     *logs;
    uint64_t                 retained;         /* when, ms */
    ngx_uint_t               behind;           /* flag: it left something */
    uint64_t                 busy;             /* since when, ms, 0: is not */
    ngx_triggers_logger_state_t  state;

    /* of a run */
    uint64_t                 now;              /* ms */
    uint64_t                 start;            /* where the cursor was */
    ngx_uint_t               begun;            /* flag: the transaction has */
    ngx_triggers_logger_state_t  next;
    ngx_triggers_metrics_logs_t  counts;
    ngx_uint_t               taken;            /* flag: so has a minute */
    ngx_triggers_minute_t    minute;
};


static ngx_triggers_logger_t *ngx_triggers_logger_create(
    ngx_triggers_worker_t *worker);
static ngx_uint_t ngx_triggers_logger_due(ngx_triggers_logger_t *l);
static void ngx_triggers_logger_post(ngx_triggers_logger_t *l);
static void ngx_triggers_logger_handler(void *data, ngx_log_t *log);
static ngx_int_t ngx_triggers_logger_run(ngx_triggers_logger_t *l);
static ngx_int_t ngx_triggers_logger_batch(ngx_triggers_logger_t *l);
static ngx_int_t ngx_triggers_logger_gather(ngx_triggers_logger_t *l);
static void ngx_triggers_logger_refill(ngx_triggers_logger_t *l);
static ngx_uint_t ngx_triggers_logger_wants(ngx_triggers_logger_t *l,
    ngx_triggers_entry_t *entry);
static ngx_int_t ngx_triggers_logger_add(ngx_triggers_logger_t *l,
    ngx_triggers_entry_t *entry);
static ngx_int_t ngx_triggers_logger_begin(ngx_triggers_logger_t *l);
static ngx_int_t ngx_triggers_logger_summary(ngx_triggers_logger_t *l);
static ngx_int_t ngx_triggers_logger_minute(ngx_triggers_logger_t *l);
static ngx_uint_t ngx_triggers_logger_minute_due(ngx_triggers_logger_t *l);
static void ngx_triggers_logger_commit(ngx_triggers_logger_t *l);
static void ngx_triggers_logger_works(ngx_triggers_logger_t *l);
static ngx_int_t ngx_triggers_logger_tidy(ngx_triggers_logger_t *l);
static ngx_int_t ngx_triggers_logger_retain(ngx_triggers_logger_t *l,
    ngx_uint_t steps, uint64_t time);
static void ngx_triggers_logger_size(ngx_triggers_logger_t *l);
static ngx_int_t ngx_triggers_logger_outcome(ngx_triggers_logger_t *l,
    ngx_int_t rc);
static void ngx_triggers_logger_close(ngx_triggers_logger_t *l);
static void ngx_triggers_logger_done_handler(ngx_event_t *ev);


void
ngx_triggers_logger_start(ngx_triggers_worker_t *worker)
{
    ngx_triggers_logger_t   *l;
    ngx_triggers_zone_sh_t  *sh;

    if (worker->logger_conf.path.len == 0) {

        /* where logs are to be stored again, they begin with what is new */

        sh = worker->zone->sh;

        __atomic_store_n(&sh->log_number,
                         __atomic_load_n(&sh->feed.head, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
        return;
    }

    if (ngx_exiting || ngx_terminate || worker->releasing) {
        return;
    }

    if (worker->logger == NULL) {
        worker->logger = ngx_triggers_logger_create(worker);

        if (worker->logger == NULL) {
            return;
        }
    }

    l = worker->logger;

    if (l->posted
        || (l->waits
            && (ngx_msec_int_t) (l->not_before - ngx_current_msec) > 0)
        || !ngx_triggers_logger_due(l))
    {
        return;
    }

    l->waits = 0;

    ngx_triggers_logger_post(l);
}


void
ngx_triggers_logger_resign(ngx_triggers_worker_t *worker)
{
    ngx_triggers_logger_t  *l;

    l = worker->logger;

    if (l && !l->posted) {
        l->release = 1;
        ngx_triggers_logger_post(l);
    }
}


/*
 * Every process of a tree that ends comes here, and what is left is that of
 * the last ones.
 */

void
ngx_triggers_logger_exit(ngx_triggers_worker_t *worker)
{
    uint64_t                 until;
    ngx_int_t                rc;
    ngx_uint_t               tries;
    ngx_triggers_logger_t   *l;
    ngx_triggers_zone_sh_t  *sh;

    sh = worker->zone->sh;

    if (worker->logger_conf.path.len == 0) {
        return;
    }

    if (worker->logger == NULL) {
        worker->logger = ngx_triggers_logger_create(worker);

        if (worker->logger == NULL) {
            return;
        }
    }

    l = worker->logger;
    until = ngx_triggers_monotonic_ms() + NGX_TRIGGERS_LOGGER_EXIT_TIME;

    for (tries = 0; tries < NGX_TRIGGERS_LOGGER_TRIES; tries++) {

        if (__atomic_load_n(&sh->leader, __ATOMIC_ACQUIRE)
            != NGX_TRIGGERS_LEADER
            || (__atomic_load_n(&sh->feed.head, __ATOMIC_ACQUIRE)
                == __atomic_load_n(&sh->log_number, __ATOMIC_RELAXED)
                && !ngx_triggers_history_left(sh)))
        {
            break;
        }

        l->now = ngx_triggers_monotonic_ms();
        rc = ngx_triggers_logger_batch(l);

        if (rc == NGX_ERROR) {
            break;
        }

        if (rc == NGX_BUSY) {

            /* SQLite has waited, too */

            if (ngx_triggers_monotonic_ms() >= until) {
                break;
            }

            ngx_msleep(NGX_TRIGGERS_LOGGER_EXIT_PAUSE);
        }
    }

    ngx_triggers_logger_close(l);
}


void
ngx_triggers_logger_tell(ngx_triggers_zone_sh_t *sh, ngx_socket_t fd,
    uint64_t number)
{
    uint32_t  leader;

    if (number < __atomic_load_n(&sh->log_number, __ATOMIC_RELAXED)
                 + sh->feed.nplaces / 2)
    {
        return;
    }

    if (__atomic_load_n(&sh->log_wanted, __ATOMIC_RELAXED)
        || __atomic_exchange_n(&sh->log_wanted, 1, __ATOMIC_SEQ_CST))
    {
        return;
    }

    leader = __atomic_load_n(&sh->leader, __ATOMIC_ACQUIRE);

    if (leader != NGX_TRIGGERS_LEADER) {
        (void) ngx_triggers_wake_send(fd, sh->nonce, leader);
    }
}


static ngx_triggers_logger_t *
ngx_triggers_logger_create(ngx_triggers_worker_t *worker)
{
    ngx_pool_t             *pool;
    ngx_thread_task_t      *task;
    ngx_triggers_logger_t  *l;

    /* the cycle's pool: it lives as long as the process */

    pool = ngx_cycle->pool;

    task = ngx_thread_task_alloc(pool, sizeof(ngx_triggers_logger_t));
    if (task == NULL) {
        return NULL;
    }

    l = task->ctx;

    /* the rest is set by ngx_thread_task_alloc(), to 0 */

    l->worker = worker;
    l->task = task;
    l->conf = &worker->logger_conf;
    l->log = worker->log;

    l->wal = ngx_pnalloc(pool, l->conf->path.len + sizeof("-wal"));
    if (l->wal == NULL) {
        return NULL;
    }

    (void) ngx_sprintf(l->wal, "%V-wal%Z", &l->conf->path);

    task->handler = ngx_triggers_logger_handler;
    task->event.handler = ngx_triggers_logger_done_handler;
    task->event.data = l;
    task->event.log = worker->log;

    return l;
}


/* something has come, or a second is over */

static ngx_uint_t
ngx_triggers_logger_due(ngx_triggers_logger_t *l)
{
    ngx_triggers_zone_sh_t  *sh;

    sh = l->worker->zone->sh;

    return __atomic_load_n(&sh->feed.head, __ATOMIC_RELAXED)
           != __atomic_load_n(&sh->log_number, __ATOMIC_RELAXED)
           || ngx_triggers_monotonic_ms() - l->retained
              >= NGX_TRIGGERS_LOGGER_SECOND;
}


static void
ngx_triggers_logger_post(ngx_triggers_logger_t *l)
{
    if (ngx_thread_task_post(l->worker->thread_pool, l->task) == NGX_OK) {
        l->posted = 1;
    }
}


/* in a thread of the pool */

static void
ngx_triggers_logger_handler(void *data, ngx_log_t *log)
{
    ngx_triggers_logger_t *l = data;

    if (l->release) {
        ngx_triggers_logger_close(l);
        l->rc = NGX_OK;
        return;
    }

    l->now = ngx_triggers_monotonic_ms();
    l->rc = ngx_triggers_logger_outcome(l, ngx_triggers_logger_run(l));
}


/*
 * NGX_OK; NGX_AGAIN: there is more to read at once; NGX_BUSY: another one has
 * the database; NGX_ERROR.
 */

static ngx_int_t
ngx_triggers_logger_run(ngx_triggers_logger_t *l)
{
    ngx_int_t  rc, tidied;

    rc = ngx_triggers_logger_batch(l);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        return rc;
    }

    tidied = ngx_triggers_logger_tidy(l);

    /* a batch that was stored has shown that there is nothing wrong */

    if (tidied == NGX_ERROR || (tidied == NGX_BUSY && !l->begun)) {
        return tidied;
    }

    return rc;
}


static ngx_int_t
ngx_triggers_logger_batch(ngx_triggers_logger_t *l)
{
    ngx_int_t                rc, more;
    ngx_triggers_zone_sh_t  *sh;

    sh = l->worker->zone->sh;

    if (l->logs == NULL) {
        l->logs = ngx_triggers_logs_create(&l->conf->path, &l->conf->limits,
                                           l->log);
        if (l->logs == NULL) {
            return NGX_ERROR;
        }
    }

    /* before the first entry is read: whoever appends later tells again */

    __atomic_store_n(&sh->log_wanted, 0, __ATOMIC_SEQ_CST);

    l->next = l->state;
    l->begun = 0;
    l->taken = 0;
    l->start = __atomic_load_n(&sh->log_number, __ATOMIC_ACQUIRE);
    ngx_memzero(&l->counts, sizeof(ngx_triggers_metrics_logs_t));

    if (l->next.cursor.number != l->start) {
        l->next.cursor.number = l->start;
        l->next.cursor.stuck = 0;
    }

    more = ngx_triggers_logger_gather(l);
    rc = more;

    if (rc == NGX_OK || rc == NGX_AGAIN) {
        rc = ngx_triggers_logger_summary(l);
    }

    if (rc == NGX_OK) {
        rc = ngx_triggers_logger_minute(l);
    }

    if (rc == NGX_OK && l->begun) {
        rc = ngx_triggers_logs_commit(l->logs);

        if (rc == NGX_AGAIN) {
            rc = NGX_BUSY;
        }
    }

    if (rc != NGX_OK) {

        /* NGX_DECLINED: its predecessor has been writing, and is done */

        return (rc == NGX_DECLINED) ? NGX_AGAIN : rc;
    }

    ngx_triggers_logger_commit(l);

    if (l->begun) {
        ngx_triggers_logs_release(l->logs);
    }

    return more;
}


/* as batch, or NGX_DECLINED: another one has gone on */

static ngx_int_t
ngx_triggers_logger_gather(ngx_triggers_logger_t *l)
{
    uint64_t                     words[NGX_TRIGGERS_FEED_WORDS];
    ngx_int_t                    rc;
    ngx_uint_t                   n;
    ngx_triggers_feed_t         *feed;
    ngx_triggers_entry_t         entry;
    ngx_triggers_feed_cursor_t  *cursor;

    feed = &l->worker->zone->sh->feed;
    cursor = &l->next.cursor;

    ngx_triggers_logger_refill(l);

    /* as long as it is fed it would never end */

    for (n = 0; n < feed->nplaces; n++) {

        if (l->counts.stored == NGX_TRIGGERS_LOGGER_RECORDS) {
            return NGX_AGAIN;
        }

        rc = ngx_triggers_feed_next(feed, cursor, l->now, words, &entry);

        if (rc == NGX_DONE) {
            return NGX_OK;
        }

        if (rc == NGX_DECLINED) {
            l->next.missed += cursor->missed;
            l->counts.missed += cursor->missed;
            continue;
        }

        if (!ngx_triggers_logger_wants(l, &entry)) {
            continue;
        }

        rc = ngx_triggers_logger_add(l, &entry);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_AGAIN;
}


/* the bucket holds as much as a second gives */

static void
ngx_triggers_logger_refill(ngx_triggers_logger_t *l)
{
    uint64_t                      rate, tokens;
    ngx_triggers_logger_state_t  *s;

    s = &l->next;
    rate = l->conf->rate;

    tokens = s->tokens + (l->now - s->filled) * rate;

    s->tokens = ngx_min(tokens, rate * NGX_TRIGGERS_LOGGER_TOKEN);
    s->filled = l->now;
}


static ngx_uint_t
ngx_triggers_logger_wants(ngx_triggers_logger_t *l,
    ngx_triggers_entry_t *entry)
{
    ngx_triggers_logger_state_t  *s;

    s = &l->next;

    if ((entry->kind != NGX_TRIGGERS_ENTRY_REQUEST
         && entry->kind != NGX_TRIGGERS_ENTRY_BACKGROUND)
        || entry->level < l->conf->level)
    {
        return 0;
    }

    /* what is done in the background is limited where it is told */

    if (entry->level >= NGX_TRIGGERS_LEVEL_WARN
        || entry->kind == NGX_TRIGGERS_ENTRY_BACKGROUND)
    {
        return 1;
    }

    if (s->seen++ % l->conf->sample) {
        l->counts.sampled++;
        return 0;
    }

    if (l->conf->rate == 0) {
        return 1;
    }

    if (s->tokens < NGX_TRIGGERS_LOGGER_TOKEN) {
        s->limited++;
        l->counts.limited++;
        return 0;
    }

    s->tokens -= NGX_TRIGGERS_LOGGER_TOKEN;

    return 1;
}


static ngx_int_t
ngx_triggers_logger_add(ngx_triggers_logger_t *l, ngx_triggers_entry_t *entry)
{
    ngx_int_t  rc;

    if (!l->begun) {
        rc = ngx_triggers_logger_begin(l);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (ngx_triggers_logs_add(l->logs, entry) != NGX_OK) {
        return NGX_ERROR;
    }

    l->counts.stored++;

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_logger_begin(ngx_triggers_logger_t *l)
{
    ngx_int_t  rc;

    rc = ngx_triggers_logs_begin(l->logs);

    if (rc != NGX_OK) {
        return (rc == NGX_AGAIN) ? NGX_BUSY : NGX_ERROR;
    }

    if (__atomic_load_n(&l->worker->zone->sh->log_number, __ATOMIC_ACQUIRE)
        != l->start)
    {
        (void) ngx_triggers_logs_commit(l->logs);
        ngx_triggers_logs_release(l->logs);
        return NGX_DECLINED;
    }

    l->begun = 1;

    return NGX_OK;
}


/* says what is not there, once a second at most */

static ngx_int_t
ngx_triggers_logger_summary(ngx_triggers_logger_t *l)
{
    u_char                       *p, message[128];
    ngx_triggers_entry_t          entry;
    ngx_triggers_logger_state_t  *s;

    s = &l->next;

    if ((s->limited == 0 && s->missed == 0)
        || l->now - s->told < NGX_TRIGGERS_LOGGER_SECOND)
    {
        return NGX_OK;
    }

    p = message;

    if (s->limited) {
        p = ngx_sprintf(p, "%uL records were not stored: rate", s->limited);
    }

    if (s->missed) {
        p = ngx_sprintf(p, "%s%uL entries were overwritten before they could "
                        "be stored", s->limited ? "; " : "", s->missed);
    }

    ngx_memzero(&entry, sizeof(ngx_triggers_entry_t));

    entry.kind = NGX_TRIGGERS_ENTRY_BACKGROUND;
    entry.level = s->missed ? NGX_TRIGGERS_LEVEL_WARN
                            : NGX_TRIGGERS_LEVEL_INFO;
    entry.time = ngx_triggers_wall_ms();
    entry.message.data = message;
    entry.message.len = p - message;

    s->limited = 0;
    s->missed = 0;
    s->told = l->now;

    if (entry.level < l->conf->level) {
        return NGX_OK;
    }

    return ngx_triggers_logger_add(l, &entry);
}


static ngx_int_t
ngx_triggers_logger_minute(ngx_triggers_logger_t *l)
{
    ngx_int_t  rc;

    if (!ngx_triggers_logger_minute_due(l)) {
        return NGX_OK;
    }

    if (!l->begun) {
        rc = ngx_triggers_logger_begin(l);

        if (rc != NGX_OK) {
            return rc;
        }

        /* whoever had the lock may have stored it */

        if (!ngx_triggers_logger_minute_due(l)) {
            return NGX_OK;
        }
    }

    ngx_triggers_history_take(l->worker->zone->sh, ngx_triggers_wall_ms(),
                              ngx_triggers_monotonic_ms(), &l->minute);
    l->taken = 1;

    return ngx_triggers_logs_add_minute(l->logs, &l->minute);
}


/* the zone may end with this process: then what there is of one is stored */

static ngx_uint_t
ngx_triggers_logger_minute_due(ngx_triggers_logger_t *l)
{
    ngx_triggers_zone_sh_t  *sh;

    sh = l->worker->zone->sh;

    return ngx_triggers_history_due(sh, ngx_triggers_wall_ms(),
                                    ngx_triggers_monotonic_ms())
           || (l->worker->exited && ngx_triggers_history_left(sh));
}


/*
 * It is stored: the next run begins after it, whoever's that is.  Under the
 * lock, or it could begin before.
 */

static void
ngx_triggers_logger_commit(ngx_triggers_logger_t *l)
{
    uint64_t                      start;
    ngx_triggers_zone_sh_t       *sh;
    ngx_triggers_metrics_logs_t  *logs;

    sh = l->worker->zone->sh;
    logs = &sh->metrics.leader->logs;
    start = l->start;

    l->state = l->next;

    (void) __atomic_compare_exchange_n(&sh->log_number, &start,
                                       l->state.cursor.number, 0,
                                       __ATOMIC_RELEASE, __ATOMIC_RELAXED);

    if (l->taken) {
        ngx_triggers_history_done(sh, &l->minute);
    }

    ngx_triggers_metrics_add(&logs->stored, l->counts.stored);
    ngx_triggers_metrics_add(&logs->limited, l->counts.limited);
    ngx_triggers_metrics_add(&logs->sampled, l->counts.sampled);
    ngx_triggers_metrics_add(&logs->missed, l->counts.missed);

    if (l->begun) {
        ngx_triggers_logger_works(l);
    }
}


/* something has been committed */

static void
ngx_triggers_logger_works(ngx_triggers_logger_t *l)
{
    l->busy = 0;

    __atomic_store_n(&l->worker->zone->sh->log_state, NGX_TRIGGERS_LOG_READY,
                     __ATOMIC_RELAXED);
}


/*
 * Once a second all that can be done in its time goes.  Where that is not
 * enough as many records go as come, and a fourth more: the more there are
 * the less of them are read in time, but the database does not grow.  NGX_OK,
 * NGX_BUSY or NGX_ERROR.
 */

static ngx_int_t
ngx_triggers_logger_tidy(ngx_triggers_logger_t *l)
{
    ngx_int_t   rc;
    ngx_uint_t  n;

    if (l->now - l->retained >= NGX_TRIGGERS_LOGGER_SECOND) {

        rc = ngx_triggers_logger_retain(l, NGX_MAX_UINT32_VALUE,
                                        NGX_TRIGGERS_LOGGER_RETAIN);
        ngx_triggers_logger_size(l);

        if (rc == NGX_BUSY) {
            return NGX_BUSY;
        }

        l->retained = l->now;

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (!l->behind || !l->begun) {
        return NGX_OK;
    }

    n = l->counts.stored + l->counts.stored / 4;

    return ngx_triggers_logger_retain(l, n / NGX_TRIGGERS_LOGS_STEP + 1,
                                      NGX_TRIGGERS_LOGGER_SECOND);
}


static ngx_int_t
ngx_triggers_logger_retain(ngx_triggers_logger_t *l, ngx_uint_t steps,
    uint64_t time)
{
    uint64_t   until;
    ngx_int_t  rc;

    until = ngx_triggers_monotonic_ms() + time;

    do {
        rc = ngx_triggers_logs_retain(l->logs, ngx_triggers_wall_ms());

        if (rc == NGX_BUSY || rc == NGX_ERROR) {
            return rc;
        }

        ngx_triggers_logger_works(l);

    } while (rc == NGX_AGAIN && --steps
             && ngx_triggers_monotonic_ms() < until
             && !ngx_exiting && !ngx_terminate && !ngx_quit);

    l->behind = (rc == NGX_AGAIN);

    return NGX_OK;
}


/* by its name only: to close it here would drop SQLite's locks */

static void
ngx_triggers_logger_size(ngx_triggers_logger_t *l)
{
    uint64_t         bytes;
    ngx_file_info_t  fi;

    bytes = 0;

    if (ngx_file_info(l->conf->path.data, &fi) != NGX_FILE_ERROR) {
        bytes += ngx_file_size(&fi);
    }

    if (ngx_file_info(l->wal, &fi) != NGX_FILE_ERROR) {
        bytes += ngx_file_size(&fi);
    }

    __atomic_store_n(&l->worker->zone->sh->metrics.leader->logs.bytes, bytes,
                     __ATOMIC_RELAXED);
}


/*
 * Being busy for long is a failure, too.  A run that has had nothing to store
 * says nothing of that.
 */

static ngx_int_t
ngx_triggers_logger_outcome(ngx_triggers_logger_t *l, ngx_int_t rc)
{
    ngx_triggers_zone_sh_t  *sh;

    if (rc == NGX_BUSY && l->busy == 0) {
        l->busy = l->now;

    } else if (rc == NGX_BUSY
               && l->now - l->busy >= NGX_TRIGGERS_LOGGER_SECOND)
    {
        ngx_triggers_logs_locked(l->logs);
        rc = NGX_ERROR;

    } else if (rc == NGX_ERROR) {
        l->busy = 0;
    }

    if (rc == NGX_ERROR) {
        sh = l->worker->zone->sh;

        ngx_triggers_metrics_add(&sh->metrics.leader->logs.failures, 1);
        __atomic_store_n(&sh->log_state, NGX_TRIGGERS_LOG_FAILED,
                         __ATOMIC_RELAXED);
    }

    return rc;
}


static void
ngx_triggers_logger_close(ngx_triggers_logger_t *l)
{
    if (l->logs) {
        ngx_triggers_logs_destroy(l->logs);
        l->logs = NULL;
    }
}


static void
ngx_triggers_logger_done_handler(ngx_event_t *ev)
{
    ngx_triggers_logger_t  *l;

    l = ev->data;

    l->posted = 0;

    if (l->worker->releasing) {

        if (!l->release) {
            ngx_triggers_logger_resign(l->worker);
        }

        return;
    }

    if (l->rc == NGX_ERROR) {
        l->waits = 1;
        l->not_before = ngx_current_msec
                        + (l->failures < NGX_TRIGGERS_LOGGER_PAUSES
                           ? (ngx_msec_t) NGX_TRIGGERS_LOGGER_PAUSE
                             << l->failures
                           : NGX_TRIGGERS_LOGGER_PAUSE_MAX);
        l->failures++;
        return;
    }

    if (l->rc == NGX_BUSY) {
        return;
    }

    l->failures = 0;

    if (l->rc == NGX_AGAIN
        || __atomic_load_n(&l->worker->zone->sh->log_wanted, __ATOMIC_RELAXED))
    {
        ngx_triggers_logger_start(l->worker);
    }
}
