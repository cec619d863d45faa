
/*
 * Requests that wait for events.  The first change is looked at at once; one
 * who finds nothing again and again, since what changes does not match his
 * filters, is made to look less often, up to ten times a second.
 */


#include "ngx_http_triggers_poll.h"
#include "ngx_http_triggers_auth.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_router.h"


#define NGX_HTTP_TRIGGERS_POLL_DELAY      10   /* ms for each time */
#define NGX_HTTP_TRIGGERS_POLL_DELAY_MAX  100


typedef struct {
    ngx_triggers_poll_t      poll;
    ngx_event_t              timer;
    ngx_http_request_t      *r;
    ngx_msec_t               until;
    ngx_msec_t               looked;           /* when it last did */
    ngx_uint_t               times;            /* it has found nothing */
    ngx_int_t              (*again)(ngx_http_request_t *r);
    unsigned                 delayed:1;        /* the timer's meaning */
    unsigned                 over:1;
} ngx_http_triggers_poll_ctx_t;


static ngx_http_triggers_poll_ctx_t *ngx_http_triggers_poll_create(
    ngx_http_request_t *r);
static void ngx_http_triggers_poll_handler(void *data);
static void ngx_http_triggers_poll_delay(ngx_http_triggers_poll_ctx_t *p);
static void ngx_http_triggers_poll_timer_handler(ngx_event_t *ev);
static void ngx_http_triggers_poll_look(ngx_http_triggers_poll_ctx_t *p);
static ngx_int_t ngx_http_triggers_poll_again(
    ngx_http_triggers_poll_ctx_t *p);
static void ngx_http_triggers_poll_cleanup(void *data);


ngx_int_t
ngx_http_triggers_poll(ngx_http_request_t *r, ngx_msec_t until,
    uint64_t generation, ngx_int_t (*again)(ngx_http_request_t *r))
{
    ngx_int_t                      rc;
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;
    ngx_http_triggers_poll_ctx_t  *p;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    p = ctx->poll;

    if (p == NULL) {
        p = ngx_http_triggers_poll_create(r);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ctx->poll = p;
    }

    if (p->over || (ngx_msec_int_t) (until - ngx_current_msec) <= 0) {
        return NGX_DECLINED;
    }

    p->until = until;
    p->again = again;
    p->poll.user_id = ctx->key->user_id;
    p->poll.any_owner = ngx_http_triggers_is_admin(ctx);
    p->poll.generation = generation;

    rc = ngx_triggers_poll(&tlcf->store->worker, &p->poll);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    p->times++;

    if (rc == NGX_AGAIN) {
        ngx_http_triggers_poll_delay(p);

    } else {
        p->delayed = 0;
        ngx_add_timer(&p->timer, until - ngx_current_msec);
    }

    return ngx_http_triggers_park(r);
}


static ngx_http_triggers_poll_ctx_t *
ngx_http_triggers_poll_create(ngx_http_request_t *r)
{
    ngx_http_cleanup_t            *cln;
    ngx_http_triggers_poll_ctx_t  *p;

    p = ngx_pcalloc(r->pool, sizeof(ngx_http_triggers_poll_ctx_t));
    if (p == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_triggers_poll_cleanup;
    cln->data = p;

    p->r = r;
    p->looked = ngx_current_msec;

    p->poll.handler = ngx_http_triggers_poll_handler;
    p->poll.data = p;

    /* the timer's debug messages want a connection */

    p->timer.handler = ngx_http_triggers_poll_timer_handler;
    p->timer.data = r->connection;
    p->timer.log = r->connection->log;

    return p;
}


/* something may have changed, or the process is to end */

static void
ngx_http_triggers_poll_handler(void *data)
{
    ngx_http_triggers_poll_ctx_t *p = data;

    if (p->timer.timer_set) {
        ngx_del_timer(&p->timer);
    }

    if (ngx_exiting) {
        p->over = 1;
        ngx_http_triggers_poll_look(p);
        return;
    }

    ngx_http_triggers_poll_delay(p);
}


/* looks as soon as it may: at once when it has not looked for a while */

static void
ngx_http_triggers_poll_delay(ngx_http_triggers_poll_ctx_t *p)
{
    ngx_msec_t  delay, elapsed;

    delay = ngx_min((p->times - 1) * NGX_HTTP_TRIGGERS_POLL_DELAY,
                    NGX_HTTP_TRIGGERS_POLL_DELAY_MAX);
    elapsed = ngx_current_msec - p->looked;

    p->delayed = 1;
    ngx_add_timer(&p->timer, (elapsed < delay) ? delay - elapsed : 0);
}


static void
ngx_http_triggers_poll_timer_handler(ngx_event_t *ev)
{
    ngx_http_triggers_poll_ctx_t  *p;

    /* not by the connection, whose request need not be this one */

    p = (ngx_http_triggers_poll_ctx_t *)
            ((u_char *) ev - offsetof(ngx_http_triggers_poll_ctx_t, timer));

    if (!p->delayed) {
        p->over = 1;
        ngx_triggers_poll_cancel(&p->poll);
    }

    ngx_http_triggers_poll_look(p);
}


static void
ngx_http_triggers_poll_look(ngx_http_triggers_poll_ctx_t *p)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = p->r;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    p->looked = ngx_current_msec;

    if (ngx_exiting) {
        r->keepalive = 0;
    }

    rc = ngx_http_triggers_poll_again(p);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


/* the key may have been changed or revoked meanwhile */

static ngx_int_t
ngx_http_triggers_poll_again(ngx_http_triggers_poll_ctx_t *p)
{
    ngx_http_request_t        *r;
    ngx_http_triggers_ctx_t   *ctx;
    ngx_http_triggers_auth_e   code;

    r = p->r;
    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    code = ngx_http_triggers_authorize(r, ctx->route->scope);

    switch (code) {

    case NGX_HTTP_TRIGGERS_AUTH_OK:
        return p->again(r);

    case NGX_HTTP_TRIGGERS_AUTH_NOT_LOADED:
        return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_UNAVAILABLE, NULL,
                                       "the keys are not loaded yet");

    default:
        return ngx_http_triggers_refuse_key(r, code);
    }
}


static void
ngx_http_triggers_poll_cleanup(void *data)
{
    ngx_http_triggers_poll_ctx_t *p = data;

    ngx_triggers_poll_cancel(&p->poll);

    if (p->timer.timer_set) {
        ngx_del_timer(&p->timer);
    }
}
