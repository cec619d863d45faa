
/*
 * The directives of push delivery: endpoints of the configuration, when and
 * how long to try, whom to trust, which networks endpoints of the API may be
 * in.
 */


#include "ngx_http_triggers_delivery.h"
#include "ngx_http_triggers_endpoint.h"
#include "ngx_http_triggers_message.h"
#include "ngx_triggers_networks.h"
#include "ngx_triggers_sha256.h"
#include "ngx_triggers_signature.h"

#include <openssl/err.h>
#include <openssl/pem.h>


#define NGX_HTTP_TRIGGERS_DELIVERY_TIMEOUT      15000      /* ms */
#define NGX_HTTP_TRIGGERS_DELIVERY_CONCURRENCY  32
#define NGX_HTTP_TRIGGERS_DELIVERY_MESSAGES     256        /* in all */

#define NGX_HTTP_TRIGGERS_CERTIFICATE_MAX       (4 * 1024 * 1024)
#define NGX_HTTP_TRIGGERS_NETWORKS_MAX          17         /* bytes of one */


/* an endpoint as a directive names it */

typedef struct {
    ngx_triggers_webhook_t   webhook;
    ngx_str_t                store;            /* data NULL: the only one */
    ngx_str_t                file;
    ngx_uint_t               line;
} ngx_http_triggers_deliver_t;


static char *ngx_http_triggers_deliver_parameters(ngx_conf_t *cf,
    ngx_http_triggers_deliver_t *deliver);
static char *ngx_http_triggers_deliver_parameter(ngx_conf_t *cf,
    ngx_http_triggers_deliver_t *deliver, ngx_str_t *value);
static char *ngx_http_triggers_deliver_id(ngx_conf_t *cf,
    ngx_triggers_webhook_t *webhook);
static ngx_int_t ngx_http_triggers_delivery_read(ngx_conf_t *cf,
    ngx_file_t *file, ngx_str_t *text);
static ngx_uint_t ngx_http_triggers_delivery_count(ngx_str_t *text);
static ngx_int_t ngx_http_triggers_delivery_store(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store);
static ngx_int_t ngx_http_triggers_delivery_endpoints(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf);
static ngx_http_triggers_store_t *ngx_http_triggers_delivery_find(
    ngx_conf_t *cf, ngx_http_triggers_main_conf_t *tmcf,
    ngx_http_triggers_deliver_t *deliver);
static ngx_int_t ngx_http_triggers_delivery_add(ngx_conf_t *cf,
    ngx_http_triggers_store_t *store, ngx_http_triggers_deliver_t *deliver);


