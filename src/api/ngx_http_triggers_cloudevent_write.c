
/*
 * Writes events as CloudEvents in the JSON format; the header has the mapping.
 * Metadata may be any client's, whether the event came as a CloudEvent or not:
 * all that it says is checked again.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_attribute.h"
#include "ngx_http_triggers_cloudevent.h"


typedef enum {
    NGX_HTTP_TRIGGERS_CE_OBJECT = 0,           /* the payload is the data */
    NGX_HTTP_TRIGGERS_CE_NONE,
    NGX_HTTP_TRIGGERS_CE_VALUE,
    NGX_HTTP_TRIGGERS_CE_BASE64
} ngx_http_triggers_ce_data_e;


/* what is known of a stored event; texts are JSON */

typedef struct {
    ngx_uint_t               is_cloudevent;    /* flag: it came as one */
    ngx_str_t                known[NGX_HTTP_TRIGGERS_CE_EXTENSION];
    ngx_uint_t               kind;             /* …_ce_data_e */
    ngx_str_t                data;
} ngx_http_triggers_stored_t;


static void ngx_http_triggers_stored_read(ngx_triggers_text_t *text,
    ngx_triggers_event_t *event, ngx_http_triggers_stored_t *stored);
static void ngx_http_triggers_stored_data(ngx_triggers_text_t *text,
    ngx_str_t *payload, ngx_triggers_json_value_t *ce_data,
    ngx_http_triggers_stored_t *stored);
static void ngx_http_triggers_write_source(ngx_triggers_text_t *text,
    ngx_str_t *source, ngx_uint_t is_cloudevent);
static void ngx_http_triggers_write_uri(ngx_triggers_text_t *text,
    ngx_str_t *s);
static void ngx_http_triggers_write_extensions(ngx_triggers_text_t *text,
    ngx_str_t *metadata, ngx_uint_t is_cloudevent);
static void ngx_http_triggers_write_data(ngx_triggers_text_t *text,
    ngx_http_triggers_stored_t *stored);
static ngx_uint_t ngx_http_triggers_is_uri(ngx_str_t *s,
    ngx_uint_t *absolute);
static ngx_uint_t ngx_http_triggers_is_alphanumeric(u_char c);


void
ngx_http_triggers_cloudevent_write(ngx_triggers_text_t *text,
    ngx_triggers_row_t *row)
{
    ngx_str_t                   type, *id, *time;
    ngx_triggers_event_t       *event;
    ngx_http_triggers_stored_t  stored;

    event = &row->event;
    ngx_http_triggers_stored_read(text, event, &stored);

    id = &stored.known[NGX_HTTP_TRIGGERS_CE_ID];
    time = &stored.known[NGX_HTTP_TRIGGERS_CE_TIME];
    type = event->event_type;

    if (type.len == 0 || !ngx_http_triggers_attribute_is_string(&type)) {
        ngx_str_set(&type, "event");
    }

    ngx_triggers_text_puts(text, "{\"specversion\":\"1.0\",\"id\":");

    if (stored.is_cloudevent) {
        ngx_triggers_text_add(text, id->data, id->len);

    } else {
        ngx_triggers_text_uuid(text, event->id);
    }

    ngx_triggers_text_puts(text, ",\"source\":");
    ngx_http_triggers_write_source(text, &event->source,
                                   stored.is_cloudevent);

    ngx_triggers_text_puts(text, ",\"type\":");
    ngx_triggers_text_string(text, &type);
    ngx_triggers_text_puts(text, ",\"time\":");

    if (time->data) {
        ngx_triggers_text_add(text, time->data, time->len);

    } else {
        ngx_triggers_text_time(text, event->created_at);
    }

    if (event->metadata.data) {
        ngx_http_triggers_write_extensions(text, &event->metadata,
                                           stored.is_cloudevent);
    }

    ngx_http_triggers_write_data(text, &stored);

    ngx_triggers_text_puts(text, "}");
}


