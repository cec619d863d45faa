
/*
 * Unit tests of how entries of the feed and of the stored logs are shown.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "core.h"
#include "unit.h"
#include "ngx_http_triggers_log_json.h"
#include "ngx_triggers_audit.h"


#define TEST_ID    "\x01\x93\xb3\xa0\0\0\x70\0\x80\0\0\0\0\0\0\x0f"
#define TEST_UUID  "0193b3a0-0000-7000-8000-00000000000f"
#define TEST_MS    1762778096789ll
#define TEST_TIME  "2025-11-10T12:34:56.789Z"


static void test_request(void);
static void test_background(void);
static void test_event(void);
static void test_levels(void);

static void test_entry(ngx_triggers_entry_t *entry, ngx_uint_t kind,
    const char *message);
static void test_string(ngx_str_t *s, const char *text);
static int test_is(ngx_triggers_entry_t *entry, ngx_uint_t any_owner,
    const char *text);


int
main(void)
{
    test_request();
    test_background();
    test_event();
    test_levels();

    return unit_done();
}


static void
test_request(void)
{
    ngx_triggers_entry_t  entry;

    test_entry(&entry, NGX_TRIGGERS_ENTRY_REQUEST, "POST /events");
    entry.level = NGX_TRIGGERS_LEVEL_WARN;
    entry.status = 409;
    entry.latency = 12003;
    entry.has_event_id = 1;
    entry.has_trace_id = 1;
    memcpy(entry.event_id, TEST_ID, NGX_TRIGGERS_ID_LEN);
    memcpy(entry.trace_id, TEST_ID, NGX_TRIGGERS_TRACE_ID_LEN);
    test_string(&entry.user_id, "al\"ice");
    test_string(&entry.key_id, "k-1");
    test_string(&entry.request_id, "r-1");
    test_string(&entry.correlation_id, "c-1");
    test_string(&entry.error, "CONFLICT");

    unit_ok(test_is(&entry, 1,
                    "{\"timestamp\":\"" TEST_TIME "\",\"level\":\"warn\","
                    "\"message\":\"POST /events\",\"correlation_id\":\"c-1\","
                    "\"context\":{\"kind\":\"request\",\"request_id\":\"r-1\","
                    "\"user_id\":\"al\\\"ice\",\"key_id\":\"k-1\","
                    "\"event_id\":\"" TEST_UUID "\","
                    "\"trace_id\":\"0193b3a000007000800000000000000f\","
                    "\"status\":409,\"latency_ms\":12.003,"
                    "\"error\":\"CONFLICT\"}}"),
            "request: all there is");

    ngx_str_null(&entry.key_id);
    ngx_str_null(&entry.correlation_id);
    ngx_str_null(&entry.error);
    entry.has_event_id = 0;
    entry.has_trace_id = 0;
    entry.status = 0;
    entry.latency = 999;

    unit_ok(test_is(&entry, 0,
                    "{\"timestamp\":\"" TEST_TIME "\",\"level\":\"warn\","
                    "\"message\":\"POST /events\",\"correlation_id\":null,"
                    "\"context\":{\"kind\":\"request\",\"request_id\":\"r-1\","
                    "\"latency_ms\":0.999}}"),
            "request: as little as there can be, for its owner");
}


static void
test_background(void)
{
    ngx_triggers_entry_t  entry;

    test_entry(&entry, NGX_TRIGGERS_ENTRY_BACKGROUND, "it \"began\"");
    entry.level = NGX_TRIGGERS_LEVEL_ERROR;

    unit_ok(test_is(&entry, 1,
                    "{\"timestamp\":\"" TEST_TIME "\",\"level\":\"error\","
                    "\"message\":\"it \\\"began\\\"\","
                    "\"correlation_id\":null,"
                    "\"context\":{\"kind\":\"background\"}}"),
            "background: has neither status nor latency");
}


static void
test_event(void)
{
    ngx_triggers_entry_t  entry;

    test_entry(&entry, NGX_TRIGGERS_ENTRY_EVENT, "order.created");
    memcpy(entry.event_id, TEST_ID, NGX_TRIGGERS_ID_LEN);
    entry.has_event_id = 1;
    entry.action = NGX_TRIGGERS_AUDIT_EVENT_ACKNOWLEDGED;
    entry.event_status = NGX_TRIGGERS_ACKNOWLEDGED;
    test_string(&entry.user_id, "alice");

    unit_ok(test_is(&entry, 0,
                    "{\"event_id\":\"" TEST_UUID "\","
                    "\"event_type\":\"order.created\","
                    "\"action\":\"acknowledged\","
                    "\"status\":\"acknowledged\","
                    "\"timestamp\":\"" TEST_TIME "\"}"),
            "event: a change, for its owner");

    ngx_str_null(&entry.message);
    entry.action = NGX_TRIGGERS_AUDIT_EVENT_EXPIRED;
    entry.event_status = NGX_TRIGGERS_NSTATUS;

    unit_ok(test_is(&entry, 1,
                    "{\"event_id\":\"" TEST_UUID "\",\"event_type\":null,"
                    "\"action\":\"expired\",\"status\":null,"
                    "\"timestamp\":\"" TEST_TIME "\",\"user_id\":\"alice\"}"),
            "event: one that has gone, with its owner");
}


static void
test_levels(void)
{
    ngx_str_t   name;
    ngx_uint_t  level;

    test_string(&name, "warn");
    unit_ok(ngx_http_triggers_level_parse(&name, &level) == NGX_OK
            && level == NGX_TRIGGERS_LEVEL_WARN, "level: warn");

    test_string(&name, "warning");
    unit_ok(ngx_http_triggers_level_parse(&name, &level) == NGX_ERROR,
            "level: another word");

    name.len = 0;
    unit_ok(ngx_http_triggers_level_parse(&name, &level) == NGX_ERROR,
            "level: none");
}


static void
test_entry(ngx_triggers_entry_t *entry, ngx_uint_t kind, const char *message)
{
    memset(entry, 0, sizeof(ngx_triggers_entry_t));

    entry->kind = kind;
    entry->time = TEST_MS;
    test_string(&entry->message, message);
}


static void
test_string(ngx_str_t *s, const char *text)
{
    s->data = (u_char *) text;
    s->len = strlen(text);
}


static int
test_is(ngx_triggers_entry_t *entry, ngx_uint_t any_owner, const char *text)
{
    int                  same;
    ngx_buf_t           *b;
    ngx_pool_t          *pool;
    ngx_triggers_text_t  json;

    pool = unit_pool();

    ngx_triggers_text_init(&json, pool);
    ngx_http_triggers_log_write(&json, entry, any_owner);

    b = json.first->buf;

    same = !json.failed && json.size == strlen(text)
           && memcmp(b->pos, text, json.size) == 0;

    if (!same) {
        printf("# %.*s\n", (int) (b->last - b->pos), (char *) b->pos);
    }

    ngx_destroy_pool(pool);

    return same;
}
