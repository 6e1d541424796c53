#include "http/request.h"

#include "http/guard.h"
#include "http/internal.h"
#include "http/origin.h"
#include "http/response.h"

#include <strings.h>
#include <sys/socket.h>

enum {
    FIELD_OVERHEAD = 4, /* ": " and CRLF */
    DISCARD_BYTES_MAX =
        64 * 1024, /* a refused body up to this is read and thrown away, so that the connection can stay */
    GO_ON = 0,
    STOP = -1,
};

static struct exchange *exchange_of(llhttp_t *http) {
    return ((struct conn *)http->data)->x;
}

static int count_bytes(struct exchange *x, size_t n) {
    x->req.header_bytes += n;
    if (x->req.header_bytes <= exchange_opts(x)->header_bytes_max) return GO_ON;
    exchange_refuse(x, REFUSE_HEADER_BYTES, "the header is larger than %zu bytes (header-bytes-max)",
                    exchange_opts(x)->header_bytes_max);
    return STOP;
}

/* ---- the fields that matter ---- */

static bool equals(struct span s, const char *word) {
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* "" where it does not fit: then it is none of the values that are looked for. */
static void keep_value(char *to, size_t size, struct span value) {
    size_t n = value.n < size ? value.n : 0;
    if (n > 0) memcpy(to, value.p, n);
    to[n] = '\0';
}

/* RFC 3986, 3.2.2 and 3.2.3: the characters of a host, its brackets and its port. */
static bool take_host(struct exchange *x, struct span value) {
    static const char OTHERS[] = "-._~!$&'()*+,;=%:[]";
    if (++x->req.hosts > 1) return exchange_refuse(x, REFUSE_MALFORMED, "more than one Host");
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i], lower = (char)(c | 0x20);
        if ((c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') || (c && strchr(OTHERS, c))) continue;
        return exchange_refuse(x, REFUSE_MALFORMED, "Host: character %zu is not allowed in a host", i);
    }
    x->req.host_is_other = !origin_serves_host(exchange_opts(x), value);
    keep_value(x->req.host, sizeof x->req.host, value);
    return true;
}

static bool take_transfer_encoding(struct exchange *x, struct span value) {
    if (++x->req.transfer_encodings > 1) return exchange_refuse(x, REFUSE_MALFORMED, "more than one Transfer-Encoding");
    return equals(value, "chunked") ||
           exchange_refuse(x, REFUSE_TRANSFER, "Transfer-Encoding: nothing but 'chunked' is supported");
}

bool request_encoding(struct span value, enum inflate_format *format) {
    static const struct {
        const char *name;
        enum inflate_format format;
    } NAMES[] = {{"", INFLATE_PLAIN},
                 {"identity", INFLATE_PLAIN},
                 {"gzip", INFLATE_GZIP},
                 {"x-gzip", INFLATE_GZIP},
                 {"zstd", INFLATE_ZSTD}};
    value = span_trim(value);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (equals(value, NAMES[i].name)) {
            *format = NAMES[i].format;
            return true;
        }
    return false;
}

static bool take_content_encoding(struct exchange *x, struct span value) {
    bool known = ++x->req.content_encodings == 1 && request_encoding(value, &x->req.encoding);
    x->req.encoding_unknown = !known;
    x->req.snappy = x->req.content_encodings == 1 && equals(value, "snappy");
    return true;
}

static bool take_content_type(struct exchange *x, struct span value) {
    const char *end = memchr(value.p, ';', value.n);
    struct span type = span_trim(span_sub(value, 0, end ? (size_t)(end - value.p) : value.n));
    keep_value(x->req.type, sizeof x->req.type, type);
    x->req.simple_type = origin_is_simple_type(type);
    x->req.json_type = equals(type, "application/json");
    x->req.ndjson =
        equals(type, "application/x-ndjson") || equals(type, "application/jsonl") || equals(type, "application/ndjson");
    return true;
}

static bool take_authorization(struct exchange *x, struct span value) {
    guard_take_token(x, value);
    return true;
}

static bool take_proxied(struct exchange *x, struct span value) {
    guard_take_proxied(x, value);
    return true;
}

static bool take_fetch_site(struct exchange *x, struct span value) {
    x->req.fetched = equals(value, "same-origin") ? FETCHED_HERE
                     : equals(value, "none")      ? FETCHED_BY_USER
                                                  : FETCHED_ELSEWHERE;
    return true;
}

static bool take_fetch_mode(struct exchange *x, struct span value) {
    x->req.navigates = equals(value, "navigate");
    return true;
}

static bool take_mark(struct exchange *x, struct span value) {
    x->req.marked = equals(value, "1");
    return true;
}

static bool take_expect(struct exchange *x, struct span value) {
    if (equals(value, "100-continue"))
        x->req.expects = true;
    else
        x->req.expects_else = true;
    return true;
}

/* Kept when pages from there may read our answers. */
static bool take_origin(struct exchange *x, struct span value) {
    x->req.from_page = true;
    keep_value(x->req.from, sizeof x->req.from, value);
    bool allowed = origin_in_list(exchange_opts(x)->cors_origin, value);
    if (!allowed || value.n >= sizeof x->req.origin) return true;
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] <= ' ' || value.p[i] > '~') return true; /* no origin looks like that */
    memcpy(x->req.origin, value.p, value.n);
    x->req.origin[value.n] = '\0';
    return true;
}

