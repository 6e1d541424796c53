/* The reference: each function as the formula reads, sums in double where order would matter. Weights stay [out][in].
 */
#include "kern/kern.h"
#include "kern/pack.h"

#include <math.h>
#include <string.h>

enum { SCALAR_WEIGHT_MAX = 127 };

static float scalar_finish(unsigned then, float old, double v) {
    if (then & KERN_ADD) v += old;
    if (then & KERN_GELU) v = 0.5 * v * (1.0 + erf(v * M_SQRT1_2));
    return (float)v;
}

static size_t scalar_f32_bytes(unsigned in, unsigned out) {
    return (size_t)in * out * sizeof(float);
}

static void scalar_f32_pack(struct kern_linear *l, const float *w, size_t stride, const float *bias) {
    float *to = l->w;
    for (size_t o = 0; o < l->out; o++) memcpy(to + o * l->in, w + o * stride, l->in * sizeof *w);
    pack_bias(l, bias);
}

static void scalar_f32_linear(const struct kern_linear *l, const struct kern_in *x, size_t rows,
                              const struct kern_out *y) {
    const float *w = l->w;
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < l->out; o++) {
            double sum = l->bias[o];
            for (size_t i = 0; i < l->in; i++) sum += (double)w[o * l->in + i] * x->f[r * x->f_stride + i];
            float *to = &y->y[r * y->stride + o];
            *to = scalar_finish(y->then, *to, sum);
        }
}

static size_t scalar_int8_bytes(unsigned in, unsigned out) {
    return pack_int8_bytes(in, out, 1);
}

static void scalar_int8_pack(struct kern_linear *l, const float *w, size_t stride, const float *bias) {
    pack_int8(l, w, stride, bias, &(struct pack_form){1, SCALAR_WEIGHT_MAX, 0});
}

static void scalar_int8_linear(const struct kern_linear *l, const struct kern_in *x, size_t rows,
                               const struct kern_out *y) {
    const int8_t *w = l->w;
    size_t in = kern_padded(l->in);
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < l->out; o++) {
            int32_t sum = 0;
            for (size_t i = 0; i < l->in; i++) sum += w[o * in + i] * x->q[r * x->q_stride + i];
            double v = (double)sum * x->scale[r] * l->scale[o] + (double)x->base[r] * l->sum[o] + l->bias[o];
            float *to = &y->y[r * y->stride + o];
            *to = scalar_finish(y->then, *to, v);
        }
}

static float input(const struct kern_linear *l, const float *x, size_t i) {
    return l->factor ? x[i] * l->factor[i] : x[i];
}

static void quantise_row(const struct kern_linear *l, const float *x, uint8_t *q, float *scale, float *base) {
    float least = KERN_FLOAT_MAX, most = -KERN_FLOAT_MAX;
    for (size_t i = 0; i < l->in; i++) {
        float v = input(l, x, i);
        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    least = least > -KERN_FLOAT_MAX ? least : -KERN_FLOAT_MAX;
    most = most < KERN_FLOAT_MAX ? most : KERN_FLOAT_MAX;
    if (least > most) least = most = 0;
    *scale = (most - least) / 255;
    *base = least;
    for (size_t i = 0; i < l->in; i++) {
        float v = *scale > KERN_SCALE_MIN ? (input(l, x, i) - least) / *scale : 0;
        q[i] = (uint8_t)lrintf(v > 0 ? (v < 255 ? v : 255) : 0);
    }
}

static void scalar_quantise(const struct kern_linear *l, const struct kern_in *x, size_t rows) {
    for (size_t r = 0; r < rows; r++)
        quantise_row(l, x->f + r * x->f_stride, x->q + r * x->q_stride, &x->scale[r], &x->base[r]);
}

static void scalar_norm(const struct kern_norm *n, float *x, size_t stride, size_t rows) {
    for (size_t r = 0; r < rows; r++, x += stride) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < n->width; i++) mean += x[i];
        mean /= n->width;
        for (size_t i = 0; i < n->width; i++) variance += (x[i] - mean) * (x[i] - mean);
        double inverse = 1 / sqrt(variance / n->width + n->eps);
        for (size_t i = 0; i < n->width; i++) x[i] = (float)((x[i] - mean) * inverse * n->gamma[i] + n->beta[i]);
    }
}

/* One query of one head: p = softmax(q · keys / √d), out = p · values. */
static void attend_one(const struct kern_attention *a, const float *q, const float *keys, const float *values,
                       float *out) {
    float *p = a->scratch, scale = 1 / sqrtf((float)a->head_dim), most = -INFINITY;
    for (size_t j = 0; j < a->tokens; j++) {
        double dot = 0;
        for (size_t d = 0; d < a->head_dim; d++) dot += (double)q[d] * keys[j * a->qkv_stride + d];
        p[j] = (float)dot * scale;
        most = p[j] > most ? p[j] : most;
    }
    double sum = 0;
    for (size_t j = 0; j < a->tokens; j++) sum += p[j] = expf(p[j] - most);
    for (size_t d = 0; d < a->head_dim; d++) {
        double v = 0;
        for (size_t j = 0; j < a->tokens; j++) v += (double)p[j] * values[j * a->qkv_stride + d];
        out[d] = (float)(v / sum);
    }
}

static void scalar_attend(const struct kern_attention *a) {
    size_t width = (size_t)a->heads * a->head_dim;
    for (size_t h = 0; h < a->heads; h++)
        for (size_t i = 0; i < a->tokens; i++) {
            const float *head = a->qkv + h * a->head_dim;
            attend_one(a, head + i * a->qkv_stride, head + width, head + 2 * width,
                       a->out + i * a->out_stride + h * a->head_dim);
        }
}

const struct kern kern_scalar = {
    .name = "scalar",
    .rows_block = 64,
    .linear_bytes = scalar_f32_bytes,
    .linear_pack = scalar_f32_pack,
    .linear = scalar_f32_linear,
    .norm = scalar_norm,
    .attend = scalar_attend,
};

const struct kern kern_scalar_int8 = {
    .name = "scalar-int8",
    .int8 = true,
    .input_max = 255,
    .weight_max = SCALAR_WEIGHT_MAX,
    .slice = KERN_SLICE_MAX,
    .rows_block = 64,
    .linear_bytes = scalar_int8_bytes,
    .linear_pack = scalar_int8_pack,
    .linear = scalar_int8_linear,
    .quantise = scalar_quantise,
    .norm = scalar_norm,
    .attend = scalar_attend,
};
