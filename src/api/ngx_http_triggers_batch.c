
/*
 * Batches: items that were refused stand beside those that became mutations;
 * the answer tells of each, in the order in which they came.
 */


#include "ngx_http_triggers_batch.h"


#define NGX_HTTP_TRIGGERS_BATCH_ITEMS  64      /* to begin with */


static ngx_http_triggers_item_t *ngx_http_triggers_batch_item(
    ngx_http_triggers_batch_t *batch, ngx_str_t *name);
static ngx_uint_t ngx_http_triggers_item_judge(
    ngx_http_triggers_batch_t *batch, ngx_http_triggers_item_t *item);
static void ngx_http_triggers_item_fail(ngx_http_triggers_item_t *item,
    ngx_http_triggers_error_e error, const char *message);
static ngx_int_t ngx_http_triggers_batch_error(ngx_http_request_t *r,
    ngx_triggers_text_t *text);


ngx_http_triggers_batch_t *
ngx_http_triggers_batch_alloc(ngx_http_request_t *r)
{
    ngx_http_triggers_batch_t  *batch;

    batch = ngx_pcalloc(r->pool, sizeof(ngx_http_triggers_batch_t));
    if (batch == NULL) {
        return NULL;
    }

    if (ngx_array_init(&batch->items, r->pool, NGX_HTTP_TRIGGERS_BATCH_ITEMS,
                       sizeof(ngx_http_triggers_item_t))
           != NGX_OK
        || ngx_array_init(&batch->mutations, r->pool,
                          NGX_HTTP_TRIGGERS_BATCH_ITEMS,
                          sizeof(ngx_triggers_mutation_t))
           != NGX_OK)
    {
        return NULL;
    }

    return batch;
}


ngx_triggers_mutation_t *
ngx_http_triggers_batch_push(ngx_http_triggers_batch_t *batch,
    ngx_str_t *name)
{
    ngx_triggers_mutation_t   *mutation;
    ngx_http_triggers_item_t  *item;

    item = ngx_http_triggers_batch_item(batch, name);
    if (item == NULL) {
        return NULL;
    }

    item->mutation = batch->mutations.nelts;

    mutation = ngx_array_push(&batch->mutations);
    if (mutation == NULL) {
        return NULL;
    }

    ngx_memzero(mutation, sizeof(ngx_triggers_mutation_t));

    return mutation;
}