static bool take_preflight(struct exchange *x, struct span value) {
    x->req.preflight = value.n > 0;
    return true;
}

/* "q=0", "q=0.0": not wanted at all (RFC 9110, 12.4.2). */
static bool is_no_weight(struct span s) {
    if (s.n < 3 || (s.p[0] | 0x20) != 'q' || s.p[1] != '=') return false;
    for (size_t i = 2; i < s.n; i++)
        if (s.p[i] != '0' && s.p[i] != '.') return false;
    return true;
}

/* Whether the list names the word, and not with a weight of 0. */
static bool list_takes(struct span list, const char *word) {
    while (list.n > 0) {
        const char *comma = memchr(list.p, ',', list.n);
        struct span one = span_sub(list, 0, comma ? (size_t)(comma - list.p) : list.n);
        const char *mark = memchr(one.p, ';', one.n);
        size_t name = mark ? (size_t)(mark - one.p) : one.n;
        if (equals(span_trim(span_sub(one, 0, name)), word))
            return !is_no_weight(span_trim(span_sub(one, name + 1, one.n)));
        list = span_sub(list, one.n + 1, list.n);
    }
    return false;
}

static bool take_accept_encoding(struct exchange *x, struct span value) {
    x->req.takes_gzip = list_takes(value, "gzip");
    return true;
}

static bool take_accept(struct exchange *x, struct span value) {
    x->req.takes_html = list_takes(value, "text/html");
    return true;
}

static bool take_none_match(struct exchange *x, struct span value) {
    keep_value(x->req.none_match, sizeof x->req.none_match, value);
    return true;
}

/* False: the request's framing can't be trusted; nothing after it is read. */
static const struct field {
    const char *name;
    bool (*take)(struct exchange *x, struct span value);
} FIELDS[] = {
    {"host", take_host},
    {"transfer-encoding", take_transfer_encoding},
    {"content-encoding", take_content_encoding},
    {"content-type", take_content_type},
    {"authorization", take_authorization},
    {"expect", take_expect},
    {"origin", take_origin},
    {"access-control-request-method", take_preflight},
    {"sec-fetch-site", take_fetch_site},
    {"sec-fetch-mode", take_fetch_mode},
    {"x-logclass", take_mark},
    {"accept-encoding", take_accept_encoding},
    {"accept", take_accept},
    {"if-none-match", take_none_match},
};
static const struct field PROXIED = {"", take_proxied}; /* its name is an option */

