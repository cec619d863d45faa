
/*
 * The SQLite store: webhooks, as the writer has them.  Those that are active
 * are kept in memory by owner, so that a new event finds out whom it is for
 * without a query, and costs nothing where nobody has any.
 *
 * What is in memory is the transaction's: a change is made in it with the row,
 * a rollback forgets all of it, and so does a change by another holder of the
 * write lock, which is known by a version in the row of table "store".
 *
 * A statement that has found a webhook is reset only when the strings, which
 * it holds, have been written back.
 */


#include "ngx_triggers_sqlite.h"


#define NGX_TRIGGERS_SQLITE_HOOK_HEADS  1024      /* a power of 2 */


typedef struct ngx_triggers_sqlite_hook_s  ngx_triggers_sqlite_hook_t;


/* followed by what it takes: names, each ended by a zero */

struct ngx_triggers_sqlite_hook_s {
    ngx_triggers_sqlite_hook_t  *next;
    int64_t                      number;
    int64_t                      owner;        /* 0: for events of all */
    size_t                       len;          /* 0: takes every type */
};


struct ngx_triggers_sqlite_webhooks_s {
    int64_t                      version;
    ngx_uint_t                   n;
    ngx_triggers_sqlite_hook_t  *all;          /* owner 0 */
    ngx_triggers_sqlite_hook_t  *heads[NGX_TRIGGERS_SQLITE_HOOK_HEADS];
    int64_t                      targets[NGX_TRIGGERS_SQLITE_TARGETS];
};


static int ngx_triggers_sqlite_webhook_create(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result);
static int ngx_triggers_sqlite_webhook_room(ngx_triggers_store_t *store,
    ngx_str_t *user_id, ngx_uint_t *room);
static int ngx_triggers_sqlite_webhook_change(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_webhook_t *webhook,
    ngx_triggers_result_t *result);
static void ngx_triggers_sqlite_webhook_update(
    ngx_triggers_webhook_change_t *change, ngx_triggers_webhook_t *webhook);
static int ngx_triggers_sqlite_webhook_find(ngx_triggers_store_t *store,
    u_char *id, ngx_triggers_webhook_t *webhook);
static ngx_uint_t ngx_triggers_sqlite_webhook_visible(
    ngx_triggers_mutation_t *mutation, ngx_triggers_webhook_t *webhook);
static int ngx_triggers_sqlite_webhook_add(ngx_triggers_store_t *store,
    ngx_triggers_webhook_t *webhook);
static int ngx_triggers_sqlite_webhook_set(ngx_triggers_store_t *store,
    ngx_triggers_webhook_t *webhook);
static int ngx_triggers_sqlite_webhook_delete(ngx_triggers_store_t *store,
    int64_t number);
static int ngx_triggers_sqlite_webhook_configure(ngx_triggers_store_t *store,
    ngx_triggers_webhook_t *webhook);
static int ngx_triggers_sqlite_webhook_prune(ngx_triggers_store_t *store);
static ngx_uint_t ngx_triggers_sqlite_webhook_is_configured(
    ngx_triggers_store_t *store, u_char *id);
static int ngx_triggers_sqlite_webhook_target(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result,
    ngx_uint_t *n);
static ngx_uint_t ngx_triggers_sqlite_hooks_match(
    ngx_triggers_sqlite_webhooks_t *hooks, ngx_triggers_sqlite_hook_t *hook,
    int64_t owner, ngx_str_t *type, ngx_uint_t n);
static ngx_uint_t ngx_triggers_sqlite_hook_takes(
    ngx_triggers_sqlite_hook_t *hook, ngx_str_t *type);
static ngx_triggers_sqlite_hook_t **ngx_triggers_sqlite_hooks_head(
    ngx_triggers_sqlite_webhooks_t *hooks, int64_t owner);
static int ngx_triggers_sqlite_hooks_put(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_webhooks_t *hooks, int64_t number, int64_t owner,
    ngx_str_t *types);
static void ngx_triggers_sqlite_hooks_remove(
    ngx_triggers_sqlite_webhooks_t *hooks, int64_t number);
static ngx_uint_t ngx_triggers_sqlite_hooks_unlink(
    ngx_triggers_sqlite_webhooks_t *hooks, ngx_triggers_sqlite_hook_t **hook,
    int64_t number);


