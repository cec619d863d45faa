
/*
 * From a request to its handler: strips the location's prefix, finds the row
 * of the table, asks who is calling, reads the body.  Paths that are not the
 * API's fall through to static files.
 */


#include "ngx_http_triggers_router.h"
#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_body.h"
#include "ngx_http_triggers_cors.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_limit.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_resources.h"


static ngx_int_t ngx_http_triggers_path(ngx_http_request_t *r,
    ngx_str_t *path);
static ngx_uint_t ngx_http_triggers_is_reserved(ngx_str_t *path);
static ngx_uint_t ngx_http_triggers_is_under(ngx_str_t *path,
    ngx_str_t *prefix);
static ngx_int_t ngx_http_triggers_find(ngx_http_request_t *r,
    ngx_str_t *path, ngx_uint_t *allowed);
static ngx_uint_t ngx_http_triggers_match(ngx_str_t *pattern, ngx_str_t *path,
    ngx_str_t *id);
static ngx_int_t ngx_http_triggers_admit(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_wait_keys(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_wait_thread(ngx_triggers_job_t *job,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_wait_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job);
static ngx_int_t ngx_http_triggers_dispatch(ngx_http_request_t *r);
static void ngx_http_triggers_run(ngx_http_request_t *r);


static const ngx_http_triggers_route_t  ngx_http_triggers_routes[] = {

    { NGX_HTTP_POST, ngx_string("/events"),
      NGX_HTTP_TRIGGERS_SCOPE_EVENTS_WRITE, NGX_HTTP_TRIGGERS_BODY_EVENT,
      ngx_http_triggers_event_create },

    { NGX_HTTP_GET, ngx_string("/inbox"),
      NGX_HTTP_TRIGGERS_SCOPE_EVENTS_READ, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_inbox_list },

    { NGX_HTTP_POST, ngx_string("/inbox/{id}/ack"),
      NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_event_remove },

    { NGX_HTTP_POST, ngx_string("/inbox/{id}/retry"),
      NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_event_retry },

    { NGX_HTTP_GET, ngx_string("/v1/health"),
      0, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_health },

    { NGX_HTTP_GET, ngx_string("/v1/inbox"),
      NGX_HTTP_TRIGGERS_SCOPE_EVENTS_READ, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_inbox_list },

    { NGX_HTTP_POST, ngx_string("/v1/inbox/lease"),
      NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_lease },

    { NGX_HTTP_POST, ngx_string("/v1/inbox/ack"),
      NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_lease_ack },

    { NGX_HTTP_POST, ngx_string("/v1/inbox/release"),
      NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_lease_release },

    { NGX_HTTP_POST, ngx_string("/v1/inbox/extend"),
      NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_lease_extend },

    { NGX_HTTP_POST, ngx_string("/v1/inbox/retry"),
      NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_retry_all },

    { NGX_HTTP_POST, ngx_string("/v1/events"),
      NGX_HTTP_TRIGGERS_SCOPE_EVENTS_WRITE, NGX_HTTP_TRIGGERS_BODY_EVENT,
      ngx_http_triggers_event_create },

    { NGX_HTTP_POST, ngx_string("/v1/events/batch"),
      NGX_HTTP_TRIGGERS_SCOPE_EVENTS_WRITE, NGX_HTTP_TRIGGERS_BODY_BATCH,
      ngx_http_triggers_batch_create },

    { NGX_HTTP_POST, ngx_string("/v1/events/acknowledge/batch"),
      NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_batch_acknowledge },

    { NGX_HTTP_GET, ngx_string("/v1/events/{id}"),
      NGX_HTTP_TRIGGERS_SCOPE_EVENTS_READ, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_event_get },

    { NGX_HTTP_DELETE, ngx_string("/v1/events/{id}"),
      NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_event_delete },

    { NGX_HTTP_GET, ngx_string("/v1/events/{id}/status"),
      NGX_HTTP_TRIGGERS_SCOPE_EVENTS_READ, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_event_status },

    { NGX_HTTP_POST, ngx_string("/v1/events/{id}/ack"),
      NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_event_acknowledge },

    { NGX_HTTP_POST, ngx_string("/v1/events/{id}/retry"),
      NGX_HTTP_TRIGGERS_SCOPE_INBOX_ACK, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_event_retry },

    { NGX_HTTP_GET, ngx_string("/metrics"),
      NGX_HTTP_TRIGGERS_SCOPE_METRICS_READ, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_metrics },

    { NGX_HTTP_GET, ngx_string("/v1/metrics/history"),
      NGX_HTTP_TRIGGERS_SCOPE_METRICS_READ, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_history_list },

    { NGX_HTTP_GET, ngx_string("/api/stream"),
      NGX_HTTP_TRIGGERS_SCOPE_LOGS_READ|NGX_HTTP_TRIGGERS_SCOPE_EVENTS_READ
          |NGX_HTTP_TRIGGERS_SCOPE_METRICS_READ,
      NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_stream },

    { NGX_HTTP_GET, ngx_string("/v1/stream"),
      NGX_HTTP_TRIGGERS_SCOPE_LOGS_READ|NGX_HTTP_TRIGGERS_SCOPE_EVENTS_READ
          |NGX_HTTP_TRIGGERS_SCOPE_METRICS_READ,
      NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_stream },

    { NGX_HTTP_GET, ngx_string("/openapi.yaml"),
      0, 0,
      ngx_http_triggers_openapi },

    { NGX_HTTP_POST, ngx_string("/v1/keys"),
      NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_key_create },

    { NGX_HTTP_GET, ngx_string("/v1/keys"),
      NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_key_list },

    { NGX_HTTP_GET, ngx_string("/v1/keys/{key_id}"),
      NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_key_get },

    { NGX_HTTP_PATCH, ngx_string("/v1/keys/{key_id}"),
      NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_key_update },

    { NGX_HTTP_DELETE, ngx_string("/v1/keys/{key_id}"),
      NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_key_revoke },

    { NGX_HTTP_POST, ngx_string("/v1/keys/{key_id}/rotate"),
      NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_key_rotate },

    { NGX_HTTP_GET, ngx_string("/v1/audit"),
      NGX_HTTP_TRIGGERS_SCOPE_LOGS_READ|NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE
          |NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE,
      NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_audit_list },

    { NGX_HTTP_GET, ngx_string("/logs"),
      NGX_HTTP_TRIGGERS_SCOPE_LOGS_READ, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_logs_list },

    { NGX_HTTP_POST, ngx_string("/v1/webhooks"),
      NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_webhook_create },

    { NGX_HTTP_GET, ngx_string("/v1/webhooks"),
      NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_webhook_list },

    { NGX_HTTP_GET, ngx_string("/v1/webhooks/{webhook_id}"),
      NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_webhook_get },

    { NGX_HTTP_PATCH, ngx_string("/v1/webhooks/{webhook_id}"),
      NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_webhook_update },

    { NGX_HTTP_DELETE, ngx_string("/v1/webhooks/{webhook_id}"),
      NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_webhook_delete },

    { NGX_HTTP_POST, ngx_string("/v1/webhooks/{webhook_id}/test"),
      NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_webhook_test },

    { NGX_HTTP_POST, ngx_string("/v1/webhooks/{webhook_id}/rotate-secret"),
      NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE, NGX_HTTP_TRIGGERS_BODY_OTHER,
      ngx_http_triggers_webhook_rotate },

    { NGX_HTTP_GET, ngx_string("/v1/webhooks/{webhook_id}/deliveries"),
      NGX_HTTP_TRIGGERS_SCOPE_WEBHOOKS_MANAGE, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_webhook_deliveries },

    { NGX_HTTP_POST, ngx_string("/v1/admin/backup"),
      NGX_HTTP_TRIGGERS_SCOPE_ADMIN, NGX_HTTP_TRIGGERS_BODY_NONE,
      ngx_http_triggers_backup },

    { 0, ngx_null_string, 0, 0, NULL }
};


#define NGX_HTTP_TRIGGERS_NROUTES                                             \
    (sizeof(ngx_http_triggers_routes) / sizeof(ngx_http_triggers_routes[0])   \
     - 1)

_Static_assert(NGX_HTTP_TRIGGERS_NROUTES < NGX_TRIGGERS_ROUTES,
               "the zone has no counters for so many routes");


/* what lies under these is the API's, known or not */

static ngx_str_t  ngx_http_triggers_reserved[] = {
    ngx_string("/events"),
    ngx_string("/inbox"),
    ngx_string("/v1"),
    ngx_string("/api"),
    ngx_string("/metrics"),
    ngx_string("/logs"),
    ngx_string("/openapi.yaml"),
    ngx_null_string
};


static ngx_str_t  ngx_http_triggers_v1 = ngx_string("/v1");


ngx_int_t
ngx_http_triggers_handler(ngx_http_request_t *r)
{
    ngx_str_t                 path;
    ngx_uint_t                allowed;
    ngx_http_triggers_ctx_t  *ctx;

    if (ngx_http_triggers_path(r, &path) != NGX_OK
        || !ngx_http_triggers_is_reserved(&path))
    {
        return NGX_DECLINED;
    }

    ctx = ngx_http_triggers_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_triggers_find(r, &path, &allowed) != NGX_OK) {

        if (allowed && r->method == NGX_HTTP_OPTIONS) {
            return ngx_http_triggers_options(r, allowed);
        }

        if (allowed) {
            return ngx_http_triggers_not_allowed(r, allowed);
        }

        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_NOT_FOUND, NULL,
                                       "no such resource");
    }

    if (ctx->route->scope == 0) {
        return ngx_http_triggers_dispatch(r);
    }

    return ngx_http_triggers_admit(r);
}


