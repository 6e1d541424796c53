/* int8 matrix product and the quantisation before it. Include after tile_simd.h and these of the instruction set:
 *   INT8_ROWS                           rows of a tile
 *   INT8_SIGNED                         activations are kept as signed bytes, 128 lower than the unsigned ones
 *   struct int8_inputs, int8_spread(q)         four activations of a row, in every lane
 *   int8_dot(sum, inputs, weights)      sum[lane] += Σ of four products, exact
 * Weights lie in panels [in / 4][INT8_COLUMNS][4]. The sums are whole numbers: no order of summing can change them. */
#ifndef KERN_LINEAR_INT8_SIMD_H
#define KERN_LINEAR_INT8_SIMD_H

#ifndef INT8_COLUMNS
#    define INT8_COLUMNS (TILE_VECS * VEC)
#endif

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

/* Σ q · w to the layer's result: scale · scale · Σ + base · sum of weights + bias, then y's ending. */
INLINE void int8_put(const struct tile *t, size_t row, int column, veci sum) {
    unsigned o = t->column + (unsigned)column;
    vec scale = vec_mul(vec_load(t->l->scale + o), vec_set(t->x->scale[t->row + row]));
    vec rest = vec_fma(vec_load(t->l->sum + o), vec_set(t->x->base[t->row + row]), vec_load(t->l->bias + o));
    put(t, row, column, vec_gelu_fast, vec_fma(vec_from_int(sum), scale, rest));
}

INLINE void int8_tile(const struct tile *t, const int rows) {
    const uint8_t *q = t->x->q + t->row * t->x->q_stride;
    const int8_t *w = (const int8_t *)t->l->w + (size_t)t->column * kern_padded(t->l->in);
    size_t stride = t->x->q_stride;
    veci sum[INT8_ROWS][TILE_VECS];
    EACH(r, rows) EACH(v, TILE_VECS) sum[r][v] = vec_to_int(vec_set(0));
    for (unsigned i = 0; i < t->l->in; i += 4, w += INT8_COLUMNS * 4) {
        veci wv[TILE_VECS];
        EACH(v, TILE_VECS) wv[v] = vec_load_int(w + v * VEC * 4);
        EACH(r, rows) {
            struct int8_inputs x = int8_spread(q + (size_t)r * stride + i);
            EACH(v, TILE_VECS) sum[r][v] = int8_dot(sum[r][v], x, wv[v]);
        }
    }
    EACH(r, rows) EACH(v, TILE_VECS) int8_put(t, (size_t)r, v * VEC, sum[r][v]);
}

static void int8_linear(const struct kern_linear *l, const struct kern_in *x, size_t rows, const struct kern_out *y) {
    for (unsigned column = 0; column < l->out; column += INT8_COLUMNS)
        for (size_t row = 0; row < rows; row += INT8_ROWS) {
            struct tile t = {l, x, y, row, column};
            TILE_RUN(int8_tile, INT8_ROWS, &t, rows - row)
        }
}

#endif
