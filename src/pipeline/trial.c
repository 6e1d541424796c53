#include "pipeline/trial.h"

#include "base/clock.h"
#include "base/must.h"
#include "encoder/vector8.h"
#include "memo/vector_store.h"
#include "pipeline/stage.h"
#include "text/template.h"

#include <stdlib.h>

_Static_assert(TRIAL_DIM_MAX == (int)VECTOR8_DIM_MAX, "vectors of the encoder fit");

struct trial {
    struct pipeline *pipeline;
    struct pipeline_view view;
    struct engine *eng;
    struct engine_scratch scratch;
    struct work work;
};

struct trial *trial_open(struct pipeline *p, struct err *e) {
    struct trial *t = must_calloc(1, sizeof *t);
    t->pipeline = p;
    t->eng = pipeline_engine(p);
    if (!t->eng) err_set(e, ERR_BUSY, "rules and model are being loaded");
    if (!t->eng || !engine_scratch_open(t->eng, &t->scratch, e)) {
        trial_close(t);
        return NULL;
    }
    pipeline_look(p, &t->view);
    t->work.eng = t->eng;
    t->work.scratch = &t->scratch;
    t->work.overlay = t->view.overlay;
    t->work.text = must_calloc(TRIAL_RECORDS_MAX, TEMPLATE_MAX);
    t->work.prob = must_calloc((size_t)TRIAL_RECORDS_MAX * LABEL_MAX, sizeof(float));
    if (t->eng->encoder)
        t->work.vector = must_calloc((size_t)STAGE_ENCODER_ROWS * encoder_dim(t->eng->encoder), sizeof(float));
    return t;
}

void trial_close(struct trial *t) {
    if (!t) return;
    pipeline_view_close(&t->view);
    engine_scratch_close(&t->scratch);
    engine_unref(t->eng);
    free(t->work.text);
    free(t->work.prob);
    free(t->work.vector);
    free(t);
}

struct engine *trial_engine(struct trial *t) {
    return t->eng;
}

struct engine_scratch *trial_scratch(struct trial *t) {
    return &t->scratch;
}

void trial_run(struct trial *t, const struct record *rec, struct result *res, uint32_t n) {
    struct work *w = &t->work;
    MUST(n > 0 && n <= TRIAL_RECORDS_MAX);
    stage_work_begin(w, n);
    for (uint32_t i = 0; i < n; i++) {
        res[i] = (struct result){.decider = DECIDER_FALLBACK};
        w->rec[i] = &rec[i];
        w->res[i] = &res[i];
        w->todo[i] = i;
    }
    w->n = w->todo_n = n;
    stage_try(w);
    for (uint32_t k = 0; k < w->todo_n; k++)
        batch_decide(&res[w->todo[k]], DECIDER_FALLBACK, t->eng->labels.unclassified, 0);
}

bool trial_is_remembered(struct trial *t, const struct record *rec) {
    char text[TEMPLATE_MAX];
    struct answer a;
    struct memo *m = pipeline_memo(t->pipeline);
    if (!m) return false;
    struct span template = {text, template_write(rec->source, rec->message, engine_uses_source(t->eng), text)};
    return memo_get(m, memo_key(m, template, t->eng->version), &a);
}

bool trial_embed(struct trial *t, const struct span *text, uint32_t n, float *vector) {
    if (!t->eng->encoder) return false;
    size_t dim = encoder_dim(t->eng->encoder);
    for (uint32_t from = 0; from < n; from += STAGE_ENCODER_ROWS) {
        uint32_t some = n - from < STAGE_ENCODER_ROWS ? n - from : STAGE_ENCODER_ROWS;
        encoder_embed(t->eng->encoder, t->scratch.encoder, text + from, some, vector + from * dim);
    }
    return true;
}

unsigned trial_dim(struct trial *t) {
    return t->eng->encoder ? encoder_dim(t->eng->encoder) : 0;
}

uint64_t trial_version(struct trial *t) {
    return t->eng->encoder ? encoder_vector_hash(t->eng->encoder) : 0;
}

bool trial_vector(struct trial *t, struct span template, bool encode, int8_t *step, float *scale) {
    struct vector_store *s = t->eng->vectors;
    if (!t->eng->encoder) return false;
    if (s && vector_store_get(s, vector_store_key(s, template, t->eng->vector_version), step, scale)) return true;
    if (!encode) return false;
    encoder_embed(t->eng->encoder, t->scratch.encoder, &template, 1, t->work.vector);
    *scale = vector8_pack(t->work.vector, trial_dim(t), step);
    return true;
}

bool trial_ask(struct batch *b, const struct question *q, struct err *e) {
    const struct network_stage *net = b->engine->network;
    struct pending pend = {.batch = b, .begun_ns = clock_now_ns(NULL)};
    MUST(b->n == 1);
    if (!net) return err_set(e, ERR_USAGE, "no LLM is configured");
    atomic_store(&b->open, 1);
    b->res[0] = (struct result){.decider = DECIDER_FALLBACK};
    return net->hand_over(net->self, &pend, q, e);
}
