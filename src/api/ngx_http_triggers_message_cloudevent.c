
/*
 * CloudEvents 1.0 over HTTP in the binary mode ("HTTP Protocol Binding",
 * section 3.1), on the way out: attributes are headers, the data is the body.
 * A message takes a bounded number of headers; of an event with more
 * extensions than fit the last ones are left out.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_cloudevent_stored.h"
#include "ngx_http_triggers_message.h"
#include "ngx_triggers_time.h"
#include "ngx_triggers_uuid.h"


static ngx_int_t ngx_http_triggers_headers_required(ngx_pool_t *pool,
    ngx_triggers_event_t *event, ngx_http_triggers_stored_t *stored,
    ngx_triggers_message_t *message);
static ngx_int_t ngx_http_triggers_headers_extensions(ngx_pool_t *pool,
    ngx_str_t *metadata, ngx_http_triggers_stored_t *stored,
    ngx_triggers_message_t *message);
static ngx_int_t ngx_http_triggers_headers_data(ngx_pool_t *pool,
    ngx_http_triggers_stored_t *stored, ngx_triggers_message_t *message);
static ngx_int_t ngx_http_triggers_headers_add(ngx_pool_t *pool,
    ngx_triggers_message_t *message, ngx_str_t *name, ngx_str_t *value);


ngx_int_t
ngx_http_triggers_cloudevent_message(ngx_pool_t *pool,
    ngx_triggers_row_t *row, ngx_triggers_message_t *message)
{
    ngx_int_t                   rc;
    ngx_triggers_event_t       *event;
    ngx_http_triggers_stored_t  stored;

    event = &row->event;

    rc = ngx_http_triggers_stored_read(pool, event, &stored);

    if (rc == NGX_OK) {
        rc = ngx_http_triggers_headers_required(pool, event, &stored,
                                                message);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_triggers_headers_data(pool, &stored, message);
    }

    if (rc == NGX_OK && event->metadata.data) {
        rc = ngx_http_triggers_headers_extensions(pool, &event->metadata,
                                                  &stored, message);
    }

    return rc;
}


static ngx_int_t
ngx_http_triggers_headers_required(ngx_pool_t *pool,
    ngx_triggers_event_t *event, ngx_http_triggers_stored_t *stored,
    ngx_triggers_message_t *message)
{
    u_char      id_text[NGX_TRIGGERS_UUID_LEN];
    u_char      time_text[NGX_TRIGGERS_TIME_LEN];
    ngx_str_t   id, source, time;
    ngx_uint_t  i;

    struct {
        ngx_str_t   name;
        ngx_str_t  *value;
    } headers[] = {
        { ngx_string("id"), &id },
        { ngx_string("source"), &source },
        { ngx_string("type"), &stored->type },
        { ngx_string("time"), &time }
    };

    id = stored->plain[NGX_HTTP_TRIGGERS_CE_ID];
    time = stored->plain[NGX_HTTP_TRIGGERS_CE_TIME];

    if (!stored->is_cloudevent) {
        (void) ngx_triggers_uuid_format(id_text, event->id);
        id.data = id_text;
        id.len = NGX_TRIGGERS_UUID_LEN;
    }

    if (time.data == NULL) {
        (void) ngx_triggers_time_format(time_text, event->created_at);
        time.data = time_text;
        time.len = NGX_TRIGGERS_TIME_LEN;
    }

    if (ngx_http_triggers_stored_source(pool, event, stored, &source)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    message->headers[message->nheaders++] = (char *) "ce-specversion: 1.0";

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (ngx_http_triggers_headers_add(pool, message, &headers[i].name,
                                          headers[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_headers_extensions(ngx_pool_t *pool, ngx_str_t *metadata,
    ngx_http_triggers_stored_t *stored, ngx_triggers_message_t *message)
{
    ngx_int_t                       rc;
    ngx_triggers_json_walk_t        walk;
    ngx_triggers_json_member_t      member;
    ngx_http_triggers_attribute_t   a;

    rc = NGX_OK;

    ngx_triggers_json_walk_init(&walk, metadata, 0);

    while (rc != NGX_ERROR
           && ngx_triggers_json_next(&walk, &member) == NGX_OK)
    {
        rc = ngx_http_triggers_stored_attribute(pool, stored, &member, &a);

        if (rc == NGX_OK) {
            rc = ngx_http_triggers_headers_add(pool, message, &a.name,
                                               a.plain.data ? &a.plain
                                                            : &a.text);
        }
    }

    ngx_triggers_json_walk_done(&walk);

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* nothing may be said of binary data that came without a type */

static ngx_int_t
ngx_http_triggers_headers_data(ngx_pool_t *pool,
    ngx_http_triggers_stored_t *stored, ngx_triggers_message_t *message)
{
    ngx_str_t  plain, *type;

    type = &stored->plain[NGX_HTTP_TRIGGERS_CE_DATACONTENTTYPE];

    message->headers[message->nheaders++] =
                             (stored->kind == NGX_HTTP_TRIGGERS_CE_OBJECT
                              || stored->kind == NGX_HTTP_TRIGGERS_CE_VALUE)
                             ? (char *) "Content-Type: application/json"
                             : (char *) "Content-Type:";

    if (type->data) {
        message->nheaders--;

        if (ngx_http_triggers_message_header(pool, message, "Content-Type",
                                             type)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (stored->kind == NGX_HTTP_TRIGGERS_CE_NONE) {
        ngx_str_null(&message->body);
        return NGX_OK;
    }

    message->body.len = 0;
    message->body.data = ngx_pnalloc(pool, stored->data.len);

    if (message->body.data == NULL) {
        return NGX_ERROR;
    }

    if (stored->kind != NGX_HTTP_TRIGGERS_CE_BASE64) {
        message->body.len = stored->data.len;
        ngx_memcpy(message->body.data, stored->data.data, stored->data.len);
        return NGX_OK;
    }

    if (ngx_http_triggers_attribute_string(pool, &stored->data, &plain)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_decode_base64(&message->body, &plain);
}


/*
 * Section 3.1.3.2: a value's space, quote, percent sign, and whatever is not
 * a printable character of ASCII are encoded.
 */

static ngx_int_t
ngx_http_triggers_headers_add(ngx_pool_t *pool,
    ngx_triggers_message_t *message, ngx_str_t *name, ngx_str_t *value)
{
    u_char  *p, c;
    size_t   i;

    static u_char  hex[] = "0123456789ABCDEF";

    if (message->nheaders == NGX_TRIGGERS_MESSAGE_HEADERS) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, sizeof("ce-: ") + name->len + 3 * value->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    message->headers[message->nheaders++] = (char *) p;

    p = ngx_cpymem(p, "ce-", sizeof("ce-") - 1);
    p = ngx_cpymem(p, name->data, name->len);
    *p++ = ':';
    *p++ = ' ';

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (c > 0x20 && c < 0x7f && c != '"' && c != '%') {
            *p++ = c;

        } else {
            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 0x0f];
        }
    }

    *p = '\0';

    return NGX_OK;
}
