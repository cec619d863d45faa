
/*
 * Unit tests of the sender against a server of their own, a thread for each
 * connection, which does what the path of a request says.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "unit.h"
#include "ngx_triggers_networks.h"
#include "ngx_triggers_sender.h"

#include <pthread.h>


#define TEST_MESSAGES   64
#define TEST_TIMEOUT    500        /* ms, of a message */
#define TEST_ANSWER     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


typedef struct {
    const char              *path;
    const char              *answer;           /* NULL: none, and it hangs */
    ngx_uint_t               close;            /* flag: then close */
} test_answer_t;


typedef struct {
    ngx_triggers_message_t   message;
    char                     url[128];
} test_message_t;


static void test_answers(ngx_triggers_sender_t *sender);
static void test_date(ngx_triggers_sender_t *sender);
static void test_request(ngx_triggers_sender_t *sender);
static void test_large(ngx_triggers_sender_t *sender);
static void test_failures(ngx_triggers_sender_t *sender);
static void test_addresses(ngx_triggers_sender_t *sender);
static void test_allowed(void);
static void test_connections(void);
static void test_many(void);
static void test_wake(ngx_triggers_sender_t *sender);
static void test_drop(void);

static ngx_triggers_sender_t *test_sender(ngx_uint_t messages,
    const char *allowed);
static ngx_triggers_message_t *test_get(ngx_triggers_sender_t *sender,
    const char *host, const char *path, ngx_uint_t trusted);
static void test_done(void *data, ngx_triggers_message_t *message);
static void test_run(ngx_triggers_sender_t *sender, ngx_uint_t n);
static void test_listen(void);
static void *test_server(void *data);
static void *test_serve(void *data);
static void test_answer(int fd, const char *request);
static uint64_t test_now(void);
static void *test_waker(void *data);


static int         test_socket;
static int         test_port;
static int         test_connected;             /* atomic: connections so far */
static char        test_last[8192];            /* request */
static ngx_uint_t  test_returned;


/* what a request is answered with, by its path; other paths are 200 */

