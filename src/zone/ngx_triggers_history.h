
/*
 * Minutes for the history: what the metrics have counted since the last one,
 * and how it is at its end.
 *
 * The zone keeps the sums as of the last minute that was stored, so that
 * whoever leads next goes on exactly there, wherever the one before has died.
 * There are two copies of them: a minute is taken with the sums written into
 * the spare one, and when it has been stored one word makes that the current
 * one.  The word counts too how often a minute was taken, so that this does
 * nothing where somebody else has taken it anew meanwhile, whose row in the
 * database replaces the other one.
 *
 * What could not be stored, or was lost with its process, is thus part of the
 * next minute, which then is longer than one.  So it is where clocks were put
 * back; where they were put forward it is shorter.
 */


#ifndef _NGX_TRIGGERS_HISTORY_H_INCLUDED_
#define _NGX_TRIGGERS_HISTORY_H_INCLUDED_


#include "ngx_triggers_metrics.h"
#include "ngx_triggers_minute.h"


#define NGX_TRIGGERS_HISTORY_TIMES  5          /* what is kept of those of
                                                  the metrics */


typedef struct ngx_triggers_zone_sh_s  ngx_triggers_zone_sh_t;


/* of histograms, the low bits */

typedef struct {
    int64_t                  minute;           /* that begins, ms since the
                                                  epoch */
    uint64_t                 since;            /* … CLOCK_MONOTONIC, ms */
    uint64_t                 number;           /* of the one that ends */
    uint64_t                 counts[NGX_TRIGGERS_MINUTE_COUNTS];
    uint32_t                 times[NGX_TRIGGERS_HISTORY_TIMES]
                                  [NGX_TRIGGERS_BUCKETS];
} ngx_triggers_history_sums_t;


typedef struct {
    uint64_t                 word;             /* atomic: its lowest bit is
                                                  the current copy */
    ngx_triggers_history_sums_t  sums[2];
} ngx_triggers_history_t;


/*
 * Times are given as ms since the epoch and as CLOCK_MONOTONIC in ms.
 *
 * Puts it into a new zone, all of whose counters are 0.
 */

void ngx_triggers_history_init(ngx_triggers_history_t *history, int64_t now,
    uint64_t clock);

/*
 * Any thread: is a minute over?  Has anything been counted in the one that is
 * not?
 */

ngx_uint_t ngx_triggers_history_due(ngx_triggers_zone_sh_t *sh, int64_t now,
    uint64_t clock);
ngx_uint_t ngx_triggers_history_left(ngx_triggers_zone_sh_t *sh);

/*
 * Whoever has the database's lock: what there is since the last minute, whose
 * strings lie in itself.  When it has been committed, done() is called with
 * it, with or without the lock.
 */

void ngx_triggers_history_take(ngx_triggers_zone_sh_t *sh, int64_t now,
    uint64_t clock, ngx_triggers_minute_t *minute);
void ngx_triggers_history_done(ngx_triggers_zone_sh_t *sh,
    ngx_triggers_minute_t *minute);

/*
 * Adds a minute's histograms to those of all times, of which others than these
 * stay as they are.  They are stored as a byte, 1; for each that is not empty
 * its number in ngx_triggers_time_e and how many of its buckets are not, a
 * byte each; and for each of these its number, a byte, and its count, seven
 * bits a byte, the lowest first, with the eighth set where more follow.
 * NGX_OK, or NGX_ERROR where it is something else: some may have been added
 * then.  Pure.
 */

ngx_int_t ngx_triggers_history_add(ngx_str_t *times,
    uint64_t (*buckets)[NGX_TRIGGERS_BUCKETS]);


#endif /* _NGX_TRIGGERS_HISTORY_H_INCLUDED_ */
