#include "kern/pack.h"

#include <math.h>
#include <string.h>

static unsigned rounded_up(unsigned n, unsigned to) {
    return (n + to - 1) / to * to;
}

void pack_bias(struct kern_linear *l, const float *bias) {
    if (bias)
        memmove(l->bias, bias, l->out * sizeof *bias); /* packed anew, they are the same */
    else
        memset(l->bias, 0, l->out * sizeof *bias);
    memset(l->bias + l->out, 0, (kern_padded(l->out) - l->out) * sizeof *bias);
}

size_t pack_f32_bytes(unsigned in, unsigned out, unsigned columns) {
    return (size_t)in * rounded_up(out, columns) * sizeof(float);
}

void pack_f32(struct kern_linear *l, const float *w, size_t stride, const float *bias, unsigned columns) {
    pack_bias(l, bias);
    float *to = l->w;
    for (size_t first = 0; first < l->out; first += columns)
        for (size_t i = 0; i < l->in; i++)
            for (size_t o = first; o < first + columns; o++) *to++ = o < l->out ? w[o * stride + i] : 0;
}

size_t pack_int8_bytes(unsigned in, unsigned out, unsigned columns) {
    return (size_t)kern_padded(in) * rounded_up(out, columns);
}

static float scaled(const struct kern_linear *l, const float *w, size_t i) {
    return l->factor ? w[i] / l->factor[i] : w[i];
}

static float pack_largest(const struct kern_linear *l, const float *w) {
    float most = 0;
    for (size_t i = 0; i < l->in; i++) most = fabsf(scaled(l, w, i)) > most ? fabsf(scaled(l, w, i)) : most;
    return most;
}

int8_t *pack_int8_begin(struct kern_linear *l, unsigned o, unsigned columns, float most, float *inverse) {
    bool some = most > KERN_SCALE_MIN;
    *inverse = some ? 127 / most : 0;
    l->scale[o] = some ? most / 127 : 0;
    size_t panel_bytes = (size_t)kern_padded(l->in) * columns;
    return (int8_t *)l->w + o / columns * panel_bytes + o % columns * 4;
}

void pack_int8_clear(struct kern_linear *l, const float *bias, unsigned columns) {
    pack_bias(l, bias);
    memset(l->w, 0, pack_int8_bytes(l->in, l->out, columns));
    memset(l->scale, 0, kern_padded(l->out) * sizeof *l->scale);
    memset(l->sum, 0, kern_padded(l->out) * sizeof *l->sum);
}

void pack_int8(struct kern_linear *l, const float *w, size_t stride, const float *bias, unsigned columns) {
    pack_int8_clear(l, bias, columns);
    for (unsigned o = 0; o < l->out; o++, w += stride) {
        float inverse;
        int8_t *to = pack_int8_begin(l, o, columns, pack_largest(l, w), &inverse);
        int32_t sum = 0;
        for (size_t i = 0; i < l->in; i++) {
            int8_t q = (int8_t)lrintf(scaled(l, w, i) * inverse);
            to[i / 4 * columns * 4 + i % 4] = q;
            sum += q;
        }
        l->sum[o] = l->scale[o] * (float)sum;
    }
}
