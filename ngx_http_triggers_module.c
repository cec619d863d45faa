
/*
 * The module's face to nginx: directives, configuration, the life of a worker
 * process, and where the handlers are hooked in.  It has no behaviour of its
 * own; docs/architecture.md tells which room has it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_triggers.h"
#include "ngx_http_triggers_backup.h"
#include "ngx_http_triggers_cors.h"
#include "ngx_http_triggers_delivery.h"
#include "ngx_http_triggers_filter.h"
#include "ngx_http_triggers_log.h"
#include "ngx_http_triggers_logs.h"
#include "ngx_http_triggers_metrics.h"
#include "ngx_http_triggers_retention.h"
#include "ngx_http_triggers_router.h"
#include "ngx_http_triggers_store.h"
#include "ngx_http_triggers_stream.h"
#include "ngx_http_triggers_variables.h"

#include <malloc.h>


#define NGX_HTTP_TRIGGERS_EVENT_SIZE     (1024 * 1024)
#define NGX_HTTP_TRIGGERS_BATCH_SIZE     (16 * 1024 * 1024)
#define NGX_HTTP_TRIGGERS_RESPONSE_SIZE  (16 * 1024 * 1024)
#define NGX_HTTP_TRIGGERS_RATE_LIMIT     1000      /* requests a minute */
#define NGX_HTTP_TRIGGERS_ATTEMPTS       5         /* leases of an event */
#define NGX_HTTP_TRIGGERS_ATTEMPTS_MAX   1000
#define NGX_HTTP_TRIGGERS_STREAM_SIZE    (64 * 1024)   /* of a buffer */
#define NGX_HTTP_TRIGGERS_STREAM_CLIENTS      1024
#define NGX_HTTP_TRIGGERS_STREAM_CLIENTS_MAX  65536

/* nginx' own default of client_max_body_size */

#define NGX_HTTP_TRIGGERS_NGINX_BODY     (1024 * 1024)

/* memory that malloc() keeps for itself instead of giving it back */

#define NGX_HTTP_TRIGGERS_MALLOC_TRIM    (64 * 1024 * 1024)
#define NGX_HTTP_TRIGGERS_MALLOC_PAD     (1024 * 1024)


static ngx_int_t ngx_http_triggers_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_triggers_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_triggers_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_triggers_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_triggers_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_triggers_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_triggers_merge_location(ngx_conf_t *cf,
    ngx_http_triggers_loc_conf_t *prev, ngx_http_triggers_loc_conf_t *conf);
static ngx_int_t ngx_http_triggers_check_size(ngx_conf_t *cf,
    ngx_http_triggers_loc_conf_t *conf, const char *name, size_t size);
static ngx_uint_t ngx_http_triggers_fits(ngx_http_triggers_store_t *store,
    ngx_uint_t keys, size_t size);
static ngx_uint_t ngx_http_triggers_keys_room(
    ngx_http_triggers_store_t *store, size_t size);
