
/*
 * Reads the arguments of a query that a table names.  Others are left to
 * whoever sent them.
 */


#include "ngx_http_triggers_args.h"
#include "ngx_http_triggers_query.h"
#include "ngx_http_triggers_response.h"


ngx_int_t
ngx_http_triggers_args_read(ngx_http_request_t *r, ngx_pool_t *pool,
    const ngx_http_triggers_arg_t *args, void *data)
{
    ngx_str_t                       raw, value;
    const ngx_http_triggers_arg_t  *arg;

    for (arg = args; arg->name.data; arg++) {

        if (ngx_http_arg(r, arg->name.data, arg->name.len, &raw) != NGX_OK) {
            continue;
        }

        if (ngx_http_triggers_unescape(pool, raw.data, raw.data + raw.len,
                                       &value)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (arg->handler(data, &value) != NGX_OK) {
            return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_PARAMETER,
                                           (char *) arg->name.data, "%s",
                                           arg->message);
        }
    }

    return NGX_DECLINED;
}
