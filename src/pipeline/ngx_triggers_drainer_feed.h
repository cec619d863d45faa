
/*
 * What happens to events, on its way into the live feed.  The store tells of
 * each change within its transaction; here it is kept until that has been
 * committed, and appended when those who wait have their answers.  What a
 * transaction that is rolled back has told is forgotten.
 *
 * A process that is killed between its commit and the end of that leaves a word
 * in the zone, set at the first change of a transaction and cleared when all
 * has been appended, by which its successor knows that there may be changes of
 * which nobody has been told, and says so.
 *
 * There is room for as many changes as are of use to a reader of the feed, and
 * no more than some thousand; where others are left out there is an entry that
 * says so.
 */


#ifndef _NGX_TRIGGERS_DRAINER_FEED_H_INCLUDED_
#define _NGX_TRIGGERS_DRAINER_FEED_H_INCLUDED_


#include "ngx_triggers_store.h"
#include "ngx_triggers_zone.h"


/* how far it has come */

typedef struct {
    ngx_uint_t               used;             /* words */
    ngx_uint_t               missed;           /* changes left out */
    ngx_uint_t               removed;          /* events, by retention */
} ngx_triggers_drainer_feed_mark_t;


typedef struct {
    ngx_triggers_feed_t     *feed;
    ngx_triggers_owner_t    *owner;            /* whose slot it appends by */
    uint32_t                *untold;           /* the zone's */

    uint64_t                *words;            /* entries, encoded */
    ngx_uint_t               size;             /* words */
    ngx_triggers_drainer_feed_mark_t  now;
    ngx_triggers_drainer_feed_mark_t  committed;
    ngx_uint_t               watched;          /* flag: changes are wanted */
    ngx_uint_t               gap;              /* flag: what is left out has
                                                  been said to be */
    uint64_t                 until;            /* … when the feed's watched
                                                  was this */

    ngx_triggers_feed_limit_t  failed;
    ngx_triggers_feed_limit_t  ran_out;
    ngx_uint_t               removed;          /* events, and not told so … */
    ngx_uint_t               removed_before;   /* … a second ago */
    uint64_t                 pass;             /* ms, when the first went */
} ngx_triggers_drainer_feed_t;


/* Event loop: begins to watch the store.  NGX_ERROR: no memory. */

ngx_int_t ngx_triggers_drainer_feed_create(ngx_triggers_drainer_feed_t *df,
    ngx_triggers_zone_t *zone, ngx_triggers_owner_t *owner,
    ngx_triggers_store_t *store, ngx_log_t *log);

/* The drainer's thread: appends what has been committed. */

void ngx_triggers_drainer_feed_flush(ngx_triggers_drainer_feed_t *df);

/* … every second: tells what is told as a number. */

void ngx_triggers_drainer_feed_tick(ngx_triggers_drainer_feed_t *df);

/*
 * … when it takes the lead: tells of changes that nobody knows, if there were
 * any, which lost says, or whoever led before has left word of.
 */

void ngx_triggers_drainer_feed_lead(ngx_triggers_drainer_feed_t *df,
    ngx_uint_t lost);


#endif /* _NGX_TRIGGERS_DRAINER_FEED_H_INCLUDED_ */
