#include "pipeline/fast_path.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/must.h"
#include "metrics/metrics.h"
#include "pipeline/stage.h"
#include "text/template.h"

struct fast_path {
    struct pipeline *pipeline;
    struct pipeline_view view;
    uint64_t serial; /* of the engine that scratch fits; no reference, since an idle server would keep an old model */
    struct engine_scratch scratch;
    struct work work;
    char text[FAST_PATH_RECORDS_MAX * TEMPLATE_MAX];
};

struct fast_path *fast_path_open(struct pipeline *p) {
    struct fast_path *f = must_calloc(1, sizeof *f);
    f->pipeline = p;
    f->work.memo = pipeline_memo(p);
    f->work.kinds = pipeline_kinds(p);
    f->work.examples = pipeline_examples(p);
    stage_count_rules(&f->work, pipeline_ruled(p));
    f->work.text = f->text;
    f->work.scratch = &f->scratch;
    return f;
}

void fast_path_close(struct fast_path *f) {
    if (!f) return;
    pipeline_view_close(&f->view);
    engine_scratch_close(&f->scratch);
    free(f);
}

static bool fast_path_fits(const struct batch *b) {
    size_t bytes = 0;
    if (b->n > FAST_PATH_RECORDS_MAX) return false;
    for (uint32_t i = 0; i < b->n; i++) bytes += b->rec[i].source.n + b->rec[i].message.n;
    return bytes <= FAST_PATH_BYTES_MAX;
}

/* Of an engine's scratch only that of the rules is needed. */
static bool fast_path_follow_engine(struct fast_path *f, struct engine *eng) {
    f->work.eng = eng;
    if (f->serial == eng->serial) return true;
    struct err e = {0};
    struct rules_scratch *rules = eng->rules ? rules_scratch_open(eng->rules, &e) : NULL;
    if (eng->rules && !rules) return false;
    engine_scratch_close(&f->scratch);
    f->serial = eng->serial;
    f->scratch.rules = rules;
    return true;
}

static void fast_path_count(const struct work *w, const struct batch *b, double seconds) {
    for (uint32_t i = 0; i < b->n; i++) {
        const struct result *r = &b->res[i];
        if (r->err) metrics_add(METRIC_CLASSIFICATION_ERRORS, DECIDER_LLM, metrics_error_type(w->unavailable), 0, 1);
        stage_count_reason(b->engine, r);
        if (r->correction) metrics_add(METRIC_WORDS_LINES, 0, 0, 0, 1);
        metrics_add(METRIC_CLASSIFICATIONS, r->decider, b->engine->metric[r->label], 0, 1);
        metrics_observe(METRIC_CLASSIFICATION_DURATION, r->decider, 0, seconds / b->n, 1);
    }
    metrics_observe(METRIC_BATCH_RECORDS, 0, 0, b->n, 1);
}

static void fast_path_gather(struct work *w, struct batch *b) {
    stage_work_begin(w, b->n);
    for (uint32_t i = 0; i < b->n; i++) {
        w->rec[i] = &b->rec[i];
        w->res[i] = &b->res[i];
        w->todo[i] = i;
        b->res[i] = (struct result){.decider = DECIDER_FALLBACK};
    }
    w->n = w->todo_n = b->n;
}

/* Writes down what is left; without room for it the workers begin anew. */
static struct prepared *fast_path_hand_on(const struct work *w, struct arena *a) {
    struct prepared *p = a ? arena_alloc(a, sizeof *p + w->todo_n * sizeof p->record[0]) : NULL;
    if (!p) return NULL;
    p->n = w->todo_n;
    for (uint32_t t = 0; t < w->todo_n; t++) {
        const struct work_template *tpl = &w->tpl[w->todo[t]];
        struct span template = arena_copy(a, (struct span){w->text + tpl->from, tpl->len});
        if (!template.p) return NULL;
        p->record[t] = (struct prepared_record){w->todo[t], tpl->key, template};
    }
    return p;
}

bool fast_path_run(struct fast_path *f, struct batch *b) {
    MUST(b->engine != NULL);
    b->prepared = NULL;
    if (!fast_path_fits(b) || !fast_path_follow_engine(f, b->engine)) return false;
    uint64_t begun = clock_now_ns(NULL);
    pipeline_look(f->pipeline, &f->view);
    f->work.overlay = f->view.overlay;
    stage_look_at_network(&f->work);
    fast_path_gather(&f->work, b);
    stage_run(&f->work, (enum stage_id)0, stage_first_costly());
    if (f->work.todo_n > 0) {
        b->prepared = fast_path_hand_on(&f->work, b->arena);
        return false;
    }
    fast_path_count(&f->work, b, (double)(clock_now_ns(NULL) - begun) * 1e-9);
    return true;
}
