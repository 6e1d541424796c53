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

/* NAME, NAME:PORT, [ADDRESS] or [ADDRESS]:PORT, and nothing behind it. */
static bool split_host(struct span host, struct span *name) {
    bool bracket = host.n > 0 && host.p[0] == '[';
    const char *end = host.n ? memchr(host.p, bracket ? ']' : ':', host.n) : NULL;
    *name = span_sub(host, bracket, end ? (size_t)(end - host.p) : host.n);
    if (bracket && !end) return false;
    struct span port = span_sub(host, name->n + (bracket ? 2 : 0), host.n);
    for (size_t i = 0; i < port.n; i++)
        if (i == 0 ? port.p[i] != ':' : port.p[i] < '0' || port.p[i] > '9') return false;
    return name->n > 0 && name->n < ADDRESS_TEXT_MAX && port.n <= sizeof ":65535" - 1;
}

static bool is_own_name(const struct server_opts *o, struct span name) {
    char address[ADDRESS_TEXT_MAX];
    memcpy(address, name.p, name.n);
    address[name.n] = '\0';
    return origin_same_word(name, "localhost") || origin_same_word(name, o->host) || listener_is_loopback(address);
}

bool origin_serves_host(const struct server_opts *o, struct span host) {
    struct span name;
    if (host.n == 0 || !listener_is_loopback(o->host)) return true;
    if (!split_host(host, &name)) return origin_in_list(o->allowed_hosts, span_of("*"));
    return origin_in_list(o->allowed_hosts, name) || is_own_name(o, name);
}

bool origin_serves_page(const struct server_opts *o, struct span host) {
    struct span name;
    if (!split_host(host, &name)) return false;
    if (origin_in_list(o->page.hosts, name) || is_own_name(o, name)) return true;
    char address[ADDRESS_TEXT_MAX];
    memcpy(address, name.p, name.n);
    address[name.n] = '\0';
    return listener_is_everywhere(o->host) && listener_is_address(address);
}

bool origin_is_host(struct span origin, struct span host) {
    const char *colon = origin.n ? memchr(origin.p, ':', origin.n) : NULL;
    struct span rest = span_sub(origin, colon ? (size_t)(colon - origin.p) : origin.n, origin.n);
    struct span scheme = span_sub(origin, 0, origin.n - rest.n);
    if (!origin_same_word(scheme, "http") && !origin_same_word(scheme, "https"))
        return false; /* a proxy has the latter */
    if (!span_starts(rest, SPAN_LIT("://"))) return false;
    rest = span_sub(rest, 3, rest.n);
    return rest.n > 0 && rest.n == host.n && strncasecmp(rest.p, host.p, rest.n) == 0;
}

bool origin_is_simple_type(struct span content_type) {
    return origin_same_word(content_type, "text/plain") || origin_same_word(content_type, "multipart/form-data") ||
           origin_same_word(content_type, "application/x-www-form-urlencoded");
}
