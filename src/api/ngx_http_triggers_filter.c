
/*
 * Makes the errors that nginx produces itself in these locations, such as 413
 * or 405, JSON like all others: the header filter prepares a body of the
 * contract's shape, the body filter sends it in the place of nginx' page.  A
 * page that the configuration names with error_page is left alone.  It also
 * adds the request id to every answer of the API.
 */


#include "ngx_http_triggers_filter.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_router.h"


static ngx_int_t ngx_http_triggers_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_triggers_replace(ngx_http_request_t *r,
    ngx_http_triggers_ctx_t *ctx);
static ngx_int_t ngx_http_triggers_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


void
ngx_http_triggers_filter_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_triggers_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_triggers_body_filter;
}


static ngx_int_t
ngx_http_triggers_header_filter(ngx_http_request_t *r)
{
    ngx_http_triggers_ctx_t       *ctx;
    ngx_http_triggers_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_triggers_module);

    if (tlcf->store == NULL || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_triggers_find_ctx(r);

    if (ctx == NULL) {

        if (r->headers_out.status < NGX_HTTP_BAD_REQUEST) {

            /* a static file */

            return ngx_http_next_header_filter(r);
        }

        /* such as 413, which comes before any handler */

        ctx = ngx_http_triggers_get_ctx(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }

        ngx_http_triggers_find_early(r);
    }

    if (ngx_http_triggers_add_headers(r, r->headers_out.status) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ctx->answered
        && r->headers_out.status >= NGX_HTTP_BAD_REQUEST
        && !(r->error_page && r->internal))
    {
        if (ngx_http_triggers_replace(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_triggers_replace(ngx_http_request_t *r, ngx_http_triggers_ctx_t *ctx)
{
    ngx_str_t     code, message;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_http_triggers_error_text(
        ngx_http_triggers_error_of(r->headers_out.status), ctx->v1, &code,
        &message);

    ctx->error = code;

    b = ngx_http_triggers_error_body(r, &code, &message, NULL);
    if (b == NULL) {
        return NGX_ERROR;
    }

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = b;
    cl->next = NULL;

    ctx->replacement = cl;

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);
    ngx_http_clear_content_length(r);

    r->headers_out.content_length_n = b->last - b->pos;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_uint_t                last;
    ngx_chain_t              *cl, *out;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);

    if (ctx == NULL || ctx->replacement == NULL || in == NULL || r != r->main)
    {
        return ngx_http_next_body_filter(r, in);
    }

    /* what nginx has to say is not sent */

    last = 0;

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;

        if (cl->buf->last_buf) {
            last = 1;
        }
    }

    if (!last) {
        return NGX_OK;
    }

    out = ctx->replacement;
    ctx->replacement = NULL;

    return ngx_http_next_body_filter(r, out);
}
