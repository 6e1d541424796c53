/* site_fixture: a site for tests of HTTP alone.
 *
 *   POST /classify          the body comes back
 *   GET  /health, /livez    {"status":"healthy"}, {"status":"alive"}; /livez may be cached
 *   GET  /metrics           20 KB of text
 *   POST /readyz?status=N   the status, with a body where it may have one
 *   POST /openapi.json      leaves the loop, and comes back when `held` is not set
 *   POST /openapi.json?task the same, after work by the helper
 *   POST /                  streams: an NDJSON body comes back as it arrives; "stall" stalls it first, "stuck" for ever
 */
#ifndef HTTP_SITE_FIXTURE_H
#define HTTP_SITE_FIXTURE_H

#include "base/must.h"
#include "base/queue.h"
#include "http/fixture.h"
#include "http/query.h"
#include "http/response.h"

#include <llhttp.h>

static struct {
    struct queue away; /* of struct exchange *, which the keeper thread brings back */
    pthread_t keeper;
    atomic_bool held;
    atomic_uint handled, kept, released, stalls; /* handlers run first, exchanges that left, were released, stalled */
    atomic_uint working;                         /* tasks that the helper has begun */
    atomic_uint settings_closed, closed, threads;
} fix_site;

static inline enum step fix_echo(struct exchange *x) {
    atomic_fetch_add(&fix_site.handled, 1);
    buf_put(&x->out, x->body.p, x->body.n);
    return response_send(x, 200, RESPONSE_JSON);
}

static inline enum step fix_health(struct exchange *x) {
    atomic_fetch_add(&fix_site.handled, 1);
    buf_puts(&x->out, "{\"status\":\"healthy\"}");
    return response_send(x, 200, RESPONSE_JSON);
}

static inline enum step fix_alive(struct exchange *x) {
    buf_puts(&x->out, "{\"status\":\"alive\"}");
    return response_send(x, 200, RESPONSE_JSON);
}

static inline enum step fix_large(struct exchange *x) {
    for (int i = 0; i < 20000; i++) buf_putc(&x->out, 'x');
    return response_send(x, 200, RESPONSE_TEXT);
}

static inline enum step fix_status(struct exchange *x) {
    struct span query = x->req.query, name, value;
    unsigned status = 200;
    while (query_next(&query, &name, &value))
        if (span_eq(name, SPAN_LIT("status"))) status = (unsigned)strtoul(value.p, NULL, 10);
    buf_puts(&x->out, "body");
    return response_send(x, status, RESPONSE_TEXT);
}

static inline void fix_release(struct exchange *x) {
    CHECK(!x->away);
    atomic_fetch_add(&fix_site.released, 1);
}

static inline void fix_work(struct exchange *x) {
    atomic_fetch_add(&fix_site.working, 1);
    while (atomic_load(&fix_site.held)) usleep(1000);
    buf_puts(&x->out, "worked");
}

static inline enum step fix_leave(struct exchange *x) {
    if (x->handler_state) return x->refused ? STEP_SEND : response_send(x, 200, RESPONSE_TEXT);
    x->handler_state = &fix_site;
    x->release = fix_release;
    atomic_fetch_add(&fix_site.kept, 1);
    if (query_has(x->req.query, SPAN_LIT("task"), SPAN_LIT("")))
        return exchange_task(x, fix_work) ? STEP_WAIT : STEP_SEND;
    buf_puts(&x->out, "back");
    exchange_leave(x);
    CHECK(queue_push(&fix_site.away, &x));
    return STEP_WAIT;
}

static inline enum step fix_stream(struct exchange *x) {
    if (span_eq(buf_span(&x->body), SPAN_LIT("stall\n")) && atomic_fetch_add(&fix_site.stalls, 1) % 2 == 0)
        return STEP_STALL;
    if (span_eq(buf_span(&x->body), SPAN_LIT("stuck\n"))) return STEP_STALL;
    buf_reset(&x->out);
    if (!span_eq(buf_span(&x->body), SPAN_LIT("quiet\n"))) buf_put(&x->out, x->body.p, x->body.n);
    buf_reset(&x->body);
    if (x->req.complete) return response_send(x, 200, RESPONSE_NDJSON);
    return x->out.n ? response_part(x, 200, RESPONSE_NDJSON) : STEP_READ;
}

static const struct route FIX_ROUTE[] = {
    {HTTP_POST, "/classify", fix_echo, AUTH_INGEST, false, "no-store", DOOR_SITE},
    {HTTP_GET, "/health", fix_health, AUTH_OPEN, false, "no-store", DOOR_SITE},
    {HTTP_GET, "/livez", fix_alive, AUTH_OPEN, false, "max-age=60", DOOR_SITE},
    {HTTP_GET, "/metrics", fix_large, AUTH_SCRAPE, false, "no-store", DOOR_SITE},
    {HTTP_POST, "/readyz", fix_status, AUTH_OPEN, false, "no-store", DOOR_SITE},
    {HTTP_POST, "/openapi.json", fix_leave, AUTH_OPEN, false, "no-store", DOOR_SITE},
    {HTTP_POST, "/", fix_stream, AUTH_OPEN, true, "no-store", DOOR_SITE},
};

static inline void *fix_keeper_main(void *arg) {
    struct exchange *x;
    while (queue_pop(&fix_site.away, &x, 1, -1) > 0) {
        while (atomic_load(&fix_site.held)) usleep(1000);
        exchange_back(x);
    }
    return arg;
}

static inline void *fix_thread_open(void *self) {
    CHECK(self == &fix_site);
    atomic_fetch_add(&fix_site.threads, 1);
    return &fix_site.threads;
}

static inline void fix_thread_close(void *thread) {
    CHECK(thread == &fix_site.threads);
    atomic_fetch_sub(&fix_site.threads, 1);
}

static inline void fix_settings_close(void *settings) {
    CHECK(settings == &fix_site.handled);
    atomic_fetch_add(&fix_site.settings_closed, 1);
}

static inline void fix_close(void *self) {
    CHECK(self == &fix_site);
    atomic_fetch_add(&fix_site.closed, 1);
}

static inline struct server_site fix_site_of(void) {
    return (struct server_site){.routes = {FIX_ROUTE, sizeof FIX_ROUTE / sizeof FIX_ROUTE[0], NULL},
                                .self = &fix_site,
                                .thread_open = fix_thread_open,
                                .thread_close = fix_thread_close,
                                .settings_close = fix_settings_close,
                                .close = fix_close};
}

static inline bool fix_start(const struct server_opts *o) {
    struct err e = {0};
    struct server_site site = fix_site_of();
    atomic_store(&fix_site.settings_closed, 0);
    atomic_store(&fix_site.closed, 0);
    queue_init(&fix_site.away, 1024, sizeof(struct exchange *));
    CHECK(pthread_create(&fix_site.keeper, NULL, fix_keeper_main, NULL) == 0);
    return fix_run(server_open(o, &site, &fix_site.handled, &e), &e);
}

static inline void fix_end(void) {
    fix_stop();
    queue_close(&fix_site.away);
    pthread_join(fix_site.keeper, NULL);
    server_close(fix.server);
    queue_release(&fix_site.away);
    CHECK_INT(atomic_load(&fix_site.threads), 0);
    CHECK_INT(atomic_load(&fix_site.closed), 1);
    CHECK(atomic_load(&fix_site.settings_closed) >= 1);
}

static inline struct server_opts fix_opts(void) {
    struct server_opts o = SERVER_OPTS_DEFAULT;
    o.port = 0;
    o.allowed_hosts = "x"; /* what the tests call it */
    return o;
}

#endif
