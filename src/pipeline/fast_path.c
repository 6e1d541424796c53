#include "pipeline/fast_path.h"

#include "base/clock.h"
#include "base/must.h"
#include "metrics/metrics.h"
#include "pipeline/stage.h"
#include "text/template.h"

enum { FAST_PATH_STAGE = 4 /* in METRIC_STAGE_DURATION's label */ };

struct fast_path {
    struct engine *eng; /* the engine that scratch belongs to; a reference */
    struct engine_scratch scratch;
    struct work work;
    char text[TEMPLATE_MAX];
};

struct fast_path *fast_path_open(struct pipeline *p) {
    struct fast_path *q = must_calloc(1, sizeof *q);
    q->work.memo = pipeline_memo(p);
    q->work.text = q->text;
    q->work.scratch = &q->scratch;
    return q;
}

void fast_path_close(struct fast_path *q) {
    if (!q) return;
    engine_scratch_close(&q->scratch);
    engine_unref(q->eng);
    free(q);
}

static bool fast_path_fits(const struct batch *b) {
    size_t bytes = 0;
    if (b->n > FAST_PATH_RECORDS_MAX) return false;
    for (uint32_t i = 0; i < b->n; i++) bytes += b->rec[i].source.n + b->rec[i].message.n;
    return bytes <= FAST_PATH_BYTES_MAX;
}

/* Of an engine's scratch only that of the rules is needed. */
static bool fast_path_follow_engine(struct fast_path *q, struct engine *eng) {
    if (q->eng == eng) return true;
    struct err e = {0};
    struct rules_scratch *rules = eng->rules ? rules_scratch_open(eng->rules, &e) : NULL;
    if (eng->rules && !rules) return false;
    engine_scratch_close(&q->scratch);
    engine_unref(q->eng);
    q->eng = engine_ref(eng);
    q->scratch.rules = rules;
    q->work.eng = eng;
    q->work.calls_network = eng->network != NULL;
    return true;
}

static void fast_path_count(const struct batch *b, double seconds) {
    unsigned hits = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct result *r = &b->res[i];
        hits += r->from_memo;
        metrics_add(METRIC_CLASSIFICATIONS, r->decider, b->engine->metric[r->label], 0, 1);
        metrics_observe(METRIC_CLASSIFICATION_DURATION, r->decider, 0, seconds / b->n, 1);
    }
    if (hits) metrics_add(METRIC_MEMO_HITS, 0, 0, 0, hits);
    metrics_observe(METRIC_BATCH_RECORDS, 0, 0, b->n, 1);
    metrics_observe(METRIC_STAGE_DURATION, FAST_PATH_STAGE, 0, seconds, 1);
}

bool fast_path_run(struct fast_path *q, struct batch *b) {
    MUST(b->engine != NULL);
    if (!fast_path_fits(b) || !fast_path_follow_engine(q, b->engine)) return false;
    uint64_t begun = clock_now_ns(NULL);
    struct work *k = &q->work;
    k->n = b->n;
    for (uint32_t i = 0; i < b->n; i++) {
        k->rec[i] = &b->rec[i];
        k->res[i] = &b->res[i];
        b->res[i] = (struct result){.decider = DECIDER_FALLBACK};
    }
    if (!stage_quick_run(k)) return false;
    fast_path_count(b, (double)(clock_now_ns(NULL) - begun) * 1e-9);
    return true;
}
