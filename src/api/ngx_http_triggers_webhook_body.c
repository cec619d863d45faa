
/*
 * The bodies of requests about webhooks.  One table names the members, the
 * operations that have them, and who reads each.
 */


#include "ngx_http_triggers_endpoint.h"
#include "ngx_http_triggers_object.h"
#include "ngx_http_triggers_webhook.h"
#include "ngx_triggers_signature.h"


#define NGX_HTTP_TRIGGERS_WEBHOOK_TYPES_MAX        50
#define NGX_HTTP_TRIGGERS_WEBHOOK_DESCRIPTION_MAX  255     /* characters */
#define NGX_HTTP_TRIGGERS_WEBHOOK_GRACE            (24 * 3600)
#define NGX_HTTP_TRIGGERS_WEBHOOK_GRACE_MAX        (7 * 24 * 3600)

#define NGX_HTTP_TRIGGERS_WEBHOOK_ON_CREATE  0x01
#define NGX_HTTP_TRIGGERS_WEBHOOK_ON_UPDATE  0x02
#define NGX_HTTP_TRIGGERS_WEBHOOK_ON_ROTATE  0x04

#define NGX_HTTP_TRIGGERS_WEBHOOK_ON_BOTH                                     \
    (NGX_HTTP_TRIGGERS_WEBHOOK_ON_CREATE|NGX_HTTP_TRIGGERS_WEBHOOK_ON_UPDATE)


