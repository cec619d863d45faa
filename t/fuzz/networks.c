
/*
 * Fuzzes lists of networks.  With the lowest bit of the first byte a client's
 * IPv4 address comes as an IPv4-mapped one; the second byte is the bit in
 * which an address differs from that of a network, the third one the length
 * that the list may have; the rest is fields (see fuzz.h), texts of networks.
 *
 * Here all addresses have the 128 bits of IPv6, those of IPv4 are IPv4-mapped,
 * and are compared bit by bit.
 */


#include "fuzz.h"
#include "ngx_triggers_networks.h"


#define FUZZ_NETWORKS  40
#define FUZZ_MAPPED    96


typedef struct {
    u_char                   address[16];
    ngx_uint_t               bits;
} fuzz_network_t;


static const u_char  fuzz_mapped[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};


static void fuzz_add(ngx_str_t *list, size_t max, ngx_str_t *text,
    fuzz_network_t *networks, ngx_uint_t *n);
static ngx_uint_t fuzz_parse(fuzz_network_t *network, ngx_str_t *text);
static ngx_uint_t fuzz_bits(ngx_str_t *text, ngx_uint_t max,
    ngx_uint_t *bits);
static ngx_uint_t fuzz_is_ipv4(u_char *address);
static void fuzz_match(ngx_str_t *list, fuzz_network_t *networks,
    ngx_uint_t n, u_char *address, ngx_uint_t mapped);
static ngx_uint_t fuzz_has(fuzz_network_t *network, u_char *address);
static ngx_uint_t fuzz_ask(ngx_str_t *list, u_char *address,
    ngx_uint_t mapped);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char           *pos, *last, address[16];
    size_t            max;
    ngx_str_t         list, text;
    ngx_uint_t        i, n;
    fuzz_network_t    networks[FUZZ_NETWORKS];

    if (size < 3) {
        return 0;
    }

    pos = (u_char *) data + 3;
    last = (u_char *) data + size;
    max = data[2];

    list.data = malloc(max);
    list.len = 0;
    n = 0;

    while (n < FUZZ_NETWORKS && pos < last) {
        text = fuzz_field(&pos, last);
        fuzz_add(&list, max, &text, networks, &n);
    }

    for (i = 0; i < n; i++) {
        ngx_memcpy(address, networks[i].address, sizeof(address));
        fuzz_match(&list, networks, n, address, data[0] & 1);
        fuzz_check(fuzz_ask(&list, address, data[0] & 1)
                   || (networks[i].bits < FUZZ_MAPPED
                       && fuzz_is_ipv4(address)));

        if (data[1] < 128) {
            address[data[1] / 8] ^= 0x80 >> (data[1] % 8);
            fuzz_match(&list, networks, n, address, data[0] & 1);
        }
    }

    free(list.data);

    /* what is no list is survived */

    list.len = size - 3;
    list.data = malloc(list.len);
    ngx_memcpy(list.data, data + 3, list.len);

    ngx_memset(address, 0xa5, sizeof(address));
    (void) fuzz_ask(&list, address, 0);

    ngx_memcpy(address, fuzz_mapped, sizeof(fuzz_mapped));
    fuzz_check(fuzz_ask(&list, address, 0) == fuzz_ask(&list, address, 1));

    free(list.data);

    return 0;
}


static void
fuzz_add(ngx_str_t *list, size_t max, ngx_str_t *text,
    fuzz_network_t *networks, ngx_uint_t *n)
{
    size_t            size, before;
    ngx_int_t         rc;
    ngx_str_t         exact;
    ngx_uint_t        bits;
    fuzz_network_t   *network;

    /* so that nothing behind the text is read */

    exact.len = text->len;
    exact.data = malloc(text->len);
    ngx_memcpy(exact.data, text->data, text->len);

    before = list->len;
    rc = ngx_triggers_networks_add(list, max, &exact);

    free(exact.data);

    network = &networks[*n];

    if (!fuzz_parse(network, text)) {
        fuzz_check(rc == NGX_DECLINED && list->len == before);
        return;
    }

    bits = network->bits;

    if (bits >= FUZZ_MAPPED && fuzz_is_ipv4(network->address)) {
        bits -= FUZZ_MAPPED;
    }

    size = 1 + bits / 8 + (bits % 8 != 0);

    if (before + size > max) {
        fuzz_check(rc == NGX_BUSY && list->len == before);
        return;
    }

    fuzz_check(rc == NGX_OK && list->len == before + size);

    (*n)++;
}


