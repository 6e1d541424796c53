#include "encoder/load.h"

#include "base/must.h"
#include "base/unconst.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { NAME_BYTES = 200, THREADS_MAX = 4, PARTS_MAX = 3 };

/* One thread's work space: a matrix with its bias, as it comes from the file. */
struct bench {
    float *w, *bias;
};

/* A list of jobs, and who takes the next. */
struct load {
    struct model *m;
    struct weights *weights;
    bool pack;
    bool (*job)(struct load *g, unsigned i, const struct bench *b, struct err *e);
    unsigned jobs;
    atomic_uint next;
    atomic_bool failed;
    pthread_mutex_t lock; /* of err */
    struct err *err;
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

static bool load_matrix(struct load *g, unsigned layer, const struct matrix *x, const struct bench *b, struct err *e) {
    struct linear *l = (void *)((char *)&g->m->layer[layer] + x->at);
    float *w = l->kept ? l->kept : b->w;
    unsigned rows = l->out / x->parts;
    for (unsigned i = 0; i < x->parts; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "encoder.layer.%u.%s.weight", layer, x->part[i]);
        if (!weights_read(g->weights, name, rows, l->in, w + (size_t)i * rows * l->in, e)) return false;
        snprintf(name, sizeof name, "encoder.layer.%u.%s.bias", layer, x->part[i]);
        if (!weights_read(g->weights, name, 0, rows, b->bias + (size_t)i * rows, e)) return false;
    }
    if (g->pack) model_pack(g->m->kern, l, w, b->bias);
    return true;
}

static bool load_layer(struct load *g, unsigned layer, const struct bench *b, struct err *e) {
    for (size_t i = 0; i < sizeof MATRICES / sizeof MATRICES[0]; i++)
        if (!load_matrix(g, layer, &MATRICES[i], b, e)) return false;
    for (size_t i = 0; i < sizeof NORMS / sizeof NORMS[0]; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "encoder.layer.%u.%s", layer, NORMS[i].name);
        if (!read_norm(g->weights, (void *)((char *)&g->m->layer[layer] + NORMS[i].at), name, e)) return false;
    }
    return true;
}

static bool load_words(struct load *g, struct err *e) {
    const struct shape *s = &g->m->shape;
    return weights_read(g->weights, "embeddings.word_embeddings.weight", s->vocab, s->hidden, g->m->words, e);
}

/* The positions' table, with the vector of token type 0 (the only one a single text has) added. */
static bool load_positions(struct load *g, struct err *e) {
    const struct shape *s = &g->m->shape;
    float *types = must_calloc((size_t)s->types * s->hidden, sizeof *types), *to = g->m->positions;
    bool ok = weights_read(g->weights, "embeddings.token_type_embeddings.weight", s->types, s->hidden, types, e) &&
              weights_read(g->weights, "embeddings.position_embeddings.weight", s->positions, s->hidden, to, e) &&
              read_norm(g->weights, &g->m->norm, "embeddings.LayerNorm", e);
    for (size_t i = 0; ok && i < (size_t)s->positions * s->hidden; i++) to[i] += types[i % s->hidden];
    free(types);
    return ok;
}

static bool load_part(struct load *g, unsigned i, const struct bench *b, struct err *e) {
    if (i == 0) return load_words(g, e);
    if (i == 1) return load_positions(g, e);
    return load_layer(g, i - 2, b, e);
}

static bool pack_layer_again(struct load *g, unsigned i, const struct bench *b, struct err *e) {
    (void)b, (void)e;
    struct layer *l = &g->m->layer[i];
    model_pack(g->m->kern, &l->qkv, l->qkv.kept, l->qkv.slice[0].bias);
    model_pack(g->m->kern, &l->up, l->up.kept, l->up.slice[0].bias);
    return true;
}

/* ---- threads ---- */

static void load_fail(struct load *g, const struct err *e) {
    pthread_mutex_lock(&g->lock);
    if (!g->failed) *g->err = *e;
    g->failed = true;
    pthread_mutex_unlock(&g->lock);
}

static void *work(void *arg) {
    struct load *g = arg;
    const struct shape *s = &g->m->shape;
    size_t tallest = 3 * s->hidden > s->inner ? 3 * s->hidden : s->inner;
    struct bench b = {must_calloc(s->hidden * tallest, sizeof(float)), must_calloc(tallest, sizeof(float))};
    struct err e;
    for (unsigned i; !g->failed && (i = atomic_fetch_add(&g->next, 1)) < g->jobs;)
        if (!g->job(g, i, &b, &e)) load_fail(g, &e);
    free(b.w);
    free(b.bias);
    return NULL;
}

/* All jobs, on this thread and as many others as there are CPUs, up to THREADS_MAX in all. */
static bool work_off(struct load *g) {
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t thread[THREADS_MAX];
    unsigned n = 0;
    pthread_mutex_init(&g->lock, NULL);
    while (n + 1 < THREADS_MAX && n + 1 < cpus && pthread_create(&thread[n], NULL, work, g) == 0) n++;
    work(g);
    while (n > 0) pthread_join(thread[--n], NULL);
    pthread_mutex_destroy(&g->lock);
    return !g->failed;
}

bool load_model(struct model *m, struct weights *w, bool pack, struct err *e) {
    struct load g = {.m = m, .weights = w, .pack = pack, .job = load_part, .jobs = m->shape.layers + 2, .err = e};
    return work_off(&g) && weights_finish(w, e);
}

void load_again(struct model *m) {
    struct load g = {.m = m, .job = pack_layer_again, .jobs = m->shape.layers};
    MUST(work_off(&g));
}
