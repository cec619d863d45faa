
/*
 * Minutes for the history: what the metrics have counted since the last one,
 * and how it is at its end.  The zone keeps the sums as of the last minute that
 * was stored, so that whoever leads next goes on exactly there, wherever the
 * one before has died.
 */


#ifndef _NGX_TRIGGERS_HISTORY_H_INCLUDED_
#define _NGX_TRIGGERS_HISTORY_H_INCLUDED_


#include "ngx_triggers_minute.h"
#include "ngx_triggers_zone.h"


/*
 * The leader's, in one thread at a time, about once a second; now is ms since
 * the epoch.  1: a minute is over, and *minute, whose strings lie in itself, is
 * to be stored; 0: none is.  When it has been committed, done() is called with
 * it.  What could not be stored, or was taken without a done(), is part of the
 * next one that is taken.
 */

ngx_uint_t ngx_triggers_history_take(ngx_triggers_zone_sh_t *sh, int64_t now,
    ngx_triggers_minute_t *minute);
void ngx_triggers_history_done(ngx_triggers_zone_sh_t *sh,
    ngx_triggers_minute_t *minute);


#endif /* _NGX_TRIGGERS_HISTORY_H_INCLUDED_ */
