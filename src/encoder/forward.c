#include "encoder/forward.h"

#include "base/must.h"

#include <math.h>
#include <string.h>

enum { ALIGN = 64 };

/* ---- scratch ---- */

static size_t in_bytes(const struct kern *k, size_t rows, unsigned width) {
    size_t bytes = rows * width * sizeof(float) + ALIGN;
    return k->int8 ? bytes + rows * (kern_padded(width) + 2 * sizeof(float)) + 2 * ALIGN : bytes;
}

static void *cut(char **from, size_t bytes) {
    char *p = *from;
    *from += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return p;
}

static struct kern_in cut_in(char **from, const struct kern *k, size_t rows, unsigned width) {
    struct kern_in in = {.f = cut(from, rows * width * sizeof(float)), .f_stride = width};
    if (!k->int8) return in;
    in.q_stride = kern_padded(width);
    in.q = cut(from, rows * in.q_stride);
    in.scale = cut(from, rows * sizeof(float));
    in.base = cut(from, rows * sizeof(float));
    return in;
}

void forward_scratch_init(struct forward_scratch *s, const struct model *m, unsigned rows_max) {
    const struct kern *k = m->kern;
    unsigned hidden = m->shape.hidden, inner = m->shape.inner;
    size_t qkv = (size_t)rows_max * 3 * hidden * sizeof(float);
    size_t attention = kern_attention_scratch(rows_max, hidden / m->shape.heads) * sizeof(float);
    size_t bytes = qkv + 2 * in_bytes(k, rows_max, hidden) + in_bytes(k, k->rows_block, inner) + attention + 8 * ALIGN;
    char *p = s->memory = must_aligned(ALIGN, (bytes + ALIGN - 1) / ALIGN * ALIGN);
    s->rows_max = rows_max;
    s->qkv = cut(&p, qkv);
    s->x = cut_in(&p, k, rows_max, hidden);
    s->context = cut_in(&p, k, rows_max, hidden);
    s->inner = cut_in(&p, k, k->rows_block, inner);
    s->attention = cut(&p, attention);
    MUST(p <= (char *)s->memory + bytes);
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

/* in from row `row` on */
static struct kern_in at_row(const struct kern_in *in, size_t row) {
    struct kern_in r = *in;
    r.f += row * in->f_stride;
    if (in->q) r.q += row * in->q_stride, r.scale += row, r.base += row;
    return r;
}

/* Makes in.f readable for the next linear layer. */
static void ready(const struct kern *k, const struct kern_in *in, size_t rows, unsigned width) {
    if (k->int8) k->quantise(in->f, in->f_stride, rows, width, in);
}

/* x = norm(x), ready for what comes next */
static void norm(const struct kern *k, const struct kern_norm *n, const struct kern_in *x, size_t rows) {
    k->norm(n, x->f, x->f_stride, rows);
    ready(k, x, rows, n->width);
}

/* x = norm(word + position) */
static void embed(const struct pass *p, const uint32_t *ids) {
    const struct model *m = p->m;
    size_t width = m->shape.hidden, row = 0;
    for (size_t l = 0; l < p->lines; l++)
        for (unsigned i = 0; i < p->tokens[l]; i++, row++) {
            const float *word = m->words + ids[row] * width, *position = m->positions + i * width;
            float *x = p->s->x.f + row * width;
            for (size_t d = 0; d < width; d++) x[d] = word[d] + position[d];
        }
    norm(m->kern, &m->norm, &p->s->x, p->rows);
}

/* context = attention(qkv), each line by itself */
static void attend(const struct pass *p) {
    const struct shape *shape = &p->m->shape;
    struct kern_attention a = {
        .qkv = p->s->qkv,
        .qkv_stride = 3 * (size_t)shape->hidden,
        .heads = shape->heads,
        .head_dim = shape->hidden / shape->heads,
        .out = p->s->context.f,
        .out_stride = p->s->context.f_stride,
        .scratch = p->s->attention,
    };
    for (size_t l = 0; l < p->lines; l++) {
        a.tokens = p->tokens[l];
        p->m->kern->attend(&a);
        a.qkv += a.tokens * a.qkv_stride;
        a.out += a.tokens * a.out_stride;
    }
}

/* x = norm(x + out(context)); x = norm(x + down(gelu(up(x)))), for rows [row, row + n) */
static void mix(const struct pass *p, const struct layer *l, size_t row, size_t n) {
    const struct kern *k = p->m->kern;
    struct kern_in x = at_row(&p->s->x, row), context = at_row(&p->s->context, row), inner = p->s->inner;
    struct kern_out add = {x.f, x.f_stride, KERN_ADD}, wide = {inner.f, inner.f_stride, KERN_GELU};
    ready(k, &context, n, l->out.in);
    k->linear(&l->out, &context, n, &add);
    norm(k, &l->out_norm, &x, n);
    k->linear(&l->up, &x, n, &wide);
    ready(k, &inner, n, l->down.in);
    k->linear(&l->down, &inner, n, &add);
    norm(k, &l->down_norm, &x, n);
}

static void run_layer(const struct pass *p, const struct layer *l) {
    const struct kern *k = p->m->kern;
    size_t qkv_stride = 3 * (size_t)p->m->shape.hidden;
    for (size_t row = 0, n; row < p->rows; row += n) {
        n = p->rows - row < k->rows_block ? p->rows - row : k->rows_block;
        struct kern_in x = at_row(&p->s->x, row);
        k->linear(&l->qkv, &x, n, &(struct kern_out){p->s->qkv + row * qkv_stride, qkv_stride, KERN_STORE});
    }
    attend(p);
    for (size_t row = 0, n; row < p->rows; row += n) {
        n = p->rows - row < k->rows_block ? p->rows - row : k->rows_block;
        mix(p, l, row, n);
    }
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
    embed(&p, ids);
    for (unsigned i = 0; i < m->shape.layers; i++) run_layer(&p, &m->layer[i]);
    const float *x = s->x.f;
    for (size_t l = 0; l < lines; l++, out += m->shape.hidden) {
        pool(x, tokens[l], &m->shape, out);
        x += tokens[l] * (size_t)m->shape.hidden;
    }
}
