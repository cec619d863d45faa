
/*
 * POST /events and POST /v1/events: an event is decoded, handed to the
 * drainer and, by default, answered when it has been committed.
 */


#include "ngx_http_triggers_cloudevent.h"
#include "ngx_http_triggers_debug.h"
#include "ngx_http_triggers_decode.h"
#include "ngx_http_triggers_event.h"
#include "ngx_http_triggers_idempotency.h"
#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_time.h"


#define NGX_HTTP_TRIGGERS_USER_AGENT_MAX  512


static ngx_int_t ngx_http_triggers_event_decode(ngx_http_request_t *r,
    ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error);
static ngx_int_t ngx_http_triggers_event_binary(ngx_http_request_t *r,
    ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error);
static ngx_int_t ngx_http_triggers_event_idempotency(ngx_http_request_t *r,
    ngx_triggers_mutation_t *mutation, ngx_str_t *key);
static ngx_int_t ngx_http_triggers_event_key(ngx_http_request_t *r,
    ngx_str_t *key);
static void ngx_http_triggers_event_context(ngx_http_request_t *r,
    ngx_triggers_event_t *event);
static ngx_uint_t ngx_http_triggers_is_printable(ngx_str_t *value);
static ngx_int_t ngx_http_triggers_event_committed(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_event_created(ngx_http_request_t *r,
    ngx_triggers_result_t *result);


ngx_int_t
ngx_http_triggers_event_create(ngx_http_request_t *r)
{
    ngx_int_t                          rc;
    ngx_str_t                          key;
    ngx_uint_t                         wait;
    ngx_triggers_mutation_t            mutation;
    ngx_http_triggers_ctx_t           *ctx;
    ngx_http_triggers_loc_conf_t      *tlcf;
    ngx_http_triggers_decode_error_t   error;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    if (ctx->media == NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT_BATCH) {
        return ngx_http_triggers_batch_create(r);
    }

    rc = ngx_http_triggers_debug(r);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_memzero(&mutation, sizeof(ngx_triggers_mutation_t));

    rc = ngx_http_triggers_event_decode(r, &mutation.event, &key, &error);

    rc = ngx_http_triggers_charge_body(r, rc, 1, &error.field,
                                       &error.message);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_triggers_event_idempotency(r, &mutation, &key);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_http_triggers_event_mutation(r, &mutation);

    mutation.fail = (ctx->debug == NGX_HTTP_TRIGGERS_DEBUG_DEAD_LETTER);

    ngx_memcpy(ctx->event_id, mutation.id, NGX_TRIGGERS_ID_LEN);
    ctx->has_event_id = 1;

    /* whether a key has been used before is known by the commit only */

    wait = tlcf->synchronous_commit || key.data || ctx->debug;

    return ngx_http_triggers_submit_one(r, &mutation, wait,
                                        ngx_http_triggers_event_committed);
}


void
ngx_http_triggers_event_mutation(ngx_http_request_t *r,
    ngx_triggers_mutation_t *mutation)
{
    ngx_http_triggers_ctx_t        *ctx;
    ngx_http_triggers_main_conf_t  *tmcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tmcf = ngx_http_get_module_main_conf(r, ngx_http_triggers_module);

    mutation->op = NGX_TRIGGERS_OP_CREATE;
    mutation->time = ngx_http_triggers_now();
    mutation->user_id = ctx->key->user_id;

    ngx_triggers_uuid_v7(&tmcf->uuid, mutation->time, mutation->id);

    ngx_http_triggers_event_context(r, &mutation->event);
}


static ngx_int_t
ngx_http_triggers_event_decode(ngx_http_request_t *r,
    ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error)
{
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    switch (ctx->media) {

    case NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT:
        return ngx_http_triggers_cloudevent_decode(r->pool, &ctx->body, event,
                                                   key, error);

    case NGX_HTTP_TRIGGERS_MEDIA_CLOUDEVENT_BINARY:
        return ngx_http_triggers_event_binary(r, event, key, error);

    default:
        return ngx_http_triggers_decode_event(r->pool, &ctx->body, ctx->v1,
                                              event, key, error);
    }
}


/* the attributes are headers, the body is the data */

static ngx_int_t
ngx_http_triggers_event_binary(ngx_http_request_t *r,
    ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error)
{
    ngx_str_t                 type;
    ngx_uint_t                i;
    ngx_array_t               attributes;
    ngx_keyval_t             *attribute;
    ngx_list_part_t          *part;
    ngx_table_elt_t          *h;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ngx_array_init(&attributes, r->pool, 8, sizeof(ngx_keyval_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len <= sizeof("ce-") - 1
            || ngx_strncmp(h[i].lowcase_key, "ce-", sizeof("ce-") - 1) != 0)
        {
            continue;
        }

        attribute = ngx_array_push(&attributes);
        if (attribute == NULL) {
            return NGX_ERROR;
        }

        attribute->key.data = h[i].lowcase_key + sizeof("ce-") - 1;
        attribute->key.len = h[i].key.len - (sizeof("ce-") - 1);
        attribute->value = h[i].value;
    }

    ngx_str_null(&type);

    if (r->headers_in.content_type) {
        type = r->headers_in.content_type->value;
    }

    return ngx_http_triggers_cloudevent_decode_binary(r->pool, &attributes,
                                                      &type, &ctx->body,
                                                      event, key, error);
}


/* NGX_DECLINED: the key, if there is one, is set, go on; else as a handler */

static ngx_int_t
ngx_http_triggers_event_idempotency(ngx_http_request_t *r,
    ngx_triggers_mutation_t *mutation, ngx_str_t *key)
{
    ngx_int_t                 rc;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    rc = ngx_http_triggers_event_key(r, key);

    if (rc == NGX_OK && key->data) {
        rc = ngx_http_triggers_idempotency_hash(r->pool, &ctx->key->user_id,
                                                &mutation->event, key);
        mutation->idempotency = *key;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_PARAMETER,
                                       "Idempotency-Key",
                                       "the Idempotency-Key must be 1 to %d "
                                       "printable characters, bare or quoted, "
                                       "and equal metadata.idempotency_key "
                                       "where both are given",
                                       NGX_HTTP_TRIGGERS_IDEMPOTENCY_KEY_MAX);
    }

    return NGX_DECLINED;
}


