#include "train/fit_head.h"

#include "base/must.h"
#include "base/rng.h"
#include "train/threshold.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS_FEW = 20, SYSTEMS_FEW = 5, THOUSAND = 1000, CHOICES = 3 };

struct learner {
    const struct examples *x;
    const struct label_set *labels;
    const struct fit_head_opts *o;
    struct fit_head_result *r;
    struct fit_data data;
    uint8_t *label;  /* [n] */
    uint8_t *fold;   /* [n] */
    uint32_t *order; /* [n]: rows shuffled, for taking a part of them */
    uint32_t *pick;  /* [n]: rows of the fit that runs */
    double *logit;   /* [n][labels]: of fits that did not see the row */
    size_t fits, fits_done;
};

struct fit_head_opts fit_head_defaults(void) {
    return (struct fit_head_opts){.fit = fit_defaults(),
                                  .folds = 5,
                                  .seed = 1,
                                  .calibration = CALIBRATE_TEMPERATURE,
                                  .temperature = 1,
                                  .target_llm_share = -1};
}

static void head_show(void *self, unsigned step, unsigned steps_max, double loss) {
    struct learner *l = self;
    (void)loss;
    l->o->progress(l->o->self, l->fits_done * THOUSAND + (size_t)step * THOUSAND / steps_max, l->fits * THOUSAND);
}

static bool fit(struct learner *l, size_t n, struct fit_model *m, struct err *e) {
    struct fit_opts o = l->o->fit;
    o.l2 = l->r->l2;
    o.progress = l->o->progress ? head_show : NULL;
    o.self = l;
    l->data.pick = l->pick;
    l->data.n = n;
    bool ok = fit_run(m, &l->data, &o, e);
    l->fits_done++;
    return ok;
}

static bool has_two_labels(const struct learner *l, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (l->label[l->pick[i]] != l->label[l->pick[0]]) return true;
    return false;
}

/* Fits each fold's complement (share of it, in eighths) and writes the logits of the fold's rows. *rows: how many were
 * fitted to; 0: a share was too small to be fitted. */
static bool cross_validate(struct learner *l, unsigned eighths, size_t *rows, struct err *e) {
    unsigned labels = l->labels->n;
    size_t total = 0;
    for (unsigned f = 0; f < l->r->folds; f++) {
        size_t n = 0;
        struct fit_model m = {0};
        for (size_t i = 0; i < l->r->n; i++)
            if (l->fold[l->order[i]] != f) l->pick[n++] = l->order[i];
        n = (n * eighths + 7) / 8;
        total += n;
        if (eighths < 8 && !has_two_labels(l, n)) {
            *rows = 0;
            return true;
        }
        bool ok = fit(l, n, &m, e);
        for (size_t i = 0; ok && i < l->r->n; i++)
            if (l->fold[i] == f) fit_logits(&m, examples_vector(l->x, i), l->logit + i * labels);
        fit_release(&m);
        if (!ok) return err_prefix(e, "fold %u of %u", f + 1, l->r->folds);
    }
    *rows = total / l->r->folds;
    return true;
}

/* Answers every row from its logits; with thresholds: as the head will. */
static void head_answer(struct learner *l, const struct calibration *c, bool thresholds) {
    unsigned labels = l->labels->n;
    double threshold[LABEL_MAX] = {0};
    bool with = thresholds && l->labels->unclassified < labels;
    for (unsigned k = 0; with && k < labels; k++)
        threshold[k] = l->r->label_threshold[k] > 0 ? l->r->label_threshold[k] : l->r->threshold;
    for (size_t i = 0; i < l->r->n; i++) {
        double p[LABEL_MAX];
        float narrow[LABEL_MAX]; /* as the head gives them */
        memcpy(p, l->logit + i * labels, labels * sizeof *p);
        if (c) calibrate_logits(c, p, labels);
        head_softmax(p, labels);
        head_narrow(p, labels, narrow);
        struct head_decision d = head_decide(narrow, l->labels, threshold);
        l->r->row[i] = (struct score_row){l->label[i], (uint8_t)d.best, (uint8_t)d.answer, d.confidence};
        l->r->own[i] = p[l->label[i]];
    }
    score_run(&l->r->score, l->r->row, l->r->n, labels);
}

