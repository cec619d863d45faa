
/*
 * Times as the API writes and reads them: ISO 8601 text and milliseconds
 * since the epoch, of the years 0000 to 9999.  Pure: any thread.
 */


#ifndef _NGX_TRIGGERS_TIME_H_INCLUDED_
#define _NGX_TRIGGERS_TIME_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_TIME_LEN  (sizeof("2025-11-10T12:34:56.789Z") - 1)

#define NGX_TRIGGERS_TIME_MIN  -62167219200000ll  /* 0000-01-01T00:00:00.000Z */
#define NGX_TRIGGERS_TIME_MAX  253402300799999ll  /* 9999-12-31T23:59:59.999Z */


/*
 * Writes NGX_TRIGGERS_TIME_LEN characters and returns the position after
 * them.  A time outside the range is written as its nearer end.
 */

u_char *ngx_triggers_time_format(u_char *dst, int64_t ms);

/*
 * Reads a date and perhaps a time of day:
 *
 *     yyyy-mm-dd [(T|t|space) hh:mm [:ss [(.|,) 1 to 9 digits]] [offset]]
 *
 * without the spaces shown here; offset is Z, z, +hh:mm, +hhmm or +hh, or the
 * same with a minus.  No time is midnight, no offset is UTC, and digits
 * beyond milliseconds are cut.  Second 60 is accepted in the last minute of a
 * day in UTC and becomes 59.999.  NGX_OK, or NGX_ERROR for anything else.
 */

ngx_int_t ngx_triggers_time_parse(ngx_str_t *text, int64_t *ms);


#endif /* _NGX_TRIGGERS_TIME_H_INCLUDED_ */
