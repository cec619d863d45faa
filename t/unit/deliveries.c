
/*
 * The SQLite store: webhooks and pushes.  Which events are for whom, what an
 * outcome makes of an event, and that a random history leaves tables that
 * agree with each other.
 */


#include "store_fixture.h"


#define NOW  (FIXTURE_T0 + 1000000)


typedef struct {
    ngx_uint_t               n;
    int64_t                  number[256];
    uint64_t                 id[256];
    ngx_uint_t               attempts[256];
    ngx_triggers_webhook_t   last;             /* strings are gone */
    char                     url[64];
    char                     secret[64];
    char                     old_secret[64];
    size_t                   types;            /* bytes */
} seen_t;


static void test_webhooks(void);
static void test_limit(void);
static void test_matching(void);
static void test_target(void);
static void test_configured(void);
static void test_other_writer(void);
static void test_delivered(void);
static void test_failed(void);
static void test_stale(void);
static void test_cancelled(void);
static void test_gone(void);
static void test_ended(void);
static void test_retry(void);
static void test_retry_inactive(void);
static void test_retry_taken(void);
static void test_due(void);
static void test_clock(void);
static void test_rollback(void);
static void test_model(void);


static ngx_str_t                     *path;
static ngx_triggers_store_t          *store;
static ngx_triggers_reader_t         *reader;

static seen_t                         seen;
static ngx_triggers_result_t          result;
static ngx_triggers_webhook_change_t  asked;
static ngx_triggers_delivery_t        sent;


int
main(void)
{
    fixture_init();

    test_webhooks();
    test_limit();
    test_matching();
    test_target();
    test_configured();
    test_other_writer();
    test_delivered();
    test_failed();
    test_stale();
    test_cancelled();
    test_gone();
    test_ended();
    test_retry();
    test_retry_inactive();
    test_retry_taken();
    test_due();
    test_clock();
    test_rollback();
    test_model();

    return fixture_done();
}


static void
lead(void)
{
    uint64_t  position;

    if (ngx_triggers_store_open(store) != NGX_OK
        || ngx_triggers_store_lead(store, FIXTURE_NONCE, &position) != NGX_OK)
    {
        exit(2);
    }
}


static void
opened(const char *name)
{
    path = fixture_path(name);
    store = fixture_store(path);
    lead();

    reader = ngx_triggers_reader_open(path, unit_log());
    (void) ngx_triggers_store_pushed(store);
}


static void
closed(void)
{
    ngx_triggers_reader_close(reader);
    ngx_triggers_store_destroy(store);
}


static int64_t
sql(const char *text)
{
    return fixture_sql(path, text);
}


static ngx_int_t
see(void *data, ngx_triggers_webhook_t *webhook)
{
    seen_t *s = data;

    s->number[s->n] = webhook->number;
    s->id[s->n++] = fixture_number(webhook->id);
    s->last = *webhook;
    s->types = webhook->event_types.len;

    snprintf(s->url, sizeof(s->url), "%.*s", (int) webhook->url.len,
             (char *) webhook->url.data);
    snprintf(s->secret, sizeof(s->secret), "%.*s", (int) webhook->secret.len,
             (char *) webhook->secret.data);
    snprintf(s->old_secret, sizeof(s->old_secret), "%.*s",
             (int) webhook->old_secret.len,
             (char *) webhook->old_secret.data);

    return NGX_OK;
}


static ngx_int_t
get(uint64_t n, const char *user)
{
    u_char     id[NGX_TRIGGERS_ID_LEN];
    ngx_str_t  user_id;

    ngx_memzero(&seen, sizeof(seen));
    fixture_id(id, n);

    user_id.data = (u_char *) user;
    user_id.len = user ? strlen(user) : 0;

    return ngx_triggers_reader_webhook(reader, &user_id, user == NULL, id,
                                       see, &seen);
}


/* types are names with a comma after each, NULL: all of them */

static void
webhook_of(ngx_triggers_mutation_t *m, ngx_uint_t op, uint64_t n,
    const char *user, const char *types)
{
    char         *p;
    static char   text[256];

    fixture_mutation(m, op, n, user);
    ngx_memzero(&asked, sizeof(asked));

    m->time = NOW;
    m->webhook = &asked;

    fixture_id(asked.webhook.id, n);
    asked.webhook.user_id = m->user_id;
    asked.webhook.active = 1;
    ngx_str_set(&asked.webhook.url, "http://127.0.0.1/");
    ngx_str_set(&asked.webhook.secret, "whsec_first");

    if (types) {
        snprintf(text, sizeof(text), "%s", types);
        asked.webhook.event_types.data = (u_char *) text;
        asked.webhook.event_types.len = strlen(text);

        for (p = text; *p; p++) {
            if (*p == ',') {
                *p = '\0';
            }
        }
    }
}


static int
apply(ngx_triggers_mutation_t *m)
{
    return (fixture_write(store, m, &result) == NGX_OK) ? (int) result.rc : -1;
}


static int
webhook(uint64_t n, const char *user, const char *types)
{
    ngx_triggers_mutation_t  m;

    webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_CREATE, n, user, types);

    return apply(&m);
}


static int
change(ngx_uint_t op, uint64_t n, const char *user)
{
    ngx_triggers_mutation_t  m;

    webhook_of(&m, op, n, user, NULL);

    return apply(&m);
}


/* the number of the event, -1: refused */

static int64_t
event(uint64_t n, const char *user, const char *type)
{
    ngx_triggers_mutation_t  m;

    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, n, user);

    m.event.event_type.data = (u_char *) type;
    m.event.event_type.len = type ? strlen(type) : 0;

    if (apply(&m) != NGX_TRIGGERS_RC_OK) {
        return -1;
    }

    return store->next_seq - 1;
}


/* for how many webhooks an event of that type is, now that it is there */

static int64_t
targets(uint64_t n, const char *user, const char *type)
{
    char     text[128];
    int64_t  seq;

    seq = event(n, user, type);

    snprintf(text, sizeof(text), "SELECT count(*) FROM deliveries "
             "JOIN delivery_queue USING (seq, webhook, at) WHERE seq = %lld",
             (long long) seq);

    return sql(text);
}


