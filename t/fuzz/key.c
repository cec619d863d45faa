
/*
 * Fuzzes the bodies of requests about keys.  The first byte is flags as fuzz.h
 * has them, its highest bits are the operation; the rest is the body.  The
 * contract's rules are applied a second time here, member by member, to the
 * tree that jansson makes: both must accept the same bodies, and what was read
 * must be what the tree has.
 */


#include "fuzz.h"
#include "core.h"
#include "ngx_http_triggers_key.h"
#include "ngx_triggers_networks.h"
#include "ngx_triggers_time.h"


#define FUZZ_NOW      1762778096789ll
#define FUZZ_NAME     100
#define FUZZ_USER     255
#define FUZZ_RATE     1000000000
#define FUZZ_GRACE    604800
#define FUZZ_ALLOWED  32
#define FUZZ_PACKED   185


typedef struct {
    ngx_uint_t               name;             /* flags: is a valid one */
    ngx_uint_t               user;
    ngx_uint_t               other;            /* what is none or invalid */
    ngx_uint_t               members;          /* bits */
} fuzz_members_t;


static void fuzz_expect(json_t *body, ngx_uint_t op, fuzz_members_t *seen);
static ngx_uint_t fuzz_is_text(json_t *value, size_t bytes, ngx_uint_t chars);
static ngx_uint_t fuzz_scopes(json_t *value);
static ngx_uint_t fuzz_expires(json_t *value, int64_t *ms);
static ngx_uint_t fuzz_allowed(json_t *value, ngx_str_t *packed,
    ngx_str_t *joined);
static void fuzz_accepted(json_t *body, ngx_uint_t op, fuzz_members_t *seen,
    ngx_http_triggers_key_body_t *kb);
