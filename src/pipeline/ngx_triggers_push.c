
/*
 * One event on its way to one endpoint: its memory, its signature, what has
 * become of it and when it is tried again.  In the deliverer's thread.
 */


#include "ngx_triggers_push.h"
#include "ngx_triggers_clock.h"


#define NGX_TRIGGERS_PUSH_POOL     1024
#define NGX_TRIGGERS_PUSH_JITTER   10          /* per cent, either way */
#define NGX_TRIGGERS_UUID_TEXT     36


static ngx_int_t ngx_triggers_push_init(ngx_triggers_push_t *push,
    ngx_triggers_row_t *row);
static size_t ngx_triggers_push_size(ngx_triggers_push_t *push,
    ngx_triggers_row_t *row);
static ngx_int_t ngx_triggers_push_signatures(ngx_triggers_push_t *push,
    ngx_str_t *id, int64_t now);
static ngx_int_t ngx_triggers_push_header(ngx_triggers_push_t *push,
    const char *name, ngx_str_t *value);
static void ngx_triggers_push_error(ngx_triggers_push_t *push);
static int64_t ngx_triggers_push_next(ngx_triggers_push_t *push,
    int64_t now);
static ngx_uint_t ngx_triggers_push_is_current(ngx_triggers_push_t *push);
static uint64_t ngx_triggers_push_pause(ngx_triggers_push_t *push);
static ngx_int_t ngx_triggers_push_verdict(ngx_triggers_message_t *message);
static void ngx_triggers_push_breaker(ngx_triggers_push_t *push,
    ngx_uint_t taken, uint64_t now);
static void ngx_triggers_push_breaker_tell(ngx_triggers_push_t *push);
static void ngx_triggers_push_tell(ngx_triggers_push_t *push, uint64_t now);
static u_char *ngx_triggers_push_uuid(u_char *p, u_char *id);
static ngx_triggers_push_t **ngx_triggers_push_head(
    ngx_triggers_deliverer_t *d, int64_t webhook, int64_t seq);


