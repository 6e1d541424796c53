/* The resources that say how the server is. */
#include "api/context.h"
#include "api/handlers.h"
#include "http/response.h"
#include "metrics/metrics.h"

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
    if (exchange_is_stopping(x)) return say(x, 503, "{\"status\":\"stopping\"}");
    if (!pipeline_ready(api_of(x)->pipeline)) return say(x, 503, "{\"status\":\"starting\"}");
    const struct api *api = api_of(x);
    if (api->is_ready && !api->is_ready(api->ready_self)) return say(x, 503, "{\"status\":\"sink_down\"}");
    return say(x, 200, "{\"status\":\"ready\"}");
}

enum step api_metrics(struct exchange *x) {
    struct pipeline *p = api_of(x)->pipeline;
    struct memo *m = pipeline_memo(p);
    metrics_gauge_set(METRIC_QUEUE_SLICES_MAX, 0, PIPELINE_QUEUE_SLICES);
    metrics_gauge_set(METRIC_QUEUE_SLICES, 0, (double)pipeline_queue_depth(p));
    if (m) metrics_gauge_set(METRIC_MEMO_ENTRIES, 0, (double)memo_count(m));
    metrics_expose(&x->out);
    return response_send(x, 200, RESPONSE_TEXT);
}

enum step api_openapi(struct exchange *x) {
    const struct buf *text = &api_settings_of(x)->openapi;
    buf_put(&x->out, text->p, text->n);
    return response_send(x, 200, RESPONSE_JSON);
}
