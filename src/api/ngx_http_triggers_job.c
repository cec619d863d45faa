
/*
 * Jobs of requests: made in the event loop, run in a thread, answered in the
 * event loop.  When the client goes first, the job ends alone and frees its
 * memory; both sides run in the loop, so that no lock is needed.
 */


#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_response.h"


static void ngx_http_triggers_job_done(ngx_triggers_job_t *base);
static ngx_int_t ngx_http_triggers_job_asker(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job);
static ngx_int_t ngx_http_triggers_job_finish(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job);
static void ngx_http_triggers_job_cleanup(void *data);
static void ngx_http_triggers_job_destroy(void *data);


void *
ngx_http_triggers_job_create(ngx_http_request_t *r, size_t size)
{
    ngx_pool_t               *pool;
    ngx_http_triggers_job_t  *job;

    /* not the connection's log: its handler reads the request */

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    job = ngx_pcalloc(pool, size);
    if (job == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    job->pool = pool;
    job->r = r;
    job->job.done = ngx_http_triggers_job_done;

    return job;
}


void *
ngx_http_triggers_job_query(ngx_http_request_t *r, size_t size)
{
    ngx_http_triggers_job_t  *job;

    job = ngx_http_triggers_job_create(r, size);
    if (job == NULL) {
        return NULL;
    }

    if (ngx_http_triggers_job_asker(r, job) != NGX_OK) {
        ngx_http_triggers_job_free(job);
        return NULL;
    }

    return job;
}


static ngx_int_t
ngx_http_triggers_job_asker(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job)
{
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_asker_t     *asker;
    ngx_http_triggers_loc_conf_t  *tlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    asker = &job->asker;

    asker->any_owner = ngx_http_triggers_is_admin(ctx);
    asker->retention = tlcf->store->worker.drainer_conf.retention.events;
    asker->v1 = ctx->v1;
    asker->now = ngx_http_triggers_now();

    asker->user_id.len = ctx->key->user_id.len;
    asker->user_id.data = ngx_pstrdup(job->pool, &ctx->key->user_id);

    asker->request_id.len = ctx->request_id.len;
    asker->request_id.data = ngx_pstrdup(job->pool, &ctx->request_id);

    if (asker->user_id.data == NULL || asker->request_id.data == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_job_unanswered(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job, const char *missing)
{
    switch (job->job.rc) {

    case NGX_DECLINED:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_NOT_FOUND, NULL,
                                       missing);

    case NGX_AGAIN:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the query took too long, narrow it");

    case NGX_BUSY:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "too many queries at once");

    default:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the store cannot be read");
    }
}


void
ngx_http_triggers_job_free(ngx_http_triggers_job_t *job)
{
    ngx_destroy_pool(job->pool);
}


ngx_int_t
ngx_http_triggers_job_start(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job)
{
    ngx_int_t                      rc;
    ngx_http_cleanup_t            *cln;
    ngx_http_triggers_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        ngx_http_triggers_job_free(job);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_triggers_read(&tlcf->store->worker, &job->job);

    if (rc != NGX_OK) {
        job->job.rc = rc;
        return ngx_http_triggers_job_finish(r, job);
    }

    cln->handler = ngx_http_triggers_job_cleanup;
    cln->data = job;

    return ngx_http_triggers_park(r);
}


void
ngx_http_triggers_job_release(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_triggers_job_destroy
            && cln->data == job->pool)
        {
            cln->handler = NULL;
            ngx_destroy_pool(job->pool);
            return;
        }
    }
}


static void
ngx_http_triggers_job_done(ngx_triggers_job_t *base)
{
    ngx_int_t                 rc;
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_http_triggers_job_t  *job;

    job = (ngx_http_triggers_job_t *) base;
    r = job->r;

    if (r == NULL) {
        ngx_http_triggers_job_free(job);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    rc = ngx_http_triggers_job_finish(r, job);

    /* it may wait for something else now */

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


/* the body is in the job's pool, which from here on lives as the request */

static ngx_int_t
ngx_http_triggers_job_finish(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job)
{
    ngx_http_cleanup_t  *hc;
    ngx_pool_cleanup_t  *cln;

    for (hc = r->main->cleanup; hc; hc = hc->next) {
        if (hc->handler == ngx_http_triggers_job_cleanup && hc->data == job) {
            hc->handler = NULL;
        }
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        ngx_http_triggers_job_free(job);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_triggers_job_destroy;
    cln->data = job->pool;

    return job->answer(r, job);
}


static void
ngx_http_triggers_job_cleanup(void *data)
{
    ngx_http_triggers_job_t *job = data;

    job->r = NULL;

    __atomic_store_n(&job->gone, 1, __ATOMIC_RELAXED);
}


static void
ngx_http_triggers_job_destroy(void *data)
{
    ngx_destroy_pool(data);
}
