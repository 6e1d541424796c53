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

float pack_int8_begin(struct kern_linear *l, unsigned o, float largest, unsigned most) {
    bool some = largest > KERN_SCALE_MIN;
    l->scale[o] = some ? largest / (float)most : 0;
    return some ? (float)most / largest : 0;
}

int8_t *pack_int8_at(const struct kern_linear *l, unsigned o, unsigned columns) {
    size_t panel_bytes = (size_t)kern_padded(l->in) * columns;
    return (int8_t *)l->w + o / columns * panel_bytes + o % columns * 4;
}

void pack_int8_clear(struct kern_linear *l, const float *bias, unsigned columns) {
    pack_bias(l, bias);
    memset(l->w, 0, pack_int8_bytes(l->in, l->out, columns));
    memset(l->scale, 0, kern_padded(l->out) * sizeof *l->scale);
    memset(l->sum, 0, kern_padded(l->out) * sizeof *l->sum);
}

/* The quantised weights of one output to their places; returns their sum. */
static int32_t pack_row(const struct kern_linear *l, const float *w, float inverse, const struct pack_form *f,
                        int8_t *to) {
    struct pack_room room[2];
    int32_t sum = 0;
    for (unsigned i = 0; i < l->in; i++) {
        int q = (int)lrintf(scaled(l, w, i) * inverse), all = f->group_max ? (int)f->group_max : INT16_MAX;
        if (i % 8 == 0) room[0] = room[1] = (struct pack_room){all, all};
        q = pack_into_group(&room[pack_group_of(i)], q);
        to[(size_t)i / 4 * f->columns * 4 + i % 4] = (int8_t)q;
        sum += q;
    }
    return sum;
}

void pack_int8(struct kern_linear *l, const float *w, size_t stride, const float *bias, const struct pack_form *f) {
    pack_int8_clear(l, bias, f->columns);
    for (unsigned o = 0; o < l->out; o++, w += stride) {
        float inverse = pack_int8_begin(l, o, pack_largest(l, w), f->most);
        l->sum[o] = l->scale[o] * (float)pack_row(l, w, inverse, f, pack_int8_at(l, o, f->columns));
    }
}
