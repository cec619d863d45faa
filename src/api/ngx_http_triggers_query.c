
/*
 * Parses the parameters of the inbox, one function for each kind of value and
 * one table that names them, and matches the filters on members.
 *
 * A cursor is the text "a" or "d", for the order, and the sequence number of
 * the last event of the page, in base64url: opaque, and refused when it comes
 * back with another order.
 */


#include "ngx_http_triggers_query.h"
#include "ngx_triggers_args.h"
#include "ngx_triggers_json.h"


#define NGX_HTTP_TRIGGERS_WAIT_MAX   60        /* seconds */
#define NGX_HTTP_TRIGGERS_LIMIT      50
#define NGX_HTTP_TRIGGERS_LIMIT_MAX  1000

/* an offset is walked over: what is farther is a cursor's job */

#define NGX_HTTP_TRIGGERS_OFFSET_MAX  1000000000

#define NGX_HTTP_TRIGGERS_ALL  ((1 << NGX_TRIGGERS_NSTATUS) - 1)


typedef struct {
    ngx_http_triggers_inbox_query_t  *q;
    ngx_pool_t              *pool;
    ngx_uint_t               v1;
    ngx_str_t                cursor;           /* parsed when the order is
                                                  known */
} ngx_http_triggers_parse_t;


typedef ngx_int_t (*ngx_http_triggers_parameter_pt)(
    ngx_http_triggers_parse_t *ps, ngx_str_t *value);


typedef struct {
    ngx_str_t                name;
    ngx_http_triggers_parameter_pt  handler;
} ngx_http_triggers_parameter_t;


typedef struct {
    ngx_str_t                name;
    ngx_uint_t               bits;
} ngx_http_triggers_word_t;


