
/*
 * TAP output for the unit tests, and stand-ins for the functions of nginx
 * that the tested files call.
 */


#include "unit.h"

#include <stdarg.h>


static ngx_uint_t  unit_count;
static ngx_uint_t  unit_failed;


int
unit_ok(int condition, const char *format, ...)
{
    va_list  args;

    unit_count++;
    unit_failed += !condition;

    printf("%sok %d - ", condition ? "" : "not ", (int) unit_count);

    va_start(args, format);
    vprintf(format, args);
    va_end(args);

    printf("\n");
    fflush(stdout);

    if (!condition) {

        /* of the rest prove shows nothing */

        fprintf(stderr, "#   Failed test %d: ", (int) unit_count);

        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);

        fprintf(stderr, "\n");
    }

    return condition;
}


int
unit_done(void)
{
    printf("1..%d\n", (int) unit_count);

    return unit_failed ? 1 : 0;
}


ngx_log_t *
unit_log(void)
{
    static ngx_log_t  log;

    if (log.log_level == 0) {
        log.log_level = NGX_LOG_WARN;
    }

    return &log;
}


/* prints the format, not its arguments: nginx's formats are its own */

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    (void) log;

    fprintf(stderr, "# log[%d] (%d) %s\n", (int) level, (int) err, fmt);
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    (void) log;

    return malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    (void) log;

    return calloc(1, size);
}
