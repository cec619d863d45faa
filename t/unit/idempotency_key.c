
/*
 * Unit tests of the header "Idempotency-Key": a quoted key and the bare one,
 * what is neither, and which requests have one hash.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "core.h"
#include "unit.h"
#include "ngx_http_triggers_idempotency.h"


typedef struct {
    const char              *header;
    const char              *key;              /* NULL: none */
} test_key_t;


static void test_keys(void);
static void test_lengths(void);
static void test_memory(void);
static void test_hash(void);

static ngx_uint_t test_is(ngx_str_t *header, const char *key);


int
main(void)
{
    test_keys();
    test_lengths();
    test_memory();
    test_hash();

    return unit_done();
}


static void
test_keys(void)
{
    ngx_str_t   header, key;
    ngx_uint_t  i;

    static const test_key_t  keys[] = {
        { "a", "a" },
        { "\"a\"", "a" },
        { "a b", "a b" },
        { "\"a b\"", "a b" },
        { "a\"b", "a\"b" },
        { "a\\b", "a\\b" },
        { "'a'", "'a'" },
        { "\"a\\\"b\"", "a\"b" },
        { "\"a\\\\\"", "a\\" },
        { "\"\\\\\\\"\"", "\\\"" },
        { "", NULL },
        { "\"", NULL },
        { "\"\"", NULL },
        { "\"\"\"", NULL },
        { "\"a", NULL },
        { "\"a\\\"", NULL },
        { "\"a\\", NULL },
        { "\"a\\b\"", NULL },
        { "\"a\"b", NULL },
        { "\"a\" ", NULL },
        { "\"a\";p=1", NULL },
        { "\"a\", \"b\"", NULL },
        { "a\tb", NULL },
        { "\"a\tb\"", NULL },
        { "a\x7f", NULL },
        { "\xc3\xa4", NULL },
        { "\"\xc3\xa4\"", NULL }
    };

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        header.data = (u_char *) keys[i].header;
        header.len = strlen(keys[i].header);

        unit_ok(test_is(&header, keys[i].key), "key: %s", keys[i].header);
    }

    ngx_str_null(&header);

    unit_ok(ngx_http_triggers_idempotency_key(NULL, &header, &key) == NGX_OK
            && key.data == NULL, "key: no header");
}


static void
test_lengths(void)
{
    char       text[258], key[257];
    ngx_str_t  header;

    ngx_memset(key, 'k', 256);
    key[256] = '\0';

    header.data = (u_char *) key;
    header.len = 256;
    unit_ok(test_is(&header, NULL), "length: 256");

    ngx_memcpy(text + 1, key, 256);
    text[0] = '"';
    text[257] = '"';

    header.data = (u_char *) text;
    header.len = 258;
    unit_ok(test_is(&header, NULL), "length: 256, quoted");

    text[256] = '"';
    key[255] = '\0';

    header.len = 257;
    unit_ok(test_is(&header, key), "length: 255, quoted");

    header.data = (u_char *) key;
    header.len = 255;
    unit_ok(test_is(&header, key), "length: 255");
}


static void
test_memory(void)
{
    ngx_str_t    header, key;
    ngx_pool_t  *pool;

    pool = unit_pool();

    unit_pool_limit(0);

    ngx_str_set(&header, "\"a\"");
    unit_ok(ngx_http_triggers_idempotency_key(pool, &header, &key)
            == NGX_ERROR, "memory: a quoted key needs some");

    ngx_str_set(&header, "a");
    unit_ok(ngx_http_triggers_idempotency_key(pool, &header, &key) == NGX_OK,
            "memory: a bare one does not");

    unit_pool_limit(-1);

    ngx_destroy_pool(pool);
}


static void
test_hash(void)
{
    ngx_str_t              one, two, user;
    ngx_pool_t            *pool;
    ngx_triggers_event_t   event;

    pool = unit_pool();

    ngx_memzero(&event, sizeof(ngx_triggers_event_t));
    ngx_str_set(&event.payload, "{}");

    ngx_str_set(&one, "k");
    ngx_str_set(&two, "k");
    ngx_str_set(&user, "u");

    unit_ok(ngx_http_triggers_idempotency_hash(pool, &user, &event, &one)
            == NGX_OK
            && ngx_http_triggers_idempotency_hash(pool, &user, &event, &two)
               == NGX_OK
            && one.len == two.len && memcmp(one.data, two.data, one.len) == 0,
            "hash: the same");

    ngx_str_set(&two, "k");
    ngx_str_set(&event.source, "");

    unit_ok(ngx_http_triggers_idempotency_hash(pool, &user, &event, &two)
            == NGX_OK
            && memcmp(one.data, two.data, NGX_TRIGGERS_KEY_HASH_LEN) == 0
            && memcmp(one.data + NGX_TRIGGERS_KEY_HASH_LEN,
                      two.data + NGX_TRIGGERS_KEY_HASH_LEN,
                      NGX_TRIGGERS_REQUEST_HASH_LEN) != 0,
            "hash: the same key of another request");

    ngx_str_set(&one, "ab");
    ngx_str_set(&user, "c");
    (void) ngx_http_triggers_idempotency_hash(pool, &user, &event, &one);

    ngx_str_set(&two, "b");
    ngx_str_set(&user, "ca");

    unit_ok(ngx_http_triggers_idempotency_hash(pool, &user, &event, &two)
            == NGX_OK
            && memcmp(one.data, two.data, NGX_TRIGGERS_KEY_HASH_LEN) != 0,
            "hash: owner and key do not run into each other");

    ngx_destroy_pool(pool);
}


static ngx_uint_t
test_is(ngx_str_t *header, const char *key)
{
    ngx_int_t    rc;
    ngx_str_t    got;
    ngx_uint_t   is;
    ngx_pool_t  *pool;

    pool = unit_pool();

    rc = ngx_http_triggers_idempotency_key(pool, header, &got);

    is = key ? (rc == NGX_OK && got.len == strlen(key)
                && memcmp(got.data, key, got.len) == 0)
             : (rc == NGX_DECLINED);

    ngx_destroy_pool(pool);

    return is;
}
