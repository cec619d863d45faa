
/*
 * The arguments of a query string.  Whoever looks for one walks all of them
 * with this, so that they mean the same everywhere: names have a case and may
 * be encoded, as values may, and of several with one name the last counts.
 */


#ifndef _NGX_TRIGGERS_ARGS_H_INCLUDED_
#define _NGX_TRIGGERS_ARGS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Cuts the first argument off *args and decodes it into memory of the pool; a
 * "+" is a blank, and what has no "=" has an empty value.  NGX_OK; NGX_DONE:
 * none is left; NGX_ERROR: no memory.  Any thread.
 */

ngx_int_t ngx_triggers_args_next(ngx_pool_t *pool, ngx_str_t *args,
    ngx_str_t *name, ngx_str_t *value);

/*
 * Reads a value as ngx_triggers_time_parse(); the blank that the "+" of its
 * offset has become is made a "+" again, in place.  Any thread.
 */

ngx_int_t ngx_triggers_args_time(ngx_str_t *value, int64_t *ms);


#endif /* _NGX_TRIGGERS_ARGS_H_INCLUDED_ */
