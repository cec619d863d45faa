
/*
 * The rate limit of a request's key: charging it, the headers that tell how
 * it is, and the refusal.  The buckets are in the zone of the location's
 * store, see ngx_triggers_rate.h.
 */


#ifndef _NGX_HTTP_TRIGGERS_LIMIT_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_LIMIT_H_INCLUDED_


#include "ngx_http_triggers.h"


/*
 * Takes n tokens of the key.  NGX_OK; NGX_BUSY: the request is over the
 * limit, nothing has been taken or sent.  With n = 0 it only looks whether one
 * would be given: what a request costs is known when its body is, but a body
 * that would be refused is not worth reading.
 */

ngx_int_t ngx_http_triggers_charge(ngx_http_request_t *r, ngx_uint_t n);

/*
 * Charges n tokens for a request whose body has been decoded with rc: NGX_OK;
 * NGX_DECLINED, where field (its data may be NULL) and message tell what is
 * wrong with it; NGX_ERROR.  What is refused costs one token.  NGX_DECLINED: go
 * on; else it has been answered, as by a handler.
 */

ngx_int_t ngx_http_triggers_charge_body(ngx_http_request_t *r, ngx_int_t rc,
    ngx_uint_t n, ngx_str_t *field, ngx_str_t *message);

/* Sends 429. */

ngx_int_t ngx_http_triggers_limited(ngx_http_request_t *r);

/*
 * Adds X-RateLimit-* and those of the IETF draft "RateLimit header fields for
 * HTTP" (draft-ietf-httpapi-ratelimit-headers), where there is a limit.
 */

ngx_int_t ngx_http_triggers_limit_headers(ngx_http_request_t *r);


#endif /* _NGX_HTTP_TRIGGERS_LIMIT_H_INCLUDED_ */
