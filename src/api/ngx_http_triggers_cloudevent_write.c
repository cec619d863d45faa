
/*
 * Writes events as CloudEvents in the JSON format; the header has the mapping.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_cloudevent.h"
#include "ngx_http_triggers_cloudevent_stored.h"


static void ngx_http_triggers_write_extensions(ngx_triggers_text_t *text,
    ngx_str_t *metadata, ngx_http_triggers_stored_t *stored);
static void ngx_http_triggers_write_data(ngx_triggers_text_t *text,
    ngx_http_triggers_stored_t *stored);


void
ngx_http_triggers_cloudevent_write(ngx_triggers_text_t *text,
    ngx_triggers_row_t *row)
{
    ngx_str_t                   source, *id, *time;
    ngx_triggers_event_t       *event;
    ngx_http_triggers_stored_t  stored;

    event = &row->event;

    if (ngx_http_triggers_stored_read(text->pool, event, &stored) != NGX_OK
        || ngx_http_triggers_stored_source(text->pool, event, &stored,
                                           &source)
           != NGX_OK)
    {
        text->failed = 1;
        return;
    }

    id = &stored.known[NGX_HTTP_TRIGGERS_CE_ID];
    time = &stored.known[NGX_HTTP_TRIGGERS_CE_TIME];

    ngx_triggers_text_puts(text, "{\"specversion\":\"1.0\",\"id\":");

    if (stored.is_cloudevent) {
        ngx_triggers_text_add(text, id->data, id->len);

    } else {
        ngx_triggers_text_uuid(text, event->id);
    }

    ngx_triggers_text_puts(text, ",\"source\":");
    ngx_triggers_text_string(text, &source);
    ngx_triggers_text_puts(text, ",\"type\":");
    ngx_triggers_text_string(text, &stored.type);
    ngx_triggers_text_puts(text, ",\"time\":");

    if (time->data) {
        ngx_triggers_text_add(text, time->data, time->len);

    } else {
        ngx_triggers_text_time(text, event->created_at);
    }

    if (event->metadata.data) {
        ngx_http_triggers_write_extensions(text, &event->metadata, &stored);
    }

    ngx_http_triggers_write_data(text, &stored);

    ngx_triggers_text_puts(text, "}");
}


static void
ngx_http_triggers_write_extensions(ngx_triggers_text_t *text,
    ngx_str_t *metadata, ngx_http_triggers_stored_t *stored)
{
    ngx_int_t                       rc;
    ngx_triggers_json_walk_t        walk;
    ngx_triggers_json_member_t      member;
    ngx_http_triggers_attribute_t   a;

    ngx_triggers_json_walk_init(&walk, metadata, 0);

    while (ngx_triggers_json_next(&walk, &member) == NGX_OK) {

        rc = ngx_http_triggers_stored_attribute(text->pool, stored, &member,
                                                &a);
        text->failed |= (rc == NGX_ERROR);

        if (rc != NGX_OK) {
            continue;
        }

        ngx_triggers_text_puts(text, ",\"");
        ngx_triggers_text_add(text, a.name.data, a.name.len);
        ngx_triggers_text_puts(text, "\":");
        ngx_triggers_text_add(text, a.text.data, a.text.len);
    }

    ngx_triggers_json_walk_done(&walk);
}


/*
 * JSON Event Format, section 3.1: data without a type is JSON, while nothing
 * may be said of binary data that came without one.
 */

static void
ngx_http_triggers_write_data(ngx_triggers_text_t *text,
    ngx_http_triggers_stored_t *stored)
{
    ngx_str_t  *type;

    type = &stored->known[NGX_HTTP_TRIGGERS_CE_DATACONTENTTYPE];

    if (type->data) {
        ngx_triggers_text_puts(text, ",\"datacontenttype\":");
        ngx_triggers_text_add(text, type->data, type->len);

    } else if (stored->kind == NGX_HTTP_TRIGGERS_CE_OBJECT
               || stored->kind == NGX_HTTP_TRIGGERS_CE_VALUE)
    {
        ngx_triggers_text_puts(text,
                               ",\"datacontenttype\":\"application/json\"");
    }

    if (stored->kind == NGX_HTTP_TRIGGERS_CE_NONE) {
        return;
    }

    ngx_triggers_text_puts(text, stored->kind == NGX_HTTP_TRIGGERS_CE_BASE64
                                 ? ",\"data_base64\":" : ",\"data\":");
    ngx_triggers_text_add(text, stored->data.data, stored->data.len);
}