/*
 * The key of the header, which has to be that of the metadata if both are
 * there.  That of a CloudEvent is only what it is without a header.
 */

static ngx_int_t
ngx_http_triggers_event_key(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_int_t                 rc;
    ngx_str_t                 header;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    rc = ngx_http_triggers_idempotency_key(r->pool, &ctx->idempotency_key,
                                           &header);

    if (rc != NGX_OK || header.data == NULL) {
        return rc;
    }

    if (ctx->media == NGX_HTTP_TRIGGERS_MEDIA_JSON && key->data
        && (key->len != header.len
            || ngx_memcmp(key->data, header.data, key->len) != 0))
    {
        return NGX_DECLINED;
    }

    *key = header;

    return NGX_OK;
}


static void
ngx_http_triggers_event_context(ngx_http_request_t *r,
    ngx_triggers_event_t *event)
{
    ngx_str_t                *agent;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    event->source_ip = r->connection->addr_text;
    event->correlation_id = ctx->correlation_id;

    if (ctx->request_id.data != ctx->correlation_id.data) {
        event->request_id = ctx->request_id;
    }

    if (ctx->v1) {
        ngx_str_set(&event->api_version, "v1");

    } else {
        ngx_str_set(&event->api_version, "root");
    }

    if (r->headers_in.user_agent) {
        agent = &r->headers_in.user_agent->value;

        if (agent->len <= NGX_HTTP_TRIGGERS_USER_AGENT_MAX
            && ngx_http_triggers_is_printable(agent))
        {
            event->user_agent = *agent;
        }
    }

    event->traceparent = ctx->traceparent;
    event->tracestate = ctx->tracestate;
}


/* RFC 9110, section 5.5: anything else in a header is opaque bytes */

static ngx_uint_t
ngx_http_triggers_is_printable(ngx_str_t *value)
{
    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_triggers_event_committed(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    return ngx_http_triggers_debug_commit(r, result,
                                          ngx_http_triggers_event_created);
}


static ngx_int_t
ngx_http_triggers_event_created(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    size_t                    len;
    u_char                    id[NGX_HTTP_TRIGGERS_UUID_LEN];
    ngx_str_t                 value;
    ngx_buf_t                *b;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (result->rc == NGX_TRIGGERS_RC_KEY_REUSED) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_KEY_REUSED, NULL,
                                       "the idempotency key was used for "
                                       "another event");
    }

    if (result->rc == NGX_TRIGGERS_RC_REPLAY) {
        ngx_str_set(&value, "true");

        if (ngx_http_triggers_add_header(r, "Idempotent-Replayed", &value)
            == NULL)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memcpy(ctx->event_id, result->id, NGX_TRIGGERS_ID_LEN);
    }

    (void) ngx_triggers_uuid_format(id, ctx->event_id);

    len = sizeof("{\"event_id\":\"\",\"status\":\"accepted\","
                 "\"created_at\":\"\",\"message\":"
                 "\"Event ingested successfully\"")
          + sizeof(id) + NGX_TRIGGERS_TIME_LEN + NGX_HTTP_TRIGGERS_TAIL;

    b = ngx_create_temp_buf(r->pool, len);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_cpymem(b->last, "{\"event_id\":\"",
                         sizeof("{\"event_id\":\"") - 1);
    b->last = ngx_cpymem(b->last, id, sizeof(id));

    if (!ctx->v1) {
        b->last = ngx_cpymem(b->last, "\",\"status\":\"accepted\"",
                             sizeof("\",\"status\":\"accepted\"") - 1);

        return ngx_http_triggers_send_object(r, NGX_HTTP_OK, b, result->time);
    }

    if (ngx_http_triggers_add_location(r, "/v1/events/", ctx->event_id)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_cpymem(b->last, "\",\"status\":\"pending\"",
                         sizeof("\",\"status\":\"pending\"") - 1);
    b->last = ngx_http_triggers_write_time(b->last, "created_at",
                                           result->time);
    b->last = ngx_cpymem(b->last,
                         ",\"message\":\"Event ingested successfully\"",
                         sizeof(",\"message\":\"Event ingested successfully\"")
                         - 1);

    return ngx_http_triggers_send_object(r, NGX_HTTP_CREATED, b,
                                         result->time);
}
