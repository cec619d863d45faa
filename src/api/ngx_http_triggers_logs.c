
/*
 * Which logs are stored, how many of them, and for how long.
 */


#include "ngx_http_triggers_log_json.h"
#include "ngx_http_triggers_logs.h"
#include "ngx_http_triggers_parameter.h"


#define NGX_HTTP_TRIGGERS_LOGS_RATE      100       /* a second */
#define NGX_HTTP_TRIGGERS_LOGS_MAX       1000000   /* … and of a sample */
#define NGX_HTTP_TRIGGERS_LOGS_DAY       (24 * 3600 * 1000LL)   /* ms */
#define NGX_HTTP_TRIGGERS_LOGS_KEEP      (7 * NGX_HTTP_TRIGGERS_LOGS_DAY)
#define NGX_HTTP_TRIGGERS_LOGS_HISTORY   (30 * NGX_HTTP_TRIGGERS_LOGS_DAY)
#define NGX_HTTP_TRIGGERS_LOGS_SIZE      (1024 * 1024 * 1024LL)
#define NGX_HTTP_TRIGGERS_LOGS_SIZE_MIN  (1024 * 1024)


static char *ngx_http_triggers_logs_parameter(ngx_conf_t *cf,
    ngx_triggers_logger_conf_t *conf, ngx_str_t *value);
static char *ngx_http_triggers_logs_level(ngx_conf_t *cf, ngx_str_t *value,
    ngx_uint_t *level);
static char *ngx_http_triggers_logs_size(ngx_conf_t *cf, ngx_str_t *value,
    off_t *size);


char *
ngx_http_triggers_logs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_triggers_main_conf_t *tmcf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (tmcf->logs_set) {
        return "is duplicate";
    }

    tmcf->logs_set = 1;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        tmcf->logs_off = 1;
        return NGX_CONF_OK;
    }

    rv = NGX_CONF_OK;

    for (i = 1; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        rv = ngx_http_triggers_logs_parameter(cf, &tmcf->logs, &value[i]);
    }

    return rv;
}


void
ngx_http_triggers_logs_create(ngx_http_triggers_main_conf_t *tmcf)
{
    ngx_triggers_logger_conf_t  *conf;

    conf = &tmcf->logs;

    conf->level = NGX_TRIGGERS_LEVEL_INFO;
    conf->sample = 1;
    conf->rate = NGX_HTTP_TRIGGERS_LOGS_RATE;
    conf->limits.logs = NGX_HTTP_TRIGGERS_LOGS_KEEP;
    conf->limits.history = NGX_HTTP_TRIGGERS_LOGS_HISTORY;
    conf->limits.size = NGX_HTTP_TRIGGERS_LOGS_SIZE;
}


void
ngx_http_triggers_logs_init(ngx_http_triggers_main_conf_t *tmcf,
    ngx_http_triggers_store_t *store)
{
    store->worker.logger_conf = tmcf->logs;

    if (!tmcf->logs_off) {
        store->worker.logger_conf.path = store->logs;
    }
}


static char *
ngx_http_triggers_logs_parameter(ngx_conf_t *cf,
    ngx_triggers_logger_conf_t *conf, ngx_str_t *value)
{
    if (ngx_strncmp(value->data, "level=", 6) == 0) {
        return ngx_http_triggers_logs_level(cf, value, &conf->level);
    }

    if (ngx_strncmp(value->data, "sample=", 7) == 0) {
        return ngx_http_triggers_set_number(cf, value, 7, 1,
                                            NGX_HTTP_TRIGGERS_LOGS_MAX,
                                            &conf->sample);
    }

    if (ngx_strncmp(value->data, "rate=", 5) == 0) {
        return ngx_http_triggers_set_number(cf, value, 5, 0,
                                            NGX_HTTP_TRIGGERS_LOGS_MAX,
                                            &conf->rate);
    }

    if (ngx_strncmp(value->data, "retention=", 10) == 0) {
        return ngx_http_triggers_set_age(cf, value, 10, &conf->limits.logs);
    }

    if (ngx_strncmp(value->data, "history=", 8) == 0) {
        return ngx_http_triggers_set_age(cf, value, 8, &conf->limits.history);
    }

    if (ngx_strncmp(value->data, "size=", 5) == 0) {
        return ngx_http_triggers_logs_size(cf, value, &conf->limits.size);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                       value);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_triggers_logs_level(ngx_conf_t *cf, ngx_str_t *value,
    ngx_uint_t *level)
{
    ngx_str_t  name;

    name.data = value->data + 6;
    name.len = value->len - 6;

    if (ngx_http_triggers_level_parse(&name, level) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", it must be debug, info, "
                           "warn or error", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* "off" is any */

static char *
ngx_http_triggers_logs_size(ngx_conf_t *cf, ngx_str_t *value, off_t *size)
{
    ngx_str_t  s;

    s.data = value->data + 5;
    s.len = value->len - 5;

    if (ngx_strcmp(s.data, "off") == 0) {
        *size = 0;
        return NGX_CONF_OK;
    }

    *size = ngx_parse_offset(&s);

    if (*size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid size \"%V\"",
                           value);
        return NGX_CONF_ERROR;
    }

    if (*size < NGX_HTTP_TRIGGERS_LOGS_SIZE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\", it must be at least 1m",
                           value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