ngx_int_t
ngx_http_triggers_batch_refuse(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_str_t *name,
    ngx_http_triggers_error_e error, ngx_str_t *field, ngx_str_t *message)
{
    ngx_http_triggers_item_t  *item;

    item = ngx_http_triggers_batch_item(batch, name);
    if (item == NULL) {
        return NGX_ERROR;
    }

    item->refused = 1;
    item->error = error;

    item->message.len = message->len;
    item->message.data = ngx_pstrdup(r->pool, message);

    if (item->message.data == NULL) {
        return NGX_ERROR;
    }

    if (field->data) {
        item->field.len = field->len;
        item->field.data = ngx_pstrdup(r->pool, field);

        if (item->field.data == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_batch_submit(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_uint_t wait,
    ngx_http_triggers_commit_pt handler)
{
    ngx_triggers_batch_t      submitted;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    ctx->batch = batch;

    batch->codes = ngx_pcalloc(r->pool, batch->mutations.nelts);
    if (batch->codes == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    submitted.mutations = batch->mutations.elts;
    submitted.n = batch->mutations.nelts;
    submitted.codes = batch->codes;

    return ngx_http_triggers_submit(r, &submitted, wait, handler);
}


void
ngx_http_triggers_batch_judge(ngx_http_triggers_batch_t *batch)
{
    ngx_uint_t                 i;
    ngx_http_triggers_item_t  *item;

    item = batch->items.elts;

    for (i = 0; i < batch->items.nelts; i++) {
        batch->succeeded += ngx_http_triggers_item_judge(batch, &item[i]);
    }
}


ngx_int_t
ngx_http_triggers_batch_send(ngx_http_request_t *r,
    ngx_http_triggers_batch_t *batch, ngx_uint_t status, ngx_uint_t failed,
    ngx_http_triggers_item_pt write)
{
    ngx_uint_t                 i, n;
    ngx_triggers_text_t        text;
    ngx_http_triggers_ctx_t   *ctx;
    ngx_http_triggers_item_t  *item;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ngx_http_triggers_batch_judge(batch);

    item = batch->items.elts;
    n = batch->items.nelts;

    ngx_triggers_text_init(&text, r->pool);

    ngx_triggers_text_puts(&text, "{\"success_count\":");
    ngx_triggers_text_number(&text, batch->succeeded);
    ngx_triggers_text_puts(&text, ",\"failure_count\":");
    ngx_triggers_text_number(&text, n - batch->succeeded);
    ngx_triggers_text_puts(&text, ",\"results\":[");

    for (i = 0; i < n; i++) {
        ngx_triggers_text_puts(&text, i ? ",{\"index\":" : "{\"index\":");
        ngx_triggers_text_number(&text, i);

        if (item[i].refused) {
            ngx_triggers_text_puts(&text, ",");
            ngx_http_triggers_batch_write_error(r, &item[i], &text);

        } else {
            write(r, batch, &item[i], &text);
        }

        ngx_triggers_text_puts(&text, "}");
    }

    ngx_triggers_text_puts(&text, "],\"request_id\":");
    ngx_triggers_text_string(&text, &ctx->request_id);

    if (failed && batch->succeeded == 0) {
        status = failed;

        if (ngx_http_triggers_batch_error(r, &text) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ngx_triggers_text_puts(&text, "}");

    return ngx_http_triggers_send_text(r, status, &text);
}


void
ngx_http_triggers_batch_write_error(ngx_http_request_t *r,
    ngx_http_triggers_item_t *item, ngx_triggers_text_t *text)
{
    ngx_str_t                 code, field, unused;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ngx_http_triggers_error_text(item->error, ctx->v1, &code, &unused);

    if (item->name.data) {
        ngx_triggers_text_puts(text, "\"event_id\":");
        ngx_triggers_text_string(text, &item->name);
        ngx_triggers_text_puts(text, ",");
    }

    ngx_triggers_text_puts(text, "\"error\":{\"code\":");
    ngx_triggers_text_string(text, &code);
    ngx_triggers_text_puts(text, ",\"message\":");
    ngx_triggers_text_string(text, &item->message);
    ngx_triggers_text_puts(text, ",\"details\":{");

    if (item->field.data) {
        field = item->field;
        ngx_http_triggers_clip(&field);

        ngx_triggers_text_puts(text, "\"field\":");
        ngx_triggers_text_string(text, &field);
    }

    ngx_triggers_text_puts(text, "}}");
}


static ngx_http_triggers_item_t *
ngx_http_triggers_batch_item(ngx_http_triggers_batch_t *batch,
    ngx_str_t *name)
{
    ngx_http_triggers_item_t  *item;

    item = ngx_array_push(&batch->items);
    if (item == NULL) {
        return NULL;
    }

    ngx_memzero(item, sizeof(ngx_http_triggers_item_t));

    if (name) {
        item->name = *name;
    }

    return item;
}


/* 1 for an item that has succeeded; the code of another becomes an error */

static ngx_uint_t
ngx_http_triggers_item_judge(ngx_http_triggers_batch_t *batch,
    ngx_http_triggers_item_t *item)
{
    if (item->refused) {
        return 0;
    }

    switch (batch->codes[item->mutation]) {

    case NGX_TRIGGERS_RC_OK:
        return 1;

    case NGX_TRIGGERS_RC_REPLAY:

        if (batch->replays[item->mutation].created_at) {
            return 1;
        }

        ngx_http_triggers_item_fail(item, NGX_HTTP_TRIGGERS_UNAVAILABLE,
                                    "the event of the idempotency key could "
                                    "not be looked up");
        return 0;

    case NGX_TRIGGERS_RC_NOT_FOUND:
        ngx_http_triggers_item_fail(item, NGX_HTTP_TRIGGERS_NOT_FOUND,
                                    "there is no such event");
        return 0;

    case NGX_TRIGGERS_RC_CONFLICT:
        ngx_http_triggers_item_fail(item, NGX_HTTP_TRIGGERS_CONFLICT,
                                    "the event is acknowledged already");
        return 0;

    case NGX_TRIGGERS_RC_LEASE_OVER:
    case NGX_TRIGGERS_RC_NOT_LEASED:

        /* the item before may have been the last one of its lease */

        ngx_http_triggers_item_fail(item, NGX_HTTP_TRIGGERS_CONFLICT,
                                    "the event is not in the lease");
        return 0;

    case NGX_TRIGGERS_RC_KEY_REUSED:
        ngx_http_triggers_item_fail(item, NGX_HTTP_TRIGGERS_KEY_REUSED,
                                    "the idempotency key was used for "
                                    "another event");
        return 0;

    default:
        ngx_http_triggers_item_fail(item, NGX_HTTP_TRIGGERS_INTERNAL,
                                    "the store refused the record");
        return 0;
    }
}


static void
ngx_http_triggers_item_fail(ngx_http_triggers_item_t *item,
    ngx_http_triggers_error_e error, const char *message)
{
    item->refused = 1;
    item->error = error;
    item->message.data = (u_char *) message;
    item->message.len = ngx_strlen(message);
}


static ngx_int_t
ngx_http_triggers_batch_error(ngx_http_request_t *r,
    ngx_triggers_text_t *text)
{
    char                     *s;
    json_t                   *error;
    ngx_str_t                 code, message;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ngx_http_triggers_error_text(NGX_HTTP_TRIGGERS_BAD_BODY, ctx->v1, &code,
                                 &message);
    ngx_str_set(&message, "no item of the batch was accepted");

    ctx->error = code;

    error = ngx_http_triggers_error_object(r, &code, &message, NULL);
    s = error ? json_dumps(error, JSON_COMPACT) : NULL;
    json_decref(error);

    if (s == NULL) {
        return NGX_ERROR;
    }

    ngx_triggers_text_puts(text, ",\"error\":");
    ngx_triggers_text_puts(text, s);

    free(s);

    return NGX_OK;
}
