
/*
 * Decodes and validates an event.  The body is walked once; "metadata" is
 * walked again for the members that mean something to us.  The payload's
 * bytes are passed on as they were sent.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_decode.h"
#include "ngx_triggers_json.h"


#define NGX_HTTP_TRIGGERS_NAME_MAX  100        /* characters */
#define NGX_HTTP_TRIGGERS_TEXT_MAX  255


typedef struct {
    ngx_pool_t              *pool;
    ngx_uint_t               strict;
    ngx_triggers_event_t    *event;
    ngx_str_t               *key;
    ngx_http_triggers_decode_error_t  *error;

    ngx_triggers_json_value_t  payload;
    ngx_triggers_json_value_t  event_type;
    ngx_triggers_json_value_t  source;
    ngx_triggers_json_value_t  metadata;

    /* of the metadata */
    ngx_triggers_json_value_t  priority;
    ngx_triggers_json_value_t  idempotency_key;
    ngx_triggers_json_value_t  ordering_key;
    ngx_triggers_json_value_t  correlation_id;
    ngx_triggers_json_value_t  meta_event_type;
    ngx_triggers_json_value_t  meta_source;
} ngx_http_triggers_decode_t;


typedef struct {
    ngx_str_t                name;
    size_t                   offset;           /* in the decode's struct */
} ngx_http_triggers_member_t;


typedef struct {
    const char              *field;
    size_t                   offset;           /* in the decode's struct */
    ngx_uint_t               max;              /* characters */
} ngx_http_triggers_string_t;


static ngx_int_t ngx_http_triggers_decode_body(
    ngx_http_triggers_decode_t *d, ngx_str_t *text);
static ngx_int_t ngx_http_triggers_decode_metadata(
    ngx_http_triggers_decode_t *d);
static ngx_int_t ngx_http_triggers_decode_priority(
    ngx_http_triggers_decode_t *d);
static ngx_int_t ngx_http_triggers_decode_type(ngx_http_triggers_decode_t *d);
static ngx_int_t ngx_http_triggers_decode_string(
    ngx_http_triggers_decode_t *d, const char *field,
    ngx_triggers_json_value_t *value, ngx_uint_t max, ngx_str_t *dst);
static ngx_uint_t ngx_http_triggers_keep_member(
    ngx_http_triggers_decode_t *d, const ngx_http_triggers_member_t *known,
    ngx_triggers_json_member_t *member);
static ngx_uint_t ngx_http_triggers_is_absent(
    ngx_triggers_json_value_t *value);
static ngx_int_t ngx_http_triggers_decode_invalid(
    ngx_http_triggers_decode_t *d, const char *field,
    ngx_triggers_json_walk_t *walk);


static const ngx_http_triggers_member_t  ngx_http_triggers_body_members[] = {
    { ngx_string("payload"),
      offsetof(ngx_http_triggers_decode_t, payload) },
    { ngx_string("event_type"),
      offsetof(ngx_http_triggers_decode_t, event_type) },
    { ngx_string("source"),
      offsetof(ngx_http_triggers_decode_t, source) },
    { ngx_string("metadata"),
      offsetof(ngx_http_triggers_decode_t, metadata) },
    { ngx_null_string, 0 }
};


static const ngx_http_triggers_member_t
    ngx_http_triggers_metadata_members[] =
{
    { ngx_string("priority"),
      offsetof(ngx_http_triggers_decode_t, priority) },
    { ngx_string("idempotency_key"),
      offsetof(ngx_http_triggers_decode_t, idempotency_key) },
    { ngx_string("ordering_key"),
      offsetof(ngx_http_triggers_decode_t, ordering_key) },
    { ngx_string("correlation_id"),
      offsetof(ngx_http_triggers_decode_t, correlation_id) },
    { ngx_string("event_type"),
      offsetof(ngx_http_triggers_decode_t, meta_event_type) },
    { ngx_string("source"),
      offsetof(ngx_http_triggers_decode_t, meta_source) },
    { ngx_null_string, 0 }
};


static const ngx_http_triggers_string_t
    ngx_http_triggers_metadata_strings[] =
{
    { "metadata.correlation_id",
      offsetof(ngx_http_triggers_decode_t, correlation_id),
      NGX_HTTP_TRIGGERS_TEXT_MAX },
    { "metadata.event_type",
      offsetof(ngx_http_triggers_decode_t, meta_event_type),
      NGX_HTTP_TRIGGERS_NAME_MAX },
    { "metadata.source",
      offsetof(ngx_http_triggers_decode_t, meta_source),
      NGX_HTTP_TRIGGERS_NAME_MAX },
    { NULL, 0, 0 }
};


