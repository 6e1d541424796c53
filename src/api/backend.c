/* The pipeline as the server's backend. */
#include "base/json_out.h"
#include "metrics/metrics.h"
#include "pipeline/fast_path.h"
#include "http/server.h"

static const struct label_set *backend_pin(void *self, struct batch *b, struct err *e) {
    return pipeline_pin(self, b, e) ? &b->engine->labels : NULL;
}

static void unpin(void *self, struct batch *b) {
    (void)self; /* it may be closed by now */
    pipeline_unpin(b);
}

static void *open_quick(void *self) {
    return fast_path_open(self);
}

static bool run_quick(void *fast_path, struct batch *b) {
    return fast_path_run(fast_path, b);
}

static void close_quick(void *fast_path) {
    fast_path_close(fast_path);
}

static bool busy(void *self, struct err *e) {
    return pipeline_busy(self, e);
}

static bool backend_submit(void *self, struct batch *b, struct err *e) {
    return pipeline_submit(self, b, e);
}

static bool ready(void *self) {
    return pipeline_ready(self);
}

/* Asked at each scrape. */
static size_t queue_depth(void *self) {
    struct memo *m = pipeline_memo(self);
    metrics_gauge_set(METRIC_QUEUE_SLICES_MAX, 0, PIPELINE_QUEUE_SLICES);
    if (m) metrics_gauge_set(METRIC_MEMO_ENTRIES, 0, (double)memo_count(m));
    return pipeline_queue_depth(self);
}

static void backend_explain(void *self, const struct batch *b, uint32_t i, struct buf *out) {
    (void)self;
    const struct result *r = &b->res[i];
    const struct rules *rules = b->engine->rules;
    if (r->decider != DECIDER_REGEX || !rules || r->rule >= rules_count(rules)) return;
    buf_puts(out, ",\"rule\":");
    json_out_string(out, span_of(rules_get(rules, r->rule)->name));
}

struct server *backend_open_server(const struct server_opts *o, const struct label_set *labels, struct pipeline *p,
                                   struct err *e) {
    struct server_backend backend = {.self = p,
                                     .labels = labels,
                                     .pin = backend_pin,
                                     .unpin = unpin,
                                     .fast_path_open = open_quick,
                                     .fast_path = run_quick,
                                     .fast_path_close = close_quick,
                                     .busy = busy,
                                     .submit = backend_submit,
                                     .ready = ready,
                                     .queue_depth = queue_depth,
                                     .explain = backend_explain};
    return server_open(o, &backend, e);
}
