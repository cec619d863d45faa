
/*
 * The live feed: the latest entries, in shared memory, of all that happens.
 * Anybody may append, event loops and threads; nobody ever waits, and nobody
 * holds up who appends: the oldest entry is overwritten.  Who reads keeps a
 * cursor of its own and is told when it has missed some.
 *
 * Entries are numbered from 1 and stand in places of one size, each at its
 * number modulo their count.  A place has one word of state, the number and,
 * while it is written, who writes:
 *
 *     append   takes a number, sets the state to (number, writer) if nobody
 *              else writes there, writes, sets it to (number, nobody)
 *
 *     next     copies the place if the state is (number, nobody), and looks
 *              whether it still is
 *
 * A process that is killed in between leaves a place that names its slot.
 * Nobody uses it, and readers pass it by, until it is released: by whoever
 * takes over that slot, whose former owner is known to be dead then, or by the
 * leader, which looks for such places when entries have been lost.
 *
 * Changes of events can be many more than all else, and nobody but a reader
 * who is there wants them: they are appended while one says that he does, and
 * for a minute longer, in which he may come back.  Where they begin to be left
 * out there is an entry that says so.
 */


#ifndef _NGX_TRIGGERS_FEED_H_INCLUDED_
#define _NGX_TRIGGERS_FEED_H_INCLUDED_


#include "ngx_triggers_log.h"


#define NGX_TRIGGERS_FEED_PLACE  768           /* bytes: the longest ids and
                                                  user fit, whole */
#define NGX_TRIGGERS_FEED_WORDS  (NGX_TRIGGERS_FEED_PLACE / 8 - 1)

#define NGX_TRIGGERS_FEED_STUCK  100           /* ms until an unfinished entry
                                                  is passed by */

#define NGX_TRIGGERS_FEED_WATCH  60000         /* ms that changes of events are
                                                  appended for */

#define NGX_TRIGGERS_FEED_LIMIT  50            /* records of one sort that are
                                                  appended in a second */


typedef struct {
    uint64_t                 state;            /* atomic */
    uint64_t                 words[NGX_TRIGGERS_FEED_WORDS];
                                               /* atomic, each by itself */
} ngx_triggers_feed_place_t;


typedef struct {
    /* fixed after init */
    ngx_uint_t               nplaces;
    ngx_triggers_feed_place_t  *places;

    /* atomic */
    uint64_t                 head  __attribute__((aligned(128)));
                                               /* the next number */
    uint64_t                 lost;             /* whose place was taken */
    uint64_t                 watched;          /* CLOCK_MONOTONIC, ms: until
                                                  then changes of events are
                                                  wanted; 0: nobody ever did */
} ngx_triggers_feed_t;


/* records of one sort, of which there may be a storm; one thread's, zeroed */

typedef struct {
    uint64_t                 second;           /* CLOCK_MONOTONIC */
    ngx_uint_t               n;                /* appended in it */
    ngx_uint_t               rest;             /* not appended, and not told */
} ngx_triggers_feed_limit_t;


/* 1: nobody owns the slot */

typedef ngx_uint_t (*ngx_triggers_feed_free_pt)(void *data, ngx_uint_t slot);


/* a reader's; private to it */

typedef struct {
    uint64_t                 number;           /* the next one to be read */
    uint64_t                 missed;           /* set by next() */
    uint64_t                 stuck;            /* ms, since when number is
                                                  being written; 0: is not */
} ngx_triggers_feed_cursor_t;


/* into zeroed memory of that size, aligned to 128 bytes */

void ngx_triggers_feed_init(ngx_triggers_feed_t *feed, u_char *p, size_t size);

/*
 * Any thread of the process that owns the slot: appends a copy of the entry, of
 * whose message what does not fit is left out.  Returns its number; 0: it is
 * lost, as its place is still being written.
 */

uint64_t ngx_triggers_feed_append(ngx_triggers_feed_t *feed, ngx_uint_t slot,
    ngx_triggers_entry_t *entry);

/*
 * The same in two steps: encode() writes the entry, which may then go, into
 * words and returns how many it has used; append_encoded() appends n words of
 * such entries, one behind the other.
 */

ngx_uint_t ngx_triggers_feed_encode(ngx_triggers_entry_t *entry,
    uint64_t words[NGX_TRIGGERS_FEED_WORDS]);
void ngx_triggers_feed_append_encoded(ngx_triggers_feed_t *feed,
    ngx_uint_t slot, uint64_t *words, ngx_uint_t n);

/* The bytes, at most room, up to which no character of UTF-8 is cut in two. */

size_t ngx_triggers_feed_cut(ngx_str_t *s, size_t room);

/*
 * Any thread, as above: an entry of the background, now; event_id and user_id
 * may be NULL, user_id also empty.  The format is that of ngx_sprintf().
 */

uint64_t ngx_cdecl ngx_triggers_feed_log(ngx_triggers_feed_t *feed,
    ngx_uint_t slot, ngx_uint_t level, u_char *event_id, ngx_str_t *user_id,
    const char *fmt, ...);

/*
 * May one more record be appended at now, CLOCK_MONOTONIC in ms?  0: it is one
 * of the rest, of whose number rest() tells when their second is over, once, so
 * that it can be appended; else 0.
 */

ngx_uint_t ngx_triggers_feed_may(ngx_triggers_feed_limit_t *limit,
    uint64_t now);
ngx_uint_t ngx_triggers_feed_rest(ngx_triggers_feed_limit_t *limit,
    uint64_t now);

/*
 * Any thread; now is CLOCK_MONOTONIC in ms.  Who wants changes of events says
 * so with watch() before it sets its cursor, and every few seconds.
 */

void ngx_triggers_feed_watch(ngx_triggers_feed_t *feed, uint64_t now);
ngx_uint_t ngx_triggers_feed_is_watched(ngx_triggers_feed_t *feed,
    uint64_t now);

/* The new owner of a slot: its places are free again. */

void ngx_triggers_feed_release(ngx_triggers_feed_t *feed, ngx_uint_t slot);

/*
 * Any thread: so are those of processes that have died.  Whether nobody owns a
 * slot now is asked after its state was seen: whoever wrote that is dead then.
 */

void ngx_triggers_feed_reclaim(ngx_triggers_feed_t *feed,
    ngx_triggers_feed_free_pt is_free, void *data);

/*
 * Any thread: the next entry.  NGX_OK: it is in *entry, its strings in words,
 * and the cursor has moved on; NGX_DONE: there is none now; NGX_DECLINED:
 * cursor->missed entries were not seen, and it goes on after them.  now is
 * CLOCK_MONOTONIC in ms.
 */

ngx_int_t ngx_triggers_feed_next(ngx_triggers_feed_t *feed,
    ngx_triggers_feed_cursor_t *cursor, uint64_t now,
    uint64_t words[NGX_TRIGGERS_FEED_WORDS], ngx_triggers_entry_t *entry);

/* Any thread: a cursor behind the newest entry. */

void ngx_triggers_feed_newest(ngx_triggers_feed_t *feed,
    ngx_triggers_feed_cursor_t *cursor);


#endif /* _NGX_TRIGGERS_FEED_H_INCLUDED_ */
