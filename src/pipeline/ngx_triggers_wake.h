
/*
 * Waking processes, and knowing which of them live.
 *
 * Every worker owns a datagram socket in Linux' abstract namespace (unix(7))
 * whose name is made of the zone's nonce and the worker's slot; the leader
 * owns one more.  Binding such a name is a lock: one process can have it, and
 * the kernel frees it when the process ends, however it ends.  A datagram to
 * it wakes its owner's event loop.  The contents of a datagram mean nothing:
 * whoever is woken looks into the zone.
 *
 * Nothing here allocates or blocks; every function may be called from any
 * thread.
 */


#ifndef _NGX_TRIGGERS_WAKE_H_INCLUDED_
#define _NGX_TRIGGERS_WAKE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_LEADER  0xffffffff    /* the "slot" of leadership */


/* A datagram socket, nonblocking and closed on exec; -1 on an error, logged. */

ngx_socket_t ngx_triggers_wake_socket(ngx_log_t *log);

/*
 * Takes the name of a slot for the socket.  NGX_OK; NGX_BUSY: a living
 * process has it; NGX_ERROR, logged.
 */

ngx_int_t ngx_triggers_wake_bind(ngx_socket_t fd, uint64_t nonce,
    ngx_uint_t slot, ngx_log_t *log);

/* Wakes the owner of a slot.  NGX_OK; NGX_DECLINED: nobody owns it. */

ngx_int_t ngx_triggers_wake_send(ngx_socket_t fd, uint64_t nonce,
    ngx_uint_t slot);

/* Takes away the datagrams that have come. */

void ngx_triggers_wake_drain(ngx_socket_t fd);


#endif /* _NGX_TRIGGERS_WAKE_H_INCLUDED_ */