ngx_triggers_push_t *
ngx_triggers_push_create(ngx_triggers_endpoint_t *endpoint,
    ngx_triggers_row_t *row)
{
    ngx_pool_t                *pool;
    ngx_triggers_push_t       *push, **head;
    ngx_triggers_deliverer_t  *d;

    d = endpoint->deliverer;

    pool = ngx_create_pool(NGX_TRIGGERS_PUSH_POOL, d->log);
    if (pool == NULL) {
        return NULL;
    }

    push = ngx_pcalloc(pool, sizeof(ngx_triggers_push_t));
    if (push == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    push->pool = pool;
    push->endpoint = endpoint;

    if (ngx_triggers_push_init(push, row) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    head = ngx_triggers_push_head(d, push->delivery.webhook,
                                  push->delivery.seq);
    push->next = *head;
    *head = push;

    push->size = ngx_triggers_push_size(push, row);
    d->bytes += push->size;
    d->npushes++;

    return push;
}


/* it is in no queue any more */

void
ngx_triggers_push_free(ngx_triggers_push_t *push)
{
    ngx_triggers_push_t       **p;
    ngx_triggers_deliverer_t   *d;

    d = push->endpoint->deliverer;

    p = ngx_triggers_push_head(d, push->delivery.webhook,
                               push->delivery.seq);

    while (*p != push) {
        p = &(*p)->next;
    }

    *p = push->next;

    d->bytes -= push->size;
    d->npushes--;

    ngx_destroy_pool(push->pool);
}


ngx_triggers_push_t *
ngx_triggers_push_find(ngx_triggers_deliverer_t *d, int64_t webhook,
    int64_t seq)
{
    ngx_triggers_push_t  *push;

    for (push = *ngx_triggers_push_head(d, webhook, seq);
         push;
         push = push->next)
    {
        if (push->delivery.seq == seq && push->delivery.webhook == webhook) {
            return push;
        }
    }

    return NULL;
}


ngx_int_t
ngx_triggers_push_sign(ngx_triggers_push_t *push, int64_t now)
{
    u_char     id_text[NGX_TRIGGERS_UUID_TEXT];
    u_char     time_text[NGX_INT64_LEN];
    ngx_str_t  id, time;

    /* never before it was due, also when the clock was put back */

    push->delivery.at = ngx_max(push->delivery.at, now);
    push->delivery.generation = push->endpoint->webhook.generation;

    id.data = id_text;
    id.len = ngx_triggers_push_uuid(id_text, push->id) - id_text;

    time.data = time_text;
    time.len = ngx_sprintf(time_text, "%L", now / 1000) - time_text;

    if (ngx_triggers_push_header(push, "webhook-id", &id) != NGX_OK
        || ngx_triggers_push_header(push, "webhook-timestamp", &time)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (push->endpoint->secret.len == 0) {
        return NGX_OK;
    }

    return ngx_triggers_push_signatures(push, &id, now);
}


void
ngx_triggers_push_result(ngx_triggers_push_t *push, uint64_t now)
{
    int64_t                   wall;
    ngx_uint_t                taken;
    ngx_triggers_message_t   *message;
    ngx_triggers_delivery_t  *delivery;

    message = &push->message;
    delivery = &push->delivery;

    taken = (message->status >= 200 && message->status < 300);
    wall = ngx_triggers_wall_ms();

    delivery->duration = message->duration;
    delivery->status_code = message->status;
    delivery->outcome = NGX_TRIGGERS_ATTEMPT_DELIVERED;

    if (taken) {
        ngx_triggers_metrics_drained(
            &push->endpoint->deliverer->zone->sh->metrics,
            NGX_TRIGGERS_TIME_DELIVERY,
            (uint64_t) ngx_max(wall - push->created_at, 0) * 1000);

    } else {
        delivery->outcome = NGX_TRIGGERS_ATTEMPT_FAILED;
        delivery->gone = (message->status == 410
                          && ngx_triggers_push_is_current(push));
        delivery->next_at = ngx_triggers_push_next(push, wall);
        ngx_triggers_push_error(push);
        ngx_triggers_push_tell(push, now);
    }

    ngx_triggers_endpoint_attempt(push->endpoint, delivery->outcome,
                                  message->duration);
    ngx_triggers_push_breaker(push, taken, now);
}


void
ngx_triggers_endpoint_tell(ngx_triggers_endpoint_t *endpoint,
    ngx_uint_t level, ngx_str_t *user_id, const char *what)
{
    u_char                     id[NGX_TRIGGERS_UUID_TEXT];
    ngx_triggers_deliverer_t  *d;

    d = endpoint->deliverer;

    (void) ngx_triggers_push_uuid(id, endpoint->webhook.id);

    (void) ngx_triggers_feed_log(&d->zone->sh->feed, d->owner->slot, level,
                                 NULL, user_id, "webhook %*s %s", sizeof(id),
                                 id, what);
}


void
ngx_triggers_push_rest(ngx_triggers_deliverer_t *d, uint64_t now)
{
    ngx_uint_t  n;

    n = ngx_triggers_feed_rest(&d->failures, now);

    if (n) {
        (void) ngx_triggers_feed_log(&d->zone->sh->feed, d->owner->slot,
                                     NGX_TRIGGERS_LEVEL_WARN, NULL, NULL,
                                     "delivery failed: %ui more", n);
    }
}


static ngx_int_t
ngx_triggers_push_init(ngx_triggers_push_t *push, ngx_triggers_row_t *row)
{
    ngx_str_t                 *url;
    ngx_triggers_deliverer_t  *d;

    d = push->endpoint->deliverer;
    url = &push->endpoint->webhook.url;

    ngx_memcpy(push->id, row->event.id, NGX_TRIGGERS_ID_LEN);

    push->created_at = row->event.created_at;

    push->delivery.webhook = push->endpoint->webhook.number;
    push->delivery.seq = row->seq;

    push->user_id.len = row->event.user_id.len;
    push->user_id.data = ngx_pstrdup(push->pool, &row->event.user_id);

    if (push->user_id.data == NULL) {
        return NGX_ERROR;
    }

    if (push->endpoint->deleted) {
        return NGX_OK;
    }

    /* its own: the endpoint may be given another one while it is sent */

    push->message.url = ngx_pnalloc(push->pool, url->len + 1);
    if (push->message.url == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf((u_char *) push->message.url, "%V%Z", url);

    push->message.trusted = push->endpoint->webhook.configured;

    return d->conf->message(push->pool, row, &push->endpoint->webhook,
                            &push->message);
}


/*
 * Headers are long too where metadata is what they are made of; it may have
 * been copied once more on the way.
 */

static size_t
ngx_triggers_push_size(ngx_triggers_push_t *push, ngx_triggers_row_t *row)
{
    size_t                   size;
    ngx_uint_t               i;
    ngx_triggers_message_t  *message;

    message = &push->message;

    size = NGX_TRIGGERS_PUSH_POOL + message->body.len
           + row->event.metadata.len;

    for (i = 0; i < message->nheaders; i++) {
        size += ngx_strlen(message->headers[i]);
    }

    return size;
}


/* that of the secret, and of the old one while it is still good */

static ngx_int_t
ngx_triggers_push_signatures(ngx_triggers_push_t *push, ngx_str_t *id,
    int64_t now)
{
    u_char                   *p, text[2 * NGX_TRIGGERS_SIGNATURE_LEN + 1];
    ngx_str_t                 value, *body;
    ngx_triggers_endpoint_t  *endpoint;

    endpoint = push->endpoint;
    body = &push->message.body;

    p = ngx_triggers_signature(text, &endpoint->secret, id, now / 1000, body);

    if (p && endpoint->old_secret.len
        && now < endpoint->webhook.old_secret_until)
    {
        *p++ = ' ';
        p = ngx_triggers_signature(p, &endpoint->old_secret, id, now / 1000,
                                   body);
    }

    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = text;
    value.len = p - text;

    return ngx_triggers_push_header(push, "webhook-signature", &value);
}


static ngx_int_t
ngx_triggers_push_header(ngx_triggers_push_t *push, const char *name,
    ngx_str_t *value)
{
    char                    *line;
    ngx_triggers_message_t  *message;

    message = &push->message;

    if (message->nheaders == NGX_TRIGGERS_SENDER_HEADERS) {
        return NGX_ERROR;
    }

    line = ngx_pnalloc(push->pool,
                       ngx_strlen(name) + sizeof(": ") + value->len);
    if (line == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf((u_char *) line, "%s: %V%Z", name, value);
    message->headers[message->nheaders++] = line;

    return NGX_OK;
}


/* words of ours: an endpoint's own are not kept */

static void
ngx_triggers_push_error(ngx_triggers_push_t *push)
{
    u_char     *p;
    ngx_str_t  *error;

    error = &push->delivery.error;

    if (push->message.error) {
        error->data = (u_char *) push->message.error;
        error->len = ngx_strlen(push->message.error);
        return;
    }

    p = ngx_pnalloc(push->pool, sizeof("status ") + NGX_INT_T_LEN);

    if (p) {
        error->data = p;
        error->len = ngx_sprintf(p, "status %ui", push->message.status) - p;
    }
}


/* when it is tried again, 0: not at all */

static int64_t
ngx_triggers_push_next(ngx_triggers_push_t *push, int64_t now)
{
    int64_t                         delay, jitter, least;
    ngx_triggers_deliverer_conf_t  *conf;

    conf = push->endpoint->deliverer->conf;

    if (push->delivery.gone || push->attempts >= conf->nschedule) {
        return 0;
    }

    /* so that what has failed together is not tried together again */

    delay = conf->schedule[push->attempts];
    jitter = delay * NGX_TRIGGERS_PUSH_JITTER / 100;
    delay += ngx_random() % (2 * jitter + 1) - jitter;

    least = (int64_t) ngx_triggers_push_pause(push);

    return now + ngx_max(delay, least);
}


/* what the endpoint was before does not speak for it */

static ngx_uint_t
ngx_triggers_push_is_current(ngx_triggers_push_t *push)
{
    return push->delivery.generation == push->endpoint->webhook.generation;
}


/* for how long the answer asks to be left alone, in ms */

static uint64_t
ngx_triggers_push_pause(ngx_triggers_push_t *push)
{
    ngx_uint_t  status;

    status = push->message.status;

    if ((status != 429 && status != 503)
        || !ngx_triggers_push_is_current(push))
    {
        return 0;
    }

    return (uint64_t) push->message.retry_after * 1000;
}


/*
 * What an answer says of the endpoint, for the breaker.  One that refuses an
 * event for what it is works, and must not keep the events of others waiting;
 * one that asks to be left alone for a time is, see below.
 */

static ngx_int_t
ngx_triggers_push_verdict(ngx_triggers_message_t *message)
{
    switch (message->status) {

    case 400:
    case 413:
    case 415:
    case 422:
    case 431:
        return NGX_OK;

    case 429:
    case 503:
        return message->retry_after ? NGX_DECLINED : NGX_ERROR;

    default:
        return (message->status >= 200 && message->status < 300) ? NGX_OK
                                                                  : NGX_ERROR;
    }
}


/*
 * A window that grows by one with each success and is halved by each failure:
 * endpoints that hang keep few places of those that work.
 */

static void
ngx_triggers_push_breaker(ngx_triggers_push_t *push, ngx_uint_t taken,
    uint64_t now)
{
    u_char                    id[NGX_TRIGGERS_UUID_TEXT];
    uint64_t                  wait;
    ngx_uint_t                state;
    ngx_triggers_message_t   *message;
    ngx_triggers_endpoint_t  *endpoint;

    endpoint = push->endpoint;
    message = &push->message;
    state = ngx_triggers_breaker_state(&endpoint->breaker);

    if (taken) {
        endpoint->window = ngx_min(endpoint->window + 1,
                                   endpoint->deliverer->conf->concurrency);
    } else {
        endpoint->window = ngx_max(endpoint->window / 2, 1);
    }

    ngx_triggers_breaker_result(&endpoint->breaker, push->epoch,
                                ngx_triggers_push_verdict(message), now);

    if (ngx_triggers_breaker_state(&endpoint->breaker) != state) {
        ngx_triggers_push_breaker_tell(push);
    }

    wait = ngx_triggers_breaker_wait(&endpoint->breaker, now);

    push->delivery.failures = endpoint->breaker.failures;
    push->delivery.open_until = wait ? ngx_triggers_wall_ms() + wait : 0;

    if (wait && wait <= NGX_TRIGGERS_BREAKER_MIN && !taken
        && endpoint->breaker.failures == NGX_TRIGGERS_BREAKER_FAILURES)
    {
        (void) ngx_triggers_push_uuid(id, endpoint->webhook.id);

        ngx_log_error(NGX_LOG_WARN, endpoint->deliverer->log, 0,
                      "triggers store \"%V\": webhook %*s does not work, "
                      "deliveries to it are held back",
                      &endpoint->deliverer->zone->name, sizeof(id), id);
    }

    /*
     * Other messages are not wanted there either, nor sooner because one that
     * was on its way has been asked to wait for less.
     */

    wait = ngx_triggers_push_pause(push);

    if (wait) {
        endpoint->paused = ngx_max(endpoint->paused, now + wait);
    }
}


static void
ngx_triggers_push_breaker_tell(ngx_triggers_push_t *push)
{
    switch (ngx_triggers_breaker_state(&push->endpoint->breaker)) {

    case NGX_TRIGGERS_BREAKER_CLOSED:
        ngx_triggers_endpoint_tell(push->endpoint, NGX_TRIGGERS_LEVEL_INFO,
                                   ngx_triggers_push_owner(push),
                                   "works again");
        break;

    case NGX_TRIGGERS_BREAKER_OPEN:
        ngx_triggers_endpoint_tell(push->endpoint, NGX_TRIGGERS_LEVEL_WARN,
                                   ngx_triggers_push_owner(push),
                                   "does not work, deliveries are held back");
        break;
    }
}


/* an attempt that has failed; no more of the endpoint than its id */

static void
ngx_triggers_push_tell(ngx_triggers_push_t *push, uint64_t now)
{
    u_char                    *p, id[NGX_TRIGGERS_UUID_TEXT];
    u_char                     next[sizeof(", next in  ms") + NGX_INT64_LEN];
    ngx_triggers_delivery_t   *delivery;
    ngx_triggers_deliverer_t  *d;

    d = push->endpoint->deliverer;
    delivery = &push->delivery;

    /* others on their way to it will come back with the same */

    if (delivery->gone && !push->endpoint->gone) {
        push->endpoint->gone = 1;

        ngx_triggers_endpoint_tell(push->endpoint, NGX_TRIGGERS_LEVEL_WARN,
                                   ngx_triggers_push_owner(push),
                                   "answered 410 and is disabled");
    }

    if (!ngx_triggers_feed_may(&d->failures, now)) {
        return;
    }

    if (delivery->next_at) {
        p = ngx_sprintf(next, ", next in %L ms",
                        delivery->next_at - ngx_triggers_wall_ms());
    } else {
        p = ngx_sprintf(next, ", the last");
    }

    (void) ngx_triggers_push_uuid(id, push->endpoint->webhook.id);

    (void) ngx_triggers_feed_log(&d->zone->sh->feed, d->owner->slot,
                                 NGX_TRIGGERS_LEVEL_WARN, push->id,
                                 &push->user_id, "delivery to webhook %*s "
                                 "failed: %V, attempt %ui, %L ms%*s",
                                 sizeof(id), id, &delivery->error,
                                 push->attempts + 1, delivery->duration,
                                 (size_t) (p - next), next);
}


ngx_str_t *
ngx_triggers_push_owner(ngx_triggers_push_t *push)
{
    return push->endpoint->webhook.configured ? NULL : &push->user_id;
}


static u_char *
ngx_triggers_push_uuid(u_char *p, u_char *id)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TRIGGERS_ID_LEN; i++) {
        p = ngx_hex_dump(p, &id[i], 1);

        if (i == 3 || i == 5 || i == 7 || i == 9) {
            *p++ = '-';
        }
    }

    return p;
}


static ngx_triggers_push_t **
ngx_triggers_push_head(ngx_triggers_deliverer_t *d, int64_t webhook,
    int64_t seq)
{
    uint64_t  hash;

    hash = (uint64_t) seq + (uint64_t) webhook * 0x9e3779b97f4a7c15ull;
    hash ^= hash >> 32;

    return &d->heads[hash & (NGX_TRIGGERS_PUSHES_HEADS - 1)];
}
