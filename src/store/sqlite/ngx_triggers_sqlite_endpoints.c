
/*
 * The SQLite store: webhooks, as readers see them.  The API lists them and
 * what has become of their pushes; the deliverer takes all of them, and what
 * is due for each.
 */


#include "ngx_triggers_sqlite.h"


static int ngx_triggers_sqlite_webhooks_page_row(void *data,
    sqlite3_stmt *stmt, ngx_int_t *rc);
static int ngx_triggers_sqlite_deliveries_page_row(void *data,
    sqlite3_stmt *stmt, ngx_int_t *rc);
static int ngx_triggers_sqlite_endpoints(ngx_triggers_reader_t *reader,
    ngx_triggers_webhook_pt handler, void *data, ngx_int_t *rc);
static int ngx_triggers_sqlite_orphans(ngx_triggers_reader_t *reader,
    ngx_triggers_webhook_pt handler, void *data, ngx_int_t *rc);
static int ngx_triggers_sqlite_due(ngx_triggers_reader_t *reader,
    ngx_triggers_due_query_t *query, ngx_int_t *rc);
static int ngx_triggers_sqlite_due_event(ngx_triggers_reader_t *reader,
    ngx_triggers_due_query_t *query, int64_t seq, ngx_uint_t attempts,
    ngx_int_t *rc);
static int ngx_triggers_sqlite_due_next(ngx_triggers_reader_t *reader,
    ngx_triggers_due_query_t *query);
static ngx_uint_t ngx_triggers_sqlite_webhook_seen(
    ngx_triggers_webhook_t *webhook, ngx_str_t *user_id,
    ngx_uint_t any_owner);


ngx_int_t
ngx_triggers_reader_endpoints(ngx_triggers_reader_t *reader,
    ngx_triggers_webhook_pt handler, void *data)
{
    int        code;
    ngx_int_t  rc;

    rc = ngx_triggers_sqlite_reader_begin(reader, 0);

    if (rc != NGX_OK) {
        return rc;
    }

    code = ngx_triggers_sqlite_endpoints(reader, handler, data, &rc);

    if (code == SQLITE_OK && rc == NGX_OK) {
        code = ngx_triggers_sqlite_orphans(reader, handler, data, &rc);
    }

    if (code != SQLITE_OK) {
        rc = ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    return ngx_triggers_sqlite_reader_end(reader, rc);
}


ngx_int_t
ngx_triggers_reader_due(ngx_triggers_reader_t *reader,
    ngx_triggers_due_query_t *query)
{
    int        code;
    ngx_int_t  rc;

    query->next_at = 0;

    rc = ngx_triggers_sqlite_reader_begin(reader, 0);

    if (rc != NGX_OK) {
        return rc;
    }

    code = ngx_triggers_sqlite_due(reader, query, &rc);

    if (code == SQLITE_OK && rc == NGX_OK) {
        code = ngx_triggers_sqlite_due_next(reader, query);
    }

    if (code != SQLITE_OK) {
        rc = ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    return ngx_triggers_sqlite_reader_end(reader, rc);
}


ngx_int_t
ngx_triggers_reader_webhooks(ngx_triggers_reader_t *reader,
    ngx_triggers_webhook_query_t *query)
{
    sqlite3_stmt  *stmt;

    stmt = reader->stmt[query->any_owner
                        ? NGX_TRIGGERS_SQLITE_READ_WEBHOOKS
                        : NGX_TRIGGERS_SQLITE_READ_WEBHOOKS_OWNED];

    sqlite3_bind_int64(stmt, 1, query->cursor ? query->cursor : INT64_MAX);
    sqlite3_bind_int64(stmt, 2, (int64_t) query->limit + 1);
    sqlite3_bind_int64(stmt, 3, (int64_t) query->offset);

    if (!query->any_owner) {
        (void) ngx_triggers_sqlite_bind_text(stmt, 4, &query->user_id);
    }

    return ngx_triggers_sqlite_page(reader, stmt, query->limit,
                                    ngx_triggers_sqlite_webhooks_page_row,
                                    query, &query->has_more);
}


ngx_int_t
ngx_triggers_reader_webhook(ngx_triggers_reader_t *reader, ngx_str_t *user_id,
    ngx_uint_t any_owner, u_char *id, ngx_triggers_webhook_pt handler,
    void *data)
{
    int                      code;
    ngx_int_t                rc;
    sqlite3_stmt            *stmt;
    ngx_triggers_webhook_t   webhook;

    if (ngx_triggers_sqlite_reader_moved(reader) != NGX_OK) {
        return NGX_ERROR;
    }

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_WEBHOOK];

    sqlite3_bind_blob(stmt, 1, id, NGX_TRIGGERS_WEBHOOK_ID_LEN,
                      SQLITE_STATIC);

    rc = NGX_DECLINED;
    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        code = ngx_triggers_sqlite_webhook_row(stmt, &webhook);

        if (code == SQLITE_OK
            && ngx_triggers_sqlite_webhook_seen(&webhook, user_id, any_owner))
        {
            rc = handler(data, &webhook);
        }
    }

    (void) sqlite3_reset(stmt);

    if (code != SQLITE_OK && code != SQLITE_DONE) {
        return ngx_triggers_sqlite_reader_error(reader, code, "SELECT");
    }

    reader->error = SQLITE_OK;

    return rc;
}


