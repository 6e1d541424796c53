/* The pipeline as the server's backend. */
#include "data/result_json.h"
#include "metrics/metrics.h"
#include "pipeline/pipeline.h"
#include "server/server.h"

static bool submit(void *self, struct batch *b, struct err *e) {
    return pipeline_submit(self, b, e);
}

static bool ready(void *self) {
    return pipeline_ready(self);
}

/* Asked at each scrape. */
static size_t queue_depth(void *self) {
    struct memo *m = pipeline_memo(self);
    if (m) metrics_gauge_set(METRIC_MEMO_ENTRIES, 0, (double)memo_count(m));
    return pipeline_queue_depth(self);
}

static void explain(void *self, const struct record *rec, const struct result *res, struct buf *out) {
    (void)rec;
    struct engine *eng = pipeline_engine(self);
    if (res->stage == STAGE_REGEX && eng->rules && res->rule < rules_count(eng->rules)) {
        buf_puts(out, ",\"rule\":");
        result_json_string(out, span_of(rules_get(eng->rules, res->rule)->name));
    }
    engine_unref(eng);
}

struct server *server_open_pipeline(const struct server_opts *o, struct pipeline *p, struct err *e) {
    struct engine *eng = pipeline_engine(p);
    struct label_set labels = eng->labels;
    engine_unref(eng);
    struct server_backend backend = {
        .self = p, .labels = &labels, .submit = submit, .ready = ready, .queue_depth = queue_depth, .explain = explain};
    return server_open(o, &backend, e);
}
