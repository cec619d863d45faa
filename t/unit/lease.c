
/*
 * Leases, ordering keys, retries and the sweep of the SQLite store against a
 * model: random operations of two owners and an admin in batches, some of
 * which are rolled back, with a clock that jumps both ways and a store that is
 * closed now and then.  Each answer, and after each batch every event, must be
 * what the model says, and each must be what who watches was told last.
 */


#include "store_fixture.h"


#define SEEDS    5
#define BATCHES  700
#define EVENTS   6000
#define LEASES   4000

#define IDS      65536

#define ADMIN    2
#define NKEYS    3


typedef struct {
    uint64_t                 id;
    ngx_uint_t               exists;
    ngx_uint_t               owner;        /* 0 or 1 */
    ngx_uint_t               key;          /* 0: none */
    ngx_uint_t               priority;
    ngx_uint_t               status;
    ngx_uint_t               hold;
    ngx_uint_t               attempts;
    ngx_uint_t               retries;
    ngx_uint_t               manual;
    ngx_uint_t               lease;        /* 0: none */
    ngx_uint_t               history;
    int64_t                  due_at;
    int64_t                  done_at;
    int64_t                  updated_at;
    const char              *error;
} event_t;


typedef struct {
    ngx_uint_t               asker;
    ngx_uint_t               max;
    int64_t                  until;
    ngx_uint_t               n;
    ngx_uint_t               seqs[NGX_TRIGGERS_LEASE_MAX];
} lease_t;


typedef struct {
    ngx_uint_t               nevents;      /* from 1, as their numbers */
    ngx_uint_t               nleases;      /* from 1 */
    event_t                  events[EVENTS + 1];
    lease_t                  leases[LEASES + 1];
    int64_t                  last;         /* created_at */
} model_t;


static const char  *users[] = { "alice", "bob", "root" };
static const char  *keys[] = { NULL, "a", "b" };

static model_t                 model, saved;
static ngx_str_t              *path;
static ngx_triggers_store_t   *store;
static int64_t                 now;
static int64_t                 swept_at;   /* the store's clock */
static uint64_t                ids;        /* never given twice */
static ngx_uint_t              lease_ids;
static uint64_t                lease_id[LEASES + 1];
static ngx_uint_t              seen[16];   /* codes, that all occur */

static const int64_t           schedule[] = { 2000, 4000, 8000 };

static ngx_uint_t              told[IDS];      /* status, by id */
static struct {
    uint64_t                   id;
    ngx_uint_t                 status;
} telling[8192];                               /* not committed */
static ngx_uint_t              ntelling;


static void
change_handler(void *data, ngx_triggers_change_t *change)
{
    (void) data;

    telling[ntelling].id = fixture_number(change->id);
    telling[ntelling++].status = change->status;
}


static void
commit_handler(void *data)
{
    ngx_uint_t  i;

    (void) data;

    for (i = 0; i < ntelling; i++) {
        told[telling[i].id] = telling[i].status;
    }

    ntelling = 0;
}


static void
rollback_handler(void *data)
{
    (void) data;

    ntelling = 0;
}


static void
make_store(void)
{
    ngx_triggers_watcher_t  watcher;

    store = fixture_store(path);

    watcher.change = change_handler;
    watcher.commit = commit_handler;
    watcher.rollback = rollback_handler;
    watcher.data = NULL;

    ngx_triggers_store_watch_events(store, &watcher);
}


static ngx_uint_t
chance(ngx_uint_t n)
{
    return random() % n == 0;
}


static ngx_uint_t
is_live(event_t *e)
{
    return e->exists && (e->status == NGX_TRIGGERS_PENDING
                         || e->status == NGX_TRIGGERS_RETRYING);
}


static ngx_uint_t
is_ordered(event_t *e)
{
    return is_live(e) && e->key && e->hold != NGX_TRIGGERS_HOLD_STEP;
}


/* the one of the key that does not wait; 0: none */

