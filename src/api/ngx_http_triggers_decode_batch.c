
/*
 * Decodes batches: the array is found and walked, each of its elements is
 * decoded as an event of its own would be.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_cloudevent.h"
#include "ngx_http_triggers_decode_batch.h"
#include "ngx_triggers_json.h"


static ngx_int_t ngx_http_triggers_decode_events(ngx_str_t *text,
    ngx_str_t *events, ngx_http_triggers_decode_error_t *error);
static ngx_int_t ngx_http_triggers_decode_item(ngx_pool_t *pool,
    ngx_str_t *text, ngx_uint_t cloudevents, size_t max_size,
    ngx_array_t *events);
static ngx_int_t ngx_http_triggers_decoded_refuse(ngx_pool_t *pool,
    ngx_http_triggers_decoded_t *item,
    ngx_http_triggers_decode_error_t *error);


ngx_int_t
ngx_http_triggers_decode_batch(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t cloudevents, size_t max_size, ngx_array_t *events,
    ngx_http_triggers_decode_error_t *error)
{
    ngx_int_t                  rc;
    ngx_str_t                  array;
    ngx_triggers_json_items_t  items;
    ngx_triggers_json_value_t  value;

    array = *text;

    if (!cloudevents) {
        rc = ngx_http_triggers_decode_events(text, &array, error);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_triggers_json_items_init(&items, &array);

    while ((rc = ngx_triggers_json_item(&items, &value)) == NGX_OK) {

        if (events->nelts == NGX_TRIGGERS_BATCH_MAX) {
            break;
        }

        if (ngx_http_triggers_decode_item(pool, &value.text, cloudevents,
                                          max_size, events)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (rc == NGX_ERROR) {
        return ngx_http_triggers_decode_refuse(error, NULL,
                                               "invalid JSON in the body: %s "
                                               "at byte %uz",
                                               items.error.reason,
                                               items.error.offset);
    }

    if (rc != NGX_DONE || events->nelts == 0) {
        return ngx_http_triggers_decode_refuse(error, "events",
                                               "the events must be an array "
                                               "of 1 to %d",
                                               NGX_TRIGGERS_BATCH_MAX);
    }

    return NGX_OK;
}


/* the text of the member "events", which has been validated */

static ngx_int_t
ngx_http_triggers_decode_events(ngx_str_t *text, ngx_str_t *events,
    ngx_http_triggers_decode_error_t *error)
{
    ngx_int_t                   rc;
    ngx_triggers_json_walk_t    walk;
    ngx_triggers_json_member_t  member;

    ngx_str_null(events);

    ngx_triggers_json_walk_init(&walk, text, NGX_TRIGGERS_JSON_UNIQUE
                                             |NGX_TRIGGERS_JSON_NO_NUL);

    while ((rc = ngx_triggers_json_next(&walk, &member)) == NGX_OK) {

        if (!ngx_triggers_json_name_is(&member, "events",
                                       sizeof("events") - 1))
        {
            ngx_triggers_json_walk_done(&walk);

            (void) ngx_http_triggers_decode_refuse(error, NULL,
                                                   "unknown member");
            error->field = member.name;

            return NGX_DECLINED;
        }

        *events = member.value.text;
    }

    ngx_triggers_json_walk_done(&walk);

    if (rc == NGX_ERROR) {

        if (walk.error.reason == NULL) {
            return NGX_ERROR;
        }

        return ngx_http_triggers_decode_refuse(error, NULL,
                                               "invalid JSON in the body: %s "
                                               "at byte %uz",
                                               walk.error.reason,
                                               walk.error.offset);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_triggers_decode_refuse(error, NULL,
                                               "the body must be a JSON "
                                               "object");
    }

    if (events->data == NULL) {
        return ngx_http_triggers_decode_refuse(error, "events",
                                               "events is required");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_decode_item(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t cloudevents, size_t max_size, ngx_array_t *events)
{
    ngx_int_t                          rc;
    ngx_http_triggers_decoded_t       *item;
    ngx_http_triggers_decode_error_t   error;

    item = ngx_array_push(events);
    if (item == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(item, sizeof(ngx_http_triggers_decoded_t));

    if (text->len > max_size) {
        item->too_large = 1;
        rc = ngx_http_triggers_decode_refuse(&error, NULL,
                                             "the event is larger than %uz "
                                             "bytes", max_size);

    } else if (cloudevents) {
        rc = ngx_http_triggers_cloudevent_decode(pool, text, &item->event,
                                                 &item->key, &error);

    } else {
        rc = ngx_http_triggers_decode_event(pool, text, 1, &item->event,
                                            &item->key, &error);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_triggers_decoded_refuse(pool, item, &error);
    }

    return rc;
}


/* the error's own texts are gone with the next item */

static ngx_int_t
ngx_http_triggers_decoded_refuse(ngx_pool_t *pool,
    ngx_http_triggers_decoded_t *item,
    ngx_http_triggers_decode_error_t *error)
{
    item->message.len = error->message.len;
    item->message.data = ngx_pnalloc(pool, error->message.len);

    if (item->message.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(item->message.data, error->message.data, error->message.len);

    item->field = error->field;

    return NGX_OK;
}
