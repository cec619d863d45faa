
/*
 * The live stream of a client: server-sent events (WHATWG HTML, section 9.2)
 * of what happens in a store, until the client leaves, its key is no longer
 * good for it, or the process is to end.  The private header of the files
 * ngx_http_triggers_stream*.c and ngx_http_triggers_hub.c.  Event loop.
 *
 * An id is "NONCE-NUMBER": the zone's nonce, 16 hexadecimal digits, and the
 * number of an entry of its feed.  Who resumes after it is told of a gap when
 * the zone is another one or the entries after it are gone.
 */


#ifndef _NGX_HTTP_TRIGGERS_STREAM_H_INCLUDED_
#define _NGX_HTTP_TRIGGERS_STREAM_H_INCLUDED_


#include "ngx_http_triggers.h"
#include "ngx_triggers_text.h"


#define NGX_HTTP_TRIGGERS_STREAM_LOG       0x01
#define NGX_HTTP_TRIGGERS_STREAM_EVENT     0x02
#define NGX_HTTP_TRIGGERS_STREAM_METRICS   0x04
#define NGX_HTTP_TRIGGERS_STREAM_PIPELINE  0x08

/* types that are read from the feed and have ids */

#define NGX_HTTP_TRIGGERS_STREAM_ENTRIES                                      \
    (NGX_HTTP_TRIGGERS_STREAM_LOG|NGX_HTTP_TRIGGERS_STREAM_EVENT)

#define NGX_HTTP_TRIGGERS_STREAM_RETRY     1000    /* ms until a client comes
                                                      again */

/* a line of a message; the nonce and the number */

#define NGX_HTTP_TRIGGERS_STREAM_ID        "id: %016xL-%uL\n"

/* the longest single message fits into it */

#define NGX_HTTP_TRIGGERS_STREAM_BUFFER    (16 * 1024)


/* what the client asks for */

typedef struct {
    ngx_uint_t               types;            /* bits */
    ngx_uint_t               level;            /* of logs, the lowest */
    ngx_str_t                event_type;       /* data NULL: any */
    ngx_uint_t               prefix;           /* flag: … begin with it */
    ngx_uint_t               limit;            /* of messages, 0: none */
    ngx_msec_t               timeout;          /* 0: none */
    uint64_t                 nonce;            /* of the id to go on after */
    uint64_t                 number;
    unsigned                 resumes:1;        /* there is such an id */
} ngx_http_triggers_stream_query_t;


typedef struct {
    ngx_queue_t              queue;            /* the hub's */
    ngx_http_triggers_hub_t *hub;
    ngx_http_request_t      *request;
    ngx_http_triggers_stream_query_t  query;

    /* where it is, unless it is at the live edge */
    ngx_triggers_feed_cursor_t  cursor;

    /* what has not been sent, by when it was given to the filters */
    ngx_chain_t             *out;              /* not yet */
    ngx_chain_t             *last;             /* of these */
    ngx_chain_t             *busy;
    ngx_chain_t             *free;
    size_t                   bytes;            /* in out and busy */
    size_t                   size;             /* that these may be */

    ngx_msec_t               sent;             /* when something last was */
    ngx_msec_t               checked;          /* … the key last was */
    ngx_msec_t               until;            /* its end, with a timeout or
                                                  when it is ending */
    ngx_uint_t               due;              /* types of snapshots that are
                                                  to be sent */

    unsigned                 live:1;           /* is at the live edge */
    unsigned                 timed:1;          /* until is set */
    unsigned                 full:1;           /* an entry found no room */
    unsigned                 ending:1;         /* its last message is made */
    unsigned                 failed:1;         /* to be closed as it is */
} ngx_http_triggers_stream_t;


/*
 * ngx_http_triggers_stream_query.c
 *
 * Reads what is asked for.  NGX_DECLINED: go on; else it has been answered, as
 * by a handler.
 */

ngx_int_t ngx_http_triggers_stream_parse(ngx_http_request_t *r,
    ngx_http_triggers_stream_query_t *q);

/* The types that a key with these scopes may have. */

ngx_uint_t ngx_http_triggers_stream_allowed(ngx_uint_t scopes);

/* Does the stream want the entry, and may it see it? */

ngx_uint_t ngx_http_triggers_stream_wants(ngx_http_triggers_stream_t *s,
    ngx_triggers_entry_t *entry);


/*
 * ngx_http_triggers_stream_output.c
 *
 * Appends a whole message, or several.  NGX_AGAIN: there is no room for it now;
 * NGX_ERROR: no memory, the stream has failed.
 */

ngx_int_t ngx_http_triggers_stream_append(ngx_http_triggers_stream_t *s,
    ngx_triggers_text_t *text);

/* The same for a short one, of a format. */

ngx_int_t ngx_http_triggers_stream_tell(ngx_http_triggers_stream_t *s,
    const char *fmt, ...);

/* Sends what there is and can be sent. */

void ngx_http_triggers_stream_flush(ngx_http_triggers_stream_t *s);

/* Forgets what has not been given to the filters, whole messages. */

void ngx_http_triggers_stream_discard(ngx_http_triggers_stream_t *s);

/* Does it wait for the client to read? */

ngx_uint_t ngx_http_triggers_stream_blocked(ngx_http_triggers_stream_t *s);

/* Handles a connection that can be written to. */

void ngx_http_triggers_stream_writer(ngx_http_request_t *r);


/*
 * ngx_http_triggers_stream.c
 *
 * Makes the last message, whose data is told why; an end is not the client's
 * fault.  The stream goes when that has been sent, or soon after.
 */

void ngx_http_triggers_stream_end(ngx_http_triggers_stream_t *s,
    const char *reason);
void ngx_http_triggers_stream_drop(ngx_http_triggers_stream_t *s);

/*
 * Tells of entries that it has not seen; 0: nobody knows how many.  As
 * append().
 */

ngx_int_t ngx_http_triggers_stream_gap(ngx_http_triggers_stream_t *s,
    uint64_t missed, const char *reason);

/*
 * What is to be done with every turn of the hub: looks at the key, keeps the
 * connection in use, sends what there is.  And, after anything was sent: closes
 * what has failed or is over.  After both the stream may be gone.
 */

void ngx_http_triggers_stream_turn(ngx_http_triggers_stream_t *s);
void ngx_http_triggers_stream_settle(ngx_http_triggers_stream_t *s);


/*
 * ngx_http_triggers_hub.c
 *
 * Takes a stream, whose query and request are set, into the hub of its store
 * in this process; takes it out.
 */

void ngx_http_triggers_hub_join(ngx_http_triggers_stream_t *s);
void ngx_http_triggers_hub_leave(ngx_http_triggers_stream_t *s);

/* The counters of this worker. */

ngx_triggers_metrics_counts_t *ngx_http_triggers_hub_counts(
    ngx_http_triggers_hub_t *hub);


#endif /* _NGX_HTTP_TRIGGERS_STREAM_H_INCLUDED_ */