static void
outcome_of(ngx_triggers_mutation_t *m, uint64_t n, int64_t seq,
    int64_t number, ngx_uint_t outcome, int64_t at, int64_t next_at)
{
    fixture_mutation(m, NGX_TRIGGERS_OP_DELIVERY, n, "");
    ngx_memzero(&sent, sizeof(sent));

    m->any_owner = 1;
    m->time = at + 7;
    m->delivery = &sent;

    sent.webhook = number;
    sent.seq = seq;
    sent.at = at;
    sent.duration = 7;
    sent.next_at = next_at;
    sent.outcome = (uint32_t) outcome;

    if (outcome == NGX_TRIGGERS_ATTEMPT_FAILED) {
        sent.status_code = 500;
        sent.failures = 1;
        ngx_str_set(&sent.error, "status 500");
    }
}


static int
outcome(uint64_t n, int64_t seq, int64_t number, ngx_uint_t what, int64_t at,
    int64_t next_at)
{
    ngx_triggers_mutation_t  m;

    outcome_of(&m, n, seq, number, what, at, next_at);

    return apply(&m);
}


/* status and, as tens, the hold; the lane must be what they come to */

static int64_t
state(int64_t seq)
{
    char     text[512];
    int64_t  value;

    snprintf(text, sizeof(text),
             "SELECT coalesce(s.status, 4) + 10 * coalesce(s.hold, 0) "
             "FROM events e LEFT JOIN event_state s USING (seq) "
             "WHERE e.seq = %lld", (long long) seq);
    value = sql(text);

    snprintf(text, sizeof(text),
             "SELECT lane FROM inbox WHERE seq = %lld "
             "AND lane IN (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)",
             (long long) seq);

    if (sql(text) != (int64_t) ngx_triggers_sqlite_lane(value % 10,
                                                        value / 10,
                                              NGX_TRIGGERS_PRIORITY_NORMAL))
    {
        return -1;
    }

    return value;
}


/* a number of the row of event_state of an event */

static int64_t
value(int64_t seq, const char *column)
{
    char  text[128];

    snprintf(text, sizeof(text),
             "SELECT %s FROM event_state WHERE seq = %lld", column,
             (long long) seq);

    return sql(text);
}


#define PENDING    (NGX_TRIGGERS_PENDING + 10 * NGX_TRIGGERS_HOLD_PUSH)
#define RETRYING   (NGX_TRIGGERS_RETRYING + 10 * NGX_TRIGGERS_HOLD_PUSH)


static void
test_webhooks(void)
{
    int64_t                        updated;
    ngx_triggers_mutation_t        m;
    ngx_triggers_webhook_query_t   query;

    opened("webhooks.db");

    unit_ok(webhook(1, "alice", "order.*,x,") == NGX_TRIGGERS_RC_OK,
            "webhooks: created");
    unit_ok(ngx_triggers_store_pushed(store) == NGX_TRIGGERS_PUSHED_WEBHOOKS
            && ngx_triggers_store_pushed(store) == 0,
            "webhooks: the deliverer is told, once");
    unit_ok(webhook(1, "alice", NULL) == NGX_TRIGGERS_RC_FAILED
            && ngx_triggers_store_pushed(store) == 0,
            "webhooks: not twice");

    unit_ok(get(1, "alice") == NGX_OK && seen.last.created_at == NOW
            && seen.last.active && !seen.last.configured
            && seen.types == sizeof("order.*") + sizeof("x")
            && strcmp(seen.url, "http://127.0.0.1/") == 0
            && strcmp(seen.secret, "whsec_first") == 0, "webhooks: read");
    unit_ok(get(1, "bob") == NGX_DECLINED, "webhooks: not by another");
    unit_ok(get(1, NULL) == NGX_OK, "webhooks: by who sees all");
    unit_ok(get(2, NULL) == NGX_DECLINED, "webhooks: no such webhook");

    webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_UPDATE, 1, "alice", NULL);
    asked.members = NGX_TRIGGERS_WEBHOOK_URL|NGX_TRIGGERS_WEBHOOK_DESCRIPTION
                    |NGX_TRIGGERS_WEBHOOK_FORMAT;
    asked.webhook.format = NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS;
    m.time = NOW + 5;
    ngx_str_set(&asked.webhook.url, "http://[::1]/");

    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK && get(1, "alice") == NGX_OK
            && strcmp(seen.url, "http://[::1]/") == 0
            && seen.last.updated_at == NOW + 5
            && seen.last.format == NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS
            && seen.types && strcmp(seen.secret, "whsec_first") == 0,
            "webhooks: changed where asked for");
    unit_ok(change(NGX_TRIGGERS_OP_WEBHOOK_UPDATE, 1, "bob")
            == NGX_TRIGGERS_RC_NOT_FOUND, "webhooks: not changed by another");

    (void) ngx_triggers_store_pushed(store);
    asked.members = 0;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK
            && ngx_triggers_store_pushed(store) == 0,
            "webhooks: no change at all");

    updated = (get(1, "alice") == NGX_OK) ? seen.last.updated_at : -1;

    webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_ROTATE, 1, "alice", NULL);
    asked.grace = 1000;
    ngx_str_set(&asked.webhook.secret, "whsec_second");
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK && get(1, "alice") == NGX_OK
            && strcmp(seen.secret, "whsec_second") == 0
            && strcmp(seen.old_secret, "whsec_first") == 0
            && seen.last.old_secret_until == NOW + 1000,
            "webhooks: rotated");
    unit_ok(seen.last.updated_at > updated,
            "webhooks: two changes of one time can be told apart");

    (void) webhook(2, "alice", NULL);
    (void) webhook(3, "bob", NULL);

    ngx_memzero(&query, sizeof(query));
    ngx_memzero(&seen, sizeof(seen));
    query.limit = 2;
    query.any_owner = 1;
    query.handler = see;
    query.data = &seen;

    unit_ok(ngx_triggers_reader_webhooks(reader, &query) == NGX_OK
            && seen.n == 2 && seen.id[0] == 3 && seen.id[1] == 2
            && query.has_more, "webhooks: a page");

    query.cursor = seen.number[1];
    seen.n = 0;
    unit_ok(ngx_triggers_reader_webhooks(reader, &query) == NGX_OK
            && seen.n == 1 && seen.id[0] == 1 && !query.has_more,
            "webhooks: the next one");

    query.cursor = 0;
    query.any_owner = 0;
    ngx_str_set(&query.user_id, "bob");
    seen.n = 0;
    unit_ok(ngx_triggers_reader_webhooks(reader, &query) == NGX_OK
            && seen.n == 1 && seen.id[0] == 3, "webhooks: those of one owner");

    unit_ok(change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 3, "alice")
            == NGX_TRIGGERS_RC_NOT_FOUND
            && change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 3, "bob")
               == NGX_TRIGGERS_RC_OK
            && get(3, NULL) == NGX_DECLINED
            && change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 3, "bob")
               == NGX_TRIGGERS_RC_NOT_FOUND, "webhooks: deleted");

    closed();
}