ngx_int_t
ngx_http_triggers_decode_event(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t strict, ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error)
{
    ngx_int_t                   rc;
    ngx_http_triggers_decode_t  d;

    ngx_memzero(&d, sizeof(ngx_http_triggers_decode_t));

    d.pool = pool;
    d.strict = strict;
    d.event = event;
    d.key = key;
    d.error = error;

    ngx_str_null(key);

    event->priority = NGX_TRIGGERS_PRIORITY_NORMAL;

    rc = ngx_http_triggers_decode_body(&d, text);

    if (rc != NGX_OK) {
        return rc;
    }

    if (d.payload.type == NGX_TRIGGERS_JSON_NONE) {
        return ngx_http_triggers_decode_refuse(d.error, "payload",
                                               "payload is required");
    }

    if (d.payload.type != NGX_TRIGGERS_JSON_OBJECT) {
        return ngx_http_triggers_decode_refuse(d.error, "payload",
                                               "payload must be a JSON "
                                               "object");
    }

    event->payload = d.payload.text;

    rc = ngx_http_triggers_decode_metadata(&d);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_triggers_decode_type(&d);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_triggers_is_absent(&d.source)) {
        return ngx_http_triggers_decode_string(&d, "metadata.source",
                                               &d.meta_source,
                                               NGX_HTTP_TRIGGERS_NAME_MAX,
                                               &event->source);
    }

    return ngx_http_triggers_decode_string(&d, "source", &d.source,
                                           NGX_HTTP_TRIGGERS_NAME_MAX,
                                           &event->source);
}


