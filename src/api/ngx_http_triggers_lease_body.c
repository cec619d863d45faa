
/*
 * The bodies of requests about leases.  One table names the members, the
 * requests that have them, and who reads each.
 */


#include "ngx_http_triggers_lease.h"


#define NGX_HTTP_TRIGGERS_LEASE_LIMIT        10
#define NGX_HTTP_TRIGGERS_LEASE_SECONDS      300
#define NGX_HTTP_TRIGGERS_LEASE_SECONDS_MAX  43200
#define NGX_HTTP_TRIGGERS_LEASE_WAIT_MAX     60
#define NGX_HTTP_TRIGGERS_LEASE_NAME_MAX     100    /* characters */
#define NGX_HTTP_TRIGGERS_LEASE_ERROR_MAX    1000   /* characters */


static ngx_int_t ngx_http_triggers_lease_body_check(
    ngx_http_triggers_lease_body_t *lb, ngx_http_triggers_object_t *object,
    ngx_uint_t on);
static ngx_int_t ngx_http_triggers_lease_body_id(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_lease_body_ids(
    ngx_http_triggers_object_t *object, json_t *value);
static void ngx_http_triggers_lease_body_add(
    ngx_http_triggers_lease_body_t *lb, u_char *id);
static ngx_int_t ngx_http_triggers_lease_body_from(
    ngx_http_triggers_object_t *object, json_t *value);
static ngx_int_t ngx_http_triggers_lease_body_to(
    ngx_http_triggers_object_t *object, json_t *value);


static const ngx_http_triggers_object_member_t
    ngx_http_triggers_lease_members[] =
{
    { "lease_id",
      NGX_HTTP_TRIGGERS_LEASE_ON_ACK|NGX_HTTP_TRIGGERS_LEASE_ON_RELEASE
      |NGX_HTTP_TRIGGERS_LEASE_ON_EXTEND|NGX_HTTP_TRIGGERS_OBJECT_NULL,
      ngx_http_triggers_lease_body_id, 0, 0, 0 },

    { "event_ids",
      NGX_HTTP_TRIGGERS_LEASE_ON_ACK|NGX_HTTP_TRIGGERS_LEASE_ON_RELEASE
      |NGX_HTTP_TRIGGERS_OBJECT_NULL,
      ngx_http_triggers_lease_body_ids, 0, 0, 0 },

    { "lease_limit",
      NGX_HTTP_TRIGGERS_LEASE_ON_LEASE|NGX_HTTP_TRIGGERS_OBJECT_NULL,
      ngx_http_triggers_object_integer_slot,
      offsetof(ngx_http_triggers_lease_body_t, limit),
      1, NGX_TRIGGERS_LEASE_MAX },

    { "lease_seconds",
      NGX_HTTP_TRIGGERS_LEASE_ON_LEASE|NGX_HTTP_TRIGGERS_LEASE_ON_EXTEND
      |NGX_HTTP_TRIGGERS_OBJECT_NULL,
      ngx_http_triggers_object_integer_slot,
      offsetof(ngx_http_triggers_lease_body_t, seconds),
      1, NGX_HTTP_TRIGGERS_LEASE_SECONDS_MAX },

    { "wait_seconds",
      NGX_HTTP_TRIGGERS_LEASE_ON_LEASE|NGX_HTTP_TRIGGERS_OBJECT_NULL,
      ngx_http_triggers_object_integer_slot,
      offsetof(ngx_http_triggers_lease_body_t, wait),
      0, NGX_HTTP_TRIGGERS_LEASE_WAIT_MAX },

    { "delay_seconds",
      NGX_HTTP_TRIGGERS_LEASE_ON_RELEASE|NGX_HTTP_TRIGGERS_OBJECT_NULL,
      ngx_http_triggers_object_integer_slot,
      offsetof(ngx_http_triggers_lease_body_t, delay),
      0, NGX_HTTP_TRIGGERS_LEASE_SECONDS_MAX },

    { "error",
      NGX_HTTP_TRIGGERS_LEASE_ON_RELEASE|NGX_HTTP_TRIGGERS_OBJECT_NULL,
      ngx_http_triggers_object_text_slot,
      offsetof(ngx_http_triggers_lease_body_t, error),
      1, NGX_HTTP_TRIGGERS_LEASE_ERROR_MAX },

    { "event_type",
      NGX_HTTP_TRIGGERS_LEASE_ON_LEASE|NGX_HTTP_TRIGGERS_LEASE_ON_RETRY
      |NGX_HTTP_TRIGGERS_OBJECT_NULL,
      ngx_http_triggers_object_text_slot,
      offsetof(ngx_http_triggers_lease_body_t, event_type),
      1, NGX_HTTP_TRIGGERS_LEASE_NAME_MAX },

    { "source",
      NGX_HTTP_TRIGGERS_LEASE_ON_RETRY|NGX_HTTP_TRIGGERS_OBJECT_NULL,
      ngx_http_triggers_object_text_slot,
      offsetof(ngx_http_triggers_lease_body_t, source),
      1, NGX_HTTP_TRIGGERS_LEASE_NAME_MAX },

    { "from",
      NGX_HTTP_TRIGGERS_LEASE_ON_RETRY|NGX_HTTP_TRIGGERS_OBJECT_NULL,
      ngx_http_triggers_lease_body_from, 0, 0, 0 },

    { "to",
      NGX_HTTP_TRIGGERS_LEASE_ON_RETRY|NGX_HTTP_TRIGGERS_OBJECT_NULL,
      ngx_http_triggers_lease_body_to, 0, 0, 0 },

    { NULL, 0, NULL, 0, 0, 0 }
};


ngx_int_t
ngx_http_triggers_lease_body_parse(ngx_http_triggers_lease_body_t *lb,
    ngx_http_triggers_object_t *object, ngx_str_t *body, ngx_uint_t on)
{
    ngx_int_t  rc;

    ngx_memzero(lb, sizeof(ngx_http_triggers_lease_body_t));

    lb->limit = NGX_HTTP_TRIGGERS_LEASE_LIMIT;

    object->data = lb;

    /* of these no member is required */

    if (body->len == 0
        && (on & (NGX_HTTP_TRIGGERS_LEASE_ON_LEASE
                  |NGX_HTTP_TRIGGERS_LEASE_ON_RETRY)))
    {
        rc = NGX_OK;

    } else {
        rc = ngx_http_triggers_object_read(object, body,
                                           ngx_http_triggers_lease_members,
                                           on);
    }

    return (rc == NGX_OK) ? ngx_http_triggers_lease_body_check(lb, object, on)
                          : rc;
}


static ngx_int_t
ngx_http_triggers_lease_body_check(ngx_http_triggers_lease_body_t *lb,
    ngx_http_triggers_object_t *object, ngx_uint_t on)
{
    if (!lb->has_lease_id
        && (on & (NGX_HTTP_TRIGGERS_LEASE_ON_ACK
                  |NGX_HTTP_TRIGGERS_LEASE_ON_RELEASE
                  |NGX_HTTP_TRIGGERS_LEASE_ON_EXTEND)))
    {
        return ngx_http_triggers_object_missing(object, "lease_id");
    }

    if (lb->seconds == 0 && on == NGX_HTTP_TRIGGERS_LEASE_ON_EXTEND) {
        return ngx_http_triggers_object_missing(object, "lease_seconds");
    }

    if (lb->seconds == 0) {
        lb->seconds = NGX_HTTP_TRIGGERS_LEASE_SECONDS;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_lease_body_id(ngx_http_triggers_object_t *object,
    json_t *value)
{
    ngx_http_triggers_lease_body_t  *lb;

    lb = object->data;
    lb->has_lease_id = 1;

    return ngx_http_triggers_object_uuid(object, value, lb->lease_id);
}


static ngx_int_t
ngx_http_triggers_lease_body_ids(ngx_http_triggers_object_t *object,
    json_t *value)
{
    size_t                           i;
    u_char                           id[NGX_TRIGGERS_ID_LEN];
    json_t                          *item;
    ngx_int_t                        rc;
    ngx_http_triggers_lease_body_t  *lb;

    lb = object->data;

    if (!json_is_array(value) || json_array_size(value) == 0
        || json_array_size(value) > NGX_TRIGGERS_LEASE_MAX)
    {
        return ngx_http_triggers_object_refuse(object, "event_ids must be an "
                                               "array of 1 to %d ids",
                                               NGX_TRIGGERS_LEASE_MAX);
    }

    lb->ids = ngx_pnalloc(object->pool,
                          json_array_size(value) * NGX_TRIGGERS_ID_LEN);
    if (lb->ids == NULL) {
        return NGX_ERROR;
    }

    json_array_foreach(value, i, item) {

        rc = ngx_http_triggers_object_uuid(object, item, id);

        if (rc == NGX_DECLINED) {
            return ngx_http_triggers_object_refuse(object, "event_ids must "
                                                   "have UUIDs only");
        }

        if (rc != NGX_OK) {
            return rc;
        }

        ngx_http_triggers_lease_body_add(lb, id);
    }

    return NGX_OK;
}


static void
ngx_http_triggers_lease_body_add(ngx_http_triggers_lease_body_t *lb,
    u_char *id)
{
    u_char      *p;
    ngx_uint_t   i;

    p = lb->ids;

    for (i = 0; i < lb->nids; i++) {

        if (ngx_memcmp(p, id, NGX_TRIGGERS_ID_LEN) == 0) {
            return;
        }

        p += NGX_TRIGGERS_ID_LEN;
    }

    ngx_memcpy(p, id, NGX_TRIGGERS_ID_LEN);
    lb->nids++;
}


static ngx_int_t
ngx_http_triggers_lease_body_from(ngx_http_triggers_object_t *object,
    json_t *value)
{
    ngx_http_triggers_lease_body_t  *lb;

    lb = object->data;

    return ngx_http_triggers_object_time(object, value, &lb->from);
}


static ngx_int_t
ngx_http_triggers_lease_body_to(ngx_http_triggers_object_t *object,
    json_t *value)
{
    ngx_int_t                        rc;
    ngx_http_triggers_lease_body_t  *lb;

    lb = object->data;

    rc = ngx_http_triggers_object_time(object, value, &lb->to);

    /* 0 would mean no bound */

    if (rc == NGX_OK && lb->to <= 0) {
        lb->to = 1;
    }

    return rc;
}
