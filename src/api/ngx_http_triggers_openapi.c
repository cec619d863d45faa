
/*
 * GET /openapi.yaml: the description of the API, for everybody.  The text is
 * docs/openapi.yaml as it was when the module was built; it lies in the
 * module's own memory and is sent from there.
 */


#include "ngx_http_triggers_resources.h"
#include "ngx_http_triggers_response.h"
#include "ngx_http_triggers_openapi.h"


static ngx_int_t ngx_http_triggers_openapi_header(ngx_http_request_t *r);


ngx_int_t
ngx_http_triggers_openapi(ngx_http_request_t *r)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    rc = ngx_http_triggers_openapi_header(r);

    if (rc != NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) ngx_http_triggers_openapi_text;
    b->last = b->pos + sizeof(ngx_http_triggers_openapi_text) - 1;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* the media type is that of RFC 9512 */

static ngx_int_t
ngx_http_triggers_openapi_header(ngx_http_request_t *r)
{
    ngx_str_t                 value;
    ngx_http_triggers_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_triggers_module);
    ctx->answered = 1;

    /* another version of the module has another text at the same place */

    ngx_str_set(&value, "no-cache");

    if (ngx_http_triggers_add_header(r, "Cache-Control", &value) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n =
                                   sizeof(ngx_http_triggers_openapi_text) - 1;
    ngx_str_set(&r->headers_out.content_type, "application/yaml");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    return ngx_http_send_header(r);
}
