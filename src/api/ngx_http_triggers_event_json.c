
/*
 * Writes an event as JSON.  Payload and metadata are passed on byte for byte;
 * on v1 what the server saw is also shown in the metadata, under the names
 * that the client did not use itself.
 */


#include "ngx_http_triggers_event_json.h"
#include "ngx_triggers_json.h"


#define NGX_HTTP_TRIGGERS_NCONTEXT       6
#define NGX_HTTP_TRIGGERS_NCONTEXT_META  4    /* shown in the metadata too */


typedef struct {
    const char              *name;
    ngx_str_t               *value;
} ngx_http_triggers_context_t;


static void ngx_http_triggers_context(ngx_triggers_event_t *event,
    ngx_http_triggers_context_t *context);
static void ngx_http_triggers_write_context(ngx_triggers_text_t *text,
    ngx_http_triggers_context_t *context);
static void ngx_http_triggers_write_metadata(ngx_triggers_text_t *text,
    ngx_str_t *metadata, ngx_http_triggers_context_t *context);
static void ngx_http_triggers_write_state(ngx_triggers_text_t *text,
    ngx_triggers_row_t *row, int64_t retention);
static void ngx_http_triggers_write_number(ngx_triggers_text_t *text,
    int64_t n, ngx_uint_t absent);
static void ngx_http_triggers_write_raw(ngx_triggers_text_t *text,
    ngx_str_t *json);


const char *
ngx_http_triggers_status_name(ngx_uint_t status)
{
    static const char  *names[] = {
        "acknowledged", "delivered", "failed", "retrying", "pending"
    };

    return names[status];
}


void
ngx_http_triggers_event_write(ngx_triggers_text_t *text,
    ngx_triggers_row_t *row, ngx_uint_t v1, int64_t retention)
{
    ngx_triggers_event_t         *event;
    ngx_http_triggers_context_t   context[NGX_HTTP_TRIGGERS_NCONTEXT];

    event = &row->event;
    ngx_http_triggers_context(event, context);

    ngx_triggers_text_puts(text, "{\"event_id\":");
    ngx_triggers_text_uuid(text, event->id);
    ngx_triggers_text_puts(text, ",\"user_id\":");
    ngx_triggers_text_string(text, &event->user_id);
    ngx_triggers_text_puts(text, ",\"event_type\":");
    ngx_triggers_text_string(text, &event->event_type);
    ngx_triggers_text_puts(text, ",\"source\":");
    ngx_triggers_text_string(text, &event->source);
    ngx_triggers_text_puts(text, ",\"payload\":");
    ngx_http_triggers_write_raw(text, &event->payload);
    ngx_triggers_text_puts(text, ",\"metadata\":");

    if (v1) {
        ngx_http_triggers_write_metadata(text, &event->metadata, context);

    } else {
        ngx_http_triggers_write_raw(text, &event->metadata);
    }

    ngx_triggers_text_puts(text, ",\"context\":");
    ngx_http_triggers_write_context(text, context);

    ngx_http_triggers_write_state(text, row, retention);
}


void
ngx_http_triggers_attempt_write(ngx_triggers_text_t *text,
    ngx_triggers_attempt_t *attempt)
{
    ngx_str_t  target;

    target = attempt->url;

    if (target.data == NULL) {

        if (attempt->pushed) {

            /* to a webhook that was deleted since */

            ngx_str_set(&target, "webhook");

        } else if (attempt->outcome == NGX_TRIGGERS_ATTEMPT_RELEASED
                   || attempt->outcome == NGX_TRIGGERS_ATTEMPT_EXPIRED)
        {
            ngx_str_set(&target, "lease");

        } else {
            ngx_str_set(&target, "step");
        }
    }

    ngx_triggers_text_puts(text, "{\"at\":");
    ngx_triggers_text_time(text, attempt->at);
    ngx_triggers_text_puts(text, ",\"target\":");
    ngx_triggers_text_string(text, &target);

    ngx_http_triggers_attempt_write_outcome(text, attempt);
}


void
ngx_http_triggers_attempt_write_outcome(ngx_triggers_text_t *text,
    ngx_triggers_attempt_t *attempt)
{
    static const char  *outcomes[] = {
        "delivered", "failed", "released", "expired", "cancelled"
    };

    ngx_triggers_text_puts(text, ",\"outcome\":\"");
    ngx_triggers_text_puts(text, outcomes[attempt->outcome]);
    ngx_triggers_text_puts(text, "\",\"status_code\":");
    ngx_http_triggers_write_number(text, attempt->status_code,
                                   attempt->status_code == 0);
    ngx_triggers_text_puts(text, ",\"duration_ms\":");
    ngx_http_triggers_write_number(text, attempt->duration,
                                   attempt->duration == -1);
    ngx_triggers_text_puts(text, ",\"error\":");
    ngx_triggers_text_string(text, &attempt->error);
    ngx_triggers_text_puts(text, "}");
}