static ngx_uint_t
first_of_key(event_t *like, ngx_uint_t waits)
{
    ngx_uint_t  i;
    event_t    *e;

    for (i = 1; i <= model.nevents; i++) {
        e = &model.events[i];

        if (e != like && is_ordered(e) && e->key == like->key
            && e->owner == like->owner
            && (e->hold == NGX_TRIGGERS_HOLD_ORDER) == waits)
        {
            return i;
        }
    }

    return 0;
}


static void
leave_key(event_t *e)
{
    ngx_uint_t  next;

    if (!is_ordered(e) || e->hold == NGX_TRIGGERS_HOLD_ORDER) {
        return;
    }

    next = first_of_key(e, 1);

    if (next) {
        model.events[next].hold = NGX_TRIGGERS_HOLD_NONE;
    }
}


static void
release(event_t *e)
{
    e->hold = NGX_TRIGGERS_HOLD_NONE;
    e->lease = 0;
    e->due_at = 0;
}


static void
end(event_t *e, ngx_uint_t status, int64_t time)
{
    leave_key(e);
    release(e);
    e->status = status;
    e->done_at = time;
    e->updated_at = time;
}


static void
again(event_t *e, ngx_uint_t max, int64_t at, const char *error, int64_t time)
{
    ngx_uint_t  hold;

    e->attempts++;
    e->history++;

    if (e->attempts >= max) {
        end(e, NGX_TRIGGERS_FAILED, time);
        e->error = error;
        return;
    }

    hold = (e->hold == NGX_TRIGGERS_HOLD_STEP) ? NGX_TRIGGERS_HOLD_STEP
                                               : NGX_TRIGGERS_HOLD_DELAY;
    release(e);
    e->status = NGX_TRIGGERS_RETRYING;
    e->updated_at = time;

    if (at) {
        e->hold = hold;
        e->due_at = at;
    }
}


static void
revive(event_t *e)
{
    e->status = NGX_TRIGGERS_RETRYING;
    e->attempts = 0;
    e->retries++;
    e->manual++;
    e->error = NULL;
    e->done_at = 0;
    e->updated_at = now;
    e->hold = NGX_TRIGGERS_HOLD_NONE;

    if (e->key && first_of_key(e, 0)) {
        e->hold = NGX_TRIGGERS_HOLD_ORDER;
    }
}


static ngx_uint_t
is_over(ngx_uint_t lease)
{
    ngx_uint_t  i;

    for (i = 1; i <= model.nevents; i++) {
        if (model.events[i].exists && model.events[i].lease == lease) {
            return 0;
        }
    }

    return 1;
}


/* what is due has happened */

static void
sweep_model(void)
{
    event_t    *e;
    ngx_uint_t  i;

    for (i = 1; i <= model.nevents; i++) {
        e = &model.events[i];

        if (!e->exists) {
            continue;
        }

        if (e->lease && model.leases[e->lease].until <= now) {
            again(e, model.leases[e->lease].max, 0, "the lease ran out", now);
            continue;
        }

        if (e->due_at == 0 || e->due_at > now) {
            continue;
        }

        if (e->hold == NGX_TRIGGERS_HOLD_DELAY) {
            release(e);
            e->updated_at = now;
            continue;
        }

        if (e->attempts) {
            e->retries++;
        }

        again(e, 4, e->attempts < 3 ? now + schedule[e->attempts] : 0,
              "debug: dlq_routing", now);
    }
}


static ngx_uint_t
sweep(void)
{
    ngx_uint_t  changed;

    changed = 0;
    swept_at = now;

    do {
        if (ngx_triggers_store_sweep(store, now, &changed) != NGX_OK) {
            return 0;
        }
    } while (ngx_triggers_store_next_due(store) <= now);

    sweep_model();

    return 1;
}


/* code and count of the answer, which are what they should be */

static ngx_uint_t
ask(ngx_triggers_mutation_t *m, ngx_uint_t asker, ngx_uint_t rc,
    ngx_uint_t count, ngx_triggers_result_t *result)
{
    m->time = now;
    m->any_owner = (asker == ADMIN);

    if (ngx_triggers_store_apply(store, m, result) != NGX_OK) {
        fprintf(stderr, "# apply failed\n");
        return 0;
    }

    if (result->rc != rc || result->count != count) {
        fprintf(stderr, "# op %d: rc %d count %d, expected %d %d\n",
                (int) m->op, (int) result->rc, (int) result->count, (int) rc,
                (int) count);
        return 0;
    }

    seen[rc]++;

    return 1;
}