static bool measure_curve(struct learner *l, struct err *e) {
    static const unsigned EIGHTHS[FIT_HEAD_CURVE] = {1, 2, 4};
    for (unsigned i = 0; l->o->curve && i < FIT_HEAD_CURVE; i++) {
        size_t rows;
        if (!cross_validate(l, EIGHTHS[i], &rows, e)) return false;
        if (rows == 0) continue;
        head_answer(l, NULL, false);
        l->r->curve[i].rows = rows;
        l->r->curve[i].accuracy = l->r->score.accuracy;
        l->r->curve[i].macro_f1 = l->r->score.macro_f1;
    }
    return true;
}

static bool solve_thresholds(struct learner *l, struct err *e) {
    const struct fit_head_opts *o = l->o;
    struct fit_head_result *r = l->r;
    struct threshold_rows rows = {r->row, r->n, l->labels->unclassified};
    r->own_threshold = o->threshold > 0 || o->target_precision > 0 || o->target_llm_share >= 0;
    if (o->target_precision > 0 &&
        !threshold_for_precision(&rows, THRESHOLD_ALL, o->target_precision, &r->threshold, e))
        return false;
    if (o->target_llm_share >= 0 && !threshold_for_share(&rows, o->target_llm_share, &r->threshold, e)) return false;
    for (unsigned k = 0; o->label_precision > 0 && k < l->labels->n; k++) {
        struct err unreachable; /* then the label keeps the common threshold */
        double t;
        if (k != rows.unclassified && threshold_for_precision(&rows, k, o->label_precision, &t, &unreachable))
            r->label_threshold[k] = t;
    }
    return true;
}

/* Mean loss of the rows held apart, at their best temperature. */
static double held_apart_loss(const struct learner *l) {
    struct calibration c;
    unsigned labels = l->labels->n;
    double loss = 0;
    calibrate_fit(&c, CALIBRATE_TEMPERATURE, l->logit, l->label, l->r->n, labels);
    for (size_t i = 0; i < l->r->n; i++) {
        double p[LABEL_MAX];
        memcpy(p, l->logit + i * labels, labels * sizeof *p);
        calibrate_logits(&c, p, labels);
        head_softmax(p, labels);
        loss -= log(fmax(p[l->label[i]], 1e-4)); /* a label that a fold lacks costs the same whatever the l2 */
    }
    return loss / (double)l->r->n;
}

static bool choose_l2(struct learner *l, struct err *e) {
    static const double L2[CHOICES] = {1, 0.1, 0.01};
    double best = INFINITY, chosen = L2[0];
    size_t rows;
    for (unsigned i = 0; i < CHOICES; i++) {
        l->r->l2 = L2[i];
        if (!cross_validate(l, 8, &rows, e)) return false;
        double loss = held_apart_loss(l);
        if (loss < best) best = loss, chosen = L2[i];
    }
    l->r->l2 = chosen;
    return true;
}

static bool must_choose(const struct fit_head_result *r, const struct fit_head_opts *o) {
    return o->fit.l2 < 0 && r->folds > 0 && r->n <= FIT_HEAD_CHOICE_ROWS;
}