static void
test_limit(void)
{
    uint64_t    n;
    ngx_uint_t  wrong;

    opened("limit.db");

    wrong = 0;

    for (n = 1; n <= NGX_TRIGGERS_WEBHOOKS_MAX; n++) {
        wrong += (webhook(n, "alice", NULL) != NGX_TRIGGERS_RC_OK);
    }

    unit_ok(wrong == 0, "limit: a hundred");
    unit_ok(webhook(200, "alice", NULL) == NGX_TRIGGERS_RC_NO_ROOM,
            "limit: no more");
    unit_ok(webhook(201, "bob", NULL) == NGX_TRIGGERS_RC_OK,
            "limit: another owner");
    unit_ok(targets(1000, "alice", "x") == NGX_TRIGGERS_WEBHOOKS_MAX,
            "limit: one event for all of them");
    unit_ok(change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 50, "alice")
            == NGX_TRIGGERS_RC_OK
            && webhook(200, "alice", NULL) == NGX_TRIGGERS_RC_OK,
            "limit: one less, one more");

    closed();
}


static void
test_matching(void)
{
    ngx_triggers_mutation_t  m;

    opened("matching.db");

    unit_ok(targets(1000, "alice", "order.created") == 0,
            "matching: no webhooks");
    unit_ok(ngx_triggers_store_pushed(store) == 0, "matching: nothing to tell");

    (void) webhook(1, "alice", "order.created,order.paid,");
    (void) webhook(2, "alice", "order.*,");
    (void) webhook(3, "alice", NULL);
    (void) webhook(4, "bob", NULL);

    (void) ngx_triggers_store_pushed(store);

    unit_ok(targets(1001, "alice", "order.created") == 3, "matching: exact");
    unit_ok(ngx_triggers_store_pushed(store) == NGX_TRIGGERS_PUSHED,
            "matching: the deliverer is told");
    unit_ok(targets(1002, "alice", "order.paid.twice") == 2,
            "matching: a prefix");
    unit_ok(targets(1003, "alice", "order.") == 2,
            "matching: nothing behind the prefix");
    unit_ok(targets(1004, "alice", "order") == 1
            && targets(1005, "alice", "orders.paid") == 1
            && targets(1006, "alice", "order.create") == 2
            && targets(1007, "alice", "order.*") == 2,
            "matching: no prefix, nor a part of a name");
    unit_ok(targets(1008, "alice", NULL) == 1,
            "matching: without a type, those that take all");
    unit_ok(targets(1009, "bob", "order.created") == 1,
            "matching: another owner");
    unit_ok(targets(1010, "carol", "order.created") == 0,
            "matching: an owner without webhooks");

    webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_UPDATE, 3, "alice", "y,");
    asked.members = NGX_TRIGGERS_WEBHOOK_EVENT_TYPES;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK
            && targets(1011, "alice", "order.created") == 2
            && targets(1012, "alice", "y") == 1, "matching: other types");

    asked.members = NGX_TRIGGERS_WEBHOOK_ACTIVE;
    asked.webhook.active = 0;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK
            && targets(1013, "alice", "y") == 0, "matching: inactive");

    (void) change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 2, "alice");
    unit_ok(targets(1014, "alice", "order.created") == 1,
            "matching: deleted");

    closed();
}


/* an event for one webhook alone, as POST /v1/webhooks/{id}/test makes it */

static int
test_event(uint64_t n, uint64_t target, const char *user, ngx_uint_t any)
{
    u_char                   id[NGX_TRIGGERS_ID_LEN];
    ngx_triggers_mutation_t  m;

    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, n, user);
    fixture_id(id, target);

    m.any_owner = any;
    m.target.data = id;
    m.target.len = sizeof(id);

    return apply(&m);
}


static void
test_target(void)
{
    opened("target.db");

    (void) webhook(1, "alice", "never,");
    (void) webhook(2, "alice", NULL);

    unit_ok(test_event(1000, 1, "alice", 0) == NGX_TRIGGERS_RC_OK
            && sql("SELECT count(*) FROM delivery_queue") == 1
            && sql("SELECT webhook FROM delivery_queue") == 1,
            "target: it alone, whatever it takes");
    unit_ok(test_event(1001, 1, "bob", 0) == NGX_TRIGGERS_RC_NOT_FOUND
            && test_event(1002, 3, "alice", 0) == NGX_TRIGGERS_RC_NOT_FOUND
            && sql("SELECT count(*) FROM events") == 1,
            "target: not another's, and no event is stored");
    unit_ok(test_event(1003, 1, "bob", 1) == NGX_TRIGGERS_RC_OK,
            "target: by who sees all");

    (void) fixture_sql(path, "UPDATE webhooks SET is_active = 0");
    unit_ok(test_event(1004, 1, "alice", 0) == NGX_TRIGGERS_RC_CONFLICT
            && sql("SELECT count(*) FROM events") == 2,
            "target: not one that is inactive");

    closed();
}


