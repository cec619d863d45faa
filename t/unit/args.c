
/*
 * Unit tests of the arguments of query strings: where they are cut, what they
 * are decoded to, that memory may run out, and times.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "core.h"
#include "ngx_triggers_args.h"


#define TEST_TEXT  128


static void test_walk(void);
static void test_memory(void);
static void test_time(void);

static ngx_int_t test_args(const char *query, u_char *text);


int
main(void)
{
    test_walk();
    test_memory();
    test_time();

    return unit_done();
}


static void
test_walk(void)
{
    u_char      text[TEST_TEXT];
    ngx_uint_t  i;

    static struct {
        const char  *query;
        const char  *args;          /* "[name|value]" of each */
    } tests[] = {
        { "", "" },
        { "a=1", "[a|1]" },
        { "a=1&b=2&a=3", "[a|1][b|2][a|3]" },
        { "a", "[a|]" },
        { "a&b=", "[a|][b|]" },
        { "=1", "[|1]" },
        { "&", "[|]" },
        { "&&a=1&", "[|][|][a|1]" },
        { "a=b=c", "[a|b=c]" },
        { "A=1", "[A|1]" },
        { "lim%69t=%31%30", "[limit|10]" },
        { "a%3Db=c%26d", "[a=b|c&d]" },
        { "a+b=c+%2B", "[a b|c +]" },
        { "a%=%4", "[a|]" },
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        unit_ok(test_args(tests[i].query, text) == NGX_DONE
                && ngx_strcmp(text, tests[i].args) == 0,
                "\"%s\" is %s", tests[i].query, text);
    }
}


static void
test_memory(void)
{
    u_char     text[TEST_TEXT];
    ngx_int_t  n;

    for (n = 0; n < 4; n++) {
        unit_pool_limit(n);

        unit_ok(test_args("a=1&b=2", text) == NGX_ERROR,
                "no memory after %d allocations", (int) n);
    }

    unit_pool_limit(-1);
}


static void
test_time(void)
{
    int64_t     ms;
    ngx_str_t   value;
    ngx_uint_t  i;

    static struct {
        const char  *text;
        int64_t      ms;            /* 0: refused */
    } tests[] = {
        { "1970-01-01T00:00:01Z", 1000 },
        { "1970-01-01T01:00:01+01:00", 1000 },
        { "1970-01-01T01:00:01 01:00", 1000 },
        { "1970-01-01 01:00:01 01:00", 1000 },
        { "1970-01-01 00:00:01Z", 1000 },
        { "1970-01-01T01:00:01  01:00", 0 },
        { "1970-01-01 ", 0 },
        { " ", 0 },
        { "", 0 }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        value.data = (u_char *) strdup(tests[i].text);
        value.len = ngx_strlen(tests[i].text);
        ms = 0;

        unit_ok((ngx_triggers_args_time(&value, &ms) == NGX_OK)
                == (tests[i].ms != 0)
                && (tests[i].ms == 0 || ms == tests[i].ms),
                "time: \"%s\"", tests[i].text);

        free(value.data);
    }
}


/* a copy of the query with nothing behind it, so that a sanitizer sees it */

static ngx_int_t
test_args(const char *query, u_char *text)
{
    u_char      *data;
    ngx_int_t    rc;
    ngx_str_t    args, name, value;
    ngx_pool_t  *pool;

    args.len = ngx_strlen(query);
    args.data = data = malloc(args.len);
    ngx_memcpy(args.data, query, args.len);

    pool = unit_pool();

    for ( ;; ) {
        rc = ngx_triggers_args_next(pool, &args, &name, &value);

        if (rc != NGX_OK) {
            break;
        }

        text += sprintf((char *) text, "[%.*s|%.*s]",
                        (int) name.len, name.data,
                        (int) value.len, value.data);
    }

    *text = '\0';

    ngx_destroy_pool(pool);
    free(data);

    return rc;
}