/* Everything that is learnt from rows held apart. */
static bool validate(struct learner *l, struct err *e) {
    struct fit_head_result *r = l->r;
    size_t rows;
    r->row = must_calloc(r->n, sizeof *r->row);
    r->own = must_calloc(r->n, sizeof *r->own);
    l->logit = must_calloc(r->n * l->labels->n, sizeof *l->logit);
    if (must_choose(r, l->o) && !choose_l2(l, e)) return false;
    if (!measure_curve(l, e) || !cross_validate(l, 8, &rows, e)) return false;
    head_answer(l, NULL, false);
    r->ece_before = r->score.ece;
    r->curve[FIT_HEAD_CURVE].rows = rows;
    r->curve[FIT_HEAD_CURVE].accuracy = r->score.accuracy;
    r->curve[FIT_HEAD_CURVE].macro_f1 = r->score.macro_f1;
    calibrate_fit(&r->calibration, l->o->calibration, l->logit, l->label, r->n, l->labels->n);
    head_answer(l, &r->calibration, false);
    if (!solve_thresholds(l, e)) return false;
    head_answer(l, &r->calibration, true);
    return true;
}

/* Whether each fold leaves rows of two labels to be fitted to. */
static bool folds_are_usable(const struct learner *l) {
    for (unsigned f = 0; f < l->r->folds; f++) {
        unsigned first = LABEL_MAX, labels = 0;
        for (size_t i = 0; i < l->r->n && labels < 2; i++) {
            if (l->fold[i] == f || l->label[i] == first) continue;
            first = l->label[i];
            labels++;
        }
        if (labels < 2) return false;
    }
    return true;
}

/* Folds by system where there are enough systems, else by row; none where there are too few rows. */
static void head_deal(struct learner *l) {
    struct fit_head_result *r = l->r;
    const struct dataset *d = &l->x->rows;
    r->folds = l->o->folds > DATASET_FOLDS_MAX ? DATASET_FOLDS_MAX : l->o->folds;
    if (r->folds > r->n) r->folds = (unsigned)r->n;
    if (r->folds < 2) r->folds = 0;
    r->grouped = d->has_group && d->groups >= 2 * r->folds;
    if (r->folds > 0) (r->grouped ? dataset_fold_groups : dataset_fold_rows)(d, r->folds, l->o->seed, l->fold);
    if (!folds_are_usable(l)) r->folds = 0;
    for (uint32_t i = 0; i < r->n; i++) l->order[i] = i;
    if (l->o->curve) rng_shuffle(&(struct rng){l->o->seed}, l->order, r->n);
}

bool fit_head_run(struct fit_head_result *r, const struct examples *x, const struct label_set *labels,
                  const struct fit_head_opts *o, struct err *e) {
    size_t n = x->rows.n;
    struct learner l = {.x = x, .labels = labels, .o = o, .r = r};
    *r = (struct fit_head_result){
        .n = n, .own_threshold = o->threshold > 0, .threshold = o->threshold > 0 ? o->threshold : FIT_HEAD_THRESHOLD};
    l.label = must_calloc(n, 1), l.fold = must_calloc(n, 1);
    l.order = must_calloc(n, sizeof *l.order), l.pick = must_calloc(n, sizeof *l.pick);
    for (size_t i = 0; i < n; i++) l.label[i] = x->rows.row[i].label;
    l.data = (struct fit_data){
        .x = x->vector, .vector = x->text, .label = l.label, .weight = x->weight, .dim = x->dim, .labels = labels->n};
    head_deal(&l);
    r->l2 = o->fit.l2 < 0 ? 1 : o->fit.l2;
    l.fits = 1 + (size_t)r->folds * ((o->curve ? FIT_HEAD_CURVE + 1u : 1u) + (must_choose(r, o) ? CHOICES : 0u));
    bool solves = o->target_precision > 0 || o->target_llm_share >= 0 || o->label_precision > 0;
    bool ok = r->folds > 0 ? validate(&l, e)
                           : !solves || err_set(e, ERR_INPUT,
                                                "thresholds are solved on rows held apart, and there are none: give "
                                                "more rows, or folds");
    for (uint32_t i = 0; i < n; i++) l.pick[i] = i;
    ok = ok && fit(&l, n, &r->model, e);
    if (ok && r->folds > 0) calibrate_fold(&r->calibration, &r->model);
    /* A temperature from elsewhere: an encoder adapted to these rows separates them too well to measure it on them. */
    if (ok && r->folds == 0) fit_soften(&r->model, o->temperature);
    free(l.label), free(l.fold), free(l.order), free(l.pick), free(l.logit);
    return ok;
}