static const struct field *field_of(const struct exchange *x) {
    const struct request *r = &x->req;
    if (r->head_done || r->field_bytes > sizeof r->field) return NULL; /* trailers are none of ours either */
    struct span name = {r->field, r->field_bytes};
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++)
        if (span_eq(name, span_of(FIELDS[i].name))) return &FIELDS[i];
    return r->field_bytes > 0 && equals(name, exchange_opts(x)->page.user_header) ? &PROXIED : NULL;
}

/* ---- callbacks, in the order of a request ---- */

static int on_message_begin(llhttp_t *http) {
    struct conn *c = http->data;
    c->x = exchange_take(c->thread, c);
    return c->x ? GO_ON : STOP;
}

static int on_url(llhttp_t *http, const char *at, size_t n) {
    struct exchange *x = exchange_of(http);
    buf_put(&x->req.text, at, n);
    x->req.target_bytes += n;
    return count_bytes(x, n);
}

static int on_header_field(llhttp_t *http, const char *at, size_t n) {
    struct request *r = &exchange_of(http)->req;
    for (size_t i = 0; i < n; i++, r->field_bytes++)
        if (r->field_bytes < sizeof r->field)
            r->field[r->field_bytes] = (char)(at[i] >= 'A' && at[i] <= 'Z' ? at[i] | 0x20 : at[i]);
    return count_bytes(exchange_of(http), n);
}

static int on_header_value(llhttp_t *http, const char *at, size_t n) {
    struct exchange *x = exchange_of(http);
    if (field_of(x)) buf_put(&x->req.text, at, n);
    return count_bytes(x, n);
}

static int on_header_value_complete(llhttp_t *http) {
    struct exchange *x = exchange_of(http);
    struct request *r = &x->req;
    const struct field *f = field_of(x);
    struct span value = span_sub(buf_span(&r->text), r->target_bytes, r->text.n);
    bool ok = !f || f->take(x, span_trim(value));
    r->text.n = r->target_bytes;
    r->field_bytes = 0;
    return ok ? count_bytes(x, FIELD_OVERHEAD) : STOP;
}

/* A target in absolute form counts without its scheme and host (RFC 9112, 3.2.2). */
void request_split_target(struct request *r) {
    struct span t = span_sub(buf_span(&r->text), 0, r->target_bytes);
    static const char SCHEME[] = "http://";
    if (t.n >= sizeof SCHEME - 1 && strncasecmp(t.p, SCHEME, sizeof SCHEME - 1) == 0) {
        t = span_sub(t, sizeof SCHEME - 1, t.n);
        size_t host = 0;
        while (host < t.n && t.p[host] != '/' && t.p[host] != '?') host++;
        t = span_sub(t, host, t.n);
    }
    const char *mark = t.n ? memchr(t.p, '?', t.n) : NULL;
    size_t path = mark ? (size_t)(mark - t.p) : t.n;
    r->path = path > 0 ? span_sub(t, 0, path) : SPAN_LIT("/"); /* RFC 9110, 4.2.3 */
    r->query = span_sub(t, path + 1, t.n);
}

/* What makes the rest of the connection unreadable. */
static bool check_framing(struct exchange *x, const llhttp_t *http) {
    if (http->http_major != 1 || http->http_minor > 1)
        return exchange_refuse(x, REFUSE_VERSION, "HTTP/%u.%u is not supported: expected HTTP/1.1", http->http_major,
                               http->http_minor);
    if (x->req.hosts == 0 && http->http_minor == 1) return exchange_refuse(x, REFUSE_MALFORMED, "Host is missing");
    if (x->req.transfer_encodings && http->http_minor == 0)
        return exchange_refuse(x, REFUSE_MALFORMED, "Transfer-Encoding in an HTTP/1.0 request");
    if (http->method == HTTP_CONNECT) return exchange_refuse(x, REFUSE_METHOD, "CONNECT is not supported");
    return true;
}

