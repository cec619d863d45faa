
/*
 * The directive "triggers_store": a name, a database, a zone, and what bounds
 * the worker's use of them.
 */


#include "ngx_http_triggers_parameter.h"
#include "ngx_http_triggers_store.h"


#define NGX_HTTP_TRIGGERS_READERS        2
#define NGX_HTTP_TRIGGERS_BATCH_RECORDS  1024
#define NGX_HTTP_TRIGGERS_BATCH_BYTES    (1024 * 1024)
#define NGX_HTTP_TRIGGERS_KEYS_TTL       (24 * 3600 * 1000)    /* ms */
#define NGX_HTTP_TRIGGERS_BODY_MEMORY    (64 * 1024 * 1024)
#define NGX_HTTP_TRIGGERS_LINKS          8


static char *ngx_http_triggers_store_path(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store,
    ngx_str_t *value);
static char *ngx_http_triggers_store_logs(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store);
static char *ngx_http_triggers_store_unique(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store,
    ngx_str_t *path);
static ngx_uint_t ngx_http_triggers_store_has(ngx_str_t *database,
    ngx_str_t *path);
static ngx_int_t ngx_http_triggers_store_real_path(ngx_conf_t *cf,
    ngx_str_t *path);
static ngx_int_t ngx_http_triggers_store_follow_link(ngx_conf_t *cf,
    ngx_str_t *path);
static char *ngx_http_triggers_store_parameter(ngx_conf_t *cf,
    ngx_http_triggers_store_t *store, ngx_str_t *value,
    ngx_str_t *thread_pool);
static char *ngx_http_triggers_store_zone(ngx_conf_t *cf,
    ngx_http_triggers_store_t *store, ngx_str_t *value);