static ngx_int_t
ngx_http_triggers_decode_body(ngx_http_triggers_decode_t *d, ngx_str_t *text)
{
    ngx_int_t                   rc;
    ngx_triggers_json_walk_t    walk;
    ngx_triggers_json_member_t  member;

    ngx_triggers_json_walk_init(&walk, text, NGX_TRIGGERS_JSON_UNIQUE
                                             |NGX_TRIGGERS_JSON_NO_NUL);

    while ((rc = ngx_triggers_json_next(&walk, &member)) == NGX_OK) {

        if (!ngx_http_triggers_keep_member(d, ngx_http_triggers_body_members,
                                           &member)
            && d->strict)
        {
            ngx_triggers_json_walk_done(&walk);

            (void) ngx_http_triggers_decode_refuse(d->error, NULL,
                                                   "unknown member");
            d->error->field = member.name;

            return NGX_DECLINED;
        }
    }

    ngx_triggers_json_walk_done(&walk);

    if (rc == NGX_DECLINED) {
        return ngx_http_triggers_decode_refuse(d->error, NULL,
                                      "the body must be a JSON object");
    }

    if (rc == NGX_ERROR) {
        return ngx_http_triggers_decode_invalid(d, NULL, &walk);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_decode_metadata(ngx_http_triggers_decode_t *d)
{
    ngx_int_t                          rc;
    ngx_str_t                          unused;
    ngx_triggers_json_walk_t           walk;
    ngx_triggers_json_value_t         *value;
    ngx_triggers_json_member_t         member;
    const ngx_http_triggers_string_t  *known;

    if (ngx_http_triggers_is_absent(&d->metadata)) {
        return NGX_OK;
    }

    if (d->metadata.type != NGX_TRIGGERS_JSON_OBJECT) {
        return ngx_http_triggers_decode_refuse(d->error, "metadata",
                                               "metadata must be a JSON "
                                               "object");
    }

    d->event->metadata = d->metadata.text;

    ngx_triggers_json_walk_init(&walk, &d->metadata.text,
                                NGX_TRIGGERS_JSON_UNIQUE
                                |NGX_TRIGGERS_JSON_NO_NUL_DEEP);

    while ((rc = ngx_triggers_json_next(&walk, &member)) == NGX_OK) {
        (void) ngx_http_triggers_keep_member(d,
                                  ngx_http_triggers_metadata_members, &member);
    }

    ngx_triggers_json_walk_done(&walk);

    if (rc == NGX_ERROR) {
        return ngx_http_triggers_decode_invalid(d, "metadata", &walk);
    }

    rc = ngx_http_triggers_decode_string(d, "metadata.idempotency_key",
                                         &d->idempotency_key,
                                         NGX_HTTP_TRIGGERS_IDEMPOTENCY_KEY_MAX,
                                         d->key);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_triggers_decode_string(d, "metadata.ordering_key",
                                         &d->ordering_key,
                                         NGX_HTTP_TRIGGERS_TEXT_MAX,
                                         &d->event->ordering_key);
    if (rc != NGX_OK) {
        return rc;
    }

    /* the others are only checked, and stored as part of the metadata */

    for (known = ngx_http_triggers_metadata_strings; known->field; known++) {

        value = (ngx_triggers_json_value_t *) ((u_char *) d + known->offset);

        rc = ngx_http_triggers_decode_string(d, known->field, value,
                                             known->max, &unused);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_http_triggers_decode_priority(d);
}


static ngx_int_t
ngx_http_triggers_decode_priority(ngx_http_triggers_decode_t *d)
{
    ngx_uint_t  i;

    static ngx_str_t  names[] = {
        ngx_string("low"), ngx_string("normal"), ngx_string("high")
    };

    if (ngx_http_triggers_is_absent(&d->priority)) {
        return NGX_OK;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (d->priority.type == NGX_TRIGGERS_JSON_STRING
            && ngx_triggers_json_string_is(&d->priority.text, names[i].data,
                                           names[i].len))
        {
            d->event->priority = i;
            return NGX_OK;
        }
    }

    return ngx_http_triggers_decode_refuse(d->error, "metadata.priority",
                                           "metadata.priority must be "
                                           "\"low\", \"normal\" or \"high\"");
}


/*
 * v1 wants the type at the top level; on root it may be in the metadata or
 * the payload, or there may be none.
 */

static ngx_int_t
ngx_http_triggers_decode_type(ngx_http_triggers_decode_t *d)
{
    ngx_int_t                  rc;
    ngx_str_t                 *type;
    ngx_triggers_json_value_t  value;

    type = &d->event->event_type;

    if (d->strict && ngx_http_triggers_is_absent(&d->event_type)) {
        return ngx_http_triggers_decode_refuse(d->error, "event_type",
                                               "event_type is required");
    }

    if (!ngx_http_triggers_is_absent(&d->event_type)) {
        return ngx_http_triggers_decode_string(d, "event_type",
                                               &d->event_type,
                                               NGX_HTTP_TRIGGERS_NAME_MAX,
                                               type);
    }

    if (d->meta_event_type.type == NGX_TRIGGERS_JSON_STRING) {
        return ngx_http_triggers_decode_string(d, "metadata.event_type",
                                               &d->meta_event_type,
                                               NGX_HTTP_TRIGGERS_NAME_MAX,
                                               type);
    }

    ngx_triggers_json_get(&d->payload.text, (u_char *) "event_type",
                          sizeof("event_type") - 1, &value);

    if (value.type != NGX_TRIGGERS_JSON_STRING) {
        return NGX_OK;
    }

    /* what the payload says is the client's business: no type, no error */

    rc = ngx_http_triggers_decode_string(d, "payload.event_type", &value,
                                         NGX_HTTP_TRIGGERS_NAME_MAX, type);

    return (rc == NGX_DECLINED) ? NGX_OK : rc;
}


static ngx_int_t
ngx_http_triggers_decode_string(ngx_http_triggers_decode_t *d,
    const char *field, ngx_triggers_json_value_t *value, ngx_uint_t max,
    ngx_str_t *dst)
{
    u_char      *p;
    size_t       len;
    ngx_uint_t   chars;

    if (ngx_http_triggers_is_absent(value)) {
        return NGX_OK;
    }

    if (value->type != NGX_TRIGGERS_JSON_STRING) {
        return ngx_http_triggers_decode_refuse(d->error, field, "%s must be a "
                                               "string", field);
    }

    /* six bytes for a character at most, two quotes */

    if (value->text.len > 2 + 12 * max) {
        goto invalid;
    }

    p = ngx_pnalloc(d->pool, value->text.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    len = ngx_triggers_json_unescape(p, &value->text, &chars);

    if (chars == 0 || chars > max || ngx_strlchr(p, p + len, '\0')) {
        goto invalid;
    }

    dst->data = p;
    dst->len = len;

    return NGX_OK;

invalid:

    return ngx_http_triggers_decode_refuse(d->error, field, "%s must be a "
                                           "string of 1 to %ui characters",
                                           field, max);
}


static ngx_uint_t
ngx_http_triggers_keep_member(ngx_http_triggers_decode_t *d,
    const ngx_http_triggers_member_t *known,
    ngx_triggers_json_member_t *member)
{
    ngx_triggers_json_value_t  *value;

    for ( /* void */ ; known->name.len; known++) {

        if (ngx_triggers_json_name_is(member, (char *) known->name.data,
                                      known->name.len))
        {
            value = (ngx_triggers_json_value_t *)
                        ((u_char *) d + known->offset);
            *value = member->value;

            return 1;
        }
    }

    return 0;
}


/* clients of typed languages send null for what they do not have */

static ngx_uint_t
ngx_http_triggers_is_absent(ngx_triggers_json_value_t *value)
{
    return value->type == NGX_TRIGGERS_JSON_NONE
           || value->type == NGX_TRIGGERS_JSON_NULL;
}


static ngx_int_t
ngx_http_triggers_decode_invalid(ngx_http_triggers_decode_t *d,
    const char *field, ngx_triggers_json_walk_t *walk)
{
    if (walk->error.reason == NULL) {

        /* not the text's fault */

        return NGX_ERROR;
    }

    return ngx_http_triggers_decode_refuse(d->error, field,
                                           "invalid JSON in %s: %s at byte "
                                           "%uz", field ? field : "the body",
                                           walk->error.reason,
                                           walk->error.offset);
}


ngx_int_t
ngx_http_triggers_decode_refuse(ngx_http_triggers_decode_error_t *error,
    const char *field, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(error->buf, error->buf + sizeof(error->buf), fmt, args);
    va_end(args);

    error->message.data = error->buf;
    error->message.len = p - error->buf;

    error->field.data = (u_char *) field;
    error->field.len = field ? ngx_strlen(field) : 0;

    return NGX_DECLINED;
}
