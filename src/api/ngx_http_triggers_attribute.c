
/*
 * Context attributes of CloudEvents 1.0; the header has the contract.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_attribute.h"
#include "ngx_triggers_time.h"


#define NGX_HTTP_TRIGGERS_CE_NAME_MAX  100

/* "2025-11-10T12:34:56Z", the shortest one */

#define NGX_HTTP_TRIGGERS_RFC3339_MIN  20


typedef struct {
    const char              *name;
    ngx_uint_t               max;              /* characters, 0: any */
    const char              *rule;
} ngx_http_triggers_ce_known_t;


static ngx_int_t ngx_http_triggers_attribute_name(ngx_pool_t *pool,
    ngx_triggers_json_member_t *member, ngx_http_triggers_attribute_t *a);
static ngx_uint_t ngx_http_triggers_attribute_is_allowed(
    ngx_http_triggers_attribute_t *a);
static ngx_uint_t ngx_http_triggers_is_integer(ngx_str_t *s);
static ngx_uint_t ngx_http_triggers_is_rfc3339(ngx_str_t *s);


static const ngx_http_triggers_ce_known_t  ngx_http_triggers_ce_known[] = {
    { "specversion", 0, "must be \"1.0\"" },
    { "id", 255, "must be a string of 1 to 255 characters" },
    { "source", 100, "must be a string of 1 to 100 characters" },
    { "type", 100, "must be a string of 1 to 100 characters" },
    { "time", 0, "must be a time as in RFC 3339" },
    { "datacontenttype", 0, "must be a non-empty string" },
    { "dataschema", 0, "must be a non-empty string" },
    { "subject", 0, "must be a non-empty string" },
    { NULL, 0, "must be a string, a boolean or an integer of 32 bits" }
};


const char *
ngx_http_triggers_attribute_of(ngx_uint_t known)
{
    return ngx_http_triggers_ce_known[known].name;
}