static const test_answer_t  test_server_answers[] = {
    { "/204", "HTTP/1.1 204 No Content\r\n\r\n", 0 },
    { "/302", "HTTP/1.1 302 Found\r\nLocation: /200\r\n"
              "Content-Length: 0\r\n\r\n", 0 },
    { "/410", "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", 0 },
    { "/429", "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n"
              "Content-Length: 0\r\n\r\n", 0 },
    { "/year", "HTTP/1.1 503 Unavailable\r\nRetry-After: 31536000\r\n"
               "Content-Length: 0\r\n\r\n", 0 },
    { "/never", "HTTP/1.1 503 Unavailable\r\nRetry-After: soon\r\n"
                "Content-Length: 0\r\n\r\n", 0 },
    { "/past", "HTTP/1.1 503 Unavailable\r\n"
               "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
               "Content-Length: 0\r\n\r\n", 0 },
    { "/103", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
              "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 0 },
    { "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nno", 1 },
    { "/slow", "HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\nslow", 0 },
    { "/hang", NULL, 0 },
    { "/begun", "HTTP/1.1 200 OK\r\nContent-", 0 },
    { "/only103", "HTTP/1.1 103 Early Hints\r\n\r\n", 1 },
    { "/close", "", 1 },
    { "/garbage", "hello\r\n\r\n", 1 }
};


int
main(void)
{
    ngx_triggers_sender_t  *sender;

    test_listen();

    sender = test_sender(TEST_MESSAGES, NULL);
    if (sender == NULL) {
        return 1;
    }

    test_answers(sender);
    test_date(sender);
    test_request(sender);
    test_large(sender);
    test_failures(sender);
    test_addresses(sender);
    test_wake(sender);

    ngx_triggers_sender_destroy(sender);

    test_allowed();
    test_connections();
    test_many();
    test_drop();

    return unit_done();
}


static void
test_answers(ngx_triggers_sender_t *sender)
{
    ngx_uint_t               i;
    ngx_triggers_message_t  *m;

    static const struct {
        const char  *path;
        ngx_uint_t   status;
        ngx_uint_t   retry_after;
    } t[] = {
        { "/200", 200, 0 }, { "/204", 204, 0 }, { "/302", 302, 0 },
        { "/410", 410, 0 }, { "/429", 429, 7 }, { "/year", 503, 86400 },
        { "/never", 503, 0 }, { "/past", 503, 0 }, { "/103", 201, 0 },
        { "/cut", 200, 0 }, { "/slow", 202, 0 }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        m = test_get(sender, "127.0.0.1", t[i].path, 1);

        unit_ok(m->status == t[i].status && m->error == NULL
                && m->retry_after == t[i].retry_after,
                "answer: %s is %d, retry after %d", t[i].path,
                (int) m->status, (int) m->retry_after);
    }
}


static void
test_date(ngx_triggers_sender_t *sender)
{
    ngx_triggers_message_t  *m;

    m = test_get(sender, "127.0.0.1", "/date", 1);

    unit_ok(m->status == 503 && m->retry_after >= 85 && m->retry_after <= 91,
            "answer: retry after a date, %d s", (int) m->retry_after);
}


static void
test_request(ngx_triggers_sender_t *sender)
{
    ngx_triggers_message_t  *m;

    m = test_get(sender, "127.0.0.1", "/path?a=b", 1);

    unit_ok(m->status == 200, "request: answered");
    unit_ok(strncmp(test_last, "POST /path?a=b HTTP/1.1\r\n", 25) == 0,
            "request: its line");
    unit_ok(strstr(test_last, "\r\nUser-Agent: test/1\r\n") != NULL,
            "request: user agent");
    unit_ok(strstr(test_last, "\r\nX-Test: one\r\n") != NULL
            && strstr(test_last, "\r\nContent-Type: text/x-test\r\n") != NULL,
            "request: headers of the message");
    unit_ok(strstr(test_last, "\r\nContent-Length: 4\r\n") != NULL
            && strstr(test_last, "\r\n\r\nbody") != NULL,
            "request: body");
    unit_ok(strstr(test_last, "Expect") == NULL
            && strstr(test_last, "Accept-Encoding") == NULL,
            "request: nothing is asked for that is not wanted");
}


static void
test_large(ngx_triggers_sender_t *sender)
{
    uint64_t                 start;
    ngx_triggers_message_t  *m;

    start = test_now();
    m = test_get(sender, "127.0.0.1", "/endless", 1);

    unit_ok(m->status == 200 && m->error == NULL,
            "large: an endless body is cut off");
    unit_ok(test_now() - start < TEST_TIMEOUT, "large: at once");

    m = test_get(sender, "127.0.0.1", "/headers", 1);

    unit_ok(m->status == 0 && m->error
            && strcmp(m->error, "answer is too large") == 0,
            "large: an endless header is none: %s", m->error);
}


static void
test_failures(ngx_triggers_sender_t *sender)
{
    ngx_uint_t               i;
    ngx_triggers_message_t  *m;

    static const struct {
        const char  *path;
        const char  *error;
    } t[] = {
        { "/hang", "timed out" },
        { "/begun", "timed out" },
        { "/only103", "connection closed without an answer" },
        { "/close", "connection closed without an answer" },
        { "/garbage", "answer is not HTTP" }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        m = test_get(sender, "127.0.0.1", t[i].path, 1);

        unit_ok(m->status == 0 && m->error
                && strcmp(m->error, t[i].error) == 0,
                "failure: %s, %s", t[i].path, m->error);
    }

    unit_ok(m->duration < TEST_TIMEOUT, "failure: told at once");

    m = test_get(sender, "127.0.0.1:1", "", 1);
    unit_ok(m->status == 0 && m->error
            && strcmp(m->error, "connection refused or unreachable") == 0,
            "failure: nobody listens");

    m = test_get(sender, "name.invalid:80", "", 1);
    unit_ok(m->status == 0 && m->error
            && strcmp(m->error, "host name could not be resolved") == 0,
            "failure: no such name");

    m = test_get(sender, "127.0.0.1", "/hang", 1);
    unit_ok(m->duration >= TEST_TIMEOUT - 50
            && m->duration < 3 * TEST_TIMEOUT,
            "failure: %d ms", (int) m->duration);
}


/* of endpoints that are not trusted; a name counts by what it means */

static void
test_addresses(ngx_triggers_sender_t *sender)
{
    int                      connected;
    ngx_uint_t               i;
    ngx_triggers_message_t  *m;

    static const char  *hosts[] = {
        "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0",
        "0x7f.1", "2130706433", "017700000001", "169.254.169.254:80",
        "[64:ff9b::7f00:1]:80", "10.0.0.1:80"
    };

    connected = test_connected;

    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        m = test_get(sender, hosts[i], "/200", 0);

        unit_ok(m->status == 0 && m->error
                && strcmp(m->error, "address is not allowed") == 0,
                "address: %s is not allowed", hosts[i]);
    }

    unit_ok(test_connected == connected, "address: nobody was connected to");

    m = test_get(sender, "localhost", "/200", 1);
    unit_ok(m->status == 200, "address: a trusted endpoint may be local");
}


