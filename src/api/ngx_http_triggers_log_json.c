
/*
 * Writes entries of the live feed and of the stored logs as JSON; threads of
 * readers and event loops call it.  Of a member that an entry does not have
 * nothing is written, but for those that every log has.
 */


#include "ngx_http_triggers_log_json.h"
#include "ngx_http_triggers_event_json.h"
#include "ngx_triggers_audit.h"


static void ngx_http_triggers_log_write_log(ngx_triggers_text_t *text,
    ngx_triggers_entry_t *entry, ngx_uint_t any_owner);
static void ngx_http_triggers_log_write_request(ngx_triggers_text_t *text,
    ngx_triggers_entry_t *entry);
static void ngx_http_triggers_log_write_event(ngx_triggers_text_t *text,
    ngx_triggers_entry_t *entry, ngx_uint_t any_owner);
static void ngx_http_triggers_log_string(ngx_triggers_text_t *text,
    const char *name, ngx_str_t *value);


/* in the order of ngx_triggers_level_e */

static const ngx_str_t  ngx_http_triggers_levels[NGX_TRIGGERS_NLEVELS] = {
    ngx_string("debug"),
    ngx_string("info"),
    ngx_string("warn"),
    ngx_string("error")
};


/* of an event, by ngx_triggers_audit_e, and what is none of these */

static const char  *ngx_http_triggers_log_actions[] = {
    "created", "acknowledged", "delivered", "failed", "retried", "deleted",
    "expired", [NGX_TRIGGERS_EVENT_RETRYING] = "retrying"
};


void
ngx_http_triggers_log_write(ngx_triggers_text_t *text,
    ngx_triggers_entry_t *entry, ngx_uint_t any_owner)
{
    if (entry->kind == NGX_TRIGGERS_ENTRY_EVENT) {
        ngx_http_triggers_log_write_event(text, entry, any_owner);

    } else {
        ngx_http_triggers_log_write_log(text, entry, any_owner);
    }
}


ngx_int_t
ngx_http_triggers_level_parse(ngx_str_t *name, ngx_uint_t *level)
{
    ngx_uint_t        i;
    const ngx_str_t  *s;

    for (i = 0; i < NGX_TRIGGERS_NLEVELS; i++) {
        s = &ngx_http_triggers_levels[i];

        if (s->len == name->len
            && ngx_strncmp(s->data, name->data, name->len) == 0)
        {
            *level = i;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static void
ngx_http_triggers_log_write_log(ngx_triggers_text_t *text,
    ngx_triggers_entry_t *entry, ngx_uint_t any_owner)
{
    u_char            trace[NGX_TRIGGERS_TRACE_ID_LEN * 2];
    ngx_str_t         trace_id;
    const ngx_str_t  *level;

    level = &ngx_http_triggers_levels[entry->level];

    ngx_triggers_text_puts(text, "{\"timestamp\":");
    ngx_triggers_text_time(text, entry->time);
    ngx_triggers_text_puts(text, ",\"level\":\"");
    ngx_triggers_text_add(text, level->data, level->len);
    ngx_triggers_text_puts(text, "\",\"message\":");
    ngx_triggers_text_string(text, &entry->message);
    ngx_triggers_text_puts(text, ",\"correlation_id\":");
    ngx_triggers_text_string(text, &entry->correlation_id);

    ngx_triggers_text_puts(text, entry->kind == NGX_TRIGGERS_ENTRY_REQUEST
                                 ? ",\"context\":{\"kind\":\"request\""
                                 : ",\"context\":{\"kind\":\"background\"");

    ngx_http_triggers_log_string(text, "request_id", &entry->request_id);

    if (any_owner) {
        ngx_http_triggers_log_string(text, "user_id", &entry->user_id);
    }

    ngx_http_triggers_log_string(text, "key_id", &entry->key_id);

    if (entry->has_event_id) {
        ngx_triggers_text_puts(text, ",\"event_id\":");
        ngx_triggers_text_uuid(text, entry->event_id);
    }

    if (entry->has_trace_id) {
        trace_id.data = trace;
        trace_id.len = ngx_hex_dump(trace, entry->trace_id,
                                    NGX_TRIGGERS_TRACE_ID_LEN)
                       - trace;

        ngx_http_triggers_log_string(text, "trace_id", &trace_id);
    }

    if (entry->kind == NGX_TRIGGERS_ENTRY_REQUEST) {
        ngx_http_triggers_log_write_request(text, entry);
    }

    ngx_http_triggers_log_string(text, "error", &entry->error);
    ngx_triggers_text_puts(text, "}}");
}


static void
ngx_http_triggers_log_write_request(ngx_triggers_text_t *text,
    ngx_triggers_entry_t *entry)
{
    u_char  *p, latency[NGX_INT64_LEN + sizeof(".000")];

    /* a connection that was closed without an answer has none */

    if (entry->status) {
        ngx_triggers_text_puts(text, ",\"status\":");
        ngx_triggers_text_number(text, entry->status);
    }

    p = ngx_sprintf(latency, "%uL.%03uL", entry->latency / 1000,
                    entry->latency % 1000);

    ngx_triggers_text_puts(text, ",\"latency_ms\":");
    ngx_triggers_text_add(text, latency, p - latency);
}


static void
ngx_http_triggers_log_write_event(ngx_triggers_text_t *text,
    ngx_triggers_entry_t *entry, ngx_uint_t any_owner)
{
    ngx_triggers_text_puts(text, "{\"event_id\":");
    ngx_triggers_text_uuid(text, entry->event_id);
    ngx_triggers_text_puts(text, ",\"event_type\":");
    ngx_triggers_text_string(text, &entry->message);
    ngx_triggers_text_puts(text, ",\"action\":\"");
    ngx_triggers_text_puts(text, ngx_http_triggers_log_actions[entry->action]);
    ngx_triggers_text_puts(text, "\",\"status\":");

    if (entry->event_status == NGX_TRIGGERS_NSTATUS) {
        ngx_triggers_text_puts(text, "null");

    } else {
        ngx_triggers_text_puts(text, "\"");
        ngx_triggers_text_puts(text,
                          ngx_http_triggers_status_name(entry->event_status));
        ngx_triggers_text_puts(text, "\"");
    }

    ngx_triggers_text_member_time(text, "timestamp", entry->time);

    if (any_owner) {
        ngx_http_triggers_log_string(text, "user_id", &entry->user_id);
    }

    ngx_triggers_text_puts(text, "}");
}


static void
ngx_http_triggers_log_string(ngx_triggers_text_t *text, const char *name,
    ngx_str_t *value)
{
    if (value->data == NULL) {
        return;
    }

    ngx_triggers_text_puts(text, ",\"");
    ngx_triggers_text_puts(text, name);
    ngx_triggers_text_puts(text, "\":");
    ngx_triggers_text_string(text, value);
}
