
/*
 * ISO 8601 times; the header has the contract.
 *
 * Years are counted from March, so that the leap day is the last day of its
 * year and the lengths of months follow one line, (153 m + 2) / 5.  Days are
 * counted from 0000-03-01 less one cycle of 400 years, which keeps every
 * division that of a positive number.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_time.h"


#define NGX_TRIGGERS_TIME_DAY    86400000ll     /* ms */

#define NGX_TRIGGERS_TIME_CYCLE  146097         /* days of 400 years */
#define NGX_TRIGGERS_TIME_EPOCH  (719468 + NGX_TRIGGERS_TIME_CYCLE)


static u_char *ngx_triggers_time_digits(u_char *dst, ngx_uint_t value,
    ngx_uint_t n);
static ngx_int_t ngx_triggers_time_date(u_char **pos, u_char *last,
    int64_t *days);
static ngx_int_t ngx_triggers_time_clock(u_char **pos, u_char *last,
    int64_t *ms, ngx_uint_t *leap);
static ngx_int_t ngx_triggers_time_fraction(u_char **pos, u_char *last);
static ngx_int_t ngx_triggers_time_offset(u_char **pos, u_char *last,
    int64_t *ms);
static ngx_int_t ngx_triggers_time_number(u_char **pos, u_char *last,
    ngx_uint_t n, ngx_int_t max);
static ngx_int_t ngx_triggers_time_skip(u_char **pos, u_char *last, u_char c);


u_char *
ngx_triggers_time_format(u_char *dst, int64_t ms)
{
    uint32_t    day, year, month, n;
    ngx_uint_t  clock;

    ms = ngx_max(ms, NGX_TRIGGERS_TIME_MIN);
    ms = ngx_min(ms, NGX_TRIGGERS_TIME_MAX);

    ms += NGX_TRIGGERS_TIME_EPOCH * NGX_TRIGGERS_TIME_DAY;

    n = (uint32_t) (ms / NGX_TRIGGERS_TIME_DAY);
    clock = (ngx_uint_t) (ms % NGX_TRIGGERS_TIME_DAY);

    /* the day of the cycle, the year of the cycle, the day of the year */

    day = n % NGX_TRIGGERS_TIME_CYCLE;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;

    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;

    year += n / NGX_TRIGGERS_TIME_CYCLE * 400 - 400;

    if (month < 10) {
        month += 3;

    } else {
        month -= 9;
        year++;
    }

    dst = ngx_triggers_time_digits(dst, year, 4);
    *dst++ = '-';
    dst = ngx_triggers_time_digits(dst, month, 2);
    *dst++ = '-';
    dst = ngx_triggers_time_digits(dst, day + 1, 2);
    *dst++ = 'T';
    dst = ngx_triggers_time_digits(dst, clock / 3600000, 2);
    *dst++ = ':';
    dst = ngx_triggers_time_digits(dst, clock / 60000 % 60, 2);
    *dst++ = ':';
    dst = ngx_triggers_time_digits(dst, clock / 1000 % 60, 2);
    *dst++ = '.';
    dst = ngx_triggers_time_digits(dst, clock % 1000, 3);
    *dst++ = 'Z';

    return dst;
}


static u_char *
ngx_triggers_time_digits(u_char *dst, ngx_uint_t value, ngx_uint_t n)
{
    u_char  *p;

    for (p = dst + n; p > dst; value /= 10) {
        *--p = (u_char) ('0' + value % 10);
    }

    return dst + n;
}


ngx_int_t
ngx_triggers_time_parse(ngx_str_t *text, int64_t *ms)
{
    u_char      *p, *last;
    int64_t      days, clock, offset, result;
    ngx_uint_t   leap;

    if (text->len == 0) {
        return NGX_ERROR;
    }

    p = text->data;
    last = p + text->len;

    clock = 0;
    offset = 0;
    leap = 0;

    if (ngx_triggers_time_date(&p, last, &days) != NGX_OK) {
        return NGX_ERROR;
    }

    if (p < last) {
        if (ngx_triggers_time_clock(&p, last, &clock, &leap) != NGX_OK
            || ngx_triggers_time_offset(&p, last, &offset) != NGX_OK
            || p != last)
        {
            return NGX_ERROR;
        }
    }

    result = days * NGX_TRIGGERS_TIME_DAY + clock - offset;

    /* a leap second is the last one of a day, whatever the local time */

    if (leap && (result + 1) % NGX_TRIGGERS_TIME_DAY != 0) {
        return NGX_ERROR;
    }

    if (result < NGX_TRIGGERS_TIME_MIN || result > NGX_TRIGGERS_TIME_MAX) {
        return NGX_ERROR;
    }

    *ms = result;

    return NGX_OK;
}


/* sets the days since the epoch */

