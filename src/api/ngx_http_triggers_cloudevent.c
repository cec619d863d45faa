
/*
 * Decodes CloudEvents; the header has the mapping.  The documents are "JSON
 * Event Format" and "HTTP Protocol Binding" of CloudEvents 1.0.
 *
 * The attributes of the binary mode are first written as the JSON object that
 * they would be in the structured mode, so that one walk knows the rules:
 * that of UTF-8, of unique names, and of the attributes.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_attribute.h"
#include "ngx_http_triggers_cloudevent.h"


typedef struct {
    ngx_pool_t              *pool;
    ngx_triggers_event_t    *event;
    ngx_http_triggers_decode_error_t  *error;

    ngx_array_t             *headers;          /* of ngx_keyval_t, the members
                                                  of the text one by one; NULL
                                                  in the structured mode */
    ngx_array_t              attributes;       /* as they were sent */
    ngx_str_t                known[NGX_HTTP_TRIGGERS_CE_EXTENSION];
    ngx_triggers_json_value_t  data;
    ngx_triggers_json_value_t  data_base64;
} ngx_http_triggers_cloudevent_t;


static ngx_int_t ngx_http_triggers_cloudevent_init(
    ngx_http_triggers_cloudevent_t *c, ngx_pool_t *pool,
    ngx_triggers_event_t *event, ngx_http_triggers_decode_error_t *error);
static ngx_int_t ngx_http_triggers_cloudevent_walk(
    ngx_http_triggers_cloudevent_t *c, ngx_str_t *text);
static ngx_int_t ngx_http_triggers_cloudevent_invalid(
    ngx_http_triggers_cloudevent_t *c, ngx_triggers_json_error_t *error,
    ngx_uint_t n);
static ngx_int_t ngx_http_triggers_cloudevent_member(
    ngx_http_triggers_cloudevent_t *c, ngx_triggers_json_member_t *member);
static ngx_int_t ngx_http_triggers_cloudevent_attribute(
    ngx_http_triggers_cloudevent_t *c, ngx_http_triggers_attribute_t *a);
static ngx_int_t ngx_http_triggers_cloudevent_finish(
    ngx_http_triggers_cloudevent_t *c, ngx_str_t *key);
static ngx_int_t ngx_http_triggers_cloudevent_key(
    ngx_http_triggers_cloudevent_t *c, ngx_str_t *key);
static ngx_int_t ngx_http_triggers_cloudevent_data(
    ngx_http_triggers_cloudevent_t *c, const char **ce_data);
static ngx_int_t ngx_http_triggers_cloudevent_base64(
    ngx_http_triggers_cloudevent_t *c);