static char *ngx_http_triggers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_triggers_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_triggers_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_triggers_keys_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_triggers_schedule(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_triggers_check_positive(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_http_triggers_check_stream_buffer(ngx_conf_t *cf, void *post,
    void *data);
static ngx_int_t ngx_http_triggers_init_process(ngx_cycle_t *cycle);
static void ngx_http_triggers_exit_process(ngx_cycle_t *cycle);
static ngx_http_triggers_main_conf_t *ngx_http_triggers_cycle_conf(
    ngx_cycle_t *cycle);


static ngx_conf_post_t  ngx_http_triggers_positive_post =
    { ngx_http_triggers_check_positive };


static ngx_conf_post_t  ngx_http_triggers_stream_buffer_post =
    { ngx_http_triggers_check_stream_buffer };


static ngx_conf_num_bounds_t  ngx_http_triggers_stream_clients_bounds = {
    ngx_conf_check_num_bounds, 0, NGX_HTTP_TRIGGERS_STREAM_CLIENTS_MAX
};


static ngx_conf_num_bounds_t  ngx_http_triggers_rate_bounds = {
    ngx_conf_check_num_bounds, 0, NGX_TRIGGERS_RATE_MAX
};


static ngx_conf_num_bounds_t  ngx_http_triggers_concurrency_bounds = {
    ngx_conf_check_num_bounds, 1, 256
};


static ngx_conf_num_bounds_t  ngx_http_triggers_attempts_bounds = {
    ngx_conf_check_num_bounds, 1, NGX_HTTP_TRIGGERS_ATTEMPTS_MAX
};


static ngx_command_t  ngx_http_triggers_commands[] = {

    { ngx_string("triggers_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_triggers_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_triggers_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_keys_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_triggers_keys_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_retry_schedule"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_triggers_schedule,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_triggers_main_conf_t, retry_schedule),
      NULL },

    { ngx_string("triggers"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_triggers,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_triggers_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_event_max_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, event_max_size),
      &ngx_http_triggers_positive_post },

    { ngx_string("triggers_batch_max_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, batch_max_size),
      &ngx_http_triggers_positive_post },

    { ngx_string("triggers_response_max_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, response_max_size),
      &ngx_http_triggers_positive_post },

    { ngx_string("triggers_commit_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, commit_timeout),
      &ngx_http_triggers_positive_post },

    { ngx_string("triggers_query_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, query_timeout),
      &ngx_http_triggers_positive_post },

    { ngx_string("triggers_synchronous_commit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, synchronous_commit),
      NULL },

    { ngx_string("triggers_cors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_triggers_cors,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_rate_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, rate_limit),
      &ngx_http_triggers_rate_bounds },

    { ngx_string("triggers_key_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, key_ttl),
      NULL },

    { ngx_string("triggers_backup_path"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_triggers_backup_path,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_retention"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_triggers_retention,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_deliver"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_triggers_deliver,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_archive"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_triggers_archive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_logs"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_triggers_logs,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_delivery_schedule"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_triggers_delivery_schedule,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_delivery_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_triggers_main_conf_t, delivery.sender.timeout),
      &ngx_http_triggers_positive_post },

    { ngx_string("triggers_delivery_concurrency"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_triggers_main_conf_t, delivery.concurrency),
      &ngx_http_triggers_concurrency_bounds },

    { ngx_string("triggers_delivery_trusted_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_triggers_delivery_certificate,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_webhook_allow"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_triggers_webhook_allow,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("triggers_lease_attempts"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, lease_attempts),
      &ngx_http_triggers_attempts_bounds },

    { ngx_string("triggers_stream_buffer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, stream_buffer),
      &ngx_http_triggers_stream_buffer_post },

    { ngx_string("triggers_stream_clients"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, stream_clients),
      &ngx_http_triggers_stream_clients_bounds },

    { ngx_string("triggers_stream_heartbeat"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, stream_heartbeat),
      &ngx_http_triggers_positive_post },

    { ngx_string("triggers_debug"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_triggers_loc_conf_t, debug),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_triggers_module_ctx = {
    ngx_http_triggers_preconfiguration,    /* preconfiguration */
    ngx_http_triggers_postconfiguration,   /* postconfiguration */

    ngx_http_triggers_create_main_conf,    /* create main configuration */
    ngx_http_triggers_init_main_conf,      /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_triggers_create_loc_conf,     /* create location configuration */
    ngx_http_triggers_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_triggers_module = {
    NGX_MODULE_V1,
    &ngx_http_triggers_module_ctx,         /* module context */
    ngx_http_triggers_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_triggers_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_triggers_exit_process,        /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_triggers_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_triggers_add_variables(cf);
}


static ngx_int_t
ngx_http_triggers_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_triggers_main_conf_t  *tmcf;

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_triggers_module);

    ngx_http_triggers_filter_init();

    if (ngx_http_triggers_log_init(cf) != NGX_OK
        || ngx_http_triggers_delivery_init(cf, tmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_triggers_keys_index(&tmcf->keys, cf->pool);
}


static void *
ngx_http_triggers_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_triggers_main_conf_t  *tmcf;

    tmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_triggers_main_conf_t));
    if (tmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&tmcf->stores, cf->pool, 2,
                       sizeof(ngx_http_triggers_store_t *))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_http_triggers_keys_create(&tmcf->keys, cf->pool) != NGX_OK) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     tmcf->retention_set = 0;
     *     tmcf->logs_set = 0;
     *     tmcf->logs_off = 0;
     *     tmcf->archive = { 0, NULL };
     */

    ngx_http_triggers_retention_create(tmcf);
    ngx_http_triggers_logs_create(tmcf);

    tmcf->delivery.sender.timeout = NGX_CONF_UNSET_MSEC;
    tmcf->delivery.concurrency = NGX_CONF_UNSET_UINT;
    tmcf->delivery.nschedule = NGX_CONF_UNSET_UINT;

    return tmcf;
}


static char *
ngx_http_triggers_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_triggers_main_conf_t *tmcf = conf;

    ngx_uint_t                   i;
    ngx_http_triggers_store_t  **store;

    if (tmcf->retry_schedule.n == 0) {
        tmcf->retry_schedule.n = 3;
        tmcf->retry_schedule.pauses[0] = 2000;
        tmcf->retry_schedule.pauses[1] = 4000;
        tmcf->retry_schedule.pauses[2] = 8000;
    }

    store = tmcf->stores.elts;

    for (i = 0; i < tmcf->stores.nelts; i++) {
        store[i]->worker.drainer_conf.retry_schedule = tmcf->retry_schedule;

        if (store[i]->size == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown triggers store \"%V\" in %V:%ui",
                          &store[i]->name, &store[i]->file, store[i]->line);
            return NGX_CONF_ERROR;
        }

        if (ngx_http_triggers_retention_init(cf, tmcf, store[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        ngx_http_triggers_logs_init(tmcf, store[i]);
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_triggers_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_triggers_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_triggers_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->store = NULL;
     *     conf->prefix = { 0, NULL };
     *     conf->cors = NULL;
     *     conf->backup_path = { 0, NULL };
     *     conf->status = 0;
     *     conf->status_store = NULL;
     *     conf->webhook_allow = { 0, NULL };
     */

    conf->event_max_size = NGX_CONF_UNSET_SIZE;
    conf->batch_max_size = NGX_CONF_UNSET_SIZE;
    conf->response_max_size = NGX_CONF_UNSET_SIZE;
    conf->commit_timeout = NGX_CONF_UNSET_MSEC;
    conf->query_timeout = NGX_CONF_UNSET_MSEC;
    conf->synchronous_commit = NGX_CONF_UNSET;
    conf->rate_limit = NGX_CONF_UNSET_UINT;
    conf->key_ttl = NGX_CONF_UNSET;
    conf->lease_attempts = NGX_CONF_UNSET_UINT;
    conf->stream_buffer = NGX_CONF_UNSET_SIZE;
    conf->stream_clients = NGX_CONF_UNSET_UINT;
    conf->stream_heartbeat = NGX_CONF_UNSET_MSEC;
    conf->debug = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_triggers_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_triggers_loc_conf_t *prev = parent;
    ngx_http_triggers_loc_conf_t *conf = child;

    ngx_conf_merge_size_value(conf->event_max_size, prev->event_max_size,
                              NGX_HTTP_TRIGGERS_EVENT_SIZE);
    if (conf->batch_max_size == NGX_CONF_UNSET_SIZE) {
        conf->batch_max_size = prev->batch_max_size;
    }

    ngx_conf_merge_size_value(conf->response_max_size,
                              prev->response_max_size,
                              NGX_HTTP_TRIGGERS_RESPONSE_SIZE);
    ngx_conf_merge_msec_value(conf->commit_timeout, prev->commit_timeout,
                              10000);
    ngx_conf_merge_msec_value(conf->query_timeout, prev->query_timeout, 1000);
    ngx_conf_merge_value(conf->synchronous_commit, prev->synchronous_commit,
                         1);
    ngx_conf_merge_uint_value(conf->rate_limit, prev->rate_limit,
                              NGX_HTTP_TRIGGERS_RATE_LIMIT);
    ngx_conf_merge_sec_value(conf->key_ttl, prev->key_ttl, 0);
    ngx_conf_merge_uint_value(conf->lease_attempts, prev->lease_attempts,
                              NGX_HTTP_TRIGGERS_ATTEMPTS);
    ngx_conf_merge_size_value(conf->stream_buffer, prev->stream_buffer,
                              NGX_HTTP_TRIGGERS_STREAM_SIZE);
    ngx_conf_merge_uint_value(conf->stream_clients, prev->stream_clients,
                              NGX_HTTP_TRIGGERS_STREAM_CLIENTS);
    ngx_conf_merge_msec_value(conf->stream_heartbeat, prev->stream_heartbeat,
                              15000);
    ngx_conf_merge_value(conf->debug, prev->debug, 0);

    if (conf->cors == NULL) {
        conf->cors = prev->cors;
    }

    if (conf->backup_path.data == NULL) {
        conf->backup_path = prev->backup_path;
        conf->backup_timeout = prev->backup_timeout;
        conf->backup_wal = prev->backup_wal;
    }

    if (conf->webhook_allow.data == NULL) {
        conf->webhook_allow = prev->webhook_allow;
    }

    return ngx_http_triggers_merge_location(cf, prev, conf);
}


static char *
ngx_http_triggers_merge_location(ngx_conf_t *cf,
    ngx_http_triggers_loc_conf_t *prev, ngx_http_triggers_loc_conf_t *conf)
{
    size_t                      max;
    ngx_http_core_loc_conf_t   *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* the blocks of "if" and "limit_except" have a configuration of their own
       but are the same location to the user */

    if (conf->store == NULL && prev->store && clcf->handler == NULL
        && (clcf->noname || clcf->lmt_excpt))
    {
        conf->store = prev->store;
        conf->prefix = prev->prefix;
        clcf->handler = ngx_http_triggers_handler;
    }

    if (conf->store == NULL) {
        return NGX_CONF_OK;
    }

    if (clcf->post_action.len) {

        /*
         * nginx begins it with a request whose client has left and that still
         * waits here for a commit or for events
         */

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"post_action\" cannot be used with \"triggers\", in "
                      "location \"%V\"", &clcf->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_triggers_delivery_allow(cf, conf->store,
                                         &conf->webhook_allow)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_triggers_check_size(cf, conf, "triggers_event_max_size",
                                     conf->event_max_size)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->batch_max_size == NGX_CONF_UNSET_SIZE) {

        /* as much as the zone takes of what it should be */

        max = ngx_triggers_zone_record_max(conf->store->size,
                                           conf->store->keys)
              - NGX_HTTP_TRIGGERS_RECORD_EXTRA;
        conf->batch_size = ngx_min(max, NGX_HTTP_TRIGGERS_BATCH_SIZE);

    } else if (ngx_http_triggers_check_size(cf, conf,
                                            "triggers_batch_max_size",
                                            conf->batch_max_size)
               != NGX_OK)
    {
        return NGX_CONF_ERROR;

    } else {
        conf->batch_size = conf->batch_max_size;
    }

    /* it cannot be seen whether 1m was set or is nginx' default */

    if (clcf->client_max_body_size == NGX_HTTP_TRIGGERS_NGINX_BODY) {
        clcf->client_max_body_size = ngx_max(conf->event_max_size,
                                             conf->batch_size);
    }

    return NGX_CONF_OK;
}


/* a record that is larger than half of the ring would never be taken */

static ngx_int_t
ngx_http_triggers_check_size(ngx_conf_t *cf,
    ngx_http_triggers_loc_conf_t *conf, const char *name, size_t size)
{
    size_t                      max;
    ngx_http_triggers_store_t  *store;

    store = conf->store;

    if (ngx_http_triggers_fits(store, store->keys, size)) {
        return NGX_OK;
    }

    if (store->keys != NGX_CONF_UNSET_UINT
        && ngx_http_triggers_fits(store, NGX_CONF_UNSET_UINT, size))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the zone of triggers store \"%V\" in %V:%ui is too "
                      "small for %ui keys and a body of \"%s\" %uz, it has "
                      "room for %ui keys beside that; lower \"keys\" or make "
                      "the zone larger",
                      &store->name, &store->file, store->line, store->keys,
                      name, size, ngx_http_triggers_keys_room(store, size));
        return NGX_ERROR;
    }

    max = ngx_triggers_zone_record_max(store->size, store->keys);

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "a body of \"%s\" %uz could never fit into the zone of "
                  "triggers store \"%V\" in %V:%ui, which has room for %uz "
                  "bytes; make the zone larger",
                  name, size, &store->name, &store->file, store->line,
                  max > NGX_HTTP_TRIGGERS_RECORD_EXTRA
                  ? max - NGX_HTTP_TRIGGERS_RECORD_EXTRA : 0);

    return NGX_ERROR;
}


static ngx_uint_t
ngx_http_triggers_fits(ngx_http_triggers_store_t *store, ngx_uint_t keys,
    size_t size)
{
    return size + NGX_HTTP_TRIGGERS_RECORD_EXTRA
           <= ngx_triggers_zone_record_max(store->size, keys);
}


/* how many keys leave room for such a body; those of the store are too many */

static ngx_uint_t
ngx_http_triggers_keys_room(ngx_http_triggers_store_t *store, size_t size)
{
    ngx_uint_t  low, high, middle;

    low = 0;
    high = store->keys;

    while (high - low > 1) {
        middle = low + (high - low) / 2;

        if (ngx_http_triggers_fits(store, middle, size)) {
            low = middle;

        } else {
            high = middle;
        }
    }

    return low;
}


static char *
ngx_http_triggers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_triggers_loc_conf_t *tlcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (tlcf->store) {
        return "is duplicate";
    }

    if (tlcf->status) {
        return "is incompatible with \"triggers_status\"";
    }

    value = cf->args->elts;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "prefix=/", 8) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be "
                               "\"prefix=/path\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        tlcf->prefix.data = value[2].data + 7;
        tlcf->prefix.len = value[2].len - 7;

    } else if (clcf->named
#if (NGX_PCRE)
               || clcf->regex
#endif
              )
    {
        /* the name is a pattern, and tells nothing of the path */

        return "needs the \"prefix=\" parameter in this location";

    } else {
        tlcf->prefix = clcf->name;
    }

    if (tlcf->prefix.len
        && tlcf->prefix.data[tlcf->prefix.len - 1] == '/')
    {
        tlcf->prefix.len--;
    }

    tlcf->store = ngx_http_triggers_store_add(cf, &value[1]);
    if (tlcf->store == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->handler = ngx_http_triggers_handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_triggers_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_triggers_loc_conf_t *tlcf = conf;

    ngx_str_t                 *value, name;
    ngx_http_core_loc_conf_t  *clcf;

    if (tlcf->status) {
        return "is duplicate";
    }

    if (tlcf->store) {
        return "is incompatible with \"triggers\"";
    }

    if (cf->args->nelts == 2) {
        value = cf->args->elts;

        if (value[1].len <= sizeof("store=") - 1
            || ngx_strncmp(value[1].data, "store=", sizeof("store=") - 1) != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be "
                               "\"store=name\"", &value[1]);
            return NGX_CONF_ERROR;
        }

        name.data = value[1].data + sizeof("store=") - 1;
        name.len = value[1].len - (sizeof("store=") - 1);

        tlcf->status_store = ngx_http_triggers_store_add(cf, &name);
        if (tlcf->status_store == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    tlcf->status = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_triggers_status_handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_triggers_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_triggers_main_conf_t *tmcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    return ngx_http_triggers_keys_add(cf, &tmcf->keys, &value[1],
                                      cf->args->nelts - 1);
}


static char *
ngx_http_triggers_keys_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_triggers_main_conf_t *tmcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_triggers_keys_load(cf, &tmcf->keys, &value[1]);
}


/* pauses, each longer than none */

static char *
ngx_http_triggers_schedule(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t                *value;
    ngx_uint_t                i;
    ngx_triggers_schedule_t  *schedule;

    schedule = (ngx_triggers_schedule_t *) (p + cmd->offset);

    if (schedule->n) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (i > NGX_TRIGGERS_SCHEDULE_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" takes no more than %d times", &value[0],
                               NGX_TRIGGERS_SCHEDULE_MAX);
            return NGX_CONF_ERROR;
        }

        schedule->pauses[i - 1] = ngx_parse_time(&value[i], 0);

        if (schedule->pauses[i - 1] == (ngx_msec_t) NGX_ERROR
            || schedule->pauses[i - 1] == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid time \"%V\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    schedule->n = cf->args->nelts - 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_triggers_check_positive(ngx_conf_t *cf, void *post, void *data)
{
    size_t *sp = data;

    /* ngx_msec_t is of the same width */

    if (*sp == 0) {
        return "must be greater than 0";
    }

    return NGX_CONF_OK;
}


/* the longest message has to fit */

static char *
ngx_http_triggers_check_stream_buffer(ngx_conf_t *cf, void *post, void *data)
{
    size_t *sp = data;

    if (*sp < NGX_HTTP_TRIGGERS_STREAM_BUFFER) {
        return "must be at least 16k";
    }

    return NGX_CONF_OK;
}


/*
 * Never NGX_ERROR: the master would not start the worker again.  What does
 * not work here is answered with 503 and repaired by the worker's ticks.
 */

static ngx_int_t
ngx_http_triggers_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i;
    ngx_http_triggers_store_t      **store;
    ngx_http_triggers_main_conf_t   *tmcf;

    tmcf = ngx_http_triggers_cycle_conf(cycle);

    if (tmcf == NULL) {
        return NGX_OK;
    }

    /*
     * By default glibc gives memory back to the kernel with every larger
     * request that ends, and takes it again with the next one: 14 to 22 % of
     * the throughput of 256 connections.
     */

    (void) mallopt(M_TRIM_THRESHOLD, NGX_HTTP_TRIGGERS_MALLOC_TRIM);
    (void) mallopt(M_TOP_PAD, NGX_HTTP_TRIGGERS_MALLOC_PAD);

    if (ngx_triggers_uuid_seed(&tmcf->uuid) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "triggers: getrandom() failed");
    }

    store = tmcf->stores.elts;

    for (i = 0; i < tmcf->stores.nelts; i++) {
        ngx_triggers_worker_init(&store[i]->worker, cycle);
    }

    return NGX_OK;
}


static void
ngx_http_triggers_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i;
    ngx_http_triggers_store_t      **store;
    ngx_http_triggers_main_conf_t   *tmcf;

    tmcf = ngx_http_triggers_cycle_conf(cycle);

    if (tmcf == NULL) {
        return;
    }

    store = tmcf->stores.elts;

    for (i = 0; i < tmcf->stores.nelts; i++) {
        ngx_triggers_worker_exit(&store[i]->worker);
    }
}


/* NULL in processes that are no workers, and where there is no store */

static ngx_http_triggers_main_conf_t *
ngx_http_triggers_cycle_conf(ngx_cycle_t *cycle)
{
    ngx_http_triggers_main_conf_t  *tmcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NULL;
    }

    tmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_triggers_module);

    if (tmcf == NULL || tmcf->stores.nelts == 0) {
        return NULL;
    }

    return tmcf;
}
