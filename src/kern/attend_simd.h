/* Self-attention of one line, head by head, in fp32. Include after vec_*.h and math_simd.h.
 * Each score is one chain of FMAs over d, each result one over the tokens, however many queries go together. */
#ifndef KERN_ATTEND_SIMD_H
#define KERN_ATTEND_SIMD_H

enum { ATTEND_ROWS = 4 };
_Static_assert((int)ATTEND_ROWS <= (int)KERN_ATTEND_ROWS, "scratch holds KERN_ATTEND_ROWS rows of scores");

/* One head of one line. */
struct attend_head {
    const struct kern_attention *a;
    const float *queries, *values; /* first token's */
    float *keys;                   /* [head_dim][padded]: turned, zeros behind the last token */
    float *scores;                 /* [ATTEND_ROWS][padded] */
    size_t padded;                 /* tokens, up to a whole vector */
    float *out;
};

static void attend_turn(const struct attend_head *h, const float *keys) {
    for (size_t d = 0; d < h->a->head_dim; d++) {
        float *to = h->keys + d * h->padded;
        for (size_t j = 0; j < h->a->tokens; j++) to[j] = keys[j * h->a->qkv_stride + d];
        for (size_t j = h->a->tokens; j < h->padded; j++) to[j] = 0;
    }
}

/* h->scores[rows][padded] = queries · keys */
INLINE void attend_scores(const struct attend_head *h, size_t first, const int rows) {
    const float *q = h->queries + first * h->a->qkv_stride;
    for (size_t j = 0; j < h->padded; j += VEC) {
        vec sum[ATTEND_ROWS];
        EACH(r, rows) sum[r] = vec_set(0);
        for (size_t d = 0; d < h->a->head_dim; d++) {
            vec k = vec_load(h->keys + d * h->padded + j);
            EACH(r, rows) sum[r] = vec_fma(vec_set(q[(size_t)r * h->a->qkv_stride + d]), k, sum[r]);
        }
        EACH(r, rows) vec_store(h->scores + (size_t)r * h->padded + j, sum[r]);
    }
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

/* out[rows][head_dim] = weights · values · inverse sum of the weights */
INLINE void attend_values(const struct attend_head *h, size_t first, const float *inverse, const int rows) {
    float *out = h->out + first * h->a->out_stride;
    for (size_t d = 0; d < h->a->head_dim; d += VEC) {
        size_t left = h->a->head_dim - d;
        vec sum[ATTEND_ROWS];
        EACH(r, rows) sum[r] = vec_set(0);
        for (size_t j = 0; j < h->a->tokens; j++) {
            const float *from = h->values + j * h->a->qkv_stride + d;
            vec v = left < VEC ? vec_load_part(from, left) : vec_load(from);
            EACH(r, rows) sum[r] = vec_fma(vec_set(h->scores[(size_t)r * h->padded + j]), v, sum[r]);
        }
        EACH(r, rows) {
            vec v = vec_mul(sum[r], vec_set(inverse[r]));
            if (left < VEC)
                vec_store_part(out + (size_t)r * h->a->out_stride + d, v, left);
            else
                vec_store(out + (size_t)r * h->a->out_stride + d, v);
        }
    }
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
        for (; first < a->tokens; first++) attend_rows(&h, first, 1);
    }
}

#endif
