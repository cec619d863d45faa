
/*
 * Unit tests of what the deliverer knows of an endpoint: what closes its
 * circuit breaker, and for how long it is left alone when it asks for that.
 * The store is a stand-in that has one webhook, and nothing is sent.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "core.h"
#include "unit.h"
#include "ngx_triggers_push.h"


static void test_forgiven(void);
static void test_paused(void);

static void test_deliverer(void);
static void test_endpoint(void);
static void test_refresh(void);
static void test_fail(ngx_uint_t status, ngx_uint_t retry_after,
    uint64_t now);
static ngx_uint_t test_state(void);


static ngx_triggers_deliverer_t       d;
static ngx_triggers_deliverer_conf_t  conf;
static ngx_triggers_zone_t            zone;
static ngx_triggers_owner_t           owner;
static ngx_triggers_webhook_t         webhook;       /* in the store */
static ngx_triggers_endpoint_t       *endpoint;


int
main(void)
{
    test_deliverer();

    test_forgiven();
    test_paused();

    return unit_done();
}


static void
test_forgiven(void)
{
    ngx_uint_t  i;

    test_endpoint();

    for (i = 0; i < NGX_TRIGGERS_BREAKER_FAILURES; i++) {
        test_fail(500, 0, 1000);
    }

    webhook.failures = NGX_TRIGGERS_BREAKER_FAILURES;
    webhook.open_until = 1000 + NGX_TRIGGERS_BREAKER_MIN;
    test_refresh();
    unit_ok(test_state() == NGX_TRIGGERS_BREAKER_OPEN,
            "breaker: open after failures");

    webhook.updated_at++;
    webhook.failures = 0;
    webhook.open_until = 0;
    test_refresh();
    unit_ok(test_state() == NGX_TRIGGERS_BREAKER_OPEN,
            "breaker: nothing was said of the endpoint");

    webhook.generation++;
    test_refresh();
    unit_ok(test_state() == NGX_TRIGGERS_BREAKER_CLOSED
            && ngx_triggers_breaker_wait(&endpoint->breaker, 1000) == 0,
            "breaker: closed by hand");
}


static void
test_paused(void)
{
    test_endpoint();

    test_fail(503, 3600, 1000);
    unit_ok(endpoint->paused == 1000 + 3600 * 1000,
            "paused: for as long as it asks for");

    test_fail(429, 10, 2000);
    unit_ok(endpoint->paused == 1000 + 3600 * 1000,
            "paused: not for less because of another message");

    test_fail(429, 7200, 3000);
    unit_ok(endpoint->paused == 3000 + 7200 * 1000, "paused: for longer");

    webhook.updated_at++;
    test_refresh();
    unit_ok(endpoint->paused == 3000 + 7200 * 1000,
            "paused: nothing was said of the endpoint");

    webhook.generation++;
    test_refresh();
    unit_ok(endpoint->paused == 0, "paused: until it is said to work again");

    /* one that was sent before */

    webhook.generation--;
    test_fail(503, 3600, 4000);
    unit_ok(endpoint->paused == 0, "paused: not by what it was before");
    webhook.generation++;

    test_fail(503, 60, 5000);
    webhook.active = 0;
    test_refresh();
    unit_ok(endpoint->paused == 0, "paused: nothing is left of it");
}


static void
test_deliverer(void)
{
    void  *meters;

    d.zone = &zone;
    d.conf = &conf;
    d.owner = &owner;
    d.log = unit_log();

    d.log->log_level = 0;
    conf.concurrency = 4;

    zone.sh = calloc(1, sizeof(ngx_triggers_zone_sh_t));

    meters = calloc(1, ngx_triggers_meters_size(NGX_TRIGGERS_METERS_MIN));

    if (zone.sh == NULL || meters == NULL) {
        exit(2);
    }

    ngx_triggers_meters_init(&zone.sh->metrics.meters, meters,
                             NGX_TRIGGERS_METERS_MIN);

    ngx_rbtree_init(&d.tree, &d.sentinel, NULL);
    ngx_queue_init(&d.endpoints);
    ngx_queue_init(&d.hungry);
}


/* a new one */

static void
test_endpoint(void)
{
    int64_t  number;

    number = webhook.number + 1;

    ngx_memzero(&webhook, sizeof(ngx_triggers_webhook_t));

    webhook.number = number;
    webhook.active = 1;
    webhook.updated_at = 1000;
    ngx_str_set(&webhook.url, "http://127.0.0.1/");

    test_refresh();

    endpoint = ngx_queue_data(ngx_queue_last(&d.endpoints),
                              ngx_triggers_endpoint_t, queue);
}


static void
test_refresh(void)
{
    if (ngx_triggers_endpoints_refresh(&d) != NGX_OK) {
        exit(2);
    }
}


static void
test_fail(ngx_uint_t status, ngx_uint_t retry_after, uint64_t now)
{
    ngx_pool_t           *pool;
    ngx_triggers_push_t   push;

    pool = ngx_create_pool(1024, d.log);

    ngx_memzero(&push, sizeof(ngx_triggers_push_t));

    push.pool = pool;
    push.endpoint = endpoint;
    push.epoch = endpoint->breaker.epoch;
    push.delivery.generation = webhook.generation;
    push.message.status = status;
    push.message.retry_after = retry_after;

    ngx_triggers_push_result(&push, now);

    ngx_destroy_pool(pool);
}


static ngx_uint_t
test_state(void)
{
    return ngx_triggers_breaker_state(&endpoint->breaker);
}


/* stand-ins */

ngx_pool_t *
ngx_create_pool(size_t size, ngx_log_t *log)
{
    (void) size;
    (void) log;

    return unit_pool();
}


/* a list: each key is greater than the one before */

void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    node->left = tree->root;
    node->right = tree->sentinel;
    tree->root = node;
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    ngx_rbtree_node_t  **link;

    for (link = &tree->root; *link != node; link = &(*link)->left) {
        /* void */
    }

    *link = node->left;
}


ngx_int_t
ngx_triggers_reader_endpoints(ngx_triggers_reader_t *reader,
    ngx_triggers_webhook_pt handler, void *data)
{
    (void) reader;

    return handler(data, &webhook);
}


ngx_int_t
ngx_triggers_reader_due(ngx_triggers_reader_t *reader,
    ngx_triggers_due_query_t *query)
{
    (void) reader;
    (void) query;

    return NGX_OK;
}


void
ngx_triggers_deliverer_outcome(ngx_triggers_push_t *push)
{
    (void) push;
}


/* nothing is told */

ngx_uint_t
ngx_triggers_feed_may(ngx_triggers_feed_limit_t *limit, uint64_t now)
{
    (void) limit;
    (void) now;

    return 0;
}


ngx_uint_t
ngx_triggers_feed_rest(ngx_triggers_feed_limit_t *limit, uint64_t now)
{
    (void) limit;
    (void) now;

    return 0;
}


uint64_t ngx_cdecl
ngx_triggers_feed_log(ngx_triggers_feed_t *feed, ngx_uint_t slot,
    ngx_uint_t level, u_char *event_id, ngx_str_t *user_id, const char *fmt,
    ...)
{
    (void) feed;
    (void) slot;
    (void) level;
    (void) event_id;
    (void) user_id;
    (void) fmt;

    return 0;
}
