
/*
 * The HTTP client; the header tells what it guarantees.
 *
 * There are two channels, one for trusted endpoints and one for the others: a
 * curl multi handle with its own connections and names.  Both are driven by
 * events of one epoll, so that a message costs the same whether few or many
 * are on their way.  Easy handles are made once and used again.
 */


#include "ngx_triggers_sender.h"
#include "ngx_triggers_clock.h"
#include "ngx_triggers_address.h"
#include "ngx_triggers_networks.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>


#define NGX_TRIGGERS_SENDER_CONNECT    5000    /* ms, at most */
#define NGX_TRIGGERS_SENDER_ANSWER     65536   /* bytes that are read of a
                                                  header, and of a body */
#define NGX_TRIGGERS_SENDER_EVENTS     64      /* of one epoll_wait() */
#define NGX_TRIGGERS_SENDER_IDLE       256     /* connections kept, at most */
#define NGX_TRIGGERS_SENDER_IDLE_TIME  50      /* seconds they are kept */


typedef struct ngx_triggers_channel_s   ngx_triggers_channel_t;
typedef struct ngx_triggers_transfer_s  ngx_triggers_transfer_t;


/* a message on its way, or a place for one */

struct ngx_triggers_transfer_s {
    ngx_queue_t              queue;            /* in busy or free */
    ngx_triggers_channel_t  *channel;
    CURL                    *easy;
    ngx_triggers_message_t  *message;
    uint64_t                 started;          /* monotonic ms */
    size_t                   header_bytes;
    size_t                   body_bytes;
    ngx_uint_t               answered;         /* flag: a final header is
                                                  complete */
    ngx_uint_t               refused;          /* flag: an address was */
    struct curl_slist        headers[NGX_TRIGGERS_SENDER_HEADERS + 1];
};


struct ngx_triggers_channel_s {
    ngx_triggers_sender_t   *sender;
    CURLM                   *multi;
    uint64_t                 due;              /* monotonic ms, when it wants
                                                  to be called; 0: never */
    ngx_uint_t               trusted;          /* flag */
    ngx_queue_t              free;
    ngx_queue_t              busy;
};


struct ngx_triggers_sender_s {
    ngx_triggers_sender_conf_t  conf;
    ngx_triggers_sender_pt   handler;
    void                    *data;
    ngx_log_t               *log;
    int                      epoll;
    int                      event;            /* eventfd that wakes */
    ngx_uint_t               nbusy;
    ngx_triggers_channel_t   channels[2];      /* trusted, the others */
};


/* what is said of a message that had no answer; never curl's own words, which
   may have an address or a path in them */

static const struct {
    CURLcode     code;
    const char  *text;
} ngx_triggers_sender_errors[] = {
    { CURLE_URL_MALFORMAT, "invalid URL" },
    { CURLE_COULDNT_RESOLVE_HOST, "host name could not be resolved" },
    { CURLE_COULDNT_CONNECT, "connection refused or unreachable" },
    { CURLE_OPERATION_TIMEDOUT, "timed out" },
    { CURLE_SSL_CONNECT_ERROR, "TLS handshake failed" },
    { CURLE_PEER_FAILED_VERIFICATION, "TLS certificate is not trusted" },
    { CURLE_SSL_CACERT_BADFILE, "trusted certificates cannot be read" },
    { CURLE_GOT_NOTHING, "connection closed without an answer" },
    { CURLE_SEND_ERROR, "connection closed while sending" },
    { CURLE_RECV_ERROR, "connection reset" },
    { CURLE_PARTIAL_FILE, "connection closed within the answer" },
    { CURLE_WEIRD_SERVER_REPLY, "answer is not HTTP" },
    { CURLE_UNSUPPORTED_PROTOCOL, "answer is not HTTP" },
    { CURLE_WRITE_ERROR, "answer is too large" },
    { CURLE_HTTP2, "HTTP/2 error" },
    { CURLE_HTTP2_STREAM, "HTTP/2 error" },
    { CURLE_OUT_OF_MEMORY, "no memory" }
};


static ngx_int_t ngx_triggers_sender_open(ngx_triggers_sender_t *sender);
static ngx_int_t ngx_triggers_channel_init(ngx_triggers_channel_t *channel,
    ngx_triggers_sender_t *sender, ngx_uint_t trusted);
