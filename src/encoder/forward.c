#include "encoder/forward.h"

#include "base/must.h"

#include <math.h>
#include <string.h>

enum { ALIGN = 64 };

/* ---- scratch ---- */

/* The next part of the block, or with base NULL only its size. */
static void *cut(char *base, size_t *used, size_t bytes) {
    size_t at = *used;
    *used += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return base ? base + at : NULL;
}

static size_t lay(struct forward_scratch *s, const struct model *m, char *base) {
    const struct shape *shape = &m->shape;
    size_t used = 0, rows = s->rows_max, block = m->kern->rows_block, hidden = shape->hidden * sizeof(float);
    s->x = cut(base, &used, rows * hidden);
    s->qkv = cut(base, &used, rows * 3 * hidden);
    s->context = cut(base, &used, rows * hidden);
    s->inner = cut(base, &used, block * shape->inner * sizeof(float));
    s->attention = cut(base, &used, kern_attention_scratch(s->rows_max, shape->hidden / shape->heads) * sizeof(float));
    s->q = (struct kern_in){.q_stride = KERN_SLICE_MAX};
    s->q.q = cut(base, &used, block * s->q.q_stride);
    s->q.scale = cut(base, &used, block * sizeof(float));
    s->q.base = cut(base, &used, block * sizeof(float));
    return used;
}

void forward_scratch_init(struct forward_scratch *s, const struct model *m, unsigned rows_max) {
    *s = (struct forward_scratch){.rows_max = rows_max};
    s->memory = must_aligned(ALIGN, lay(s, m, NULL));
    lay(s, m, s->memory);
}

void forward_scratch_release(struct forward_scratch *s) {
    free(s->memory);
    *s = (struct forward_scratch){0};
}

/* ---- the pass ---- */

struct pass {
    const struct model *m;
    struct forward_scratch *s;
    const unsigned *tokens; /* [lines] */
    size_t lines, rows;
};

/* x = forward_norm(x) for `rows` rows */
static void forward_norm(const struct pass *p, const struct kern_norm *n, float *x, size_t rows) {
    p->m->kern->norm(n, x, n->width, rows);
}

/* y = l(x), x[rows][l->in] with rows no more than a block; y as y.then says */
static void linear(const struct pass *p, const struct linear *l, float *x, size_t rows, struct kern_out y) {
    const struct kern *k = p->m->kern;
    struct kern_in in = p->s->q;
    unsigned then = y.then;
    if (p->s->watch) p->s->watch->see(p->s->watch, l, x, rows);
    for (unsigned i = 0; i < l->slices; i++) {
        in.f = x + i * l->slice_in;
        in.f_stride = l->in;
        y.then = (i == 0 ? then & KERN_ADD : KERN_ADD) | (i + 1 == l->slices ? then & KERN_GELU : 0);
        if (k->int8) k->quantise(&l->slice[i], &in, rows);
        k->linear(&l->slice[i], &in, rows, &y);
    }
}

/* x = forward_norm(word + position) */
static void forward_embed(const struct pass *p, const uint32_t *ids) {
    const struct model *m = p->m;
    size_t width = m->shape.hidden, row = 0;
    for (size_t l = 0; l < p->lines; l++)
        for (unsigned i = 0; i < p->tokens[l]; i++, row++) {
            const float *word = m->words + ids[row] * width, *position = m->positions + i * width;
            float *x = p->s->x + row * width;
            for (size_t d = 0; d < width; d++) x[d] = word[d] + position[d];
        }
    forward_norm(p, &m->norm, p->s->x, p->rows);
}

/* context = attention(qkv), each line by itself */
static void forward_attend(const struct pass *p) {
    const struct shape *shape = &p->m->shape;
    struct kern_attention a = {
        .qkv = p->s->qkv,
        .qkv_stride = 3 * (size_t)shape->hidden,
        .heads = shape->heads,
        .head_dim = shape->hidden / shape->heads,
        .out = p->s->context,
        .out_stride = shape->hidden,
        .scratch = p->s->attention,
    };
    for (size_t l = 0; l < p->lines; l++) {
        a.tokens = p->tokens[l];
        p->m->kern->attend(&a);
        a.qkv += a.tokens * a.qkv_stride;
        a.out += a.tokens * a.out_stride;
    }
}

/* qkv = qkv(x) for rows [row, row + n) */
static void project_qkv(const struct pass *p, const struct layer *l, size_t row, size_t n) {
    size_t width = p->m->shape.hidden;
    struct kern_out qkv = {p->s->qkv + row * 3 * width, 3 * width, KERN_STORE};
    linear(p, &l->qkv, p->s->x + row * width, n, qkv);
}

/* x = norm(x + out(context)); x = norm(x + down(gelu(up(x)))) for rows [row, row + n) */
static void attention_output_and_ffn(const struct pass *p, const struct layer *l, size_t row, size_t n) {
    size_t width = p->m->shape.hidden;
    float *x = p->s->x + row * width, *inner = p->s->inner;
    linear(p, &l->out, p->s->context + row * width, n, (struct kern_out){x, width, KERN_ADD});
    forward_norm(p, &l->out_norm, x, n);
    linear(p, &l->up, x, n, (struct kern_out){inner, l->up.out, KERN_GELU});
    linear(p, &l->down, inner, n, (struct kern_out){x, width, KERN_ADD});
    forward_norm(p, &l->down_norm, x, n);
}

/* Runs step over all rows, a cache-sized block at a time. */
static void each_block(const struct pass *p, const struct layer *l,
                       void step(const struct pass *p, const struct layer *l, size_t row, size_t n)) {
    size_t block = p->m->kern->rows_block;
    for (size_t row = 0; row < p->rows; row += block) step(p, l, row, p->rows - row < block ? p->rows - row : block);
}

/* out = the mean of the rows of x (or the first), at length 1 */
static void pool(const float *x, size_t rows, const struct shape *shape, float *out) {
    size_t width = shape->hidden, used = shape->pool_cls ? 1 : rows;
    memcpy(out, x, width * sizeof *out);
    for (size_t r = 1; r < used; r++)
        for (size_t d = 0; d < width; d++) out[d] += x[r * width + d];
    double squares = 0;
    for (size_t d = 0; d < width; d++) squares += (double)out[d] * out[d];
    float inverse = squares > 0 ? (float)(1 / sqrt(squares)) : 0;
    for (size_t d = 0; d < width; d++) out[d] *= inverse;
}

void forward_run(const struct model *m, struct forward_scratch *s, const uint32_t *ids, const unsigned *tokens,
                 size_t lines, float *out) {
    struct pass p = {m, s, tokens, lines, 0};
    for (size_t l = 0; l < lines; l++) p.rows += tokens[l];
    MUST(p.rows <= s->rows_max);
    forward_embed(&p, ids);
    for (unsigned i = 0; i < m->shape.layers; i++) {
        each_block(&p, &m->layer[i], project_qkv);
        forward_attend(&p);
        each_block(&p, &m->layer[i], attention_output_and_ffn);
    }
    const float *x = s->x;
    for (size_t l = 0; l < lines; l++, out += m->shape.hidden) {
        pool(x, tokens[l], &m->shape, out);
        x += tokens[l] * (size_t)m->shape.hidden;
    }
}