ngx_int_t
ngx_triggers_reader_deliveries(ngx_triggers_reader_t *reader,
    ngx_triggers_delivery_query_t *query)
{
    sqlite3_stmt  *stmt;

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_DELIVERIES];

    sqlite3_bind_int64(stmt, 1, query->webhook);
    sqlite3_bind_int64(stmt, 2, query->cursor ? query->cursor : INT64_MAX);
    sqlite3_bind_int64(stmt, 3, (int64_t) query->limit + 1);
    sqlite3_bind_int64(stmt, 4, (int64_t) query->offset);

    return ngx_triggers_sqlite_page(reader, stmt, query->limit,
                                    ngx_triggers_sqlite_deliveries_page_row,
                                    query, &query->has_more);
}


/* SQLITE_CORRUPT where a blob is not as long as it must be */

int
ngx_triggers_sqlite_webhook_row(sqlite3_stmt *stmt,
    ngx_triggers_webhook_t *webhook)
{
    if (sqlite3_column_bytes(stmt, 1) != NGX_TRIGGERS_WEBHOOK_ID_LEN) {
        return SQLITE_CORRUPT;
    }

    ngx_memzero(webhook, sizeof(ngx_triggers_webhook_t));

    webhook->number = sqlite3_column_int64(stmt, 0);
    ngx_memcpy(webhook->id, sqlite3_column_blob(stmt, 1),
               NGX_TRIGGERS_WEBHOOK_ID_LEN);

    ngx_triggers_sqlite_column_text(stmt, 2, &webhook->user_id);
    webhook->configured = (sqlite3_column_int64(stmt, 3) != 0);
    ngx_triggers_sqlite_column_text(stmt, 4, &webhook->url);
    ngx_triggers_sqlite_column_text(stmt, 5, &webhook->description);
    ngx_triggers_sqlite_column_blob(stmt, 6, &webhook->event_types);
    webhook->format = (uint32_t) sqlite3_column_int64(stmt, 7);
    ngx_triggers_sqlite_column_text(stmt, 8, &webhook->secret);
    ngx_triggers_sqlite_column_text(stmt, 9, &webhook->old_secret);
    webhook->old_secret_until = sqlite3_column_int64(stmt, 10);
    webhook->active = (sqlite3_column_int64(stmt, 11) != 0);
    webhook->created_at = sqlite3_column_int64(stmt, 12);
    webhook->updated_at = sqlite3_column_int64(stmt, 13);
    webhook->disabled_at = sqlite3_column_int64(stmt, 14);
    webhook->failures = (uint32_t) sqlite3_column_int64(stmt, 15);
    webhook->open_until = sqlite3_column_int64(stmt, 16);
    webhook->last_success_at = sqlite3_column_int64(stmt, 17);
    webhook->last_failure_at = sqlite3_column_int64(stmt, 18);
    ngx_triggers_sqlite_column_text(stmt, 19, &webhook->last_error);
    webhook->generation = (uint32_t) sqlite3_column_int64(stmt, 20);

    return SQLITE_OK;
}


static int
ngx_triggers_sqlite_webhooks_page_row(void *data, sqlite3_stmt *stmt,
    ngx_int_t *rc)
{
    ngx_triggers_webhook_query_t *query = data;

    int                      code;
    ngx_triggers_webhook_t   webhook;

    code = ngx_triggers_sqlite_webhook_row(stmt, &webhook);

    if (code == SQLITE_OK) {
        *rc = query->handler(query->data, &webhook);
    }

    return code;
}


static int
ngx_triggers_sqlite_deliveries_page_row(void *data, sqlite3_stmt *stmt,
    ngx_int_t *rc)
{
    ngx_triggers_delivery_query_t *query = data;

    ngx_triggers_attempt_t  attempt;

    ngx_triggers_sqlite_attempt_row(stmt, &attempt);

    *rc = query->handler(query->data, &attempt);

    return SQLITE_OK;
}