void
ngx_http_triggers_find_early(ngx_http_request_t *r)
{
    ngx_str_t                 path;
    ngx_uint_t                allowed;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ctx->early = 1;

    if (ngx_http_triggers_path(r, &path) != NGX_OK
        || !ngx_http_triggers_is_reserved(&path))
    {
        ctx->file = 1;
        return;
    }

    (void) ngx_http_triggers_find(r, &path, &allowed);
}


ngx_uint_t
ngx_http_triggers_route_number(const ngx_http_triggers_route_t *route)
{
    return route ? (ngx_uint_t) (route - ngx_http_triggers_routes) + 1 : 0;
}


const ngx_http_triggers_route_t *
ngx_http_triggers_route_of(ngx_uint_t n)
{
    return (n && n <= NGX_HTTP_TRIGGERS_NROUTES)
           ? &ngx_http_triggers_routes[n - 1] : NULL;
}


/* the path below the location's prefix, without a trailing slash */

static ngx_int_t
ngx_http_triggers_path(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_http_triggers_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    if (!ngx_http_triggers_is_under(&r->uri, &tlcf->prefix)) {
        return NGX_DECLINED;
    }

    path->data = r->uri.data + tlcf->prefix.len;
    path->len = r->uri.len - tlcf->prefix.len;

    if (path->len > 1 && path->data[path->len - 1] == '/') {
        path->len--;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_triggers_is_reserved(ngx_str_t *path)
{
    ngx_str_t  *prefix;

    for (prefix = ngx_http_triggers_reserved; prefix->len; prefix++) {
        if (ngx_http_triggers_is_under(path, prefix)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_triggers_is_under(ngx_str_t *path, ngx_str_t *prefix)
{
    return path->len >= prefix->len
           && ngx_strncmp(path->data, prefix->data, prefix->len) == 0
           && (path->len == prefix->len || path->data[prefix->len] == '/');
}


/* NGX_DECLINED: no such path, or none for the method but for *allowed */

static ngx_int_t
ngx_http_triggers_find(ngx_http_request_t *r, ngx_str_t *path,
    ngx_uint_t *allowed)
{
    ngx_str_t                         id;
    ngx_uint_t                        method, literal;
    ngx_http_triggers_ctx_t          *ctx;
    const ngx_http_triggers_route_t  *route;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    ctx->v1 = ngx_http_triggers_is_under(path, &ngx_http_triggers_v1);

    *allowed = 0;
    literal = 0;
    method = (r->method == NGX_HTTP_HEAD) ? NGX_HTTP_GET : r->method;

    for (route = ngx_http_triggers_routes; route->handler; route++) {

        if (!ngx_http_triggers_match((ngx_str_t *) &route->path, path, &id)) {
            continue;
        }

        /* "/v1/events/batch" is no event's: such rows stand first */

        if (id.data && literal) {
            continue;
        }

        literal = (id.data == NULL);

        if (route->method == method) {
            ctx->route = route;
            ctx->id_text = id;
            return NGX_OK;
        }

        *allowed |= route->method;
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_triggers_match(ngx_str_t *pattern, ngx_str_t *path, ngx_str_t *id)
{
    u_char  *p, *last, *s, *end;

    ngx_str_null(id);

    p = pattern->data;
    last = p + pattern->len;
    s = path->data;
    end = s + path->len;

    while (p < last && s < end) {

        if (*p == '{') {
            p = ngx_strlchr(p, last, '}') + 1;
            id->data = s;

            while (s < end && *s != '/') {
                s++;
            }

            id->len = s - id->data;
            continue;
        }

        if (*p++ != *s++) {
            return 0;
        }
    }

    return p == last && s == end;
}


/* lets those in whose key allows it and has something left of its limit */

static ngx_int_t
ngx_http_triggers_admit(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_triggers_ctx_t   *ctx;
    ngx_http_triggers_auth_e   code;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    code = ngx_http_triggers_authorize(r, ctx->route->scope);

    switch (code) {

    case NGX_HTTP_TRIGGERS_AUTH_NOT_LOADED:
        return ngx_http_triggers_wait_keys(r);

    case NGX_HTTP_TRIGGERS_AUTH_OK:
    case NGX_HTTP_TRIGGERS_AUTH_SCOPE:
        break;

    default:

        /* not charged: who has stolen a key must not use up its limit */

        return ngx_http_triggers_refuse_key(r, code);
    }

    /* what a body costs is known when it is decoded */

    if (code == NGX_HTTP_TRIGGERS_AUTH_OK && ctx->route->body) {
        rc = ngx_http_triggers_charge(r, 0);

    } else {
        rc = ngx_http_triggers_charge(r, 1);
    }

    if (rc != NGX_OK) {
        return ngx_http_triggers_limited(r);
    }

    if (code == NGX_HTTP_TRIGGERS_AUTH_SCOPE) {
        return ngx_http_triggers_refuse_key(r, code);
    }

    return ngx_http_triggers_dispatch(r);
}


/*
 * In the moments after a start the store's keys are being loaded.  Whoever
 * asks with one of them waits for that, as a query would, by a job that does
 * nothing.
 */

static ngx_int_t
ngx_http_triggers_wait_keys(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_job_t       *job;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    if (ctx->waited) {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the keys are not loaded yet");
    }

    ctx->waited = 1;

    /* the keys come first: they are there by now, or do not all fit */

    if (__atomic_load_n(&tlcf->store->worker.zone->sh->readable,
                        __ATOMIC_ACQUIRE))
    {
        return ngx_http_triggers_admit(r);
    }

    job = ngx_http_triggers_job_create(r, sizeof(ngx_http_triggers_job_t));
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->job.run = ngx_http_triggers_wait_thread;
    job->answer = ngx_http_triggers_wait_answer;

    r->main->count++;
    ctx->starting = 1;

    rc = ngx_http_triggers_job_start(r, job);

    ctx->starting = 0;

    if (rc == NGX_DONE) {
        return NGX_DONE;
    }

    /* it did not start: there is nothing to wait for */

    r->main->count--;

    return (rc == NGX_DECLINED) ? ngx_http_triggers_admit(r) : rc;
}


static ngx_int_t
ngx_http_triggers_wait_thread(ngx_triggers_job_t *job,
    ngx_triggers_reader_t *reader)
{
    return NGX_OK;
}


/*
 * Whatever became of the job: the table of keys tells.  Who is admitted takes
 * a reference of its own, as under a content handler, so the one that has
 * waited ends.
 */

static ngx_int_t
ngx_http_triggers_wait_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job)
{
    ngx_int_t                 rc;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ctx->starting) {
        return NGX_DECLINED;
    }

    rc = ngx_http_triggers_admit(r);

    if (rc == NGX_DONE) {
        ngx_http_finalize_request(r, NGX_DONE);
    }

    return rc;
}


static ngx_int_t
ngx_http_triggers_dispatch(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ctx->id_text.data
        && ngx_triggers_uuid_parse(&ctx->id_text, ctx->id) != NGX_OK)
    {
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_PARAMETER,
                                       "id", "the id is not a UUID");
    }

    /* "{id}" is an event's */

    if (ctx->id_text.data && ctx->route->scope
                             != NGX_HTTP_TRIGGERS_SCOPE_KEYS_MANAGE)
    {
        ngx_memcpy(ctx->event_id, ctx->id, NGX_TRIGGERS_ID_LEN);
        ctx->has_event_id = 1;
    }

    if (ctx->route->body) {
        return ngx_http_triggers_read_body(r, ngx_http_triggers_run);
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    /* as reading a body does: the handler may finalize later */

    r->main->count++;
    ngx_http_triggers_run(r);

    return NGX_DONE;
}


static void
ngx_http_triggers_run(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    rc = ctx->route->handler(r);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}
