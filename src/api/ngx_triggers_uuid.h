
/*
 * UUIDs (RFC 9562): a generator for each process, and their text.  A
 * generator is used by one thread and has to be seeded after the fork.  Its
 * numbers are unique but can be predicted by who has seen enough of them:
 * they name things, they are never secrets.  An id that has to be one is made
 * by ngx_triggers_uuid_secret(), of the kernel's random bytes.
 */


#ifndef _NGX_TRIGGERS_UUID_H_INCLUDED_
#define _NGX_TRIGGERS_UUID_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_triggers_event.h"


#define NGX_TRIGGERS_UUID_LEN  36      /* characters of the text */


typedef struct {
    uint64_t                 state[4];
    int64_t                  ms;       /* of the last UUIDv7 */
    ngx_uint_t               counter;  /* of the last UUIDv7 */
} ngx_triggers_uuid_gen_t;


/* NGX_ERROR, with ngx_errno set, when the system has no random bytes */

ngx_int_t ngx_triggers_uuid_seed(ngx_triggers_uuid_gen_t *gen);

/* id is NGX_TRIGGERS_ID_LEN bytes */

void ngx_triggers_uuid_v4(ngx_triggers_uuid_gen_t *gen, u_char *id);

/*
 * Makes a UUIDv7 of the time, ms since the epoch.  The ids of one generator
 * grow, also when the clock goes back by up to ten seconds: they then keep
 * the last time, and a counter in place of rand_a goes on.
 */

void ngx_triggers_uuid_v7(ngx_triggers_uuid_gen_t *gen, int64_t ms,
    u_char *id);

/*
 * Makes an id of the same form whose other 74 bits are all random and cannot
 * be guessed; it takes a system call.  NGX_ERROR, with ngx_errno set: the
 * system has no random bytes.
 */

ngx_int_t ngx_triggers_uuid_secret(int64_t ms, u_char *id);

/* Random bytes of the kernel, at most 256; NGX_ERROR as above. */

ngx_int_t ngx_triggers_random(u_char *p, size_t len);

/* writes NGX_TRIGGERS_UUID_LEN characters, returns the position after them */

u_char *ngx_triggers_uuid_format(u_char *dst, u_char *id);

/*
 * Reads the 36 characters of a UUID of any version, in either case.  NGX_OK,
 * or NGX_ERROR when the text is anything else; id may then be half written.
 */

ngx_int_t ngx_triggers_uuid_parse(ngx_str_t *text, u_char *id);


#endif /* _NGX_TRIGGERS_UUID_H_INCLUDED_ */