static int
ngx_triggers_sqlite_endpoints(ngx_triggers_reader_t *reader,
    ngx_triggers_webhook_pt handler, void *data, ngx_int_t *rc)
{
    int                      code;
    sqlite3_stmt            *stmt;
    ngx_triggers_webhook_t   webhook;

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_ENDPOINTS];

    do {
        code = sqlite3_step(stmt);

        if (code != SQLITE_ROW) {
            break;
        }

        code = ngx_triggers_sqlite_webhook_row(stmt, &webhook);

        if (code != SQLITE_OK) {
            break;
        }

        *rc = handler(data, &webhook);

    } while (*rc == NGX_OK);

    (void) sqlite3_reset(stmt);

    return (code == SQLITE_DONE) ? SQLITE_OK : code;
}


/* one look at the queue for each webhook that has something there */

static int
ngx_triggers_sqlite_orphans(ngx_triggers_reader_t *reader,
    ngx_triggers_webhook_pt handler, void *data, ngx_int_t *rc)
{
    int                      code;
    ngx_uint_t               orphan;
    sqlite3_stmt            *stmt;
    ngx_triggers_webhook_t   webhook;

    ngx_memzero(&webhook, sizeof(ngx_triggers_webhook_t));

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_ORPHANS];

    do {
        sqlite3_bind_int64(stmt, 1, webhook.number);

        code = sqlite3_step(stmt);
        orphan = 0;

        if (code == SQLITE_ROW) {
            webhook.number = sqlite3_column_int64(stmt, 0);
            orphan = (sqlite3_column_type(stmt, 1) == SQLITE_NULL);
        }

        (void) sqlite3_reset(stmt);

        if (orphan) {
            *rc = handler(data, &webhook);
        }

    } while (code == SQLITE_ROW && *rc == NGX_OK);

    return (code == SQLITE_ROW || code == SQLITE_DONE) ? SQLITE_OK : code;
}


static int
ngx_triggers_sqlite_due(ngx_triggers_reader_t *reader,
    ngx_triggers_due_query_t *query, ngx_int_t *rc)
{
    int            code;
    sqlite3_stmt  *stmt;

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_DUE];

    sqlite3_bind_int64(stmt, 1, query->webhook);
    sqlite3_bind_int64(stmt, 2, query->after_at);
    sqlite3_bind_int64(stmt, 3, query->after_seq);
    sqlite3_bind_int64(stmt, 4, query->now);
    sqlite3_bind_int64(stmt, 5, (int64_t) query->limit);

    do {
        code = sqlite3_step(stmt);

        if (code != SQLITE_ROW) {
            break;
        }

        query->after_at = sqlite3_column_int64(stmt, 0);
        query->after_seq = sqlite3_column_int64(stmt, 1);

        code = ngx_triggers_sqlite_due_event(reader, query, query->after_seq,
                                 (ngx_uint_t) sqlite3_column_int64(stmt, 2),
                                 rc);

    } while (code == SQLITE_OK && *rc == NGX_OK);

    (void) sqlite3_reset(stmt);

    return (code == SQLITE_DONE) ? SQLITE_OK : code;
}


static int
ngx_triggers_sqlite_due_event(ngx_triggers_reader_t *reader,
    ngx_triggers_due_query_t *query, int64_t seq, ngx_uint_t attempts,
    ngx_int_t *rc)
{
    int                  code;
    sqlite3_stmt        *stmt;
    ngx_triggers_row_t   row;

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_BY_SEQ];
    sqlite3_bind_int64(stmt, 1, seq);

    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        ngx_triggers_sqlite_row(stmt, &row);
        *rc = query->handler(query->data, &row, attempts);
    }

    (void) sqlite3_reset(stmt);

    return (code == SQLITE_ROW || code == SQLITE_DONE) ? SQLITE_OK : code;
}


static int
ngx_triggers_sqlite_due_next(ngx_triggers_reader_t *reader,
    ngx_triggers_due_query_t *query)
{
    int            code;
    sqlite3_stmt  *stmt;

    stmt = reader->stmt[NGX_TRIGGERS_SQLITE_READ_DUE_NEXT];

    sqlite3_bind_int64(stmt, 1, query->webhook);
    sqlite3_bind_int64(stmt, 2, query->now);

    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW) {
        query->next_at = sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_reset(stmt);

    return (code == SQLITE_ROW || code == SQLITE_DONE) ? SQLITE_OK : code;
}


static ngx_uint_t
ngx_triggers_sqlite_webhook_seen(ngx_triggers_webhook_t *webhook,
    ngx_str_t *user_id, ngx_uint_t any_owner)
{
    return any_owner
           || (!webhook->configured
               && webhook->user_id.len == user_id->len
               && ngx_memcmp(webhook->user_id.data, user_id->data,
                             user_id->len)
                  == 0);
}