static ngx_int_t ngx_http_triggers_webhook_body_url(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_webhook_body_types(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_webhook_body_description(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_webhook_body_active(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_webhook_body_format(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_webhook_body_secret(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_webhook_body_grace(
    ngx_http_triggers_object_t *object, json_t *value);


static const ngx_http_triggers_object_member_t
    ngx_http_triggers_webhook_members[] =
{

    { "url",
      NGX_HTTP_TRIGGERS_WEBHOOK_ON_BOTH,
      ngx_http_triggers_webhook_body_url, 0, 0, 0 },

    { "event_types",
      NGX_HTTP_TRIGGERS_WEBHOOK_ON_BOTH,
      ngx_http_triggers_webhook_body_types, 0, 0, 0 },

    { "description",
      NGX_HTTP_TRIGGERS_WEBHOOK_ON_BOTH,
      ngx_http_triggers_webhook_body_description, 0, 0, 0 },

    { "is_active",
      NGX_HTTP_TRIGGERS_WEBHOOK_ON_BOTH,
      ngx_http_triggers_webhook_body_active, 0, 0, 0 },

    { "format",
      NGX_HTTP_TRIGGERS_WEBHOOK_ON_BOTH,
      ngx_http_triggers_webhook_body_format, 0, 0, 0 },

    { "secret",
      NGX_HTTP_TRIGGERS_WEBHOOK_ON_CREATE,
      ngx_http_triggers_webhook_body_secret, 0, 0, 0 },

    { "grace_seconds",
      NGX_HTTP_TRIGGERS_WEBHOOK_ON_ROTATE,
      ngx_http_triggers_webhook_body_grace, 0, 0, 0 },

    { NULL, 0, NULL, 0, 0, 0 }
};


ngx_int_t
ngx_http_triggers_webhook_body_parse(ngx_http_triggers_webhook_body_t *wb,
    ngx_pool_t *pool, ngx_str_t *body, ngx_uint_t op)
{
    ngx_int_t                    rc;
    ngx_uint_t                   on;
    ngx_http_triggers_object_t   object;

    ngx_memzero(&wb->change, sizeof(ngx_triggers_webhook_change_t));
    ngx_str_null(&wb->field);
    ngx_str_null(&wb->message);

    wb->change.webhook.active = 1;
    wb->change.grace = NGX_HTTP_TRIGGERS_WEBHOOK_GRACE * 1000LL;

    object.pool = pool;
    object.data = wb;

    on = (op == NGX_TRIGGERS_OP_WEBHOOK_CREATE)
         ? NGX_HTTP_TRIGGERS_WEBHOOK_ON_CREATE
         : (op == NGX_TRIGGERS_OP_WEBHOOK_UPDATE)
           ? NGX_HTTP_TRIGGERS_WEBHOOK_ON_UPDATE
           : NGX_HTTP_TRIGGERS_WEBHOOK_ON_ROTATE;

    /* a rotation that asks for nothing in particular */

    if (on == NGX_HTTP_TRIGGERS_WEBHOOK_ON_ROTATE && body->len == 0) {
        return NGX_OK;
    }

    rc = ngx_http_triggers_object_read(&object, body,
                                       ngx_http_triggers_webhook_members, on);

    if (rc == NGX_OK && on == NGX_HTTP_TRIGGERS_WEBHOOK_ON_CREATE
        && wb->change.webhook.url.data == NULL)
    {
        rc = ngx_http_triggers_object_missing(&object, "url");
    }

    wb->field = object.field;
    wb->message = object.message;

    return rc;
}


static ngx_int_t
ngx_http_triggers_webhook_body_url(ngx_http_triggers_object_t *object,
    json_t *value)
{
    ngx_int_t                          rc;
    ngx_str_t                         *url;
    const char                        *rule;
    ngx_http_triggers_webhook_body_t  *wb;

    wb = object->data;
    url = &wb->change.webhook.url;

    rc = ngx_http_triggers_object_string(object, value, url);

    if (rc != NGX_OK) {
        return rc;
    }

    url->data[url->len] = '\0';

    rule = ngx_http_triggers_endpoint_url(url);

    if (rule) {
        return ngx_http_triggers_object_refuse(object, "url must be %s", rule);
    }

    if (!ngx_http_triggers_endpoint_allowed(url, &wb->allow)) {
        return ngx_http_triggers_object_refuse(object, "url must not have an "
                                               "address that is not public");
    }

    wb->change.members |= NGX_TRIGGERS_WEBHOOK_URL;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_webhook_body_types(ngx_http_triggers_object_t *object,
    json_t *value)
{
    u_char                            *p;
    size_t                             i, len;
    json_t                            *item;
    ngx_str_t                          type, *types;
    ngx_http_triggers_webhook_body_t  *wb;

    wb = object->data;
    types = &wb->change.webhook.event_types;

    if (!json_is_array(value)
        || json_array_size(value) > NGX_HTTP_TRIGGERS_WEBHOOK_TYPES_MAX)
    {
        return ngx_http_triggers_object_refuse(object, "event_types must be "
                                        "an array of at most %d types",
                                        NGX_HTTP_TRIGGERS_WEBHOOK_TYPES_MAX);
    }

    len = 0;

    json_array_foreach(value, i, item) {
        len += json_string_length(item) + 1;
    }

    p = ngx_pnalloc(object->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    types->data = p;

    json_array_foreach(value, i, item) {
        type.data = (u_char *) json_string_value(item);
        type.len = json_string_length(item);

        if (type.data == NULL || !ngx_http_triggers_endpoint_type(&type)) {
            return ngx_http_triggers_object_refuse(object, "event_types must "
                                        "have strings of 1 to 100 "
                                        "characters, with \"*\" only in a "
                                        "final \".*\"");
        }

        p = ngx_cpymem(p, type.data, type.len);
        *p++ = '\0';
    }

    types->len = p - types->data;
    wb->change.members |= NGX_TRIGGERS_WEBHOOK_EVENT_TYPES;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_webhook_body_description(ngx_http_triggers_object_t *object,
    json_t *value)
{
    ngx_int_t                          rc;
    ngx_str_t                         *text;
    ngx_http_triggers_webhook_body_t  *wb;

    wb = object->data;
    wb->change.members |= NGX_TRIGGERS_WEBHOOK_DESCRIPTION;

    if (json_is_null(value)) {
        return NGX_OK;
    }

    text = &wb->change.webhook.description;

    rc = ngx_http_triggers_object_string(object, value, text);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_utf8_length(text->data, text->len)
        > NGX_HTTP_TRIGGERS_WEBHOOK_DESCRIPTION_MAX
        || memchr(text->data, '\0', text->len))
    {
        return ngx_http_triggers_object_refuse(object, "description must be a "
                                  "string of at most %d characters, or null",
                                  NGX_HTTP_TRIGGERS_WEBHOOK_DESCRIPTION_MAX);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_webhook_body_active(ngx_http_triggers_object_t *object,
    json_t *value)
{
    ngx_int_t                          rc;
    ngx_http_triggers_webhook_body_t  *wb;

    wb = object->data;

    rc = ngx_http_triggers_object_boolean(object, value,
                                          &wb->change.webhook.active);
    if (rc == NGX_OK) {
        wb->change.members |= NGX_TRIGGERS_WEBHOOK_ACTIVE;
    }

    return rc;
}


static ngx_int_t
ngx_http_triggers_webhook_body_format(ngx_http_triggers_object_t *object,
    json_t *value)
{
    const char                        *name;
    ngx_http_triggers_webhook_body_t  *wb;

    wb = object->data;
    name = json_string_value(value);

    if (name && ngx_strcmp(name, "standard") == 0) {
        wb->change.webhook.format = NGX_TRIGGERS_WEBHOOK_STANDARD;

    } else if (name && ngx_strcmp(name, "cloudevents") == 0) {
        wb->change.webhook.format = NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS;

    } else {
        return ngx_http_triggers_object_refuse(object, "format must be "
                                               "\"standard\" or "
                                               "\"cloudevents\"");
    }

    wb->change.members |= NGX_TRIGGERS_WEBHOOK_FORMAT;

    return NGX_OK;
}


/* it is not said what was there: it may be a secret after all */

static ngx_int_t
ngx_http_triggers_webhook_body_secret(ngx_http_triggers_object_t *object,
    json_t *value)
{
    ngx_int_t                          rc;
    ngx_str_t                         *text;
    ngx_triggers_secret_t              secret;
    ngx_http_triggers_webhook_body_t  *wb;

    wb = object->data;
    text = &wb->change.webhook.secret;

    rc = ngx_http_triggers_object_string(object, value, text);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_triggers_secret_parse(text, &secret);

    ngx_explicit_memzero(&secret, sizeof(ngx_triggers_secret_t));

    if (rc != NGX_OK) {
        return ngx_http_triggers_object_refuse(object, "secret must be "
                                               "\"whsec_\" and the base64 of "
                                               "24 to 64 bytes");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_webhook_body_grace(ngx_http_triggers_object_t *object,
    json_t *value)
{
    int64_t                            grace;
    ngx_int_t                          rc;
    ngx_http_triggers_webhook_body_t  *wb;

    wb = object->data;

    rc = ngx_http_triggers_object_integer(object, value, 0,
                                          NGX_HTTP_TRIGGERS_WEBHOOK_GRACE_MAX,
                                          &grace);
    if (rc == NGX_OK) {
        wb->change.grace = grace * 1000;
    }

    return rc;
}
