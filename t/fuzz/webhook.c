
/*
 * Fuzzes the bodies of requests about webhooks.  The first byte is flags as
 * fuzz.h has them, its highest bits are the operation; the rest is the body.
 * The contract's rules are applied a second time here, member by member, to
 * the tree that jansson makes: both must accept the same bodies.  Whether a
 * text is a URL or a secret is left to what reads them, which must not say yes
 * to what could do harm.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_endpoint.h"
#include "ngx_http_triggers_webhook.h"
#include "ngx_triggers_signature.h"


#define FUZZ_DESCRIPTION  255
#define FUZZ_TYPES        50
#define FUZZ_TYPE         100
#define FUZZ_GRACE        604800


typedef struct {
    ngx_uint_t               url;              /* flag: is a valid one */
    ngx_uint_t               other;            /* what is none or invalid */
    ngx_uint_t               members;          /* bits */
} fuzz_members_t;


static void fuzz_expect(json_t *body, ngx_uint_t op, fuzz_members_t *seen);
static ngx_uint_t fuzz_url(json_t *value);
static ngx_uint_t fuzz_types(json_t *value);
static ngx_uint_t fuzz_type(const char *s, size_t len);
static ngx_uint_t fuzz_description(json_t *value);
static ngx_uint_t fuzz_secret(json_t *value);
static void fuzz_accepted(json_t *body,
    ngx_http_triggers_webhook_body_t *wb);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t                            *body;
    ngx_int_t                          rc;
    ngx_str_t                          text;
    ngx_uint_t                         op, limited, valid;
    ngx_pool_t                        *pool;
    fuzz_members_t                     seen;
    ngx_http_triggers_webhook_body_t   wb;

    static const ngx_uint_t  ops[] = {
        NGX_TRIGGERS_OP_WEBHOOK_CREATE,
        NGX_TRIGGERS_OP_WEBHOOK_UPDATE,
        NGX_TRIGGERS_OP_WEBHOOK_ROTATE,
        NGX_TRIGGERS_OP_WEBHOOK_CREATE
    };

    if (size == 0) {
        return 0;
    }

    op = ops[data[0] >> 6];

    text.len = size - 1;
    text.data = malloc(text.len);
    ngx_memcpy(text.data, data + 1, text.len);

    pool = unit_pool();
    limited = fuzz_memory(data[0]);

    memset(&wb, 0xa5, sizeof(wb));
    ngx_str_null(&wb.allow);

    rc = ngx_http_triggers_webhook_body_parse(&wb, pool, &text, op);

    fuzz_memory(0);

    body = json_loadb((char *) text.data, text.len, JSON_REJECT_DUPLICATES,
                      NULL);

    ngx_memzero(&seen, sizeof(fuzz_members_t));
    fuzz_expect(body, op, &seen);

    valid = json_is_object(body) && !seen.other
            && (seen.url || op != NGX_TRIGGERS_OP_WEBHOOK_CREATE);

    if (op == NGX_TRIGGERS_OP_WEBHOOK_ROTATE && text.len == 0) {
        valid = 1;
    }

    if (rc == NGX_ERROR) {
        fuzz_check(limited);

    } else if (valid) {
        fuzz_check(rc == NGX_OK);
        fuzz_check(wb.change.members == seen.members);
        fuzz_accepted(body, &wb);

    } else {
        fuzz_check(rc == NGX_DECLINED);
        fuzz_check(fuzz_printable(&wb.message));
    }

    json_decref(body);
    ngx_destroy_pool(pool);
    free(text.data);

    return 0;
}


