
/*
 * A webhook: an endpoint that events are pushed to.  The words that store,
 * pipeline and api share; no function.
 */


#ifndef _NGX_TRIGGERS_WEBHOOK_H_INCLUDED_
#define _NGX_TRIGGERS_WEBHOOK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_TRIGGERS_WEBHOOK_ID_LEN  16       /* a UUID */

#define NGX_TRIGGERS_WEBHOOKS_MAX    100      /* of one owner, and of the
                                                 configuration */


/* how a message looks; the values are stored */

typedef enum {
    NGX_TRIGGERS_WEBHOOK_STANDARD = 0,        /* Standard Webhooks 1.0 */
    NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS          /* CloudEvents 1.0, binary mode */
} ngx_triggers_webhook_format_e;


/* members that OP_WEBHOOK_UPDATE changes */

#define NGX_TRIGGERS_WEBHOOK_URL          0x01
#define NGX_TRIGGERS_WEBHOOK_EVENT_TYPES  0x02
#define NGX_TRIGGERS_WEBHOOK_DESCRIPTION  0x04
#define NGX_TRIGGERS_WEBHOOK_ACTIVE       0x08
#define NGX_TRIGGERS_WEBHOOK_FORMAT       0x10


/* times are ms since the epoch, 0 is never */

typedef struct {
    int64_t                  number;           /* in the store */
    u_char                   id[NGX_TRIGGERS_WEBHOOK_ID_LEN];
    int64_t                  created_at;
    int64_t                  updated_at;
    int64_t                  disabled_at;      /* by its own 410 */
    int64_t                  old_secret_until;
    int64_t                  open_until;       /* of the circuit breaker */
    int64_t                  last_success_at;
    int64_t                  last_failure_at;
    uint32_t                 generation;       /* counts what makes it another
                                                  endpoint, or one that is
                                                  said to work again */
    uint32_t                 failures;         /* in a row */
    uint32_t                 format;           /* …_webhook_format_e */
    uint32_t                 active;           /* flag */
    uint32_t                 configured;       /* flag: by a directive, for
                                                  events of all owners */

    ngx_str_t                user_id;
    ngx_str_t                url;
    ngx_str_t                description;
    ngx_str_t                event_types;      /* names and "prefix.*", each
                                                  ended by a zero; none: all */
    ngx_str_t                secret;           /* "whsec_…"; none: unsigned */
    ngx_str_t                old_secret;       /* signs too, until then */
    ngx_str_t                last_error;
} ngx_triggers_webhook_t;


/*
 * What is asked of a webhook.  OP_WEBHOOK_CREATE: all of it; …_UPDATE: its new
 * members; …_ROTATE: the new secret, and how long the old one signs too.  The
 * id in the mutation names the webhook it is about.
 */

typedef struct {
    ngx_triggers_webhook_t   webhook;
    ngx_uint_t               members;          /* bits NGX_TRIGGERS_WEBHOOK_… */
    int64_t                  grace;            /* ms */
} ngx_triggers_webhook_change_t;


#endif /* _NGX_TRIGGERS_WEBHOOK_H_INCLUDED_ */