static void
test_allowed(void)
{
    ngx_triggers_sender_t  *sender;

    sender = test_sender(1, "127.0.0.0/30");

    unit_ok(test_get(sender, "127.0.0.1", "/200", 0)->status == 200,
            "allowed: an address of the list");
    unit_ok(test_get(sender, "127.0.0.4", "/200", 0)->status == 0,
            "allowed: not its neighbour");

    ngx_triggers_sender_destroy(sender);
}


/* the same endpoint, trusted and not */

static void
test_connections(void)
{
    int                     connected;
    ngx_triggers_sender_t  *sender;

    sender = test_sender(4, "127.0.0.1");
    connected = test_connected;

    (void) test_get(sender, "127.0.0.1", "/200", 1);
    (void) test_get(sender, "127.0.0.1", "/204", 1);
    (void) test_get(sender, "127.0.0.1", "/410", 1);

    unit_ok(test_connected == connected + 1, "connections: kept");

    (void) test_get(sender, "127.0.0.1", "/200", 0);
    (void) test_get(sender, "127.0.0.1", "/200", 0);

    unit_ok(test_connected == connected + 2,
            "connections: trusted ones are not for others");

    ngx_triggers_sender_destroy(sender);
}


static void
test_many(void)
{
    ngx_uint_t              i, good;
    test_message_t         *list;
    ngx_triggers_sender_t  *sender;

    sender = test_sender(TEST_MESSAGES, NULL);

    list = calloc(TEST_MESSAGES + 1, sizeof(test_message_t));
    if (list == NULL) {
        exit(1);
    }

    good = 0;
    test_returned = 0;

    for (i = 0; i <= TEST_MESSAGES; i++) {
        sprintf(list[i].url, "http://127.0.0.1:%d/%s", test_port,
                i % 2 ? "200" : "410");
        list[i].message.url = list[i].url;
        list[i].message.trusted = 1;

        good += (ngx_triggers_sender_send(sender, &list[i].message)
                 == NGX_OK);
    }

    unit_ok(good == TEST_MESSAGES, "many: no more than allowed at once");

    test_run(sender, TEST_MESSAGES);

    for (good = 0, i = 0; i < TEST_MESSAGES; i++) {
        good += (list[i].message.status == (i % 2 ? 200 : 410));
    }

    unit_ok(good == TEST_MESSAGES, "many: each has its own answer");

    unit_ok(ngx_triggers_sender_send(sender, &list[0].message) == NGX_OK,
            "many: there is room again");

    test_returned = 0;
    test_run(sender, 1);

    ngx_triggers_sender_destroy(sender);
    free(list);
}


static void
test_wake(ngx_triggers_sender_t *sender)
{
    uint64_t   start;
    pthread_t  thread;

    start = test_now();
    ngx_triggers_sender_wake(sender);
    ngx_triggers_sender_wake(sender);
    (void) ngx_triggers_sender_run(sender, 10000);

    unit_ok(test_now() - start < 5000, "wake: before a run");

    start = test_now();
    (void) ngx_triggers_sender_run(sender, 100);
    unit_ok(test_now() - start >= 99, "wake: is then forgotten");

    start = test_now();

    if (pthread_create(&thread, NULL, test_waker, sender) != 0) {
        exit(1);
    }

    (void) ngx_triggers_sender_run(sender, 10000);
    (void) pthread_join(thread, NULL);

    unit_ok(test_now() - start < 5000, "wake: within a run");
}


