/* Self-attention of one line, head by head, in fp32. Include after vec_*.h and math_simd.h.
 * Each score is one chain of FMAs over d, each result one over the tokens, however many queries go together. */
#ifndef KERN_ATTEND_SIMD_H
#define KERN_ATTEND_SIMD_H

enum { ATTEND_ROWS = VEC / 2, ATTEND_VECS = 2 }; /* sums in registers: 4 × 2 of 16, or 8 × 2 of 32 */
_Static_assert((int)ATTEND_ROWS <= (int)KERN_ATTEND_ROWS, "scratch holds KERN_ATTEND_ROWS rows of scores");

/* One head of one line. */
struct attend_head {
    const struct kern_attention *a;
    const float *queries, *values; /* first token's */
    float *keys;                   /* [head_dim][padded]: transposed, zeros behind the last token */
    float *scores;                 /* [ATTEND_ROWS][padded] */
    size_t padded;                 /* tokens, up to a whole vector */
    float *out;
};

/* to[VEC][padded] = from[VEC][stride] transposed: log2 VEC times, the rows' upper half is interleaved with the lower.
 */
INLINE void attend_turn_block(const float *from, size_t stride, float *to, size_t padded) {
    vec a[VEC], b[VEC];
    EACH(i, VEC) a[i] = vec_load(from + (size_t)i * stride);
    for (int width = 1; width < VEC; width *= 2) {
        EACH(i, VEC / 2) {
            b[2 * i] = vec_deal_low(a[i], a[i + VEC / 2]);
            b[2 * i + 1] = vec_deal_high(a[i], a[i + VEC / 2]);
        }
        EACH(i, VEC) a[i] = b[i];
    }
    EACH(i, VEC) vec_store(to + (size_t)i * padded, a[i]);
}

static void attend_turn(const struct attend_head *h, const float *keys) {
    size_t dims = h->a->head_dim, stride = h->a->qkv_stride, j = 0;
    for (; dims % VEC == 0 && j + VEC <= h->a->tokens; j += VEC)
        for (size_t d = 0; d < dims; d += VEC)
            attend_turn_block(keys + j * stride + d, stride, h->keys + d * h->padded + j, h->padded);
    for (size_t d = 0; d < dims; d++) {
        float *to = h->keys + d * h->padded;
        for (size_t i = j; i < h->padded; i++) to[i] = i < h->a->tokens ? keys[i * stride + d] : 0;
    }
}

/* h->scores[rows][j, vecs · VEC) = queries · keys */
INLINE void attend_score_tile(const struct attend_head *h, size_t first, size_t j, const int rows, const int vecs) {
    const float *q = h->queries + first * h->a->qkv_stride, *keys = h->keys + j;
    size_t stride = h->a->qkv_stride, padded = h->padded, dims = h->a->head_dim;
    vec sum[ATTEND_ROWS][ATTEND_VECS];
    EACH(r, rows) EACH(v, vecs) sum[r][v] = vec_set(0);
    for (size_t d = 0; d < dims; d++, keys += padded) {
        vec k[ATTEND_VECS];
        EACH(v, vecs) k[v] = vec_load(keys + v * VEC);
        EACH(r, rows) {
            vec x = vec_set(q[(size_t)r * stride + d]);
            EACH(v, vecs) sum[r][v] = vec_fma(x, k[v], sum[r][v]);
        }
    }
    EACH(r, rows) EACH(v, vecs) vec_store(h->scores + (size_t)r * padded + j + v * VEC, sum[r][v]);
}

INLINE void attend_scores(const struct attend_head *h, size_t first, const int rows) {
    size_t j = 0;
    for (; j + ATTEND_VECS * VEC <= h->padded; j += ATTEND_VECS * VEC)
        attend_score_tile(h, first, j, rows, ATTEND_VECS);
    for (; j < h->padded; j += VEC) attend_score_tile(h, first, j, rows, 1);
}

