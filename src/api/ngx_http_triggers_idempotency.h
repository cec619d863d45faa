
/*
 * Idempotency keys: the header, in the form of the IETF draft "The
 * Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-
 * header) or bare, and the hashes that the store compares.
 */


#ifndef _NGX_HTTP_TRIGGERS_IDEMPOTENCY_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_IDEMPOTENCY_H_INCLUDED_


#include "ngx_http_triggers.h"


/*
 * The key of the header: NGX_OK, its data is NULL where there is no header;
 * NGX_DECLINED: it is malformed; NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_idempotency_key(ngx_http_request_t *r,
    ngx_str_t *key);

/*
 * Sets mutation->idempotency, for a key with data, once everything else of
 * the mutation is there.  Event loop.  NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_triggers_idempotency_set(ngx_pool_t *pool,
    ngx_triggers_mutation_t *mutation, ngx_str_t *key);


#endif /* _NGX_HTTP_TRIGGERS_IDEMPOTENCY_H_INCLUDED_ */
