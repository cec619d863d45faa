
/*
 * Fuzzes times: what is accepted is in range and is read back from what is
 * written for it; the first eight bytes, as milliseconds, are written as the
 * C library writes them and read back.
 */


#include "fuzz.h"
#include "ngx_triggers_time.h"

#include <time.h>


static void fuzz_format(int64_t ms);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t    ms;
    ngx_str_t  text;

    text.data = (u_char *) data;
    text.len = size;

    if (ngx_triggers_time_parse(&text, &ms) == NGX_OK) {
        fuzz_check(ms >= NGX_TRIGGERS_TIME_MIN);
        fuzz_check(ms <= NGX_TRIGGERS_TIME_MAX);
        fuzz_format(ms);
    }

    if (size >= sizeof(int64_t)) {
        memcpy(&ms, data, sizeof(int64_t));
        fuzz_format(ms);

        /* nearly all numbers are out of range */

        fuzz_format(ms % NGX_TRIGGERS_TIME_MAX);
    }

    return 0;
}


static void
fuzz_format(int64_t ms)
{
    char        expected[80];
    u_char      out[NGX_TRIGGERS_TIME_LEN];
    time_t      sec;
    int64_t     again;
    ngx_str_t   text;
    struct tm   tm;

    fuzz_check(ngx_triggers_time_format(out, ms) == out + sizeof(out));

    ms = ngx_max(ms, NGX_TRIGGERS_TIME_MIN);
    ms = ngx_min(ms, NGX_TRIGGERS_TIME_MAX);

    sec = (time_t) ((ms - NGX_TRIGGERS_TIME_MIN) / 1000
                    + NGX_TRIGGERS_TIME_MIN / 1000);

    fuzz_check(gmtime_r(&sec, &tm) != NULL);

    snprintf(expected, sizeof(expected),
             "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
             tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
             tm.tm_min, tm.tm_sec, (int) (ms - (int64_t) sec * 1000));

    fuzz_check(memcmp(out, expected, sizeof(out)) == 0);

    text.data = out;
    text.len = sizeof(out);

    fuzz_check(ngx_triggers_time_parse(&text, &again) == NGX_OK);
    fuzz_check(again == ms);
}
