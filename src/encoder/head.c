#include "encoder/head.h"

#include "base/must.h"
#include "encoder/head_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LANES = 4 };

struct head {
    struct head_content content;
    uint64_t hash;
};

struct head *head_open(const char *path, struct err *e) {
    struct head *h = must_calloc(1, sizeof *h);
    if (head_file_read(path, &h->content, &h->hash, e)) return h;
    head_close(h);
    return NULL;
}

void head_close(struct head *h) {
    if (!h) return;
    for (unsigned i = 0; i < h->content.layers; i++) free(h->content.layer[i].weight), free(h->content.layer[i].bias);
    free(h);
}

const struct head_content *head_content(const struct head *h) {
    return &h->content;
}

const struct label_set *head_labels(const struct head *h) {
    return &h->content.labels;
}

unsigned head_dim(const struct head *h) {
    return h->content.layer[0].inputs;
}

bool head_uses_source(const struct head *h) {
    return h->content.use_source;
}

double head_threshold(const struct head *h, unsigned label, double otherwise) {
    const struct head_content *c = &h->content;
    return c->label_threshold[label] > 0 ? c->label_threshold[label] : c->threshold > 0 ? c->threshold : otherwise;
}

uint64_t head_hash(const struct head *h) {
    return h->hash;
}

static bool check_labels(const struct label_set *mine, const struct label_set *labels, struct err *e) {
    for (unsigned i = 0; i < mine->n && i < labels->n; i++)
        if (strcmp(mine->label[i].id, labels->label[i].id) != 0)
            return err_set(e, ERR_MODEL,
                           "the head belongs to other labels: its label %u is %s, that of the label set is %s", i + 1,
                           mine->label[i].id, labels->label[i].id);
    if (mine->n != labels->n)
        return err_set(e, ERR_MODEL, "the head belongs to other labels: it has %u, the label set has %u", mine->n,
                       labels->n);
    return true;
}

bool head_check(const struct head *h, const struct label_set *labels, uint64_t model_hash, unsigned mask_version,
                struct err *e) {
    const struct head_content *c = &h->content;
    if (!check_labels(&c->labels, labels, e)) return false;
    if (c->model_hash != model_hash)
        return err_set(e, ERR_MODEL,
                       "the head was trained on model %016llx, the one loaded is %016llx; train it again, or load its "
                       "model and adapter",
                       (unsigned long long)c->model_hash, (unsigned long long)model_hash);
    if (c->mask_version != mask_version)
        return err_set(e, ERR_MODEL,
                       "the head was trained on templates of masking version %u, this program has %u; train "
                       "it again",
                       c->mask_version, mask_version);
    return true;
}

/* A product of two floats is exact in double, so a fused multiply-add can't change the sum. */
static double head_dot(const float *a, const float *b, unsigned n) {
    double lane[LANES] = {0};
    unsigned i = 0;
    for (; i + LANES <= n; i += LANES)
        for (unsigned k = 0; k < LANES; k++) lane[k] += (double)a[i + k] * (double)b[i + k];
    for (; i < n; i++) lane[0] += (double)a[i] * (double)b[i];
    return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

/* e^x for x <= 0 to about 1e-15: x = k ln 2 + r, |r| <= ln 2 / 2, and the Taylor series of e^r up to r^13. libm's exp
 * differs in its last bit from machine to machine. */
static double exp_down(double x) {
    static const double LN2_HIGH = 0x1.62e42feep-1, LN2_LOW = 0x1.a39ef35793c76p-33, LOG2_E = 0x1.71547652b82fep+0;
    static const double INVERSE[] = {0,       1,       1 / 2.0, 1 / 3.0,  1 / 4.0,  1 / 5.0,  1 / 6.0,
                                     1 / 7.0, 1 / 8.0, 1 / 9.0, 1 / 10.0, 1 / 11.0, 1 / 12.0, 1 / 13.0};
    if (x < -700) return 0;
    double k = rint(x * LOG2_E), r = (x - k * LN2_HIGH) - k * LN2_LOW, sum = 1;
    for (unsigned i = 13; i > 0; i--) sum = 1 + sum * (r * INVERSE[i]);
    return ldexp(sum, (int)k);
}

void head_softmax(double *logit, unsigned n) {
    double most = logit[0], sum = 0;
    for (unsigned i = 1; i < n; i++)
        if (logit[i] > most) most = logit[i];
    for (unsigned i = 0; i < n; i++) sum += logit[i] = exp_down(logit[i] - most);
    for (unsigned i = 0; i < n; i++) logit[i] /= sum;
}

void head_run(const struct head *h, const float *vector, float *probability) {
    float hidden[HEAD_WIDTH_MAX];
    double logit[LABEL_MAX];
    const struct head_layer *l = h->content.layer;
    if (h->content.layers == 2) {
        for (unsigned o = 0; o < l->outputs; o++) {
            float v = (float)(head_dot(l->weight + (size_t)o * l->inputs, vector, l->inputs) + (double)l->bias[o]);
            hidden[o] = l->activation == HEAD_RELU && v < 0 ? 0 : v;
        }
        vector = hidden;
        l++;
    }
    for (unsigned o = 0; o < l->outputs; o++)
        logit[o] = head_dot(l->weight + (size_t)o * l->inputs, vector, l->inputs) + (double)l->bias[o];
    head_softmax(logit, l->outputs);
    double sum[LABEL_MAX] = {0};
    for (unsigned o = 0; o < l->outputs; o++) sum[h->content.outputs ? h->content.label_of[o] : o] += logit[o];
    head_narrow(sum, h->content.labels.n, probability);
}

void head_narrow(const double *wide, unsigned n, float *probability) {
    for (unsigned k = 0; k < n; k++) probability[k] = (float)wide[k];
}

static bool is_unclassified(const struct label_set *labels, unsigned k) {
    return k == labels->unclassified || (labels->parts >> k & 1);
}

static unsigned likeliest(const float *probability, const struct label_set *labels, bool unclassified) {
    unsigned best = LABEL_MAX;
    for (unsigned k = 0; k < labels->n; k++)
        if (is_unclassified(labels, k) == unclassified && (best == LABEL_MAX || probability[k] > probability[best]))
            best = k;
    return best;
}

static unsigned head_best(const float *probability, const struct label_set *labels) {
    unsigned best = 0;
    if (labels->parts) {
        double sum = 0;
        for (unsigned k = 0; k < labels->n; k++)
            if (is_unclassified(labels, k)) sum += (double)probability[k];
        best = likeliest(probability, labels, false);
        return sum > (double)probability[best] ? likeliest(probability, labels, true) : best;
    }
    for (unsigned k = 1; k < labels->n; k++)
        if (probability[k] > probability[best]) best = k;
    return best;
}

struct head_decision head_decide(const float *probability, const struct label_set *labels, const double *threshold) {
    struct head_decision d = {.best = head_best(probability, labels)};
    d.confidence = round((double)probability[d.best] * 1e4) / 1e4;
    d.answer = d.confidence < threshold[d.best] ? labels->unclassified : d.best;
    return d;
}

void head_fold(struct head_content *c) {
    struct label_set ops = c->labels;
    MUST(ops.parts && !c->outputs);
    c->outputs = ops.n;
    c->labels = *label_default();
    memset(c->label_threshold, 0, sizeof c->label_threshold);
    for (unsigned k = 0; k < ops.n; k++) c->label_of[k] = (uint8_t)label_fold(&c->labels, span_of(ops.label[k].id));
}