char *
ngx_http_triggers_deliver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_triggers_main_conf_t *tmcf = conf;

    ngx_str_t                    *value;
    const char                   *rule;
    ngx_http_triggers_deliver_t  *deliver;

    value = cf->args->elts;

    if (tmcf->deliver == NULL) {
        tmcf->deliver = ngx_array_create(cf->pool, 4,
                                         sizeof(ngx_http_triggers_deliver_t));
        if (tmcf->deliver == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    deliver = ngx_array_push(tmcf->deliver);
    if (deliver == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(deliver, sizeof(ngx_http_triggers_deliver_t));

    deliver->file = cf->conf_file->file.name;
    deliver->line = cf->conf_file->line;
    deliver->webhook.active = 1;
    deliver->webhook.configured = 1;
    deliver->webhook.url = value[1];

    rule = ngx_http_triggers_endpoint_url(&value[1]);

    if (rule) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "an endpoint must be %s: \"%V\"", rule,
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_triggers_deliver_parameters(cf, deliver) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_triggers_deliver_id(cf, &deliver->webhook);
}


char *
ngx_http_triggers_delivery_schedule(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_triggers_main_conf_t *tmcf = conf;

    ngx_str_t                      *value;
    ngx_int_t                       n;
    ngx_uint_t                      i;
    ngx_triggers_deliverer_conf_t  *delivery;

    delivery = &tmcf->delivery;

    if (delivery->nschedule != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    delivery->nschedule = 0;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (delivery->nschedule == NGX_TRIGGERS_DELIVERY_RETRIES) {
            return "has too many times";
        }

        n = ngx_parse_time(&value[i], 0);

        if (n == NGX_ERROR || n == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid time \"%V\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        delivery->schedule[delivery->nschedule++] = n;
    }

    return NGX_CONF_OK;
}


/*
 * The file is read here, as nginx' own directives have it: the workers may not
 * be allowed to.
 */

char *
ngx_http_triggers_delivery_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_triggers_main_conf_t *tmcf = conf;

    ngx_int_t    rc;
    ngx_str_t   *value, *text;
    ngx_file_t   file;

    text = &tmcf->delivery.sender.trusted_certificate;

    if (text->len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = value[1];
    file.log = cf->log;
    file.fd = ngx_open_file(value[1].data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &value[1]);
        return NGX_CONF_ERROR;
    }

    rc = ngx_http_triggers_delivery_read(cf, &file, text);

    (void) ngx_close_file(file.fd);

    if (rc != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_triggers_delivery_count(text) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no certificate in \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_triggers_webhook_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_triggers_loc_conf_t *tlcf = conf;

    size_t       max;
    ngx_str_t   *value, *allow;
    ngx_uint_t   i;

    allow = &tlcf->webhook_allow;

    if (allow->data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    max = (cf->args->nelts - 1) * NGX_HTTP_TRIGGERS_NETWORKS_MAX;

    allow->data = ngx_pnalloc(cf->pool, max);
    if (allow->data == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_triggers_networks_add(allow, max, &value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid network \"%V\", it must be an "
                               "address or a CIDR block", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_triggers_delivery_allow(ngx_conf_t *cf,
    ngx_http_triggers_store_t *store, ngx_str_t *networks)
{
    ngx_str_t   *list;
    ngx_uint_t   i;

    if (networks->len == 0) {
        return NGX_OK;
    }

    if (store->allowed.elts == NULL
        && ngx_array_init(&store->allowed, cf->pool, 2, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* many locations inherit one list */

    list = store->allowed.elts;

    for (i = 0; i < store->allowed.nelts; i++) {
        if (list[i].data == networks->data) {
            return NGX_OK;
        }
    }

    list = ngx_array_push(&store->allowed);
    if (list == NULL) {
        return NGX_ERROR;
    }

    *list = *networks;

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_delivery_init(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf)
{
    ngx_uint_t                      i;
    ngx_http_triggers_store_t     **store;
    ngx_triggers_deliverer_conf_t  *delivery;

    static const ngx_msec_t  schedule[] = { 5000, 300000, 1800000, 7200000 };

    delivery = &tmcf->delivery;

    ngx_conf_init_msec_value(delivery->sender.timeout,
                             NGX_HTTP_TRIGGERS_DELIVERY_TIMEOUT);
    ngx_conf_init_uint_value(delivery->concurrency,
                             NGX_HTTP_TRIGGERS_DELIVERY_CONCURRENCY);

    if (delivery->nschedule == NGX_CONF_UNSET_UINT) {
        delivery->nschedule = sizeof(schedule) / sizeof(schedule[0]);
        ngx_memcpy(delivery->schedule, schedule, sizeof(schedule));
    }

    delivery->sender.messages = NGX_HTTP_TRIGGERS_DELIVERY_MESSAGES;
    delivery->sender.user_agent = "ngx_http_triggers_module/"
                                  NGX_HTTP_TRIGGERS_VERSION;
    delivery->message = ngx_http_triggers_message;

    store = tmcf->stores.elts;

    for (i = 0; i < tmcf->stores.nelts; i++) {
        if (ngx_http_triggers_delivery_store(cf, tmcf, store[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_triggers_delivery_endpoints(cf, tmcf);
}


static char *
ngx_http_triggers_deliver_parameters(ngx_conf_t *cf,
    ngx_http_triggers_deliver_t *deliver)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *value, *types;
    ngx_uint_t   i;

    value = cf->args->elts;
    types = &deliver->webhook.event_types;
    len = 0;

    for (i = 2; i < cf->args->nelts; i++) {
        len += value[i].len + 1;
    }

    types->data = ngx_pnalloc(cf->pool, len);
    if (types->data == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (memchr(value[i].data, '=', value[i].len)) {

            if (ngx_http_triggers_deliver_parameter(cf, deliver, &value[i])
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (!ngx_http_triggers_endpoint_type(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid type of events \"%V\", it must be "
                               "like \"order.created\" or \"order.*\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        p = ngx_cpymem(types->data + types->len, value[i].data, value[i].len);
        *p++ = '\0';
        types->len = p - types->data;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_triggers_deliver_parameter(ngx_conf_t *cf,
    ngx_http_triggers_deliver_t *deliver, ngx_str_t *value)
{
    ngx_str_t               s;
    ngx_triggers_secret_t   secret;

    if (ngx_strncmp(value->data, "secret=", 7) == 0) {

        s.data = value->data + 7;
        s.len = value->len - 7;

        if (ngx_triggers_secret_parse(&s, &secret) != NGX_OK) {

            /* it is not said what was there: it may be one after all */

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid secret, it must be \"whsec_\" and "
                               "the base64 of 24 to 64 bytes");
            return NGX_CONF_ERROR;
        }

        deliver->webhook.secret = s;

        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "format=standard") == 0) {
        deliver->webhook.format = NGX_TRIGGERS_WEBHOOK_STANDARD;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "format=cloudevents") == 0) {
        deliver->webhook.format = NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "store=", 6) == 0 && value->len > 6) {
        deliver->store.data = value->data + 6;
        deliver->store.len = value->len - 6;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                       value);

    return NGX_CONF_ERROR;
}


/*
 * A UUIDv8 of its URL, so that it is the same one after a reload, whatever
 * else has changed.
 */

static char *
ngx_http_triggers_deliver_id(ngx_conf_t *cf, ngx_triggers_webhook_t *webhook)
{
    u_char  digest[NGX_TRIGGERS_SHA256_LEN];

    if (ngx_triggers_sha256(&webhook->url, digest) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "SHA-256 failed");
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(webhook->id, digest, NGX_TRIGGERS_WEBHOOK_ID_LEN);

    webhook->id[6] = 0x80 | (webhook->id[6] & 0x0f);
    webhook->id[8] = 0x80 | (webhook->id[8] & 0x3f);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_triggers_delivery_read(ngx_conf_t *cf, ngx_file_t *file,
    ngx_str_t *text)
{
    off_t            size;
    ssize_t          n;
    ngx_file_info_t  fi;

    if (ngx_fd_info(file->fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", &file->name);
        return NGX_ERROR;
    }

    size = ngx_file_size(&fi);

    if (size > NGX_HTTP_TRIGGERS_CERTIFICATE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is too large",
                           &file->name);
        return NGX_ERROR;
    }

    text->data = ngx_pnalloc(cf->pool, size + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    n = ngx_read_file(file, text->data, size, 0);

    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    text->len = n;
    text->data[n] = '\0';

    return NGX_OK;
}


/* the certificates in a text of PEM; 0 also when one of them is damaged */

static ngx_uint_t
ngx_http_triggers_delivery_count(ngx_str_t *text)
{
    BIO         *bio;
    X509        *x509;
    ngx_uint_t   n;

    bio = BIO_new_mem_buf(text->data, text->len);
    if (bio == NULL) {
        return 0;
    }

    for (n = 0; /* void */ ; n++) {

        x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (x509 == NULL) {
            break;
        }

        X509_free(x509);
    }

    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        n = 0;
    }

    ERR_clear_error();
    BIO_free(bio);

    return n;
}


static ngx_int_t
ngx_http_triggers_delivery_store(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_store_t *store)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *list, *allowed;
    ngx_uint_t   i;

    store->worker.deliverer_conf = tmcf->delivery;

    list = store->allowed.elts;
    len = 0;

    for (i = 0; i < store->allowed.nelts; i++) {
        len += list[i].len;
    }

    if (len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    allowed = &store->worker.deliverer_conf.sender.allowed;
    allowed->data = p;
    allowed->len = len;

    for (i = 0; i < store->allowed.nelts; i++) {
        p = ngx_cpymem(p, list[i].data, list[i].len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_delivery_endpoints(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf)
{
    ngx_uint_t                    i;
    ngx_http_triggers_store_t    *store;
    ngx_http_triggers_deliver_t  *deliver;

    if (tmcf->deliver == NULL) {
        return NGX_OK;
    }

    deliver = tmcf->deliver->elts;

    for (i = 0; i < tmcf->deliver->nelts; i++) {

        store = ngx_http_triggers_delivery_find(cf, tmcf, &deliver[i]);

        if (store == NULL
            || ngx_http_triggers_delivery_add(cf, store, &deliver[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_http_triggers_store_t *
ngx_http_triggers_delivery_find(ngx_conf_t *cf,
    ngx_http_triggers_main_conf_t *tmcf, ngx_http_triggers_deliver_t *deliver)
{
    ngx_str_t                   *name;
    ngx_uint_t                   i;
    ngx_http_triggers_store_t  **store;

    name = &deliver->store;
    store = tmcf->stores.elts;

    if (name->data == NULL && tmcf->stores.nelts == 1) {
        return store[0];
    }

    for (i = 0; name->data && i < tmcf->stores.nelts; i++) {
        if (store[i]->name.len == name->len
            && ngx_memcmp(store[i]->name.data, name->data, name->len) == 0)
        {
            return store[i];
        }
    }

    if (name->data) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown triggers store \"%V\" in %V:%ui", name,
                      &deliver->file, deliver->line);

    } else {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"triggers_deliver\" needs the \"store\" parameter "
                      "where there is not exactly one store, in %V:%ui",
                      &deliver->file, deliver->line);
    }

    return NULL;
}


static ngx_int_t
ngx_http_triggers_delivery_add(ngx_conf_t *cf,
    ngx_http_triggers_store_t *store, ngx_http_triggers_deliver_t *deliver)
{
    ngx_uint_t                    i;
    ngx_triggers_webhook_t       *webhook;
    ngx_triggers_drainer_conf_t  *conf;

    conf = &store->worker.drainer_conf;

    if (conf->webhooks == NULL) {
        conf->webhooks = ngx_array_create(cf->pool, 4,
                                          sizeof(ngx_triggers_webhook_t));
        if (conf->webhooks == NULL) {
            return NGX_ERROR;
        }
    }

    if (conf->webhooks->nelts == NGX_TRIGGERS_WEBHOOKS_MAX) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "more than %d endpoints of triggers store \"%V\" "
                      "in %V:%ui", NGX_TRIGGERS_WEBHOOKS_MAX, &store->name,
                      &deliver->file, deliver->line);
        return NGX_ERROR;
    }

    webhook = conf->webhooks->elts;

    for (i = 0; i < conf->webhooks->nelts; i++) {
        if (ngx_memcmp(webhook[i].id, deliver->webhook.id,
                       NGX_TRIGGERS_WEBHOOK_ID_LEN)
            == 0)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "duplicate endpoint \"%V\" of triggers store "
                          "\"%V\" in %V:%ui", &webhook[i].url, &store->name,
                          &deliver->file, deliver->line);
            return NGX_ERROR;
        }
    }

    webhook = ngx_array_push(conf->webhooks);
    if (webhook == NULL) {
        return NGX_ERROR;
    }

    *webhook = deliver->webhook;

    return NGX_OK;
}
