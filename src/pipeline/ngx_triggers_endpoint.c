
/*
 * Endpoints: which there are, what is due for each, and how much of it is
 * sent.  In the deliverer's thread.
 *
 * Pages of what is due are read ahead, so that a message costs no transaction
 * of its own.  The place in the queue moves on with each page; it goes back to
 * the start once a second, and when something that was read has been dropped.
 */


#include "ngx_triggers_push.h"
#include "ngx_triggers_clock.h"


#define NGX_TRIGGERS_ENDPOINT_WINDOW  4        /* of a new endpoint */
#define NGX_TRIGGERS_ENDPOINT_POOL    1024
#define NGX_TRIGGERS_ENDPOINT_REWIND  1000     /* ms */

/*
 * Outcomes that are not committed, for each message that may be on its way:
 * as many may be sent twice when the process is killed.
 */

#define NGX_TRIGGERS_ENDPOINT_PENDING  8


static ngx_int_t ngx_triggers_endpoint_handler(void *data,
    ngx_triggers_webhook_t *webhook);
static ngx_triggers_endpoint_t *ngx_triggers_endpoint_find(
    ngx_triggers_deliverer_t *d, int64_t number);
static ngx_triggers_endpoint_t *ngx_triggers_endpoint_add(
    ngx_triggers_deliverer_t *d, ngx_triggers_webhook_t *webhook);
static ngx_int_t ngx_triggers_endpoint_set(ngx_triggers_endpoint_t *endpoint,
    ngx_triggers_webhook_t *webhook);
static ngx_uint_t ngx_triggers_endpoint_changed(
    ngx_triggers_endpoint_t *endpoint, ngx_triggers_webhook_t *webhook);
static ngx_int_t ngx_triggers_endpoint_copy(
    ngx_triggers_endpoint_t *endpoint, ngx_triggers_webhook_t *webhook,
    ngx_pool_t *pool);
static void ngx_triggers_endpoint_breaker(ngx_triggers_endpoint_t *endpoint,
    ngx_triggers_webhook_t *webhook);
static void ngx_triggers_endpoints_sweep(ngx_triggers_deliverer_t *d);
static ngx_uint_t ngx_triggers_endpoint_wait(
    ngx_triggers_endpoint_t *endpoint, uint64_t now);
static ngx_int_t ngx_triggers_endpoint_read(
    ngx_triggers_endpoint_t *endpoint, uint64_t now);
static ngx_int_t ngx_triggers_endpoint_row(void *data,
    ngx_triggers_row_t *row, ngx_uint_t attempts);
static void ngx_triggers_endpoint_look_at(ngx_triggers_deliverer_t *d,
    uint64_t when);
static ngx_int_t ngx_triggers_endpoint_send(
    ngx_triggers_endpoint_t *endpoint, uint64_t now);
static ngx_uint_t ngx_triggers_endpoint_crowded(
    ngx_triggers_endpoint_t *endpoint);
static ngx_triggers_push_t *ngx_triggers_endpoint_pop(
    ngx_triggers_endpoint_t *endpoint);
static void ngx_triggers_endpoint_refuse(ngx_triggers_push_t *push,
    const char *error, uint64_t now);
static void ngx_triggers_endpoint_cancel(ngx_triggers_endpoint_t *endpoint);