static void ngx_triggers_channel_done(ngx_triggers_channel_t *channel);
static int ngx_triggers_channel_socket_handler(CURL *easy, curl_socket_t s,
    int what, void *data, void *watched);
static int ngx_triggers_channel_timer_handler(CURLM *multi, long timeout,
    void *data);
static ngx_int_t ngx_triggers_channel_act(ngx_triggers_channel_t *channel,
    curl_socket_t s, int events);
static void ngx_triggers_channel_finish(ngx_triggers_channel_t *channel);
static ngx_triggers_transfer_t *ngx_triggers_transfer_get(
    ngx_triggers_channel_t *channel);
static ngx_int_t ngx_triggers_transfer_init(ngx_triggers_transfer_t *t);
static ngx_int_t ngx_triggers_transfer_security(ngx_triggers_transfer_t *t);
static ngx_int_t ngx_triggers_transfer_start(ngx_triggers_transfer_t *t,
    ngx_triggers_message_t *message);
static void ngx_triggers_transfer_release(ngx_triggers_transfer_t *t);
static void ngx_triggers_transfer_result(ngx_triggers_transfer_t *t,
    CURLcode code);
static curl_socket_t ngx_triggers_transfer_socket(void *data,
    curlsocktype purpose, struct curl_sockaddr *address);
static size_t ngx_triggers_transfer_header(char *p, size_t size, size_t n,
    void *data);
static size_t ngx_triggers_transfer_body(char *p, size_t size, size_t n,
    void *data);
static ngx_msec_t ngx_triggers_sender_wait(ngx_triggers_sender_t *sender,
    ngx_msec_t timeout);


ngx_triggers_sender_t *
ngx_triggers_sender_create(ngx_triggers_sender_conf_t *conf,
    ngx_triggers_sender_pt handler, void *data, ngx_log_t *log)
{
    ngx_triggers_sender_t  *sender;

    sender = ngx_calloc(sizeof(ngx_triggers_sender_t), log);
    if (sender == NULL) {
        return NULL;
    }

    sender->conf = *conf;
    sender->handler = handler;
    sender->data = data;
    sender->log = log;
    sender->epoll = -1;
    sender->event = -1;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        ngx_log_error(NGX_LOG_CRIT, log, 0,
                      "triggers: curl_global_init() failed");
        ngx_free(sender);
        return NULL;
    }

    if (ngx_triggers_channel_init(&sender->channels[0], sender, 1) != NGX_OK
        || ngx_triggers_channel_init(&sender->channels[1], sender, 0)
           != NGX_OK
        || ngx_triggers_sender_open(sender) != NGX_OK)
    {
        ngx_triggers_sender_destroy(sender);
        return NULL;
    }

    return sender;
}


void
ngx_triggers_sender_destroy(ngx_triggers_sender_t *sender)
{
    ngx_triggers_channel_done(&sender->channels[0]);
    ngx_triggers_channel_done(&sender->channels[1]);

    if (sender->epoll != -1) {
        (void) close(sender->epoll);
    }

    if (sender->event != -1) {
        (void) close(sender->event);
    }

    curl_global_cleanup();
    ngx_free(sender);
}


ngx_int_t
ngx_triggers_sender_send(ngx_triggers_sender_t *sender,
    ngx_triggers_message_t *message)
{
    ngx_triggers_channel_t   *channel;
    ngx_triggers_transfer_t  *t;

    if (sender->nbusy >= sender->conf.messages) {
        return NGX_BUSY;
    }

    channel = &sender->channels[message->trusted ? 0 : 1];

    t = ngx_triggers_transfer_get(channel);
    if (t == NULL) {
        return NGX_ERROR;
    }

    if (ngx_triggers_transfer_start(t, message) != NGX_OK) {
        ngx_queue_insert_head(&channel->free, &t->queue);
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&channel->busy, &t->queue);
    sender->nbusy++;

    return NGX_OK;
}


ngx_uint_t
ngx_triggers_sender_busy(ngx_triggers_sender_t *sender)
{
    return sender->nbusy;
}