static void
fuzz_expect(json_t *body, ngx_uint_t op, fuzz_members_t *seen)
{
    json_t      *value;
    ngx_uint_t   create, rotate;
    const char  *name, *s;

    create = (op == NGX_TRIGGERS_OP_WEBHOOK_CREATE);
    rotate = (op == NGX_TRIGGERS_OP_WEBHOOK_ROTATE);

    json_object_foreach(body, name, value) {

        s = json_string_value(value);

        if (strcmp(name, "url") == 0 && !rotate && fuzz_url(value)) {
            seen->url = 1;
            seen->members |= NGX_TRIGGERS_WEBHOOK_URL;

        } else if (strcmp(name, "event_types") == 0 && !rotate
                   && fuzz_types(value))
        {
            seen->members |= NGX_TRIGGERS_WEBHOOK_EVENT_TYPES;

        } else if (strcmp(name, "description") == 0 && !rotate
                   && fuzz_description(value))
        {
            seen->members |= NGX_TRIGGERS_WEBHOOK_DESCRIPTION;

        } else if (strcmp(name, "is_active") == 0 && !rotate
                   && json_is_boolean(value))
        {
            seen->members |= NGX_TRIGGERS_WEBHOOK_ACTIVE;

        } else if (strcmp(name, "format") == 0 && !rotate && s
                   && (strcmp(s, "standard") == 0
                       || strcmp(s, "cloudevents") == 0))
        {
            seen->members |= NGX_TRIGGERS_WEBHOOK_FORMAT;

        } else if ((strcmp(name, "secret") != 0 || !create
                    || !fuzz_secret(value))
                   && (strcmp(name, "grace_seconds") != 0 || !rotate
                       || !fuzz_is_range(value, FUZZ_GRACE)))
        {
            seen->other = 1;
        }
    }
}


static ngx_uint_t
fuzz_url(json_t *value)
{
    ngx_str_t  url, none;

    if (!json_is_string(value)) {
        return 0;
    }

    url.data = (u_char *) json_string_value(value);
    url.len = json_string_length(value);
    ngx_str_null(&none);

    return ngx_http_triggers_endpoint_url(&url) == NULL
           && ngx_http_triggers_endpoint_allowed(&url, &none);
}


static ngx_uint_t
fuzz_types(json_t *value)
{
    size_t   i;
    json_t  *item;

    if (!json_is_array(value) || json_array_size(value) > FUZZ_TYPES) {
        return 0;
    }

    json_array_foreach(value, i, item) {
        if (!json_is_string(item)
            || !fuzz_type(json_string_value(item), json_string_length(item)))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
fuzz_type(const char *s, size_t len)
{
    ngx_str_t    text;
    const char  *star;

    text.data = (u_char *) s;
    text.len = len;

    if (len == 0 || fuzz_characters(&text) > FUZZ_TYPE) {
        return 0;
    }

    star = strchr(s, '*');

    return star == NULL || (star == s + len - 1 && len > 1 && star[-1] == '.');
}


static ngx_uint_t
fuzz_description(json_t *value)
{
    ngx_str_t  s;

    if (json_is_null(value)) {
        return 1;
    }

    s.data = (u_char *) json_string_value(value);
    s.len = json_string_length(value);

    return json_is_string(value) && fuzz_characters(&s) <= FUZZ_DESCRIPTION;
}


static ngx_uint_t
fuzz_secret(json_t *value)
{
    ngx_str_t              s;
    ngx_triggers_secret_t  secret;

    if (!json_is_string(value)) {
        return 0;
    }

    s.data = (u_char *) json_string_value(value);
    s.len = json_string_length(value);

    return ngx_triggers_secret_parse(&s, &secret) == NGX_OK;
}


static void
fuzz_accepted(json_t *body, ngx_http_triggers_webhook_body_t *wb)
{
    size_t                   i, len;
    json_t                  *value, *item;
    ngx_str_t                name;
    ngx_triggers_webhook_t  *webhook;

    webhook = &wb->change.webhook;

    fuzz_check(wb->message.data == NULL && wb->field.data == NULL);

    value = json_object_get(body, "url");

    if (value) {
        fuzz_equal(&webhook->url, json_string_value(value),
                   json_string_length(value));

        /* it goes into requests, logs and answers */

        fuzz_check(webhook->url.len <= 2048 && fuzz_printable(&webhook->url)
                   && strchr((char *) webhook->url.data, ' ') == NULL);
    }

    len = 0;

    json_array_foreach(json_object_get(body, "event_types"), i, item) {
        name.data = webhook->event_types.data + len;
        name.len = ngx_strlen(name.data);
        len += name.len + 1;

        fuzz_equal(&name, json_string_value(item), json_string_length(item));
    }

    fuzz_check(len == webhook->event_types.len);

    /* what the request's answer has room for */

    fuzz_check(webhook->secret.len <= NGX_HTTP_TRIGGERS_SECRET_MAX);

    value = json_object_get(body, "grace_seconds");
    fuzz_check(wb->change.grace
               == (value ? json_integer_value(value) : 24 * 3600) * 1000);

    value = json_object_get(body, "is_active");
    fuzz_check(webhook->active == (value == NULL || json_is_true(value)));
}
