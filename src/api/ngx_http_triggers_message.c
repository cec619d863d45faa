
/*
 * Messages.  The body of the standard format is the payload that Standard
 * Webhooks recommends, "type", "timestamp" and "data", with what else is
 * known of the event:
 *
 *     {"id": …, "type": …, "timestamp": …, "source": …, "metadata": {…},
 *      "data": {…}}
 *
 * source and metadata only where the event has them; metadata and data are
 * the bytes that were sent.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_triggers_message.h"
#include "ngx_triggers_time.h"
#include "ngx_triggers_uuid.h"


#define NGX_HTTP_TRIGGERS_MESSAGE_FRAME                                       \
    (sizeof("{\"id\":\"\",\"type\":\"\",\"timestamp\":\"\",\"source\":\"\","   \
            "\"metadata\":,\"data\":}")                                       \
     + NGX_TRIGGERS_UUID_LEN + NGX_TRIGGERS_TIME_LEN)


static ngx_int_t ngx_http_triggers_message_body(ngx_pool_t *pool,
    ngx_triggers_event_t *event, ngx_str_t *body);
static size_t ngx_http_triggers_message_escaped(ngx_str_t *s);
static u_char *ngx_http_triggers_message_escape(u_char *p, ngx_str_t *s);


ngx_int_t
ngx_http_triggers_message(ngx_pool_t *pool, ngx_triggers_row_t *row,
    ngx_triggers_webhook_t *webhook, ngx_triggers_message_t *message)
{
    ngx_triggers_event_t  *event;

    event = &row->event;

    if (event->traceparent.len
        && ngx_http_triggers_message_header(pool, message, "traceparent",
                                            &event->traceparent)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (event->tracestate.len
        && ngx_http_triggers_message_header(pool, message, "tracestate",
                                            &event->tracestate)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (webhook->format == NGX_TRIGGERS_WEBHOOK_CLOUDEVENTS) {
        return ngx_http_triggers_cloudevent_message(pool, row, message);
    }

    message->headers[message->nheaders++] =
                                  (char *) "Content-Type: application/json";

    return ngx_http_triggers_message_body(pool, event, &message->body);
}


ngx_int_t
ngx_http_triggers_message_header(ngx_pool_t *pool,
    ngx_triggers_message_t *message, const char *name, ngx_str_t *value)
{
    u_char  *p;

    if (message->nheaders == NGX_TRIGGERS_MESSAGE_HEADERS) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, ngx_strlen(name) + sizeof(": ") + value->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    message->headers[message->nheaders++] = (char *) p;

    p = ngx_sprintf(p, "%s: %V", name, value);
    *p = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_triggers_message_body(ngx_pool_t *pool, ngx_triggers_event_t *event,
    ngx_str_t *body)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   type;

    type = event->event_type;

    if (type.len == 0) {
        ngx_str_set(&type, "event");
    }

    len = NGX_HTTP_TRIGGERS_MESSAGE_FRAME
          + ngx_http_triggers_message_escaped(&type)
          + ngx_http_triggers_message_escaped(&event->source)
          + event->metadata.len + event->payload.len;

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    p = ngx_cpymem(p, "{\"id\":\"", sizeof("{\"id\":\"") - 1);
    p = ngx_triggers_uuid_format(p, event->id);
    p = ngx_cpymem(p, "\",\"type\":\"", sizeof("\",\"type\":\"") - 1);
    p = ngx_http_triggers_message_escape(p, &type);
    p = ngx_cpymem(p, "\",\"timestamp\":\"",
                   sizeof("\",\"timestamp\":\"") - 1);
    p = ngx_triggers_time_format(p, event->created_at);

    if (event->source.len) {
        p = ngx_cpymem(p, "\",\"source\":\"", sizeof("\",\"source\":\"") - 1);
        p = ngx_http_triggers_message_escape(p, &event->source);
    }

    p = ngx_cpymem(p, "\",", sizeof("\",") - 1);

    if (event->metadata.len) {
        p = ngx_cpymem(p, "\"metadata\":", sizeof("\"metadata\":") - 1);
        p = ngx_cpymem(p, event->metadata.data, event->metadata.len);
        *p++ = ',';
    }

    p = ngx_cpymem(p, "\"data\":", sizeof("\"data\":") - 1);
    p = ngx_cpymem(p, event->payload.data, event->payload.len);
    *p++ = '}';

    body->len = p - body->data;

    return NGX_OK;
}


static size_t
ngx_http_triggers_message_escaped(ngx_str_t *s)
{
    return s->len + ngx_escape_json(NULL, s->data, s->len);
}


static u_char *
ngx_http_triggers_message_escape(u_char *p, ngx_str_t *s)
{
    return (u_char *) ngx_escape_json(p, s->data, s->len);
}