ngx_uint_t
ngx_triggers_sender_is_full(ngx_triggers_sender_t *sender)
{
    return sender->nbusy >= sender->conf.messages;
}


void
ngx_triggers_sender_drop(ngx_triggers_message_t *message)
{
    ngx_triggers_transfer_release(message->transfer);
}


ngx_int_t
ngx_triggers_sender_run(ngx_triggers_sender_t *sender, ngx_msec_t timeout)
{
    int                      i, n, events;
    uint64_t                 now;
    eventfd_t                value;
    struct epoll_event       list[NGX_TRIGGERS_SENDER_EVENTS];
    ngx_triggers_channel_t  *channel;

    timeout = ngx_triggers_sender_wait(sender, timeout);

    n = epoll_wait(sender->epoll, list, NGX_TRIGGERS_SENDER_EVENTS,
                   (int) timeout);

    if (n == -1 && ngx_errno != NGX_EINTR) {
        ngx_log_error(NGX_LOG_ALERT, sender->log, ngx_errno,
                      "triggers: epoll_wait() of the sender failed");
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {

        /* the number of the channel stands above the descriptor's */

        if (list[i].data.u64 == (uint64_t) sender->event) {
            (void) eventfd_read(sender->event, &value);
            continue;
        }

        events = 0;

        if (list[i].events & (EPOLLIN|EPOLLERR|EPOLLHUP)) {
            events |= CURL_CSELECT_IN;
        }

        if (list[i].events & (EPOLLOUT|EPOLLERR|EPOLLHUP)) {
            events |= CURL_CSELECT_OUT;
        }

        channel = &sender->channels[(list[i].data.u64 >> 32) - 1];

        if (ngx_triggers_channel_act(channel,
                                     (curl_socket_t) (list[i].data.u64
                                                      & 0x7fffffff),
                                     events)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    now = ngx_triggers_monotonic_ms();

    for (i = 0; i < 2; i++) {
        channel = &sender->channels[i];

        if (channel->due && channel->due <= now) {
            channel->due = 0;

            if (ngx_triggers_channel_act(channel, CURL_SOCKET_TIMEOUT, 0)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        ngx_triggers_channel_finish(channel);
    }

    return NGX_OK;
}


void
ngx_triggers_sender_wake(ngx_triggers_sender_t *sender)
{
    /* it fails only where a run has been told so very often already */

    (void) eventfd_write(sender->event, 1);
}


static ngx_int_t
ngx_triggers_sender_open(ngx_triggers_sender_t *sender)
{
    struct epoll_event  ee;

    sender->epoll = epoll_create1(EPOLL_CLOEXEC);
    sender->event = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

    if (sender->epoll == -1 || sender->event == -1) {
        ngx_log_error(NGX_LOG_CRIT, sender->log, ngx_errno,
                      "triggers: epoll_create1() or eventfd() of the sender "
                      "failed");
        return NGX_ERROR;
    }

    ngx_memzero(&ee, sizeof(struct epoll_event));
    ee.events = EPOLLIN;
    ee.data.u64 = sender->event;

    if (epoll_ctl(sender->epoll, EPOLL_CTL_ADD, sender->event, &ee) == -1) {
        ngx_log_error(NGX_LOG_CRIT, sender->log, ngx_errno,
                      "triggers: epoll_ctl() of the sender failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_channel_init(ngx_triggers_channel_t *channel,
    ngx_triggers_sender_t *sender, ngx_uint_t trusted)
{
    CURLM  *multi;

    channel->sender = sender;
    channel->trusted = trusted;

    ngx_queue_init(&channel->free);
    ngx_queue_init(&channel->busy);

    multi = curl_multi_init();
    channel->multi = multi;

    if (multi == NULL
        || curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION,
                             ngx_triggers_channel_socket_handler)
        || curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, channel)
        || curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION,
                             ngx_triggers_channel_timer_handler)
        || curl_multi_setopt(multi, CURLMOPT_TIMERDATA, channel)
        || curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
                             (long) NGX_TRIGGERS_SENDER_IDLE))
    {
        ngx_log_error(NGX_LOG_CRIT, sender->log, 0,
                      "triggers: curl_multi_init() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_triggers_channel_done(ngx_triggers_channel_t *channel)
{
    ngx_queue_t              *q;
    ngx_triggers_transfer_t  *t;

    if (channel->sender == NULL) {
        return;
    }

    while (!ngx_queue_empty(&channel->busy)) {
        q = ngx_queue_head(&channel->busy);
        t = ngx_queue_data(q, ngx_triggers_transfer_t, queue);

        ngx_triggers_transfer_release(t);
    }

    while (!ngx_queue_empty(&channel->free)) {
        q = ngx_queue_head(&channel->free);
        t = ngx_queue_data(q, ngx_triggers_transfer_t, queue);

        ngx_queue_remove(q);
        curl_easy_cleanup(t->easy);
        ngx_free(t);
    }

    if (channel->multi) {
        (void) curl_multi_cleanup(channel->multi);
    }
}


/* what curl wants to know of a socket; watched is not NULL once it is */

static int
ngx_triggers_channel_socket_handler(CURL *easy, curl_socket_t s, int what,
    void *data, void *watched)
{
    ngx_triggers_channel_t *channel = data;

    int                     op;
    struct epoll_event      ee;
    ngx_triggers_sender_t  *sender;

    (void) easy;

    sender = channel->sender;

    ngx_memzero(&ee, sizeof(struct epoll_event));
    ee.data.u64 = ((uint64_t) (channel - sender->channels + 1) << 32)
                  | (uint32_t) s;

    if (what == CURL_POLL_REMOVE) {
        (void) epoll_ctl(sender->epoll, EPOLL_CTL_DEL, s, &ee);
        (void) curl_multi_assign(channel->multi, s, NULL);
        return 0;
    }

    if (what & CURL_POLL_IN) {
        ee.events |= EPOLLIN;
    }

    if (what & CURL_POLL_OUT) {
        ee.events |= EPOLLOUT;
    }

    op = watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (epoll_ctl(sender->epoll, op, s, &ee) == -1) {

        /* its messages will time out */

        ngx_log_error(NGX_LOG_ALERT, sender->log, ngx_errno,
                      "triggers: epoll_ctl() of the sender failed");
        return 0;
    }

    (void) curl_multi_assign(channel->multi, s, channel);

    return 0;
}


static int
ngx_triggers_channel_timer_handler(CURLM *multi, long timeout, void *data)
{
    ngx_triggers_channel_t *channel = data;

    (void) multi;

    channel->due = (timeout < 0) ? 0 : ngx_triggers_monotonic_ms() + timeout;

    return 0;
}


static ngx_int_t
ngx_triggers_channel_act(ngx_triggers_channel_t *channel, curl_socket_t s,
    int events)
{
    int        running;
    CURLMcode  rc;

    rc = curl_multi_socket_action(channel->multi, s, events, &running);

    /* an event may be of a socket that was closed while others were seen to */

    if (rc == CURLM_OK || rc == CURLM_BAD_SOCKET) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_CRIT, channel->sender->log, 0,
                  "triggers: curl_multi_socket_action() failed: %s",
                  curl_multi_strerror(rc));

    return NGX_ERROR;
}


static void
ngx_triggers_channel_finish(ngx_triggers_channel_t *channel)
{
    int                       left;
    CURLMsg                  *msg;
    CURLcode                  code;
    ngx_triggers_sender_t    *sender;
    ngx_triggers_message_t   *message;
    ngx_triggers_transfer_t  *t;

    sender = channel->sender;

    for ( ;; ) {

        msg = curl_multi_info_read(channel->multi, &left);
        if (msg == NULL) {
            return;
        }

        code = msg->data.result;

        (void) curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
                                 (char **) &t);

        message = t->message;

        ngx_triggers_transfer_result(t, code);
        ngx_triggers_transfer_release(t);

        sender->handler(sender->data, message);
    }
}


static ngx_triggers_transfer_t *
ngx_triggers_transfer_get(ngx_triggers_channel_t *channel)
{
    ngx_queue_t              *q;
    ngx_triggers_transfer_t  *t;

    if (!ngx_queue_empty(&channel->free)) {
        q = ngx_queue_head(&channel->free);
        ngx_queue_remove(q);

        return ngx_queue_data(q, ngx_triggers_transfer_t, queue);
    }

    t = ngx_calloc(sizeof(ngx_triggers_transfer_t), channel->sender->log);
    if (t == NULL) {
        return NULL;
    }

    t->channel = channel;
    t->easy = curl_easy_init();

    if (t->easy == NULL) {
        ngx_free(t);
        return NULL;
    }

    if (ngx_triggers_transfer_init(t) != NGX_OK
        || ngx_triggers_transfer_security(t) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_CRIT, channel->sender->log, 0,
                      "triggers: curl_easy_setopt() failed");
        curl_easy_cleanup(t->easy);
        ngx_free(t);
        return NULL;
    }

    return t;
}


/* what all messages have in common */

static ngx_int_t
ngx_triggers_transfer_init(ngx_triggers_transfer_t *t)
{
    CURL                        *easy;
    ngx_msec_t                   connect;
    ngx_triggers_sender_conf_t  *conf;

    easy = t->easy;
    conf = &t->channel->sender->conf;
    connect = ngx_min(conf->timeout, NGX_TRIGGERS_SENDER_CONNECT);

    if (curl_easy_setopt(easy, CURLOPT_PRIVATE, t)
        || curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L)
        || curl_easy_setopt(easy, CURLOPT_POST, 1L)
        || curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                            (long) CURL_HTTP_VERSION_2TLS)
        || curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) conf->timeout)
        || curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) connect)
        || curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN,
                            (long) NGX_TRIGGERS_SENDER_IDLE_TIME)
        || curl_easy_setopt(easy, CURLOPT_USERAGENT, conf->user_agent)
        || curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
                            ngx_triggers_transfer_header)
        || curl_easy_setopt(easy, CURLOPT_HEADERDATA, t)
        || curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                            ngx_triggers_transfer_body)
        || curl_easy_setopt(easy, CURLOPT_WRITEDATA, t))
    {
        return NGX_ERROR;
    }

