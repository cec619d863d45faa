
/*
 * Whoever watches the events of a SQLite store is told of each change exactly
 * once, in the order of the changes, of whose event it is and what it is now,
 * and of none that is rolled back; and what the drainer makes of that for the
 * live feed.
 */


#include "store_fixture.h"
#include "ngx_triggers_drainer_feed.h"

#include <sys/mman.h>


#define PLACES  256
#define MANY    (2 * NGX_TRIGGERS_SQLITE_CACHE)


typedef struct {
    ngx_uint_t               action;
    ngx_uint_t               status;
    ngx_uint_t               outcome;
    uint64_t                 id;
    int64_t                  time;
    char                     text[512];        /* user type correlation
                                                  error */
} told_t;


static void test_actions(void);
static void test_leases(void);
static void test_pushes(void);
static void test_retention(void);
static void test_order(void);
static void test_rollback(void);
static void test_owners(void);
static void test_feed(void);
static void test_unwatched(void);
static void test_records(void);
static void test_room(void);
static void test_successor(void);


static ngx_str_t             *path;
static ngx_triggers_store_t  *store;

static told_t                 told[4096];
static ngx_uint_t             n;               /* told */
static ngx_uint_t             committed;       /* of them */

static ngx_triggers_result_t  result;


int
main(void)
{
    fixture_init();

    test_actions();
    test_leases();
    test_pushes();
    test_retention();
    test_order();
    test_rollback();
    test_owners();
    test_feed();
    test_unwatched();
    test_records();
    test_room();
    test_successor();

    return fixture_done();
}


static void
change_handler(void *data, ngx_triggers_change_t *change)
{
    told_t  *t;

    (void) data;

    t = &told[n++];

    t->action = change->action;
    t->status = change->status;
    t->outcome = change->outcome;
    t->id = fixture_number(change->id);
    t->time = change->time;

    snprintf(t->text, sizeof(t->text), "%.*s %.*s %.*s %.*s",
             (int) change->user_id.len, (char *) change->user_id.data,
             (int) change->event_type.len, (char *) change->event_type.data,
             (int) change->correlation_id.len,
             (char *) change->correlation_id.data,
             (int) change->error.len, (char *) change->error.data);
}


static void
commit_handler(void *data)
{
    (void) data;

    committed = n;
}


static void
rollback_handler(void *data)
{
    (void) data;

    n = committed;
}


static void
opened(const char *name)
{
    uint64_t                position;
    ngx_triggers_watcher_t  watcher;

    path = fixture_path(name);
    store = fixture_store(path);

    watcher.change = change_handler;
    watcher.commit = commit_handler;
    watcher.rollback = rollback_handler;
    watcher.data = NULL;

    ngx_triggers_store_watch_events(store, &watcher);

    if (ngx_triggers_store_open(store) != NGX_OK
        || ngx_triggers_store_lead(store, FIXTURE_NONCE, &position) != NGX_OK)
    {
        exit(2);
    }

    n = 0;
    committed = 0;
}


static int
apply(ngx_triggers_mutation_t *m)
{
    return (fixture_write(store, m, &result) == NGX_OK) ? (int) result.rc : -1;
}


static int
create(uint64_t id, const char *user, ngx_uint_t fail)
{
    ngx_triggers_mutation_t  m;

    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, id, user);
    ngx_str_set(&m.event.correlation_id, "c-1");
    m.fail = fail;

    return apply(&m);
}


static int
admin(ngx_uint_t op, uint64_t id)
{
    ngx_triggers_mutation_t  m;

    fixture_mutation(&m, op, id, "root");
    m.any_owner = 1;

    return apply(&m);
}


/* one change was told since, and committed: this */

static int
is(ngx_uint_t action, ngx_uint_t status, uint64_t id, const char *text)
{
    told_t      *t;
    ngx_uint_t   ok;

    t = &told[0];

    ok = n == 1 && committed == 1 && t->action == action
         && t->status == status && t->id == id && strcmp(t->text, text) == 0;

    if (!ok) {
        fprintf(stderr, "# %d told, %d committed: action %d status %d id %d "
                "\"%s\"\n", (int) n, (int) committed, (int) t->action,
                (int) t->status, (int) t->id, t->text);
    }

    n = 0;
    committed = 0;

    return ok;
}


