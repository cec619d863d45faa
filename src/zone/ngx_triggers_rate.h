
/*
 * Rate limits: token buckets in shared memory, one for each key that is used,
 * in a table that is found by the digest of the key.
 *
 * A bucket is one number, the time at which it will be full again (the
 * "virtual scheduling" form of the generic cell rate algorithm, ITU-T I.371):
 * taking n tokens moves it by n times the time that one token needs to come
 * back.  It is changed by compare-and-swap, so that the limit is exact across
 * processes, needs no lock, and a process may die at any instruction.
 */


#ifndef _NGX_TRIGGERS_RATE_H_INCLUDED_
#define _NGX_TRIGGERS_RATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_RATE_WINDOW  60           /* seconds, of a limit */

#define NGX_TRIGGERS_RATE_MAX     1000000000   /* the largest limit */


typedef struct {
    uint64_t                 tag;              /* of the key, 0: free */
    uint64_t                 full_at;          /* CLOCK_MONOTONIC, ns */
    uint64_t                 last_used;        /* ms since the epoch */
    uint64_t                 reserved;
} ngx_triggers_bucket_t;


typedef struct {
    ngx_triggers_bucket_t   *buckets;
    ngx_uint_t               mask;             /* their number, a power of
                                                  two, less one */
} ngx_triggers_rates_t;


/* how a bucket is, for the headers of an answer */

typedef struct {
    ngx_uint_t               limit;            /* tokens a minute, 0: none */
    ngx_uint_t               remaining;        /* tokens */
    ngx_uint_t               reset;            /* s until it is full */
    ngx_uint_t               retry_after;      /* s until what was refused
                                                  would pass, else 0 */
} ngx_triggers_rate_t;


/* The memory of a table for that many keys; a table in zeroed memory. */

size_t ngx_triggers_rates_size(ngx_uint_t keys);
void ngx_triggers_rates_init(ngx_triggers_rates_t *rates, u_char *memory,
    ngx_uint_t keys);

/*
 * Any process: the bucket of a key, which it gets if it has none.  Where the
 * table has no place left near by, that of the key which was idle longest is
 * taken: its bucket is full, or nearly so.  Never NULL.
 */

ngx_triggers_bucket_t *ngx_triggers_rates_find(ngx_triggers_rates_t *rates,
    u_char *digest);

/* Any process: when a key was last used, ms since the epoch; 0: unknown. */

uint64_t ngx_triggers_rates_last_used(ngx_triggers_rates_t *rates,
    u_char *digest);

/*
 * Any process: takes n tokens out of a bucket that holds limit of them, at
 * the time now (ns of CLOCK_MONOTONIC).  NGX_OK; NGX_BUSY: not enough are
 * there, nothing is taken.  More than the limit are given when the bucket is
 * full, and have to come back before the next one is.  *rate is set in both
 * cases.  ngx_triggers_rate_check() only looks whether one would be given.
 */

ngx_int_t ngx_triggers_rate_take(ngx_triggers_bucket_t *bucket,
    ngx_uint_t limit, ngx_uint_t n, uint64_t now, ngx_triggers_rate_t *rate);
ngx_int_t ngx_triggers_rate_check(ngx_triggers_bucket_t *bucket,
    ngx_uint_t limit, uint64_t now, ngx_triggers_rate_t *rate);


#endif /* _NGX_TRIGGERS_RATE_H_INCLUDED_ */
