
/*
 * What is counted of each endpoint, in the zone: an array of meters, sized
 * once, of which the deliverer gives one to an endpoint.  Those that find
 * none are counted together in the last one.
 *
 * The deliverer, of which there is one at a time, writes; anybody reads.  A
 * meter's generation is odd while it has an owner.  It is made ready for the
 * next one while it has none, and whoever copies it looks at the generation
 * before and after: what is read is of one owner, whenever a writer dies.
 */


#ifndef _NGX_TRIGGERS_METERS_H_INCLUDED_
#define _NGX_TRIGGERS_METERS_H_INCLUDED_


#include "ngx_triggers_event.h"


#define NGX_TRIGGERS_METERS_MIN      16
#define NGX_TRIGGERS_METERS_MAX      256

#define NGX_TRIGGERS_METER_BUCKETS   5
#define NGX_TRIGGERS_METER_OUTCOMES  (NGX_TRIGGERS_ATTEMPT_FAILED + 1)


/* each word is atomic */

typedef struct {
    uint64_t                 generation;
    uint64_t                 id[NGX_TRIGGERS_ID_LEN / sizeof(uint64_t)];
    uint64_t                 attempts[NGX_TRIGGERS_METER_OUTCOMES];
    uint64_t                 time;             /* of them, ms */
    uint64_t                 buckets[NGX_TRIGGERS_METER_BUCKETS];
    uint64_t                 sending;          /* messages on their way */
    uint64_t                 breaker;          /* …_breaker_state_e */
} ngx_triggers_meter_t;


typedef struct {
    ngx_triggers_meter_t    *elts;             /* and one more: of others */
    ngx_uint_t               nelts;
} ngx_triggers_meters_t;


/*
 * How many a zone of that size has; the memory that so many take; what is put
 * into zeroed memory.
 */

ngx_uint_t ngx_triggers_meters_number(size_t zone);
size_t ngx_triggers_meters_size(ngx_uint_t n);
void ngx_triggers_meters_init(ngx_triggers_meters_t *meters, u_char *p,
    ngx_uint_t n);

/* Any thread: the meter of those that have none. */

ngx_triggers_meter_t *ngx_triggers_meters_others(
    ngx_triggers_meters_t *meters);

/*
 * The deliverer's.  is_taken() is 1 if it is somebody's, owner() if it is that
 * endpoint's; take() gives it to one, with all counts at zero; free() does
 * nothing where it is nobody's.
 */

ngx_uint_t ngx_triggers_meter_is_taken(ngx_triggers_meter_t *meter);
ngx_uint_t ngx_triggers_meter_owner(ngx_triggers_meter_t *meter, u_char *id);
void ngx_triggers_meter_take(ngx_triggers_meter_t *meter, u_char *id);
void ngx_triggers_meter_free(ngx_triggers_meter_t *meter);

/*
 * The deliverer's: an attempt that took so long, delivered or failed; how the
 * endpoint is now.
 */

void ngx_triggers_meter_attempt(ngx_triggers_meter_t *meter,
    ngx_uint_t outcome, ngx_msec_t ms);
void ngx_triggers_meter_set(ngx_triggers_meter_t *meter, ngx_uint_t sending,
    ngx_uint_t breaker);

/* Any thread: a copy.  NGX_DECLINED: it is nobody's. */

ngx_int_t ngx_triggers_meter_read(ngx_triggers_meter_t *meter,
    ngx_triggers_meter_t *copy);

/* The upper bound of a bucket but the last one, ms. */

ngx_msec_t ngx_triggers_meter_bound(ngx_uint_t i);


#endif /* _NGX_TRIGGERS_METERS_H_INCLUDED_ */