static ngx_uint_t
create(void)
{
    event_t                  *e;
    ngx_uint_t                owner;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   m;

    if (model.nevents == EVENTS) {
        return 1;
    }

    e = &model.events[++model.nevents];
    ngx_memzero(e, sizeof(event_t));

    owner = random() % 2;
    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, ++ids, users[owner]);

    e->id = ids;
    e->exists = 1;
    e->owner = owner;
    e->key = chance(2) ? random() % NKEYS : 0;
    e->priority = random() % 3;
    e->status = NGX_TRIGGERS_PENDING;

    m.event.created_at = now;
    m.event.priority = e->priority;
    m.fail = chance(12);

    if (e->key) {
        m.event.ordering_key.data = (u_char *) keys[e->key];
        m.event.ordering_key.len = 1;
    }

    model.last = ngx_max(model.last, now);
    e->updated_at = model.last;

    if (m.fail) {
        e->hold = NGX_TRIGGERS_HOLD_STEP;
        e->due_at = model.last;

    } else if (e->key && first_of_key(e, 0)) {
        e->hold = NGX_TRIGGERS_HOLD_ORDER;
    }

    return ask(&m, owner, NGX_TRIGGERS_RC_OK, 0, &result);
}


/* the most urgent and oldest event that is ready and not in the lease */

static ngx_uint_t
best(ngx_uint_t asker)
{
    event_t    *e;
    ngx_uint_t  i, found;

    found = 0;

    for (i = 1; i <= model.nevents; i++) {
        e = &model.events[i];

        if (is_live(e) && e->hold == NGX_TRIGGERS_HOLD_NONE
            && (asker == ADMIN || e->owner == asker)
            && (!found || e->priority > model.events[found].priority))
        {
            found = i;
        }
    }

    return found;
}


static ngx_uint_t
lease(void)
{
    lease_t                      *l;
    event_t                      *e;
    ngx_uint_t                    i, asker, limit, n;
    ngx_triggers_result_t         result;
    ngx_triggers_mutation_t       m;
    ngx_triggers_lease_change_t   change;

    if (model.nleases == LEASES) {
        return 1;
    }

    asker = random() % 3;
    limit = 1 + random() % 6;
    n = model.nleases + 1;

    l = &model.leases[n];
    l->asker = asker;
    l->until = now + 1000 + random() % 60000;
    l->max = 1 + random() % 4;
    l->n = 0;

    lease_id[n] = 1000000 + ++lease_ids;

    ngx_memzero(&change, sizeof(ngx_triggers_lease_change_t));
    fixture_mutation(&m, NGX_TRIGGERS_OP_LEASE, lease_id[n], users[asker]);

    m.lease = &change;
    change.limit = limit;
    change.until = l->until;
    l->until += ngx_max(swept_at - now, 0);
    change.max_attempts = l->max;

    while (l->n < limit) {
        i = best(asker);

        if (i == 0) {
            break;
        }

        e = &model.events[i];
        e->hold = NGX_TRIGGERS_HOLD_LEASE;
        e->lease = n;
        e->retries += (e->attempts != 0);
        e->updated_at = now;
        l->seqs[l->n++] = i;
    }

    if (l->n == 0) {
        return ask(&m, asker, NGX_TRIGGERS_RC_NOT_FOUND, 0, &result);
    }

    model.nleases = n;

    return ask(&m, asker, NGX_TRIGGERS_RC_OK, l->n, &result)
           && result.time == l->until;
}


/* something about a recent lease, by whom it may be or by somebody else */

