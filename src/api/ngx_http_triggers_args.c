
/*
 * Reads the arguments of a query that a table names, in the order in which
 * they were sent.  Others are left to whoever sent them.
 */


#include "ngx_http_triggers_args.h"
#include "ngx_http_triggers_response.h"
#include "ngx_triggers_args.h"


static const ngx_http_triggers_arg_t *ngx_http_triggers_arg_find(
    const ngx_http_triggers_arg_t *args, ngx_str_t *name);


ngx_int_t
ngx_http_triggers_args_read(ngx_http_request_t *r, ngx_pool_t *pool,
    const ngx_http_triggers_arg_t *args, void *data)
{
    ngx_int_t                       rc;
    ngx_str_t                       rest, name, value;
    const ngx_http_triggers_arg_t  *arg;

    rest = r->args;

    for ( ;; ) {
        rc = ngx_triggers_args_next(pool, &rest, &name, &value);

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (rc == NGX_DONE) {
            return NGX_DECLINED;
        }

        arg = ngx_http_triggers_arg_find(args, &name);

        if (arg && arg->handler(data, &value) != NGX_OK) {
            return ngx_http_triggers_error(r, NGX_HTTP_TRIGGERS_BAD_PARAMETER,
                                           (char *) arg->name.data, "%s",
                                           arg->message);
        }
    }
}


static const ngx_http_triggers_arg_t *
ngx_http_triggers_arg_find(const ngx_http_triggers_arg_t *args,
    ngx_str_t *name)
{
    for ( /* void */ ; args->name.data; args++) {

        if (args->name.len == name->len
            && ngx_strncmp(args->name.data, name->data, name->len) == 0)
        {
            return args;
        }
    }

    return NULL;
}