static void
test_configured(void)
{
    ngx_triggers_mutation_t  m;
    ngx_triggers_webhook_t   list[2];

    opened("configured.db");

    ngx_memzero(list, sizeof(list));
    fixture_id(list[0].id, 901);
    fixture_id(list[1].id, 902);
    ngx_str_set(&list[0].url, "http://a/");
    ngx_str_set(&list[1].url, "http://b/");
    list[1].event_types.data = (u_char *) "x";
    list[1].event_types.len = 2;

    ngx_triggers_store_configure(store, list, 2);
    lead();

    unit_ok(ngx_triggers_store_pushed(store) == NGX_TRIGGERS_PUSHED_WEBHOOKS,
            "configured: the deliverer is told");
    unit_ok(get(901, NULL) == NGX_OK && seen.last.configured
            && seen.last.active && get(901, "") == NGX_DECLINED,
            "configured: seen by who sees all");
    unit_ok(targets(1000, "alice", "x") == 2
            && targets(1001, "bob", "y") == 1,
            "configured: for events of all");

    (void) webhook(1, "alice", NULL);
    unit_ok(targets(1002, "alice", "x") == 3, "configured: and others");

    webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_UPDATE, 901, "alice", NULL);
    asked.members = NGX_TRIGGERS_WEBHOOK_ACTIVE;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_NOT_FOUND,
            "configured: unknown to others");

    m.any_owner = 1;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_CONFLICT,
            "configured: not changed by who sees all");
    m.op = NGX_TRIGGERS_OP_WEBHOOK_DELETE;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_CONFLICT,
            "configured: nor deleted");

    ngx_str_set(&list[0].url, "http://c/");
    (void) sql("UPDATE webhooks SET is_active = 0, disabled_at = 7 "
               "WHERE configured = 1");

    ngx_triggers_store_configure(store, list, 1);
    lead();

    unit_ok(get(901, NULL) == NGX_OK && strcmp(seen.url, "http://c/") == 0
            && seen.last.active && seen.last.disabled_at == 0
            && seen.number[0] == 1, "configured: the same one, changed");
    unit_ok(get(902, NULL) == NGX_DECLINED && get(1, NULL) == NGX_OK
            && targets(1003, "bob", "x") == 1, "configured: one less");

    closed();
}


/* the lock goes from hand to hand */

static void
test_other_writer(void)
{
    ngx_triggers_store_t  *first, *second;

    opened("other.db");
    first = store;

    (void) webhook(1, "alice", NULL);
    (void) event(1000, "alice", "x");
    ngx_triggers_store_unlock(first);

    second = fixture_store(path);
    store = second;
    lead();

    unit_ok(targets(1001, "alice", "x") == 1, "other writer: knows it");
    (void) webhook(2, "alice", NULL);
    ngx_triggers_store_unlock(second);

    store = first;
    (void) ngx_triggers_store_pushed(store);
    unit_ok(ngx_triggers_store_open(store) == NGX_OK
            && targets(1002, "alice", "x") == 2, "other writer: one more");
    unit_ok(ngx_triggers_store_pushed(store)
            == (NGX_TRIGGERS_PUSHED|NGX_TRIGGERS_PUSHED_WEBHOOKS),
            "other writer: the deliverer is told");
    ngx_triggers_store_unlock(first);

    ngx_triggers_store_destroy(second);
    closed();
}


static void
test_delivered(void)
{
    int64_t  a, b;

    opened("delivered.db");

    (void) webhook(1, "alice", NULL);
    (void) webhook(2, "alice", "two,");

    a = event(1000, "alice", "one");
    b = event(1001, "alice", "two");

    unit_ok(state(a) == PENDING && state(b) == PENDING,
            "delivered: they wait for it");

    unit_ok(outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW + 10, 0)
            == NGX_TRIGGERS_RC_OK
            && state(a) == NGX_TRIGGERS_DELIVERED
            && value(a, "delivered_at") == NOW + 17
            && value(a, "retry_count") == 0
            && value(a, "done_at") == NOW + 17
            && sql("SELECT count(*) FROM done") == 1, "delivered: to one");

    unit_ok(outcome(1001, b, 2, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW + 2000, 0)
            == NGX_TRIGGERS_RC_OK && state(b) == PENDING,
            "delivered: to one of two");
    unit_ok(outcome(1001, b, 1, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW + 3000, 0)
            == NGX_TRIGGERS_RC_OK && state(b) == NGX_TRIGGERS_DELIVERED,
            "delivered: to both");

    unit_ok(sql("SELECT count(*) FROM deliveries") == 0
            && sql("SELECT count(*) FROM delivery_queue") == 0
            && sql("SELECT count(*) FROM attempts WHERE outcome = 0") == 3,
            "delivered: nothing is left but history");
    unit_ok(sql("SELECT n FROM counts WHERE owner = 0 AND status = 1") == 2
            && sql("SELECT n FROM counts WHERE owner = 0 AND status = 4") == 0,
            "delivered: counts");
    unit_ok(get(1, NULL) == NGX_OK && seen.last.last_success_at == NOW + 3000
            && seen.last.failures == 0, "delivered: the endpoint's success");

    closed();
}


static void
test_failed(void)
{
    int64_t                  a;
    ngx_triggers_mutation_t  m;

    opened("failed.db");

    (void) webhook(1, "alice", NULL);
    (void) webhook(2, "alice", NULL);
    a = event(1000, "alice", "x");

    unit_ok(outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW, NOW + 5000)
            == NGX_TRIGGERS_RC_OK && state(a) == RETRYING
            && value(a, "retry_count") == 0
            && sql("SELECT at FROM delivery_queue WHERE webhook = 1")
               == NOW + 5000
            && sql("SELECT attempts FROM deliveries WHERE webhook = 1") == 1,
            "failed: to be tried again");

    unit_ok(outcome(1000, a, 2, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW, 0)
            == NGX_TRIGGERS_RC_OK && state(a) == RETRYING,
            "failed: the other one took it");

    outcome_of(&m, 1000, a, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 5000, 0);
    sent.failures = 5;
    sent.open_until = NOW + 40000;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK
            && state(a) == NGX_TRIGGERS_FAILED
            && value(a, "retry_count") == 1
            && value(a, "last_retry_at") == NOW + 5000
            && value(a, "error_message = 'status 500'") == 1
            && value(a, "delivered_at IS NULL") == 1, "failed: for good");
    unit_ok(get(1, NULL) == NGX_OK && seen.last.failures == 5
            && seen.last.open_until == NOW + 40000
            && seen.last.last_failure_at == NOW + 5000 && seen.last.active,
            "failed: the endpoint's failures");

    webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_UPDATE, 1, "alice", NULL);
    asked.members = NGX_TRIGGERS_WEBHOOK_ACTIVE;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK && get(1, NULL) == NGX_OK
            && seen.last.failures == 0 && seen.last.open_until == 0
            && seen.last.last_failure_at == NOW + 5000,
            "failed: the breaker is closed by hand");

    a = event(1001, "alice", "x");
    outcome_of(&m, 1001, a, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 6000, 0);
    sent.failures = 6;
    sent.open_until = NOW + 40000;
    sent.gone = 1;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK && get(1, NULL) == NGX_OK
            && seen.last.failures == 0 && seen.last.open_until == 0
            && seen.last.active && seen.last.last_failure_at == NOW + 6000,
            "failed: what was sent before that does not open it again");

    closed();
}


