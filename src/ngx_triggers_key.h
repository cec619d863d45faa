
/*
 * A key of the store: who asks, for what, from where, until when.  Only its
 * SHA-256 exists; the plain key is in the one answer that told it.  The words
 * that zone, store, pipeline and api share; no function.
 */


#ifndef _NGX_TRIGGERS_KEY_H_INCLUDED_
#define _NGX_TRIGGERS_KEY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_KEY_ID_LEN      16       /* a UUID */
#define NGX_TRIGGERS_KEY_DIGEST_LEN  32       /* SHA-256 */
#define NGX_TRIGGERS_KEY_PREFIX_LEN  12       /* of the plain key */


/* members that OP_KEY_UPDATE changes */

#define NGX_TRIGGERS_KEY_NAME        0x01
#define NGX_TRIGGERS_KEY_SCOPES      0x02
#define NGX_TRIGGERS_KEY_RATE        0x04
#define NGX_TRIGGERS_KEY_ACTIVE      0x08
#define NGX_TRIGGERS_KEY_EXPIRES     0x10
#define NGX_TRIGGERS_KEY_ALLOWED     0x20


/* times are ms since the epoch, 0 is never */

typedef struct {
    u_char                   id[NGX_TRIGGERS_KEY_ID_LEN];
    u_char                   rotated_from[NGX_TRIGGERS_KEY_ID_LEN];
    u_char                   digest[NGX_TRIGGERS_KEY_DIGEST_LEN];
    int64_t                  created_at;
    int64_t                  updated_at;
    int64_t                  expires_at;
    int64_t                  last_used_at;
    int64_t                  revoked_at;
    uint32_t                 scopes;           /* bits */
    uint32_t                 rate;             /* requests a minute, 0: any */
    uint32_t                 active;           /* flag */
    uint32_t                 rotated;          /* flag: has rotated_from */

    ngx_str_t                user_id;
    ngx_str_t                name;
    ngx_str_t                prefix;           /* to recognize it by */
    ngx_str_t                allowed;          /* networks as they were given,
                                                  with commas between them;
                                                  none: all */
    ngx_str_t                networks;         /* the same, packed; see
                                                  ngx_triggers_networks.h */
} ngx_triggers_key_t;


#endif /* _NGX_TRIGGERS_KEY_H_INCLUDED_ */