static ngx_uint_t
fuzz_parse(fuzz_network_t *network, ngx_str_t *text)
{
    char        *copy, *slash;
    ngx_uint_t   valid, max;

    copy = calloc(1, text->len + 1);
    memcpy(copy, text->data, text->len);

    slash = strchr(copy, '/');

    if (slash) {
        *slash = '\0';
    }

    max = 128;
    valid = (strlen(copy) == (slash ? (size_t) (slash - copy) : text->len));

    if (inet_pton(AF_INET, copy, &network->address[12]) == 1) {
        memcpy(network->address, fuzz_mapped, sizeof(fuzz_mapped));
        max = 32;

    } else if (inet_pton(AF_INET6, copy, network->address) != 1) {
        valid = 0;
    }

    network->bits = 128;

    if (valid && slash) {
        text->len -= slash + 1 - copy;
        text->data += slash + 1 - copy;

        valid = fuzz_bits(text, max, &network->bits);
        network->bits += 128 - max;
    }

    free(copy);

    return valid;
}


static ngx_uint_t
fuzz_bits(ngx_str_t *text, ngx_uint_t max, ngx_uint_t *bits)
{
    size_t  i;

    *bits = 0;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < '0' || text->data[i] > '9') {
            return 0;
        }

        *bits = *bits * 10 + text->data[i] - '0';

        if (*bits > max) {
            return 0;
        }
    }

    return text->len > 0;
}


static ngx_uint_t
fuzz_is_ipv4(u_char *address)
{
    return memcmp(address, fuzz_mapped, sizeof(fuzz_mapped)) == 0;
}


static void
fuzz_match(ngx_str_t *list, fuzz_network_t *networks, ngx_uint_t n,
    u_char *address, ngx_uint_t mapped)
{
    ngx_uint_t  i, expected;

    expected = 0;

    for (i = 0; i < n; i++) {
        expected |= fuzz_has(&networks[i], address);
    }

    fuzz_check(fuzz_ask(list, address, mapped) == expected);
}


static ngx_uint_t
fuzz_has(fuzz_network_t *network, u_char *address)
{
    ngx_uint_t  i, ipv4;

    ipv4 = (network->bits >= FUZZ_MAPPED && fuzz_is_ipv4(network->address));

    if (ipv4 != fuzz_is_ipv4(address)) {
        return 0;
    }

    for (i = 0; i < network->bits; i++) {
        if ((network->address[i / 8] ^ address[i / 8]) & (0x80 >> (i % 8))) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
fuzz_ask(ngx_str_t *list, u_char *address, ngx_uint_t mapped)
{
    struct sockaddr       other;
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;
    ngx_uint_t            rc;

    ngx_memzero(&other, sizeof(struct sockaddr));
    other.sa_family = AF_UNIX;
    fuzz_check(!ngx_triggers_networks_match(list->data, list->len, &other));

    if (fuzz_is_ipv4(address) && !mapped) {
        sin = calloc(1, sizeof(struct sockaddr_in));
        sin->sin_family = AF_INET;
        memcpy(&sin->sin_addr, &address[12], 4);

        rc = ngx_triggers_networks_match(list->data, list->len,
                                         (struct sockaddr *) sin);
        free(sin);

        return rc;
    }

    sin6 = calloc(1, sizeof(struct sockaddr_in6));
    sin6->sin6_family = AF_INET6;
    memcpy(&sin6->sin6_addr, address, 16);

    rc = ngx_triggers_networks_match(list->data, list->len,
                                     (struct sockaddr *) sin6);
    free(sin6);

    return rc;
}