static ngx_int_t ngx_http_triggers_cloudevent_wrap(
    ngx_http_triggers_cloudevent_t *c, const char *name, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_cloudevent_metadata(
    ngx_http_triggers_cloudevent_t *c, const char *ce_data);

static ngx_int_t ngx_http_triggers_cloudevent_headers(
    ngx_http_triggers_cloudevent_t *c, ngx_array_t *attributes,
    ngx_str_t *content_type);
static ngx_int_t ngx_http_triggers_cloudevent_header(
    ngx_http_triggers_cloudevent_t *c, ngx_keyval_t *header);
static ngx_int_t ngx_http_triggers_header_decode(ngx_str_t *dst,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_header_unquote(ngx_str_t *dst,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_cloudevent_text(
    ngx_http_triggers_cloudevent_t *c, ngx_str_t *text);
static ngx_int_t ngx_http_triggers_cloudevent_body(
    ngx_http_triggers_cloudevent_t *c, ngx_str_t *body);

static ngx_int_t ngx_http_triggers_cloudevent_refuse(
    ngx_http_triggers_cloudevent_t *c, ngx_str_t *field, const char *fmt,
    ...);


static ngx_str_t  ngx_http_triggers_field_data = ngx_string("data");
static ngx_str_t  ngx_http_triggers_field_base64 = ngx_string("data_base64");


ngx_int_t
ngx_http_triggers_cloudevent_decode(ngx_pool_t *pool, ngx_str_t *text,
    ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error)
{
    ngx_int_t                       rc;
    ngx_http_triggers_cloudevent_t  c;

    rc = ngx_http_triggers_cloudevent_init(&c, pool, event, error);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_triggers_cloudevent_walk(&c, text);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_triggers_cloudevent_finish(&c, key);
}


ngx_int_t
ngx_http_triggers_cloudevent_decode_binary(ngx_pool_t *pool,
    ngx_array_t *attributes, ngx_str_t *content_type, ngx_str_t *body,
    ngx_triggers_event_t *event, ngx_str_t *key,
    ngx_http_triggers_decode_error_t *error)
{
    ngx_int_t                       rc;
    ngx_str_t                       text;
    ngx_http_triggers_cloudevent_t  c;

    rc = ngx_http_triggers_cloudevent_init(&c, pool, event, error);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_triggers_cloudevent_headers(&c, attributes, content_type);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_triggers_cloudevent_text(&c, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_triggers_cloudevent_walk(&c, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_triggers_cloudevent_body(&c, body);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_triggers_cloudevent_finish(&c, key);
}


static ngx_int_t
ngx_http_triggers_cloudevent_init(ngx_http_triggers_cloudevent_t *c,
    ngx_pool_t *pool, ngx_triggers_event_t *event,
    ngx_http_triggers_decode_error_t *error)
{
    ngx_memzero(c, sizeof(ngx_http_triggers_cloudevent_t));

    c->pool = pool;
    c->event = event;
    c->error = error;

    event->priority = NGX_TRIGGERS_PRIORITY_NORMAL;

    return ngx_array_init(&c->attributes, pool, 8,
                          sizeof(ngx_http_triggers_attribute_t));
}


static ngx_int_t
ngx_http_triggers_cloudevent_walk(ngx_http_triggers_cloudevent_t *c,
    ngx_str_t *text)
{
    ngx_int_t                   rc;
    ngx_uint_t                  n;
    ngx_triggers_json_walk_t    walk;
    ngx_triggers_json_member_t  member;

    n = 0;

    ngx_triggers_json_walk_init(&walk, text, NGX_TRIGGERS_JSON_UNIQUE
                                             |NGX_TRIGGERS_JSON_NO_NUL);

    while ((rc = ngx_triggers_json_next(&walk, &member)) == NGX_OK) {

        rc = ngx_http_triggers_cloudevent_member(c, &member);

        if (rc != NGX_OK) {
            ngx_triggers_json_walk_done(&walk);
            return rc;
        }

        n++;
    }

    ngx_triggers_json_walk_done(&walk);

    if (rc == NGX_DECLINED) {
        return ngx_http_triggers_cloudevent_refuse(c, NULL, "a CloudEvent "
                                                   "must be a JSON object");
    }

    if (rc == NGX_ERROR) {
        return ngx_http_triggers_cloudevent_invalid(c, &walk.error, n);
    }

    return NGX_OK;
}


/* n is the number of the member that is wrong */

static ngx_int_t
ngx_http_triggers_cloudevent_invalid(ngx_http_triggers_cloudevent_t *c,
    ngx_triggers_json_error_t *error, ngx_uint_t n)
{
    ngx_keyval_t  *header;

    if (error->reason == NULL) {

        /* not the text's fault */

        return NGX_ERROR;
    }

    if (c->headers) {
        header = c->headers->elts;

        return ngx_http_triggers_cloudevent_refuse(c, &header[n].key,
                                                   "%V: %s", &header[n].key,
                                                   error->reason);
    }

    return ngx_http_triggers_cloudevent_refuse(c, NULL, "invalid JSON in the "
                                               "CloudEvent: %s at byte %uz",
                                               error->reason, error->offset);
}


static ngx_int_t
ngx_http_triggers_cloudevent_member(ngx_http_triggers_cloudevent_t *c,
    ngx_triggers_json_member_t *member)
{
    ngx_http_triggers_attribute_t  a;

    if (ngx_triggers_json_name_is(member, "data", sizeof("data") - 1)) {
        c->data = member->value;
        return NGX_OK;
    }

    if (ngx_triggers_json_name_is(member, "data_base64",
                                  sizeof("data_base64") - 1))
    {
        c->data_base64 = member->value;
        return NGX_OK;
    }

    switch (ngx_http_triggers_attribute_read(c->pool, member, &a)) {

    case NGX_OK:
        return ngx_http_triggers_cloudevent_attribute(c, &a);

    case NGX_DONE:
        return NGX_OK;

    case NGX_DECLINED:
        break;

    default:
        return NGX_ERROR;
    }

    if (a.name.data == NULL) {
        return ngx_http_triggers_cloudevent_refuse(c, &member->name, "the "
                                                   "name of an attribute %s",
                                                   a.rule);
    }

    return ngx_http_triggers_cloudevent_refuse(c, &a.name, "%V %s", &a.name,
                                               a.rule);
}


static ngx_int_t
ngx_http_triggers_cloudevent_attribute(ngx_http_triggers_cloudevent_t *c,
    ngx_http_triggers_attribute_t *a)
{
    ngx_uint_t                      i;
    ngx_http_triggers_attribute_t  *new;

    static const char  *priorities[] = { "low", "normal", "high" };

    new = ngx_array_push(&c->attributes);
    if (new == NULL) {
        return NGX_ERROR;
    }

    *new = *a;

    if (a->known != NGX_HTTP_TRIGGERS_CE_EXTENSION) {
        c->known[a->known] = a->plain;
        return NGX_OK;
    }

    if (!ngx_http_triggers_str_is(&a->name, "priority")) {
        return NGX_OK;
    }

    /* another priority means nothing to us and is just an attribute */

    for (i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++) {
        if (ngx_http_triggers_str_is(&a->plain, priorities[i])) {
            c->event->priority = i;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_cloudevent_finish(ngx_http_triggers_cloudevent_t *c,
    ngx_str_t *key)
{
    ngx_int_t    rc;
    ngx_str_t    field;
    ngx_uint_t   i;
    const char  *name, *ce_data;

    for (i = 0; i < NGX_HTTP_TRIGGERS_CE_TIME; i++) {

        if (c->known[i].data == NULL) {
            name = ngx_http_triggers_attribute_of(i);

            field.data = (u_char *) name;
            field.len = ngx_strlen(name);

            return ngx_http_triggers_cloudevent_refuse(c, &field,
                                                       "%s is required",
                                                       name);
        }
    }

    c->event->event_type = c->known[NGX_HTTP_TRIGGERS_CE_TYPE];
    c->event->source = c->known[NGX_HTTP_TRIGGERS_CE_SOURCE];

    rc = ngx_http_triggers_cloudevent_data(c, &ce_data);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_triggers_cloudevent_metadata(c, ce_data) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_triggers_cloudevent_key(c, key);
}


static ngx_int_t
ngx_http_triggers_cloudevent_key(ngx_http_triggers_cloudevent_t *c,
    ngx_str_t *key)
{
    u_char     *p;
    ngx_str_t  *source, *id;

    source = &c->known[NGX_HTTP_TRIGGERS_CE_SOURCE];
    id = &c->known[NGX_HTTP_TRIGGERS_CE_ID];

    key->len = source->len + 1 + id->len;

    key->data = ngx_pnalloc(c->pool, key->len);
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(key->data, source->data, source->len);
    *p++ = '\0';
    ngx_memcpy(p, id->data, id->len);

    return NGX_OK;
}


/* sets the payload, and how it came about */

static ngx_int_t
ngx_http_triggers_cloudevent_data(ngx_http_triggers_cloudevent_t *c,
    const char **ce_data)
{
    *ce_data = NULL;

    if (c->data_base64.type != NGX_TRIGGERS_JSON_NONE
        && c->data_base64.type != NGX_TRIGGERS_JSON_NULL)
    {
        *ce_data = "base64";
        return ngx_http_triggers_cloudevent_base64(c);
    }

    switch (c->data.type) {

    case NGX_TRIGGERS_JSON_NONE:
        *ce_data = "none";
        ngx_str_set(&c->event->payload, "{}");
        return NGX_OK;

    case NGX_TRIGGERS_JSON_OBJECT:
        c->event->payload = c->data.text;
        return NGX_OK;

    default:

        /* null too: other than an attribute it may be one */

        *ce_data = "value";
        return ngx_http_triggers_cloudevent_wrap(c, "data", &c->data.text);
    }
}


static ngx_int_t
ngx_http_triggers_cloudevent_base64(ngx_http_triggers_cloudevent_t *c)
{
    ngx_int_t  rc;
    ngx_str_t  plain;

    if (c->data.type != NGX_TRIGGERS_JSON_NONE) {
        return ngx_http_triggers_cloudevent_refuse(c,
                                      &ngx_http_triggers_field_base64,
                                      "data and data_base64 exclude each "
                                      "other");
    }

    rc = NGX_DECLINED;

    if (c->data_base64.type == NGX_TRIGGERS_JSON_STRING) {
        rc = ngx_http_triggers_attribute_string(c->pool, &c->data_base64.text,
                                                &plain);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK || !ngx_http_triggers_attribute_is_base64(&plain)) {
        return ngx_http_triggers_cloudevent_refuse(c,
                                      &ngx_http_triggers_field_base64,
                                      "data_base64 must be a string in "
                                      "base64");
    }

    return ngx_http_triggers_cloudevent_wrap(c, "data_base64",
                                             &c->data_base64.text);
}


static ngx_int_t
ngx_http_triggers_cloudevent_wrap(ngx_http_triggers_cloudevent_t *c,
    const char *name, ngx_str_t *value)
{
    u_char                     *p;
    ngx_str_t                  *payload;
    ngx_uint_t                  type;
    ngx_triggers_json_error_t   error;

    payload = &c->event->payload;
    payload->len = sizeof("{\"\":}") - 1 + ngx_strlen(name) + value->len;

    payload->data = ngx_pnalloc(c->pool, payload->len);
    if (payload->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(payload->data, "{\"", sizeof("{\"") - 1);
    p = ngx_cpymem(p, name, ngx_strlen(name));
    p = ngx_cpymem(p, "\":", sizeof("\":") - 1);
    p = ngx_cpymem(p, value->data, value->len);
    *p = '}';

    /* a body has been read without the object around it */

    if (c->headers
        && ngx_triggers_json_validate(payload, &type, &error) != NGX_OK)
    {
        return ngx_http_triggers_cloudevent_refuse(c,
                                      &ngx_http_triggers_field_data,
                                      "invalid JSON in the body: %s",
                                      error.reason);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_cloudevent_metadata(ngx_http_triggers_cloudevent_t *c,
    const char *ce_data)
{
    u_char                         *p;
    size_t                          len;
    ngx_uint_t                      i;
    ngx_http_triggers_attribute_t  *a;

    a = c->attributes.elts;
    len = sizeof("{\"ce_data\":\"base64\"}") - 1;

    for (i = 0; i < c->attributes.nelts; i++) {
        len += sizeof("\"\":,") - 1 + a[i].name.len + a[i].text.len;
    }

    p = ngx_pnalloc(c->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    c->event->metadata.data = p;

    *p++ = '{';

    for (i = 0; i < c->attributes.nelts; i++) {

        if (a[i].known == NGX_HTTP_TRIGGERS_CE_SOURCE
            || a[i].known == NGX_HTTP_TRIGGERS_CE_TYPE)
        {
            continue;
        }

        *p++ = '"';
        p = ngx_cpymem(p, a[i].name.data, a[i].name.len);
        p = ngx_cpymem(p, "\":", sizeof("\":") - 1);
        p = ngx_cpymem(p, a[i].text.data, a[i].text.len);
        *p++ = ',';
    }

    if (ce_data) {
        p = ngx_cpymem(p, "\"ce_data\":\"", sizeof("\"ce_data\":\"") - 1);
        p = ngx_cpymem(p, ce_data, ngx_strlen(ce_data));
        *p++ = '"';

    } else {

        /* in place of the last comma: id and specversion are there at least */

        p--;
    }

    *p++ = '}';

    c->event->metadata.len = p - c->event->metadata.data;

    return NGX_OK;
}


/* decodes the headers' values; Content-Type is an attribute as well */

static ngx_int_t
ngx_http_triggers_cloudevent_headers(ngx_http_triggers_cloudevent_t *c,
    ngx_array_t *attributes, ngx_str_t *content_type)
{
    ngx_int_t      rc;
    ngx_uint_t     i;
    ngx_keyval_t  *header, *h;

    c->headers = ngx_array_create(c->pool, attributes->nelts + 1,
                                  sizeof(ngx_keyval_t));
    if (c->headers == NULL) {
        return NGX_ERROR;
    }

    header = attributes->elts;

    for (i = 0; i < attributes->nelts; i++) {
        rc = ngx_http_triggers_cloudevent_header(c, &header[i]);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (content_type->data == NULL) {
        return NGX_OK;
    }

    /* not encoded as those with "ce-" are */

    h = ngx_array_push(c->headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "datacontenttype");
    h->value = *content_type;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_cloudevent_header(ngx_http_triggers_cloudevent_t *c,
    ngx_keyval_t *header)
{
    ngx_str_t     *name;
    ngx_keyval_t  *h;

    name = &header->key;

    if (!ngx_http_triggers_attribute_is_name(name)) {
        return ngx_http_triggers_cloudevent_refuse(c, name, "the name of an "
                                                   "attribute must be of a-z "
                                                   "and 0-9");
    }

    if (ngx_http_triggers_str_is(name, "data")
        || ngx_http_triggers_str_is(name, "datacontenttype"))
    {
        return ngx_http_triggers_cloudevent_refuse(c, name, "%V is no header "
                                                   "with \"ce-\"", name);
    }

    h = ngx_array_push(c->headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->key = *name;

    h->value.data = ngx_pnalloc(c->pool, header->value.len + 1);
    if (h->value.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_triggers_header_decode(&h->value, &header->value) != NGX_OK) {
        return ngx_http_triggers_cloudevent_refuse(c, name, "%V is not "
                                                   "percent-encoded as in "
                                                   "the HTTP binding", name);
    }

    return NGX_OK;
}


/*
 * HTTP Protocol Binding, section 3.1.3.2: a quoted string, as older versions
 * have it, is unescaped; then follows one round of percent-decoding.
 */

static ngx_int_t
ngx_http_triggers_header_decode(ngx_str_t *dst, ngx_str_t *value)
{
    u_char     *p, *q, *last;
    ngx_int_t   n;

    if (ngx_http_triggers_header_unquote(dst, value) != NGX_OK) {
        return NGX_ERROR;
    }

    q = dst->data;
    last = dst->data + dst->len;

    for (p = dst->data; p < last; p++) {

        if (*p != '%') {
            *q++ = *p;
            continue;
        }

        n = (last - p > 2) ? ngx_hextoi(p + 1, 2) : NGX_ERROR;

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        *q++ = (u_char) n;
        p += 2;
    }

    dst->len = q - dst->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_header_unquote(ngx_str_t *dst, ngx_str_t *value)
{
    u_char  *p, *q, *last;

    p = value->data;
    last = p + value->len;

    if (value->len == 0 || *p != '"') {
        dst->len = value->len;
        ngx_memcpy(dst->data, p, value->len);
        return NGX_OK;
    }

    q = dst->data;

    for (p++; p < last && *p != '"'; p++) {

        if (*p == '\\' && ++p == last) {
            return NGX_ERROR;
        }

        *q++ = *p;
    }

    dst->len = q - dst->data;

    return (p == last - 1) ? NGX_OK : NGX_ERROR;
}


/* the headers as the members of an object */

static ngx_int_t
ngx_http_triggers_cloudevent_text(ngx_http_triggers_cloudevent_t *c,
    ngx_str_t *text)
{
    u_char        *p;
    ngx_uint_t     i;
    ngx_keyval_t  *h;

    h = c->headers->elts;
    text->len = sizeof("{}") - 1;

    for (i = 0; i < c->headers->nelts; i++) {
        text->len += sizeof("\"\":\"\",") - 1 + h[i].key.len + h[i].value.len
                     + ngx_escape_json(NULL, h[i].value.data, h[i].value.len);
    }

    p = ngx_pnalloc(c->pool, text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    *p++ = '{';

    for (i = 0; i < c->headers->nelts; i++) {

        if (i) {
            *p++ = ',';
        }

        *p++ = '"';
        p = ngx_cpymem(p, h[i].key.data, h[i].key.len);
        p = ngx_cpymem(p, "\":\"", sizeof("\":\"") - 1);
        p = (u_char *) ngx_escape_json(p, h[i].value.data, h[i].value.len);
        *p++ = '"';
    }

    *p++ = '}';

    text->len = p - text->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_cloudevent_body(ngx_http_triggers_cloudevent_t *c,
    ngx_str_t *body)
{
    u_char                     *p, *last;
    ngx_triggers_json_error_t   error;

    if (body->len == 0) {
        return NGX_OK;
    }

    if (ngx_triggers_json_validate(body, &c->data.type, &error) != NGX_OK) {
        return ngx_http_triggers_cloudevent_refuse(c,
                                      &ngx_http_triggers_field_data,
                                      "invalid JSON in the body: %s at byte "
                                      "%uz", error.reason, error.offset);
    }

    /* without the white space around the value, which is not empty */

    p = body->data;
    last = p + body->len;

    while (*p <= ' ') {
        p++;
    }

    while (*(last - 1) <= ' ') {
        last--;
    }

    c->data.text.data = p;
    c->data.text.len = last - p;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_cloudevent_refuse(ngx_http_triggers_cloudevent_t *c,
    ngx_str_t *field, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(c->error->buf, c->error->buf + sizeof(c->error->buf),
                      fmt, args);
    va_end(args);

    c->error->message.data = c->error->buf;
    c->error->message.len = p - c->error->buf;

    if (field) {
        c->error->field = *field;

    } else {
        ngx_str_null(&c->error->field);
    }

    return NGX_DECLINED;
}
