
/*
 * The SQLite store: the audit.  A row is written in the transaction of the
 * change that it tells of, so that there is neither without the other.
 *
 * That an event was created costs nothing when it is: the entry is derived
 * from the event while that is there, and becomes a row when the event goes.
 * So that a reader who follows a cursor neither misses the entry nor sees it
 * twice meanwhile, both have the same place in the order: the second part of
 * (at, n) is made of the event's number, and is below that of all others.
 */


#include "ngx_triggers_sqlite.h"


#define NGX_TRIGGERS_SQLITE_DETAILS   256      /* bytes */

#define NGX_TRIGGERS_SQLITE_KEY_NAME  64       /* of a key that was used */

#define NGX_TRIGGERS_SQLITE_UUID_LEN  36


/* a JSON object that lacks its last brace; empty, where it has no member */

typedef struct {
    size_t                   len;
    u_char                   text[NGX_TRIGGERS_SQLITE_DETAILS];
} ngx_triggers_sqlite_details_t;


static int ngx_triggers_sqlite_audit_add(ngx_triggers_store_t *store,
    ngx_uint_t action, ngx_triggers_mutation_t *mutation, int64_t owner,
    u_char *event_id, int64_t at, ngx_triggers_sqlite_details_t *details);
static void ngx_triggers_sqlite_details(
    ngx_triggers_sqlite_details_t *details,
    ngx_triggers_mutation_t *mutation, const char *reason);
static void ngx_triggers_sqlite_details_member(
    ngx_triggers_sqlite_details_t *details, const char *name, u_char *value,
    size_t len);
static void ngx_triggers_sqlite_uuid(u_char *p, u_char *id);


int
ngx_triggers_sqlite_audit_event(ngx_triggers_store_t *store,
    ngx_uint_t action, ngx_triggers_mutation_t *mutation,
    ngx_triggers_sqlite_event_t *event, ngx_uint_t status, int64_t at,
    const char *reason)
{
    int                            rc;
    ngx_triggers_sqlite_details_t  details;

    rc = ngx_triggers_sqlite_watch_event(store, action, event, status,
                                         mutation ? mutation->time : at,
                                         &event->error);
    if (rc != SQLITE_OK) {
        return rc;
    }

    ngx_triggers_sqlite_details(&details, mutation, reason);

    return ngx_triggers_sqlite_audit_add(store, action, mutation, event->owner,
                                         event->id, at, &details);
}


/* why is told by what holds the event still */

int
ngx_triggers_sqlite_audit_end(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_event_t *event, ngx_uint_t status, int64_t now)
{
    ngx_uint_t   action;
    const char  *reason;

    switch (status) {

    case NGX_TRIGGERS_ACKNOWLEDGED:
        action = NGX_TRIGGERS_AUDIT_EVENT_ACKNOWLEDGED;
        break;

    case NGX_TRIGGERS_DELIVERED:
        action = NGX_TRIGGERS_AUDIT_EVENT_DELIVERED;
        break;

    default: /* NGX_TRIGGERS_FAILED */
        action = NGX_TRIGGERS_AUDIT_EVENT_FAILED;
    }

    switch (event->hold) {

    case NGX_TRIGGERS_HOLD_LEASE:
        reason = "lease";
        break;

    case NGX_TRIGGERS_HOLD_STEP:
        reason = "step";
        break;

    case NGX_TRIGGERS_HOLD_PUSH:
        reason = "delivery";
        break;

    default:
        reason = NULL;
    }

    return ngx_triggers_sqlite_audit_event(store, action, store->asker, event,
                                           status, now, reason);
}


int
ngx_triggers_sqlite_audit_subject(ngx_triggers_store_t *store,
    ngx_uint_t action, ngx_triggers_mutation_t *mutation, ngx_str_t *user_id,
    u_char *id, int64_t at, const char *reason)
{
    int                            rc;
    u_char                         text[NGX_TRIGGERS_SQLITE_UUID_LEN];
    int64_t                        owner;
    const char                    *name;
    ngx_triggers_sqlite_details_t  details;

    rc = ngx_triggers_sqlite_owner_find(store, user_id, 1, &owner);
    if (rc != SQLITE_OK) {
        return rc;
    }

    name = (action >= NGX_TRIGGERS_AUDIT_WEBHOOK_CREATED) ? "webhook_id"
                                                          : "key_id";
    ngx_triggers_sqlite_uuid(text, id);

    ngx_triggers_sqlite_details(&details, mutation, reason);
    ngx_triggers_sqlite_details_member(&details, name, text, sizeof(text));

    return ngx_triggers_sqlite_audit_add(store, action, mutation, owner, NULL,
                                         at, &details);
}


