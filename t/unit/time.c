
/*
 * Unit tests of the times: every day of the range and many moments against
 * gmtime() and timegm(), and every form of text that is read or refused.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "ngx_triggers_time.h"

#include <time.h>


#define TEST_DAY  86400000ll


typedef struct {
    const char  *text;
    const char  *utc;         /* NULL: refused */
} test_time_t;


static void test_format(void);
static void test_days(void);
static void test_moments(void);
static void test_parse(void);
static void test_fractions(void);
static void test_every_date(void);
static void test_every_cut(void);

static ngx_uint_t test_round_trip(int64_t ms);
static ngx_int_t test_read(const char *s, size_t len, int64_t *ms);


int
main(void)
{
    test_format();
    test_days();
    test_moments();
    test_parse();
    test_fractions();
    test_every_date();
    test_every_cut();

    return unit_done();
}


static void
test_format(void)
{
    u_char      *p, buf[NGX_TRIGGERS_TIME_LEN + 1];
    ngx_uint_t   i;

    static struct {
        int64_t      ms;
        const char  *text;
    } tests[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { 1762778096789ll, "2025-11-10T12:34:56.789Z" },
        { 951782400000ll, "2000-02-29T00:00:00.000Z" },
        { 951868799999ll, "2000-02-29T23:59:59.999Z" },
        { -2203891200001ll, "1900-02-28T23:59:59.999Z" },
        { -2203891200000ll, "1900-03-01T00:00:00.000Z" },
        { NGX_TRIGGERS_TIME_MIN, "0000-01-01T00:00:00.000Z" },
        { NGX_TRIGGERS_TIME_MAX, "9999-12-31T23:59:59.999Z" },
        { NGX_TRIGGERS_TIME_MIN - 1, "0000-01-01T00:00:00.000Z" },
        { NGX_TRIGGERS_TIME_MAX + 1, "9999-12-31T23:59:59.999Z" },
        { INT64_MIN, "0000-01-01T00:00:00.000Z" },
        { INT64_MAX, "9999-12-31T23:59:59.999Z" }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        buf[NGX_TRIGGERS_TIME_LEN] = '!';

        p = ngx_triggers_time_format(buf, tests[i].ms);

        unit_ok(p == buf + NGX_TRIGGERS_TIME_LEN && *p == '!'
                && memcmp(buf, tests[i].text, NGX_TRIGGERS_TIME_LEN) == 0,
                "format %s", tests[i].text);
    }
}


static void
test_days(void)
{
    int64_t     ms;
    ngx_uint_t  wrong;

    wrong = 0;

    for (ms = NGX_TRIGGERS_TIME_MIN;
         ms < NGX_TRIGGERS_TIME_MAX;
         ms += TEST_DAY)
    {
        wrong += test_round_trip(ms);
        wrong += test_round_trip(ms + TEST_DAY - 1);
    }

    unit_ok(wrong == 0, "every day of the years 0000 to 9999");
}


/* steps of a prime number of milliseconds, a year forth and back of 2000 */

static void
test_moments(void)
{
    int64_t     ms;
    ngx_uint_t  wrong;

    wrong = 0;

    for (ms = 946684800000ll - 366 * TEST_DAY;
         ms < 946684800000ll + 366 * TEST_DAY;
         ms += 104729)
    {
        wrong += test_round_trip(ms);
    }

    unit_ok(wrong == 0, "moments of two years");
}


