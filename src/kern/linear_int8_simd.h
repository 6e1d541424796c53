/* int8 matrix product. Include after pack_int8_simd.h and these of the instruction set:
 *   INT8_ROWS, INT8_VECS       rows of a tile, and vectors of sums for each
 *   INT8_GROUPS                groups of four inputs that are multiplied together
 *   int8_repeat(four)          four inputs of a row in every lane
 *   int8_dot(sum, x, w)        sum[lane] += the products of x[INT8_GROUPS] and w[INT8_GROUPS], exact
 * The sums are whole numbers: no order of summing can change them. */
#ifndef KERN_LINEAR_INT8_SIMD_H
#define KERN_LINEAR_INT8_SIMD_H

INLINE veci int8_inputs(const uint8_t *q) {
    int32_t four;
    memcpy(&four, q, sizeof four);
    return int8_repeat(four);
}

INLINE void int8_tile(const struct tile *t, const int rows) {
    const uint8_t *q = t->x->q + t->row * t->x->q_stride;
    const int8_t *w = (const int8_t *)t->l->w + (size_t)t->column * kern_padded(t->l->in);
    size_t stride = t->x->q_stride;
    veci sum[INT8_ROWS][INT8_VECS];
    EACH(r, rows) EACH(v, INT8_VECS) sum[r][v] = vec_to_int(vec_set(0));
    for (unsigned i = 0; i < t->l->in; i += 4 * INT8_GROUPS, w += INT8_COLUMNS * 4 * INT8_GROUPS) {
        veci wv[INT8_VECS][INT8_GROUPS];
        EACH(v, INT8_VECS) EACH(g, INT8_GROUPS) wv[v][g] = vec_load_int(w + (g * INT8_VECS + v) * VEC * 4);
        EACH(r, rows) {
            veci x[INT8_GROUPS];
            EACH(g, INT8_GROUPS) x[g] = int8_inputs(q + (size_t)r * stride + i + 4 * g);
            EACH(v, INT8_VECS) sum[r][v] = int8_dot(sum[r][v], x, wv[v]);
        }
    }
    EACH(v, INT8_VECS) {
        const struct epilogue e = int8_epilogue(t, (unsigned)v * VEC);
        EACH(r, rows) int8_put(&e, (size_t)r, sum[r][v]);
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
    veci sum[CHAINS], x[INT8_GROUPS], w[INT8_GROUPS];
    EACH(g, INT8_GROUPS) x[g] = w[g] = vec_to_int(vec_set(1));
    EACH(i, CHAINS) {
        sum[i] = x[0];
        __asm__ volatile("" : "+v"(sum[i])); /* else they are known to be equal, and one will do */
    }
    for (size_t t = 0; t < times; t++) {
        EACH(i, CHAINS) {
            EACH(g, INT8_GROUPS) __asm__ volatile("" : "+v"(x[g])); /* else one product serves all chains */
            sum[i] = int8_dot(sum[i], x, w);
        }
    }
    EACH(i, CHAINS) __asm__ volatile("" : : "v"(sum[i]));
    return times * CHAINS * VEC * 4 * INT8_GROUPS * 2;
}

#endif
