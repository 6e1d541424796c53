#include "cmd/bench_precision.h"

#include "base/must.h"
#include "encoder/head.h"
#include "kern/kern.h"
#include "text/template.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* What one kernel says of the lines. */
struct answers {
    float *vector;   /* [n][dim] */
    unsigned *label; /* [n]: the most probable */
    bool *sure;      /* [n] */
};

struct precision {
    struct encoder_opts encoder;
    struct head *head; /* NULL: none */
    struct span *line; /* [n]: different ones; then their templates */
    char *bytes;       /* of the templates */
    size_t n;
    unsigned dim;
};

/* ---- the lines ---- */

static int precision_by_hash(const void *a, const void *b) {
    XXH64_hash_t x = XXH3_64bits(((const struct span *)a)->p, ((const struct span *)a)->n),
                 y = XXH3_64bits(((const struct span *)b)->p, ((const struct span *)b)->n);
    return (x > y) - (x < y);
}

/* Up to `most` different lines: the first in the order of their hashes, which is an even choice. */
static void choose_lines(struct precision *p, const struct span *lines, size_t n, size_t most) {
    p->line = must_calloc(n, sizeof *p->line);
    memcpy(p->line, lines, n * sizeof *p->line);
    qsort(p->line, n, sizeof *p->line, precision_by_hash);
    for (size_t i = 0; i < n && p->n < most; i++)
        if (p->line[i].n > 0 && (p->n == 0 || !span_eq(p->line[i], p->line[p->n - 1]))) p->line[p->n++] = p->line[i];
}

/* What the encoder sees of them. */
static void precision_make_templates(struct precision *p) {
    p->bytes = must_calloc(p->n, TEMPLATE_MAX); /* pages that stay empty cost nothing */
    char *to = p->bytes;
    for (size_t i = 0; i < p->n; i++) {
        p->line[i] = (struct span){to, template_write((struct span){0}, p->line[i], false, to)};
        to += p->line[i].n;
    }
}

/* ---- answers ---- */

static void precision_judge(const struct precision *p, struct answers *a, size_t i) {
    const struct label_set *labels = head_labels(p->head);
    float probability[LABEL_MAX];
    double threshold[LABEL_MAX];
    for (unsigned k = 0; k < labels->n; k++) threshold[k] = head_threshold(p->head, k, 0);
    head_run(p->head, a->vector + i * p->dim, probability);
    struct head_decision d = head_decide(probability, labels, threshold);
    a->label[i] = d.best;
    a->sure[i] = d.confidence >= threshold[d.best];
}

static void answers_release(struct answers *a) {
    free(a->vector);
    free(a->label);
    free(a->sure);
}

static bool precision_ask(struct precision *p, const char *kernel, struct answers *a, struct err *e) {
    p->encoder.kernel = kernel;
    struct encoder *enc = encoder_open(&p->encoder, e);
    if (!enc) return false;
    p->dim = encoder_dim(enc);
    *a = (struct answers){must_calloc(p->n * p->dim, sizeof *a->vector), must_calloc(p->n, sizeof *a->label),
                          must_calloc(p->n, sizeof *a->sure)};
    struct encoder_scratch *s = encoder_scratch_open(enc);
    encoder_embed(enc, s, p->line, p->n, a->vector);
    bool fits =
        p->head && head_check(p->head, head_labels(p->head), encoder_hash(enc), head_content(p->head)->mask_version, e);
    for (size_t i = 0; fits && i < p->n; i++) precision_judge(p, a, i);
    encoder_scratch_close(s);
    encoder_close(enc);
    if (!p->head || fits) return true;
    answers_release(a);
    return false;
}

static int precision_by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double cosine(const float *a, const float *b, unsigned dim) {
    double sum = 0;
    for (unsigned i = 0; i < dim; i++) sum += (double)a[i] * b[i];
    return sum;
}

static void precision_compare(const struct precision *p, const char *kernel, const struct answers *got,
                              const struct answers *want, FILE *out) {
    double *near = must_calloc(p->n, sizeof *near), sum = 0;
    size_t labels = 0, same = 0;
    for (size_t i = 0; i < p->n; i++) {
        sum += near[i] = cosine(got->vector + i * p->dim, want->vector + i * p->dim, p->dim);
        bool label = got->label[i] == want->label[i];
        labels += label;
        same += got->sure[i] == want->sure[i] && (label || !got->sure[i]);
    }
    qsort(near, p->n, sizeof *near, precision_by_size);
    double n = (double)p->n;
    fprintf(out, "%-13s %8.5f %8.5f %8.5f", kernel, sum / n, near[p->n / 100], near[0]);
    if (p->head) fprintf(out, " %9.2f %% %9.2f %%", 100 * (double)labels / n, 100 * (double)same / n);
    fputc('\n', out);
    fflush(out);
    free(near);
}

static bool compare_all(struct precision *p, const char *only, FILE *out, struct err *e) {
    struct answers want, got;
    const struct kern *best = kern_usable(&kern_avx512) ? &kern_avx512 : &kern_avx2;
    if (!kern_usable(best)) best = &kern_scalar;
    if (!precision_ask(p, best->name, &want, e)) return false;
    fprintf(out, "%zu lines; fp32: %s\nkernel            mean       p1    least%s\n", p->n, best->name,
            p->head ? "  same label same answer" : "");
    bool ok = true;
    for (unsigned i = 0; ok && kern_at(i); i++) {
        const struct kern *k = kern_at(i);
        if (*only ? strcmp(k->name, only) != 0 : !kern_usable(k) || k->needs == 0 || k == best) continue;
        ok = precision_ask(p, k->name, &got, e);
        if (ok) precision_compare(p, k->name, &got, &want, out);
        if (ok) answers_release(&got);
    }
    answers_release(&want);
    return ok;
}

bool bench_precision_write(const struct bench_precision_opts *o, const struct span *lines, size_t n, FILE *out,
                           struct err *e) {
    struct precision p = {.encoder = o->encoder};
    if (o->head_path[0]) {
        p.head = head_open(o->head_path, e);
        if (!p.head) return false;
    }
    choose_lines(&p, lines, n, o->lines_max);
    precision_make_templates(&p);
    bool ok = p.n > 0 || err_set(e, ERR_INPUT, "all lines are empty");
    ok = ok && compare_all(&p, o->encoder.kernel, out, e);
    free(p.line);
    free(p.bytes);
    head_close(p.head);
    return ok;
}