static void
test_parse(void)
{
    int64_t     ms;
    u_char      buf[NGX_TRIGGERS_TIME_LEN];
    ngx_int_t   rc;
    ngx_uint_t  i;

    static test_time_t  tests[] = {

        { "2025-11-10T12:34:56.789Z", "2025-11-10T12:34:56.789Z" },
        { "2025-11-10t12:34:56.789z", "2025-11-10T12:34:56.789Z" },
        { "2025-11-10 12:34:56.789Z", "2025-11-10T12:34:56.789Z" },
        { "2025-11-10T12:34:56.789", "2025-11-10T12:34:56.789Z" },
        { "2025-11-10T12:34:56Z", "2025-11-10T12:34:56.000Z" },
        { "2025-11-10T12:34:56", "2025-11-10T12:34:56.000Z" },
        { "2025-11-10T12:34Z", "2025-11-10T12:34:00.000Z" },
        { "2025-11-10T12:34", "2025-11-10T12:34:00.000Z" },
        { "2025-11-10", "2025-11-10T00:00:00.000Z" },
        { "0000-01-01", "0000-01-01T00:00:00.000Z" },
        { "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z" },

        { "2025-11-10T12:34:56.789+02:00", "2025-11-10T10:34:56.789Z" },
        { "2025-11-10T12:34:56.789+0200", "2025-11-10T10:34:56.789Z" },
        { "2025-11-10T12:34:56.789+02", "2025-11-10T10:34:56.789Z" },
        { "2025-11-10T12:34:56-05:30", "2025-11-10T18:04:56.000Z" },
        { "2025-11-10T12:34:56-0530", "2025-11-10T18:04:56.000Z" },
        { "2025-11-10T12:34-05", "2025-11-10T17:34:00.000Z" },
        { "2025-11-10T12:34:56+00:00", "2025-11-10T12:34:56.000Z" },
        { "2025-11-10T12:34:56-00:00", "2025-11-10T12:34:56.000Z" },
        { "2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00.000Z" },
        { "2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00.000Z" },
        { "2025-11-10T12:00:00+23:59", "2025-11-09T12:01:00.000Z" },

        { "2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z" },
        { "2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.999Z" },
        { "2017-01-01T01:59:60+02:00", "2016-12-31T23:59:59.999Z" },
        { "1960-12-31T23:59:60Z", "1960-12-31T23:59:59.999Z" },
        { "2016-12-31T23:58:60Z", NULL },
        { "2016-12-31T23:59:60+02:00", NULL },
        { "2016-12-31T23:59:61Z", NULL },

        { "2024-02-29", "2024-02-29T00:00:00.000Z" },
        { "2000-02-29", "2000-02-29T00:00:00.000Z" },
        { "2025-02-29", NULL },
        { "1900-02-29", NULL },
        { "2025-04-31", NULL },
        { "2025-00-10", NULL },
        { "2025-13-10", NULL },
        { "2025-11-00", NULL },
        { "2025-12-32", NULL },
        { "0000-01-01T00:00:00+00:01", NULL },
        { "9999-12-31T23:59:59-00:01", NULL },

        { "", NULL },
        { "now", NULL },
        { "1762778096789", NULL },
        { "20251110", NULL },
        { "2025-11", NULL },
        { "2025-11-1", NULL },
        { "2025-1-10", NULL },
        { "25-11-10", NULL },
        { "+2025-11-10", NULL },
        { "-001-11-10", NULL },
        { "2025/11/10", NULL },
        { "2025-11/10", NULL },
        { " 2025-11-10", NULL },
        { "2025-11-10 ", NULL },
        { "2025-11-10Z", NULL },
        { "2025-11-10T", NULL },
        { "2025-11-10TZ", NULL },
        { "2025-11-10T12", NULL },
        { "2025-11-10T12Z", NULL },
        { "2025-11-10T12:3", NULL },
        { "2025-11-10T12:", NULL },
        { "2025-11-10T1:34:56Z", NULL },
        { "2025-11-10T123456Z", NULL },
        { "2025-11-10_12:34:56Z", NULL },
        { "2025-11-10T12:34:", NULL },
        { "2025-11-10T12:34:5", NULL },
        { "2025-11-10T12:34.5Z", NULL },
        { "2025-11-10T12:34:56.Z", NULL },
        { "2025-11-10T12:34:56.", NULL },
        { "2025-11-10T12:34:56.1.2Z", NULL },
        { "2025-11-10T12:34:56.1234567890Z", NULL },
        { "2025-11-10T24:00:00Z", NULL },
        { "2025-11-10T12:60:00Z", NULL },
        { "2025-11-10T-1:00:00Z", NULL },
        { "2025-11-10T12:34:56ZZ", NULL },
        { "2025-11-10T12:34:56 Z", NULL },
        { "2025-11-10T12:34:56 02:00", NULL },
        { "2025-11-10T12:34:56Z+02:00", NULL },
        { "2025-11-10T12:34:56+", NULL },
        { "2025-11-10T12:34:56+2", NULL },
        { "2025-11-10T12:34:56+02:", NULL },
        { "2025-11-10T12:34:56+02:0", NULL },
        { "2025-11-10T12:34:56+02:000", NULL },
        { "2025-11-10T12:34:56+020", NULL },
        { "2025-11-10T12:34:56+24:00", NULL },
        { "2025-11-10T12:34:56+02:60", NULL },
        { "2025-11-10T12:34:56 UTC", NULL }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        rc = test_read(tests[i].text, strlen(tests[i].text), &ms);

        if (tests[i].utc == NULL) {
            unit_ok(rc == NGX_ERROR, "\"%s\" is refused", tests[i].text);
            continue;
        }

        if (rc == NGX_OK) {
            ngx_triggers_time_format(buf, ms);
        }

        unit_ok(rc == NGX_OK
                && memcmp(buf, tests[i].utc, NGX_TRIGGERS_TIME_LEN) == 0,
                "\"%s\" is %s", tests[i].text, tests[i].utc);
    }
}


