#include "http/response.h"

#include "base/json_out.h"
#include "base/must.h"
#include "http/guard.h"
#include "http/internal.h"
#include "http/request.h"

#include <llhttp.h>

#include <stdio.h>

/* Every status that is ever sent, in order. */
static const struct {
    unsigned status;
    const char *phrase;
} PHRASES[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {302, "Found"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

static const char *phrase_of(unsigned status) {
    for (size_t i = 0; i < sizeof PHRASES / sizeof PHRASES[0]; i++)
        if (PHRASES[i].status == status) return PHRASES[i].phrase;
    MUST(false && "a status without a phrase");
    return "";
}

unsigned response_status_after(unsigned status) {
    for (size_t i = 0; i < sizeof PHRASES / sizeof PHRASES[0]; i++)
        if (PHRASES[i].status > status) return PHRASES[i].status;
    return 0;
}

enum step response_part(struct exchange *x, unsigned status, const char *type) {
    x->status = status;
    x->type = type;
    x->last = false;
    if (x->out.failed) exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the answer");
    return STEP_SEND;
}

enum step response_send(struct exchange *x, unsigned status, const char *type) {
    response_part(x, status, type);
    x->last = true;
    return STEP_SEND;
}

void response_refusal(struct exchange *x) {
    x->status = refuse_row(x->refused)->status;
    x->type = RESPONSE_JSON;
    x->last = true;
    buf_reset(&x->out);
    const struct server_site *site = &x->thread->server->site;
    if (site->refusal && site->refusal(x, &x->out, &x->type)) return;
    buf_puts(&x->out, "{\"error\":");
    json_out_string(&x->out, span_of(x->why));
    buf_putc(&x->out, '}');
}

static void response_put(struct exchange *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void response_put(struct exchange *x, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(x->frame + x->frame_bytes, sizeof x->frame - x->frame_bytes, fmt, args);
    va_end(args);
    MUST(n >= 0 && (size_t)n < sizeof x->frame - x->frame_bytes);
    x->frame_bytes += (size_t)n;
}

/* Header fields that belong to a refusal. */
static void put_refusal_fields(struct exchange *x) {
    unsigned retry = x->refused ? refuse_row(x->refused)->retry_after_s : 0;
    if (retry) response_put(x, "Retry-After: %u\r\n", retry);
    if (x->refused == REFUSE_AUTH) response_put(x, "WWW-Authenticate: Bearer\r\n");
    if (x->refused == REFUSE_ENCODING) response_put(x, "Accept-Encoding: gzip, zstd\r\n");
    if (x->refused == REFUSE_METHOD) {
        struct buf allow;
        buf_init(&allow, 128);
        route_allow(&x->thread->server->site.routes, x->req.path, &allow);
        response_put(x, "Allow: %.*s\r\n", (int)allow.n, allow.n ? allow.p : "");
        buf_release(&allow);
    }
}

/* What a browser wants to see before it hands the answer to a page from elsewhere (Fetch, 3.3). */
static void put_cors_fields(struct exchange *x) {
    if (!x->req.origin[0]) return;
    response_put(x, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", x->req.origin);
    if (!x->req.preflight) return;
    response_put(x, "Access-Control-Allow-Methods: GET, HEAD, POST\r\nAccess-Control-Max-Age: 600\r\n"
                    "Access-Control-Allow-Headers: Authorization, Content-Type, Content-Encoding\r\n");
}

/* Of all answers about the page: nothing from elsewhere runs in it, nothing frames it, nothing else reads it. */
static const char PAGE_FIELDS[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
    "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Permissions-Policy: accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), usb=()\r\n";

static void put_origin_fields(struct exchange *x) {
    if (!x->req.path.p) request_split_target(&x->req); /* refused before its header was complete */
    if (guard_is_page(x))
        response_put(x, "%s", PAGE_FIELDS);
    else
        put_cors_fields(x);
}

/* What the answer is beside its type; none of it belongs to a refusal. */
static void put_content_fields(struct exchange *x) {
    if (!x->refused && x->location) response_put(x, "Location: %s\r\n", x->location);
    if (!x->refused && x->encoding) response_put(x, "Content-Encoding: %s\r\n", x->encoding);
    if (!x->refused && x->tag[0]) response_put(x, "ETag: %s\r\nVary: Accept-Encoding\r\n", x->tag);
}

/* RFC 9110, 15.3.5 and 15.4.5: these end with their header. */
static bool has_no_body(unsigned status) {
    return status == 204 || status == 304;
}

/* chunked, or a known length, or (a stream to an HTTP/1.0 client) neither: then the close ends it. */
static void response_put_head(struct exchange *x, bool streaming, bool chunked, bool close) {
    response_put(x, "HTTP/1.1 %u %s\r\nDate: %s\r\n", x->status, phrase_of(x->status), date_now(&x->thread->date));
    if (!has_no_body(x->status)) {
        response_put(x, "Content-Type: %s\r\n", x->type);
        if (chunked)
            response_put(x, "Transfer-Encoding: chunked\r\n");
        else if (!streaming)
            response_put(x, "Content-Length: %zu\r\n", x->out.n);
    }
    if (x->file && !x->refused) response_put(x, "Content-Disposition: attachment; filename=\"%s\"\r\n", x->file);
    put_refusal_fields(x);
    put_origin_fields(x);
    put_content_fields(x);
    if (close)
        response_put(x, "Connection: close\r\n");
    else if (x->req.http_minor == 0)
        response_put(x, "Connection: keep-alive\r\n");
    bool from_route = x->route && !x->refused;
    response_put(x, "X-Content-Type-Options: nosniff\r\nCache-Control: %s\r\n\r\n",
                 from_route ? x->route->cache : "no-store");
}

/* A chunk around what is in out (RFC 9112, 7.1); out of nothing comes no chunk, that would be the end. */
static void put_chunk(struct exchange *x) {
    if (x->out.n > 0) {
        response_put(x, "%zx\r\n", x->out.n);
        buf_puts(&x->out, "\r\n");
    }
    if (x->last) buf_puts(&x->out, "0\r\n\r\n");
}

void response_frame(struct exchange *x, bool close) {
    bool streaming = exchange_streams(x) && !x->refused, chunked = streaming && x->req.http_minor > 0;
    x->frame_bytes = x->sent = 0;
    if (!x->head_out) response_put_head(x, streaming, chunked, close);
    if (chunked) put_chunk(x);
    if (x->req.method == HTTP_HEAD || has_no_body(x->status)) buf_reset(&x->out);
    x->head_out = true;
}

size_t response_no_room(char *to, size_t size, unsigned max, const char *of, const char *option) {
    char body[128];
    int b = snprintf(body, sizeof body, "{\"error\":\"more than %u connections%s (%s)\"}", max, of, option);
    const struct refuse_row *row = refuse_row(REFUSE_CONNECTIONS);
    int n = snprintf(to, size,
                     "HTTP/1.1 %u %s\r\nContent-Type: " RESPONSE_JSON
                     "\r\nContent-Length: %d\r\nRetry-After: %u\r\nConnection: close\r\n\r\n%s",
                     row->status, phrase_of(row->status), b, row->retry_after_s, body);
    MUST(n > 0 && (size_t)n < size);
    return (size_t)n;
}
