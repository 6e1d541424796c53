#include "encoder/smooth.h"

#include "base/must.h"

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

void smooth_factors(struct model *m, const struct sample *sample, const struct tensors_kept *kept) {
    struct peaks peaks = {{see}, m, must_calloc((size_t)m->shape.layers * 2 * m->shape.hidden, sizeof(float))};
    sample_run(sample, SMOOTH_LINES, m, &peaks.watch);
    for (unsigned i = 0; i < m->shape.layers; i++) {
        struct layer *l = &m->layer[i];
        set_factors(&l->qkv, kept[i].w[0], peaks_of(&peaks, &l->qkv));
        set_factors(&l->up, kept[i].w[2], peaks_of(&peaks, &l->up));
    }
    free(peaks.peak);
}
