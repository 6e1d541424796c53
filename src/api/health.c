#include "metrics/metrics.h"
#include "api/api.h"
#include "http/response.h"
#include "http/internal.h"

static enum step say(struct exchange *x, unsigned status, const char *json) {
    buf_puts(&x->out, json);
    return response_send(x, status, RESPONSE_JSON);
}

enum step api_health(struct exchange *x) {
    return say(x, 200, "{\"status\":\"healthy\"}");
}

enum step api_livez(struct exchange *x) {
    return say(x, 200, "{\"status\":\"alive\"}");
}

enum step api_readyz(struct exchange *x) {
    struct server *s = x->loop->server;
    if (atomic_load(&s->stopping)) return say(x, 503, "{\"status\":\"stopping\"}");
    if (!s->backend.ready(s->backend.self)) return say(x, 503, "{\"status\":\"starting\"}");
    return say(x, 200, "{\"status\":\"ready\"}");
}

enum step api_preflight(struct exchange *x) {
    return response_send(x, 200, RESPONSE_TEXT);
}

enum step api_metrics(struct exchange *x) {
    const struct server_backend *b = &x->loop->server->backend;
    if (b->queue_depth) metrics_gauge_set(METRIC_QUEUE_SLICES, 0, (double)b->queue_depth(b->self));
    metrics_expose(&x->out);
    return response_send(x, 200, RESPONSE_TEXT);
}

enum step api_openapi(struct exchange *x) {
    const struct buf *text = &x->loop->set->openapi;
    buf_put(&x->out, text->p, text->n);
    return response_send(x, 200, RESPONSE_JSON);
}