static int
nothing(void)
{
    return n == 0;
}


static ngx_uint_t
sweep(int64_t now)
{
    ngx_uint_t  changed;

    changed = 0;

    return ngx_triggers_store_sweep(store, now, &changed) == NGX_OK
           ? changed : 0;
}


static void
test_actions(void)
{
    ngx_uint_t  i;

    opened("actions.db");

    unit_ok(create(1, "alice", 0) == NGX_TRIGGERS_RC_OK
            && told[0].time == FIXTURE_T0 + 1000
            && is(NGX_TRIGGERS_AUDIT_EVENT_CREATED, NGX_TRIGGERS_PENDING, 1,
                  "alice order.created c-1 "),
            "created");

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 1, "bob")
            == NGX_TRIGGERS_RC_NOT_FOUND && nothing(),
            "not another's: nothing");

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 1, "alice")
            == NGX_TRIGGERS_RC_OK
            && is(NGX_TRIGGERS_AUDIT_EVENT_ACKNOWLEDGED,
                  NGX_TRIGGERS_ACKNOWLEDGED, 1, "alice order.created c-1 "),
            "acknowledged");

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 1, "alice")
            == NGX_TRIGGERS_RC_CONFLICT && nothing(),
            "acknowledged again: nothing");

    unit_ok(admin(NGX_TRIGGERS_OP_DELETE, 1) == NGX_TRIGGERS_RC_OK
            && is(NGX_TRIGGERS_AUDIT_EVENT_DELETED, NGX_TRIGGERS_NSTATUS, 1,
                  "alice order.created c-1 "),
            "deleted by an admin: its owner is told");

    (void) create(2, "alice", 1);
    n = committed = 0;

    for (i = 0; i < 3; i++) {
        unit_ok(sweep(FIXTURE_T0 + 100000 * (int64_t) (i + 1)) == 1
                && told[0].outcome == NGX_TRIGGERS_ATTEMPT_FAILED
                && is(NGX_TRIGGERS_EVENT_RETRYING, NGX_TRIGGERS_RETRYING, 2,
                      "alice order.created c-1 debug: dlq_routing"),
                "step %d failed: retrying", (int) i + 1);
    }

    unit_ok(sweep(FIXTURE_T0 + 1000000) == 1
            && told[0].outcome == NGX_TRIGGERS_ATTEMPT_FAILED
            && is(NGX_TRIGGERS_AUDIT_EVENT_FAILED, NGX_TRIGGERS_FAILED, 2,
                  "alice order.created c-1 debug: dlq_routing"),
            "the last step failed: failed, and why");

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_RETRY, 2, "alice")
            == NGX_TRIGGERS_RC_OK
            && is(NGX_TRIGGERS_AUDIT_EVENT_RETRIED, NGX_TRIGGERS_RETRYING, 2,
                  "alice order.created c-1 "),
            "retried by hand");

    unit_ok(create(2, "alice", 0) == NGX_TRIGGERS_RC_FAILED && nothing(),
            "an id that is taken: nothing");

    ngx_triggers_store_destroy(store);
}


static int
leased(ngx_uint_t op, uint64_t id, int64_t seconds)
{
    ngx_triggers_mutation_t      m;
    ngx_triggers_lease_change_t  lease;

    fixture_mutation(&m, op, op == NGX_TRIGGERS_OP_LEASE ? 100 : id, "alice");
    ngx_memzero(&lease, sizeof(ngx_triggers_lease_change_t));

    m.time = FIXTURE_T0 + 200000;
    m.lease = &lease;

    fixture_id(lease.id, 100);
    lease.until = m.time + seconds * 1000;
    lease.limit = 1;
    lease.max_attempts = 2;

    return apply(&m);
}


