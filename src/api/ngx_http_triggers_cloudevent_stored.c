
/*
 * A stored event as a CloudEvent; see the header.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_cloudevent_stored.h"


static ngx_int_t ngx_http_triggers_stored_members(ngx_pool_t *pool,
    ngx_str_t *metadata, ngx_http_triggers_stored_t *stored,
    ngx_triggers_json_value_t *ce_data);
static ngx_int_t ngx_http_triggers_stored_data(ngx_pool_t *pool,
    ngx_str_t *payload, ngx_triggers_json_value_t *ce_data,
    ngx_http_triggers_stored_t *stored);
static ngx_int_t ngx_http_triggers_stored_base64(ngx_pool_t *pool,
    ngx_str_t *payload, ngx_http_triggers_stored_t *stored);
static ngx_int_t ngx_http_triggers_stored_uri(ngx_pool_t *pool, ngx_str_t *s,
    ngx_str_t *uri);
static ngx_uint_t ngx_http_triggers_is_uri(ngx_str_t *s,
    ngx_uint_t *absolute);
static ngx_uint_t ngx_http_triggers_is_alphanumeric(u_char c);


ngx_int_t
ngx_http_triggers_stored_read(ngx_pool_t *pool, ngx_triggers_event_t *event,
    ngx_http_triggers_stored_t *stored)
{
    ngx_int_t                  rc;
    ngx_triggers_json_value_t  ce_data;

    ngx_memzero(stored, sizeof(ngx_http_triggers_stored_t));
    ngx_memzero(&ce_data, sizeof(ngx_triggers_json_value_t));

    stored->data = event->payload;
    stored->type = event->event_type;

    if (stored->type.len == 0
        || !ngx_http_triggers_attribute_is_string(&stored->type))
    {
        ngx_str_set(&stored->type, "event");
    }

    if (event->metadata.data == NULL) {
        return NGX_OK;
    }

    rc = ngx_http_triggers_stored_members(pool, &event->metadata, stored,
                                          &ce_data);
    if (rc != NGX_OK) {
        return rc;
    }

    if (stored->known[NGX_HTTP_TRIGGERS_CE_SPECVERSION].data
        && stored->known[NGX_HTTP_TRIGGERS_CE_ID].data)
    {
        stored->is_cloudevent = 1;

        return ngx_http_triggers_stored_data(pool, &event->payload, &ce_data,
                                             stored);
    }

    /* its payload is JSON, whatever is said there */

    ngx_str_null(&stored->known[NGX_HTTP_TRIGGERS_CE_DATACONTENTTYPE]);
    ngx_str_null(&stored->plain[NGX_HTTP_TRIGGERS_CE_DATACONTENTTYPE]);

    return NGX_OK;
}


/* what did not come in a CloudEvent may be any text */

ngx_int_t
ngx_http_triggers_stored_source(ngx_pool_t *pool,
    ngx_triggers_event_t *event, ngx_http_triggers_stored_t *stored,
    ngx_str_t *source)
{
    ngx_uint_t  absolute;

    if (event->source.len == 0) {
        ngx_str_set(source, "/");
        return NGX_OK;
    }

    if ((stored->is_cloudevent
         && ngx_http_triggers_attribute_is_string(&event->source))
        || ngx_http_triggers_is_uri(&event->source, &absolute))
    {
        *source = event->source;
        return NGX_OK;
    }

    return ngx_http_triggers_stored_uri(pool, &event->source, source);
}


ngx_int_t
ngx_http_triggers_stored_attribute(ngx_pool_t *pool,
    ngx_http_triggers_stored_t *stored, ngx_triggers_json_member_t *member,
    ngx_http_triggers_attribute_t *a)
{
    ngx_int_t   rc;
    ngx_uint_t  absolute;

    rc = ngx_http_triggers_attribute_read(pool, member, a);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK
        || a->known < NGX_HTTP_TRIGGERS_CE_DATASCHEMA
        || ngx_http_triggers_str_is(&a->name, "data"))
    {
        return NGX_DECLINED;
    }

    /* a URI, which what did not come in a CloudEvent need not be */

    if (a->known == NGX_HTTP_TRIGGERS_CE_DATASCHEMA && !stored->is_cloudevent
        && (!ngx_http_triggers_is_uri(&a->plain, &absolute) || !absolute))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_stored_members(ngx_pool_t *pool, ngx_str_t *metadata,
    ngx_http_triggers_stored_t *stored, ngx_triggers_json_value_t *ce_data)
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
        if (ngx_triggers_json_name_is(&member, "ce_data",
                                      sizeof("ce_data") - 1))
        {
            *ce_data = member.value;
            continue;
        }

        rc = ngx_http_triggers_attribute_read(pool, &member, &a);

        if (rc == NGX_OK && a.known != NGX_HTTP_TRIGGERS_CE_EXTENSION) {
            stored->known[a.known] = a.text;
            stored->plain[a.known] = a.plain;
        }
    }

    ngx_triggers_json_walk_done(&walk);

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_triggers_stored_data(ngx_pool_t *pool, ngx_str_t *payload,
    ngx_triggers_json_value_t *ce_data, ngx_http_triggers_stored_t *stored)
{
    ngx_triggers_json_value_t  value;

    if (ce_data->type != NGX_TRIGGERS_JSON_STRING) {
        return NGX_OK;
    }

    if (ngx_triggers_json_string_is(&ce_data->text, (u_char *) "none",
                                    sizeof("none") - 1))
    {
        if (payload->len == sizeof("{}") - 1) {
            stored->kind = NGX_HTTP_TRIGGERS_CE_NONE;
        }

        return NGX_OK;
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

        return NGX_OK;
    }

    if (ngx_triggers_json_string_is(&ce_data->text, (u_char *) "base64",
                                    sizeof("base64") - 1))
    {
        return ngx_http_triggers_stored_base64(pool, payload, stored);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_stored_base64(ngx_pool_t *pool, ngx_str_t *payload,
    ngx_http_triggers_stored_t *stored)
{
    ngx_int_t                  rc;
    ngx_str_t                  plain;
    ngx_triggers_json_value_t  value;

    ngx_triggers_json_get(payload, (u_char *) "data_base64",
                          sizeof("data_base64") - 1, &value);

    if (value.type != NGX_TRIGGERS_JSON_STRING) {
        return NGX_OK;
    }

    rc = ngx_http_triggers_attribute_string(pool, &value.text, &plain);

    if (rc == NGX_OK && ngx_http_triggers_attribute_is_base64(&plain)) {
        stored->kind = NGX_HTTP_TRIGGERS_CE_BASE64;
        stored->data = value.text;
    }

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* all but the unreserved characters is encoded: it becomes a path */

static ngx_int_t
ngx_http_triggers_stored_uri(ngx_pool_t *pool, ngx_str_t *s, ngx_str_t *uri)
{
    u_char  *p, c;
    size_t   i;

    static u_char  hex[] = "0123456789ABCDEF";

    uri->data = ngx_pnalloc(pool, 3 * s->len);
    if (uri->data == NULL) {
        return NGX_ERROR;
    }

    p = uri->data;

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

    uri->len = p - uri->data;

    return NGX_OK;
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
