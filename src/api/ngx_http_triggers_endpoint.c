
/*
 * URLs of endpoints and types of events.  The URL is read by curl's own
 * parser, so that what is found to be good here means the same later.
 */


#include "ngx_http_triggers_endpoint.h"
#include "ngx_triggers_address.h"
#include "ngx_triggers_networks.h"

#include <curl/curl.h>


#define NGX_HTTP_TRIGGERS_TYPE_MAX  100        /* characters */


static const char *ngx_http_triggers_endpoint_parts(CURLU *u);
static ngx_uint_t ngx_http_triggers_endpoint_has(CURLU *u, CURLUPart part);
static ngx_uint_t ngx_http_triggers_endpoint_literal(char *host,
    ngx_str_t *networks);


const char *
ngx_http_triggers_endpoint_url(ngx_str_t *url)
{
    CURLU       *u;
    u_char      *p, *last;
    const char  *rule;

    if (url->len > NGX_HTTP_TRIGGERS_URL_MAX) {
        return "of at most 2048 bytes";
    }

    last = url->data + url->len;

    for (p = url->data; p < last; p++) {
        if (*p <= 0x20 || *p >= 0x7f) {
            return "of printable ASCII characters";
        }
    }

    if (ngx_strncasecmp(url->data, (u_char *) "http://", 7) != 0
        && ngx_strncasecmp(url->data, (u_char *) "https://", 8) != 0)
    {
        return "an http or https URL";
    }

    /* curl would take the path for the host */

    if (*((u_char *) ngx_strchr(url->data, '/') + 2) == '/') {
        return "a valid URL";
    }

    u = curl_url();
    if (u == NULL) {
        return "checked when there is memory again";
    }

    rule = (curl_url_set(u, CURLUPART_URL, (char *) url->data, 0)
            == CURLUE_OK)
           ? ngx_http_triggers_endpoint_parts(u) : "a valid URL";

    curl_url_cleanup(u);

    return rule;
}


ngx_uint_t
ngx_http_triggers_endpoint_allowed(ngx_str_t *url, ngx_str_t *networks)
{
    CURLU       *u;
    char        *host;
    ngx_uint_t   allowed;

    u = curl_url();
    if (u == NULL) {
        return 0;
    }

    allowed = 0;

    if (curl_url_set(u, CURLUPART_URL, (char *) url->data, 0) == CURLUE_OK
        && curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
    {
        allowed = ngx_http_triggers_endpoint_literal(host, networks);
        curl_free(host);
    }

    curl_url_cleanup(u);

    return allowed;
}


ngx_uint_t
ngx_http_triggers_endpoint_type(ngx_str_t *type)
{
    u_char  *star;
    size_t   len;

    len = ngx_utf8_length(type->data, type->len);

    if (type->len == 0 || len > NGX_HTTP_TRIGGERS_TYPE_MAX
        || memchr(type->data, '\0', type->len))
    {
        return 0;
    }

    star = memchr(type->data, '*', type->len);

    return star == NULL
           || (star == type->data + type->len - 1 && star > type->data
               && star[-1] == '.');
}


/* whoever lists webhooks reads their URLs: no place for a password */

static const char *
ngx_http_triggers_endpoint_parts(CURLU *u)
{
    if (ngx_http_triggers_endpoint_has(u, CURLUPART_USER)
        || ngx_http_triggers_endpoint_has(u, CURLUPART_PASSWORD))
    {
        return "a URL without a user name or password";
    }

    if (ngx_http_triggers_endpoint_has(u, CURLUPART_FRAGMENT)) {
        return "a URL without a fragment";
    }

    return ngx_http_triggers_endpoint_has(u, CURLUPART_HOST) ? NULL
                                                             : "a valid URL";
}


static ngx_uint_t
ngx_http_triggers_endpoint_has(CURLU *u, CURLUPart part)
{
    char  *text;

    if (curl_url_get(u, part, &text, 0) != CURLUE_OK) {
        return 0;
    }

    curl_free(text);

    return 1;
}


/* curl has written an IPv4 address with its four numbers by now */

static ngx_uint_t
ngx_http_triggers_endpoint_literal(char *host, ngx_str_t *networks)
{
    size_t                len;
    struct sockaddr      *sockaddr;
    struct sockaddr_in    sin;
    struct sockaddr_in6   sin6;

    ngx_memzero(&sin, sizeof(struct sockaddr_in));
    ngx_memzero(&sin6, sizeof(struct sockaddr_in6));

    len = ngx_strlen(host);

    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        sin6.sin6_family = AF_INET6;
        sockaddr = (struct sockaddr *) &sin6;

        if (inet_pton(AF_INET6, host + 1, &sin6.sin6_addr) != 1) {
            return 0;
        }

    } else {
        sin.sin_family = AF_INET;
        sockaddr = (struct sockaddr *) &sin;

        if (inet_pton(AF_INET, host, &sin.sin_addr) != 1) {
            return 1;
        }
    }

    return ngx_triggers_address_is_public(sockaddr)
           || (networks->len
               && ngx_triggers_networks_match(networks->data, networks->len,
                                              sockaddr));
}