void
ngx_triggers_store_configure(ngx_triggers_store_t *store,
    ngx_triggers_webhook_t *webhooks, ngx_uint_t n)
{
    store->configured = webhooks;
    store->nconfigured = ngx_min(n, NGX_TRIGGERS_WEBHOOKS_MAX);
}


ngx_uint_t
ngx_triggers_store_pushed(ngx_triggers_store_t *store)
{
    ngx_uint_t  pushed;

    pushed = store->pushed;
    store->pushed = 0;

    return pushed;
}


int
ngx_triggers_sqlite_webhooks_load(ngx_triggers_store_t *store)
{
    int                              rc;
    int64_t                          owner;
    ngx_str_t                        types;
    sqlite3_stmt                    *stmt;
    ngx_triggers_sqlite_webhooks_t  *hooks;

    if (store->webhooks) {

        if (store->webhooks->version == store->webhooks_version) {
            return SQLITE_OK;
        }

        /* another process has changed them */

        ngx_triggers_sqlite_webhooks_free(store);
        store->pushed |= NGX_TRIGGERS_PUSHED_WEBHOOKS;
    }

    hooks = ngx_calloc(sizeof(ngx_triggers_sqlite_webhooks_t), store->log);
    if (hooks == NULL) {
        return SQLITE_NOMEM;
    }

    hooks->version = store->webhooks_version;
    store->webhooks = hooks;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOKS_LOAD];

    for ( ;; ) {
        rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW) {
            break;
        }

        owner = sqlite3_column_int(stmt, 1) ? 0 : sqlite3_column_int64(stmt, 2);
        ngx_triggers_sqlite_column_blob(stmt, 3, &types);

        rc = ngx_triggers_sqlite_hooks_put(store, hooks,
                                           sqlite3_column_int64(stmt, 0),
                                           owner, &types);
        if (rc != SQLITE_OK) {
            break;
        }
    }

    (void) sqlite3_reset(stmt);

    if (rc != SQLITE_DONE) {
        ngx_triggers_sqlite_webhooks_free(store);
        return rc;
    }

    return SQLITE_OK;
}


int
ngx_triggers_sqlite_webhooks_lead(ngx_triggers_store_t *store)
{
    int         rc;
    ngx_uint_t  i;

    rc = ngx_triggers_sqlite_webhook_prune(store);

    for (i = 0; rc == SQLITE_OK && i < store->nconfigured; i++) {
        rc = ngx_triggers_sqlite_webhook_configure(store,
                                                   &store->configured[i]);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_webhooks_save(store);
    }

    return rc;
}


int
ngx_triggers_sqlite_webhooks_save(ngx_triggers_store_t *store)
{
    if (!store->webhooks_changed) {
        return SQLITE_OK;
    }

    return ngx_triggers_sqlite_exec(
                           store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOKS_CHANGED]);
}


void
ngx_triggers_sqlite_webhooks_commit(ngx_triggers_store_t *store)
{
    if (store->webhooks_changed) {
        store->webhooks_changed = 0;
        store->webhooks_version++;
        store->webhooks->version++;
        store->pushed |= NGX_TRIGGERS_PUSHED_WEBHOOKS;
    }

    store->pushed |= store->pushing;
    store->pushing = 0;
}


void
ngx_triggers_sqlite_webhooks_rollback(ngx_triggers_store_t *store)
{
    store->pushing = 0;

    if (store->webhooks_changed) {
        store->webhooks_changed = 0;
        ngx_triggers_sqlite_webhooks_free(store);
    }
}


void
ngx_triggers_sqlite_webhooks_free(ngx_triggers_store_t *store)
{
    ngx_uint_t                       i;
    ngx_triggers_sqlite_hook_t      *hook, *next;
    ngx_triggers_sqlite_webhooks_t  *hooks;

    hooks = store->webhooks;

    if (hooks == NULL) {
        return;
    }

    for (i = 0; i <= NGX_TRIGGERS_SQLITE_HOOK_HEADS; i++) {

        hook = (i < NGX_TRIGGERS_SQLITE_HOOK_HEADS) ? hooks->heads[i]
                                                    : hooks->all;

        for ( /* void */ ; hook; hook = next) {
            next = hook->next;
            ngx_free(hook);
        }
    }

    ngx_free(hooks);
    store->webhooks = NULL;
}


