#include "http/origin.h"

#include "http/listener.h"
#include "http/server.h"

#include <string.h>
#include <strings.h>

enum { ADDRESS_TEXT_MAX = 64 };

static bool origin_same_word(struct span s, const char *word) {
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

bool origin_in_list(const char *list, struct span value) {
    struct span rest = span_of(list ? list : "");
    if (span_eq(rest, SPAN_LIT("*"))) return true;
    while (rest.n > 0) {
        const char *comma = memchr(rest.p, ',', rest.n);
        size_t n = comma ? (size_t)(comma - rest.p) : rest.n;
        if (span_eq(span_trim(span_sub(rest, 0, n)), value)) return true;
        rest = span_sub(rest, n + 1, rest.n);
    }
    return false;
}

/* Host without its port, and an IPv6 address without its brackets. */
static struct span name_of_host(struct span host) {
    bool bracket = host.n > 0 && host.p[0] == '[';
    const char *end = host.n ? memchr(host.p, bracket ? ']' : ':', host.n) : NULL;
    return span_sub(host, bracket, end ? (size_t)(end - host.p) : host.n);
}

bool origin_serves_host(const struct server_opts *o, struct span host) {
    struct span name = name_of_host(host);
    if (name.n == 0 || origin_same_word(name, "localhost") || origin_same_word(name, o->host)) return true;
    if (!listener_is_loopback(o->host) || origin_in_list(o->allowed_hosts, name)) return true;
    char address[ADDRESS_TEXT_MAX];
    if (name.n >= sizeof address) return false;
    memcpy(address, name.p, name.n);
    address[name.n] = '\0';
    return listener_is_loopback(address);
}

bool origin_is_host(struct span origin, struct span host) {
    const char *colon = origin.n ? memchr(origin.p, ':', origin.n) : NULL;
    struct span rest = span_sub(origin, colon ? (size_t)(colon - origin.p) : origin.n, origin.n);
    if (!span_starts(rest, SPAN_LIT("://"))) return false;
    rest = span_sub(rest, 3, rest.n);
    return rest.n > 0 && rest.n == host.n && strncasecmp(rest.p, host.p, rest.n) == 0;
}

bool origin_is_simple_type(struct span content_type) {
    return origin_same_word(content_type, "text/plain") || origin_same_word(content_type, "multipart/form-data") ||
           origin_same_word(content_type, "application/x-www-form-urlencoded");
}
