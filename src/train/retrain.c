#include "train/retrain.h"

#include "base/must.h"
#include "train/wording.h"

#include <math.h>
#include <stdlib.h>

enum { THOUSAND = 1000, NO_FOLD = 255, ALL_FOLDS = 254, WEIGHTS_MAX = 3 };

/* A few corrections of one kind of error move nothing when each counts little, and spoil the rest when each counts
 * much: which is better is seen on those that were held apart. */
static const double WEIGHTS[WEIGHTS_MAX] = {5, 20, 60};

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
    signed char *was;      /* [n]: what the old head gains by a fresh row (gain_of_row) */
    struct fit_model base; /* of the rows that are never held apart, not softened: where all others begin */
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
    struct head_decision d = head_decide(p, labels, threshold);
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

/* A call that is not made, a wrong answer that is given, or neither. */
static int gain_of_row(const struct teacher *t, size_t i) {
    const struct score_row *r = &t->row[i];
    if (t->kind[i] != RETRAIN_FRESH || r->answer == head_labels(t->old)->unclassified) return 0;
    return r->answer == r->label ? 1 : -RETRAIN_WRONG;
}

static void score_side(struct teacher *t, struct retrain_side *side) {
    score_kind(t, RETRAIN_CORPUS, &side->corpus);
    score_kind(t, RETRAIN_FRESH, &side->fresh);
    for (size_t i = 0; i < t->n; i++) {
        if (t->kind[i] != RETRAIN_FRESH) continue;
        int gain = gain_of_row(t, i);
        size_t *count = gain == 0 ? &side->left : gain > 0 ? &side->right : &side->wrong;
        ++*count;
    }
}

/* ---- fits ---- */

static void retrain_show(void *self, unsigned step, unsigned steps_max, double loss) {
    struct teacher *t = self;
    (void)loss;
    t->o->progress(t->o->self, t->fits_done * THOUSAND + (size_t)step * THOUSAND / steps_max, t->fits * THOUSAND);
}

/* Fits all rows but those of one fold, or of ALL_FOLDS. */
static bool fit_without(struct teacher *t, unsigned fold, struct fit_model *m, struct err *e) {
    struct fit_opts o = t->o->fit;
    size_t n = 0;
    for (uint32_t i = 0; i < t->n; i++)
        if (t->fold[i] == NO_FOLD || (fold != ALL_FOLDS && t->fold[i] != fold)) t->pick[n++] = i;
    o.progress = t->o->progress ? retrain_show : NULL;
    o.self = t;
    o.start = t->base.weight ? &t->base : NULL;
    t->data.pick = t->pick;
    t->data.n = n;
    bool ok = fit_run(m, &t->data, &o, e);
    t->fits_done++;
    if (ok && fold != ALL_FOLDS) fit_soften(m, t->o->temperature);
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

/* Does the side being judged gain more than the old head, by more than chance would give? The differences by row, were
 * they as likely up as down, have a sum of mean 0 and variance their sum of squares; one in twenty is above 1.64 of its
 * roots. */
static bool is_surely_more(const struct teacher *t) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < t->n; i++) {
        double more = gain_of_row(t, i) - t->was[i];
        sum += more;
        squares += more * more;
    }
    return sum > 1.64 * sqrt(squares);
}

static long long gain_of(const struct retrain_side *s) {
    return (long long)s->right - RETRAIN_WRONG * (long long)s->wrong;
}

static bool is_better(const struct teacher *t, const struct retrain_side *new) {
    if (new->corpus.accuracy_best < t->r->old.corpus.accuracy_best - t->o->loss_max) return false;
    return is_surely_more(t) && (!t->r->better || gain_of(new) > gain_of(&t->r->new));
}

/* Teaches with one weight of the answers; takes the result over when it is the first or the best so far. */
static bool retrain_try(struct teacher *t, double weight, struct err *e) {
    struct fit_model m = {0};
    struct retrain_side *new = must_calloc(1, sizeof *new);
    for (size_t i = 0; i < t->n; i++)
        if (t->kind[i] != RETRAIN_CORPUS) t->weight[i] = t->x->weight[i] * (float)weight;
    bool ok = hold_apart(t, e) && fit_without(t, NO_FOLD, &m, e);
    for (size_t i = 0; ok && i < t->n; i++)
        if (t->kind[i] == RETRAIN_CORPUS) t->row[i] = answer_new(t, &m, i);
    if (ok) score_side(t, new);
    bool better = ok && is_better(t, new);
    if (ok && (better || !t->r->model.weight)) {
        struct fit_model old = t->r->model;
        t->r->model = m;
        m = old;
        t->r->new = *new;
        t->r->weight = weight;
        t->r->better = better;
    }
    fit_release(&m);
    free(new);
    return ok;
}

static bool retrain_judge(struct teacher *t, struct err *e) {
    const double *weight = t->o->weight > 0 ? &t->o->weight : WEIGHTS;
    unsigned n = t->o->weight > 0 ? 1 : WEIGHTS_MAX;
    t->fits = 1 + n * (1 + RETRAIN_FOLDS);
    for (size_t i = 0; i < t->n; i++) t->row[i] = answer_old(t, i);
    score_side(t, &t->r->old);
    for (size_t i = 0; i < t->n; i++) t->was[i] = (signed char)gain_of_row(t, i);
    bool ok = fit_without(t, ALL_FOLDS, &t->base, e);
    for (unsigned i = 0; ok && i < n; i++) ok = retrain_try(t, weight[i], e);
    return ok;
}

static void retrain_deal(struct teacher *t) {
    size_t *count[] = {
        [RETRAIN_CORPUS] = &t->r->corpus, [RETRAIN_KNOWN] = &t->r->known, [RETRAIN_FRESH] = &t->r->fresh};
    for (size_t i = 0; i < t->n; i++) {
        struct wording w;
        t->label[i] = t->x->rows.row[i].label;
        t->weight[i] = t->x->weight[i];
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
    struct teacher t = {.x = x, .kind = kind, .old = old, .o = o, .r = r, .n = n};
    *r = (struct retrain_result){0};
    t.label = must_calloc(n + 1, 1), t.fold = must_calloc(n + 1, 1), t.pick = must_calloc(n + 1, sizeof *t.pick);
    t.weight = must_calloc(n + 1, sizeof *t.weight), t.row = must_calloc(n + 1, sizeof *t.row);
    t.was = must_calloc(n + 1, 1);
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
    fit_release(&t.base);
    free(t.label), free(t.fold), free(t.pick), free(t.weight), free(t.row), free(t.was);
    return ok;
}

void retrain_release(struct retrain_result *r) {
    fit_release(&r->model);
}