static void
test_leases(void)
{
    opened("leases.db");

    (void) create(1, "alice", 0);
    n = committed = 0;

    unit_ok(leased(NGX_TRIGGERS_OP_LEASE, 1, 60) == NGX_TRIGGERS_RC_OK
            && leased(NGX_TRIGGERS_OP_LEASE_EXTEND, 0, 90)
               == NGX_TRIGGERS_RC_OK
            && leased(NGX_TRIGGERS_OP_LEASE_UNDO, 0, 0) == NGX_TRIGGERS_RC_OK
            && nothing(),
            "a lease is given, extended, undone: nothing");

    unit_ok(leased(NGX_TRIGGERS_OP_LEASE, 1, 60) == NGX_TRIGGERS_RC_OK
            && leased(NGX_TRIGGERS_OP_LEASE_RELEASE, 1, 0)
               == NGX_TRIGGERS_RC_OK
            && told[0].outcome == NGX_TRIGGERS_ATTEMPT_RELEASED
            && is(NGX_TRIGGERS_EVENT_RETRYING, NGX_TRIGGERS_RETRYING, 1,
                  "alice order.created c-1 released by its consumer"),
            "given back: retrying");

    unit_ok(leased(NGX_TRIGGERS_OP_LEASE, 1, 60) == NGX_TRIGGERS_RC_OK
            && sweep(FIXTURE_T0 + 900000) == 1
            && told[0].outcome == NGX_TRIGGERS_ATTEMPT_EXPIRED
            && is(NGX_TRIGGERS_AUDIT_EVENT_FAILED, NGX_TRIGGERS_FAILED, 1,
                  "alice order.created c-1 the lease ran out"),
            "run out for the last time: failed");

    ngx_triggers_store_destroy(store);
}


static int
pushed(int64_t seq, ngx_uint_t outcome, int64_t next_at)
{
    ngx_triggers_mutation_t  m;
    ngx_triggers_delivery_t  delivery;

    fixture_mutation(&m, NGX_TRIGGERS_OP_DELIVERY, (uint64_t) seq, "alice");
    ngx_memzero(&delivery, sizeof(ngx_triggers_delivery_t));

    m.time = FIXTURE_T0 + 500000;
    m.delivery = &delivery;

    delivery.webhook = 1;
    delivery.seq = seq;
    delivery.at = m.time;
    delivery.next_at = next_at;
    delivery.outcome = (uint32_t) outcome;

    if (outcome == NGX_TRIGGERS_ATTEMPT_FAILED) {
        ngx_str_set(&delivery.error, "status 500");
    }

    return apply(&m);
}


static void
test_pushes(void)
{
    ngx_triggers_mutation_t        m;
    ngx_triggers_webhook_change_t  change;

    opened("pushes.db");

    fixture_mutation(&m, NGX_TRIGGERS_OP_WEBHOOK_CREATE, 50, "alice");
    ngx_memzero(&change, sizeof(ngx_triggers_webhook_change_t));

    m.webhook = &change;
    change.webhook.user_id = m.user_id;
    change.webhook.active = 1;
    ngx_str_set(&change.webhook.url, "http://127.0.0.1/");

    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK && nothing(),
            "a webhook is no event: nothing");

    (void) create(1, "alice", 0);
    (void) create(2, "alice", 0);
    n = committed = 0;

    unit_ok(pushed(1, NGX_TRIGGERS_ATTEMPT_FAILED, FIXTURE_T0 + 500000)
            == NGX_TRIGGERS_RC_OK
            && told[0].outcome == NGX_TRIGGERS_ATTEMPT_FAILED
            && is(NGX_TRIGGERS_EVENT_RETRYING, NGX_TRIGGERS_RETRYING, 1,
                  "alice order.created c-1 status 500"),
            "a delivery failed: retrying");

    unit_ok(pushed(1, NGX_TRIGGERS_ATTEMPT_DELIVERED, 0) == NGX_TRIGGERS_RC_OK
            && is(NGX_TRIGGERS_AUDIT_EVENT_DELIVERED, NGX_TRIGGERS_DELIVERED,
                  1, "alice order.created c-1 "),
            "delivered");

    unit_ok(pushed(1, NGX_TRIGGERS_ATTEMPT_DELIVERED, 0)
            == NGX_TRIGGERS_RC_NOT_FOUND && nothing(),
            "the same outcome again: nothing");

    unit_ok(pushed(2, NGX_TRIGGERS_ATTEMPT_FAILED, 0) == NGX_TRIGGERS_RC_OK
            && is(NGX_TRIGGERS_AUDIT_EVENT_FAILED, NGX_TRIGGERS_FAILED, 2,
                  "alice order.created c-1 status 500"),
            "the last delivery failed: failed");

    ngx_triggers_store_destroy(store);
}