/*
 * What is given up does not come back; what hangs and what is being resolved
 * do not keep the sender.
 */

static void
test_drop(void)
{
    uint64_t                start;
    test_message_t          list[2];
    ngx_triggers_sender_t  *sender;

    sender = test_sender(4, NULL);

    memset(list, 0, sizeof(list));
    sprintf(list[0].url, "http://127.0.0.1:%d/hang", test_port);
    sprintf(list[1].url, "http://name.invalid/");

    list[0].message.url = list[0].url;
    list[1].message.url = list[1].url;
    list[0].message.trusted = 1;
    list[1].message.trusted = 1;

    test_returned = 0;

    (void) ngx_triggers_sender_send(sender, &list[0].message);
    (void) ngx_triggers_sender_run(sender, 100);

    unit_ok(ngx_triggers_sender_busy(sender) == 1, "drop: it hangs");

    ngx_triggers_sender_drop(&list[0].message);
    (void) ngx_triggers_sender_run(sender, 100);

    unit_ok(ngx_triggers_sender_busy(sender) == 0 && test_returned == 0,
            "drop: it is given up");

    (void) ngx_triggers_sender_send(sender, &list[0].message);
    (void) ngx_triggers_sender_run(sender, 100);
    (void) ngx_triggers_sender_send(sender, &list[1].message);
    (void) ngx_triggers_sender_run(sender, 0);

    start = test_now();
    ngx_triggers_sender_destroy(sender);

    unit_ok(test_now() - start < TEST_TIMEOUT / 2 && test_returned <= 1,
            "drop: at once");
}


static ngx_triggers_sender_t *
test_sender(ngx_uint_t messages, const char *allowed)
{
    ngx_str_t                   text;
    ngx_triggers_sender_conf_t  conf;

    static u_char  networks[64];

    memset(&conf, 0, sizeof(conf));

    conf.messages = messages;
    conf.timeout = TEST_TIMEOUT;
    conf.user_agent = "test/1";
    conf.allowed.data = networks;

    if (allowed) {
        text.data = (u_char *) allowed;
        text.len = strlen(allowed);

        (void) ngx_triggers_networks_add(&conf.allowed, sizeof(networks),
                                         &text);
    }

    return ngx_triggers_sender_create(&conf, test_done, NULL, unit_log());
}


/* a host without a port has that of the server */

static ngx_triggers_message_t *
test_get(ngx_triggers_sender_t *sender, const char *host, const char *path,
    ngx_uint_t trusted)
{
    const char              *colon;
    ngx_triggers_message_t  *m;

    static test_message_t  message;

    memset(&message, 0, sizeof(message));

    colon = strrchr(host, ':');

    if (colon && strchr(colon, ']') == NULL) {
        sprintf(message.url, "http://%s%s", host, path);

    } else {
        sprintf(message.url, "http://%s:%d%s", host, test_port, path);
    }

    m = &message.message;

    m->url = message.url;
    m->trusted = trusted;
    m->headers[0] = (char *) "X-Test: one";
    m->headers[1] = (char *) "Content-Type: text/x-test";
    m->nheaders = 2;
    m->body.data = (u_char *) "body and what is behind it";
    m->body.len = 4;
    m->error = "not returned";

    test_returned = 0;

    if (ngx_triggers_sender_send(sender, m) == NGX_OK) {
        test_run(sender, 1);
    }

    return m;
}


static void
test_done(void *data, ngx_triggers_message_t *message)
{
    (void) data;
    (void) message;

    test_returned++;
}


static void
test_run(ngx_triggers_sender_t *sender, ngx_uint_t n)
{
    uint64_t  until;

    until = test_now() + 20000;

    while (test_returned < n && test_now() < until) {
        if (ngx_triggers_sender_run(sender, 100) != NGX_OK) {
            return;
        }
    }
}


