#include "train/fit.h"

#include "base/must.h"
#include "data/label.h"
#include "encoder/head.h"
#include "train/lbfgs.h"
#include "base/parallel_for.h"

#include <math.h>
#include <stdalign.h>

/* The weights lie in panels of four labels, so that the inner loops run over four neighbours; rows are taken four at a
 * time, so that a weight is loaded once for four. Padding labels keep weight 0 and never get a share. */
enum { LANES = 4, ROWS = 4, PIECES_MAX = 64, PIECE_ROWS_MIN = 256, PANELS_MAX = LABEL_MAX / LANES };

struct job {
    const struct fit_data *d;
    const struct fit_opts *o;
    unsigned used, panels;     /* labels that have rows; panels of them */
    int column[LABEL_MAX];     /* label → its column; -1: no rows */
    unsigned label[LABEL_MAX]; /* column → label */
    double share[LABEL_MAX];   /* weight of a label's rows */
    double total;              /* sum of all weights */
    size_t pieces, piece_rows;
    const double *w;  /* [panels][dim + 1][LANES], the bias behind the weights */
    double *gradient; /* [pieces] of the same shape */
    double *loss;     /* [pieces] */
    double *block;    /* [threads][dim + 1][ROWS]: rows as doubles, a 1 behind each for the bias */
};

struct fit_opts fit_defaults(void) {
    return (struct fit_opts){.l2 = 1, .steps_max = 300, .gradient_max = 1e-5};
}

static size_t parameters(const struct job *j) {
    return (size_t)j->panels * (j->d->dim + 1) * LANES;
}

static size_t row_at(const struct job *j, size_t i) {
    return j->d->pick ? j->d->pick[i] : i;
}

static const float *vector_of(const struct job *j, size_t row) {
    return j->d->x + (j->d->vector ? j->d->vector[row] : row) * j->d->dim;
}

static double row_weight(const struct job *j, size_t row) {
    return (j->d->weight ? (double)j->d->weight[row] : 1) * j->share[j->d->label[row]];
}

/* Transposes rows[n] into block; missing rows of the last block are 0. */
static void load_block(const struct job *j, size_t first, size_t n, double *block) {
    unsigned dim = j->d->dim;
    for (size_t r = 0; r < ROWS; r++) {
        const float *x = r < n ? vector_of(j, row_at(j, first + r)) : NULL;
        for (unsigned i = 0; i < dim; i++) block[i * ROWS + r] = x ? (double)x[i] : 0;
        block[dim * ROWS + r] = x ? 1 : 0;
    }
}

/* Four doubles that are added and multiplied as one: plain C would leave the compiler to find out that it may. */
typedef double lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(16), may_alias));

/* logit[ROWS][LANES] of one panel. */
static void fit_multiply(const double *panel, const double *x, unsigned n, double logit[ROWS][LANES]) {
    const lanes *w = (const lanes *)panel;
    lanes a = {0}, b = {0}, c = {0}, d = {0};
    for (unsigned i = 0; i < n; i++, x += ROWS) {
        a += x[0] * w[i];
        b += x[1] * w[i];
        c += x[2] * w[i];
        d += x[3] * w[i];
    }
    lanes *out = (lanes *)logit;
    out[0] = a, out[1] = b, out[2] = c, out[3] = d;
}

/* gradient += block^T . rest, for one panel. */
static void multiply_back(double *panel, const double *x, unsigned n, double rest[ROWS][LANES]) {
    lanes *gradient = (lanes *)panel;
    const lanes *r = (const lanes *)rest, a = r[0], b = r[1], c = r[2], d = r[3];
    for (unsigned i = 0; i < n; i++, x += ROWS) gradient[i] += (x[0] * a + x[1] * b) + (x[2] * c + x[3] * d);
}

/* Turns logits into the derivative of the loss by the logits; returns the loss. */
static double lose(const struct job *j, size_t row, unsigned r, double logit[PANELS_MAX][ROWS][LANES]) {
    double p[LABEL_MAX], weight = row_weight(j, row);
    unsigned right = (unsigned)j->column[j->d->label[row]];
    for (unsigned k = 0; k < j->used; k++) p[k] = logit[k / LANES][r][k % LANES];
    head_softmax(p, j->used);
    double loss = -weight * log(fmax(p[right], 1e-300));
    p[right] -= 1;
    for (unsigned k = 0; k < j->panels * LANES; k++) logit[k / LANES][r][k % LANES] = k < j->used ? weight * p[k] : 0;
    return loss;
}

