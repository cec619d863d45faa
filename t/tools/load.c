
/*
 * A load generator for the fault suite: many connections post numbered events
 * to 127.0.0.1 for a while, each as soon as its last one was answered.
 *
 *     load PORT CONNECTIONS SECONDS FIRST KEY [PAYLOAD_BYTES]
 *
 * Event n is {"event_type":"load","payload":{"n":n,...}}; no number is ever
 * sent twice.  For every answer with a 2xx code a line "n event_id" goes to
 * standard output; at the end a line with counters goes to standard error:
 *
 *     sent=.. accepted=.. refused=.. other=.. lost=.. retry_after=.. next=..
 *
 * refused are 503s, retry_after those of them with that header, other are
 * answers with any other code, lost are requests that a connection took with
 * it when it closed.  A connection that is refused or reset is opened again.
 * SIGTERM ends the run early.
 */


#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define MAX_CONNECTIONS  1024
#define RETRY_MS         20          /* before a connection is opened again */
#define GRACE_MS         15000       /* for answers after the end */


typedef struct {
    int        fd;
    int        connecting;
    int        busy;                 /* a request is under way */
    long long  number;               /* its number */
    long long  retry_at;             /* when to connect, ms */
    char      *out;
    size_t     out_len;
    size_t     out_pos;
    char       in[16384];
    size_t     in_len;
} conn_t;


typedef struct {
    long  sent;
    long  accepted;
    long  refused;
    long  retry_after;
    long  other;
    long  lost;
} counters_t;


static conn_t                 conns[MAX_CONNECTIONS];
static struct pollfd          fds[MAX_CONNECTIONS];
static counters_t             counters;
static long long              next_number;
static int                    port;
static size_t                 padding;
static const char            *key;
static volatile sig_atomic_t  stopped;


static void on_signal(int signo);
static long long now_ms(void);
static void conn_open(conn_t *c);
static void conn_close(conn_t *c);
static void conn_post(conn_t *c);
static void conn_write(conn_t *c);
static void conn_read(conn_t *c, int ending);
static int conn_answer(conn_t *c);
static void count_answer(conn_t *c, int code, const char *body);


int
main(int argc, char **argv)
{
    int        n, i, alive, ending;
    conn_t    *c;
    long long  end, now;

    if (argc < 6) {
        fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS FIRST KEY "
                        "[PAYLOAD_BYTES]\n");
        return 2;
    }

    port = atoi(argv[1]);
    n = atoi(argv[2]);
    end = now_ms() + (long long) (atof(argv[3]) * 1000);
    next_number = atoll(argv[4]);
    key = argv[5];
    padding = argc > 6 ? (size_t) atol(argv[6]) : 0;

    if (n < 1 || n > MAX_CONNECTIONS) {
        n = MAX_CONNECTIONS;
    }

    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_signal);

    for (i = 0; i < n; i++) {
        conns[i].fd = -1;
        conns[i].out = malloc(padding + 1024);

        if (conns[i].out == NULL) {
            return 1;
        }
    }

    for ( ;; ) {
        now = now_ms();
        ending = stopped || now >= end;
        alive = 0;

        for (i = 0; i < n; i++) {
            c = &conns[i];

            if (c->fd == -1 && !ending && now >= c->retry_at) {
                conn_open(c);
            }

            if (c->fd != -1 && ending && !c->busy) {
                conn_close(c);
            }

            fds[i].fd = c->fd;
            fds[i].events = POLLIN;

            if (c->connecting || (c->busy && c->out_pos < c->out_len)) {
                fds[i].events |= POLLOUT;
            }

            alive += (c->fd != -1);
        }

        if (ending && (alive == 0 || now > end + GRACE_MS)) {
            break;
        }

        if (poll(fds, n, 20) <= 0) {
            continue;
        }

        for (i = 0; i < n; i++) {
            c = &conns[i];

            if (c->fd == -1 || fds[i].revents == 0) {
                continue;
            }

            if (c->connecting) {
                c->connecting = 0;

                if (fds[i].revents & (POLLERR|POLLHUP)) {
                    conn_close(c);
                    continue;
                }

                conn_post(c);
                continue;
            }

            if (fds[i].revents & POLLOUT) {
                conn_write(c);
            }

            if (c->fd != -1 && fds[i].revents & (POLLIN|POLLERR|POLLHUP)) {
                conn_read(c, ending);
            }
        }
    }

    for (i = 0; i < n; i++) {
        conn_close(&conns[i]);
    }

    fflush(stdout);

    fprintf(stderr, "sent=%ld accepted=%ld refused=%ld other=%ld lost=%ld "
                    "retry_after=%ld next=%lld\n",
            counters.sent, counters.accepted, counters.refused,
            counters.other, counters.lost, counters.retry_after,
            next_number);

    return 0;
}


