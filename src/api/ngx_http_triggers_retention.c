
/*
 * How long events, attempts and the audit are kept, and the directory of the
 * archive.
 */


#include "ngx_http_triggers_archive.h"
#include "ngx_http_triggers_parameter.h"
#include "ngx_http_triggers_retention.h"


/* how long things are kept, ms */

#define NGX_HTTP_TRIGGERS_DAY            (24 * 3600 * 1000LL)
#define NGX_HTTP_TRIGGERS_KEEP_EVENTS    (30 * NGX_HTTP_TRIGGERS_DAY)
#define NGX_HTTP_TRIGGERS_KEEP_ATTEMPTS  (30 * NGX_HTTP_TRIGGERS_DAY)
#define NGX_HTTP_TRIGGERS_KEEP_AUDIT     (2557 * NGX_HTTP_TRIGGERS_DAY)


static ngx_int_t ngx_http_triggers_archive_unique(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store,
    ngx_str_t *name);


char *
ngx_http_triggers_retention(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_triggers_main_conf_t *tmcf = conf;

    char                      *rv;
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_triggers_retention_t  *retention;

    if (tmcf->retention_set) {
        return "is duplicate";
    }

    tmcf->retention_set = 1;

    value = cf->args->elts;
    retention = &tmcf->retention;
    rv = NGX_CONF_OK;

    for (i = 1; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "events=", 7) == 0) {
            rv = ngx_http_triggers_set_age(cf, &value[i], 7,
                                           &retention->events);
            continue;
        }

        if (ngx_strncmp(value[i].data, "attempts=", 9) == 0) {
            rv = ngx_http_triggers_set_age(cf, &value[i], 9,
                                           &retention->attempts);
            continue;
        }

        if (ngx_strncmp(value[i].data, "audit=", 6) == 0) {
            rv = ngx_http_triggers_set_age(cf, &value[i], 6,
                                           &retention->audit);
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[i]);
        rv = NGX_CONF_ERROR;
    }

    return rv;
}


char *
ngx_http_triggers_archive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_triggers_main_conf_t *tmcf = conf;

    ngx_str_t  *value;

    if (tmcf->archive.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    tmcf->archive = value[1];

    if (ngx_strcmp(value[1].data, "off") == 0) {
        tmcf->archive.len = 0;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0) {
        return "needs the path of a directory";
    }

    if (ngx_conf_full_name(cf->cycle, &tmcf->archive, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


void
ngx_http_triggers_retention_create(ngx_http_triggers_main_conf_t *tmcf)
{
    tmcf->retention.events = NGX_HTTP_TRIGGERS_KEEP_EVENTS;
    tmcf->retention.attempts = NGX_HTTP_TRIGGERS_KEEP_ATTEMPTS;
    tmcf->retention.audit = NGX_HTTP_TRIGGERS_KEEP_AUDIT;
}


ngx_int_t
ngx_http_triggers_retention_init(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store)
{
    u_char                    *p;
    ngx_str_t                  name;
    ngx_triggers_worker_t     *worker;
    ngx_triggers_retention_t  *retention;

    worker = &store->worker;
    retention = &worker->drainer_conf.retention;

    *retention = tmcf->retention;

    if (tmcf->archive.len == 0) {
        return NGX_OK;
    }

    name.data = ngx_pnalloc(cf->pool, NGX_HTTP_TRIGGERS_FILE_STORE);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_triggers_file_store(name.data, &store->name);
    name.len = p - name.data;

    if (ngx_http_triggers_archive_unique(cf, tmcf, store, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    retention->archive = 1;
    retention->name = name;

    worker->archive.directory = tmcf->archive;
    worker->archive.line = ngx_http_triggers_archive_line;

    return NGX_OK;
}


/* can the store's files be told from those of the stores before it? */

static ngx_int_t
ngx_http_triggers_archive_unique(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store,
    ngx_str_t *name)
{
    ngx_str_t                   *other;
    ngx_uint_t                   i;
    ngx_http_triggers_store_t  **stores;

    stores = tmcf->stores.elts;

    for (i = 0; stores[i] != store; i++) {

        other = &stores[i]->worker.drainer_conf.retention.name;

        if (other->len == name->len
            && ngx_strncmp(other->data, name->data, name->len) == 0)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "archive files of triggers stores \"%V\" and "
                          "\"%V\" in %V:%ui would all be named \"%V-...\"",
                          &stores[i]->name, &store->name, &store->file,
                          store->line, name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
