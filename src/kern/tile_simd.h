/* What the matrix products share: where a tile lies, how its results leave, and the choice of its height. */
#ifndef KERN_TILE_SIMD_H
#define KERN_TILE_SIMD_H

/* A loop the compiler unrolls, so that arrays indexed by it live in registers. */
#define EACH(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); i++)

struct tile {
    const struct kern_linear *l;
    const struct kern_in *x;
    const struct kern_out *y;
    size_t row;      /* first of its rows */
    unsigned column; /* first of its outputs */
};

/* Calls run(tile, height) with a height known to the compiler, at most `most` <= 6. */
#define TILE_RUN(run, most, tile, rows_left)               \
    switch ((rows_left) < (most) ? (rows_left) : (most)) { \
    case 6: run(tile, 6 < (most) ? 6 : (most)); break;     \
    case 5: run(tile, 5 < (most) ? 5 : (most)); break;     \
    case 4: run(tile, 4 < (most) ? 4 : (most)); break;     \
    case 3: run(tile, 3 < (most) ? 3 : (most)); break;     \
    case 2: run(tile, 2 < (most) ? 2 : (most)); break;     \
    case 1: run(tile, 1); break;                           \
    }

/* The results of VEC outputs of row `row`, from output o on, go to their place in y: by themselves, added, or through
 * gelu. Of l->out outputs those past the last (the last panel's padding) are dropped. y comes by value, so that the
 * compiler need not read it again after each store. */
INLINE void put(const struct kern_out y, unsigned out, size_t row, unsigned o, vec (*gelu)(vec), vec v) {
    float *to = y.y + row * y.stride + o;
    if (o + VEC <= out) {
        if (y.then & KERN_ADD) v = vec_add(v, vec_load(to));
        if (y.then & KERN_GELU) v = gelu(v);
        vec_store(to, v);
    } else if (o < out) {
        if (y.then & KERN_ADD) v = vec_add(v, vec_load_part(to, out - o));
        if (y.then & KERN_GELU) v = gelu(v);
        vec_store_part(to, v, out - o);
    }
}

#endif