static ngx_uint_t
use_lease(void)
{
    event_t                      *e;
    lease_t                      *l;
    ngx_uint_t                    n, i, op, rc, count, asker, mine;
    ngx_triggers_result_t         result;
    ngx_triggers_mutation_t       m;
    ngx_triggers_lease_change_t   change;

    if (model.nleases == 0) {
        return 1;
    }

    n = model.nleases - (ngx_uint_t) random() % ngx_min(model.nleases, 6);
    l = &model.leases[n];
    i = chance(8) ? 1 + (ngx_uint_t) random() % model.nevents
                  : l->seqs[(ngx_uint_t) random() % l->n];
    e = &model.events[i];

    asker = chance(10) ? (ngx_uint_t) random() % 3 : l->asker;
    mine = (asker == ADMIN || asker == l->asker);

    switch (random() % 12) {
    case 0:
        op = NGX_TRIGGERS_OP_LEASE_EXTEND;
        break;
    case 1:
        op = NGX_TRIGGERS_OP_LEASE_UNDO;
        break;
    case 2: case 3: case 4: case 5: case 6:
        op = NGX_TRIGGERS_OP_LEASE_RELEASE;
        break;
    default:
        op = NGX_TRIGGERS_OP_LEASE_ACK;
    }

    ngx_memzero(&change, sizeof(ngx_triggers_lease_change_t));
    fixture_mutation(&m, op, e->id, users[asker]);
    fixture_id(change.id, lease_id[n]);
    m.lease = &change;

    rc = NGX_TRIGGERS_RC_OK;
    count = 0;

    if (!mine || is_over(n)
        || (op != NGX_TRIGGERS_OP_LEASE_UNDO
            && l->until <= ngx_max(now, swept_at)))
    {
        return ask(&m, asker, NGX_TRIGGERS_RC_LEASE_OVER, 0, &result);
    }

    if (op == NGX_TRIGGERS_OP_LEASE_EXTEND) {
        l->until = now + 1000 + random() % 60000;
        change.until = l->until;
        l->until += ngx_max(swept_at - now, 0);

        return ask(&m, asker, rc, 0, &result) && result.time == l->until;
    }

    if (op == NGX_TRIGGERS_OP_LEASE_UNDO) {
        for (i = 0; i < l->n; i++) {
            e = &model.events[l->seqs[i]];

            if (e->exists && e->lease == n) {
                release(e);
                e->retries -= (e->attempts != 0);
                e->updated_at = now;
                count++;
            }
        }

        return ask(&m, asker, rc, count, &result);
    }

    if (!e->exists || (asker != ADMIN && asker != e->owner)) {
        rc = NGX_TRIGGERS_RC_NOT_FOUND;

    } else if (e->lease != n) {
        rc = (e->status == NGX_TRIGGERS_ACKNOWLEDGED)
                 ? NGX_TRIGGERS_RC_CONFLICT : NGX_TRIGGERS_RC_NOT_LEASED;

    } else if (op == NGX_TRIGGERS_OP_LEASE_ACK) {
        end(e, NGX_TRIGGERS_ACKNOWLEDGED, now);

    } else {
        change.delay = chance(2) ? 1 + random() % 30000 : 0;

        if (chance(2)) {
            ngx_str_set(&change.error, "broken");
        }

        again(e, l->max, change.delay ? now + change.delay : 0,
              change.error.data ? "broken" : "released by its consumer", now);
    }

    return ask(&m, asker, rc, 0, &result);
}


/* a recent one, or a dead letter */

static event_t *
any_event(void)
{
    event_t     *e;
    ngx_uint_t   i;

    i = model.nevents - (ngx_uint_t) random() % ngx_min(model.nevents, 40);
    e = &model.events[i];

    while (chance(2) && i > 1) {

        for (i--; i > 1; i--) {
            if (model.events[i].status == NGX_TRIGGERS_FAILED) {
                break;
            }
        }

        e = &model.events[i];
    }

    return e;
}


/* what can be done with any event */

