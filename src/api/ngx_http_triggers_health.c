
/*
 * GET /v1/health: from the zone alone, for everybody.  In the moment in which
 * nginx has started and the store is being opened for the first time, the
 * answer waits for the outcome.
 */


#include "ngx_http_triggers_job.h"
#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_clock.h"


static ngx_int_t ngx_http_triggers_health_thread(ngx_triggers_job_t *job,
    ngx_triggers_reader_t *reader);
static ngx_int_t ngx_http_triggers_health_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job);
static const char *ngx_http_triggers_check_store(ngx_triggers_zone_sh_t *sh);
static const char *ngx_http_triggers_check_queue(ngx_triggers_zone_sh_t *sh);
static const char *ngx_http_triggers_check_drainer(
    ngx_triggers_zone_sh_t *sh);
static const char *ngx_http_triggers_check_delivery(
    ngx_triggers_zone_sh_t *sh);


static const char  *ngx_http_triggers_ok = "ok";
static const char  *ngx_http_triggers_undelivered =
    "no worker delivers events";


ngx_int_t
ngx_http_triggers_health(ngx_http_request_t *r)
{
    ngx_triggers_zone_sh_t        *sh;
    ngx_http_triggers_job_t       *job;
    ngx_http_triggers_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);
    sh = tlcf->store->worker.zone->sh;

    if (__atomic_load_n(&sh->state, __ATOMIC_RELAXED)
            != NGX_TRIGGERS_STORE_STARTING
        || tlcf->store->worker.wake == NULL)
    {
        return ngx_http_triggers_health_answer(r, NULL);
    }

    job = ngx_http_triggers_job_create(r, sizeof(ngx_http_triggers_job_t));
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->job.run = ngx_http_triggers_health_thread;
    job->answer = ngx_http_triggers_health_answer;

    return ngx_http_triggers_job_start(r, job);
}


/* all that was wanted is that a reader could be opened */

static ngx_int_t
ngx_http_triggers_health_thread(ngx_triggers_job_t *job,
    ngx_triggers_reader_t *reader)
{
    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_health_answer(ngx_http_request_t *r,
    ngx_http_triggers_job_t *job)
{
    json_t                        *body;
    ngx_uint_t                     healthy;
    const char                    *store, *queue, *drainer, *delivery;
    ngx_triggers_zone_sh_t        *sh;
    ngx_http_triggers_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);
    sh = tlcf->store->worker.zone->sh;

    store = ngx_http_triggers_check_store(sh);
    queue = ngx_http_triggers_check_queue(sh);
    drainer = ngx_http_triggers_check_drainer(sh);
    delivery = ngx_http_triggers_check_delivery(sh);

    healthy = (store == ngx_http_triggers_ok
               && queue == ngx_http_triggers_ok
               && drainer == ngx_http_triggers_ok
               && delivery != ngx_http_triggers_undelivered);

    body = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}}",
                     "status", healthy ? "healthy" : "unhealthy",
                     "version", NGX_HTTP_TRIGGERS_VERSION,
                     "checks", "store", store, "queue", queue,
                     "drainer", drainer, "delivery", delivery);

    return ngx_http_triggers_send_json(r, healthy
                                          ? NGX_HTTP_OK
                                          : NGX_HTTP_SERVICE_UNAVAILABLE,
                                       body, ngx_http_triggers_now());
}


static const char *
ngx_http_triggers_check_store(ngx_triggers_zone_sh_t *sh)
{
    switch (__atomic_load_n(&sh->state, __ATOMIC_RELAXED)) {

    case NGX_TRIGGERS_STORE_READY:
        return ngx_http_triggers_ok;

    case NGX_TRIGGERS_STORE_STARTING:

        /* who leads says that it can be read a moment before its state */

        return __atomic_load_n(&sh->readable, __ATOMIC_ACQUIRE)
               ? ngx_http_triggers_ok : "the store has not been opened yet";

    case NGX_TRIGGERS_STORE_OPEN_FAILED:
        return "the database cannot be opened";

    case NGX_TRIGGERS_STORE_LOCKED:
        return "the database is locked by another process";

    case NGX_TRIGGERS_STORE_FULL:
        return "the disk is full";

    case NGX_TRIGGERS_STORE_READ_ONLY:
        return "the database is read-only";

    case NGX_TRIGGERS_STORE_IO_ERROR:
        return "the database cannot be read or written";

    case NGX_TRIGGERS_STORE_MOVED:
        return "the database file has been moved or deleted";

    case NGX_TRIGGERS_STORE_NEWER:
        return "the database is of a newer version of the module";

    case NGX_TRIGGERS_STORE_FOREIGN:
        return "the file is a database of another program";

    default:
        return "the database is corrupt";
    }
}


static const char *
ngx_http_triggers_check_queue(ngx_triggers_zone_sh_t *sh)
{
    uint64_t  depth;

    depth = ngx_triggers_ring_depth(&sh->ring);

    return (depth > sh->ring.size / 10 * 9) ? "the queue is full"
                                            : ngx_http_triggers_ok;
}


static const char *
ngx_http_triggers_check_drainer(ngx_triggers_zone_sh_t *sh)
{
    return ngx_triggers_zone_drained(sh) ? ngx_http_triggers_ok
                                         : "no worker drains the queue";
}


/* that an endpoint does not work is no fault of ours */

static const char *
ngx_http_triggers_check_delivery(ngx_triggers_zone_sh_t *sh)
{
    if (__atomic_load_n(&sh->delivering, __ATOMIC_RELAXED) == 0) {
        return "disabled";
    }

    return ngx_triggers_zone_delivered(sh) ? ngx_http_triggers_ok
                                           : ngx_http_triggers_undelivered;
}