int
ngx_triggers_sqlite_audit_webhook(ngx_triggers_store_t *store,
    ngx_uint_t action, int64_t number, int64_t at, const char *reason)
{
    int            rc;
    ngx_str_t      user_id;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_AUDIT_WEBHOOK];

    sqlite3_bind_int64(stmt, 1, number);

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW
        && sqlite3_column_bytes(stmt, 1) == NGX_TRIGGERS_WEBHOOK_ID_LEN)
    {
        ngx_triggers_sqlite_column_text(stmt, 0, &user_id);

        rc = ngx_triggers_sqlite_audit_subject(store, action, NULL, &user_id,
                                               (u_char *)
                                               sqlite3_column_blob(stmt, 1),
                                               at, reason);
    }

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


int
ngx_triggers_sqlite_audit_created(ngx_triggers_store_t *store, int64_t seq)
{
    int64_t        oldest;
    sqlite3_stmt  *stmt;

    oldest = 0;

    /* one that is too old would only be removed again */

    if (store->retention.audit) {
        oldest = ngx_triggers_wall_ms() - store->retention.audit;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_AUDIT_CREATED];

    sqlite3_bind_int64(stmt, 1, seq);
    sqlite3_bind_int64(stmt, 2, oldest);

    return ngx_triggers_sqlite_exec(stmt);
}


static int
ngx_triggers_sqlite_audit_add(ngx_triggers_store_t *store, ngx_uint_t action,
    ngx_triggers_mutation_t *mutation, int64_t owner, u_char *event_id,
    int64_t at, ngx_triggers_sqlite_details_t *details)
{
    int            rc;
    ngx_str_t      none;
    sqlite3_stmt  *stmt;

    ngx_str_null(&none);

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_AUDIT_ADD];

    sqlite3_bind_int64(stmt, 1, mutation ? mutation->time : at);
    sqlite3_bind_int64(stmt, 2, store->next_audit);
    sqlite3_bind_int64(stmt, 3, owner);
    sqlite3_bind_int64(stmt, 4, (int64_t) action);
    (void) sqlite3_bind_blob(stmt, 5, event_id, NGX_TRIGGERS_ID_LEN,
                             SQLITE_STATIC);

    /* no text is longer than a header of a request */

    (void) ngx_triggers_sqlite_bind_text(stmt, 6,
                                     mutation ? &mutation->user_id : &none);
    (void) ngx_triggers_sqlite_bind_text(stmt, 7,
                                     mutation ? &mutation->source_ip : &none);
    (void) ngx_triggers_sqlite_bind_text(stmt, 8,
                                     mutation ? &mutation->request_id : &none);

    if (details->len) {
        details->text[details->len++] = '}';
        (void) sqlite3_bind_text(stmt, 9, (char *) details->text,
                                 (int) details->len, SQLITE_STATIC);
    } else {
        (void) sqlite3_bind_null(stmt, 9);
    }

    rc = ngx_triggers_sqlite_exec(stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    store->next_audit++;

    return SQLITE_OK;
}


static void
ngx_triggers_sqlite_details(ngx_triggers_sqlite_details_t *details,
    ngx_triggers_mutation_t *mutation, const char *reason)
{
    details->len = 0;

    if (mutation && mutation->key_id.data) {
        ngx_triggers_sqlite_details_member(details, "actor_key_id",
                                           mutation->key_id.data,
                                           mutation->key_id.len);
    }

    if (reason) {
        ngx_triggers_sqlite_details_member(details, "reason",
                                           (u_char *) reason,
                                           ngx_strlen(reason));
    }
}


/* values are ids and words of ours, in which there is nothing to escape */

static void
ngx_triggers_sqlite_details_member(ngx_triggers_sqlite_details_t *details,
    const char *name, u_char *value, size_t len)
{
    u_char  *p;

    len = ngx_min(len, NGX_TRIGGERS_SQLITE_KEY_NAME);

    p = details->text + details->len;

    *p++ = details->len ? ',' : '{';
    *p++ = '"';
    p = ngx_cpymem(p, name, ngx_strlen(name));
    p = ngx_cpymem(p, "\":\"", sizeof("\":\"") - 1);
    p = ngx_cpymem(p, value, len);
    *p++ = '"';

    details->len = p - details->text;
}


static void
ngx_triggers_sqlite_uuid(u_char *p, u_char *id)
{
    ngx_uint_t     i;
    static u_char  hex[] = "0123456789abcdef";

    for (i = 0; i < 16; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        *p++ = hex[id[i] >> 4];
        *p++ = hex[id[i] & 0xf];
    }
}