static ngx_uint_t
use_event(void)
{
    event_t                  *e;
    ngx_uint_t                op, rc, count, asker;
    ngx_triggers_result_t     result;
    ngx_triggers_mutation_t   m;

    static const ngx_uint_t   ops[] = {
        NGX_TRIGGERS_OP_ACKNOWLEDGE,
        NGX_TRIGGERS_OP_DELETE,
        NGX_TRIGGERS_OP_RETRY,
        NGX_TRIGGERS_OP_RETRY,
        NGX_TRIGGERS_OP_RETRY
    };

    if (model.nevents == 0) {
        return 1;
    }

    e = any_event();
    asker = random() % 3;
    op = ops[random() % 5];
    rc = NGX_TRIGGERS_RC_OK;
    count = 0;

    fixture_mutation(&m, op, e->id, users[asker]);

    if (!e->exists || (asker != ADMIN && asker != e->owner)) {
        rc = NGX_TRIGGERS_RC_NOT_FOUND;

    } else if (op == NGX_TRIGGERS_OP_DELETE) {
        leave_key(e);
        release(e);
        e->exists = 0;

    } else if (op == NGX_TRIGGERS_OP_ACKNOWLEDGE) {

        if (e->status == NGX_TRIGGERS_ACKNOWLEDGED) {
            rc = NGX_TRIGGERS_RC_CONFLICT;

        } else {
            end(e, NGX_TRIGGERS_ACKNOWLEDGED, now);
        }

    } else if (e->status != NGX_TRIGGERS_FAILED) {
        rc = NGX_TRIGGERS_RC_CONFLICT;

    } else if (e->manual == NGX_TRIGGERS_MAX_RETRIES) {
        rc = NGX_TRIGGERS_RC_EXHAUSTED;

    } else {
        revive(e);
        count = e->retries;
    }

    return ask(&m, asker, rc, count, &result);
}


/* slices of all dead letters, one after the other */

static ngx_uint_t
retry_all(void)
{
    event_t                      *e;
    ngx_uint_t                    i, looked, count, asker;
    ngx_triggers_result_t         result;
    ngx_triggers_mutation_t       m;
    ngx_triggers_lease_change_t   change;

    asker = random() % 3;

    ngx_memzero(&change, sizeof(ngx_triggers_lease_change_t));
    fixture_mutation(&m, NGX_TRIGGERS_OP_RETRY_ALL, 0, users[asker]);

    m.lease = &change;
    change.limit = 1 + random() % 5;

    do {
        looked = 0;
        count = 0;

        for (i = (ngx_uint_t) change.after + 1;
             i <= model.nevents && looked < change.limit;
             i++)
        {
            e = &model.events[i];

            if (!e->exists || e->status != NGX_TRIGGERS_FAILED
                || (asker != ADMIN && asker != e->owner))
            {
                continue;
            }

            looked++;

            if (e->manual < NGX_TRIGGERS_MAX_RETRIES
                && e->updated_at <= now)
            {
                revive(e);
                count++;
            }
        }

        if (!ask(&m, asker, NGX_TRIGGERS_RC_OK, count, &result)) {
            return 0;
        }

        if ((result.time != 0) != (looked == change.limit)
            || (result.time && result.time != (int64_t) i - 1))
        {
            return 0;
        }

        change.after = result.time;

    } while (change.after);

    return 1;
}


/* every event of the database is what the model says, and no other is */