/* Scores of one query to e^((s - max) · scale), zeros behind the last token; returns 1 / their sum. */
static float attend_softmax(float *s, size_t tokens, float scale) {
    size_t whole = tokens / VEC * VEC, left = tokens - whole;
    vec most = vec_set(s[0]), sum = vec_set(0);
    for (size_t j = 0; j < whole; j += VEC) most = vec_max(vec_load(s + j), most);
    if (left) most = vec_max(vec_part(vec_load(s + whole), s[0], left), most);
    vec scale_v = vec_set(scale), shift = vec_set(-vec_most(most) * scale);
    for (size_t j = 0; j < tokens; j += VEC) {
        vec e = vec_exp(vec_fma(vec_load(s + j), scale_v, shift));
        if (j == whole) e = vec_part(e, 0, left);
        vec_store(s + j, e);
        sum = vec_add(sum, e);
    }
    return 1 / vec_sum(sum);
}

/* out[rows][d, vecs · VEC) = weights · values · inverse sum of the weights; the last vector may be a part. */
INLINE void attend_value_tile(const struct attend_head *h, size_t first, size_t d, const float *inverse, const int rows,
                              const int vecs) {
    float *out = h->out + first * h->a->out_stride + d;
    const float *from = h->values + d, *weights = h->scores;
    size_t left = h->a->head_dim - d, stride = h->a->qkv_stride, padded = h->padded, tokens = h->a->tokens;
    vec sum[ATTEND_ROWS][ATTEND_VECS];
    EACH(r, rows) EACH(v, vecs) sum[r][v] = vec_set(0);
    for (size_t j = 0; j < tokens; j++, from += stride) {
        vec x[ATTEND_VECS];
        EACH(v, vecs) x[v] = left < VEC ? vec_load_part(from, left) : vec_load(from + v * VEC);
        EACH(r, rows) {
            vec w = vec_set(weights[(size_t)r * padded + j]);
            EACH(v, vecs) sum[r][v] = vec_fma(w, x[v], sum[r][v]);
        }
    }
    EACH(r, rows) EACH(v, vecs) {
        vec y = vec_mul(sum[r][v], vec_set(inverse[r]));
        float *to = out + (size_t)r * h->a->out_stride + v * VEC;
        if (left < VEC)
            vec_store_part(to, y, left);
        else
            vec_store(to, y);
    }
}

INLINE void attend_values(const struct attend_head *h, size_t first, const float *inverse, const int rows) {
    size_t d = 0, dims = h->a->head_dim;
    for (; d + ATTEND_VECS * VEC <= dims; d += ATTEND_VECS * VEC)
        attend_value_tile(h, first, d, inverse, rows, ATTEND_VECS);
    for (; d < dims; d += VEC) attend_value_tile(h, first, d, inverse, rows, 1);
}

INLINE void attend_rows(const struct attend_head *h, size_t first, const int rows) {
    float inverse[ATTEND_ROWS], scale = 1 / sqrtf((float)h->a->head_dim);
    attend_scores(h, first, rows);
    for (int r = 0; r < rows; r++) inverse[r] = attend_softmax(h->scores + (size_t)r * h->padded, h->a->tokens, scale);
    attend_values(h, first, inverse, rows);
}

static void attend(const struct kern_attention *a) {
    size_t width = (size_t)a->heads * a->head_dim, padded = (a->tokens + VEC - 1) / VEC * VEC;
    for (size_t i = 0; i < a->heads; i++) {
        const float *head = a->qkv + i * a->head_dim;
        struct attend_head h = {
            a, head, head + 2 * width, a->scratch, a->scratch + a->head_dim * padded, padded, a->out + i * a->head_dim};
        attend_turn(&h, head + width);
        size_t first = 0;
        for (; first + ATTEND_ROWS <= a->tokens; first += ATTEND_ROWS) attend_rows(&h, first, ATTEND_ROWS);
        if (first < a->tokens && a->tokens >= ATTEND_ROWS)
            attend_rows(&h, a->tokens - ATTEND_ROWS, ATTEND_ROWS); /* some once more: the same bits */
        else
            for (; first < a->tokens; first++) attend_rows(&h, first, 1);
    }
}

#endif
