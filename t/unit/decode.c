
/*
 * Unit tests of the decoder of events, of what requests cannot bring about:
 * memory that fails.  What bodies can is in t/events_validation.t and in the
 * fuzz target.
 */


#include "core.h"
#include "unit.h"
#include "ngx_http_triggers_decode.h"


static void test_memory(const char *name, const char *body,
    ngx_int_t allocations);
static ngx_int_t test_decode(const char *body, ngx_int_t limit);


int
main(void)
{
    test_memory("no strings", "{\"payload\":{}}", 0);
    test_memory("type and source",
                "{\"payload\":{},\"event_type\":\"a\",\"source\":\"b\"}", 2);
    test_memory("all of the metadata",
                "{\"payload\":{},\"metadata\":{\"idempotency_key\":\"a\","
                "\"ordering_key\":\"b\",\"correlation_id\":\"c\","
                "\"event_type\":\"d\",\"source\":\"e\"}}", 7);
    test_memory("the payload's type", "{\"payload\":{\"event_type\":\"a\"}}",
                1);

    return unit_done();
}


/* any of the allocations may fail, and it is then no fault of the body */

static void
test_memory(const char *name, const char *body, ngx_int_t allocations)
{
    ngx_int_t  n;

    for (n = 0; n < allocations; n++) {
        unit_ok(test_decode(body, n) == NGX_ERROR,
                "%s: no memory after %d allocations", name, (int) n);
    }

    unit_ok(test_decode(body, n) == NGX_OK, "%s: %d are enough", name,
            (int) n);
}


static ngx_int_t
test_decode(const char *body, ngx_int_t limit)
{
    ngx_int_t                          rc;
    ngx_str_t                          text, key;
    ngx_pool_t                        *pool;
    ngx_triggers_event_t               event;
    ngx_http_triggers_decode_error_t   error;

    ngx_memzero(&event, sizeof(ngx_triggers_event_t));

    text.data = (u_char *) body;
    text.len = ngx_strlen(body);

    pool = unit_pool();
    unit_pool_limit(limit);

    rc = ngx_http_triggers_decode_event(pool, &text, 0, &event, &key, &error);

    unit_pool_limit(-1);
    ngx_destroy_pool(pool);

    return rc;
}