static void
ngx_http_triggers_stored_read(ngx_triggers_text_t *text,
    ngx_triggers_event_t *event, ngx_http_triggers_stored_t *stored)
{
    ngx_int_t                       rc;
    ngx_str_t                      *known;
    ngx_triggers_json_walk_t        walk;
    ngx_triggers_json_value_t       ce_data;
    ngx_triggers_json_member_t      member;
    ngx_http_triggers_attribute_t   a;

    ngx_memzero(stored, sizeof(ngx_http_triggers_stored_t));
    ngx_memzero(&ce_data, sizeof(ngx_triggers_json_value_t));

    stored->data = event->payload;
    known = stored->known;

    if (event->metadata.data == NULL) {
        return;
    }

    ngx_triggers_json_walk_init(&walk, &event->metadata, 0);

    while (ngx_triggers_json_next(&walk, &member) == NGX_OK) {

        if (ngx_triggers_json_name_is(&member, "ce_data",
                                      sizeof("ce_data") - 1))
        {
            ce_data = member.value;
            continue;
        }

        rc = ngx_http_triggers_attribute_read(text->pool, &member, &a);

        if (rc == NGX_OK && a.known != NGX_HTTP_TRIGGERS_CE_EXTENSION) {
            known[a.known] = a.text;
        }

        text->failed |= (rc == NGX_ERROR);
    }

    ngx_triggers_json_walk_done(&walk);

    if (known[NGX_HTTP_TRIGGERS_CE_SPECVERSION].data
        && known[NGX_HTTP_TRIGGERS_CE_ID].data)
    {
        stored->is_cloudevent = 1;
        ngx_http_triggers_stored_data(text, &event->payload, &ce_data,
                                      stored);
        return;
    }

    /* its payload is JSON, whatever is said there */

    ngx_str_null(&known[NGX_HTTP_TRIGGERS_CE_DATACONTENTTYPE]);
}


static void
ngx_http_triggers_stored_data(ngx_triggers_text_t *text, ngx_str_t *payload,
    ngx_triggers_json_value_t *ce_data, ngx_http_triggers_stored_t *stored)
{
    ngx_str_t                  plain;
    ngx_triggers_json_value_t  value;

    if (ce_data->type != NGX_TRIGGERS_JSON_STRING) {
        return;
    }

    if (ngx_triggers_json_string_is(&ce_data->text, (u_char *) "none",
                                    sizeof("none") - 1))
    {
        if (payload->len == sizeof("{}") - 1) {
            stored->kind = NGX_HTTP_TRIGGERS_CE_NONE;
        }

        return;
    }

    if (ngx_triggers_json_string_is(&ce_data->text, (u_char *) "value",
                                    sizeof("value") - 1))
    {
        ngx_triggers_json_get(payload, (u_char *) "data", sizeof("data") - 1,
                              &value);

        if (value.type != NGX_TRIGGERS_JSON_NONE) {
            stored->kind = NGX_HTTP_TRIGGERS_CE_VALUE;
            stored->data = value.text;
        }

        return;
    }

    if (!ngx_triggers_json_string_is(&ce_data->text, (u_char *) "base64",
                                     sizeof("base64") - 1))
    {
        return;
    }

    ngx_triggers_json_get(payload, (u_char *) "data_base64",
                          sizeof("data_base64") - 1, &value);

    if (value.type == NGX_TRIGGERS_JSON_STRING
        && ngx_http_triggers_attribute_string(text->pool, &value.text, &plain)
           == NGX_OK
        && ngx_http_triggers_attribute_is_base64(&plain))
    {
        stored->kind = NGX_HTTP_TRIGGERS_CE_BASE64;
        stored->data = value.text;
    }
}


/* a URI reference; what did not come in a CloudEvent may be any text */

