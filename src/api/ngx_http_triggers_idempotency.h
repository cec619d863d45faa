
/*
 * Idempotency keys: the header, in the form of the IETF draft "The
 * Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-
 * header) or bare, and the hashes that the store compares.
 */


#ifndef _NGX_HTTP_TRIGGERS_IDEMPOTENCY_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_IDEMPOTENCY_H_INCLUDED_


#include "ngx_triggers_event.h"


/*
 * The key that the header's value says, a string of RFC 8941 without
 * parameters or the bare text; it points into the header or into the pool.
 * NGX_OK, its data is NULL where that of the header is; NGX_DECLINED: it is
 * malformed; NGX_ERROR: no memory.  Pure but for the pool.
 */

ngx_int_t ngx_http_triggers_idempotency_key(ngx_pool_t *pool,
    ngx_str_t *header, ngx_str_t *key);

/*
 * Replaces a key by the hashes that a mutation carries: of owner and key, and
 * of what the event says.  Any thread that may use the pool.  NGX_ERROR: no
 * memory.
 */

ngx_int_t ngx_http_triggers_idempotency_hash(ngx_pool_t *pool,
    ngx_str_t *user_id, ngx_triggers_event_t *event, ngx_str_t *key);


#endif /* _NGX_HTTP_TRIGGERS_IDEMPOTENCY_H_INCLUDED_ */
