/* Rows of floats to bytes: the row's least value becomes 0, its greatest INT8_INPUT_MAX. */
#ifndef KERN_QUANTISE_SIMD_H
#define KERN_QUANTISE_SIMD_H

struct range {
    float least, most;
};

/* A row and what its inputs are multiplied with (NULL: nothing). */
struct row {
    const float *x, *factor;
    unsigned n;
};

INLINE vec row_inputs(struct row r, unsigned i) {
    vec v = vec_load(r.x + i);
    return r.factor ? vec_mul(v, vec_load(r.factor + i)) : v;
}

/* The last n % VEC inputs; zeros behind them. */
INLINE vec row_rest(struct row r, unsigned i) {
    vec v = vec_load_part(r.x + i, r.n - i);
    return r.factor ? vec_mul(v, vec_load_part(r.factor + i, r.n - i)) : v;
}

/* Finite whatever the row holds; NaN is passed over. */
INLINE struct range row_range(struct row r) {
    vec least = vec_set(KERN_FLOAT_MAX), most = vec_set(-KERN_FLOAT_MAX);
    unsigned i = 0, left = r.n % VEC;
    for (; i + VEC <= r.n; i += VEC) {
        vec v = row_inputs(r, i);
        least = vec_min(v, least);
        most = vec_max(v, most);
    }
    if (left) {
        vec v = row_rest(r, i);
        least = vec_min(vec_part(v, KERN_FLOAT_MAX, left), least);
        most = vec_max(vec_part(v, -KERN_FLOAT_MAX, left), most);
    }
    struct range range = {-vec_most(vec_sub(vec_set(0), least)), vec_most(most)};
    range.least = range.least > -KERN_FLOAT_MAX ? range.least : -KERN_FLOAT_MAX;
    range.most = range.most < KERN_FLOAT_MAX ? range.most : KERN_FLOAT_MAX;
    return range.least <= range.most ? range : (struct range){0, 0};
}

/* (x - least) / scale is within 0..INT8_INPUT_MAX by half a step, unless x isn't finite: any byte will do then. */
INLINE void row_bytes(struct row r, struct range range, float inverse, uint8_t *q) {
    vec factor = vec_set(inverse), shift = vec_set(-range.least * inverse);
    unsigned i = 0;
    for (; i + VEC <= r.n; i += VEC) vec_store_bytes(q + i, vec_to_int(vec_fma(row_inputs(r, i), factor, shift)));
    if (i < r.n) vec_store_bytes(q + i, vec_to_int(vec_fma(row_rest(r, i), factor, shift)));
}

static void quantise(const struct kern_linear *l, const struct kern_in *x, size_t rows) {
    const struct kern_in in = *x;
    struct row row = {in.f, l->factor, l->in};
    for (size_t r = 0; r < rows; r++, row.x += in.f_stride) {
        struct range range = row_range(row);
        float scale = (range.most - range.least) / INT8_INPUT_MAX, inverse = scale > KERN_SCALE_MIN ? 1 / scale : 0;
        in.scale[r] = scale;
        in.base[r] = range.least;
        row_bytes(row, range, inverse, in.q + r * in.q_stride);
    }
}

#endif