static ngx_int_t ngx_http_triggers_parameter(ngx_http_triggers_parse_t *ps,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_member_filter(
    ngx_http_triggers_parse_t *ps, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_query_status(
    ngx_http_triggers_parse_t *ps, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_query_priority(
    ngx_http_triggers_parse_t *ps, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_query_event_type(
    ngx_http_triggers_parse_t *ps, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_query_source(
    ngx_http_triggers_parse_t *ps, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_query_from(ngx_http_triggers_parse_t *ps,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_query_to(ngx_http_triggers_parse_t *ps,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_query_limit(ngx_http_triggers_parse_t *ps,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_query_wait(ngx_http_triggers_parse_t *ps,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_query_offset(
    ngx_http_triggers_parse_t *ps, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_query_cursor(
    ngx_http_triggers_parse_t *ps, ngx_str_t *value);
static ngx_int_t ngx_http_triggers_query_order(ngx_http_triggers_parse_t *ps,
    ngx_str_t *value);
static ngx_int_t ngx_http_triggers_cursor_parse(
    ngx_http_triggers_parse_t *ps);
static ngx_int_t ngx_http_triggers_words(
    const ngx_http_triggers_word_t *words, ngx_str_t *value,
    ngx_uint_t *bits);
static ngx_int_t ngx_http_triggers_query_refuse(
    ngx_http_triggers_parse_t *ps, const char *message);


static const ngx_http_triggers_parameter_t  ngx_http_triggers_parameters[] = {
    { ngx_string("status"), ngx_http_triggers_query_status },
    { ngx_string("event_type"), ngx_http_triggers_query_event_type },
    { ngx_string("source"), ngx_http_triggers_query_source },
    { ngx_string("priority"), ngx_http_triggers_query_priority },
    { ngx_string("from"), ngx_http_triggers_query_from },
    { ngx_string("from_timestamp"), ngx_http_triggers_query_from },
    { ngx_string("created_after"), ngx_http_triggers_query_from },
    { ngx_string("to"), ngx_http_triggers_query_to },
    { ngx_string("to_timestamp"), ngx_http_triggers_query_to },
    { ngx_string("created_before"), ngx_http_triggers_query_to },
    { ngx_string("limit"), ngx_http_triggers_query_limit },
    { ngx_string("wait"), ngx_http_triggers_query_wait },
    { ngx_string("offset"), ngx_http_triggers_query_offset },
    { ngx_string("cursor"), ngx_http_triggers_query_cursor },
    { ngx_string("order"), ngx_http_triggers_query_order },
    { ngx_null_string, NULL }
};


static const ngx_http_triggers_word_t  ngx_http_triggers_statuses[] = {
    { ngx_string("pending"), 1 << NGX_TRIGGERS_PENDING },
    { ngx_string("received"), 1 << NGX_TRIGGERS_PENDING },
    { ngx_string("retrying"), 1 << NGX_TRIGGERS_RETRYING },
    { ngx_string("queued"),
      (1 << NGX_TRIGGERS_PENDING)|(1 << NGX_TRIGGERS_RETRYING) },
    { ngx_string("delivered"), 1 << NGX_TRIGGERS_DELIVERED },
    { ngx_string("acknowledged"), 1 << NGX_TRIGGERS_ACKNOWLEDGED },
    { ngx_string("failed"), 1 << NGX_TRIGGERS_FAILED },
    { ngx_string("all"), NGX_HTTP_TRIGGERS_ALL },
    { ngx_null_string, 0 }
};


static const ngx_http_triggers_word_t  ngx_http_triggers_priorities[] = {
    { ngx_string("low"), 1 << NGX_TRIGGERS_PRIORITY_LOW },
    { ngx_string("normal"), 1 << NGX_TRIGGERS_PRIORITY_NORMAL },
    { ngx_string("high"), 1 << NGX_TRIGGERS_PRIORITY_HIGH },
    { ngx_null_string, 0 }
};


ngx_int_t
ngx_http_triggers_query_parse(ngx_http_triggers_inbox_query_t *q,
    ngx_pool_t *pool, ngx_str_t *args, ngx_uint_t v1)
{
    ngx_int_t                   rc;
    ngx_str_t                   rest, name, value;
    ngx_http_triggers_parse_t   ps;

    ngx_memzero(&ps, sizeof(ngx_http_triggers_parse_t));

    ps.q = q;
    ps.pool = pool;
    ps.v1 = v1;

    q->query.limit = NGX_HTTP_TRIGGERS_LIMIT;
    q->query.statuses = v1 ? (1 << NGX_TRIGGERS_PENDING)
                             |(1 << NGX_TRIGGERS_RETRYING)
                           : NGX_HTTP_TRIGGERS_ALL;

    rest = *args;

    for ( ;; ) {
        rc = ngx_triggers_args_next(pool, &rest, &name, &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DONE) {
            break;
        }

        rc = ngx_http_triggers_parameter(&ps, &name, &value);

        if (rc != NGX_OK) {
            q->field = name;
            return rc;
        }
    }

    if (ps.cursor.data == NULL) {
        return NGX_OK;
    }

    ngx_str_set(&q->field, "cursor");

    return ngx_http_triggers_cursor_parse(&ps);
}


u_char *
ngx_http_triggers_cursor_write(u_char *p, int64_t seq, ngx_uint_t ascending)
{
    u_char     text[NGX_INT64_LEN + 1];
    ngx_str_t  src, dst;

    src.data = text;
    src.len = ngx_sprintf(text, "%c%L", ascending ? 'a' : 'd', seq) - text;
    dst.data = p;

    ngx_encode_base64url(&dst, &src);

    return p + dst.len;
}


ngx_int_t
ngx_http_triggers_query_match(ngx_http_triggers_inbox_query_t *q,
    ngx_triggers_row_t *row)
{
    ngx_str_t                   *object;
    ngx_uint_t                   i;
    ngx_triggers_json_value_t    value;
    ngx_http_triggers_filter_t  *f;

    for (i = 0; i < q->nfilters; i++) {
        f = &q->filters[i];
        object = f->payload ? &row->event.payload : &row->event.metadata;

        if (object->data == NULL) {
            return NGX_DECLINED;
        }

        ngx_triggers_json_get(object, f->key.data, f->key.len, &value);

        switch (value.type) {

        case NGX_TRIGGERS_JSON_STRING:
            if (!ngx_triggers_json_string_is(&value.text, f->value.data,
                                             f->value.len))
            {
                return NGX_DECLINED;
            }

            break;

        case NGX_TRIGGERS_JSON_NULL:
        case NGX_TRIGGERS_JSON_FALSE:
        case NGX_TRIGGERS_JSON_TRUE:
        case NGX_TRIGGERS_JSON_NUMBER:
            if (value.text.len != f->value.len
                || ngx_memcmp(value.text.data, f->value.data, f->value.len)
                   != 0)
            {
                return NGX_DECLINED;
            }

            break;

        default:
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_parameter(ngx_http_triggers_parse_t *ps, ngx_str_t *name,
    ngx_str_t *value)
{
    const ngx_http_triggers_parameter_t  *known;

    for (known = ngx_http_triggers_parameters; known->handler; known++) {

        if (known->name.len == name->len
            && ngx_strncmp(known->name.data, name->data, name->len) == 0)
        {
            return known->handler(ps, value);
        }
    }

    /* parameters that are not ours are left to whoever sent them */

    return ngx_http_triggers_member_filter(ps, name, value);
}


static ngx_int_t
ngx_http_triggers_member_filter(ngx_http_triggers_parse_t *ps,
    ngx_str_t *name, ngx_str_t *value)
{
    size_t                       len;
    ngx_http_triggers_filter_t  *f;

    /* a name may be empty, in JSON */

    if (name->len >= sizeof("metadata.") - 1
        && ngx_strncmp(name->data, "metadata.", sizeof("metadata.") - 1) == 0)
    {
        len = sizeof("metadata.") - 1;

    } else if (name->len >= sizeof("payload.") - 1
               && ngx_strncmp(name->data, "payload.", sizeof("payload.") - 1)
                  == 0)
    {
        len = sizeof("payload.") - 1;

    } else {
        return NGX_OK;
    }

    if (ps->q->nfilters == NGX_HTTP_TRIGGERS_FILTERS) {
        return ngx_http_triggers_query_refuse(ps, "too many filters on "
                                              "members, at most 10");
    }

    f = &ps->q->filters[ps->q->nfilters++];

    f->payload = (name->data[0] == 'p');
    f->key.data = name->data + len;
    f->key.len = name->len - len;
    f->value = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_status(ngx_http_triggers_parse_t *ps,
    ngx_str_t *value)
{
    ngx_uint_t  bits;

    if (ngx_http_triggers_words(ngx_http_triggers_statuses, value, &bits)
        != NGX_OK)
    {
        return ngx_http_triggers_query_refuse(ps, "status must be a comma "
                                              "list of pending, retrying, "
                                              "delivered, acknowledged, "
                                              "failed or all");
    }

    ps->q->query.statuses = bits;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_priority(ngx_http_triggers_parse_t *ps,
    ngx_str_t *value)
{
    if (ngx_http_triggers_words(ngx_http_triggers_priorities, value,
                                &ps->q->query.priorities)
        != NGX_OK)
    {
        return ngx_http_triggers_query_refuse(ps, "priority must be low, "
                                              "normal or high");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_event_type(ngx_http_triggers_parse_t *ps,
    ngx_str_t *value)
{
    ngx_triggers_query_t  *query;

    if (value->len == 0) {
        return ngx_http_triggers_query_refuse(ps, "event_type must not be "
                                              "empty");
    }

    query = &ps->q->query;
    query->event_type = *value;
    query->event_type_prefix = (value->data[value->len - 1] == '*');
    query->event_type.len -= query->event_type_prefix;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_source(ngx_http_triggers_parse_t *ps,
    ngx_str_t *value)
{
    if (value->len == 0) {
        return ngx_http_triggers_query_refuse(ps, "source must not be empty");
    }

    ps->q->query.source = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_from(ngx_http_triggers_parse_t *ps, ngx_str_t *value)
{
    if (ngx_triggers_args_time(value, &ps->q->query.from) != NGX_OK) {
        return ngx_http_triggers_query_refuse(ps, "not an ISO-8601 time");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_to(ngx_http_triggers_parse_t *ps, ngx_str_t *value)
{
    if (ngx_triggers_args_time(value, &ps->q->query.to) != NGX_OK) {
        return ngx_http_triggers_query_refuse(ps, "not an ISO-8601 time");
    }

    /* 0 would mean no bound */

    if (ps->q->query.to <= 0) {
        ps->q->query.to = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_limit(ngx_http_triggers_parse_t *ps, ngx_str_t *value)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n < 1 || n > NGX_HTTP_TRIGGERS_LIMIT_MAX) {
        return ngx_http_triggers_query_refuse(ps, "limit must be a number "
                                              "from 1 to 1000");
    }

    ps->q->query.limit = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_wait(ngx_http_triggers_parse_t *ps, ngx_str_t *value)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n > NGX_HTTP_TRIGGERS_WAIT_MAX) {
        return ngx_http_triggers_query_refuse(ps, "wait must be a number of "
                                                  "seconds from 0 to 60");
    }

    ps->q->wait = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_offset(ngx_http_triggers_parse_t *ps,
    ngx_str_t *value)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR && ps->v1) {
        return ngx_http_triggers_query_cursor(ps, value);
    }

    if (n < 0 || n > NGX_HTTP_TRIGGERS_OFFSET_MAX) {
        return ngx_http_triggers_query_refuse(ps, "offset must be a number "
                                              "of at least 0");
    }

    ps->q->query.offset = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_cursor(ngx_http_triggers_parse_t *ps,
    ngx_str_t *value)
{
    if (value->len == 0) {
        return ngx_http_triggers_query_refuse(ps, "cursor must not be empty");
    }

    ps->cursor = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_order(ngx_http_triggers_parse_t *ps, ngx_str_t *value)
{
    if (value->len == 3 && ngx_strncmp(value->data, "asc", 3) == 0) {
        ps->q->query.ascending = 1;
        return NGX_OK;
    }

    if (value->len == 4 && ngx_strncmp(value->data, "desc", 4) == 0) {
        ps->q->query.ascending = 0;
        return NGX_OK;
    }

    return ngx_http_triggers_query_refuse(ps, "order must be asc or desc");
}


static ngx_int_t
ngx_http_triggers_cursor_parse(ngx_http_triggers_parse_t *ps)
{
    u_char      text[NGX_HTTP_TRIGGERS_CURSOR_LEN];
    ngx_int_t   n;
    ngx_str_t   dst;

    dst.data = text;

    if (ps->cursor.len >= NGX_HTTP_TRIGGERS_CURSOR_LEN
        || ngx_decode_base64url(&dst, &ps->cursor) != NGX_OK
        || dst.len < 2
        || text[0] != (ps->q->query.ascending ? 'a' : 'd'))
    {
        goto invalid;
    }

    n = ngx_atoi(text + 1, dst.len - 1);

    if (n < 1) {
        goto invalid;
    }

    ps->q->query.cursor = n;

    return NGX_OK;

invalid:

    return ngx_http_triggers_query_refuse(ps, "not a cursor of this query");
}


static ngx_int_t
ngx_http_triggers_words(const ngx_http_triggers_word_t *words,
    ngx_str_t *value, ngx_uint_t *bits)
{
    u_char                          *p, *comma, *last;
    size_t                           len;
    const ngx_http_triggers_word_t  *word;

    *bits = 0;
    last = value->data + value->len;

    for (p = value->data; p <= last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        if (comma == NULL) {
            comma = last;
        }

        len = comma - p;

        for (word = words; word->name.len; word++) {
            if (word->name.len == len
                && ngx_strncmp(word->name.data, p, len) == 0)
            {
                break;
            }
        }

        if (word->name.len == 0) {
            return NGX_DECLINED;
        }

        *bits |= word->bits;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_query_refuse(ngx_http_triggers_parse_t *ps,
    const char *message)
{
    ps->q->message = message;

    return NGX_DECLINED;
}
