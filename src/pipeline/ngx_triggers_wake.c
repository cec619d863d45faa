
/*
 * Datagram sockets that wake workers and whose names are locks on slots and
 * on leadership; see the header.
 */


#include "ngx_triggers_wake.h"


static socklen_t ngx_triggers_wake_name(struct sockaddr_un *sun,
    uint64_t nonce, ngx_uint_t slot);


ngx_socket_t
ngx_triggers_wake_socket(ngx_log_t *log)
{
    ngx_socket_t  fd;

    fd = socket(AF_UNIX, SOCK_DGRAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_socket_errno,
                      "triggers: socket() failed");
    }

    return fd;
}


ngx_int_t
ngx_triggers_wake_bind(ngx_socket_t fd, uint64_t nonce, ngx_uint_t slot,
    ngx_log_t *log)
{
    socklen_t           len;
    struct sockaddr_un  sun;

    len = ngx_triggers_wake_name(&sun, nonce, slot);

    if (bind(fd, (struct sockaddr *) &sun, len) == 0) {
        return NGX_OK;
    }

    if (ngx_socket_errno == NGX_EADDRINUSE) {
        return NGX_BUSY;
    }

    ngx_log_error(NGX_LOG_CRIT, log, ngx_socket_errno,
                  "triggers: bind() of slot %ui failed", slot);

    return NGX_ERROR;
}


ngx_int_t
ngx_triggers_wake_send(ngx_socket_t fd, uint64_t nonce, ngx_uint_t slot)
{
    socklen_t           len;
    struct sockaddr_un  sun;

    len = ngx_triggers_wake_name(&sun, nonce, slot);

    if (sendto(fd, "", 1, MSG_DONTWAIT|MSG_NOSIGNAL, (struct sockaddr *) &sun,
               len)
        == -1
        && ngx_socket_errno == NGX_ECONNREFUSED)
    {
        return NGX_DECLINED;
    }

    /* a full queue is as good: its owner will wake */

    return NGX_OK;
}


void
ngx_triggers_wake_drain(ngx_socket_t fd)
{
    u_char  buf[8];

    while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0) { /* void */ }
}


static socklen_t
ngx_triggers_wake_name(struct sockaddr_un *sun, uint64_t nonce,
    ngx_uint_t slot)
{
    u_char  *p, *last;

    ngx_memzero(sun, sizeof(struct sockaddr_un));

    sun->sun_family = AF_UNIX;

    /* the leading zero byte makes the name abstract */

    p = (u_char *) &sun->sun_path[1];
    last = (u_char *) sun->sun_path + sizeof(sun->sun_path);

    if (slot == NGX_TRIGGERS_LEADER) {
        p = ngx_slprintf(p, last, "ngx_triggers/%016xL/leader", nonce);

    } else {
        p = ngx_slprintf(p, last, "ngx_triggers/%016xL/%ui", nonce, slot);
    }

    return p - (u_char *) sun;
}
