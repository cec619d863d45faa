
/*
 * Reads the trace of a request.  More than one "traceparent" is none, as
 * nobody can tell which of them is right; a "tracestate" is nothing without
 * it, while a bad one leaves it as it is.
 */


#include "ngx_http_triggers_trace.h"


static ngx_int_t ngx_http_triggers_trace_scan(ngx_http_request_t *r,
    ngx_triggers_tracestate_t *state);
static ngx_uint_t ngx_http_triggers_trace_is(ngx_table_elt_t *h,
    ngx_str_t *name);


ngx_int_t
ngx_http_triggers_trace_read(ngx_http_request_t *r,
    ngx_http_triggers_ctx_t *ctx)
{
    ngx_triggers_tracestate_t  state;

    state.n = 0;
    state.len = 0;

    if (ngx_triggers_traceparent_check(&ctx->traceparent) != NGX_OK
        || ngx_http_triggers_trace_scan(r, &state) != NGX_OK)
    {
        ngx_str_null(&ctx->traceparent);
        return NGX_OK;
    }

    if (state.n == 0) {
        return NGX_OK;
    }

    ngx_triggers_tracestate_fit(&state);

    ctx->tracestate.data = ngx_pnalloc(r->pool, state.len);
    if (ctx->tracestate.data == NULL) {
        return NGX_ERROR;
    }

    ctx->tracestate.len = ngx_triggers_tracestate_write(ctx->tracestate.data,
                                                        &state)
                          - ctx->tracestate.data;

    return NGX_OK;
}


ngx_int_t
ngx_http_triggers_trace_id(ngx_http_request_t *r, u_char *id)
{
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_triggers_find_ctx(r);

    if (ctx == NULL || ctx->traceparent.data == NULL) {
        return NGX_DECLINED;
    }

    ngx_triggers_traceparent_id(&ctx->traceparent, id);

    return NGX_OK;
}


/* NGX_DECLINED: there are two traceparents; what is bad leaves no members */

static ngx_int_t
ngx_http_triggers_trace_scan(ngx_http_request_t *r,
    ngx_triggers_tracestate_t *state)
{
    ngx_uint_t        i, parents, bad;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  traceparent = ngx_string("traceparent");
    static ngx_str_t  tracestate = ngx_string("tracestate");

    parents = 0;
    bad = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_http_triggers_trace_is(&h[i], &traceparent)) {
                parents++;

            } else if (ngx_http_triggers_trace_is(&h[i], &tracestate)) {
                bad |= (ngx_triggers_tracestate_add(state, &h[i].value)
                        != NGX_OK);
            }
        }
    }

    if (bad) {
        state->n = 0;
    }

    return (parents == 1) ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_http_triggers_trace_is(ngx_table_elt_t *h, ngx_str_t *name)
{
    return h->key.len == name->len
           && ngx_strncmp(h->lowcase_key, name->data, name->len) == 0;
}