static ngx_uint_t
compare(void)
{
    ngx_uint_t     n, same;
    event_t       *e;
    const char    *error;
    sqlite3_stmt  *stmt;

    if (sqlite3_prepare_v2(store->db,
            "SELECT e.seq, coalesce(s.status, 4), coalesce(s.hold, 0),"
            " coalesce(s.attempts, 0), coalesce(s.retry_count, 0),"
            " coalesce(s.manual_retries, 0), coalesce(s.leased_until, 0),"
            " coalesce(s.due_at, 0), coalesce(s.done_at, 0),"
            " s.error_message, l.lease_id,"
            " (SELECT count(*) FROM attempts a WHERE a.seq = e.seq)"
            " FROM events e LEFT JOIN event_state s ON s.seq = e.seq"
            " LEFT JOIN leases l ON l.lease = s.lease ORDER BY e.seq",
            -1, &stmt, NULL)
        != SQLITE_OK)
    {
        return 0;
    }

    same = 1;
    n = 0;

    while (sqlite3_step(stmt) == SQLITE_ROW && same) {

        for (n++; n <= model.nevents && !model.events[n].exists; n++) {
            /* void */
        }

        e = &model.events[n];
        error = (const char *) sqlite3_column_text(stmt, 9);

        same = n <= model.nevents
               && sqlite3_column_int64(stmt, 0) == (int64_t) n
               && sqlite3_column_int64(stmt, 1) == (int64_t) e->status
               && sqlite3_column_int64(stmt, 2) == (int64_t) e->hold
               && sqlite3_column_int64(stmt, 3) == (int64_t) e->attempts
               && sqlite3_column_int64(stmt, 4) == (int64_t) e->retries
               && sqlite3_column_int64(stmt, 5) == (int64_t) e->manual
               && sqlite3_column_int64(stmt, 6)
                  == (e->lease ? model.leases[e->lease].until : 0)
               && sqlite3_column_int64(stmt, 7) == e->due_at
               && sqlite3_column_int64(stmt, 8) == e->done_at
               && (error ? e->error && strcmp(error, e->error) == 0
                         : e->error == NULL)
               && (sqlite3_column_type(stmt, 10) == SQLITE_NULL)
                  == (e->lease == 0)
               && (e->lease == 0
                   || fixture_number((u_char *) sqlite3_column_blob(stmt, 10))
                      == lease_id[e->lease])
               && sqlite3_column_int64(stmt, 11) == (int64_t) e->history
               && told[e->id] == e->status;
    }

    if (!same) {
        fprintf(stderr, "# event %d differs: status %d (%d) hold %d (%d) "
                "attempts %d (%d) retries %d (%d)\n", (int) n,
                sqlite3_column_int(stmt, 1), (int) model.events[n].status,
                sqlite3_column_int(stmt, 2), (int) model.events[n].hold,
                sqlite3_column_int(stmt, 3), (int) model.events[n].attempts,
                sqlite3_column_int(stmt, 4), (int) model.events[n].retries);
    }

    (void) sqlite3_finalize(stmt);

    for (n++; same && n <= model.nevents; n++) {
        same = !model.events[n].exists;
    }

    for (n = 1; same && n <= model.nevents; n++) {
        e = &model.events[n];
        same = e->exists || told[e->id] == NGX_TRIGGERS_NSTATUS;
    }

    return same;
}


static ngx_uint_t
batch(void)
{
    ngx_uint_t       n, i, ok;
    static uint64_t  position;

    saved = model;
    ok = (ngx_triggers_store_begin(store) == NGX_OK);

    for (i = 1 + random() % 8; i && ok; i--) {
        n = random() % 100;

        ok = (n < 35) ? create()
             : (n < 55) ? lease()
             : (n < 85) ? use_lease()
             : (n < 98) ? use_event() : retry_all();
    }

    if (ok && chance(10)) {
        ngx_triggers_store_rollback(store);
        model = saved;
        return 1;
    }

    return ok
           && ngx_triggers_store_commit(store, FIXTURE_NONCE, ++position)
              == NGX_OK;
}


static ngx_uint_t
step(void)
{
    ngx_uint_t  n;

    now += chance(20) ? -(random() % 3000)
                      : chance(20) ? random() % 60000 : random() % 800;

    n = random() % 100;

    if (n < 4) {
        (void) ngx_triggers_store_maintain(store, 1);

    } else if (n < 5) {
        ngx_triggers_store_destroy(store);
        make_store();
        swept_at = 0;

    } else if (n < 8) {
        ngx_triggers_store_unlock(store);
    }

    if (ngx_triggers_store_open(store) != NGX_OK) {
        return 0;
    }

    if (!chance(4) && !sweep()) {
        return 0;
    }

    return batch() && compare();
}


static void
run(unsigned seed)
{
    char        name[32];
    ngx_uint_t  n, good;

    (void) snprintf(name, sizeof(name), "lease%u.db", seed);
    path = fixture_path(name);

    srandom(seed);

    ngx_memzero(&model, sizeof(model_t));
    swept_at = 0;
    now = FIXTURE_T0;
    make_store();
    good = 1;

    for (n = 0; n < BATCHES && good; n++) {
        good = step();

        if (good && n % 50 == 49) {
            good = fixture_consistent(path);
        }
    }

    unit_ok(good, "model: seed %u, %d batches", seed, (int) n);
    unit_ok(fixture_consistent(path), "model: seed %u, consistent", seed);

    ngx_triggers_store_destroy(store);
}


/* one operation on a lease; its code */

