#include "encoder/smooth.h"

#include "base/must.h"
#include "encoder/forward.h"

#include <math.h>
#include <string.h>

/* |input|^SHARE goes to the weights, the rest stays: measured in docs/performance.md. */
static const float SHARE = 0.5f, FACTOR_MAX = 8;

struct peaks {
    struct forward_watch watch;
    struct model *m;
    float *peak; /* [layers][2][hidden]: of qkv's and up's inputs */
};

static float *peaks_of(const struct peaks *p, const struct linear *l) {
    size_t width = p->m->shape.hidden;
    for (unsigned i = 0; i < p->m->shape.layers; i++) {
        if (l == &p->m->layer[i].qkv) return p->peak + 2 * i * width;
        if (l == &p->m->layer[i].up) return p->peak + (2 * i + 1) * width;
    }
    return NULL;
}

static void see(struct forward_watch *w, const struct linear *l, const float *x, size_t rows) {
    float *peak = peaks_of((struct peaks *)w, l);
    if (!peak) return;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < l->in; i++) {
            float size = fabsf(x[r * l->in + i]);
            peak[i] = size > peak[i] ? size : peak[i];
        }
}

/* Lines of tokens drawn evenly from the vocabulary by a linear congruential generator. */
static void run_sample(const struct model *m, struct peaks *peaks) {
    unsigned line = m->shape.positions < SMOOTH_TOKENS ? m->shape.positions : SMOOTH_TOKENS, tokens[SMOOTH_LINES];
    uint32_t ids[SMOOTH_LINES * SMOOTH_TOKENS], state = 1;
    for (unsigned i = 0; i < SMOOTH_LINES; i++) tokens[i] = line;
    for (unsigned i = 0; i < SMOOTH_LINES * line; i++) {
        state = state * 1664525 + 1013904223; /* Numerical Recipes */
        ids[i] = (uint32_t)((uint64_t)state * m->shape.vocab >> 32);
    }
    struct forward_scratch s;
    forward_scratch_init(&s, m, SMOOTH_LINES * line);
    s.watch = &peaks->watch;
    float *out = must_calloc((size_t)SMOOTH_LINES * m->shape.hidden, sizeof *out);
    forward_run(m, &s, ids, tokens, SMOOTH_LINES, out);
    free(out);
    forward_scratch_release(&s);
}

/* factor[i] = most[i]^(1 - SHARE) / peak[i]^SHARE, most[i] being the greatest weight on input i, over their geometric
 * mean; no more than FACTOR_MAX either way, and 1 where input or weights are nothing. */
static void set_factors(struct linear *l, const float *w, const float *peak) {
    float *factor = l->factor;
    double logs = 0;
    memset(factor, 0, l->in * sizeof *factor);
    for (size_t o = 0; o < l->out; o++)
        for (size_t i = 0; i < l->in; i++) {
            float size = fabsf(w[o * l->in + i]);
            factor[i] = size > factor[i] ? size : factor[i];
        }
    for (size_t i = 0; i < l->in; i++) {
        float f = powf(factor[i], 1 - SHARE) / powf(peak[i], SHARE);
        factor[i] = isnormal(f) ? f : 1;
        logs += (double)logf(factor[i]);
    }
    float mean = (float)exp(logs / l->in);
    for (size_t i = 0; i < l->in; i++) factor[i] = fminf(fmaxf(factor[i] / mean, 1 / FACTOR_MAX), FACTOR_MAX);
}

void smooth_factors(struct model *m, const struct tensors_kept *kept) {
    struct peaks peaks = {{see}, m, must_calloc((size_t)m->shape.layers * 2 * m->shape.hidden, sizeof(float))};
    run_sample(m, &peaks);
    for (unsigned i = 0; i < m->shape.layers; i++) {
        struct layer *l = &m->layer[i];
        set_factors(&l->qkv, kept[i].qkv, peaks_of(&peaks, &l->qkv));
        set_factors(&l->up, kept[i].up, peaks_of(&peaks, &l->up));
    }
    free(peaks.peak);
}
