#include "encoder/tensors.h"

#include "base/must.h"
#include "base/parallel_for.h"
#include "base/unconst.h"
#include "encoder/pack.h"

#include <pthread.h>
#include <stdio.h>

enum { NAME_BYTES = 200, THREADS_MAX = 4, PARTS_MAX = 3 };

/* One thread's work space: a matrix with its bias, as it comes from the file. */
struct tensors_scratch {
    float *w, *bias;
};

/* A list of jobs that several threads work off. */
struct tensors {
    struct model *m;
    struct weights *weights;
    const struct tensors_kept *kept; /* [layers]; NULL: nothing is kept */
    bool pack;
    bool (*job)(struct tensors *g, unsigned i, const struct tensors_scratch *b, struct err *e);
    unsigned jobs;
    atomic_bool failed;
    pthread_mutex_t lock; /* of err */
    struct err *err;
    struct tensors_scratch scratch[THREADS_MAX]; /* by thread */
};

/* ---- jobs ---- */

static bool read_norm(struct weights *w, const struct kern_norm *n, const char *prefix, struct err *e) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.weight", prefix);
    if (!weights_read(w, name, 0, n->width, unconst(n->gamma), e)) return false;
    snprintf(name, sizeof name, "%s.bias", prefix);
    return weights_read(w, name, 0, n->width, unconst(n->beta), e);
}

/* A layer's matrices: where each goes, and the tensors that lie in it one below the other. */
static const struct matrix {
    size_t at;
    unsigned parts;
    const char *part[PARTS_MAX];
} MATRICES[] = {
    {offsetof(struct layer, qkv), 3, {"attention.self.query", "attention.self.key", "attention.self.value"}},
    {offsetof(struct layer, out), 1, {"attention.output.dense"}},
    {offsetof(struct layer, up), 1, {"intermediate.dense"}},
    {offsetof(struct layer, down), 1, {"output.dense"}},
};

static const struct {
    size_t at;
    const char *name;
} NORMS[] = {
    {offsetof(struct layer, out_norm), "attention.output.LayerNorm"},
    {offsetof(struct layer, down_norm), "output.LayerNorm"},
};

struct linear *tensors_matrix(struct layer *l, unsigned i) {
    return (void *)((char *)l + MATRICES[i].at);
}

static bool load_matrix(struct tensors *g, unsigned layer, const struct matrix *x, const struct tensors_scratch *b,
                        struct err *e) {
    struct linear *l = (void *)((char *)&g->m->layer[layer] + x->at);
    float *w = g->kept ? g->kept[layer].w[x - MATRICES] : b->w;
    unsigned rows = l->out / x->parts;
    for (unsigned i = 0; i < x->parts; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "encoder.layer.%u.%s.weight", layer, x->part[i]);
        if (!weights_read(g->weights, name, rows, l->in, w + (size_t)i * rows * l->in, e)) return false;
        snprintf(name, sizeof name, "encoder.layer.%u.%s.bias", layer, x->part[i]);
        if (!weights_read(g->weights, name, 0, rows, b->bias + (size_t)i * rows, e)) return false;
    }
    if (g->pack) pack_linear(g->m->kern, l, w, b->bias);
    return true;
}

static bool load_layer(struct tensors *g, unsigned layer, const struct tensors_scratch *b, struct err *e) {
    for (size_t i = 0; !g->weights->known && i < sizeof MATRICES / sizeof MATRICES[0]; i++)
        if (!load_matrix(g, layer, &MATRICES[i], b, e)) return false;
    for (size_t i = 0; i < sizeof NORMS / sizeof NORMS[0]; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "encoder.layer.%u.%s", layer, NORMS[i].name);
        if (!read_norm(g->weights, (void *)((char *)&g->m->layer[layer] + NORMS[i].at), name, e)) return false;
    }
    return true;
}

static bool load_words(struct tensors *g, struct err *e) {
    const struct shape *s = &g->m->shape;
    return weights_read(g->weights, "embeddings.word_embeddings.weight", s->vocab, s->hidden, g->m->words, e);
}