int
ngx_triggers_sqlite_webhook_apply(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                      rc;
    ngx_triggers_webhook_t   webhook;

    if (mutation->op == NGX_TRIGGERS_OP_WEBHOOK_CREATE) {
        return ngx_triggers_sqlite_webhook_create(store, mutation, result);
    }

    rc = ngx_triggers_sqlite_webhook_find(store, mutation->id, &webhook);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_webhook_change(store, mutation, &webhook,
                                                result);
    }

    (void) sqlite3_reset(store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_FIND]);

    return rc;
}


int
ngx_triggers_sqlite_webhook_targets(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, int64_t owner,
    ngx_triggers_result_t *result, int64_t **targets, ngx_uint_t *n)
{
    ngx_str_t                       *type;
    ngx_triggers_sqlite_webhooks_t  *hooks;

    *n = 0;
    hooks = store->webhooks;
    *targets = hooks->targets;

    if (mutation->target.data) {
        return ngx_triggers_sqlite_webhook_target(store, mutation, result, n);
    }

    if (hooks->n == 0) {
        return SQLITE_OK;
    }

    type = &mutation->event.event_type;

    *n = ngx_triggers_sqlite_hooks_match(hooks, hooks->all, 0, type, 0);

    *n = ngx_triggers_sqlite_hooks_match(hooks,
                               *ngx_triggers_sqlite_hooks_head(hooks, owner),
                               owner, type, *n);

    return SQLITE_OK;
}


int
ngx_triggers_sqlite_webhook_result(ngx_triggers_store_t *store,
    ngx_triggers_delivery_t *delivery)
{
    int            rc;
    ngx_uint_t     taken;
    sqlite3_stmt  *stmt;

    taken = (delivery->outcome == NGX_TRIGGERS_ATTEMPT_DELIVERED);

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_RESULT];

    sqlite3_bind_int64(stmt, 1, delivery->webhook);
    sqlite3_bind_int64(stmt, 2, delivery->failures);
    ngx_triggers_sqlite_bind_time(stmt, 3, delivery->open_until);
    ngx_triggers_sqlite_bind_time(stmt, 4, taken ? delivery->at : 0);
    ngx_triggers_sqlite_bind_time(stmt, 5, taken ? 0 : delivery->at);
    (void) ngx_triggers_sqlite_bind_text(stmt, 6, &delivery->error);
    sqlite3_bind_int64(stmt, 7, delivery->generation);

    rc = ngx_triggers_sqlite_exec(stmt);

    if (rc != SQLITE_OK || !delivery->gone) {
        return rc;
    }

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_GONE];

    sqlite3_bind_int64(stmt, 1, delivery->webhook);
    sqlite3_bind_int64(stmt, 2, delivery->at + delivery->duration);
    sqlite3_bind_int64(stmt, 3, delivery->generation);

    rc = ngx_triggers_sqlite_exec(stmt);

    if (rc != SQLITE_OK || sqlite3_changes(store->db) == 0) {
        return rc;
    }

    store->webhooks_changed = 1;
    ngx_triggers_sqlite_hooks_remove(store->webhooks, delivery->webhook);

    return ngx_triggers_sqlite_audit_webhook(store,
                                          NGX_TRIGGERS_AUDIT_WEBHOOK_DISABLED,
                                          delivery->webhook,
                                          delivery->at + delivery->duration,
                                          "delivery");
}


int
ngx_triggers_sqlite_webhook_exists(ngx_triggers_store_t *store,
    int64_t number, ngx_uint_t *exists)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_EXISTS];
    sqlite3_bind_int64(stmt, 1, number);

    rc = sqlite3_step(stmt);
    *exists = (rc == SQLITE_ROW);

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW || rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static int
ngx_triggers_sqlite_webhook_create(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result)
{
    int                      rc;
    ngx_uint_t               room;
    ngx_triggers_webhook_t  *webhook, found;

    webhook = &mutation->webhook->webhook;

    rc = ngx_triggers_sqlite_webhook_find(store, webhook->id, &found);
    (void) sqlite3_reset(store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_FIND]);

    if (rc != SQLITE_OK) {
        return rc;
    }

    if (found.number) {
        result->rc = NGX_TRIGGERS_RC_FAILED;
        return SQLITE_OK;
    }

    rc = ngx_triggers_sqlite_webhook_room(store, &webhook->user_id, &room);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (!room) {
        result->rc = NGX_TRIGGERS_RC_NO_ROOM;
        return SQLITE_OK;
    }

    webhook->configured = 0;
    webhook->created_at = mutation->time;

    rc = ngx_triggers_sqlite_webhook_add(store, webhook);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_audit_subject(store,
                                           NGX_TRIGGERS_AUDIT_WEBHOOK_CREATED,
                                           mutation, &webhook->user_id,
                                           webhook->id, mutation->time, NULL);
}


