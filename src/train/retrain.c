#include "train/retrain.h"

#include "base/must.h"
#include "train/wording.h"

#include <math.h>
#include <stdlib.h>

enum { THOUSAND = 1000, NO_FOLD = 255 };

struct teacher {
    const struct examples *x;
    const uint8_t *kind;
    const struct head *old;
    const struct retrain_opts *o;
    struct retrain_result *r;
    struct fit_data data;
    size_t n;
    uint8_t *label, *fold; /* [n]; fold NO_FOLD: never held apart */
    uint32_t *pick;        /* [n] */
    float *weight;         /* [n] */
    struct score_row *row; /* [n]: of the side being judged */
    size_t fits, fits_done;
};

struct retrain_opts retrain_defaults(void) {
    return (struct retrain_opts){
        .fit = fit_defaults(), .temperature = 1, .weight = 5, .threshold = 0.50, .loss_max = 0.005};
}

/* ---- answers ---- */

static struct score_row retrain_decide(const struct teacher *t, size_t i, const float *p) {
    const struct label_set *labels = head_labels(t->old);
    double threshold[LABEL_MAX];
    for (unsigned k = 0; k < labels->n; k++) threshold[k] = t->o->threshold;
    struct head_decision d = head_decide(p, labels->n, labels->unclassified, threshold);
    return (struct score_row){t->label[i], (uint8_t)d.best, (uint8_t)d.answer, d.confidence};
}

static struct score_row answer_old(const struct teacher *t, size_t i) {
    float p[LABEL_MAX];
    head_run(t->old, examples_vector(t->x, i), p);
    return retrain_decide(t, i, p);
}

static struct score_row answer_new(const struct teacher *t, const struct fit_model *m, size_t i) {
    double p[LABEL_MAX];
    float narrow[LABEL_MAX];
    fit_logits(m, examples_vector(t->x, i), p);
    head_softmax(p, t->data.labels);
    head_narrow(p, t->data.labels, narrow);
    return retrain_decide(t, i, narrow);
}

/* Scores the rows of one kind out of t->row[]. */
static void score_kind(struct teacher *t, enum retrain_kind kind, struct score *s) {
    struct score_row *row = must_calloc(t->n + 1, sizeof *row);
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (t->kind[i] == kind) row[n++] = t->row[i];
    score_run(s, row, n, t->data.labels);
    free(row);
}

static void score_side(struct teacher *t, struct retrain_side *side) {
    unsigned unclassified = head_labels(t->old)->unclassified;
    score_kind(t, RETRAIN_CORPUS, &side->corpus);
    score_kind(t, RETRAIN_FRESH, &side->fresh);
    for (size_t i = 0; i < t->n; i++) {
        if (t->kind[i] != RETRAIN_FRESH) continue;
        const struct score_row *r = &t->row[i];
        size_t *count = r->answer == unclassified ? &side->left : r->answer == r->label ? &side->right : &side->wrong;
        ++*count;
    }
}

/* ---- fits ---- */

static void retrain_show(void *self, unsigned step, unsigned steps_max, double loss) {
    struct teacher *t = self;
    (void)loss;
    t->o->progress(t->o->self, t->fits_done * THOUSAND + (size_t)step * THOUSAND / steps_max, t->fits * THOUSAND);
}

/* Fits all rows but those of one fold. */
static bool fit_without(struct teacher *t, unsigned fold, struct fit_model *m, struct err *e) {
    struct fit_opts o = t->o->fit;
    size_t n = 0;
    for (uint32_t i = 0; i < t->n; i++)
        if (t->fold[i] == NO_FOLD || t->fold[i] != fold) t->pick[n++] = i;
    o.progress = t->o->progress ? retrain_show : NULL;
    o.self = t;
    t->data.pick = t->pick;
    t->data.n = n;
    bool ok = fit_run(m, &t->data, &o, e);
    t->fits_done++;
    if (ok) fit_soften(m, t->o->temperature);
    return ok;
}

