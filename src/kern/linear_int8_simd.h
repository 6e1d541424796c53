/* int8 matrix product. Include after pack_int8_simd.h and these of the instruction set:
 *   INT8_ROWS, INT8_SUMS       rows of a tile, and vectors of sums for each; INT8_VECS vectors of results
 *   int8_inputs(q, i)          inputs i..i+3 of the row at q, again and again
 *   int8_weights(w, v)         what those meet in the v-th vector of sums, w being where the four's weights begin
 *   int8_dot(sum, x, w)        sum[lane] += INT8_DOTS products, exact
 *   int8_result(sum[], v)      the sums of VEC outputs
 * The sums are whole numbers: no order of summing can change them. */
#ifndef KERN_LINEAR_INT8_SIMD_H
#define KERN_LINEAR_INT8_SIMD_H

INLINE void int8_tile(const struct tile *t, const int rows) {
    const uint8_t *q = t->x->q + t->row * t->x->q_stride;
    const int8_t *w = (const int8_t *)t->l->w + (size_t)t->column * kern_padded(t->l->in);
    size_t stride = t->x->q_stride;
    veci sum[INT8_ROWS][INT8_SUMS];
    EACH(r, rows) EACH(v, INT8_SUMS) sum[r][v] = vec_to_int(vec_set(0));
    for (unsigned i = 0; i < t->l->in; i += 4, w += INT8_COLUMNS * 4) {
        veci wv[INT8_SUMS];
        EACH(v, INT8_SUMS) wv[v] = int8_weights(w, v);
        EACH(r, rows) {
            veci x = int8_inputs(q + (size_t)r * stride, i);
            EACH(v, INT8_SUMS) sum[r][v] = int8_dot(sum[r][v], x, wv[v]);
        }
    }
    EACH(v, INT8_VECS) {
        const struct epilogue e = int8_epilogue(t, (unsigned)v * VEC);
        EACH(r, rows) int8_put(&e, (size_t)r, int8_result(sum[r], v));
    }
}

static void int8_linear(const struct kern_linear *l, const struct kern_in *x, size_t rows, const struct kern_out *y) {
    for (unsigned column = 0; column < l->out; column += INT8_COLUMNS)
        for (size_t row = 0; row < rows; row += INT8_ROWS) {
            struct tile t = {l, x, y, row, column};
            TILE_RUN(int8_tile, INT8_ROWS, &t, rows - row)
        }
}

static size_t int8_register_loop(size_t times) {
    enum { CHAINS = INT8_ROWS * 2 };
    veci sum[CHAINS], x = vec_to_int(vec_set(1)), w = x;
    EACH(i, CHAINS) {
        sum[i] = x;
        __asm__ volatile("" : "+v"(sum[i])); /* else they are known to be equal, and one will do */
    }
    for (size_t t = 0; t < times; t++) {
        EACH(i, CHAINS) sum[i] = int8_dot(sum[i], x, w);
        __asm__ volatile("" : "+v"(x)); /* else the product is taken out of the loop */
    }
    EACH(i, CHAINS) __asm__ volatile("" : : "v"(sum[i]));
    return times * CHAINS * VEC * INT8_DOTS * 2;
}

#endif