/* late and doubled outcomes change nothing */

static void
test_stale(void)
{
    int64_t  a;

    opened("stale.db");

    (void) webhook(1, "alice", NULL);
    a = event(1000, "alice", "x");

    (void) outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW, NOW + 5000);
    unit_ok(outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW, NOW + 5000)
            == NGX_TRIGGERS_RC_NOT_FOUND
            && outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW + 1, 0)
               == NGX_TRIGGERS_RC_NOT_FOUND
            && sql("SELECT count(*) FROM attempts") == 1
            && sql("SELECT count(*) FROM delivery_queue") == 1,
            "stale: a failure that came twice");

    (void) outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW + 5000, 0);
    unit_ok(outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW + 5000, 0)
            == NGX_TRIGGERS_RC_NOT_FOUND
            && outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_CANCELLED, NOW, 0)
               == NGX_TRIGGERS_RC_NOT_FOUND
            && sql("SELECT count(*) FROM attempts") == 2,
            "stale: a success that came twice");

    unit_ok(outcome(1001, a + 1, 1, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW, 0)
            == NGX_TRIGGERS_RC_NOT_FOUND, "stale: no such event");

    a = event(1002, "alice", "x");
    unit_ok(outcome(1002, a, 2, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW + 9000, 0)
            == NGX_TRIGGERS_RC_NOT_FOUND, "stale: not for that webhook");
    unit_ok(outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW + 9000, 0)
            == NGX_TRIGGERS_RC_NOT_FOUND && state(a) == PENDING,
            "stale: an event with another number");

    closed();
}


static void
test_cancelled(void)
{
    int64_t                  a, b, c;
    ngx_triggers_mutation_t  m;

    opened("cancelled.db");

    (void) webhook(1, "alice", NULL);
    (void) webhook(2, "alice", "two,");

    a = event(1000, "alice", "one");
    b = event(1001, "alice", "two");

    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 1002, "alice");
    ngx_str_set(&m.event.ordering_key, "k");
    (void) apply(&m);
    c = store->next_seq - 1;

    (void) change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 1, "alice");

    unit_ok(state(a) == PENDING && state(b) == PENDING,
            "cancelled: deleting does not touch what waits");

    /* before its time: nobody is asked */

    (void) outcome(1001, b, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 2000,
                   NOW + 5000);

    unit_ok(outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_CANCELLED, NOW, 0)
            == NGX_TRIGGERS_RC_OK && state(a) == NGX_TRIGGERS_PENDING
            && sql("SELECT count(*) FROM done") == 0,
            "cancelled: an ordinary event");
    unit_ok(outcome(1001, b, 1, NGX_TRIGGERS_ATTEMPT_CANCELLED, NOW, 0)
            == NGX_TRIGGERS_RC_OK && state(b) == RETRYING,
            "cancelled: one of two");
    unit_ok(outcome(1001, b, 2, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW + 3000, 0)
            == NGX_TRIGGERS_RC_OK && state(b) == NGX_TRIGGERS_DELIVERED,
            "cancelled: the other one took it");

    unit_ok(outcome(1002, c, 1, NGX_TRIGGERS_ATTEMPT_CANCELLED, NOW, 0)
            == NGX_TRIGGERS_RC_OK && state(c) == NGX_TRIGGERS_PENDING
            && sql("SELECT count(*) FROM ordering WHERE active = 1") == 1,
            "cancelled: it joins its ordering key");

    unit_ok(sql("SELECT count(*) FROM deliveries") == 0
            && sql("SELECT count(*) FROM delivery_queue") == 0
            && sql("SELECT n FROM counts WHERE owner = 0 AND status = 4") == 2,
            "cancelled: nothing is left");

    closed();
}


static void
test_gone(void)
{
    int64_t                  a, b;
    ngx_triggers_mutation_t  m;

    opened("gone.db");

    (void) webhook(1, "alice", NULL);
    a = event(1000, "alice", "x");
    b = event(1001, "alice", "x");
    (void) ngx_triggers_store_pushed(store);

    outcome_of(&m, 1000, a, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 10, 0);
    sent.gone = 1;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK && get(1, NULL) == NGX_OK
            && !seen.last.active && seen.last.disabled_at == NOW + 17
            && ngx_triggers_store_pushed(store)
               == NGX_TRIGGERS_PUSHED_WEBHOOKS, "gone: it is disabled");
    unit_ok(targets(1002, "alice", "x") == 0, "gone: it gets no more events");

    webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_UPDATE, 1, "alice", NULL);
    asked.members = NGX_TRIGGERS_WEBHOOK_ACTIVE;
    m.time = NOW + 2000;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK && get(1, NULL) == NGX_OK
            && seen.last.active && seen.last.disabled_at == 0
            && targets(1003, "alice", "x") == 1, "gone: active again");

    outcome_of(&m, 1001, b, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 1999, 0);
    sent.gone = 1;
    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK && get(1, NULL) == NGX_OK
            && seen.last.active, "gone: that was before it has changed");

    closed();
}


/* acknowledging and deleting end what waits */