#if (LIBCURL_VERSION_NUM >= 0x075700)

    /* a handle that is given up does not wait for its name to be resolved */

    if (curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L)) {
        return NGX_ERROR;
    }

#endif

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_transfer_security(ngx_triggers_transfer_t *t)
{
    CURL                        *easy;
    struct curl_blob             blob;
    ngx_triggers_sender_conf_t  *conf;

    easy = t->easy;
    conf = &t->channel->sender->conf;

    /* an empty proxy is none, whatever the environment says */

    if (curl_easy_setopt(easy, CURLOPT_PROXY, "")
        || curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L)
#if (LIBCURL_VERSION_NUM >= 0x075500)
        || curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")
#else
        || curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                            CURLPROTO_HTTP|CURLPROTO_HTTPS)
#endif
        || curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                            (long) CURL_SSLVERSION_TLSv1_2)
        || curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L)
        || curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L)
        || curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
                            ngx_triggers_transfer_socket)
        || curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t))
    {
        return NGX_ERROR;
    }

    blob.data = conf->trusted_certificate.data;
    blob.len = conf->trusted_certificate.len;
    blob.flags = CURL_BLOB_NOCOPY;

    if (blob.len
        && (curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob)
            || curl_easy_setopt(easy, CURLOPT_CAPATH, NULL)))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_triggers_transfer_start(ngx_triggers_transfer_t *t,
    ngx_triggers_message_t *message)
{
    CURL        *easy;
    ngx_uint_t   i;

    easy = t->easy;

    for (i = 0; i < message->nheaders; i++) {
        t->headers[i].data = message->headers[i];
        t->headers[i].next = &t->headers[i + 1];
    }

    /* a long body does not wait for leave to be sent */

    t->headers[i].data = (char *) "Expect:";
    t->headers[i].next = NULL;

    if (curl_easy_setopt(easy, CURLOPT_URL, message->url)
        || curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers)
        || curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                            message->body.len ? (char *) message->body.data
                                              : "")
        || curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t) message->body.len))
    {
        return NGX_ERROR;
    }

    message->transfer = t;
    t->message = message;
    t->started = ngx_triggers_monotonic_ms();
    t->header_bytes = 0;
    t->body_bytes = 0;
    t->answered = 0;
    t->refused = 0;

    if (curl_multi_add_handle(t->channel->multi, easy) != CURLM_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_triggers_transfer_release(ngx_triggers_transfer_t *t)
{
    (void) curl_multi_remove_handle(t->channel->multi, t->easy);

    t->message = NULL;
    t->channel->sender->nbusy--;

    ngx_queue_remove(&t->queue);
    ngx_queue_insert_head(&t->channel->free, &t->queue);
}


/*
 * The status is what the endpoint has to say: once it is there, it does not
 * matter whether the body was too long or too slow.
 */

static void
ngx_triggers_transfer_result(ngx_triggers_transfer_t *t, CURLcode code)
{
    long                     status;
    curl_off_t               retry_after;
    ngx_uint_t               i, n;
    ngx_triggers_message_t  *message;

    message = t->message;

    message->status = 0;
    message->error = NULL;
    message->retry_after = 0;
    message->duration = ngx_triggers_monotonic_ms() - t->started;

    if (t->answered
        && curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status)
           == CURLE_OK
        && status > 0)
    {
        message->status = status;

        if (curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after)
            == CURLE_OK
            && retry_after > 0)
        {
            message->retry_after = ngx_min(retry_after,
                                           NGX_TRIGGERS_SENDER_RETRY_AFTER);
        }

        return;
    }

    if (t->refused) {
        message->error = "address is not allowed";
        return;
    }

    n = sizeof(ngx_triggers_sender_errors)
        / sizeof(ngx_triggers_sender_errors[0]);

    for (i = 0; i < n; i++) {
        if (ngx_triggers_sender_errors[i].code == code) {
            message->error = ngx_triggers_sender_errors[i].text;
            return;
        }
    }

    message->error = "could not be sent";
}