static enum step answer_preflight(struct exchange *x) {
    return response_send(x, 200, RESPONSE_TEXT);
}

/* A browser's question before a request of a page from elsewhere: whether the path has the method (Fetch, 3.3.6). */
static bool is_preflight(struct exchange *x) {
    struct request *r = &x->req;
    bool path_known = false;
    r->preflight = r->preflight && r->method == HTTP_OPTIONS && r->origin[0];
    if (!r->preflight) return false;
    for (unsigned m = 0; m < 2 && !x->route; m++)
        x->route = route_find(&x->thread->server->site.routes, r->path, m ? HTTP_POST : HTTP_GET, &path_known);
    r->preflight = x->route != NULL;
    return r->preflight;
}

static bool find_route(struct exchange *x) {
    const struct request *r = &x->req;
    bool path_known;
    x->route = route_find(&x->thread->server->site.routes, r->path, r->method, &path_known);
    if (!path_known) return exchange_refuse(x, REFUSE_ROUTE, "there is nothing at this path");
    return x->route || exchange_refuse(x, REFUSE_METHOD, "%s is not supported here",
                                       llhttp_method_name((llhttp_method_t)r->method));
}

static bool admit(struct exchange *x) {
    const struct request *r = &x->req;
    const struct settings *set = x->thread->set;
    const struct server_site *site = &x->thread->server->site;
    if (!guard_origin(x)) return false;
    x->run = answer_preflight;
    if (is_preflight(x)) return true;
    if (!find_route(x)) return false;
    x->run = x->route->run;
    if (!guard_role(x)) return false;
    if (r->expects_else) return exchange_refuse(x, REFUSE_EXPECTATION, "Expect: nothing but 100-continue is known");
    if (r->encoding_unknown && !(r->snappy && site->admit))
        return exchange_refuse(x, REFUSE_ENCODING, "Content-Encoding: expected gzip or zstd");
    size_t max = set->o.body_bytes_max;
    if (!exchange_streams(x) && r->content_length > max)
        return exchange_refuse(x, REFUSE_BODY_BYTES, "the body is larger than %zu bytes (body-bytes-max)", max);
    return !site->admit || site->admit(x);
}

/* The answer to the last request is written before the next is read, so the socket takes these few bytes. */
static bool send_continue(const struct conn *c) {
    static const char TEXT[] = "HTTP/1.1 100 Continue\r\n\r\n";
    return send(c->fd, TEXT, sizeof TEXT - 1, MSG_NOSIGNAL) == sizeof TEXT - 1;
}

static int on_headers_complete(llhttp_t *http) {
    struct exchange *x = exchange_of(http);
    struct request *r = &x->req;
    r->head_done = true;
    r->method = http->method;
    r->http_minor = http->http_minor;
    r->content_length = http->flags & F_CONTENT_LENGTH ? http->content_length : 0;
    http->upgrade = 0; /* an Upgrade we don't follow is ignored (RFC 9110, 7.8) */
    request_split_target(r);
    if (!check_framing(x, http)) return STOP;
    bool has_body = (http->flags & F_CHUNKED) || r->content_length > 0;
    bool expects = r->expects && has_body && http->http_minor == 1;
    if (admit(x)) return expects && !send_continue(x->conn) ? STOP : GO_ON;
    bool discard = !expects && !(http->flags & F_CHUNKED) && http->content_length <= DISCARD_BYTES_MAX;
    return has_body && !discard ? STOP : GO_ON;
}

static int on_chunk_extension(llhttp_t *http, const char *at, size_t n) {
    (void)at;
    return count_bytes(exchange_of(http), n + 1);
}

static int on_body(llhttp_t *http, const char *at, size_t n) {
    struct exchange *x = exchange_of(http);
    return x->refused || exchange_add_body(x, at, n) ? GO_ON : STOP;
}

static int on_message_complete(llhttp_t *http) {
    exchange_of(http)->req.complete = true;
    return HPE_PAUSED;
}

const llhttp_settings_t request_settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};