static void
ngx_http_triggers_context(ngx_triggers_event_t *event,
    ngx_http_triggers_context_t *context)
{
    context[0].name = "source_ip";
    context[0].value = &event->source_ip;
    context[1].name = "user_agent";
    context[1].value = &event->user_agent;
    context[2].name = "api_version";
    context[2].value = &event->api_version;
    context[3].name = "correlation_id";
    context[3].value = &event->correlation_id;
    context[4].name = "traceparent";
    context[4].value = &event->traceparent;
    context[5].name = "tracestate";
    context[5].value = &event->tracestate;
}


static void
ngx_http_triggers_write_context(ngx_triggers_text_t *text,
    ngx_http_triggers_context_t *context)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_TRIGGERS_NCONTEXT; i++) {
        ngx_triggers_text_puts(text, i ? ",\"" : "{\"");
        ngx_triggers_text_puts(text, context[i].name);
        ngx_triggers_text_puts(text, "\":");
        ngx_triggers_text_string(text, context[i].value);
    }

    ngx_triggers_text_puts(text, "}");
}


static void
ngx_http_triggers_write_metadata(ngx_triggers_text_t *text,
    ngx_str_t *metadata, ngx_http_triggers_context_t *context)
{
    size_t                     len;
    u_char                    *p;
    ngx_str_t                  empty;
    ngx_uint_t                 i, comma;
    ngx_triggers_json_value_t  value;

    ngx_str_set(&empty, "{}");

    if (metadata->data == NULL) {
        metadata = &empty;
    }

    /* up to the closing brace, which is the last byte */

    len = metadata->len - 1;
    ngx_triggers_text_add(text, metadata->data, len);

    /* is there a member before it? */

    for (p = metadata->data + len - 1; *p <= ' '; p--) { /* void */ }

    comma = (*p != '{');

    for (i = 0; i < NGX_HTTP_TRIGGERS_NCONTEXT_META; i++) {

        ngx_triggers_json_get(metadata, (u_char *) context[i].name,
                              ngx_strlen(context[i].name), &value);

        if (value.type != NGX_TRIGGERS_JSON_NONE) {
            continue;
        }

        ngx_triggers_text_puts(text, comma ? ",\"" : "\"");
        ngx_triggers_text_puts(text, context[i].name);
        ngx_triggers_text_puts(text, "\":");
        ngx_triggers_text_string(text, context[i].value);
        comma = 1;
    }

    ngx_triggers_text_puts(text, "}");
}


static void
ngx_http_triggers_write_state(ngx_triggers_text_t *text,
    ngx_triggers_row_t *row, int64_t retention)
{
    static const char  *priorities[] = { "low", "normal", "high" };

    ngx_triggers_text_puts(text, ",\"status\":\"");
    ngx_triggers_text_puts(text, ngx_http_triggers_status_name(row->status));
    ngx_triggers_text_puts(text, "\",\"priority\":\"");
    ngx_triggers_text_puts(text, priorities[row->event.priority]);
    ngx_triggers_text_puts(text, "\",\"created_at\":");
    ngx_triggers_text_time(text, row->event.created_at);
    ngx_triggers_text_puts(text, ",\"timestamp\":");
    ngx_triggers_text_time(text, row->event.created_at);
    ngx_triggers_text_puts(text, ",\"updated_at\":");
    ngx_triggers_text_time(text, row->updated_at ? row->updated_at
                                                 : row->event.created_at);
    ngx_triggers_text_puts(text, ",\"retry_count\":");
    ngx_triggers_text_number(text, row->retry_count);
    ngx_triggers_text_puts(text, ",\"last_retry_at\":");
    ngx_triggers_text_time(text, row->last_retry_at);
    ngx_triggers_text_puts(text, ",\"delivered_at\":");
    ngx_triggers_text_time(text, row->delivered_at);
    ngx_triggers_text_puts(text, ",\"acknowledged_at\":");
    ngx_triggers_text_time(text, row->acknowledged_at);
    ngx_triggers_text_puts(text, ",\"leased_until\":");
    ngx_triggers_text_time(text, row->leased_until);
    ngx_triggers_text_puts(text, ",\"error_message\":");
    ngx_triggers_text_string(text, &row->error_message);

    /* in seconds, and never before its time */

    ngx_triggers_text_puts(text, ",\"ttl\":");
    ngx_http_triggers_write_number(text,
                                   (row->done_at + retention + 999) / 1000,
                                   row->done_at == 0 || retention == 0);
}


static void
ngx_http_triggers_write_number(ngx_triggers_text_t *text, int64_t n,
    ngx_uint_t absent)
{
    if (absent) {
        ngx_triggers_text_puts(text, "null");
        return;
    }

    ngx_triggers_text_number(text, n);
}


static void
ngx_http_triggers_write_raw(ngx_triggers_text_t *text, ngx_str_t *json)
{
    if (json->data == NULL) {
        ngx_triggers_text_puts(text, "null");
        return;
    }

    ngx_triggers_text_add(text, json->data, json->len);
}
