
/*
 * Counters and histograms in the zone.  Three kinds, by who writes them:
 *
 * Blocks are the workers': each has one of its own, on cache lines of its
 * own, and counts what it has answered and how long that took.  A worker that
 * takes over the slot of another goes on counting in the same block, so that
 * the sum over all blocks is exact, never goes back and outlives reloads and
 * workers.  They are counted in atomically, since a small zone has fewer
 * blocks than workers; but where there are enough, nobody contends for them.
 *
 * The tally is the drainer's: what became of the mutations that were
 * committed.  There are two copies of it.  A batch is counted in the spare
 * one, which is given the batch's end before the commit; after it one word
 * is stored that makes it the current one.  A batch that is rolled back is
 * thus counted never, and one whose leader died after the commit is counted
 * by its successor, who finds in the database how far that came.
 *
 * Minutes are the leader's: every few seconds it sums all up and keeps the
 * sums, the newest of which that is a minute old tells what the last minute
 * was: the difference.
 *
 * What is counted of each endpoint is in ngx_triggers_meters.h.
 *
 * Histograms are of microseconds.  Their bounds are those of the E12 series
 * (IEC 60063), twelve to a decade, from 100 us to 10 s: neighbours differ by
 * a fifth, and the limits that people choose are among them.
 */


#ifndef _NGX_TRIGGERS_METRICS_H_INCLUDED_
#define _NGX_TRIGGERS_METRICS_H_INCLUDED_


#include "ngx_triggers_event.h"
#include "ngx_triggers_meters.h"


#define NGX_TRIGGERS_BOUNDS   61
#define NGX_TRIGGERS_BUCKETS  (NGX_TRIGGERS_BOUNDS + 1)

#define NGX_TRIGGERS_SIZES    15           /* of batches: 1, 2, 4, … 8192,
                                              more */

#define NGX_TRIGGERS_ROUTES   64           /* 0 is that of unknown paths */
#define NGX_TRIGGERS_CLASSES  4            /* 2xx, 3xx, 4xx, 5xx */
#define NGX_TRIGGERS_CODES    20           /* the last one is all others */

#define NGX_TRIGGERS_NOPS     (NGX_TRIGGERS_OP_WEBHOOK_DELETE + 1)
#define NGX_TRIGGERS_NATTEMPTS  (NGX_TRIGGERS_ATTEMPT_CANCELLED + 1)

#define NGX_TRIGGERS_MINUTE   60000000     /* us */


/* what takes time; the first ones are the workers', the others the leader's */

typedef enum {
    NGX_TRIGGERS_TIME_INGEST = 0,          /* request with events */
    NGX_TRIGGERS_TIME_COMMIT,              /* submitted to committed, as the
                                              worker sees it */
    NGX_TRIGGERS_TIME_INBOX,               /* request for events */
    NGX_TRIGGERS_TIME_ACK,                 /* request that ends events */
    NGX_TRIGGERS_WORKER_TIMES,

    NGX_TRIGGERS_TIME_QUEUE = NGX_TRIGGERS_WORKER_TIMES,
                                           /* submitted to taken */
    NGX_TRIGGERS_TIME_BATCH,               /* taken to committed */
    NGX_TRIGGERS_TIME_SYNC,                /* COMMIT alone */
    NGX_TRIGGERS_TIME_DELIVERY,            /* created to delivered */
    NGX_TRIGGERS_TIMES
} ngx_triggers_time_e;


typedef struct {
    uint64_t                 sum;              /* us */
    uint64_t                 buckets[NGX_TRIGGERS_BUCKETS];
} ngx_triggers_histogram_t;


/* what one worker counts; atomic */

typedef struct {
    uint64_t                 requests[NGX_TRIGGERS_ROUTES]
                                     [NGX_TRIGGERS_CLASSES];
    uint64_t                 codes[NGX_TRIGGERS_CODES];
    uint64_t                 received;         /* bytes */
    uint64_t                 sent;
    uint64_t                 streams;          /* opened */
    uint64_t                 streams_dropped;
    uint64_t                 stream_gaps;
    ngx_triggers_histogram_t  times[NGX_TRIGGERS_WORKER_TIMES];
} ngx_triggers_metrics_counts_t;