static void fuzz_string(ngx_str_t *s, json_t *value);
static void fuzz_refused(json_t *body, ngx_http_triggers_key_body_t *kb);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t                        *body;
    ngx_int_t                      rc;
    ngx_str_t                      text;
    ngx_uint_t                     op, limited, valid;
    ngx_pool_t                    *pool;
    fuzz_members_t                 seen;
    ngx_http_triggers_key_body_t   kb;

    static const ngx_uint_t  ops[] = {
        NGX_TRIGGERS_OP_KEY_CREATE,
        NGX_TRIGGERS_OP_KEY_UPDATE,
        NGX_TRIGGERS_OP_KEY_ROTATE,
        NGX_TRIGGERS_OP_KEY_CREATE
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

    memset(&kb, 0xa5, sizeof(kb));
    rc = ngx_http_triggers_key_body_parse(&kb, pool, &text, op, FUZZ_NOW);

    fuzz_memory(0);

    body = json_loadb((char *) text.data, text.len, JSON_REJECT_DUPLICATES,
                      NULL);

    ngx_memzero(&seen, sizeof(fuzz_members_t));
    fuzz_expect(body, op, &seen);

    valid = json_is_object(body) && !seen.other
            && (seen.name || op != NGX_TRIGGERS_OP_KEY_CREATE);

    if (op == NGX_TRIGGERS_OP_KEY_ROTATE && text.len == 0) {
        valid = 1;
    }

    if (rc == NGX_ERROR) {
        fuzz_check(limited);

    } else if (valid) {
        fuzz_check(rc == NGX_OK);
        fuzz_accepted(body, op, &seen, &kb);

    } else {
        fuzz_check(rc == NGX_DECLINED);
        fuzz_refused(body, &kb);
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
    int64_t      ms;
    ngx_uint_t   create, update, rotate;
    const char  *name;

    create = (op == NGX_TRIGGERS_OP_KEY_CREATE);
    update = (op == NGX_TRIGGERS_OP_KEY_UPDATE);
    rotate = (op == NGX_TRIGGERS_OP_KEY_ROTATE);

    json_object_foreach(body, name, value) {

        if (strcmp(name, "name") == 0 && !rotate
            && fuzz_is_text(value, SIZE_MAX, FUZZ_NAME))
        {
            seen->name = 1;
            seen->members |= NGX_TRIGGERS_KEY_NAME;

        } else if (strcmp(name, "user_id") == 0 && create
                   && fuzz_is_text(value, FUZZ_USER, FUZZ_USER))
        {
            seen->user = 1;

        } else if (strcmp(name, "scopes") == 0 && !rotate
                   && fuzz_scopes(value))
        {
            seen->members |= NGX_TRIGGERS_KEY_SCOPES;

        } else if (strcmp(name, "rate_limit") == 0 && !rotate
                   && fuzz_is_range(value, FUZZ_RATE))
        {
            seen->members |= NGX_TRIGGERS_KEY_RATE;

        } else if (strcmp(name, "is_active") == 0 && update
                   && json_is_boolean(value))
        {
            seen->members |= NGX_TRIGGERS_KEY_ACTIVE;

        } else if (strcmp(name, "expires_at") == 0 && !rotate
                   && fuzz_expires(value, &ms))
        {
            seen->members |= NGX_TRIGGERS_KEY_EXPIRES;

        } else if (strcmp(name, "allowed_ips") == 0 && !rotate
                   && fuzz_allowed(value, NULL, NULL))
        {
            seen->members |= NGX_TRIGGERS_KEY_ALLOWED;

        } else if (strcmp(name, "grace_seconds") != 0 || !rotate
                   || !fuzz_is_range(value, FUZZ_GRACE))
        {
            seen->other = 1;
        }
    }
}


static ngx_uint_t
fuzz_is_text(json_t *value, size_t bytes, ngx_uint_t chars)
{
    ngx_str_t  s;

    if (!json_is_string(value)) {
        return 0;
    }

    s.data = (u_char *) json_string_value(value);
    s.len = json_string_length(value);

    return s.len <= bytes && fuzz_printable(&s)
           && fuzz_characters(&s) <= chars;
}


/* 0: the value is not valid */

static ngx_uint_t
fuzz_scopes(json_t *value)
{
    size_t       i;
    json_t      *item;
    ngx_uint_t   bit, bits;

    if (!json_is_array(value) || json_array_size(value) > 16) {
        return 0;
    }

    bits = 0;

    json_array_foreach(value, i, item) {
        bit = json_is_string(item) ? fuzz_scope(json_string_value(item),
                                                json_string_length(item))
                                   : 0;
        if (bit == 0) {
            return 0;
        }

        bits |= bit;
    }

    return bits;
}


static ngx_uint_t
fuzz_expires(json_t *value, int64_t *ms)
{
    ngx_str_t  s;

    *ms = 0;

    if (json_is_null(value)) {
        return 1;
    }

    if (!json_is_string(value)) {
        return 0;
    }

    s.data = (u_char *) json_string_value(value);
    s.len = json_string_length(value);

    return ngx_triggers_time_parse(&s, ms) == NGX_OK && *ms > FUZZ_NOW;
}


/* with packed and joined NULL it only checks; else both have room */

static ngx_uint_t
fuzz_allowed(json_t *value, ngx_str_t *packed, ngx_str_t *joined)
{
    u_char      buf[FUZZ_PACKED];
    size_t      i;
    json_t     *item;
    ngx_str_t   list, s;

    if (!json_is_array(value) || json_array_size(value) > FUZZ_ALLOWED) {
        return 0;
    }

    list.data = buf;
    list.len = 0;

    json_array_foreach(value, i, item) {

        if (!json_is_string(item)) {
            return 0;
        }

        s.data = (u_char *) json_string_value(item);
        s.len = json_string_length(item);

        if (ngx_triggers_networks_add(packed ? packed : &list, FUZZ_PACKED,
                                      &s)
            != NGX_OK)
        {
            return 0;
        }

        if (joined) {

            if (i) {
                joined->data[joined->len++] = ',';
            }

            memcpy(joined->data + joined->len, s.data, s.len);
            joined->len += s.len;
        }
    }

    return 1;
}


static void
fuzz_accepted(json_t *body, ngx_uint_t op, fuzz_members_t *seen,
    ngx_http_triggers_key_body_t *kb)
{
    u_char               buf[FUZZ_PACKED];
    json_t              *value;
    int64_t              ms;
    ngx_str_t            packed, joined;
    ngx_triggers_key_t  *key;

    key = &kb->change.key;

    fuzz_check(kb->message.data == NULL && kb->field.data == NULL);
    fuzz_check(kb->change.members == seen->members);
    fuzz_check(kb->has_user == seen->user);

    fuzz_string(&key->name, json_object_get(body, "name"));
    fuzz_string(&key->user_id, json_object_get(body, "user_id"));

    fuzz_check(key->scopes == fuzz_scopes(json_object_get(body, "scopes")));

    value = json_object_get(body, "rate_limit");
    fuzz_check(key->rate == json_integer_value(value));

    fuzz_check(key->active == (op == NGX_TRIGGERS_OP_KEY_UPDATE
                               && json_is_true(json_object_get(body,
                                                               "is_active"))));

    (void) fuzz_expires(json_object_get(body, "expires_at"), &ms);
    fuzz_check(key->expires_at == ms);

    value = json_object_get(body, "grace_seconds");
    fuzz_check(kb->change.grace == json_integer_value(value) * 1000);

    value = json_object_get(body, "allowed_ips");

    if (value == NULL) {
        fuzz_check(key->allowed.data == NULL && key->networks.data == NULL);
        return;
    }

    /* the array has more bytes than its strings with commas */

    packed.data = buf;
    packed.len = 0;
    joined.data = malloc(json_dumpb(value, NULL, 0, 0));
    joined.len = 0;

    fuzz_check(fuzz_allowed(value, &packed, &joined));
    fuzz_equal(&key->networks, (char *) packed.data, packed.len);
    fuzz_equal(&key->allowed, (char *) joined.data, joined.len);

    free(joined.data);
}


static void
fuzz_string(ngx_str_t *s, json_t *value)
{
    if (value == NULL) {
        fuzz_check(s->data == NULL);
        return;
    }

    fuzz_equal(s, json_string_value(value), json_string_length(value));
}


/* the message goes into an answer and into the log */

static void
fuzz_refused(json_t *body, ngx_http_triggers_key_body_t *kb)
{
    fuzz_check(fuzz_printable(&kb->message));

    if (kb->field.data == NULL) {
        fuzz_check(!json_is_object(body));
        return;
    }

    if (kb->field.len == 4 && memcmp(kb->field.data, "name", 4) == 0) {
        return;
    }

    fuzz_check(json_object_getn(body, (char *) kb->field.data, kb->field.len)
               != NULL);
}
