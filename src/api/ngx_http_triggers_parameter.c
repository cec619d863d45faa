
/*
 * Reads values of directives' parameters.
 */


#include "ngx_http_triggers_parameter.h"


#define NGX_HTTP_TRIGGERS_AGE_MAX  (1000 * 366 * 24 * 3600LL)   /* s */


char *
ngx_http_triggers_set_number(ngx_conf_t *cf, ngx_str_t *value, size_t prefix,
    ngx_uint_t min, ngx_uint_t max, ngx_uint_t *dst)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data + prefix, value->len - prefix);

    if (n == NGX_ERROR || (ngx_uint_t) n < min || (ngx_uint_t) n > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", it must be from %ui to "
                           "%ui", value, min, max);
        return NGX_CONF_ERROR;
    }

    *dst = n;

    return NGX_CONF_OK;
}


char *
ngx_http_triggers_set_size(ngx_conf_t *cf, ngx_str_t *value, size_t prefix,
    size_t *dst)
{
    ssize_t    n;
    ngx_str_t  s;

    s.data = value->data + prefix;
    s.len = value->len - prefix;

    n = ngx_parse_size(&s);

    if (n == NGX_ERROR || n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid size \"%V\"",
                           value);
        return NGX_CONF_ERROR;
    }

    *dst = n;

    return NGX_CONF_OK;
}


char *
ngx_http_triggers_set_time(ngx_conf_t *cf, ngx_str_t *value, size_t prefix,
    ngx_msec_t *dst)
{
    ngx_int_t  n;
    ngx_str_t  s;

    s.data = value->data + prefix;
    s.len = value->len - prefix;

    n = ngx_parse_time(&s, 0);

    if (n == NGX_ERROR || n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value in \"%V\"",
                           value);
        return NGX_CONF_ERROR;
    }

    *dst = n;

    return NGX_CONF_OK;
}


char *
ngx_http_triggers_set_age(ngx_conf_t *cf, ngx_str_t *value, size_t prefix,
    int64_t *dst)
{
    ngx_int_t  n;
    ngx_str_t  s;

    s.data = value->data + prefix;
    s.len = value->len - prefix;

    if (ngx_strcmp(s.data, "off") == 0) {
        *dst = 0;
        return NGX_CONF_OK;
    }

    n = ngx_parse_time(&s, 1);

    if (n == NGX_ERROR || n > NGX_HTTP_TRIGGERS_AGE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid time in \"%V\"",
                           value);
        return NGX_CONF_ERROR;
    }

    *dst = (int64_t) n * 1000;

    return NGX_CONF_OK;
}
