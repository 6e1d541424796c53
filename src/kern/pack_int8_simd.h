/* int8 layers before and after the product: packing weights, and from whole-number sums to results. Include after
 * tile_simd.h. Weights lie in panels [in / 4][INT8_COLUMNS][4]. */
#ifndef KERN_PACK_INT8_SIMD_H
#define KERN_PACK_INT8_SIMD_H

enum { INT8_COLUMNS = INT8_VECS * VEC };

static size_t int8_bytes(unsigned in, unsigned out) {
    return pack_int8_bytes(in, out, INT8_COLUMNS);
}

/* VEC weights of one output from i on, over their factors; zeros past the last. */
INLINE vec row_weights(const struct kern_linear *l, const float *w, unsigned i) {
    unsigned left = l->in - i;
    vec v = left < VEC ? vec_load_part(w + i, left) : vec_load(w + i);
    if (!l->factor) return v;
    vec factor = left < VEC ? vec_part(vec_load_part(l->factor + i, left), 1, left) : vec_load(l->factor + i);
    return vec_div(v, factor);
}

/* As pack_int8 does, byte for byte, several times as fast. */
static void int8_pack(struct kern_linear *l, const float *w, size_t stride, const float *bias) {
    pack_int8_clear(l, bias, INT8_COLUMNS);
    for (unsigned o = 0; o < l->out; o++, w += stride) {
        vec most = vec_set(0);
        for (unsigned i = 0; i < l->in; i += VEC) most = vec_max(vec_abs(row_weights(l, w, i)), most);
        float inverse;
        int8_t *to = pack_int8_begin(l, o, INT8_COLUMNS, vec_most(most), &inverse);
        veci sum = vec_to_int(vec_set(0));
        for (unsigned i = 0; i < l->in; i += VEC) {
            veci q = vec_to_int(vec_mul(row_weights(l, w, i), vec_set(inverse)));
            vec_scatter_bytes(to + (size_t)i * INT8_COLUMNS, INT8_COLUMNS * 4, q);
            sum += q;
        }
        l->sum[o] = l->scale[o] * vec_sum(vec_from_int(sum));
    }
}

/* Σ q · w of `rows` rows and VEC outputs from t->column + `column` on, sums[r], to the layer's results: scale · scale ·
 * Σ + base · sum of weights + bias, then y's ending. */
INLINE void int8_put(const struct tile *t, unsigned column, const veci *sums, const int rows) {
    const struct kern_out y = *t->y;
    const float *scales = t->x->scale + t->row, *bases = t->x->base + t->row;
    unsigned o = t->column + column, out = t->l->out;
    vec scale = vec_load(t->l->scale + o), sum = vec_load(t->l->sum + o), bias = vec_load(t->l->bias + o);
    EACH(r, rows) {
        vec rest = vec_fma(sum, vec_set(bases[r]), bias), unit = vec_mul(scale, vec_set(scales[r]));
        put(y, out, t->row + (size_t)r, o, vec_gelu_fast, vec_fma(vec_from_int(sums[r]), unit, rest));
    }
}

#endif