static void
test_retention(void)
{
    ngx_uint_t                i;
    ngx_triggers_retention_t  retention;

    opened("retention.db");

    for (i = 1; i <= 100; i++) {
        (void) create(i, "alice", 0);
        (void) fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, i, "alice");
    }

    n = committed = 0;

    ngx_memzero(&retention, sizeof(ngx_triggers_retention_t));
    retention.events = 1000;
    ngx_triggers_store_retain(store, &retention);

    while (ngx_triggers_store_maintain(store, 1) == NGX_AGAIN) {
        /* void */
    }

    unit_ok(n == 100 && committed == 100, "retention: each event is told");

    for (i = 0; i < n; i++) {
        if (told[i].action != NGX_TRIGGERS_AUDIT_EVENT_EXPIRED
            || told[i].status != NGX_TRIGGERS_NSTATUS || told[i].id != i + 1
            || strcmp(told[i].text, "alice order.created c-1 ") != 0)
        {
            break;
        }
    }

    unit_ok(i == 100, "retention: as expired and gone, oldest first");

    ngx_triggers_store_destroy(store);
}


static void
test_order(void)
{
    ngx_uint_t               i;
    ngx_triggers_mutation_t  m;

    opened("order.db");

    (void) ngx_triggers_store_begin(store);

    for (i = 0; i < 10; i++) {
        fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, i + 1, "alice");
        (void) ngx_triggers_store_apply(store, &m, &result);

        fixture_mutation(&m, NGX_TRIGGERS_OP_ACKNOWLEDGE, i + 1, "alice");
        (void) ngx_triggers_store_apply(store, &m, &result);
    }

    unit_ok(n == 20 && committed == 0, "a batch: nothing is committed yet");

    (void) ngx_triggers_store_commit(store, FIXTURE_NONCE, 1);

    for (i = 0; i < n; i++) {
        if (told[i].id != i / 2 + 1
            || told[i].action != (i % 2
                                  ? NGX_TRIGGERS_AUDIT_EVENT_ACKNOWLEDGED
                                  : NGX_TRIGGERS_AUDIT_EVENT_CREATED))
        {
            break;
        }
    }

    unit_ok(i == 20 && committed == 20, "a batch: in its order");

    ngx_triggers_store_destroy(store);
}


static void
test_rollback(void)
{
    ngx_triggers_mutation_t  m;

    opened("rollback.db");

    (void) create(1, "alice", 0);

    (void) ngx_triggers_store_begin(store);
    fixture_mutation(&m, NGX_TRIGGERS_OP_ACKNOWLEDGE, 1, "alice");
    (void) ngx_triggers_store_apply(store, &m, &result);

    unit_ok(n == 2, "rollback: the change was told");

    ngx_triggers_store_rollback(store);

    unit_ok(is(NGX_TRIGGERS_AUDIT_EVENT_CREATED, NGX_TRIGGERS_PENDING, 1,
               "alice order.created c-1 "),
            "rollback: … and has not happened");

    (void) ngx_triggers_store_begin(store);
    (void) ngx_triggers_store_apply(store, &m, &result);
    ngx_triggers_store_unlock(store);

    unit_ok(nothing(), "the lock is given up within a batch: nothing");

    (void) ngx_triggers_store_open(store);
    (void) ngx_triggers_store_begin(store);
    (void) ngx_triggers_store_apply(store, &m, &result);

    /* the owner was cached by a transaction that has gone */

    unit_ok(ngx_triggers_store_commit(store, FIXTURE_NONCE, 3) == NGX_OK
            && is(NGX_TRIGGERS_AUDIT_EVENT_ACKNOWLEDGED,
                  NGX_TRIGGERS_ACKNOWLEDGED, 1, "alice order.created c-1 "),
            "the next batch is told");

    ngx_triggers_store_destroy(store);
}


/* more than are cached, and one whose name is too long for that */

