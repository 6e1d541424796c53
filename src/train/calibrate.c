#include "train/calibrate.h"

#include "encoder/head.h"
#include "train/lbfgs.h"

#include <math.h>
#include <string.h>

/* A label's own scale and shift are drawn to the common ones as if by this many rows: labels of few rows stay near. */
static const double PULL = 20;

/* So many rows more, whose label is anybody's guess: a handful of rows that happen to be right does not make a fit sure
 * of itself (after Platt, "Probabilistic Outputs for Support Vector Machines", 1999, section 2.2). */
static const double DOUBT = 2;

struct task {
    const double *logit; /* [n][labels] */
    const uint8_t *label;
    size_t n;
    unsigned labels;
    bool vector; /* else one scale for all */
};

const char *calibrate_name(enum calibrate_method m) {
    static const char *const NAME[CALIBRATE_METHODS] = {"none", "temperature", "vector"};
    return NAME[m];
}

static bool is_never(double logit) {
    return logit < (double)HEAD_BIAS_NEVER / 2;
}

/* Variables: x[0] the log of the common scale; then, for vector scaling, a log factor and a shift for each label. */
static void from_variables(const struct task *t, const double *x, struct calibration *c) {
    for (unsigned k = 0; k < t->labels; k++) {
        c->scale[k] = exp(x[0] + (t->vector ? x[1 + 2 * k] : 0));
        c->shift[k] = t->vector ? x[2 + 2 * k] : 0;
    }
}

/* Adds a row's part of the loss and its gradient. */
static double calibrate_add_row(const struct task *t, const struct calibration *c, size_t row, double *grad) {
    const double *z = t->logit + row * t->labels;
    double p[LABEL_MAX];
    memcpy(p, z, t->labels * sizeof *p);
    unsigned used = 0;
    if (is_never(z[t->label[row]])) return 0;
    for (unsigned k = 0; k < t->labels; k++) used += !is_never(z[k]);
    calibrate_logits(c, p, t->labels);
    head_softmax(p, t->labels);
    double loss = 0, doubt = DOUBT / ((double)t->n + DOUBT);
    for (unsigned k = 0; k < t->labels; k++) {
        if (is_never(z[k])) continue;
        double truth = (k == t->label[row] ? 1 - doubt : 0) + doubt / used;
        loss -= truth * log(fmax(p[k], 1e-300));
        p[k] -= truth;
        double by_scale = p[k] * z[k] * c->scale[k];
        grad[0] += by_scale;
        if (t->vector) grad[1 + 2 * k] += by_scale, grad[2 + 2 * k] += p[k];
    }
    return loss;
}

static double calibrate_value(void *self, const double *x, double *grad) {
    const struct task *t = self;
    struct calibration c;
    double loss = 0, scale = 1 / (double)t->n;
    size_t n = t->vector ? 1 + 2 * (size_t)t->labels : 1;
    from_variables(t, x, &c);
    memset(grad, 0, n * sizeof *grad);
    for (size_t i = 0; i < t->n; i++) loss += calibrate_add_row(t, &c, i, grad);
    for (size_t i = 1; i < n; i++) {
        loss += PULL / 2 * x[i] * x[i];
        grad[i] += PULL * x[i];
    }
    for (size_t i = 0; i < n; i++) grad[i] *= scale;
    return loss * scale;
}

void calibrate_fit(struct calibration *c, enum calibrate_method method, const double *logit, const uint8_t *label,
                   size_t n, unsigned labels) {
    struct task t = {logit, label, n, labels, method == CALIBRATE_VECTOR};
    double x[1 + 2 * LABEL_MAX] = {0};
    struct lbfgs_problem p = {.n = t.vector ? 1 + 2 * (size_t)labels : 1,
                              .value = calibrate_value,
                              .self = &t,
                              .steps_max = 200,
                              .gradient_max = 1e-7};
    if (method != CALIBRATE_NONE && n > 0) lbfgs_run(&p, x);
    *c = (struct calibration){.temperature = exp(-x[0])};
    from_variables(&t, x, c);
}

void calibrate_logits(const struct calibration *c, double *logit, unsigned labels) {
    for (unsigned k = 0; k < labels; k++)
        if (!is_never(logit[k])) logit[k] = c->scale[k] * logit[k] + c->shift[k];
}

void calibrate_fold(const struct calibration *c, struct fit_model *m) {
    for (unsigned k = 0; k < m->labels; k++) {
        if (is_never(m->bias[k])) continue;
        for (unsigned i = 0; i < m->dim; i++) m->weight[(size_t)k * m->dim + i] *= c->scale[k];
        m->bias[k] = c->scale[k] * m->bias[k] + c->shift[k];
    }
}