/* Loss and gradient of one piece of the rows. */
static void run_piece(void *self, size_t piece, unsigned thread) {
    struct job *j = self;
    unsigned n = j->d->dim + 1;
    size_t from = piece * j->piece_rows, to = from + j->piece_rows, size = parameters(j);
    double *gradient = j->gradient + piece * size, *block = j->block + (size_t)thread * n * ROWS, loss = 0;
    alignas(16) double logit[PANELS_MAX][ROWS][LANES];
    memset(gradient, 0, size * sizeof *gradient);
    if (to > j->d->n) to = j->d->n;
    for (size_t first = from; first < to; first += ROWS) {
        size_t rows = to - first < ROWS ? to - first : ROWS;
        load_block(j, first, rows, block);
        for (unsigned p = 0; p < j->panels; p++) fit_multiply(j->w + (size_t)p * n * LANES, block, n, logit[p]);
        for (unsigned r = 0; r < rows; r++) loss += lose(j, row_at(j, first + r), r, logit);
        for (unsigned p = 0; p < j->panels; p++) multiply_back(gradient + (size_t)p * n * LANES, block, n, logit[p]);
    }
    j->loss[piece] = loss;
}

/* The mean loss with its penalty, and its gradient; pieces are added in their order. */
static double fit_value(void *self, const double *w, double *gradient) {
    struct job *j = self;
    size_t size = parameters(j), stride = (size_t)(j->d->dim + 1) * LANES;
    double loss = 0, penalty = 0;
    j->w = w;
    parallel_for(j->pieces, j->o->threads, run_piece, j);
    memset(gradient, 0, size * sizeof *gradient);
    for (size_t p = 0; p < j->pieces; p++) {
        loss += j->loss[p];
        for (size_t i = 0; i < size; i++) gradient[i] += j->gradient[p * size + i];
    }
    for (size_t i = 0; i < size; i++) {
        bool bias = i % stride >= stride - LANES;
        if (!bias) penalty += w[i] * w[i];
        gradient[i] = (gradient[i] + (bias ? 0 : j->o->l2 * w[i])) / j->total;
    }
    return (loss + j->o->l2 / 2 * penalty) / j->total;
}

static void show_step(void *self, unsigned step, double loss, double gradient) {
    const struct job *j = self;
    (void)gradient;
    j->o->progress(j->o->self, step, j->o->steps_max, loss);
}

/* What a row of each label counts, from how many rows each has. */
static void balance_labels(struct job *j, const double *weight) {
    double group[LABEL_MAX] = {0};
    unsigned groups = 0;
    for (unsigned l = 0; l < j->d->labels; l++) group[j->o->group ? j->o->group[l] : l] += weight[l];
    for (unsigned g = 0; g < LABEL_MAX; g++) groups += group[g] > 0;
    for (unsigned l = 0; l < j->d->labels; l++) {
        double of = group[j->o->group ? j->o->group[l] : l];
        j->share[l] = j->o->balance > 0 && of > 0 ? pow(j->total / (groups * of), j->o->balance) : 1;
    }
}

/* Which labels have rows, and what a row of each counts. */
static bool count_labels(struct job *j, struct err *e) {
    double weight[LABEL_MAX] = {0};
    for (size_t i = 0; i < j->d->n; i++) {
        size_t row = row_at(j, i);
        MUST(j->d->label[row] < j->d->labels);
        weight[j->d->label[row]] += j->d->weight ? (double)j->d->weight[row] : 1;
    }
    for (unsigned l = 0; l < j->d->labels; l++) {
        j->column[l] = weight[l] > 0 ? (int)j->used : -1;
        if (weight[l] > 0) j->label[j->used++] = l;
        j->total += weight[l];
    }
    if (j->used < 2)
        return err_set(e, ERR_INPUT, "rows of at least two labels are needed, there are rows of %u", j->used);
    balance_labels(j, weight);
    j->panels = (j->used + LANES - 1) / LANES;
    return true;
}