ngx_int_t
ngx_http_triggers_attribute_read(ngx_pool_t *pool,
    ngx_triggers_json_member_t *member, ngx_http_triggers_attribute_t *a)
{
    ngx_int_t  rc;

    ngx_memzero(a, sizeof(ngx_http_triggers_attribute_t));

    rc = ngx_http_triggers_attribute_name(pool, member, a);

    if (rc != NGX_OK) {
        return rc;
    }

    a->text = member->value.text;
    a->rule = ngx_http_triggers_ce_known[a->known].rule;

    if (member->value.type == NGX_TRIGGERS_JSON_NULL) {
        return NGX_DONE;
    }

    if (member->value.type == NGX_TRIGGERS_JSON_STRING) {
        rc = ngx_http_triggers_attribute_string(pool, &a->text, &a->plain);

        if (rc == NGX_DECLINED) {
            a->rule = "must not have control characters or noncharacters";
        }

        if (rc != NGX_OK) {
            return rc;
        }

        return ngx_http_triggers_attribute_is_allowed(a) ? NGX_OK
                                                         : NGX_DECLINED;
    }

    if (a->known != NGX_HTTP_TRIGGERS_CE_EXTENSION) {
        return NGX_DECLINED;
    }

    switch (member->value.type) {

    case NGX_TRIGGERS_JSON_FALSE:
    case NGX_TRIGGERS_JSON_TRUE:
        return NGX_OK;

    case NGX_TRIGGERS_JSON_NUMBER:
        return ngx_http_triggers_is_integer(&a->text) ? NGX_OK : NGX_DECLINED;

    default:
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_http_triggers_attribute_name(ngx_pool_t *pool,
    ngx_triggers_json_member_t *member, ngx_http_triggers_attribute_t *a)
{
    ngx_str_t  name, text;

    name = member->name;

    if (member->escaped) {
        text.data = name.data - 1;
        text.len = name.len + 2;

        if (ngx_http_triggers_attribute_string(pool, &text, &name)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }
    }

    if (!ngx_http_triggers_attribute_is_name(&name)) {
        a->rule = "must be of a-z and 0-9";
        return NGX_DECLINED;
    }

    a->name = name;

    while (a->known < NGX_HTTP_TRIGGERS_CE_EXTENSION
           && !ngx_http_triggers_str_is(&name,
                                   ngx_http_triggers_ce_known[a->known].name))
    {
        a->known++;
    }

    return NGX_OK;
}


/* does the string keep the rule of its attribute? */

static ngx_uint_t
ngx_http_triggers_attribute_is_allowed(ngx_http_triggers_attribute_t *a)
{
    size_t      i;
    ngx_uint_t  chars, max;

    switch (a->known) {

    case NGX_HTTP_TRIGGERS_CE_EXTENSION:
        return 1;

    case NGX_HTTP_TRIGGERS_CE_SPECVERSION:
        return ngx_http_triggers_str_is(&a->plain, "1.0");

    case NGX_HTTP_TRIGGERS_CE_TIME:
        return ngx_http_triggers_is_rfc3339(&a->plain);

    default:
        break;
    }

    max = ngx_http_triggers_ce_known[a->known].max;
    chars = 0;

    for (i = 0; i < a->plain.len; i++) {
        chars += ((a->plain.data[i] & 0xc0) != 0x80);
    }

    return chars && (max == 0 || chars <= max);
}


ngx_int_t
ngx_http_triggers_attribute_string(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *plain)
{
    u_char  *p;

    plain->data = text->data + 1;
    plain->len = text->len - 2;

    p = plain->data;

    if (ngx_strlchr(p, p + plain->len, '\\')) {

        p = ngx_pnalloc(pool, text->len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        plain->data = p;
        plain->len = ngx_triggers_json_unescape(p, text, NULL);
    }

    return ngx_http_triggers_attribute_is_string(plain) ? NGX_OK
                                                        : NGX_DECLINED;
}


ngx_uint_t
ngx_http_triggers_attribute_is_name(ngx_str_t *s)
{
    u_char  c;
    size_t  i;

    if (s->len == 0 || s->len > NGX_HTTP_TRIGGERS_CE_NAME_MAX) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
            return 0;
        }
    }

    return 1;
}


/*
 * The type String: no control characters and no noncharacters.  The text has
 * been found to be UTF-8; bytes within a character are none of those that are
 * looked for.
 */

ngx_uint_t
ngx_http_triggers_attribute_is_string(ngx_str_t *s)
{
    u_char  *p, *last;

    last = s->data + s->len;

    for (p = s->data; p < last; p++) {

        if (*p < 0x20 || *p == 0x7f) {
            return 0;
        }

        if (*p < 0xc2) {
            continue;
        }

        /* U+0080 to U+009F, U+FDD0 to U+FDEF, U+FFFE and U+FFFF */

        if ((*p == 0xc2 && p[1] < 0xa0)
            || (*p == 0xef && p[1] == 0xb7 && p[2] >= 0x90 && p[2] <= 0xaf)
            || (*p == 0xef && p[1] == 0xbf && p[2] >= 0xbe))
        {
            return 0;
        }

        /* and the last two of each plane above */

        if (*p >= 0xf0 && (p[1] & 0x0f) == 0x0f && p[2] == 0xbf
            && p[3] >= 0xbe)
        {
            return 0;
        }
    }

    return 1;
}


/* the type Integer: a number without fraction and exponent, of 32 bits */

static ngx_uint_t
ngx_http_triggers_is_integer(ngx_str_t *s)
{
    u_char     *p, *last;
    int64_t     n;
    ngx_uint_t  negative;

    p = s->data;
    last = p + s->len;

    negative = (*p == '-');
    n = 0;

    for (p += negative; p < last; p++) {

        if (*p < '0' || *p > '9') {
            return 0;
        }

        n = n * 10 + (*p - '0');

        if (n > NGX_MAX_INT32_VALUE + (int64_t) negative) {
            return 0;
        }
    }

    return 1;
}


/* our own times may lack the time of day, the seconds or the offset */

static ngx_uint_t
ngx_http_triggers_is_rfc3339(ngx_str_t *s)
{
    u_char   *last;
    int64_t   ms;

    if (s->len < NGX_HTTP_TRIGGERS_RFC3339_MIN
        || ngx_triggers_time_parse(s, &ms) != NGX_OK)
    {
        return 0;
    }

    if ((s->data[10] | 0x20) != 't' || s->data[16] != ':'
        || s->data[19] == ',')
    {
        return 0;
    }

    last = s->data + s->len;

    return (last[-1] | 0x20) == 'z'
           || ((last[-6] == '+' || last[-6] == '-') && last[-3] == ':');
}


/* RFC 4648, section 4; with padding, and nothing else within */

ngx_uint_t
ngx_http_triggers_attribute_is_base64(ngx_str_t *s)
{
    u_char  c;
    size_t  i, len;

    if (s->len % 4) {
        return 0;
    }

    len = s->len;

    for (i = 0; i < 2 && len && s->data[len - 1] == '='; i++) {
        len--;
    }

    for (i = 0; i < len; i++) {
        c = s->data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9') || c == '+' || c == '/'))
        {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_http_triggers_str_is(ngx_str_t *s, const char *text)
{
    return s->len == ngx_strlen(text)
           && ngx_memcmp(s->data, text, s->len) == 0;
}