/* The positions' table, with the vector of token type 0 (the only one a single text has) added. */
static bool load_positions(struct tensors *g, struct err *e) {
    const struct shape *s = &g->m->shape;
    float *types = must_calloc((size_t)s->types * s->hidden, sizeof *types), *to = g->m->positions;
    bool ok = weights_read(g->weights, "embeddings.token_type_embeddings.weight", s->types, s->hidden, types, e) &&
              weights_read(g->weights, "embeddings.position_embeddings.weight", s->positions, s->hidden, to, e) &&
              read_norm(g->weights, &g->m->norm, "embeddings.LayerNorm", e);
    for (size_t i = 0; ok && i < (size_t)s->positions * s->hidden; i++) to[i] += types[i % s->hidden];
    free(types);
    return ok;
}

static bool load_part(struct tensors *g, unsigned i, const struct tensors_scratch *b, struct err *e) {
    if (i == 0) return load_words(g, e);
    if (i == 1) return load_positions(g, e);
    return load_layer(g, i - 2, b, e);
}

static bool pack_layer_again(struct tensors *g, unsigned i, const struct tensors_scratch *b, struct err *e) {
    (void)b, (void)e;
    struct layer *l = &g->m->layer[i];
    for (unsigned k = 0; k < TENSORS_MATRICES; k++) {
        struct linear *x = tensors_matrix(l, k);
        pack_linear(g->m->kern, x, g->kept[i].w[k], x->slice[0].bias);
    }
    return true;
}

/* ---- threads ---- */

static void load_fail(struct tensors *g, const struct err *e) {
    pthread_mutex_lock(&g->lock);
    if (!g->failed) *g->err = *e;
    g->failed = true;
    pthread_mutex_unlock(&g->lock);
}

static void load_piece(void *self, size_t piece, unsigned thread) {
    struct tensors *g = self;
    struct tensors_scratch *b = &g->scratch[thread];
    const struct shape *s = &g->m->shape;
    size_t tallest = 3 * s->hidden > s->inner ? 3 * s->hidden : s->inner;
    struct err e;
    if (g->failed) return;
    if (!b->w)
        *b = (struct tensors_scratch){must_calloc(s->hidden * tallest, sizeof(float)),
                                      must_calloc(tallest, sizeof(float))};
    if (!g->job(g, (unsigned)piece, b, &e)) load_fail(g, &e);
}

/* All jobs, on this thread and as many others as there are CPUs, up to THREADS_MAX in all. */
static bool work_off(struct tensors *g) {
    unsigned cpus = parallel_for_threads(0);
    pthread_mutex_init(&g->lock, NULL);
    parallel_for(g->jobs, cpus < THREADS_MAX ? cpus : THREADS_MAX, load_piece, g);
    pthread_mutex_destroy(&g->lock);
    for (unsigned t = 0; t < THREADS_MAX; t++) free(g->scratch[t].w), free(g->scratch[t].bias);
    return !g->failed;
}

static bool tensors_all(struct tensors *g) {
    g->job = load_part;
    g->jobs = g->m->shape.layers + 2;
    return work_off(g) && (g->weights->known || weights_finish(g->weights, g->err));
}

bool tensors_read_rest(struct model *m, struct weights *w, struct err *e) {
    w->known = true;
    return tensors_all(&(struct tensors){.m = m, .weights = w, .err = e});
}

bool tensors_hash(struct model *m, struct weights *w, struct err *e) {
    w->only_hash = true;
    bool ok = tensors_all(&(struct tensors){.m = m, .weights = w, .err = e});
    w->only_hash = false;
    return ok;
}

bool tensors_read(struct model *m, struct weights *w, const struct tensors_kept *kept, struct err *e) {
    weights_rewind(w);
    return tensors_all(&(struct tensors){.m = m, .weights = w, .kept = kept, .pack = true, .err = e});
}

void tensors_pack_again(struct model *m, const struct tensors_kept *kept) {
    struct tensors g = {.m = m, .kept = kept, .job = pack_layer_again, .jobs = m->shape.layers};
    MUST(work_off(&g));
}