static int
ngx_triggers_sqlite_webhook_room(ngx_triggers_store_t *store,
    ngx_str_t *user_id, ngx_uint_t *room)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_COUNT];
    (void) ngx_triggers_sqlite_bind_text(stmt, 1, user_id);

    rc = sqlite3_step(stmt);
    *room = (sqlite3_column_int64(stmt, 0) < NGX_TRIGGERS_WEBHOOKS_MAX);

    (void) sqlite3_reset(stmt);

    return (rc == SQLITE_ROW) ? SQLITE_OK : rc;
}


static int
ngx_triggers_sqlite_webhook_change(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_webhook_t *webhook,
    ngx_triggers_result_t *result)
{
    int         rc;
    ngx_uint_t  action;

    if (!ngx_triggers_sqlite_webhook_visible(mutation, webhook)) {
        result->rc = NGX_TRIGGERS_RC_NOT_FOUND;
        return SQLITE_OK;
    }

    if (webhook->configured) {
        result->rc = NGX_TRIGGERS_RC_CONFLICT;
        return SQLITE_OK;
    }

    switch (mutation->op) {

    case NGX_TRIGGERS_OP_WEBHOOK_DELETE:
        action = NGX_TRIGGERS_AUDIT_WEBHOOK_DELETED;
        break;

    case NGX_TRIGGERS_OP_WEBHOOK_ROTATE:
        action = NGX_TRIGGERS_AUDIT_WEBHOOK_ROTATED;
        webhook->old_secret = webhook->secret;
        webhook->old_secret_until = mutation->time + mutation->webhook->grace;
        webhook->secret = mutation->webhook->webhook.secret;
        break;

    default: /* NGX_TRIGGERS_OP_WEBHOOK_UPDATE */

        if (mutation->webhook->members == 0) {
            return SQLITE_OK;
        }

        action = NGX_TRIGGERS_AUDIT_WEBHOOK_UPDATED;
        ngx_triggers_sqlite_webhook_update(mutation->webhook, webhook);
    }

    /* another one with each change: the deliverer knows it by that */

    webhook->updated_at = ngx_max(mutation->time, webhook->updated_at + 1);

    rc = ngx_triggers_sqlite_audit_subject(store, action, mutation,
                                           &webhook->user_id, webhook->id,
                                           mutation->time, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (action == NGX_TRIGGERS_AUDIT_WEBHOOK_DELETED) {
        return ngx_triggers_sqlite_webhook_delete(store, webhook->number);
    }

    return ngx_triggers_sqlite_webhook_set(store, webhook);
}


static void
ngx_triggers_sqlite_webhook_update(ngx_triggers_webhook_change_t *change,
    ngx_triggers_webhook_t *webhook)
{
    ngx_uint_t               members;
    ngx_triggers_webhook_t  *new;

    new = &change->webhook;
    members = change->members;

    if (members & NGX_TRIGGERS_WEBHOOK_URL) {
        webhook->url = new->url;
    }

    if (members & NGX_TRIGGERS_WEBHOOK_EVENT_TYPES) {
        webhook->event_types = new->event_types;
    }

    if (members & NGX_TRIGGERS_WEBHOOK_DESCRIPTION) {
        webhook->description = new->description;
    }

    if (members & NGX_TRIGGERS_WEBHOOK_FORMAT) {
        webhook->format = new->format;
    }

    if (members & NGX_TRIGGERS_WEBHOOK_ACTIVE) {
        webhook->active = new->active;
    }

    /* another endpoint, or one that is said to work again */

    if ((members & NGX_TRIGGERS_WEBHOOK_URL)
        || ((members & NGX_TRIGGERS_WEBHOOK_ACTIVE) && new->active))
    {
        webhook->generation++;
        webhook->failures = 0;
        webhook->open_until = 0;
    }

    if (webhook->active) {
        webhook->disabled_at = 0;
    }
}


/*
 * webhook->number is 0 if there is none; its strings are valid until the
 * statement is reset, which is left to the caller
 */

static int
ngx_triggers_sqlite_webhook_find(ngx_triggers_store_t *store, u_char *id,
    ngx_triggers_webhook_t *webhook)
{
    int            rc;
    sqlite3_stmt  *stmt;

    ngx_memzero(webhook, sizeof(ngx_triggers_webhook_t));

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_FIND];

    sqlite3_bind_blob(stmt, 1, id, NGX_TRIGGERS_WEBHOOK_ID_LEN,
                      SQLITE_STATIC);

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        return ngx_triggers_sqlite_webhook_row(stmt, webhook);
    }

    return (rc == SQLITE_DONE) ? SQLITE_OK : rc;
}