static void
test_owners(void)
{
    char        user[300];
    ngx_uint_t  i, wrong;

    opened("owners.db");

    (void) ngx_triggers_store_begin(store);
    wrong = 0;

    for (i = 1; i <= MANY; i++) {
        ngx_triggers_mutation_t  m;

        snprintf(user, sizeof(user), "user%d", (int) i);
        fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, i, user);
        (void) ngx_triggers_store_apply(store, &m, &result);
    }

    (void) ngx_triggers_store_commit(store, FIXTURE_NONCE, 1);

    for (i = 1; i <= MANY; i++) {
        n = committed = 0;
        (void) admin(NGX_TRIGGERS_OP_ACKNOWLEDGE, i);
        snprintf(user, sizeof(user), "user%d order.created  ", (int) i);
        wrong += (n != 1 || strcmp(told[0].text, user) != 0);
    }

    unit_ok(wrong == 0, "%d owners: each is told", MANY);

    n = committed = 0;
    memset(user, 'u', 255);
    user[255] = '\0';

    (void) create(MANY + 1, user, 0);
    n = committed = 0;

    strcpy(user + 255, " order.created c-1 ");

    unit_ok(admin(NGX_TRIGGERS_OP_DELETE, MANY + 1) == NGX_TRIGGERS_RC_OK
            && is(NGX_TRIGGERS_AUDIT_EVENT_DELETED, NGX_TRIGGERS_NSTATUS,
                  MANY + 1, user),
            "the longest name");

    (void) create(MANY + 2, "", 0);
    n = committed = 0;

    unit_ok(admin(NGX_TRIGGERS_OP_DELETE, MANY + 2) == NGX_TRIGGERS_RC_OK
            && is(NGX_TRIGGERS_AUDIT_EVENT_DELETED, NGX_TRIGGERS_NSTATUS,
                  MANY + 2, " order.created c-1 "),
            "no name");

    ngx_triggers_store_destroy(store);
}


/* what the drainer does */

static ngx_triggers_zone_sh_t       *sh;
static ngx_triggers_drainer_feed_t   df;
static ngx_triggers_feed_cursor_t    cursor;
static ngx_triggers_entry_t          entry;
static uint64_t                      words[NGX_TRIGGERS_FEED_WORDS];


static void
drains(void)
{
    static ngx_triggers_zone_t   zone;
    static ngx_triggers_owner_t  owner;

    zone.sh = sh;
    ngx_memzero(&df, sizeof(ngx_triggers_drainer_feed_t));

    if (ngx_triggers_drainer_feed_create(&df, &zone, &owner, store, unit_log())
        != NGX_OK)
    {
        exit(2);
    }
}


static void
feeding(const char *name, ngx_uint_t watched)
{
    static u_char  places[PLACES * NGX_TRIGGERS_FEED_PLACE]
                       __attribute__((aligned(128)));

    opened(name);

    sh = mmap(NULL, sizeof(ngx_triggers_zone_sh_t), PROT_READ|PROT_WRITE,
              MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    ngx_memzero(places, sizeof(places));
    ngx_triggers_feed_init(&sh->feed, places, sizeof(places));

    drains();

    if (watched) {
        ngx_triggers_feed_watch(&sh->feed, ngx_triggers_monotonic_ms());
    }

    ngx_triggers_feed_newest(&sh->feed, &cursor);
}


static void
fed(void)
{
    ngx_free(df.words);
    (void) munmap(sh, sizeof(ngx_triggers_zone_sh_t));
    ngx_triggers_store_destroy(store);
}


/* the next entry's kind, -1: there is none */

static int
next(void)
{
    return (ngx_triggers_feed_next(&sh->feed, &cursor, 0, words, &entry)
            == NGX_OK) ? (int) entry.kind : -1;
}


static void
test_feed(void)
{
    ngx_triggers_mutation_t  m;

    feeding("feed.db", 1);

    (void) create(1, "alice", 0);

    unit_ok(next() == -1, "feed: nothing before the flush");

    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == NGX_TRIGGERS_ENTRY_EVENT
            && entry.action == NGX_TRIGGERS_AUDIT_EVENT_CREATED
            && entry.event_status == NGX_TRIGGERS_PENDING
            && entry.has_event_id && fixture_number(entry.event_id) == 1
            && entry.time == FIXTURE_T0 + 1000
            && entry.user_id.len == 5
            && memcmp(entry.user_id.data, "alice", 5) == 0
            && entry.message.len == 13
            && memcmp(entry.message.data, "order.created", 13) == 0
            && entry.correlation_id.len == 3
            && memcmp(entry.correlation_id.data, "c-1", 3) == 0
            && next() == -1,
            "feed: a change");

    (void) ngx_triggers_store_begin(store);
    fixture_mutation(&m, NGX_TRIGGERS_OP_ACKNOWLEDGE, 1, "alice");
    (void) ngx_triggers_store_apply(store, &m, &result);
    ngx_triggers_store_rollback(store);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == -1, "feed: nothing of what was rolled back");

    (void) fixture_do(store, NGX_TRIGGERS_OP_DELETE, 1, "alice");
    (void) ngx_triggers_store_begin(store);
    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 2, "");
    (void) ngx_triggers_store_apply(store, &m, &result);
    ngx_triggers_store_rollback(store);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == NGX_TRIGGERS_ENTRY_EVENT
            && entry.action == NGX_TRIGGERS_AUDIT_EVENT_DELETED
            && entry.event_status == NGX_TRIGGERS_NSTATUS && next() == -1,
            "feed: what was committed before a rollback");

    (void) create(3, "", 0);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == NGX_TRIGGERS_ENTRY_EVENT && entry.user_id.data == NULL,
            "feed: nobody's");

    fed();
}