static void
test_ended(void)
{
    int64_t  a, b, c, d;

    opened("ended.db");

    (void) webhook(1, "alice", NULL);
    a = event(1000, "alice", "x");
    b = event(1001, "alice", "x");
    c = event(1002, "alice", "x");
    d = event(1003, "alice", "x");

    (void) outcome(1002, c, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 9000, 0);
    (void) outcome(1003, d, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 9000, 0);

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 1000, "alice")
            == NGX_TRIGGERS_RC_OK && state(a) == NGX_TRIGGERS_ACKNOWLEDGED,
            "ended: acknowledged while it waits");
    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_DELETE, 1001, "alice")
            == NGX_TRIGGERS_RC_OK, "ended: deleted while it waits");
    unit_ok(sql("SELECT count(*) FROM delivery_queue") == 0
            && sql("SELECT count(*) FROM deliveries") == 2,
            "ended: out of the queue");
    unit_ok(outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW, NOW + 5000)
            == NGX_TRIGGERS_RC_NOT_FOUND
            && outcome(1001, b, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW, 0)
               == NGX_TRIGGERS_RC_NOT_FOUND
            && state(a) == NGX_TRIGGERS_ACKNOWLEDGED,
            "ended: an outcome that comes later");

    (void) fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, 1002, "alice");
    (void) fixture_do(store, NGX_TRIGGERS_OP_DELETE, 1003, "alice");
    unit_ok(sql("SELECT count(*) FROM deliveries") == 0,
            "ended: what has failed is not retried any more");

    closed();
}


static void
test_retry(void)
{
    int64_t  a, b;

    opened("retry.db");

    (void) webhook(1, "alice", NULL);
    (void) webhook(2, "alice", NULL);
    (void) webhook(3, "alice", NULL);

    a = event(1000, "alice", "x");
    (void) outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW, 0);
    (void) outcome(1000, a, 2, NGX_TRIGGERS_ATTEMPT_FAILED, NOW, 0);
    (void) outcome(1000, a, 3, NGX_TRIGGERS_ATTEMPT_FAILED, NOW, 0);
    (void) change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 3, "alice");
    (void) ngx_triggers_store_pushed(store);

    unit_ok(state(a) == NGX_TRIGGERS_FAILED
            && fixture_do(store, NGX_TRIGGERS_OP_RETRY, 1000, "alice")
               == NGX_TRIGGERS_RC_OK && state(a) == RETRYING
            && value(a, "retry_count") == 1
            && value(a, "done_at IS NULL") == 1, "retry: pushed again");
    unit_ok(sql("SELECT count(*) FROM delivery_queue WHERE webhook = 2") == 1
            && sql("SELECT count(*) FROM delivery_queue") == 1
            && sql("SELECT count(*) FROM deliveries") == 2
            && sql("SELECT attempts FROM deliveries WHERE webhook = 2") == 0,
            "retry: to what has failed and is there, with fresh attempts");
    unit_ok(ngx_triggers_store_pushed(store) == NGX_TRIGGERS_PUSHED,
            "retry: the deliverer is told");

    (void) outcome(1000, a, 2, NGX_TRIGGERS_ATTEMPT_FAILED,
                   FIXTURE_T0 + 1000 * 1000 + 1, FIXTURE_T0 + 2000 * 1000);
    unit_ok(value(a, "retry_count") == 1, "retry: its first push is no more");
    (void) outcome(1000, a, 2, NGX_TRIGGERS_ATTEMPT_DELIVERED,
                   FIXTURE_T0 + 2000 * 1000, 0);
    unit_ok(state(a) == NGX_TRIGGERS_DELIVERED && value(a, "retry_count") == 2
            && value(a, "error_message IS NULL") == 1, "retry: delivered");

    b = event(1001, "alice", "x");
    (void) outcome(1001, b, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 9000, 0);
    (void) outcome(1001, b, 2, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 9000, 0);
    (void) change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 1, "alice");
    (void) change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 2, "alice");

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_RETRY, 1001, "alice")
            == NGX_TRIGGERS_RC_OK && state(b) == NGX_TRIGGERS_RETRYING
            && sql("SELECT count(*) FROM deliveries") == 0,
            "retry: nobody is left, an ordinary event");

    closed();
}


/* a retry comes before the webhook is enabled, mostly: that failed by 410 */

static void
test_retry_inactive(void)
{
    int64_t                  a, b, c;
    ngx_triggers_mutation_t  m;

    opened("inactive.db");

    (void) webhook(1, "alice", NULL);
    (void) webhook(2, "alice", "two,");

    a = event(1000, "alice", "one");
    b = event(1001, "alice", "two");
    c = event(1002, "alice", "one");

    (void) outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 9000, 0);
    (void) outcome(1001, b, 2, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW + 9000, 0);

    outcome_of(&m, 1001, b, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 9000, 0);
    sent.gone = 1;
    (void) apply(&m);

    unit_ok(get(1, NULL) == NGX_OK && !seen.last.active
            && state(a) == NGX_TRIGGERS_FAILED
            && state(b) == NGX_TRIGGERS_FAILED && state(c) == PENDING,
            "inactive: two have failed, one waits");

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_RETRY, 1000, "alice")
            == NGX_TRIGGERS_RC_OK && state(a) == RETRYING
            && fixture_do(store, NGX_TRIGGERS_OP_RETRY, 1001, "alice")
               == NGX_TRIGGERS_RC_OK && state(b) == RETRYING
            && sql("SELECT count(*) FROM delivery_queue WHERE webhook = 1")
               == 3
            && sql("SELECT status FROM deliveries WHERE webhook = 2") == 1,
            "inactive: they wait, too, and nobody leases them");

    webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_UPDATE, 1, "alice", NULL);
    asked.members = NGX_TRIGGERS_WEBHOOK_ACTIVE;
    (void) apply(&m);

    unit_ok(outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW * 2, 0)
            == NGX_TRIGGERS_RC_OK && state(a) == NGX_TRIGGERS_DELIVERED,
            "inactive: delivered when it is active again");

    (void) change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 1, "alice");
    (void) outcome(1001, b, 1, NGX_TRIGGERS_ATTEMPT_CANCELLED, NOW * 2, 0);
    (void) outcome(1002, c, 1, NGX_TRIGGERS_ATTEMPT_CANCELLED, NOW * 2, 0);

    unit_ok(state(b) == NGX_TRIGGERS_DELIVERED
            && state(c) == NGX_TRIGGERS_PENDING
            && sql("SELECT count(*) FROM deliveries") == 0,
            "inactive: deleted, they wait for it no longer");

    closed();
}


/* what one webhook has got is nobody else's */

