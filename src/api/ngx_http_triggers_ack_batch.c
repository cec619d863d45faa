
/*
 * POST /v1/events/acknowledge/batch: acknowledges each of up to a thousand
 * events, in one commit.
 */


#include "ngx_http_triggers_batch.h"
#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_object.h"
#include "ngx_http_triggers_resources.h"


typedef struct {
    ngx_http_request_t      *r;
    ngx_http_triggers_batch_t  *batch;
} ngx_http_triggers_ack_t;


static ngx_int_t ngx_http_triggers_ack_body(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_http_triggers_object_t *object);
static ngx_int_t ngx_http_triggers_ack_ids(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_ack_id(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, json_t *value);
static ngx_int_t ngx_http_triggers_batch_acknowledged(ngx_http_request_t *r,
    ngx_triggers_result_t *result);
static ngx_int_t ngx_http_triggers_ack_answer(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch);
static void ngx_http_triggers_ack_write(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_http_triggers_item_t *item,
    ngx_triggers_text_t *text);


static const ngx_http_triggers_object_member_t
    ngx_http_triggers_ack_members[] =
{
    { "event_ids", 1, ngx_http_triggers_ack_ids, 0, 0, 0 },
    { NULL, 0, NULL, 0, 0, 0 }
};


ngx_int_t
ngx_http_triggers_batch_acknowledge(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_triggers_batch_t   *batch;
    ngx_http_triggers_object_t   object;

    batch = ngx_http_triggers_batch_alloc(r);
    if (batch == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_triggers_ack_body(r, batch, &object);

    rc = ngx_http_triggers_charge_body(r, rc, batch->items.nelts,
                                       &object.field, &object.message);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (batch->mutations.nelts == 0) {
        return ngx_http_triggers_ack_answer(r, batch);
    }

    return ngx_http_triggers_batch_submit(r, batch, 1,
                                         ngx_http_triggers_batch_acknowledged);
}


/* NGX_DECLINED: the object tells why */

static ngx_int_t
ngx_http_triggers_ack_body(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_http_triggers_object_t *object)
{
    ngx_int_t                 rc;
    ngx_http_triggers_ack_t   ack;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ack.r = r;
    ack.batch = batch;

    object->pool = r->pool;
    object->data = &ack;

    rc = ngx_http_triggers_object_read(object, &ctx->body,
                                       ngx_http_triggers_ack_members, 1);

    if (rc == NGX_OK && batch->items.nelts == 0) {
        return ngx_http_triggers_object_missing(object, "event_ids");
    }

    return rc;
}


static ngx_int_t
ngx_http_triggers_ack_ids(ngx_http_triggers_object_t *object, json_t *value)
{
    size_t                    i;
    json_t                   *item;
    ngx_http_triggers_ack_t  *ack;

    ack = object->data;

    if (!json_is_array(value) || json_array_size(value) == 0
        || json_array_size(value) > NGX_TRIGGERS_BATCH_MAX)
    {
        return ngx_http_triggers_object_refuse(object, "event_ids must be an "
                                               "array of 1 to %d ids",
                                               NGX_TRIGGERS_BATCH_MAX);
    }

    json_array_foreach(value, i, item) {

        if (ngx_http_triggers_ack_id(ack->r, ack->batch, item) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_ack_id(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, json_t *value)
{
    u_char                    id[NGX_TRIGGERS_ID_LEN];
    ngx_str_t                 text, copy, field, message;
    ngx_triggers_mutation_t  *mutation;

    ngx_str_null(&copy);

    if (json_is_string(value)) {
        text.data = (u_char *) json_string_value(value);
        text.len = json_string_length(value);
        ngx_http_triggers_clip(&text);

        copy.len = text.len;
        copy.data = ngx_pstrdup(r->pool, &text);

        if (copy.data == NULL) {
            return NGX_ERROR;
        }
    }

    if (copy.data == NULL || ngx_triggers_uuid_parse(&copy, id) != NGX_OK) {
        ngx_str_set(&field, "event_ids");
        ngx_str_set(&message, "the id is not a UUID");

        return ngx_http_triggers_batch_refuse(r, batch, &copy,
                                              NGX_HTTP_TRIGGERS_BAD_BODY,
                                              &field, &message);
    }

    mutation = ngx_http_triggers_batch_push(batch, &copy);
    if (mutation == NULL) {
        return NGX_ERROR;
    }

    ngx_http_triggers_mutation(r, mutation, NGX_TRIGGERS_OP_ACKNOWLEDGE);
    ngx_memcpy(mutation->id, id, NGX_TRIGGERS_ID_LEN);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_batch_acknowledged(ngx_http_request_t *r,
    ngx_triggers_result_t *result)
{
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    return ngx_http_triggers_ack_answer(r, ctx->batch);
}


static ngx_int_t
ngx_http_triggers_ack_answer(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch)
{
    return ngx_http_triggers_batch_send(r, batch, NGX_HTTP_OK, 0,
                                        ngx_http_triggers_ack_write);
}


static void
ngx_http_triggers_ack_write(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_http_triggers_item_t *item,
    ngx_triggers_text_t *text)
{
    ngx_triggers_mutation_t  *mutation;

    mutation = batch->mutations.elts;

    ngx_triggers_text_puts(text, ",\"event_id\":");
    ngx_triggers_text_uuid(text, mutation[item->mutation].id);
    ngx_triggers_text_puts(text, ",\"status\":\"acknowledged\","
                                 "\"acknowledged_at\":");
    ngx_triggers_text_time(text, mutation[item->mutation].time);
}