/* The fresh rows as answered by fits that did not see them. */
static bool hold_apart(struct teacher *t, struct err *e) {
    for (unsigned f = 0; f < RETRAIN_FOLDS; f++) {
        struct fit_model m = {0};
        bool ok = fit_without(t, f, &m, e);
        for (size_t i = 0; ok && i < t->n; i++)
            if (t->fold[i] == f) t->row[i] = answer_new(t, &m, i);
        fit_release(&m);
        if (!ok) return err_prefix(e, "fold %u of %d", f + 1, RETRAIN_FOLDS);
    }
    return true;
}

static long long gain_of(const struct retrain_side *s) {
    return (long long)s->right - RETRAIN_WRONG * (long long)s->wrong;
}

static bool is_better(const struct retrain_result *r, double loss_max) {
    if (r->new.corpus.accuracy_best < r->old.corpus.accuracy_best - loss_max) return false;
    return gain_of(&r->new) > gain_of(&r->old);
}

static bool retrain_judge(struct teacher *t, struct err *e) {
    for (size_t i = 0; i < t->n; i++) t->row[i] = answer_old(t, i);
    score_side(t, &t->r->old);
    if (!hold_apart(t, e) || !fit_without(t, NO_FOLD, &t->r->model, e)) return false;
    for (size_t i = 0; i < t->n; i++)
        if (t->kind[i] == RETRAIN_CORPUS) t->row[i] = answer_new(t, &t->r->model, i);
    score_side(t, &t->r->new);
    t->r->better = is_better(t->r, t->o->loss_max);
    return true;
}

static void retrain_deal(struct teacher *t) {
    size_t *count[] = {
        [RETRAIN_CORPUS] = &t->r->corpus, [RETRAIN_KNOWN] = &t->r->known, [RETRAIN_FRESH] = &t->r->fresh};
    for (size_t i = 0; i < t->n; i++) {
        struct wording w;
        t->label[i] = t->x->rows.row[i].label;
        t->weight[i] = t->x->weight[i] * (t->kind[i] == RETRAIN_CORPUS ? 1 : (float)t->o->weight);
        t->fold[i] = NO_FOLD;
        if (t->kind[i] == RETRAIN_FRESH) {
            wording_of(t->x->rows.row[i].message, false, &w);
            t->fold[i] = (uint8_t)(wording_hash(&w) % RETRAIN_FOLDS);
        }
        ++*count[t->kind[i]];
    }
}

bool retrain_run(struct retrain_result *r, const struct examples *x, const uint8_t *kind, const struct head *old,
                 const struct retrain_opts *o, struct err *e) {
    size_t n = x->rows.n;
    struct teacher t = {.x = x, .kind = kind, .old = old, .o = o, .r = r, .n = n, .fits = 1 + RETRAIN_FOLDS};
    *r = (struct retrain_result){0};
    t.label = must_calloc(n + 1, 1), t.fold = must_calloc(n + 1, 1), t.pick = must_calloc(n + 1, sizeof *t.pick);
    t.weight = must_calloc(n + 1, sizeof *t.weight), t.row = must_calloc(n + 1, sizeof *t.row);
    t.data = (struct fit_data){.x = x->vector,
                               .vector = x->text,
                               .label = t.label,
                               .weight = t.weight,
                               .dim = x->dim,
                               .labels = head_labels(old)->n};
    retrain_deal(&t);
    bool ok = r->fresh >= RETRAIN_FRESH_LEAST ||
              err_set(e, ERR_INPUT,
                      "%zu answers that the head in use was not taught: %d are needed to tell whether "
                      "another is better",
                      r->fresh, RETRAIN_FRESH_LEAST);
    ok = ok && retrain_judge(&t, e);
    free(t.label), free(t.fold), free(t.pick), free(t.weight), free(t.row);
    return ok;
}

void retrain_release(struct retrain_result *r) {
    fit_release(&r->model);
}