static ngx_int_t
ngx_triggers_time_date(u_char **pos, u_char *last, int64_t *days)
{
    ngx_int_t  year, month, day, max;

    static const u_char  lengths[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    year = ngx_triggers_time_number(pos, last, 4, 9999);

    if (year == NGX_ERROR
        || ngx_triggers_time_skip(pos, last, '-') != NGX_OK)
    {
        return NGX_ERROR;
    }

    month = ngx_triggers_time_number(pos, last, 2, 12);

    if (month < 1 || ngx_triggers_time_skip(pos, last, '-') != NGX_OK) {
        return NGX_ERROR;
    }

    max = lengths[month - 1];

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) {
        max = 29;
    }

    day = ngx_triggers_time_number(pos, last, 2, max);

    if (day < 1) {
        return NGX_ERROR;
    }

    year += 400;

    if (month > 2) {
        month -= 3;

    } else {
        month += 9;
        year--;
    }

    *days = 365 * year + year / 4 - year / 100 + year / 400
            + (153 * month + 2) / 5 + day - 1 - NGX_TRIGGERS_TIME_EPOCH;

    return NGX_OK;
}


/* sets the milliseconds of the day */

static ngx_int_t
ngx_triggers_time_clock(u_char **pos, u_char *last, int64_t *ms,
    ngx_uint_t *leap)
{
    u_char     *p;
    ngx_int_t   hour, minute, second, fraction;

    p = *pos;
    second = 0;
    fraction = 0;

    if (*p != 'T' && *p != 't' && *p != ' ') {
        return NGX_ERROR;
    }

    p++;

    hour = ngx_triggers_time_number(&p, last, 2, 23);

    if (hour == NGX_ERROR || ngx_triggers_time_skip(&p, last, ':') != NGX_OK)
    {
        return NGX_ERROR;
    }

    minute = ngx_triggers_time_number(&p, last, 2, 59);

    if (minute == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (ngx_triggers_time_skip(&p, last, ':') == NGX_OK) {
        second = ngx_triggers_time_number(&p, last, 2, 60);

        if (second == NGX_ERROR) {
            return NGX_ERROR;
        }

        fraction = ngx_triggers_time_fraction(&p, last);

        if (fraction == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    if (second == 60) {
        *leap = 1;
        second = 59;
        fraction = 999;
    }

    *ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    *pos = p;

    return NGX_OK;
}


/* returns milliseconds, 0 if there is no fraction */

static ngx_int_t
ngx_triggers_time_fraction(u_char **pos, u_char *last)
{
    u_char     *p;
    ngx_int_t   ms, digit;
    ngx_uint_t  n;

    p = *pos;

    if (p == last || (*p != '.' && *p != ',')) {
        return 0;
    }

    p++;
    ms = 0;

    for (n = 0; p < last && *p >= '0' && *p <= '9'; n++) {
        digit = *p++ - '0';

        if (n < 3) {
            ms = ms * 10 + digit;
        }
    }

    if (n == 0 || n > 9) {
        return NGX_ERROR;
    }

    *pos = p;

    for ( /* void */ ; n < 3; n++) {
        ms *= 10;
    }

    return ms;
}


static ngx_int_t
ngx_triggers_time_offset(u_char **pos, u_char *last, int64_t *ms)
{
    u_char     *p, sign;
    ngx_int_t   hours, minutes;

    p = *pos;

    if (p == last) {
        return NGX_OK;
    }

    sign = *p++;

    if (sign == 'Z' || sign == 'z') {
        *pos = p;
        return NGX_OK;
    }

    if (sign != '+' && sign != '-') {
        return NGX_ERROR;
    }

    hours = ngx_triggers_time_number(&p, last, 2, 23);
    minutes = 0;

    if (hours == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (p < last) {
        (void) ngx_triggers_time_skip(&p, last, ':');

        minutes = ngx_triggers_time_number(&p, last, 2, 59);

        if (minutes == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    *ms = (hours * 60 + minutes) * 60000;

    if (sign == '-') {
        *ms = -*ms;
    }

    *pos = p;

    return NGX_OK;
}


/* reads exactly n digits */

static ngx_int_t
ngx_triggers_time_number(u_char **pos, u_char *last, ngx_uint_t n,
    ngx_int_t max)
{
    u_char     *p;
    ngx_int_t   value;

    p = *pos;
    value = 0;

    if (last - p < (ssize_t) n) {
        return NGX_ERROR;
    }

    for ( /* void */ ; n; n--) {

        if (*p < '0' || *p > '9') {
            return NGX_ERROR;
        }

        value = value * 10 + (*p++ - '0');
    }

    if (value > max) {
        return NGX_ERROR;
    }

    *pos = p;

    return value;
}


/* NGX_DECLINED if the next character is another */

static ngx_int_t
ngx_triggers_time_skip(u_char **pos, u_char *last, u_char c)
{
    if (*pos == last || **pos != c) {
        return NGX_DECLINED;
    }

    (*pos)++;

    return NGX_OK;
}