static void
test_fractions(void)
{
    int         n;
    char        s[64];
    int64_t     ms;
    size_t      len;
    ngx_uint_t  i, wrong;

    static const int64_t  expected[] = {
        900, 980, 987, 987, 987, 987, 987, 987, 987
    };

    wrong = 0;

    for (i = 0; i < 18; i++) {
        n = (int) i / 2 + 1;

        len = sprintf(s, "1970-01-01T00:00:00%c%.*sZ", (i & 1) ? ',' : '.',
                      n, "987654321");

        wrong += (test_read(s, len, &ms) != NGX_OK || ms != expected[n - 1]);
    }

    unit_ok(wrong == 0, "one to nine decimals after a point or a comma");
}


/* also dates that there are not; timegm() would move them */

static void
test_every_date(void)
{
    int         year, month, day;
    char        s[64];
    size_t      len;
    int64_t     ms;
    ngx_int_t   rc;
    ngx_uint_t  wrong;
    struct tm   tm;

    wrong = 0;

    for (year = 0; year < 10000; year += (year < 1890 || year > 2110) ? 37 : 1)
    {
        for (month = 0; month < 14; month++) {
            for (day = 0; day < 34; day++) {

                len = sprintf(s, "%04d-%02d-%02d", year, month, day);
                rc = test_read(s, len, &ms);

                ngx_memzero(&tm, sizeof(struct tm));
                tm.tm_year = year - 1900;
                tm.tm_mon = month - 1;
                tm.tm_mday = day;

                if (rc == NGX_OK) {
                    wrong += (timegm(&tm) * 1000ll != ms);

                } else {
                    (void) timegm(&tm);
                }

                wrong += ((rc == NGX_OK)
                          != (tm.tm_mon == month - 1 && tm.tm_mday == day));
            }
        }
    }

    unit_ok(wrong == 0, "every date and no other");
}


static void
test_every_cut(void)
{
    size_t      len;
    int64_t     ms;
    ngx_uint_t  wrong;

    static const char  s[] = "2025-11-10T12:34:56.789+02:00";

    wrong = 0;

    for (len = 0; len < sizeof(s); len++) {
        wrong += ((test_read(s, len, &ms) == NGX_OK)
                  != (len == 10 || len == 16 || len == 19
                      || (len > 20 && len < 24)
                      || len == 26 || len == 29));
    }

    unit_ok(wrong == 0, "a time that is cut at each byte");
}


/* returns 1 if the text or the way back is wrong */

static ngx_uint_t
test_round_trip(int64_t ms)
{
    char       expected[64];
    time_t     sec;
    u_char     buf[NGX_TRIGGERS_TIME_LEN];
    int64_t    back, rest;
    struct tm  tm;

    rest = ((ms % 1000) + 1000) % 1000;
    sec = (ms - rest) / 1000;

    gmtime_r(&sec, &tm);

    snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
             tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec, (int) rest);

    ngx_triggers_time_format(buf, ms);

    return memcmp(buf, expected, NGX_TRIGGERS_TIME_LEN) != 0
           || test_read((char *) buf, NGX_TRIGGERS_TIME_LEN, &back) != NGX_OK
           || back != ms;
}


/* reads from memory of the exact size, for the sanitizers' sake */

static ngx_int_t
test_read(const char *s, size_t len, int64_t *ms)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    text.len = len;
    text.data = malloc(len);

    if (text.data == NULL && len) {
        exit(1);
    }

    ngx_memcpy(text.data, s, len);

    rc = ngx_triggers_time_parse(&text, ms);

    free(text.data);

    return rc;
}