char *
ngx_http_triggers_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_triggers_main_conf_t *tmcf = conf;

    char                       *rv;
    ngx_str_t                  *value, thread_pool;
    ngx_uint_t                  i;
    ngx_triggers_worker_t      *worker;
    ngx_http_triggers_store_t  *store;

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "needs a name";
    }

    store = ngx_http_triggers_store_add(cf, &value[1]);
    if (store == NULL) {
        return NGX_CONF_ERROR;
    }

    if (store->size) {
        return "is duplicate";
    }

    store->file = cf->conf_file->file.name;
    store->line = cf->conf_file->line;

    worker = &store->worker;
    worker->nreaders = NGX_HTTP_TRIGGERS_READERS;
    worker->drainer_conf.batch_records = NGX_HTTP_TRIGGERS_BATCH_RECORDS;
    worker->drainer_conf.batch_bytes = NGX_HTTP_TRIGGERS_BATCH_BYTES;
    worker->drainer_conf.idempotency_ttl = NGX_HTTP_TRIGGERS_KEYS_TTL;
    worker->body_memory = NGX_HTTP_TRIGGERS_BODY_MEMORY;
    store->waiting = NGX_CONF_UNSET_UINT;
    store->keys = NGX_CONF_UNSET_UINT;

    ngx_str_null(&thread_pool);

    rv = ngx_http_triggers_store_path(cf, tmcf, store, &value[2]);

    for (i = 3; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        rv = ngx_http_triggers_store_parameter(cf, store, &value[i],
                                               &thread_pool);
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_triggers_store_logs(cf, tmcf, store);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (store->size == 0) {
        return "must have the \"zone\" parameter";
    }

    worker->thread_pool = ngx_thread_pool_add(cf, thread_pool.len
                                                  ? &thread_pool : NULL);
    if (worker->thread_pool == NULL) {
        return NGX_CONF_ERROR;
    }

    worker->zone = ngx_triggers_zone_add(cf, &store->name, &store->path,
                                         &store->logs, store->size,
                                         store->waiting, store->keys,
                                         &ngx_http_triggers_module);
    if (worker->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_http_triggers_store_t *
ngx_http_triggers_store_add(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                       i;
    ngx_http_triggers_store_t       *store, **stores;
    ngx_http_triggers_main_conf_t   *tmcf;

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_triggers_module);

    stores = tmcf->stores.elts;

    for (i = 0; i < tmcf->stores.nelts; i++) {
        if (stores[i]->name.len == name->len
            && ngx_strncmp(stores[i]->name.data, name->data, name->len) == 0)
        {
            return stores[i];
        }
    }

    store = ngx_pcalloc(cf->pool, sizeof(ngx_http_triggers_store_t));
    if (store == NULL) {
        return NULL;
    }

    stores = ngx_array_push(&tmcf->stores);
    if (stores == NULL) {
        return NULL;
    }

    *stores = store;

    store->name = *name;
    store->file = cf->conf_file->file.name;
    store->line = cf->conf_file->line;

    return store;
}


static char *
ngx_http_triggers_store_path(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store,
    ngx_str_t *value)
{
    if (value->len <= sizeof("sqlite:") - 1
        || ngx_strncmp(value->data, "sqlite:", sizeof("sqlite:") - 1) != 0
        || value->data[value->len - 1] == '/')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid database \"%V\", it must be "
                           "\"sqlite:PATH\"", value);
        return NGX_CONF_ERROR;
    }

    store->path.data = value->data + sizeof("sqlite:") - 1;
    store->path.len = value->len - (sizeof("sqlite:") - 1);

    if (ngx_conf_full_name(cf->cycle, &store->path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_triggers_store_real_path(cf, &store->path) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_triggers_store_unique(cf, tmcf, store, &store->path);
}


/* of the logs, by default beside the store */

static char *
ngx_http_triggers_store_logs(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store)
{
    if (store->logs.data == NULL) {
        store->logs.len = store->path.len + sizeof(".logs") - 1;

        store->logs.data = ngx_pnalloc(cf->pool, store->logs.len + 1);
        if (store->logs.data == NULL) {
            return NGX_CONF_ERROR;
        }

        (void) ngx_sprintf(store->logs.data, "%V.logs%Z", &store->path);

    } else if (ngx_conf_full_name(cf->cycle, &store->logs, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_triggers_store_real_path(cf, &store->logs) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_triggers_store_unique(cf, tmcf, store, &store->logs);
}


/* is no other database of a store that path's, and is it one at all? */

static char *
ngx_http_triggers_store_unique(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store,
    ngx_str_t *path)
{
    ngx_str_t                   *other[2];
    ngx_uint_t                   i, n;
    ngx_file_info_t              fi;
    ngx_http_triggers_store_t  **stores;

    /* SQLite would take the mode of a device away, /dev/null's above all */

    if (path->data && ngx_file_info(path->data, &fi) != NGX_FILE_ERROR
        && !ngx_is_file(&fi))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is not a file",
                           path);
        return NGX_CONF_ERROR;
    }

    stores = tmcf->stores.elts;

    for (i = 0; i < tmcf->stores.nelts; i++) {

        other[0] = &stores[i]->path;
        other[1] = &stores[i]->logs;

        for (n = 0; n < 2; n++) {

            if (other[n] == path
                || (!ngx_http_triggers_store_has(other[n], path)
                    && !ngx_http_triggers_store_has(path, other[n])))
            {
                continue;
            }

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "database \"%V\" is used by triggers store "
                               "\"%V\" already", path, &stores[i]->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* is path that of the database, or of one of the files beside it? */

static ngx_uint_t
ngx_http_triggers_store_has(ngx_str_t *database, ngx_str_t *path)
{
    size_t              len;
    const char *const  *s;

    static const char *const  suffixes[] = {
        "", "-wal", "-shm", "-journal", ".lock", NULL
    };

    if (database->len == 0 || path->len < database->len
        || ngx_strncmp(path->data, database->data, database->len) != 0)
    {
        return 0;
    }

    len = path->len - database->len;

    for (s = suffixes; *s; s++) {

        if (ngx_strlen(*s) == len
            && ngx_strncmp(path->data + database->len, *s, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Follows links, so that one database has one name, and with it one lock
 * file.  Of a file that does not exist yet it is the directory that counts;
 * of a directory that does not exist either, the path is left as it is.
 */

static ngx_int_t
ngx_http_triggers_store_real_path(ngx_conf_t *cf, ngx_str_t *path)
{
    u_char      *p, *real;
    size_t       len;
    ngx_int_t    rc;
    ngx_uint_t   links;

    real = (u_char *) realpath((char *) path->data, NULL);

    /* a link may also lead to a file that is yet to be made */

    for (links = 0; real == NULL && links < NGX_HTTP_TRIGGERS_LINKS; links++) {

        rc = ngx_http_triggers_store_follow_link(cf, path);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            break;
        }
    }

    p = path->data + path->len;

    if (real == NULL) {
        p = (u_char *) strrchr((char *) path->data, '/');

        *p = '\0';
        real = (u_char *) realpath(p == path->data ? "/"
                                                   : (char *) path->data,
                                   NULL);
        *p = '/';
    }

    if (real == NULL) {
        return NGX_OK;
    }

    rc = NGX_ERROR;
    len = ngx_strlen(real) + (path->data + path->len - p);

    path->len = len;
    path->data = ngx_pnalloc(cf->pool, len + 1);

    if (path->data) {
        (void) ngx_sprintf(path->data, "%s%s%Z", real, p);
        rc = NGX_OK;
    }

    ngx_free(real);

    return rc;
}


/* replaces a path that is a link by where it leads; NGX_DECLINED: it is none */

static ngx_int_t
ngx_http_triggers_store_follow_link(ngx_conf_t *cf, ngx_str_t *path)
{
    u_char   *p, *data;
    size_t    dir;
    ssize_t   n;
    u_char    link[NGX_MAX_PATH];

    n = readlink((char *) path->data, (char *) link, NGX_MAX_PATH);

    if (n <= 0 || n == NGX_MAX_PATH) {
        return NGX_DECLINED;
    }

    dir = 0;

    if (link[0] != '/') {
        p = (u_char *) strrchr((char *) path->data, '/');
        dir = p + 1 - path->data;
    }

    data = ngx_pnalloc(cf->pool, dir + n + 1);
    if (data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(data, path->data, dir);
    p = ngx_cpymem(p, link, n);
    *p = '\0';

    path->data = data;
    path->len = dir + n;

    return NGX_OK;
}


static char *
ngx_http_triggers_store_parameter(ngx_conf_t *cf,
    ngx_http_triggers_store_t *store, ngx_str_t *value,
    ngx_str_t *thread_pool)
{
    ngx_triggers_worker_t        *worker;
    ngx_triggers_drainer_conf_t  *conf;

    worker = &store->worker;
    conf = &worker->drainer_conf;

    if (ngx_strncmp(value->data, "zone=", 5) == 0) {

        return ngx_http_triggers_store_zone(cf, store, value);
    }

    if (ngx_strncmp(value->data, "waiting=", 8) == 0) {
        return ngx_http_triggers_set_number(cf, value, 8, 1, 1000000,
                                            &store->waiting);
    }

    if (ngx_strncmp(value->data, "keys=", 5) == 0) {
        return ngx_http_triggers_set_number(cf, value, 5, 1, 100000000,
                                            &store->keys);
    }

    if (ngx_strncmp(value->data, "readers=", 8) == 0) {
        return ngx_http_triggers_set_number(cf, value, 8, 1, 64,
                                            &worker->nreaders);
    }

    if (ngx_strncmp(value->data, "batch_records=", 14) == 0) {
        return ngx_http_triggers_set_number(cf, value, 14, 1, 100000,
                                            &conf->batch_records);
    }

    if (ngx_strncmp(value->data, "batch_bytes=", 12) == 0) {
        return ngx_http_triggers_set_size(cf, value, 12, &conf->batch_bytes);
    }

    if (ngx_strncmp(value->data, "idempotency_ttl=", 16) == 0) {
        return ngx_http_triggers_set_time(cf, value, 16,
                                          &conf->idempotency_ttl);
    }

    if (ngx_strncmp(value->data, "body_memory=", 12) == 0) {
        return ngx_http_triggers_set_size(cf, value, 12,
                                          &worker->body_memory);
    }

    if (ngx_strncmp(value->data, "logs=", 5) == 0
        && value->len > 5
        && value->data[value->len - 1] != '/')
    {
        store->logs.data = value->data + 5;
        store->logs.len = value->len - 5;

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "thread_pool=", 12) == 0
        && value->len > 12)
    {
        thread_pool->data = value->data + 12;
        thread_pool->len = value->len - 12;

        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                       value);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_triggers_store_zone(ngx_conf_t *cf, ngx_http_triggers_store_t *store,
    ngx_str_t *value)
{
    char  *rv;

    rv = ngx_http_triggers_set_size(cf, value, 5, &store->size);

    if (rv == NGX_CONF_OK && store->size < NGX_TRIGGERS_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of triggers store \"%V\" is too "
                           "small, it must be at least %dk", value,
                           &store->name, NGX_TRIGGERS_ZONE_MIN / 1024);
        return NGX_CONF_ERROR;
    }

    return rv;
}
