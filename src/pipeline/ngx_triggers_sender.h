
/*
 * Sends messages to endpoints by HTTP, many at once, on libcurl and one
 * epoll of its own.  One thread uses a sender; only its wake function may be
 * called by others.
 *
 * Endpoints that the configuration has named are trusted.  Those that came
 * through the API are not: they are connected to only where their address, as
 * it is when the connection is made, is public or in the list of allowed
 * networks.  The two kinds never share a connection.
 *
 * Redirects are not followed, proxies of the environment not used, answers
 * read for the sake of the connection and thrown away.
 */


#ifndef _NGX_TRIGGERS_SENDER_H_INCLUDED_
#define _NGX_TRIGGERS_SENDER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_SENDER_HEADERS      64    /* of a message, at most */
#define NGX_TRIGGERS_SENDER_RETRY_AFTER  86400 /* seconds, the largest told */


typedef struct ngx_triggers_sender_s  ngx_triggers_sender_t;


/* strings are terminated and live as long as the sender */

typedef struct {
    ngx_uint_t               messages;         /* on their way, at most */
    ngx_msec_t               timeout;          /* of a message, in all */
    ngx_str_t                trusted_certificate;  /* PEM text; len 0: those
                                                  of the system */
    ngx_str_t                allowed;          /* networks, packed; see
                                                  ngx_triggers_networks.h */
    const char              *user_agent;
} ngx_triggers_sender_conf_t;


/*
 * What the members point to is the caller's, has to be terminated, but for
 * the body, and must live until the message has come back.
 */

typedef struct {
    char                    *url;              /* http or https */
    ngx_uint_t               trusted;          /* flag */
    char                    *headers[NGX_TRIGGERS_SENDER_HEADERS];
    ngx_uint_t               nheaders;
    ngx_str_t                body;

    void                    *transfer;         /* the sender's */

    /* what has become of it */
    ngx_uint_t               status;           /* 0: no answer */
    const char              *error;            /* static text, if no answer */
    ngx_msec_t               duration;         /* ms */
    ngx_uint_t               retry_after;      /* seconds; 0: not told */
} ngx_triggers_message_t;


/* Takes a message that has come back. */

typedef void (*ngx_triggers_sender_pt)(void *data,
    ngx_triggers_message_t *message);


/*
 * ngx_triggers_sender_create() belongs to the event loop, as what it prepares
 * in the process may be prepared by one thread only; NULL on an error, logged.
 * ngx_triggers_sender_destroy() drops what is on its way, without a word to
 * anybody; it does not wait for endpoints or for name servers.
 */

ngx_triggers_sender_t *ngx_triggers_sender_create(
    ngx_triggers_sender_conf_t *conf, ngx_triggers_sender_pt handler,
    void *data, ngx_log_t *log);
void ngx_triggers_sender_destroy(ngx_triggers_sender_t *sender);

/*
 * Sends a message; the handler gets it back from a later run().  NGX_OK;
 * NGX_BUSY: as many as allowed are on their way; NGX_ERROR: no memory.
 */

ngx_int_t ngx_triggers_sender_send(ngx_triggers_sender_t *sender,
    ngx_triggers_message_t *message);

/* How many are on their way; are these as many as allowed? */

ngx_uint_t ngx_triggers_sender_busy(ngx_triggers_sender_t *sender);
ngx_uint_t ngx_triggers_sender_is_full(ngx_triggers_sender_t *sender);

/* Gives up a message that is on its way: it does not come back. */

void ngx_triggers_sender_drop(ngx_triggers_message_t *message);

/*
 * Waits until something happens, somebody wakes it, or the time is over, and
 * does what is to be done.  NGX_ERROR, logged: it cannot go on.
 */

ngx_int_t ngx_triggers_sender_run(ngx_triggers_sender_t *sender,
    ngx_msec_t timeout);

/* Any thread: ends a run, now or the next one. */

void ngx_triggers_sender_wake(ngx_triggers_sender_t *sender);


#endif /* _NGX_TRIGGERS_SENDER_H_INCLUDED_ */