static void
on_signal(int signo)
{
    (void) signo;

    stopped = 1;
}


static long long
now_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (long long) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
conn_open(conn_t *c)
{
    int                 on;
    struct sockaddr_in  sin;

    c->fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0);

    if (c->fd == -1) {
        perror("socket()");
        exit(1);
    }

    on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int));

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    c->connecting = 1;
    c->busy = 0;
    c->in_len = 0;

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        && errno != EINPROGRESS)
    {
        conn_close(c);
    }
}


static void
conn_close(conn_t *c)
{
    if (c->fd == -1) {
        return;
    }

    if (c->busy) {
        counters.lost++;
    }

    close(c->fd);

    c->fd = -1;
    c->busy = 0;
    c->connecting = 0;
    c->retry_at = now_ms() + RETRY_MS;
}


static void
conn_post(conn_t *c)
{
    int   len, head;
    char  body[256];

    len = sprintf(body, "{\"event_type\":\"load\",\"payload\":{\"n\":%lld",
                  next_number);

    if (padding) {
        len += sprintf(body + len, ",\"p\":\"");
    }

    head = sprintf(c->out, "POST /events HTTP/1.1\r\nHost: localhost\r\n"
                   "Authorization: Bearer %s\r\n"
                   "Content-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   key, len + padding + (padding ? 3 : 2), body);

    memset(c->out + head, 'x', padding);
    strcpy(c->out + head + padding, padding ? "\"}}" : "}}");

    c->out_len = head + padding + (padding ? 3 : 2);
    c->out_pos = 0;
    c->in_len = 0;
    c->busy = 1;
    c->number = next_number++;

    counters.sent++;

    conn_write(c);
}


static void
conn_write(conn_t *c)
{
    ssize_t  n;

    while (c->out_pos < c->out_len) {
        n = write(c->fd, c->out + c->out_pos, c->out_len - c->out_pos);

        if (n == -1) {
            if (errno == EAGAIN) {
                return;
            }

            /* an answer may have come before the connection was reset */

            conn_read(c, 1);
            conn_close(c);
            return;
        }

        c->out_pos += n;
    }
}


static void
conn_read(conn_t *c, int ending)
{
    int      keep;
    ssize_t  n;

    for ( ;; ) {
        n = read(c->fd, c->in + c->in_len, sizeof(c->in) - 1 - c->in_len);

        if (n == -1 && errno == EAGAIN) {
            return;
        }

        if (n <= 0) {
            conn_close(c);
            return;
        }

        c->in_len += n;
        c->in[c->in_len] = '\0';

        keep = conn_answer(c);

        if (keep == 0) {
            continue;
        }

        if (keep < 0 || ending) {
            conn_close(c);
            return;
        }

        conn_post(c);
        return;
    }
}


/* 0: not yet complete; 1: complete; -1: complete, the connection ends */

static int
conn_answer(conn_t *c)
{
    int    code;
    char  *body, *p;
    long   length;

    body = strstr(c->in, "\r\n\r\n");

    if (body == NULL) {
        return 0;
    }

    body += 4;

    p = strcasestr(c->in, "\r\nContent-Length: ");

    if (p == NULL || p > body) {
        fprintf(stderr, "answer without a length\n");
        c->busy = 0;
        counters.other++;
        return -1;
    }

    length = atol(p + sizeof("\r\nContent-Length: ") - 1);

    if (c->in + c->in_len < body + length) {
        return 0;
    }

    code = atoi(c->in + sizeof("HTTP/1.1 ") - 1);

    c->busy = 0;
    count_answer(c, code, body);

    p = strcasestr(c->in, "\r\nConnection: close");

    return (p != NULL && p < body) ? -1 : 1;
}


static void
count_answer(conn_t *c, int code, const char *body)
{
    const char  *id, *p;

    if (code >= 200 && code < 300) {
        counters.accepted++;

        id = strstr(body, "\"event_id\":");
        id = id ? strchr(id + sizeof("\"event_id\":") - 1, '"') : NULL;

        printf("%lld %.36s\n", c->number, id ? id + 1 : "-");
        return;
    }

    if (code == 503) {
        counters.refused++;

        p = strcasestr(c->in, "\r\nRetry-After: ");

        if (p != NULL && p < body) {
            counters.retry_after++;
        }

        return;
    }

    if (counters.other++ < 3) {
        fprintf(stderr, "answer %d: %s\n", code, body);
    }
}