static ngx_uint_t
ngx_triggers_sqlite_webhook_visible(ngx_triggers_mutation_t *mutation,
    ngx_triggers_webhook_t *webhook)
{
    if (webhook->number == 0) {
        return 0;
    }

    return mutation->any_owner
           || (!webhook->configured
               && webhook->user_id.len == mutation->user_id.len
               && ngx_memcmp(webhook->user_id.data, mutation->user_id.data,
                             webhook->user_id.len)
                  == 0);
}


static int
ngx_triggers_sqlite_webhook_add(ngx_triggers_store_t *store,
    ngx_triggers_webhook_t *webhook)
{
    int            rc;
    int64_t        owner;
    sqlite3_stmt  *stmt;

    owner = 0;

    if (!webhook->configured) {
        rc = ngx_triggers_sqlite_owner_find(store, &webhook->user_id, 1,
                                            &owner);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    store->webhooks_changed = 1;
    stmt = store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_ADD];

    sqlite3_bind_blob(stmt, 1, webhook->id, NGX_TRIGGERS_WEBHOOK_ID_LEN,
                      SQLITE_STATIC);
    (void) ngx_triggers_sqlite_bind_text(stmt, 2, &webhook->user_id);
    sqlite3_bind_int64(stmt, 3, webhook->configured);
    (void) ngx_triggers_sqlite_bind_text(stmt, 4, &webhook->url);
    (void) ngx_triggers_sqlite_bind_text(stmt, 5, &webhook->description);
    sqlite3_bind_blob(stmt, 6, webhook->event_types.data,
                      (int) webhook->event_types.len, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 7, webhook->format);
    (void) ngx_triggers_sqlite_bind_text(stmt, 8, &webhook->secret);
    sqlite3_bind_int64(stmt, 9, webhook->active);
    sqlite3_bind_int64(stmt, 10, webhook->created_at);

    rc = ngx_triggers_sqlite_exec(stmt);

    if (rc != SQLITE_OK || webhook->configured || !webhook->active) {
        return rc;
    }

    return ngx_triggers_sqlite_hooks_put(store, store->webhooks,
                                         sqlite3_last_insert_rowid(store->db),
                                         owner, &webhook->event_types);
}


static int
ngx_triggers_sqlite_webhook_set(ngx_triggers_store_t *store,
    ngx_triggers_webhook_t *webhook)
{
    int            rc;
    int64_t        owner;
    sqlite3_stmt  *stmt;

    store->webhooks_changed = 1;
    ngx_triggers_sqlite_hooks_remove(store->webhooks, webhook->number);

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_SET];

    sqlite3_bind_int64(stmt, 1, webhook->number);
    (void) ngx_triggers_sqlite_bind_text(stmt, 2, &webhook->url);
    (void) ngx_triggers_sqlite_bind_text(stmt, 3, &webhook->description);
    sqlite3_bind_blob(stmt, 4, webhook->event_types.data,
                      (int) webhook->event_types.len, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 5, webhook->format);
    (void) ngx_triggers_sqlite_bind_text(stmt, 6, &webhook->secret);
    (void) ngx_triggers_sqlite_bind_text(stmt, 7, &webhook->old_secret);
    ngx_triggers_sqlite_bind_time(stmt, 8, webhook->old_secret_until);
    sqlite3_bind_int64(stmt, 9, webhook->active);
    sqlite3_bind_int64(stmt, 10, webhook->updated_at);
    ngx_triggers_sqlite_bind_time(stmt, 11, webhook->disabled_at);
    sqlite3_bind_int64(stmt, 12, webhook->failures);
    ngx_triggers_sqlite_bind_time(stmt, 13, webhook->open_until);
    sqlite3_bind_int64(stmt, 14, webhook->generation);

    rc = ngx_triggers_sqlite_exec(stmt);

    if (rc != SQLITE_OK || !webhook->active) {
        return rc;
    }

    rc = ngx_triggers_sqlite_owner_find(store, &webhook->user_id, 1, &owner);
    if (rc != SQLITE_OK) {
        return rc;
    }

    return ngx_triggers_sqlite_hooks_put(store, store->webhooks,
                                         webhook->number, owner,
                                         &webhook->event_types);
}


