
/*
 * The bodies of requests about keys, by jansson.  One table names the
 * members, the operations that have them, and who reads each.
 */


#include "ngx_http_triggers_key.h"
#include "ngx_http_triggers_object.h"
#include "ngx_triggers_networks.h"


#define NGX_HTTP_TRIGGERS_KEY_NAME_MAX      100     /* characters */
#define NGX_HTTP_TRIGGERS_KEY_SCOPES_MAX    16
#define NGX_HTTP_TRIGGERS_KEY_NETWORKS_MAX  32
#define NGX_HTTP_TRIGGERS_KEY_GRACE_MAX     (7 * 24 * 3600)

/* what an entry of the zone has left besides the longest user_id */

#define NGX_HTTP_TRIGGERS_KEY_PACKED_MAX                                      \
    (NGX_TRIGGERS_KEYS_TEXT - NGX_HTTP_TRIGGERS_USER_MAX)

#define NGX_HTTP_TRIGGERS_KEY_ON_CREATE  0x01
#define NGX_HTTP_TRIGGERS_KEY_ON_UPDATE  0x02
#define NGX_HTTP_TRIGGERS_KEY_ON_ROTATE  0x04


static ngx_int_t ngx_http_triggers_key_body_name(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_user(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_scopes(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_rate(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_active(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_expires(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_allowed(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_key_body_grace(
    ngx_http_triggers_object_t *object, json_t *value);


static const ngx_http_triggers_object_member_t
    ngx_http_triggers_key_members[] =
{

    { "name",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE|NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_name, 0, 0, 0 },

    { "user_id",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE,
      ngx_http_triggers_key_body_user, 0, 0, 0 },

    { "scopes",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE|NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_scopes, 0, 0, 0 },

    { "rate_limit",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE|NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_rate, 0, 0, 0 },

    { "is_active",
      NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_active, 0, 0, 0 },

    { "expires_at",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE|NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_expires, 0, 0, 0 },

    { "allowed_ips",
      NGX_HTTP_TRIGGERS_KEY_ON_CREATE|NGX_HTTP_TRIGGERS_KEY_ON_UPDATE,
      ngx_http_triggers_key_body_allowed, 0, 0, 0 },

    { "grace_seconds",
      NGX_HTTP_TRIGGERS_KEY_ON_ROTATE,
      ngx_http_triggers_key_body_grace, 0, 0, 0 },

    { NULL, 0, NULL, 0, 0, 0 }
};


ngx_int_t
ngx_http_triggers_key_body_parse(ngx_http_triggers_key_body_t *kb,
    ngx_pool_t *pool, ngx_str_t *body, ngx_uint_t op, int64_t now)
{
    ngx_int_t                   rc;
    ngx_uint_t                  on;
    ngx_http_triggers_object_t  object;

    ngx_memzero(kb, sizeof(ngx_http_triggers_key_body_t));

    kb->now = now;

    object.pool = pool;
    object.data = kb;

    on = (op == NGX_TRIGGERS_OP_KEY_CREATE) ? NGX_HTTP_TRIGGERS_KEY_ON_CREATE
         : (op == NGX_TRIGGERS_OP_KEY_UPDATE) ? NGX_HTTP_TRIGGERS_KEY_ON_UPDATE
                                              : NGX_HTTP_TRIGGERS_KEY_ON_ROTATE;

    /* a rotation that asks for nothing in particular */

    if (on == NGX_HTTP_TRIGGERS_KEY_ON_ROTATE && body->len == 0) {
        return NGX_OK;
    }

    rc = ngx_http_triggers_object_read(&object, body,
                                       ngx_http_triggers_key_members, on);

    if (rc == NGX_OK && on == NGX_HTTP_TRIGGERS_KEY_ON_CREATE
        && kb->change.key.name.data == NULL)
    {
        rc = ngx_http_triggers_object_missing(&object, "name");
    }

    kb->field = object.field;
    kb->message = object.message;

    return rc;
}


static ngx_int_t
ngx_http_triggers_key_body_name(ngx_http_triggers_object_t *object,
    json_t *value)
{
    size_t                         n;
    ngx_int_t                      rc;
    ngx_str_t                     *name;
    ngx_http_triggers_key_body_t  *kb;

    kb = object->data;
    name = &kb->change.key.name;

    rc = ngx_http_triggers_object_string(object, value, name);

    if (rc != NGX_OK) {
        return rc;
    }

    n = ngx_utf8_length(name->data, name->len);

    if (n == 0 || n > NGX_HTTP_TRIGGERS_KEY_NAME_MAX
        || !ngx_http_triggers_key_is_text(name))
    {
        return ngx_http_triggers_object_refuse(object, "name must be 1 to %d "
                                "characters without control characters",
                                NGX_HTTP_TRIGGERS_KEY_NAME_MAX);
    }

    kb->change.members |= NGX_TRIGGERS_KEY_NAME;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_user(ngx_http_triggers_object_t *object,
    json_t *value)
{
    ngx_int_t                      rc;
    ngx_str_t                     *user;
    ngx_http_triggers_key_body_t  *kb;

    kb = object->data;
    user = &kb->change.key.user_id;

    rc = ngx_http_triggers_object_string(object, value, user);

    if (rc != NGX_OK) {
        return rc;
    }

    if (user->len == 0 || user->len > NGX_HTTP_TRIGGERS_USER_MAX
        || !ngx_http_triggers_key_is_text(user))
    {
        return ngx_http_triggers_object_refuse(object, "user_id must be 1 to "
                                "%d bytes without control characters",
                                NGX_HTTP_TRIGGERS_USER_MAX);
    }

    kb->has_user = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_scopes(ngx_http_triggers_object_t *object,
    json_t *value)
{
    size_t                         i;
    json_t                        *item;
    ngx_str_t                      name;
    ngx_uint_t                     scope, scopes;
    ngx_http_triggers_key_body_t  *kb;

    kb = object->data;

    if (!json_is_array(value) || json_array_size(value) == 0
        || json_array_size(value) > NGX_HTTP_TRIGGERS_KEY_SCOPES_MAX)
    {
        return ngx_http_triggers_object_refuse(object, "scopes must be an "
                                "array of 1 to %d scopes",
                                NGX_HTTP_TRIGGERS_KEY_SCOPES_MAX);
    }

    scopes = 0;

    json_array_foreach(value, i, item) {

        if (!json_is_string(item)) {
            return ngx_http_triggers_object_refuse(object, "a scope must be a "
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
            return ngx_http_triggers_object_refuse(object, "unknown scope");
        }

        if (scope == 0) {
            return ngx_http_triggers_object_refuse(object, "unknown scope "
                                                   "\"%V\"", &name);
        }

        scopes |= scope;
    }

    kb->change.key.scopes = (uint32_t) scopes;
    kb->change.members |= NGX_TRIGGERS_KEY_SCOPES;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_rate(ngx_http_triggers_object_t *object,
    json_t *value)
{
    int64_t                        rate;
    ngx_int_t                      rc;
    ngx_http_triggers_key_body_t  *kb;

    kb = object->data;

    rc = ngx_http_triggers_object_integer(object, value, 0,
                                          NGX_TRIGGERS_RATE_MAX, &rate);
    if (rc != NGX_OK) {
        return rc;
    }

    kb->change.key.rate = (uint32_t) rate;
    kb->change.members |= NGX_TRIGGERS_KEY_RATE;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_active(ngx_http_triggers_object_t *object,
    json_t *value)
{
    ngx_int_t                      rc;
    ngx_http_triggers_key_body_t  *kb;

    kb = object->data;

    rc = ngx_http_triggers_object_boolean(object, value,
                                          &kb->change.key.active);
    if (rc == NGX_OK) {
        kb->change.members |= NGX_TRIGGERS_KEY_ACTIVE;
    }

    return rc;
}


static ngx_int_t
ngx_http_triggers_key_body_expires(ngx_http_triggers_object_t *object,
    json_t *value)
{
    int64_t                        time;
    ngx_int_t                      rc;
    ngx_http_triggers_key_body_t  *kb;

    kb = object->data;
    kb->change.members |= NGX_TRIGGERS_KEY_EXPIRES;

    if (json_is_null(value)) {
        kb->change.key.expires_at = 0;
        return NGX_OK;
    }

    rc = ngx_http_triggers_object_time(object, value, &time);

    if (rc != NGX_OK) {
        return rc;
    }

    if (time <= kb->now) {
        return ngx_http_triggers_object_refuse(object, "expires_at must be in "
                                               "the future");
    }

    kb->change.key.expires_at = time;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_allowed(ngx_http_triggers_object_t *object,
    json_t *value)
{
    u_char                        *p;
    size_t                         i, len;
    json_t                        *item;
    ngx_int_t                      rc;
    ngx_str_t                      text;
    ngx_triggers_key_t            *key;
    ngx_http_triggers_key_body_t  *kb;

    kb = object->data;
    key = &kb->change.key;

    if (!json_is_array(value)
        || json_array_size(value) > NGX_HTTP_TRIGGERS_KEY_NETWORKS_MAX)
    {
        return ngx_http_triggers_object_refuse(object, "allowed_ips must be "
                                "an array of at most %d addresses or networks",
                                NGX_HTTP_TRIGGERS_KEY_NETWORKS_MAX);
    }

    len = 0;

    json_array_foreach(value, i, item) {
        len += json_string_length(item) + 1;
    }

    p = ngx_pnalloc(object->pool, len + NGX_HTTP_TRIGGERS_KEY_PACKED_MAX);
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
            return ngx_http_triggers_object_refuse(object, "allowed_ips must "
                                "have addresses or networks such as "
                                "\"10.0.0.0/8\" or \"2001:db8::/32\"");
        }

        if (rc == NGX_BUSY) {
            return ngx_http_triggers_object_refuse(object, "allowed_ips has "
                                "too many long prefixes: a network takes one "
                                "byte and those of its prefix, all together "
                                "at most %d",
                                NGX_HTTP_TRIGGERS_KEY_PACKED_MAX);
        }

        if (p != key->allowed.data) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, text.data, text.len);
    }

    key->allowed.len = p - key->allowed.data;
    kb->change.members |= NGX_TRIGGERS_KEY_ALLOWED;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_key_body_grace(ngx_http_triggers_object_t *object,
    json_t *value)
{
    int64_t                        grace;
    ngx_int_t                      rc;
    ngx_http_triggers_key_body_t  *kb;

    kb = object->data;

    rc = ngx_http_triggers_object_integer(object, value, 0,
                                          NGX_HTTP_TRIGGERS_KEY_GRACE_MAX,
                                          &grace);
    if (rc != NGX_OK) {
        return rc;
    }

    kb->change.grace = grace * 1000;

    return NGX_OK;
}