static void
test_retry_taken(void)
{
    int64_t                      a;
    ngx_triggers_mutation_t      m;
    ngx_triggers_lease_change_t  filter;

    opened("taken.db");

    (void) webhook(1, "alice", NULL);
    (void) webhook(2, "alice", NULL);

    a = event(1000, "alice", "x");
    (void) event(1001, "alice", "x");

    (void) outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW, 0);
    (void) outcome(1000, a, 2, NGX_TRIGGERS_ATTEMPT_FAILED, NOW, 0);
    (void) outcome(1001, a + 1, 1, NGX_TRIGGERS_ATTEMPT_DELIVERED, NOW + 9000,
                   0);
    (void) outcome(1001, a + 1, 2, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 9000, 0);
    (void) change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 2, "alice");

    unit_ok(fixture_do(store, NGX_TRIGGERS_OP_RETRY, 1000, "alice")
            == NGX_TRIGGERS_RC_OK && state(a) == NGX_TRIGGERS_DELIVERED
            && value(a, "retry_count") == 1
            && value(a, "delivered_at = done_at") == 1
            && value(a, "error_message IS NULL") == 1
            && sql("SELECT count(*) FROM deliveries") == 2,
            "taken: the one that failed is no more, it is delivered");

    fixture_mutation(&m, NGX_TRIGGERS_OP_RETRY_ALL, 1, "alice");
    ngx_memzero(&filter, sizeof(filter));
    m.time = NOW * 2;
    m.lease = &filter;
    filter.limit = 10;

    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK && result.count == 1
            && state(a + 1) == NGX_TRIGGERS_DELIVERED
            && sql("SELECT count(*) FROM deliveries") == 0
            && sql("SELECT count(*) FROM delivery_queue") == 0
            && sql("SELECT n FROM counts WHERE owner = 0 AND status = 1") == 2,
            "taken: nor when all are retried");

    closed();
}


static ngx_int_t
see_due(void *data, ngx_triggers_row_t *row, ngx_uint_t attempts)
{
    seen_t *s = data;

    s->id[s->n] = fixture_number(row->event.id);
    s->number[s->n] = row->seq;
    s->attempts[s->n++] = attempts;

    return row->event.payload.len ? NGX_OK : NGX_ERROR;
}


static void
test_due(void)
{
    int64_t                        a;
    ngx_triggers_due_query_t       query;

    opened("due.db");

    (void) webhook(1, "alice", NULL);
    (void) webhook(2, "bob", NULL);

    a = event(1000, "alice", "x");
    (void) event(1001, "alice", "x");
    (void) event(1002, "alice", "x");
    (void) event(1003, "bob", "x");
    (void) outcome(1000, a, 1, NGX_TRIGGERS_ATTEMPT_FAILED, NOW + 100,
                   NOW + 50000);

    ngx_memzero(&query, sizeof(query));
    ngx_memzero(&seen, sizeof(seen));
    query.webhook = 1;
    query.now = NOW + 10000;
    query.limit = 1;
    query.handler = see_due;
    query.data = &seen;

    unit_ok(ngx_triggers_reader_due(reader, &query) == NGX_OK && seen.n == 1
            && seen.id[0] == 1001 && seen.attempts[0] == 0
            && query.next_at == NOW + 50000, "due: the first one");
    unit_ok(ngx_triggers_reader_due(reader, &query) == NGX_OK && seen.n == 2
            && seen.id[1] == 1002, "due: the next one");
    unit_ok(ngx_triggers_reader_due(reader, &query) == NGX_OK && seen.n == 2
            && query.next_at == NOW + 50000, "due: no more");

    query.after_at = 0;
    query.after_seq = 0;
    query.now = NOW + 50000;
    query.limit = 10;
    seen.n = 0;
    unit_ok(ngx_triggers_reader_due(reader, &query) == NGX_OK && seen.n == 3
            && seen.id[2] == 1000 && seen.attempts[2] == 1
            && query.next_at == 0, "due: all of one webhook, by time");

    /* two that are gone, of which one has something left */

    (void) webhook(3, "carol", NULL);
    (void) change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 3, "carol");
    (void) change(NGX_TRIGGERS_OP_WEBHOOK_DELETE, 2, "bob");
    ngx_memzero(&seen, sizeof(seen));
    unit_ok(ngx_triggers_reader_endpoints(reader, see, &seen) == NGX_OK
            && seen.n == 2 && seen.number[0] == 1 && seen.number[1] == 2
            && seen.last.url.data == NULL && !seen.last.active,
            "due: endpoints, and what is left of one");

    closed();
}


/* the clock was put back: events keep their order, and do not wait for it */

static void
test_clock(void)
{
    ngx_triggers_mutation_t   m;
    ngx_triggers_due_query_t  query;

    opened("clock.db");

    (void) webhook(1, "alice", NULL);
    (void) event(1000, "alice", "x");

    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 1001, "alice");
    m.time = m.event.created_at = NOW - 3600000;

    unit_ok(apply(&m) == NGX_TRIGGERS_RC_OK
            && sql("SELECT min(created_at) = max(created_at) FROM events"),
            "clock: an event is not older than the one before");

    ngx_memzero(&query, sizeof(query));
    ngx_memzero(&seen, sizeof(seen));
    query.webhook = 1;
    query.now = NOW - 3600000;
    query.limit = 10;
    query.handler = see_due;
    query.data = &seen;

    unit_ok(ngx_triggers_reader_due(reader, &query) == NGX_OK && seen.n == 1
            && seen.id[0] == 1001, "clock: and is due at once");

    closed();
}