/* what waits for it is cancelled by the deliverer, bit by bit */

static int
ngx_triggers_sqlite_webhook_delete(ngx_triggers_store_t *store, int64_t number)
{
    sqlite3_stmt  *stmt;

    store->webhooks_changed = 1;
    ngx_triggers_sqlite_hooks_remove(store->webhooks, number);

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_DELETE];
    sqlite3_bind_int64(stmt, 1, number);

    return ngx_triggers_sqlite_exec(stmt);
}


/* one that was gone is tried again: its owner has looked at it by now */

static int
ngx_triggers_sqlite_webhook_configure(ngx_triggers_store_t *store,
    ngx_triggers_webhook_t *webhook)
{
    int                      rc;
    ngx_triggers_webhook_t   new, found;

    new = *webhook;
    new.configured = 1;
    new.active = 1;
    new.created_at = ngx_triggers_wall_ms();
    ngx_str_set(&new.user_id, "");

    rc = ngx_triggers_sqlite_webhook_add(store, &new);

    if (rc == SQLITE_OK) {
        rc = ngx_triggers_sqlite_webhook_find(store, new.id, &found);
    }

    if (rc == SQLITE_OK && found.configured) {
        ngx_triggers_sqlite_hooks_remove(store->webhooks, found.number);

        rc = ngx_triggers_sqlite_hooks_put(store, store->webhooks,
                                           found.number, 0,
                                           &found.event_types);
    }

    (void) sqlite3_reset(store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_FIND]);

    return rc;
}


/* removes those that are not configured any more */

static int
ngx_triggers_sqlite_webhook_prune(ngx_triggers_store_t *store)
{
    int            rc;
    int64_t        number;
    u_char        *id;
    sqlite3_stmt  *stmt;

    stmt = store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOKS_CONFIGURED];

    for ( ;; ) {
        number = 0;

        do {
            rc = sqlite3_step(stmt);

            if (rc != SQLITE_ROW) {
                break;
            }

            id = (u_char *) sqlite3_column_blob(stmt, 1);

            if (sqlite3_column_bytes(stmt, 1) != NGX_TRIGGERS_WEBHOOK_ID_LEN
                || !ngx_triggers_sqlite_webhook_is_configured(store, id))
            {
                number = sqlite3_column_int64(stmt, 0);
            }

        } while (number == 0);

        (void) sqlite3_reset(stmt);

        if (number == 0) {
            return (rc == SQLITE_DONE) ? SQLITE_OK : rc;
        }

        rc = ngx_triggers_sqlite_webhook_delete(store, number);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
}


