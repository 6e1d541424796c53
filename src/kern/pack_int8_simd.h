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

/* As pack_int8 does, byte for byte, and without groups several times as fast. */
static void int8_pack(struct kern_linear *l, const float *w, size_t stride, const float *bias) {
    if (INT8_GROUP_MAX) {
        pack_int8(l, w, stride, bias, &(struct pack_form){INT8_COLUMNS, INT8_WEIGHT_MAX, INT8_GROUP_MAX});
        return;
    }
    pack_int8_clear(l, bias, INT8_COLUMNS);
    for (unsigned o = 0; o < l->out; o++, w += stride) {
        vec most = vec_set(0);
        for (unsigned i = 0; i < l->in; i += VEC) most = vec_max(vec_abs(row_weights(l, w, i)), most);
        float inverse = pack_int8_begin(l, o, vec_most(most), INT8_WEIGHT_MAX);
        int8_t *to = pack_int8_at(l, o, INT8_COLUMNS);
        veci sum = vec_to_int(vec_set(0));
        for (unsigned i = 0; i < l->in; i += VEC) {
            veci q = vec_to_int(vec_mul(row_weights(l, w, i), vec_set(inverse)));
            vec_scatter_bytes(to + (size_t)i * INT8_COLUMNS, INT8_COLUMNS * 4, q);
            sum += q;
        }
        l->sum[o] = l->scale[o] * vec_sum(vec_from_int(sum));
    }
}

/* What turns the sums of VEC outputs into results; by value, so that nothing is read again after each store. */
struct epilogue {
    vec scale, sum, bias;
    const float *scales, *bases; /* of the tile's rows */
    struct kern_out y;
    unsigned o, out;
    size_t row;
};

INLINE struct epilogue int8_epilogue(const struct tile *t, unsigned column) {
    unsigned o = t->column + column;
    const struct kern_linear *l = t->l;
    return (struct epilogue){vec_load(l->scale + o),
                             vec_load(l->sum + o),
                             vec_load(l->bias + o),
                             t->x->scale + t->row,
                             t->x->base + t->row,
                             *t->y,
                             o,
                             l->out,
                             t->row};
}

/* Σ q · w of the tile's row r to the layer's results: scale · scale · Σ + base · sum of weights + bias, then y's
 * epilogue. */
INLINE void int8_put(const struct epilogue *e, size_t r, veci sum) {
    vec rest = vec_fma(e->sum, vec_set(e->bases[r]), e->bias), unit = vec_mul(e->scale, vec_set(e->scales[r]));
    put(e->y, e->out, e->row + r, e->o, vec_gelu_fast, vec_fma(vec_from_int(sum), unit, rest));
}

#endif