static void fit_unpack(const struct job *j, const double *w, struct fit_model *m) {
    unsigned dim = j->d->dim;
    for (unsigned l = 0; l < m->labels; l++) m->bias[l] = (double)HEAD_BIAS_NEVER;
    for (unsigned k = 0; k < j->used; k++) {
        const double *panel = w + (size_t)(k / LANES) * (dim + 1) * LANES + k % LANES;
        for (unsigned i = 0; i < dim; i++) m->weight[(size_t)j->label[k] * dim + i] = panel[(size_t)i * LANES];
        m->bias[j->label[k]] = panel[(size_t)dim * LANES];
    }
}

static void fit_pack(const struct job *j, const struct fit_model *m, double *w) {
    unsigned dim = j->d->dim;
    MUST(m->dim == dim && m->labels == j->d->labels);
    for (unsigned k = 0; k < j->used; k++) {
        double *panel = w + (size_t)(k / LANES) * (dim + 1) * LANES + k % LANES;
        const double bias = m->bias[j->label[k]];
        for (unsigned i = 0; i < dim; i++) panel[(size_t)i * LANES] = m->weight[(size_t)j->label[k] * dim + i];
        panel[(size_t)dim * LANES] = bias > (double)HEAD_BIAS_NEVER ? bias : 0;
    }
}

static void solve(struct job *j, struct fit_model *m) {
    size_t size = parameters(j);
    unsigned threads = parallel_for_threads(j->o->threads);
    j->piece_rows = (j->d->n + PIECES_MAX - 1) / PIECES_MAX;
    if (j->piece_rows < PIECE_ROWS_MIN) j->piece_rows = PIECE_ROWS_MIN;
    j->pieces = (j->d->n + j->piece_rows - 1) / j->piece_rows;
    j->gradient = must_calloc(j->pieces * size, sizeof *j->gradient);
    j->loss = must_calloc(j->pieces, sizeof *j->loss);
    j->block = must_calloc((size_t)threads * (j->d->dim + 1) * ROWS, sizeof *j->block);
    double *w = must_calloc(size, sizeof *w);
    if (j->o->start) fit_pack(j, j->o->start, w);
    struct lbfgs_problem p = {.n = size,
                              .value = fit_value,
                              .progress = j->o->progress ? show_step : NULL,
                              .self = j,
                              .steps_max = j->o->steps_max,
                              .gradient_max = j->o->gradient_max};
    struct lbfgs_result r = lbfgs_run(&p, w);
    fit_unpack(j, w, m);
    m->loss = r.value, m->steps = r.steps, m->done = r.done;
    free(w), free(j->gradient), free(j->loss), free(j->block);
}

bool fit_run(struct fit_model *m, const struct fit_data *d, const struct fit_opts *o, struct err *e) {
    struct job j = {.d = d, .o = o};
    *m = (struct fit_model){.dim = d->dim, .labels = d->labels};
    MUST(d->labels <= LABEL_MAX);
    if (!count_labels(&j, e)) return false;
    m->weight = must_calloc((size_t)d->labels * d->dim, sizeof *m->weight);
    m->bias = must_calloc(d->labels, sizeof *m->bias);
    solve(&j, m);
    return true;
}

void fit_release(struct fit_model *m) {
    free(m->weight);
    free(m->bias);
    *m = (struct fit_model){0};
}

void fit_soften(struct fit_model *m, double temperature) {
    for (size_t i = 0; i < (size_t)m->labels * m->dim; i++) m->weight[i] /= temperature;
    for (unsigned k = 0; k < m->labels; k++) m->bias[k] /= temperature;
}

void fit_logits(const struct fit_model *m, const float *x, double *logit) {
    for (unsigned l = 0; l < m->labels; l++) {
        const double *w = m->weight + (size_t)l * m->dim;
        double sum = m->bias[l];
        for (unsigned i = 0; i < m->dim; i++) sum += w[i] * (double)x[i];
        logit[l] = sum;
    }
}