static ngx_uint_t
ngx_triggers_sqlite_webhook_is_configured(ngx_triggers_store_t *store,
    u_char *id)
{
    ngx_uint_t  i;

    for (i = 0; i < store->nconfigured; i++) {
        if (ngx_memcmp(store->configured[i].id, id,
                       NGX_TRIGGERS_WEBHOOK_ID_LEN)
            == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* the one webhook that is named, whatever types it takes */

static int
ngx_triggers_sqlite_webhook_target(ngx_triggers_store_t *store,
    ngx_triggers_mutation_t *mutation, ngx_triggers_result_t *result,
    ngx_uint_t *n)
{
    int                      rc;
    ngx_triggers_webhook_t   webhook;

    if (mutation->target.len != NGX_TRIGGERS_WEBHOOK_ID_LEN) {
        result->rc = NGX_TRIGGERS_RC_NOT_FOUND;
        return SQLITE_OK;
    }

    rc = ngx_triggers_sqlite_webhook_find(store, mutation->target.data,
                                          &webhook);

    if (rc == SQLITE_OK) {

        if (!ngx_triggers_sqlite_webhook_visible(mutation, &webhook)) {
            result->rc = NGX_TRIGGERS_RC_NOT_FOUND;

        } else if (!webhook.active) {
            result->rc = NGX_TRIGGERS_RC_CONFLICT;

        } else {
            store->webhooks->targets[0] = webhook.number;
            *n = 1;
        }
    }

    (void) sqlite3_reset(store->stmt[NGX_TRIGGERS_SQLITE_WEBHOOK_FIND]);

    return rc;
}


/* appends to the targets, of which there are n; returns how many there are */

static ngx_uint_t
ngx_triggers_sqlite_hooks_match(ngx_triggers_sqlite_webhooks_t *hooks,
    ngx_triggers_sqlite_hook_t *hook, int64_t owner, ngx_str_t *type,
    ngx_uint_t n)
{
    for ( /* void */ ; hook; hook = hook->next) {

        if (hook->owner == owner
            && n < NGX_TRIGGERS_SQLITE_TARGETS
            && ngx_triggers_sqlite_hook_takes(hook, type))
        {
            hooks->targets[n++] = hook->number;
        }
    }

    return n;
}


static ngx_uint_t
ngx_triggers_sqlite_hook_takes(ngx_triggers_sqlite_hook_t *hook,
    ngx_str_t *type)
{
    size_t   len;
    u_char  *p, *last;

    if (hook->len == 0) {
        return 1;
    }

    p = (u_char *) (hook + 1);
    last = p + hook->len;

    for ( /* void */ ; p < last; p += len + 1) {
        len = ngx_strlen(p);

        if (len > 1 && p[len - 2] == '.' && p[len - 1] == '*') {

            /* the prefix ends with the dot */

            if (type->len >= len - 1
                && ngx_memcmp(type->data, p, len - 1) == 0)
            {
                return 1;
            }

            continue;
        }

        if (type->len == len && ngx_memcmp(type->data, p, len) == 0) {
            return 1;
        }
    }

    return 0;
}


static ngx_triggers_sqlite_hook_t **
ngx_triggers_sqlite_hooks_head(ngx_triggers_sqlite_webhooks_t *hooks,
    int64_t owner)
{
    /* owners are numbered from 1 */

    return owner ? &hooks->heads[owner & (NGX_TRIGGERS_SQLITE_HOOK_HEADS - 1)]
                 : &hooks->all;
}


static int
ngx_triggers_sqlite_hooks_put(ngx_triggers_store_t *store,
    ngx_triggers_sqlite_webhooks_t *hooks, int64_t number, int64_t owner,
    ngx_str_t *types)
{
    u_char                       *p;
    ngx_triggers_sqlite_hook_t   *hook, **head;

    hook = ngx_alloc(sizeof(ngx_triggers_sqlite_hook_t) + types->len + 1,
                     store->log);
    if (hook == NULL) {
        return SQLITE_NOMEM;
    }

    hook->number = number;
    hook->owner = owner;
    hook->len = types->len;

    /* whatever the row says, the last name has an end */

    p = (u_char *) (hook + 1);

    if (types->len) {
        p = ngx_cpymem(p, types->data, types->len);
    }

    *p = '\0';

    head = ngx_triggers_sqlite_hooks_head(hooks, owner);

    hook->next = *head;
    *head = hook;
    hooks->n++;

    return SQLITE_OK;
}


/* seldom: looks at all of them */

static void
ngx_triggers_sqlite_hooks_remove(ngx_triggers_sqlite_webhooks_t *hooks,
    int64_t number)
{
    ngx_uint_t  i;

    if (ngx_triggers_sqlite_hooks_unlink(hooks, &hooks->all, number)) {
        return;
    }

    for (i = 0; i < NGX_TRIGGERS_SQLITE_HOOK_HEADS; i++) {
        if (ngx_triggers_sqlite_hooks_unlink(hooks, &hooks->heads[i],
                                             number))
        {
            return;
        }
    }
}


static ngx_uint_t
ngx_triggers_sqlite_hooks_unlink(ngx_triggers_sqlite_webhooks_t *hooks,
    ngx_triggers_sqlite_hook_t **hook, int64_t number)
{
    ngx_triggers_sqlite_hook_t  *found;

    for ( /* void */ ; *hook; hook = &(*hook)->next) {

        if ((*hook)->number == number) {
            found = *hook;
            *hook = found->next;
            hooks->n--;
            ngx_free(found);

            return 1;
        }
    }

    return 0;
}
