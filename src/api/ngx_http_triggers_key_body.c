
/*
 * The bodies of requests about keys, by jansson.  One table names the
 * members, the operations that have them, and who reads each.
 */


#include "ngx_http_triggers_key.h"
#include "ngx_triggers_networks.h"
#include "ngx_triggers_time.h"

#include <jansson.h>


#define NGX_HTTP_TRIGGERS_KEY_NAME_MAX      100     /* characters */
#define NGX_HTTP_TRIGGERS_KEY_SCOPES_MAX    16
#define NGX_HTTP_TRIGGERS_KEY_NETWORKS_MAX  32
#define NGX_HTTP_TRIGGERS_KEY_GRACE_MAX     (7 * 24 * 3600)
#define NGX_HTTP_TRIGGERS_KEY_MESSAGE_LEN   256

/* what an entry of the zone has left besides the longest user_id */

#define NGX_HTTP_TRIGGERS_KEY_PACKED_MAX                                      \
    (NGX_TRIGGERS_KEYS_TEXT - NGX_HTTP_TRIGGERS_USER_MAX)

#define NGX_HTTP_TRIGGERS_KEY_ON_CREATE  0x01
#define NGX_HTTP_TRIGGERS_KEY_ON_UPDATE  0x02
#define NGX_HTTP_TRIGGERS_KEY_ON_ROTATE  0x04


typedef struct {
    ngx_http_triggers_key_body_t  *kb;
    ngx_pool_t              *pool;
    int64_t                  now;
} ngx_http_triggers_key_parse_t;


typedef struct {
    const char              *name;
    ngx_uint_t               on;
    ngx_int_t              (*handler)(ngx_http_triggers_key_parse_t *ps,
                                      json_t *value);
} ngx_http_triggers_key_member_t;


static ngx_int_t ngx_http_triggers_key_body_object(
    ngx_http_triggers_key_parse_t *ps, json_t *root, ngx_uint_t on);
