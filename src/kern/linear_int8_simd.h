/* int8 matrix product. Include after pack_int8_simd.h and these of the instruction set:
 *   INT8_ROWS                           rows of a tile
 *   struct int8_inputs, int8_spread(q)  four activations of a row, in every lane
 *   int8_dot(sum, inputs, weights)      sum[lane] += Σ of four products, exact
 * The sums are whole numbers: no order of summing can change them. */
#ifndef KERN_LINEAR_INT8_SIMD_H
#define KERN_LINEAR_INT8_SIMD_H

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
    EACH(v, TILE_VECS) int8_put(t, (unsigned)v * VEC, &sum[0][v], TILE_VECS, rows);
}

static void int8_linear(const struct kern_linear *l, const struct kern_in *x, size_t rows, const struct kern_out *y) {
    for (unsigned column = 0; column < l->out; column += INT8_COLUMNS)
        for (size_t row = 0; row < rows; row += INT8_ROWS) {
            struct tile t = {l, x, y, row, column};
            TILE_RUN(int8_tile, INT8_ROWS, &t, rows - row)
        }
}

#endif