static void
test_listen(void)
{
    int                 on;
    socklen_t           len;
    pthread_t           thread;
    struct sockaddr_in  sin;

    (void) signal(SIGPIPE, SIG_IGN);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;

    on = 1;
    len = sizeof(sin);
    test_socket = socket(AF_INET, SOCK_STREAM, 0);

    (void) setsockopt(test_socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    if (bind(test_socket, (struct sockaddr *) &sin, len) == -1
        || listen(test_socket, 511) == -1
        || getsockname(test_socket, (struct sockaddr *) &sin, &len) == -1
        || pthread_create(&thread, NULL, test_server, NULL) != 0)
    {
        perror("server");
        exit(1);
    }

    test_port = ntohs(sin.sin_port);
}


static void *
test_server(void *data)
{
    int        fd;
    pthread_t  thread;

    for ( ;; ) {
        fd = accept(test_socket, NULL, NULL);

        if (fd == -1) {
            return data;
        }

        (void) __atomic_add_fetch(&test_connected, 1, __ATOMIC_SEQ_CST);

        if (pthread_create(&thread, NULL, test_serve, (void *) (intptr_t) fd)
            == 0)
        {
            (void) pthread_detach(thread);
        }
    }
}


/* requests are short and come in one piece or in two */

static void *
test_serve(void *data)
{
    int      fd;
    char    *end, buf[4096];
    size_t   len, body;
    ssize_t  n;

    fd = (int) (intptr_t) data;
    len = 0;

    for ( ;; ) {
        n = read(fd, buf + len, sizeof(buf) - 1 - len);

        if (n <= 0) {
            (void) close(fd);
            return NULL;
        }

        len += n;
        buf[len] = '\0';

        end = strstr(buf, "\r\n\r\n");
        body = strstr(buf, "Content-Length: 4") ? 4 : 0;

        if (end && buf + len >= end + 4 + body) {
            memcpy(test_last, buf, len + 1);
            test_answer(fd, buf);
            len = 0;
        }
    }
}


static void
test_answer(int fd, const char *request)
{
    char         buf[256];
    size_t       i, len;
    time_t       when;
    struct tm    tm;
    const char  *path, *answer;

    path = strchr(request, ' ') + 1;
    answer = TEST_ANSWER;

    if (strncmp(path, "/date ", 6) == 0) {
        when = time(NULL) + 90;
        (void) gmtime_r(&when, &tm);
        (void) strftime(buf, sizeof(buf), "HTTP/1.1 503 No\r\nRetry-After: "
                        "%a, %d %b %Y %H:%M:%S GMT\r\n"
                        "Content-Length: 0\r\n\r\n", &tm);
        answer = buf;
    }

    if (strncmp(path, "/endless ", 9) == 0
        || strncmp(path, "/headers ", 9) == 0)
    {
        sprintf(buf, path[1] == 'e' ? "HTTP/1.1 200 OK\r\n\r\n"
                                    : "HTTP/1.1 200 OK\r\n");

        while (write(fd, buf, strlen(buf)) > 0) {
            sprintf(buf, "X-%d: of many that look like a header\r\n", fd);
        }

        return;
    }

    for (i = 0;
         i < sizeof(test_server_answers) / sizeof(test_server_answers[0]);
         i++)
    {
        len = strlen(test_server_answers[i].path);

        if (strncmp(path, test_server_answers[i].path, len) != 0
            || path[len] != ' ')
        {
            continue;
        }

        answer = test_server_answers[i].answer;

        if (answer && write(fd, answer, strlen(answer)) > 0) {
            /* void */
        }

        if (test_server_answers[i].close) {
            (void) shutdown(fd, SHUT_RDWR);
        }

        return;
    }

    if (write(fd, answer, strlen(answer)) > 0) {
        /* void */
    }
}


static uint64_t
test_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void *
test_waker(void *data)
{
    (void) usleep(50000);
    ngx_triggers_sender_wake(data);

    return NULL;
}