static void
test_rollback(void)
{
    ngx_triggers_mutation_t  m;

    opened("rollback.db");

    (void) webhook(1, "alice", NULL);
    (void) ngx_triggers_store_pushed(store);

    (void) ngx_triggers_store_begin(store);
    webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_CREATE, 2, "alice", NULL);
    (void) ngx_triggers_store_apply(store, &m, &result);
    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 1000, "alice");
    (void) ngx_triggers_store_apply(store, &m, &result);
    ngx_triggers_store_rollback(store);

    unit_ok(ngx_triggers_store_pushed(store) == 0
            && sql("SELECT webhooks_version FROM store") == 1,
            "rollback: nothing has happened");
    unit_ok(targets(1001, "alice", "x") == 1, "rollback: nor is it matched");

    /* in one batch, what is made is matched, what is deleted is not */

    (void) ngx_triggers_store_begin(store);
    webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_CREATE, 2, "alice", NULL);
    (void) ngx_triggers_store_apply(store, &m, &result);
    webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_DELETE, 1, "alice", NULL);
    (void) ngx_triggers_store_apply(store, &m, &result);
    fixture_mutation(&m, NGX_TRIGGERS_OP_CREATE, 1002, "alice");
    (void) ngx_triggers_store_apply(store, &m, &result);
    (void) ngx_triggers_store_commit(store, FIXTURE_NONCE, 1000);

    unit_ok(sql("SELECT webhook FROM deliveries WHERE seq = "
                "(SELECT max(seq) FROM events)") == 2,
            "rollback: within one batch");

    closed();
}


/* the contents of the tables must agree, whatever has happened */

static int64_t
inconsistencies(void)
{
    return sql(
        "SELECT (SELECT count(*) FROM deliveries d WHERE (d.status = 0) <> "
        "(SELECT count(*) FROM delivery_queue q WHERE q.webhook = d.webhook "
        "AND q.at = d.at AND q.seq = d.seq)) "

        "+ (SELECT abs((SELECT count(*) FROM delivery_queue) "
        "- (SELECT count(*) FROM deliveries WHERE status = 0))) "

        /* held by what waits, and by nothing else */
        "+ (SELECT count(*) FROM events e LEFT JOIN event_state s "
        "USING (seq) WHERE (coalesce(s.hold, 0) = 5) <> EXISTS "
        "(SELECT 1 FROM deliveries d WHERE d.seq = e.seq "
        "AND d.status = 0)) "

        /* rows are left by what has failed only, one of which has */
        "+ (SELECT count(*) FROM deliveries d LEFT JOIN event_state s "
        "USING (seq) WHERE s.hold <> 5 AND (s.status <> 2 OR NOT EXISTS "
        "(SELECT 1 FROM deliveries f WHERE f.seq = d.seq "
        "AND f.status = 2))) "
        "+ (SELECT count(*) FROM deliveries WHERE seq NOT IN "
        "(SELECT seq FROM events)) "

        /* lanes and counts */
        "+ (SELECT count(*) FROM events e LEFT JOIN event_state s "
        "USING (seq) JOIN inbox i ON i.seq = e.seq WHERE i.lane <> "
        "CASE coalesce(s.status, 4) "
        "WHEN 4 THEN CASE coalesce(s.hold, 0) WHEN 0 THEN 10 ELSE 7 END "
        "WHEN 3 THEN CASE s.hold WHEN 0 THEN 5 ELSE 3 END "
        "ELSE s.status END) "
        "+ (SELECT abs((SELECT count(*) FROM inbox) "
        "- (SELECT count(*) FROM events))) "
        "+ (SELECT count(*) FROM counts c WHERE c.owner = 0 AND c.n <> "
        "(SELECT count(*) FROM events e LEFT JOIN event_state s "
        "USING (seq) WHERE coalesce(s.status, 4) = c.status)) "
        "+ (SELECT count(*) FROM event_state s WHERE (s.status < 3) <> "
        "(s.done_at IS NOT NULL)) "
        "+ (SELECT count(*) FROM event_state s WHERE s.status < 3 "
        "AND NOT EXISTS (SELECT 1 FROM done WHERE at = s.done_at "
        "AND seq = s.seq))");
}


static void
test_model(void)
{
    int64_t                  at, n;
    uint64_t                 events, id;
    ngx_uint_t               i, wrong, what;
    ngx_triggers_mutation_t  m;

    opened("model.db");

    srandom(20261121);

    events = 0;
    wrong = 0;
    at = NOW + 10000000;

    for (i = 0; i < 3000; i++) {
        at += 10;
        id = events ? 1000 + random() % events : 0;
        n = 1 + random() % 6;
        what = random() % 20;

        if (what < 1) {
            (void) webhook(1 + random() % 8, "alice",
                           random() % 2 ? "order.*," : NULL);

        } else if (what < 2) {
            n = 1 + random() % 8;

            webhook_of(&m, NGX_TRIGGERS_OP_WEBHOOK_UPDATE, n, "alice", NULL);
            asked.members = NGX_TRIGGERS_WEBHOOK_ACTIVE;
            asked.webhook.active = random() % 4 != 0;

            if (random() % 4 == 0) {
                m.op = NGX_TRIGGERS_OP_WEBHOOK_DELETE;
            }

            (void) apply(&m);

        } else if (what < 6) {
            (void) event(1000 + events++, "alice",
                         random() % 2 ? "order.x" : "y");

        } else if (what < 7) {
            (void) fixture_do(store, NGX_TRIGGERS_OP_ACKNOWLEDGE, id, "alice");

        } else if (what < 8) {
            (void) fixture_do(store, NGX_TRIGGERS_OP_DELETE, id, "alice");

        } else if (what < 10) {
            (void) fixture_do(store, NGX_TRIGGERS_OP_RETRY, id, "alice");

        } else {
            outcome_of(&m, id, (int64_t) (id - 999), n,
                       (what < 13) ? NGX_TRIGGERS_ATTEMPT_DELIVERED
                       : (what < 18) ? NGX_TRIGGERS_ATTEMPT_FAILED
                                     : NGX_TRIGGERS_ATTEMPT_CANCELLED, at,
                       (what < 16) ? at + random() % 3000 : 0);

            if (what < 13) {
                sent.next_at = 0;
            }

            sent.gone = (random() % 50 == 0);
            (void) apply(&m);
        }

        if (i % 100 == 0) {
            (void) ngx_triggers_store_maintain(store, 1);
            wrong += (inconsistencies() != 0);
        }
    }

    unit_ok(wrong == 0 && inconsistencies() == 0,
            "model: the tables agree after %u steps", (unsigned) i);
    unit_ok(sql("SELECT count(DISTINCT status) FROM event_state") >= 4
            && sql("SELECT count(*) FROM deliveries WHERE status = 2") > 0
            && sql("SELECT count(DISTINCT outcome) FROM attempts") == 3,
            "model: everything has happened");

    closed();
}