/*
 * Called for each address that is connected to, after the name was resolved:
 * a name that means another address than a moment ago gains nothing.
 */

static curl_socket_t
ngx_triggers_transfer_socket(void *data, curlsocktype purpose,
    struct curl_sockaddr *address)
{
    ngx_triggers_transfer_t *t = data;

    ngx_str_t               *allowed;
    ngx_triggers_channel_t  *channel;

    channel = t->channel;
    allowed = &channel->sender->conf.allowed;

    if (purpose != CURLSOCKTYPE_IPCXN) {
        return CURL_SOCKET_BAD;
    }

    if (!channel->trusted
        && !ngx_triggers_address_is_public(&address->addr)
        && !ngx_triggers_networks_match(allowed->data, allowed->len,
                                        &address->addr))
    {
        t->refused = 1;
        return CURL_SOCKET_BAD;
    }

    return socket(address->family, address->socktype|SOCK_CLOEXEC,
                  address->protocol);
}


static size_t
ngx_triggers_transfer_header(char *p, size_t size, size_t n, void *data)
{
    ngx_triggers_transfer_t *t = data;

    long  status;

    t->header_bytes += size * n;

    /* an empty line ends a header; those of 1xx are followed by another */

    if (size * n > 0 && (*p == CR || *p == LF)
        && curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status)
           == CURLE_OK
        && status >= 200)
    {
        t->answered = 1;
    }

    return (t->header_bytes <= NGX_TRIGGERS_SENDER_ANSWER) ? size * n : 0;
}


static size_t
ngx_triggers_transfer_body(char *p, size_t size, size_t n, void *data)
{
    ngx_triggers_transfer_t *t = data;

    (void) p;

    t->body_bytes += size * n;

    return (t->body_bytes <= NGX_TRIGGERS_SENDER_ANSWER) ? size * n : 0;
}


static ngx_msec_t
ngx_triggers_sender_wait(ngx_triggers_sender_t *sender, ngx_msec_t timeout)
{
    uint64_t    now, due;
    ngx_uint_t  i;

    now = ngx_triggers_monotonic_ms();

    for (i = 0; i < 2; i++) {
        due = sender->channels[i].due;

        if (due && due < now + timeout) {
            timeout = (due > now) ? due - now : 0;
        }
    }

    return timeout;
}