typedef union {
    ngx_triggers_metrics_counts_t  counts;
    u_char                   line[128]  __attribute__((aligned(128)));
} ngx_triggers_metrics_block_t;


/* what was committed; written by the drainer, in the spare copy */

typedef struct {
    uint64_t                 position;         /* end of the last batch; 0
                                                  while it is being made */
    uint64_t                 batches;
    uint64_t                 records;
    uint64_t                 leased;           /* events handed out */
    uint64_t                 retried;          /* by RETRY and RETRY_ALL */
    uint64_t                 attempts[NGX_TRIGGERS_NATTEMPTS];
    ngx_triggers_moves_t     moves;
    uint64_t                 ops[NGX_TRIGGERS_NOPS][NGX_TRIGGERS_RC_MAX];
} ngx_triggers_tally_t;


/* how the circuit breaker of an endpoint is */

typedef enum {
    NGX_TRIGGERS_BREAKER_CLOSED = 0,
    NGX_TRIGGERS_BREAKER_OPEN,
    NGX_TRIGGERS_BREAKER_HALF_OPEN,
    NGX_TRIGGERS_NBREAKERS
} ngx_triggers_breaker_state_e;


/* of the stored logs; written by the logger, each word is atomic */

typedef struct {
    uint64_t                 stored;
    uint64_t                 limited;          /* left out by the rate … */
    uint64_t                 sampled;          /* … and by the sample */
    uint64_t                 missed;           /* entries of the feed */
    uint64_t                 failures;
    uint64_t                 bytes;            /* of the database */
} ngx_triggers_metrics_logs_t;


/* written by the drainer, the deliverer and the leader; each word is atomic */

typedef struct {
    uint64_t                 current;          /* the tally in use, by its
                                                  lowest bit */
    ngx_triggers_tally_t     tallies[2];

    ngx_triggers_histogram_t  times[NGX_TRIGGERS_TIMES
                                    - NGX_TRIGGERS_WORKER_TIMES];
    uint64_t                 sizes[NGX_TRIGGERS_SIZES];
                                               /* of batches, in records */
    uint64_t                 failures;         /* of the store */

    /* as the store was after its last commit */
    uint64_t                 total_events;
    uint64_t                 events[NGX_TRIGGERS_NSTATUS];
    uint64_t                 bytes;            /* of the database */

    ngx_triggers_moves_t     moves;            /* of no batch: what was due,
                                                  what was tidied up */

    uint64_t                 endpoints[NGX_TRIGGERS_NBREAKERS];

    ngx_triggers_metrics_logs_t  logs;

    uint64_t                 minutes;          /* that were taken */
} ngx_triggers_metrics_leader_t;


/* the sums of all at some time; its counts are the low bits of them */

typedef struct {
    uint64_t                 at;               /* CLOCK_MONOTONIC, us */
    uint64_t                 requests;
    uint64_t                 errors;           /* of them, 5xx */
    uint64_t                 events;
    uint32_t                 times[NGX_TRIGGERS_TIMES][NGX_TRIGGERS_BUCKETS];
} ngx_triggers_metrics_minute_t;


typedef struct {
    /* fixed after init */
    size_t                   size;             /* of all below, bytes */
    ngx_uint_t               nblocks;
    ngx_uint_t               nminutes;
    uint64_t                 created;          /* CLOCK_MONOTONIC, us */
    int64_t                  started;          /* ms since the epoch */
    ngx_triggers_metrics_leader_t  *leader;
    ngx_triggers_metrics_block_t   *blocks;
    ngx_triggers_metrics_minute_t  *minutes;
    ngx_triggers_meters_t    meters;
} ngx_triggers_metrics_t;


/* all of it as it is now */