static void
ngx_http_triggers_write_source(ngx_triggers_text_t *text, ngx_str_t *source,
    ngx_uint_t is_cloudevent)
{
    ngx_uint_t  absolute;

    if (source->len == 0) {
        ngx_triggers_text_puts(text, "\"/\"");

    } else if ((is_cloudevent
                && ngx_http_triggers_attribute_is_string(source))
               || ngx_http_triggers_is_uri(source, &absolute))
    {
        ngx_triggers_text_string(text, source);

    } else {
        ngx_http_triggers_write_uri(text, source);
    }
}


/* all but the unreserved characters is encoded: it becomes a path */

static void
ngx_http_triggers_write_uri(ngx_triggers_text_t *text, ngx_str_t *s)
{
    u_char     *p, c;
    size_t      i;
    ngx_str_t   uri;

    static u_char  hex[] = "0123456789ABCDEF";

    uri.data = ngx_pnalloc(text->pool, 3 * s->len);
    if (uri.data == NULL) {
        text->failed = 1;
        return;
    }

    p = uri.data;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if (ngx_http_triggers_is_alphanumeric(c)
            || c == '-' || c == '.' || c == '_' || c == '~' || c == '/')
        {
            *p++ = c;

        } else {
            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 0x0f];
        }
    }

    uri.len = p - uri.data;

    ngx_triggers_text_string(text, &uri);
}


static void
ngx_http_triggers_write_extensions(ngx_triggers_text_t *text,
    ngx_str_t *metadata, ngx_uint_t is_cloudevent)
{
    ngx_int_t                       rc;
    ngx_uint_t                      absolute;
    ngx_triggers_json_walk_t        walk;
    ngx_triggers_json_member_t      member;
    ngx_http_triggers_attribute_t   a;

    ngx_triggers_json_walk_init(&walk, metadata, 0);

    while (ngx_triggers_json_next(&walk, &member) == NGX_OK) {

        rc = ngx_http_triggers_attribute_read(text->pool, &member, &a);
        text->failed |= (rc == NGX_ERROR);

        if (rc != NGX_OK
            || a.known < NGX_HTTP_TRIGGERS_CE_DATASCHEMA
            || ngx_http_triggers_str_is(&a.name, "data"))
        {
            continue;
        }

        /* a URI, which what did not come in a CloudEvent need not be */

        if (a.known == NGX_HTTP_TRIGGERS_CE_DATASCHEMA && !is_cloudevent
            && (!ngx_http_triggers_is_uri(&a.plain, &absolute) || !absolute))
        {
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


/*
 * Is it a URI reference of RFC 3986, and one with a scheme?  Those with an
 * address in brackets are not looked at closely enough to be told.
 */

static ngx_uint_t
ngx_http_triggers_is_uri(ngx_str_t *s, ngx_uint_t *absolute)
{
    u_char      *p, *last;
    ngx_uint_t   fragments;

    static u_char  others[] = "-._~:/?#@!$&'()*+,;=%";

    last = s->data + s->len;
    fragments = 0;

    for (p = s->data; p < last; p++) {

        if (!ngx_http_triggers_is_alphanumeric(*p)
            && memchr(others, *p, sizeof(others) - 1) == NULL)
        {
            return 0;
        }

        if (*p == '%'
            && (last - p < 3 || ngx_hextoi(p + 1, 2) == NGX_ERROR))
        {
            return 0;
        }

        fragments += (*p == '#');
    }

    if (fragments > 1) {
        return 0;
    }

    /* a colon in the first segment ends a scheme */

    for (p = s->data; p < last && !ngx_strchr(":/?#", *p); p++) { /* void */ }

    *absolute = (p < last && *p == ':');

    if (!*absolute) {
        return 1;
    }

    for (last = p, p = s->data; p < last; p++) {

        if (!ngx_http_triggers_is_alphanumeric(*p)
            && *p != '+' && *p != '-' && *p != '.')
        {
            return 0;
        }
    }

    return (*s->data | 0x20) >= 'a' && (*s->data | 0x20) <= 'z';
}


static ngx_uint_t
ngx_http_triggers_is_alphanumeric(u_char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9');
}
