/* What the matrix products share: where a tile lies, how its results leave, and the choice of its height. */
#ifndef KERN_TILE_SIMD_H
#define KERN_TILE_SIMD_H

/* A loop the compiler unrolls, so that arrays indexed by it live in registers. */
#define EACH(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); i++)

enum { TILE_ROWS = 6 };

struct tile {
    const struct kern_linear *l;
    const struct kern_in *x;
    const struct kern_out *y;
    size_t row;      /* first of its rows */
    unsigned column; /* first of its outputs */
};

/* Calls run(tile, height) with a height known to the compiler. */
#define TILE_RUN(run, tile, rows_left)    \
    switch (rows_left) {                  \
    default: run(tile, TILE_ROWS); break; \
    case 5: run(tile, 5); break;          \
    case 4: run(tile, 4); break;          \
    case 3: run(tile, 3); break;          \
    case 2: run(tile, 2); break;          \
    case 1: run(tile, 1); break;          \
    }

/* The results of VEC outputs, from t->column + `column` on, go to their place in y: by themselves, added, or through
 * gelu. Outputs past l->out (the last panel's padding) are dropped. */
INLINE void put(const struct tile *t, size_t row, int column, vec (*gelu)(vec), vec v) {
    unsigned o = t->column + (unsigned)column;
    float *to = t->y->y + (t->row + row) * t->y->stride + o;
    if (o >= t->l->out) return;
    if (t->y->then == KERN_GELU) v = gelu(v);
    if (o + VEC <= t->l->out) {
        if (t->y->then == KERN_ADD) v = vec_add(v, vec_load(to));
        vec_store(to, v);
    } else {
        if (t->y->then == KERN_ADD) v = vec_add(v, vec_load_part(to, t->l->out - o));
        vec_store_part(to, v, t->l->out - o);
    }
}

#endif
