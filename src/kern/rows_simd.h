/* Row by row: layer norm. Include after vec_*.h. */
#ifndef KERN_ROWS_SIMD_H
#define KERN_ROWS_SIMD_H

/* Σ (x[i] - mean)^power over one row */
INLINE float row_moment(const float *x, unsigned width, float mean, bool squared) {
    vec sum = vec_set(0), m = vec_set(mean);
    unsigned i = 0;
    for (; i + VEC <= width; i += VEC) {
        vec d = vec_sub(vec_load(x + i), m);
        sum = squared ? vec_fma(d, d, sum) : vec_add(d, sum);
    }
    if (i < width) {
        vec d = vec_part(vec_sub(vec_load_part(x + i, width - i), m), 0, width - i);
        sum = squared ? vec_fma(d, d, sum) : vec_add(d, sum);
    }
    return vec_sum(sum);
}

static void norm(const struct kern_norm *n, float *x, size_t stride, size_t rows) {
    for (; rows-- > 0; x += stride) {
        float mean = row_moment(x, n->width, 0, false) / (float)n->width;
        float variance = row_moment(x, n->width, mean, true) / (float)n->width;
        vec m = vec_set(mean), inverse = vec_set(1 / sqrtf(variance + n->eps));
        unsigned i = 0;
        for (; i + VEC <= n->width; i += VEC) {
            vec v = vec_mul(vec_sub(vec_load(x + i), m), inverse);
            vec_store(x + i, vec_fma(v, vec_load(n->gamma + i), vec_load(n->beta + i)));
        }
        if (i < n->width) {
            unsigned left = n->width - i;
            vec v = vec_mul(vec_sub(vec_load_part(x + i, left), m), inverse);
            vec_store_part(x + i, vec_fma(v, vec_load_part(n->gamma + i, left), vec_load_part(n->beta + i, left)),
                           left);
        }
    }
}

#endif