static int
change(ngx_uint_t op, uint64_t id, uint64_t lease, const char *user,
    ngx_triggers_lease_change_t *change, ngx_triggers_result_t *result)
{
    ngx_triggers_mutation_t  m;

    fixture_mutation(&m, op, id, user);
    fixture_id(change->id, lease);

    m.time = now;
    m.any_owner = (strcmp(user, users[ADMIN]) == 0);
    m.lease = change;

    return (fixture_write(store, &m, result) == NGX_OK) ? (int) result->rc
                                                        : -1;
}


/* ids of the events of a lease as they are read, as text */

static const char *
read_lease(ngx_triggers_reader_t *reader, uint64_t lease, const char *user)
{
    u_char           id[NGX_TRIGGERS_ID_LEN];
    size_t           len;
    ngx_str_t        name;
    ngx_int_t        rc;
    ngx_uint_t       i;
    fixture_rows_t   rows;
    static char      text[256];

    ngx_memzero(&rows, sizeof(fixture_rows_t));
    fixture_id(id, lease);
    name.data = (u_char *) user;
    name.len = strlen(user);

    rc = ngx_triggers_reader_lease(reader, &name,
                                   strcmp(user, users[ADMIN]) == 0, id,
                                   fixture_row, &rows);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? "none" : "error";
    }

    text[0] = '\0';
    len = 0;

    for (i = 0; i < rows.n; i++) {
        len += snprintf(text + len, sizeof(text) - len, "%s%d", i ? " " : "",
                        (int) rows.id[i]);
    }

    return text;
}


static ngx_int_t
attempt_row(void *data, ngx_triggers_attempt_t *attempt)
{
    char *text = data;

    snprintf(text + strlen(text), 256 - strlen(text), "%d at %d: %.*s, ",
             (int) attempt->outcome, (int) (attempt->at - FIXTURE_T0),
             (int) attempt->error.len, (char *) attempt->error.data);

    return (attempt->url.data == NULL && attempt->duration == -1
            && attempt->status_code == 0
            && fixture_number(attempt->event_id) == 1) ? NGX_OK : NGX_ERROR;
}


