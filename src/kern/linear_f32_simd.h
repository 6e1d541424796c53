/* fp32 matrix product: tiles of F32_ROWS × TILE_VECS vectors in registers, weights in panels [in][F32_COLUMNS]. Each
 * result is one chain of FMAs over the inputs in order, whatever the tile's height: a row's bits do not depend on its
 * neighbours. */
#ifndef KERN_LINEAR_F32_SIMD_H
#define KERN_LINEAR_F32_SIMD_H

enum { F32_ROWS = 6, F32_COLUMNS = TILE_VECS * VEC };

static size_t f32_bytes(unsigned in, unsigned out) {
    return pack_f32_bytes(in, out, F32_COLUMNS);
}

static void f32_pack(struct kern_linear *l, const float *w, size_t stride, const float *bias) {
    pack_f32(l, w, stride, bias, F32_COLUMNS);
}

INLINE void f32_tile(const struct tile *t, const int rows) {
    const struct kern_linear *l = t->l;
    const float *w = (const float *)l->w + (size_t)t->column * l->in, *from = t->x->f + t->row * t->x->f_stride;
    size_t stride = t->x->f_stride;
    vec sum[F32_ROWS][TILE_VECS];
    EACH(r, rows) EACH(v, TILE_VECS) sum[r][v] = vec_load(l->bias + t->column + v * VEC);
    for (unsigned i = 0; i < l->in; i++, w += F32_COLUMNS) {
        vec wv[TILE_VECS];
        EACH(v, TILE_VECS) wv[v] = vec_load(w + v * VEC);
        EACH(r, rows) {
            vec x = vec_set(from[(size_t)r * stride + i]);
            EACH(v, TILE_VECS) sum[r][v] = vec_fma(x, wv[v], sum[r][v]);
        }
    }
    const struct kern_out y = *t->y;
    unsigned out = l->out, column = t->column;
    EACH(r, rows) EACH(v, TILE_VECS) put(y, out, t->row + (size_t)r, column + (unsigned)v * VEC, vec_gelu, sum[r][v]);
}

static void f32_linear(const struct kern_linear *l, const struct kern_in *x, size_t rows, const struct kern_out *y) {
    for (unsigned column = 0; column < l->out; column += F32_COLUMNS)
        for (size_t row = 0; row < rows; row += F32_ROWS) {
            struct tile t = {l, x, y, row, column};
            TILE_RUN(f32_tile, F32_ROWS, &t, rows - row)
        }
}

static size_t f32_register_loop(size_t times) {
    enum { CHAINS = 12 };
    vec sum[CHAINS], x = vec_set(1), w = x;
    EACH(i, CHAINS) {
        sum[i] = x;
        __asm__ volatile("" : "+v"(sum[i])); /* else they are known to be equal, and one will do */
    }
    for (size_t t = 0; t < times; t++) {
        EACH(i, CHAINS) sum[i] = vec_fma(x, w, sum[i]);
        __asm__ volatile("" : "+v"(x));
    }
    EACH(i, CHAINS) __asm__ volatile("" : : "v"(sum[i]));
    return times * CHAINS * VEC * 2;
}

#endif
