#include "kern/pack.h"

#include <math.h>
#include <string.h>

static unsigned rounded_up(unsigned n, unsigned to) {
    return (n + to - 1) / to * to;
}

void pack_bias(struct kern_linear *l, const float *bias) {
    memcpy(l->bias, bias, l->out * sizeof *bias);
    memset(l->bias + l->out, 0, (kern_padded(l->out) - l->out) * sizeof *bias);
}

size_t pack_f32_bytes(unsigned in, unsigned out, unsigned columns) {
    return (size_t)in * rounded_up(out, columns) * sizeof(float);
}

void pack_f32(struct kern_linear *l, const float *w, const float *bias, unsigned columns) {
    pack_bias(l, bias);
    float *to = l->w;
    for (size_t first = 0; first < l->out; first += columns)
        for (size_t i = 0; i < l->in; i++)
            for (size_t o = first; o < first + columns; o++) *to++ = o < l->out ? w[o * l->in + i] : 0;
}

size_t pack_int8_bytes(unsigned in, unsigned out, unsigned columns) {
    return (size_t)kern_padded(in) * rounded_up(out, columns);
}

static float largest(const float *w, size_t n) {
    float most = 0;
    for (size_t i = 0; i < n; i++) most = fabsf(w[i]) > most ? fabsf(w[i]) : most;
    return most;
}

/* Output o's weights go to to[i / 4][o][i % 4]. Returns the sum of the bytes. */
static int32_t pack_output(const float *w, size_t in, float inverse, int8_t *to, size_t columns) {
    int32_t sum = 0;
    for (size_t i = 0; i < in; i++) {
        int8_t q = (int8_t)lrintf(w[i] * inverse);
        to[i / 4 * columns * 4 + i % 4] = q;
        sum += q;
    }
    return sum;
}

void pack_int8(struct kern_linear *l, const float *w, const float *bias, unsigned columns) {
    pack_bias(l, bias);
    memset(l->w, 0, pack_int8_bytes(l->in, l->out, columns));
    size_t panel_bytes = (size_t)kern_padded(l->in) * columns, out = kern_padded(l->out);
    memset(l->scale, 0, out * sizeof *l->scale);
    memset(l->sum, 0, out * sizeof *l->sum);
    for (size_t o = 0; o < l->out; o++) {
        float most = largest(w + o * l->in, l->in);
        float scale = most / 127, inverse = most > 0 ? 127 / most : 0;
        int8_t *to = (int8_t *)l->w + o / columns * panel_bytes + o % columns * 4;
        l->scale[o] = scale;
        l->sum[o] = scale * (float)pack_output(w + o * l->in, l->in, inverse, to, columns);
    }
}