static void
test_reading(void)
{
    char                          text[256];
    u_char                        ids[8 * NGX_TRIGGERS_ID_LEN];
    ngx_uint_t                    i, n;
    fixture_rows_t                rows;
    ngx_triggers_query_t          query;
    ngx_triggers_result_t         result;
    ngx_triggers_reader_t        *reader;
    ngx_triggers_mutation_t       m;
    ngx_triggers_lease_change_t   c;

    path = fixture_path("read.db");
    store = fixture_store(path);
    (void) ngx_triggers_store_open(store);
    now = FIXTURE_T0;

    /* alice has 1, 3, …, of which 3, 5, 9 and 11 are wanted */

    for (i = 1; i <= 12; i++) {
        fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, i, users[(i + 1) % 2]);
        m.event.created_at = now;
        m.event.priority = (i == 9) ? NGX_TRIGGERS_PRIORITY_HIGH
                           : (i == 3) ? NGX_TRIGGERS_PRIORITY_LOW
                           : NGX_TRIGGERS_PRIORITY_NORMAL;

        if (i == 3 || i == 5 || i == 9 || i == 11) {
            ngx_str_set(&m.event.event_type, "wanted.x");
        }

        (void) fixture_write(store, &m, &result);
    }

    reader = ngx_triggers_reader_open(path, unit_log());

    fixture_query(&query, &rows, "alice");
    ngx_str_set(&query.event_type, "wanted.");
    query.event_type_prefix = 1;
    query.limit = 8;

    unit_ok(ngx_triggers_reader_candidates(reader, &query, ids, &n) == NGX_OK
            && n == 4 && fixture_number(ids) == 9
            && fixture_number(ids + 16) == 5
            && fixture_number(ids + 32) == 11
            && fixture_number(ids + 48) == 3,
            "reading: candidates in the order of handing out");

    query.limit = 2;
    (void) ngx_triggers_store_maintain(store, 1);

    unit_ok(ngx_triggers_reader_candidates(reader, &query, ids, &n) == NGX_OK
            && n == 2 && fixture_number(ids + 16) == 5,
            "reading: no more candidates than asked for");

    query.event_type_prefix = 0;
    unit_ok(ngx_triggers_reader_candidates(reader, &query, ids, &n) == NGX_OK
            && n == 0, "reading: candidates of an exact type");

    /* those that are ready, of alice, each once */

    fixture_id(ids, 9);
    fixture_id(ids + 16, 2);
    fixture_id(ids + 32, 9);
    fixture_id(ids + 48, 99);
    fixture_id(ids + 64, 1);
    fixture_id(ids + 80, 3);

    ngx_memzero(&c, sizeof(ngx_triggers_lease_change_t));
    c.events.data = ids;
    c.events.len = 6 * 16;
    c.limit = 2;
    c.until = now + 5000;
    c.max_attempts = 5;

    unit_ok(change(NGX_TRIGGERS_OP_LEASE, 101, 0, "alice", &c, &result)
            == NGX_TRIGGERS_RC_OK && result.count == 2
            && strcmp(read_lease(reader, 101, "alice"), "9 1") == 0,
            "reading: a lease of named events");
    unit_ok(change(NGX_TRIGGERS_OP_LEASE, 101, 0, "alice", &c, &result)
            == NGX_TRIGGERS_RC_CONFLICT, "reading: an id is given once");
    unit_ok(strcmp(read_lease(reader, 101, "bob"), "none") == 0
            && strcmp(read_lease(reader, 102, "alice"), "none") == 0
            && strcmp(read_lease(reader, 101, "root"), "9 1") == 0,
            "reading: a lease is its owner's");

    /* what has left it is not read */

    c.delay = 1000;
    ngx_str_set(&c.error, "busy");

    unit_ok(change(NGX_TRIGGERS_OP_LEASE_ACK, 9, 101, "alice", &c, &result)
            == NGX_TRIGGERS_RC_OK
            && strcmp(read_lease(reader, 101, "alice"), "1") == 0
            && change(NGX_TRIGGERS_OP_LEASE_RELEASE, 1, 101, "alice", &c,
                      &result) == NGX_TRIGGERS_RC_OK
            && strcmp(read_lease(reader, 101, "alice"), "none") == 0,
            "reading: what has left a lease is not in it");

    n = 0;
    now += 1000;
    c.limit = 1;

    unit_ok(ngx_triggers_store_sweep(store, now - 1, &n) == NGX_OK && n == 0
            && ngx_triggers_store_next_due(store) == now
            && ngx_triggers_store_sweep(store, now, &n) == NGX_OK && n == 1
            && ngx_triggers_store_next_due(store) == INT64_MAX,
            "reading: the delay is swept at its time");

    fixture_id(ids, 1);
    c.until = now + 1000;
    (void) change(NGX_TRIGGERS_OP_LEASE, 103, 0, "alice", &c, &result);
    now += 1000;
    (void) ngx_triggers_store_sweep(store, now, &n);

    text[0] = '\0';
    unit_ok(ngx_triggers_reader_attempts(reader, 1, attempt_row, text)
            == NGX_OK
            && strcmp(text, "2 at 0: busy, 3 at 2000: the lease ran out, ")
               == 0,
            "reading: attempts, the newest one last");
    unit_ok(ngx_triggers_reader_attempts(reader, 9, attempt_row, text)
            == NGX_OK, "reading: an acknowledgement is none");

    unit_ok(fixture_consistent(path), "reading: consistent");

    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


int
main(void)
{
    unsigned  seed;

    fixture_init();

    test_reading();

    for (seed = 1; seed <= SEEDS; seed++) {
        run(seed);
    }

    unit_ok(seen[NGX_TRIGGERS_RC_OK] && seen[NGX_TRIGGERS_RC_NOT_FOUND]
            && seen[NGX_TRIGGERS_RC_CONFLICT]
            && seen[NGX_TRIGGERS_RC_EXHAUSTED]
            && seen[NGX_TRIGGERS_RC_LEASE_OVER]
            && seen[NGX_TRIGGERS_RC_NOT_LEASED],
            "model: all answers have occurred");

    return fixture_done();
}