static ngx_int_t ngx_http_triggers_key_body_name(
    ngx_http_triggers_key_parse_t *ps, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_user(
    ngx_http_triggers_key_parse_t *ps, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_scopes(
    ngx_http_triggers_key_parse_t *ps, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_rate(
    ngx_http_triggers_key_parse_t *ps, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_active(
    ngx_http_triggers_key_parse_t *ps, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_expires(
    ngx_http_triggers_key_parse_t *ps, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_allowed(
    ngx_http_triggers_key_parse_t *ps, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_grace(
    ngx_http_triggers_key_parse_t *ps, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_string(
    ngx_http_triggers_key_parse_t *ps, json_t *value, ngx_str_t *dst);
static ngx_int_t ngx_http_triggers_key_body_refuse(
    ngx_http_triggers_key_parse_t *ps, const char *fmt, ...);


static const ngx_http_triggers_key_member_t  ngx_http_triggers_key_members[] = {

    { "name",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE|NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_name },

    { "user_id",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE,
      ngx_http_triggers_key_body_user },

    { "scopes",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE|NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_scopes },

    { "rate_limit",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE|NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_rate },

    { "is_active",
      NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_active },

    { "expires_at",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE|NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_expires },

    { "allowed_ips",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE|NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_allowed },

    { "grace_seconds",
      NGX_HTTP_TRIGGERS_KEY_ON_ROTATE,
      ngx_http_triggers_key_body_grace },

    { NULL, 0, NULL }
};


ngx_int_t
ngx_http_triggers_key_body_parse(ngx_http_triggers_key_body_t *kb,
    ngx_pool_t *pool, ngx_str_t *body, ngx_uint_t op, int64_t now)
{
    json_t                         *root;
    ngx_int_t                       rc;
    ngx_uint_t                      on;
    json_error_t                    error;
    ngx_http_triggers_key_parse_t   ps;

    ngx_memzero(kb, sizeof(ngx_http_triggers_key_body_t));

    ps.kb = kb;
    ps.pool = pool;
    ps.now = now;

    on = (op == NGX_TRIGGERS_OP_KEY_CREATE) ? NGX_HTTP_TRIGGERS_KEY_ON_CREATE
         : (op == NGX_TRIGGERS_OP_KEY_UPDATE) ? NGX_HTTP_TRIGGERS_KEY_ON_UPDATE
                                              : NGX_HTTP_TRIGGERS_KEY_ON_ROTATE;

    /* a rotation that asks for nothing in particular */

    if (on == NGX_HTTP_TRIGGERS_KEY_ON_ROTATE && body->len == 0) {
        return NGX_OK;
    }

    root = json_loadb((char *) body->data, body->len, JSON_REJECT_DUPLICATES,
                      &error);

    if (root == NULL && json_error_code(&error) == json_error_out_of_memory) {
        return NGX_ERROR;
    }

    if (root == NULL && json_error_code(&error) == json_error_duplicate_key) {
        return ngx_http_triggers_key_body_refuse(&ps, "a member of the body is "
                                                 "there twice");
    }

    if (!json_is_object(root)) {
        json_decref(root);
        return ngx_http_triggers_key_body_refuse(&ps, "the body must be a "
                                                 "JSON object");
    }

    rc = ngx_http_triggers_key_body_object(&ps, root, on);

    json_decref(root);

    if (rc == NGX_OK && on == NGX_HTTP_TRIGGERS_KEY_ON_CREATE
        && kb->change.key.name.data == NULL)
    {
        ngx_str_set(&kb->field, "name");
        return ngx_http_triggers_key_body_refuse(&ps, "name is required");
    }

    return rc;
}


static ngx_int_t
ngx_http_triggers_key_body_object(ngx_http_triggers_key_parse_t *ps,
    json_t *root, ngx_uint_t on)
{
    json_t                                *value;
    ngx_int_t                              rc;
    const char                            *name;
    const ngx_http_triggers_key_member_t  *m;

    json_object_foreach(root, name, value) {

        for (m = ngx_http_triggers_key_members; m->name; m++) {
            if ((m->on & on) && ngx_strcmp(m->name, name) == 0) {
                break;
            }
        }

        ps->kb->field.len = ngx_strlen(name);
        ps->kb->field.data = ngx_pnalloc(ps->pool, ps->kb->field.len);
        if (ps->kb->field.data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(ps->kb->field.data, name, ps->kb->field.len);

        if (m->name == NULL) {
            return ngx_http_triggers_key_body_refuse(ps, "unknown member");
        }

        rc = m->handler(ps, value);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_str_null(&ps->kb->field);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_name(ngx_http_triggers_key_parse_t *ps,
    json_t *value)
{
    size_t      n;
    ngx_int_t   rc;
    ngx_str_t  *name;

    name = &ps->kb->change.key.name;
    rc = ngx_http_triggers_key_body_string(ps, value, name);

    if (rc != NGX_OK) {
        return rc;
    }

    n = ngx_utf8_length(name->data, name->len);

    if (n == 0 || n > NGX_HTTP_TRIGGERS_KEY_NAME_MAX
        || !ngx_http_triggers_key_is_text(name))
    {
        return ngx_http_triggers_key_body_refuse(ps, "name must be 1 to %d "
                                  "characters without control characters",
                                  NGX_HTTP_TRIGGERS_KEY_NAME_MAX);
    }

    ps->kb->change.members |= NGX_TRIGGERS_KEY_NAME;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_user(ngx_http_triggers_key_parse_t *ps,
    json_t *value)
{
    ngx_int_t   rc;
    ngx_str_t  *user;

    user = &ps->kb->change.key.user_id;
    rc = ngx_http_triggers_key_body_string(ps, value, user);

    if (rc != NGX_OK) {
        return rc;
    }

    if (user->len == 0 || user->len > NGX_HTTP_TRIGGERS_USER_MAX
        || !ngx_http_triggers_key_is_text(user))
    {
        return ngx_http_triggers_key_body_refuse(ps, "user_id must be 1 to %d "
                                  "bytes without control characters",
                                  NGX_HTTP_TRIGGERS_USER_MAX);
    }

    ps->kb->has_user = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_scopes(ngx_http_triggers_key_parse_t *ps,
    json_t *value)
{
    size_t       i;
    json_t      *item;
    ngx_str_t    name;
    ngx_uint_t   scope, scopes;

    if (!json_is_array(value) || json_array_size(value) == 0
        || json_array_size(value) > NGX_HTTP_TRIGGERS_KEY_SCOPES_MAX)
    {
        return ngx_http_triggers_key_body_refuse(ps, "scopes must be an array "
                                  "of 1 to %d scopes",
                                  NGX_HTTP_TRIGGERS_KEY_SCOPES_MAX);
    }

    scopes = 0;

    json_array_foreach(value, i, item) {

        if (!json_is_string(item)) {
            return ngx_http_triggers_key_body_refuse(ps, "a scope must be a "
                                                     "string");
        }

        name.data = (u_char *) json_string_value(item);
        name.len = json_string_length(item);

        scope = ngx_http_triggers_scope(&name);

        /* what it says goes into the log too */

        if (scope == 0
            && (name.len > NGX_HTTP_TRIGGERS_KEY_NAME_MAX
                || !ngx_http_triggers_key_is_text(&name)))
        {
            return ngx_http_triggers_key_body_refuse(ps, "unknown scope");
        }

        if (scope == 0) {
            return ngx_http_triggers_key_body_refuse(ps, "unknown scope "
                                                     "\"%V\"", &name);
        }

        scopes |= scope;
    }

    ps->kb->change.key.scopes = (uint32_t) scopes;
    ps->kb->change.members |= NGX_TRIGGERS_KEY_SCOPES;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_rate(ngx_http_triggers_key_parse_t *ps,
    json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0
        || json_integer_value(value) > NGX_TRIGGERS_RATE_MAX)
    {
        return ngx_http_triggers_key_body_refuse(ps, "rate_limit must be an "
                                  "integer from 0 to %d",
                                  NGX_TRIGGERS_RATE_MAX);
    }

    ps->kb->change.key.rate = (uint32_t) json_integer_value(value);
    ps->kb->change.members |= NGX_TRIGGERS_KEY_RATE;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_active(ngx_http_triggers_key_parse_t *ps,
    json_t *value)
{
    if (!json_is_boolean(value)) {
        return ngx_http_triggers_key_body_refuse(ps, "is_active must be true "
                                                 "or false");
    }

    ps->kb->change.key.active = json_is_true(value);
    ps->kb->change.members |= NGX_TRIGGERS_KEY_ACTIVE;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_expires(ngx_http_triggers_key_parse_t *ps,
    json_t *value)
{
    int64_t    time;
    ngx_str_t  text;

    ps->kb->change.members |= NGX_TRIGGERS_KEY_EXPIRES;

    if (json_is_null(value)) {
        ps->kb->change.key.expires_at = 0;
        return NGX_OK;
    }

    text.data = (u_char *) json_string_value(value);
    text.len = json_string_length(value);

    if (text.data == NULL || ngx_triggers_time_parse(&text, &time) != NGX_OK) {
        return ngx_http_triggers_key_body_refuse(ps, "expires_at must be an "
                                                 "ISO 8601 time or null");
    }

    if (time <= ps->now) {
        return ngx_http_triggers_key_body_refuse(ps, "expires_at must be in "
                                                 "the future");
    }

    ps->kb->change.key.expires_at = time;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_allowed(ngx_http_triggers_key_parse_t *ps,
    json_t *value)
{
    u_char              *p;
    size_t               i, len;
    json_t              *item;
    ngx_int_t            rc;
    ngx_str_t            text;
    ngx_triggers_key_t  *key;

    key = &ps->kb->change.key;

    if (!json_is_array(value)
        || json_array_size(value) > NGX_HTTP_TRIGGERS_KEY_NETWORKS_MAX)
    {
        return ngx_http_triggers_key_body_refuse(ps, "allowed_ips must be an "
                                  "array of at most %d addresses or networks",
                                  NGX_HTTP_TRIGGERS_KEY_NETWORKS_MAX);
    }

    len = 0;

    json_array_foreach(value, i, item) {
        len += json_string_length(item) + 1;
    }

    p = ngx_pnalloc(ps->pool, len + NGX_HTTP_TRIGGERS_KEY_PACKED_MAX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    key->networks.data = p;
    key->networks.len = 0;
    p += NGX_HTTP_TRIGGERS_KEY_PACKED_MAX;
    key->allowed.data = p;

    json_array_foreach(value, i, item) {
        text.data = (u_char *) json_string_value(item);
        text.len = json_string_length(item);

        rc = (text.data == NULL)
             ? NGX_DECLINED
             : ngx_triggers_networks_add(&key->networks,
                                         NGX_HTTP_TRIGGERS_KEY_PACKED_MAX,
                                         &text);

        if (rc == NGX_DECLINED) {
            return ngx_http_triggers_key_body_refuse(ps, "allowed_ips must "
                                      "have addresses or networks such as "
                                      "\"10.0.0.0/8\" or \"2001:db8::/32\"");
        }

        if (rc == NGX_BUSY) {
            return ngx_http_triggers_key_body_refuse(ps, "allowed_ips has too "
                                      "many long prefixes: a network takes "
                                      "one byte and those of its prefix, all "
                                      "together at most %d",
                                      NGX_HTTP_TRIGGERS_KEY_PACKED_MAX);
        }

        if (p != key->allowed.data) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, text.data, text.len);
    }

    key->allowed.len = p - key->allowed.data;
    ps->kb->change.members |= NGX_TRIGGERS_KEY_ALLOWED;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_grace(ngx_http_triggers_key_parse_t *ps,
    json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0
        || json_integer_value(value) > NGX_HTTP_TRIGGERS_KEY_GRACE_MAX)
    {
        return ngx_http_triggers_key_body_refuse(ps, "grace_seconds must be "
                                  "an integer from 0 to %d",
                                  NGX_HTTP_TRIGGERS_KEY_GRACE_MAX);
    }

    ps->kb->change.grace = json_integer_value(value) * 1000;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_string(ngx_http_triggers_key_parse_t *ps,
    json_t *value, ngx_str_t *dst)
{
    if (!json_is_string(value)) {
        return ngx_http_triggers_key_body_refuse(ps, "%V must be a string",
                                                 &ps->kb->field);
    }

    dst->len = json_string_length(value);
    dst->data = ngx_pnalloc(ps->pool, dst->len + 1);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(dst->data, json_string_value(value), dst->len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_refuse(ngx_http_triggers_key_parse_t *ps,
    const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    p = ngx_pnalloc(ps->pool, NGX_HTTP_TRIGGERS_KEY_MESSAGE_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ps->kb->message.data = p;

    va_start(args, fmt);
    p = ngx_vslprintf(p, p + NGX_HTTP_TRIGGERS_KEY_MESSAGE_LEN, fmt, args);
    va_end(args);

    ps->kb->message.len = p - ps->kb->message.data;

    return NGX_DECLINED;
}
