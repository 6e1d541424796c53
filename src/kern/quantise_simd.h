/* Rows of floats to bytes: the row's least value becomes 0, its greatest 255 (each 128 lower when INT8_SIGNED). */
#ifndef KERN_QUANTISE_SIMD_H
#define KERN_QUANTISE_SIMD_H

struct range {
    float least, most;
};

/* VEC inputs from i on, times their factors; zeros past the last. */
INLINE vec row_inputs(const struct kern_linear *l, const float *x, unsigned i) {
    unsigned left = l->in - i;
    vec v = left < VEC ? vec_load_part(x + i, left) : vec_load(x + i);
    if (!l->factor) return v;
    return vec_mul(v, left < VEC ? vec_load_part(l->factor + i, left) : vec_load(l->factor + i));
}

/* Finite whatever the row holds; NaN is passed over. */
static struct range row_range(const struct kern_linear *l, const float *x) {
    vec least = vec_set(KERN_FLOAT_MAX), most = vec_set(-KERN_FLOAT_MAX);
    unsigned i = 0, left = l->in % VEC;
    for (; i + VEC <= l->in; i += VEC) {
        vec v = row_inputs(l, x, i);
        least = vec_min(v, least);
        most = vec_max(v, most);
    }
    if (left) {
        vec v = row_inputs(l, x, i);
        least = vec_min(vec_part(v, KERN_FLOAT_MAX, left), least);
        most = vec_max(vec_part(v, -KERN_FLOAT_MAX, left), most);
    }
    struct range r = {-vec_most(vec_sub(vec_set(0), least)), vec_most(most)};
    r.least = r.least > -KERN_FLOAT_MAX ? r.least : -KERN_FLOAT_MAX;
    r.most = r.most < KERN_FLOAT_MAX ? r.most : KERN_FLOAT_MAX;
    return r.least <= r.most ? r : (struct range){0, 0};
}

static void quantise(const struct kern_linear *l, const struct kern_in *x, size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        const float *from = x->f + r * x->f_stride;
        uint8_t *q = x->q + r * x->q_stride;
        struct range range = row_range(l, from);
        float scale = (range.most - range.least) / 255, inverse = scale > KERN_SCALE_MIN ? 1 / scale : 0;
        x->scale[r] = scale;
        x->base[r] = range.least + (INT8_SIGNED ? 128 * scale : 0);
        vec factor = vec_set(inverse), shift = vec_set(-range.least * inverse);
        for (unsigned i = 0; i < l->in; i += VEC) {
            vec v = vec_fma(row_inputs(l, from, i), factor, shift);
            v = vec_min(vec_max(v, vec_set(0)), vec_set(255));
            vec_store_bytes(q + i, vec_to_int(v), INT8_SIGNED);
        }
    }
}

#endif