static void
test_unwatched(void)
{
    feeding("unwatched.db", 0);

    (void) create(1, "alice", 0);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == NGX_TRIGGERS_ENTRY_GAP && !entry.has_event_id
            && next() == -1,
            "nobody watches: it is said once that changes are left out");

    (void) create(2, "alice", 0);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == -1, "nobody watches: … and no more");

    (void) create(3, "alice", 0);
    ngx_triggers_feed_watch(&sh->feed, ngx_triggers_monotonic_ms());
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == NGX_TRIGGERS_ENTRY_GAP && next() == -1,
            "somebody has come meanwhile: he is told of what he misses");

    (void) create(4, "alice", 0);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == NGX_TRIGGERS_ENTRY_EVENT
            && fixture_number(entry.event_id) == 4 && next() == -1,
            "somebody watches: changes are told");

    sh->feed.watched = ngx_triggers_monotonic_ms();

    (void) create(5, "alice", 0);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == NGX_TRIGGERS_ENTRY_GAP && next() == -1,
            "nobody watches any longer: that is said again");

    /* who had watched and was told of no change knows nothing of that gap */

    ngx_triggers_feed_watch(&sh->feed, ngx_triggers_monotonic_ms());
    ngx_triggers_drainer_feed_flush(&df);

    sh->feed.watched = 1;

    (void) create(6, "alice", 0);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == NGX_TRIGGERS_ENTRY_GAP && next() == -1,
            "somebody has watched while nothing changed: it is said again");

    (void) create(7, "alice", 0);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == -1, "… and no more");

    fed();
}


static int
says(ngx_uint_t level, const char *text)
{
    return next() == NGX_TRIGGERS_ENTRY_BACKGROUND && entry.level == level
           && entry.message.len == strlen(text)
           && memcmp(entry.message.data, text, strlen(text)) == 0;
}


