/* The golden embeddings of tests/golden, for tests: made by scripts/make-golden from the reference implementation. */
#ifndef ENCODER_GOLDEN_VECTORS_H
#define ENCODER_GOLDEN_VECTORS_H

#include "base/file.h"
#include "base/must.h"

#include <stdint.h>
#include <yyjson.h>

enum { GOLDEN_DIM = 384, GOLDEN_MAX = 1000, GOLDEN_TOKENS_MAX = 256 };

struct golden_vectors {
    struct span text[GOLDEN_MAX];
    uint32_t ids[GOLDEN_MAX][GOLDEN_TOKENS_MAX];
    unsigned tokens[GOLDEN_MAX];
    const float *vector[GOLDEN_MAX];
    size_t n;
    struct span lines, vectors; /* the files */
    yyjson_doc *doc[GOLDEN_MAX];
};

static inline void golden_vectors_add(struct golden_vectors *g, struct span line) {
    MUST(g->n < GOLDEN_MAX);
    yyjson_doc *doc = g->doc[g->n] = yyjson_read(line.p, line.n, 0);
    yyjson_val *text = yyjson_obj_get(yyjson_doc_get_root(doc), "text"),
               *ids = yyjson_obj_get(yyjson_doc_get_root(doc), "ids");
    MUST(yyjson_is_str(text) && yyjson_arr_size(ids) <= GOLDEN_TOKENS_MAX);
    g->text[g->n] = (struct span){yyjson_get_str(text), yyjson_get_len(text)};
    g->tokens[g->n] = (unsigned)yyjson_arr_size(ids);
    for (size_t i = 0; i < g->tokens[g->n]; i++) g->ids[g->n][i] = (uint32_t)yyjson_get_uint(yyjson_arr_get(ids, i));
    g->vector[g->n] = (const float *)(const void *)g->vectors.p + g->n * GOLDEN_DIM;
    g->n++;
}

/* Run from the top of the source tree. Aborts when the files are not there. */
static inline struct golden_vectors *golden_vectors_open(void) {
    struct golden_vectors *g = must_calloc(1, sizeof *g);
    struct err e;
    MUST(file_read("tests/golden/embeddings.jsonl", 1 << 20, &g->lines, &e));
    MUST(file_read("tests/golden/embeddings.f32", 1 << 20, &g->vectors, &e));
    for (const char *p = g->lines.p, *end = p + g->lines.n; p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        golden_vectors_add(g, (struct span){p, (size_t)(stop - p)});
        p = stop + 1;
    }
    MUST(g->n > 0 && g->vectors.n == g->n * GOLDEN_DIM * sizeof(float));
    return g;
}

static inline void golden_vectors_close(struct golden_vectors *g) {
    for (size_t i = 0; i < g->n; i++) yyjson_doc_free(g->doc[i]);
    file_free(&g->lines);
    file_free(&g->vectors);
    free(g);
}

/* Both of length 1. */
static inline double golden_vectors_cosine(const float *a, const float *b) {
    double sum = 0;
    for (size_t i = 0; i < GOLDEN_DIM; i++) sum += (double)a[i] * b[i];
    return sum;
}

#endif