typedef struct {
    ngx_triggers_metrics_counts_t  counts;
    ngx_triggers_tally_t     tally;
    ngx_triggers_moves_t     moves;            /* all, those in tally too */
    ngx_triggers_histogram_t  times[NGX_TRIGGERS_TIMES];
                                               /* those in counts too */
    uint64_t                 requests;
    uint64_t                 errors;

    /* since the last minute began */
    uint64_t                 elapsed;          /* us, at least 1 */
    uint64_t                 last_requests;
    uint64_t                 last_errors;
    uint64_t                 last_events;
    uint64_t                 last[NGX_TRIGGERS_TIMES][NGX_TRIGGERS_BUCKETS];
} ngx_triggers_metrics_sums_t;


/*
 * How much of a zone of that size they take, whatever the number of slots;
 * how much with so many slots; and what is put into zeroed memory of that
 * size, aligned to 128 bytes.
 */

size_t ngx_triggers_metrics_size_max(size_t zone);
size_t ngx_triggers_metrics_size(size_t zone, ngx_uint_t nslots);
void ngx_triggers_metrics_init(ngx_triggers_metrics_t *metrics, u_char *p,
    size_t zone, ngx_uint_t nslots);

/* Any thread of the process that owns the slot: its block. */

ngx_triggers_metrics_counts_t *ngx_triggers_metrics_counts(
    ngx_triggers_metrics_t *metrics, ngx_uint_t slot);

/* Any thread: adds to a counter; puts a time into a histogram. */

void ngx_triggers_metrics_add(uint64_t *counter, uint64_t n);
void ngx_triggers_metrics_time(ngx_triggers_histogram_t *histogram,
    uint64_t us);

/* Any thread: where codes[] counts a status, and what stands there. */

ngx_uint_t ngx_triggers_metrics_code(ngx_uint_t status);
ngx_uint_t ngx_triggers_metrics_status(ngx_uint_t code);


/*
 * The drainer's: begin() gives the copy in which each mutation of a batch is
 * to be counted, and what it moves; ready() is called before its commit, with
 * its end, done() after it.  recover() is a new leader's, who has found in the
 * database how far the last one came.
 */

ngx_triggers_tally_t *ngx_triggers_tally_begin(
    ngx_triggers_metrics_t *metrics);
void ngx_triggers_tally_count(ngx_triggers_tally_t *tally,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
void ngx_triggers_tally_ready(ngx_triggers_tally_t *tally, uint64_t position,
    ngx_uint_t records);
void ngx_triggers_tally_done(ngx_triggers_metrics_t *metrics);
void ngx_triggers_tally_recover(ngx_triggers_metrics_t *metrics,
    uint64_t position);

/* The drainer's: into a tally, the leader's moves, or a sum of its own. */

void ngx_triggers_moves_add(ngx_triggers_moves_t *sum,
    ngx_triggers_moves_t *moves);

/* The drainer's: one of its times; several; a batch of so many records. */

void ngx_triggers_metrics_drained(ngx_triggers_metrics_t *metrics,
    ngx_triggers_time_e what, uint64_t us);
void ngx_triggers_metrics_merge(ngx_triggers_metrics_t *metrics,
    ngx_triggers_time_e what, ngx_triggers_histogram_t *times);
void ngx_triggers_metrics_batch(ngx_triggers_metrics_t *metrics,
    ngx_uint_t records);


/* The leader's event loop, often: keeps the sums when it is time to. */

void ngx_triggers_metrics_tick(ngx_triggers_metrics_t *metrics, uint64_t now);

/* Any process: what there is at the time now (CLOCK_MONOTONIC, us). */

void ngx_triggers_metrics_read(ngx_triggers_metrics_t *metrics, uint64_t now,
    ngx_triggers_metrics_sums_t *sums);

/* The upper bound of a bucket but the last one, us. */

uint64_t ngx_triggers_metrics_bound(ngx_uint_t i);

/*
 * The time, in us, below which that many in a thousand are, as if they were
 * spread evenly in their bucket; 10 s for what is longer, 0 if there is none.
 */

uint64_t ngx_triggers_metrics_quantile(const uint64_t *buckets,
    ngx_uint_t permille);


#endif /* _NGX_TRIGGERS_METRICS_H_INCLUDED_ */