void fit_head_release(struct fit_head_result *r) {
    fit_release(&r->model);
    free(r->row), free(r->own);
    *r = (struct fit_head_result){0};
}

void fit_head_head(const struct fit_head_result *r, const struct examples *x, const struct label_set *labels,
                   const struct fit_head_opts *o, struct head_content *c) {
    const struct fit_model *m = &r->model;
    size_t weights = (size_t)m->labels * m->dim;
    struct head_layer *l = &c->layer[0];
    *c = (struct head_content){.labels = *labels, .layers = 1};
    *l = (struct head_layer){.inputs = m->dim,
                             .outputs = m->labels,
                             .weight = must_calloc(weights, sizeof *l->weight),
                             .bias = must_calloc(m->labels, sizeof *l->bias)};
    for (size_t i = 0; i < weights; i++) l->weight[i] = (float)m->weight[i];
    for (unsigned k = 0; k < m->labels; k++) l->bias[k] = (float)m->bias[k];
    c->threshold = r->own_threshold ? r->threshold : 0;
    if (r->folds == 0) {
        if (o->temperature == 1)
            snprintf(c->calibration, sizeof c->calibration, "none");
        else
            snprintf(c->calibration, sizeof c->calibration, "temperature %.4f, given", o->temperature);
        return;
    }
    memcpy(c->label_threshold, r->label_threshold, sizeof c->label_threshold);
    snprintf(c->calibration, sizeof c->calibration, "%s, temperature %.4f, on %u folds of %s",
             calibrate_name(o->calibration), r->calibration.temperature, r->folds, r->grouped ? "systems" : "rows");
    c->metrics = (struct head_metrics){.rows = (uint32_t)r->n,
                                       .systems = x->rows.groups,
                                       .accuracy = r->score.accuracy,
                                       .macro_f1 = r->score.macro_f1,
                                       .ece = r->score.ece,
                                       .accuracy_confident_half = r->score.confident_half};
}

void fit_head_head_release(struct head_content *c) {
    for (unsigned i = 0; i < c->layers; i++) free(c->layer[i].weight), free(c->layer[i].bias);
    c->layers = 0;
}

unsigned fit_head_lacks(const struct examples *x, const struct label_set *labels, struct buf *out) {
    const struct dataset *d = &x->rows;
    size_t rows[LABEL_MAX] = {0};
    unsigned systems[LABEL_MAX] = {0}, lacks = 0;
    uint8_t *seen = must_calloc(d->groups + 1u, LABEL_MAX);
    for (size_t i = 0; i < d->n; i++) {
        uint8_t *once = &seen[(size_t)d->row[i].group * LABEL_MAX + d->row[i].label];
        rows[d->row[i].label]++;
        systems[d->row[i].label] += !*once;
        *once = 1;
    }
    free(seen);
    for (unsigned k = 0; k < labels->n; k++) {
        const char *id = labels->label[k].id;
        size_t before = out->n;
        if (rows[k] == 0 && k != labels->unclassified)
            buf_printf(out, "%s has no row: it is never answered\n", id);
        else if (rows[k] > 0 && rows[k] < ROWS_FEW)
            buf_printf(out, "%s has %zu different row%s: %d or more are better\n", id, rows[k], rows[k] == 1 ? "" : "s",
                       ROWS_FEW);
        else if (rows[k] > 0 && d->has_group && systems[k] < SYSTEMS_FEW)
            buf_printf(out, "%s has rows of %u systems: it may not be known on others\n", id, systems[k]);
        lacks += out->n > before;
    }
    return lacks;
}