ngx_int_t
ngx_triggers_endpoints_refresh(ngx_triggers_deliverer_t *d)
{
    ngx_queue_t              *q;
    ngx_triggers_endpoint_t  *endpoint;

    for (q = ngx_queue_head(&d->endpoints);
         q != ngx_queue_sentinel(&d->endpoints);
         q = ngx_queue_next(q))
    {
        endpoint = ngx_queue_data(q, ngx_triggers_endpoint_t, queue);
        endpoint->seen = 0;
    }

    if (ngx_triggers_reader_endpoints(d->reader,
                                      ngx_triggers_endpoint_handler, d)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_triggers_endpoints_sweep(d);
    ngx_triggers_endpoints_meter(d);

    __atomic_store_n(&d->listening, d->nendpoints != 0, __ATOMIC_RELAXED);

    return NGX_OK;
}


void
ngx_triggers_endpoint_hungry(ngx_triggers_endpoint_t *endpoint)
{
    if (!endpoint->is_hungry) {
        endpoint->is_hungry = 1;
        ngx_queue_insert_tail(&endpoint->deliverer->hungry,
                              &endpoint->hungry);
    }
}


/*
 * NGX_OK; NGX_BUSY: there is no room for more, whatever could be sent has
 * been; NGX_ERROR: the store
 */

ngx_int_t
ngx_triggers_endpoint_serve(ngx_triggers_endpoint_t *endpoint)
{
    uint64_t   now;
    ngx_int_t  rc, room;

    if (!endpoint->webhook.active && !endpoint->deleted) {
        return NGX_OK;
    }

    now = ngx_triggers_monotonic_ms();

    if (ngx_triggers_endpoint_wait(endpoint, now)) {
        return NGX_OK;
    }

    do {
        room = NGX_OK;

        if (endpoint->nready < endpoint->window && !endpoint->empty) {

            room = ngx_triggers_endpoint_read(endpoint, now);

            if (room == NGX_ERROR) {
                return NGX_ERROR;
            }
        }

        if (endpoint->deleted) {
            ngx_triggers_endpoint_cancel(endpoint);
            return room;
        }

        rc = ngx_triggers_endpoint_send(endpoint, now);

    } while (rc == NGX_OK && room == NGX_OK
             && endpoint->nready == 0 && !endpoint->empty
             && endpoint->nsending < endpoint->window);

    return (rc == NGX_BUSY || room == NGX_BUSY) ? NGX_BUSY : NGX_OK;
}


void
ngx_triggers_endpoint_drop(ngx_triggers_endpoint_t *endpoint)
{
    while (endpoint->nready) {
        ngx_triggers_push_free(ngx_triggers_endpoint_pop(endpoint));
    }

    endpoint->rewind = 0;
    endpoint->empty = 0;
}


void
ngx_triggers_endpoint_abandon(ngx_triggers_endpoint_t *endpoint)
{
    ngx_queue_t          *q;
    ngx_triggers_push_t  *push;

    while (endpoint->nsending) {
        q = ngx_queue_head(&endpoint->sending);
        ngx_queue_remove(q);
        endpoint->nsending--;

        push = ngx_queue_data(q, ngx_triggers_push_t, queue);

        ngx_triggers_breaker_result(&endpoint->breaker, push->epoch,
                                    NGX_DECLINED, 0);
        ngx_triggers_sender_drop(&push->message);
        ngx_triggers_push_free(push);
    }

    endpoint->rewind = 0;
    endpoint->empty = 0;
}


/* with a number and nothing else, a webhook is no more, but its queue is */

static ngx_int_t
ngx_triggers_endpoint_handler(void *data, ngx_triggers_webhook_t *webhook)
{
    ngx_triggers_deliverer_t *d = data;

    ngx_triggers_endpoint_t  *endpoint;

    endpoint = ngx_triggers_endpoint_find(d, webhook->number);

    if (endpoint == NULL) {
        endpoint = ngx_triggers_endpoint_add(d, webhook);

        if (endpoint == NULL) {
            return NGX_ERROR;
        }
    }

    endpoint->seen = 1;

    if (webhook->url.len == 0) {

        if (!endpoint->deleted) {
            ngx_triggers_endpoint_drop(endpoint);
            ngx_triggers_endpoint_abandon(endpoint);
            ngx_triggers_endpoint_unmeter(endpoint);
            endpoint->deleted = 1;
        }

        return NGX_OK;
    }

    return ngx_triggers_endpoint_set(endpoint, webhook);
}


static ngx_triggers_endpoint_t *
ngx_triggers_endpoint_find(ngx_triggers_deliverer_t *d, int64_t number)
{
    ngx_rbtree_key_t    key;
    ngx_rbtree_node_t  *node;

    key = (ngx_rbtree_key_t) number;
    node = d->tree.root;

    while (node != &d->sentinel) {

        if (node->key == key) {
            return (ngx_triggers_endpoint_t *) node;
        }

        node = (key < node->key) ? node->left : node->right;
    }

    return NULL;
}


static ngx_triggers_endpoint_t *
ngx_triggers_endpoint_add(ngx_triggers_deliverer_t *d,
    ngx_triggers_webhook_t *webhook)
{
    ngx_triggers_endpoint_t  *endpoint;

    endpoint = ngx_calloc(sizeof(ngx_triggers_endpoint_t), d->log);
    if (endpoint == NULL) {
        return NULL;
    }

    endpoint->deliverer = d;
    endpoint->webhook.number = webhook->number;
    endpoint->window = ngx_min(NGX_TRIGGERS_ENDPOINT_WINDOW,
                               d->conf->concurrency);

    ngx_queue_init(&endpoint->ready);
    ngx_queue_init(&endpoint->sending);
    ngx_queue_insert_tail(&d->endpoints, &endpoint->queue);
    d->nendpoints++;

    endpoint->node.key = (ngx_rbtree_key_t) webhook->number;
    ngx_rbtree_insert(&d->tree, &endpoint->node);

    return endpoint;
}


/* what is ready was made for what the webhook was until now */

static ngx_int_t
ngx_triggers_endpoint_set(ngx_triggers_endpoint_t *endpoint,
    ngx_triggers_webhook_t *webhook)
{
    ngx_pool_t  *pool, *old;

    old = endpoint->pool;

    if (old && !ngx_triggers_endpoint_changed(endpoint, webhook)) {
        return NGX_OK;
    }

    pool = ngx_create_pool(NGX_TRIGGERS_ENDPOINT_POOL,
                           endpoint->deliverer->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    ngx_triggers_endpoint_drop(endpoint);

    if (ngx_triggers_endpoint_copy(endpoint, webhook, pool) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    endpoint->pool = pool;

    if (old) {
        ngx_destroy_pool(old);
    }

    return NGX_OK;
}


/* two changes may be of the same millisecond */

static ngx_uint_t
ngx_triggers_endpoint_changed(ngx_triggers_endpoint_t *endpoint,
    ngx_triggers_webhook_t *webhook)
{
    ngx_triggers_secret_t    secret;
    ngx_triggers_webhook_t  *known;

    known = &endpoint->webhook;

    if (known->updated_at != webhook->updated_at
        || known->generation != webhook->generation
        || known->active != webhook->active
        || known->format != webhook->format
        || known->old_secret_until != webhook->old_secret_until
        || known->url.len != webhook->url.len
        || ngx_memcmp(known->url.data, webhook->url.data, webhook->url.len)
           != 0)
    {
        return 1;
    }

    secret.len = 0;

    if (webhook->secret.len) {
        (void) ngx_triggers_secret_parse(&webhook->secret, &secret);
    }

    return secret.len != endpoint->secret.len
           || ngx_memcmp(secret.key, endpoint->secret.key, secret.len) != 0;
}


/* changes the endpoint only when nothing can fail any more */

static ngx_int_t
ngx_triggers_endpoint_copy(ngx_triggers_endpoint_t *endpoint,
    ngx_triggers_webhook_t *webhook, ngx_pool_t *pool)
{
    ngx_str_t    url;
    ngx_uint_t   usable;

    url.len = webhook->url.len;
    url.data = ngx_pstrdup(pool, &webhook->url);

    if (url.data == NULL) {
        return NGX_ERROR;
    }

    if (endpoint->pool == NULL
        || endpoint->webhook.active != webhook->active
        || endpoint->webhook.generation != webhook->generation)
    {
        ngx_triggers_endpoint_breaker(endpoint, webhook);
    }

    endpoint->secret.len = 0;
    endpoint->old_secret.len = 0;

    usable = webhook->secret.len == 0
             || ngx_triggers_secret_parse(&webhook->secret,
                                          &endpoint->secret)
                == NGX_OK;

    if (webhook->old_secret.len
        && ngx_triggers_secret_parse(&webhook->old_secret,
                                     &endpoint->old_secret)
           != NGX_OK)
    {
        usable = 0;
    }

    /* no other strings are needed here, and the secrets have been read */

    endpoint->webhook = *webhook;
    endpoint->webhook.url = url;
    endpoint->unusable = !usable;

    ngx_str_null(&endpoint->webhook.user_id);
    ngx_str_null(&endpoint->webhook.description);
    ngx_str_null(&endpoint->webhook.event_types);
    ngx_str_null(&endpoint->webhook.secret);
    ngx_str_null(&endpoint->webhook.old_secret);
    ngx_str_null(&endpoint->webhook.last_error);

    return NGX_OK;
}


/*
 * A new endpoint has the state that its webhook was left in; one that has got
 * another URL, or is said to work again, begins anew.
 */

static void
ngx_triggers_endpoint_breaker(ngx_triggers_endpoint_t *endpoint,
    ngx_triggers_webhook_t *webhook)
{
    int64_t                  wait;
    ngx_uint_t               epoch;
    ngx_triggers_breaker_t  *breaker;

    breaker = &endpoint->breaker;
    epoch = breaker->epoch;

    ngx_memzero(breaker, sizeof(ngx_triggers_breaker_t));
    breaker->epoch = epoch + 1;
    endpoint->paused = 0;
    endpoint->gone = !webhook->active;

    if (endpoint->pool) {
        return;
    }

    wait = webhook->open_until - ngx_triggers_wall_ms();

    breaker->failures = webhook->failures;

    if (wait > 0) {
        breaker->until = ngx_triggers_monotonic_ms()
                         + ngx_min(wait, NGX_TRIGGERS_BREAKER_MAX);
    }
}


/* those that are no more and have nothing on its way */

static void
ngx_triggers_endpoints_sweep(ngx_triggers_deliverer_t *d)
{
    ngx_queue_t              *q, *next;
    ngx_triggers_endpoint_t  *endpoint;

    for (q = ngx_queue_head(&d->endpoints);
         q != ngx_queue_sentinel(&d->endpoints);
         q = next)
    {
        next = ngx_queue_next(q);
        endpoint = ngx_queue_data(q, ngx_triggers_endpoint_t, queue);

        if (endpoint->seen) {
            continue;
        }

        endpoint->deleted = 1;
        ngx_triggers_endpoint_drop(endpoint);
        ngx_triggers_endpoint_abandon(endpoint);
        ngx_triggers_endpoint_unmeter(endpoint);

        if (endpoint->npending) {
            continue;
        }

        if (endpoint->is_hungry) {
            ngx_queue_remove(&endpoint->hungry);
        }

        ngx_rbtree_delete(&d->tree, &endpoint->node);
        ngx_queue_remove(&endpoint->queue);
        d->nendpoints--;

        if (endpoint->pool) {
            ngx_triggers_endpoint_tell(endpoint, NGX_TRIGGERS_LEVEL_INFO,
                                       NULL, "is no more");
            ngx_destroy_pool(endpoint->pool);
        }

        ngx_free(endpoint);
    }
}


/* 1: nothing may be sent now; says when to look again */

static ngx_uint_t
ngx_triggers_endpoint_wait(ngx_triggers_endpoint_t *endpoint, uint64_t now)
{
    uint64_t  wait;

    if (endpoint->deleted) {
        return 0;
    }

    wait = ngx_triggers_breaker_wait(&endpoint->breaker, now);

    if (endpoint->paused > now) {
        wait = ngx_max(wait, endpoint->paused - now);
    }

    if (wait == 0) {
        return 0;
    }

    if (endpoint->nready) {
        ngx_triggers_endpoint_drop(endpoint);
    }

    ngx_triggers_endpoint_look_at(endpoint->deliverer, now + wait);

    return 1;
}


static ngx_int_t
ngx_triggers_endpoint_read(ngx_triggers_endpoint_t *endpoint, uint64_t now)
{
    ngx_int_t                  rc;
    ngx_triggers_deliverer_t  *d;
    ngx_triggers_due_query_t  *query;

    d = endpoint->deliverer;
    query = &endpoint->query;

    if (d->npushes >= NGX_TRIGGERS_PUSHES
        || d->bytes >= NGX_TRIGGERS_PUSHES_BYTES)
    {
        return NGX_BUSY;
    }

    if (now >= endpoint->rewind) {
        endpoint->rewind = now + NGX_TRIGGERS_ENDPOINT_REWIND;
        query->after_at = 0;
        query->after_seq = 0;
    }

    query->webhook = endpoint->webhook.number;
    query->now = endpoint->deleted ? INT64_MAX : ngx_triggers_wall_ms();
    query->limit = 2 * endpoint->window - endpoint->nready;
    query->handler = ngx_triggers_endpoint_row;
    query->data = endpoint;

    endpoint->rows = 0;

    rc = ngx_triggers_reader_due(d->reader, query);

    if (rc != NGX_OK && rc != NGX_DONE) {
        endpoint->rewind = 0;
        return NGX_ERROR;
    }

    endpoint->empty = (rc == NGX_OK && endpoint->rows < query->limit);

    if (endpoint->empty && query->next_at) {
        ngx_triggers_endpoint_look_at(d, now + query->next_at - query->now);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_endpoint_row(void *data, ngx_triggers_row_t *row,
    ngx_uint_t attempts)
{
    ngx_triggers_endpoint_t *endpoint = data;

    ngx_triggers_push_t  *push;

    endpoint->rows++;

    if (ngx_triggers_push_find(endpoint->deliverer, endpoint->webhook.number,
                               row->seq))
    {
        return NGX_OK;
    }

    push = ngx_triggers_push_create(endpoint, row);
    if (push == NULL) {
        return NGX_ERROR;
    }

    push->attempts = attempts;
    push->delivery.at = endpoint->query.after_at;

    ngx_queue_insert_tail(&endpoint->ready, &push->queue);
    endpoint->nready++;

    return (endpoint->deliverer->bytes < NGX_TRIGGERS_PUSHES_BYTES)
           ? NGX_OK : NGX_DONE;
}


static void
ngx_triggers_endpoint_look_at(ngx_triggers_deliverer_t *d, uint64_t when)
{
    d->look_at = ngx_min(d->look_at, when);
}


static ngx_int_t
ngx_triggers_endpoint_send(ngx_triggers_endpoint_t *endpoint, uint64_t now)
{
    ngx_triggers_push_t       *push;
    ngx_triggers_deliverer_t  *d;

    d = endpoint->deliverer;

    while (endpoint->nready && endpoint->nsending < endpoint->window) {

        if (endpoint->npending
            >= NGX_TRIGGERS_ENDPOINT_PENDING * d->conf->concurrency)
        {
            return NGX_DECLINED;
        }

        if (d->npending >= NGX_TRIGGERS_PUSHES / 2
            || ngx_triggers_endpoint_crowded(endpoint))
        {
            return NGX_BUSY;
        }

        push = ngx_queue_data(ngx_queue_head(&endpoint->ready),
                              ngx_triggers_push_t, queue);

        if (ngx_triggers_breaker_take(&endpoint->breaker, now, &push->epoch)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        (void) ngx_triggers_endpoint_pop(endpoint);

        if (ngx_triggers_breaker_state(&endpoint->breaker)
            == NGX_TRIGGERS_BREAKER_HALF_OPEN)
        {
            ngx_triggers_endpoint_tell(endpoint, NGX_TRIGGERS_LEVEL_INFO,
                                       ngx_triggers_push_owner(push),
                                       "is tried with one delivery");
        }

        if (endpoint->unusable
            || ngx_triggers_push_sign(push, ngx_triggers_wall_ms()) != NGX_OK)
        {
            ngx_triggers_endpoint_refuse(push, "could not be signed", now);
            continue;
        }

        if (ngx_triggers_sender_send(d->sender, &push->message) != NGX_OK) {
            ngx_triggers_endpoint_refuse(push, "no memory", now);
            continue;
        }

        ngx_queue_insert_tail(&endpoint->sending, &push->queue);
        endpoint->nsending++;
    }

    return NGX_OK;
}


/*
 * One half of the places is for those that have no message on its way: some
 * that hang do not keep all others waiting.
 */

static ngx_uint_t
ngx_triggers_endpoint_crowded(ngx_triggers_endpoint_t *endpoint)
{
    ngx_triggers_deliverer_t  *d;

    d = endpoint->deliverer;

    if (endpoint->nsending == 0) {
        return ngx_triggers_sender_is_full(d->sender);
    }

    return ngx_triggers_sender_busy(d->sender)
           >= d->conf->sender.messages / 2;
}


static ngx_triggers_push_t *
ngx_triggers_endpoint_pop(ngx_triggers_endpoint_t *endpoint)
{
    ngx_queue_t  *q;

    q = ngx_queue_head(&endpoint->ready);
    ngx_queue_remove(q);
    endpoint->nready--;

    return ngx_queue_data(q, ngx_triggers_push_t, queue);
}


/* an attempt without a message */

static void
ngx_triggers_endpoint_refuse(ngx_triggers_push_t *push, const char *error,
    uint64_t now)
{
    push->message.status = 0;
    push->message.error = error;
    push->message.duration = 0;

    ngx_triggers_push_result(push, now);
    ngx_triggers_deliverer_outcome(push);
}


static void
ngx_triggers_endpoint_cancel(ngx_triggers_endpoint_t *endpoint)
{
    ngx_triggers_push_t  *push;

    while (endpoint->nready) {
        push = ngx_triggers_endpoint_pop(endpoint);

        push->delivery.at = ngx_triggers_wall_ms();
        push->delivery.duration = -1;
        push->delivery.outcome = NGX_TRIGGERS_ATTEMPT_CANCELLED;

        ngx_triggers_deliverer_outcome(push);
    }
}