static void
test_records(void)
{
    ngx_triggers_retention_t  retention;

    feeding("records.db", 0);

    (void) create(1, "alice", 0);
    ngx_triggers_drainer_feed_flush(&df);
    (void) next();

    (void) leased(NGX_TRIGGERS_OP_LEASE, 1, 60);
    (void) sweep(FIXTURE_T0 + 900000);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(says(NGX_TRIGGERS_LEVEL_WARN,
                 "event is ready again: the lease ran out")
            && entry.has_event_id && fixture_number(entry.event_id) == 1
            && entry.user_id.len == 5 && next() == -1,
            "a lease that ran out, whether somebody watches or not");

    (void) leased(NGX_TRIGGERS_OP_LEASE, 1, 900);
    (void) sweep(FIXTURE_T0 + 9000000);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(says(NGX_TRIGGERS_LEVEL_WARN, "event failed: the lease ran out")
            && next() == -1,
            "a dead letter");

    /* the rest of a storm is told as a number, when its second is over */

    df.failed.second = 0;
    df.failed.rest = 3;
    df.ran_out.second = 0;
    df.ran_out.rest = 2;

    ngx_triggers_drainer_feed_tick(&df);
    ngx_triggers_drainer_feed_tick(&df);

    unit_ok(says(NGX_TRIGGERS_LEVEL_WARN, "event failed: 3 more")
            && says(NGX_TRIGGERS_LEVEL_WARN,
                    "event is ready again: 2 more")
            && next() == -1,
            "storms: the rest, once");

    ngx_memzero(&retention, sizeof(ngx_triggers_retention_t));
    retention.events = 1000;
    ngx_triggers_store_retain(store, &retention);

    while (ngx_triggers_store_maintain(store, 1) == NGX_AGAIN) {
        /* void */
    }

    ngx_triggers_drainer_feed_flush(&df);
    ngx_triggers_drainer_feed_tick(&df);

    unit_ok(next() == -1, "retention: it may go on");

    ngx_triggers_drainer_feed_tick(&df);

    unit_ok(says(NGX_TRIGGERS_LEVEL_INFO, "events removed by retention: 1")
            && next() == -1,
            "retention: one record of a pass");

    fed();
}


/* more than there is room for */

static void
test_room(void)
{
    int                      kind;
    ngx_uint_t               events;
    ngx_triggers_mutation_t  m;
    ngx_uint_t               i;

    feeding("room.db", 1);

    (void) ngx_triggers_store_begin(store);

    for (i = 1; i <= 1000; i++) {
        fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, i, "alice");
        (void) ngx_triggers_store_apply(store, &m, &result);
    }

    (void) ngx_triggers_store_commit(store, FIXTURE_NONCE, 1);
    ngx_triggers_drainer_feed_flush(&df);

    for (events = 0; /* void */ ; events++) {
        kind = next();

        if (kind != NGX_TRIGGERS_ENTRY_EVENT
            || fixture_number(entry.event_id) != events + 1)
        {
            break;
        }
    }

    unit_ok(events >= PLACES / 4 && events < PLACES
            && kind == NGX_TRIGGERS_ENTRY_GAP && next() == -1,
            "a large batch: as many as are of use, then that some are left "
            "out");

    (void) create(2000, "alice", 0);
    ngx_triggers_drainer_feed_flush(&df);

    unit_ok(next() == NGX_TRIGGERS_ENTRY_EVENT && next() == -1,
            "… and the next one is told again");

    fed();
}


/* whoever leads next has the zone, and nothing else of the one before */

static int
succeeded(ngx_uint_t lost)
{
    ngx_free(df.words);
    drains();
    ngx_triggers_drainer_feed_lead(&df, lost);

    return next();
}


static void
test_successor(void)
{
    ngx_uint_t               watched;
    ngx_triggers_mutation_t  m;

    for (watched = 0; watched < 2; watched++) {
        feeding(watched ? "heard.db" : "unheard.db", watched);

        unit_ok(succeeded(0) == -1, "successor: nothing has changed");

        (void) create(1, "alice", 0);
        ngx_triggers_drainer_feed_flush(&df);
        (void) next();

        unit_ok(succeeded(0) == -1, "successor: all was told");

        (void) create(2, "alice", 0);

        unit_ok(succeeded(0) == NGX_TRIGGERS_ENTRY_GAP && next() == -1,
                "successor: a change was committed and not told");
        unit_ok(succeeded(0) == -1, "successor: … which is said once");

        fed();
    }

    feeding("lost.db", 1);

    unit_ok(succeeded(1) == NGX_TRIGGERS_ENTRY_GAP && succeeded(0) == -1,
            "successor: the position tells of a change, once");

    (void) ngx_triggers_store_begin(store);
    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 1, "alice");
    (void) ngx_triggers_store_apply(store, &m, &result);

    unit_ok(succeeded(0) == NGX_TRIGGERS_ENTRY_GAP && next() == -1,
            "successor: it died before it knew how its commit ended");

    fed();
}
