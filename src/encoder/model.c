/* Loading is a list of jobs, one for each embedding table and each layer, taken by a few threads. All memory is laid
 * out beforehand: one block, huge pages where there are some, filled in place, so that nothing is held twice. */
#include "encoder/model.h"

#include "base/file.h"
#include "base/must.h"
#include "encoder/weights.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

enum { PATH_BYTES = 4096, NAME_BYTES = 200, THREADS_MAX = 4, ALIGN = 64 };

/* Hands out parts of one block; with base NULL it only counts. */
struct room {
    char *base;
    size_t used;
};

static void *room_take(struct room *r, size_t bytes) {
    size_t at = r->used;
    r->used += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return r->base ? r->base + at : NULL;
}

static float *room_floats(struct room *r, size_t n) {
    return room_take(r, n * sizeof(float));
}

static struct kern_norm lay_norm(const struct shape *s, struct room *r) {
    return (struct kern_norm){room_floats(r, s->hidden), room_floats(r, s->hidden), s->norm_eps, s->hidden};
}

static struct kern_linear lay_linear(const struct kern *k, unsigned in, unsigned out, struct room *r) {
    size_t padded = kern_padded(out), quantised = k->int8 ? padded : 0;
    return (struct kern_linear){
        .in = in,
        .out = out,
        .w = room_take(r, k->linear_bytes(in, out)),
        .bias = room_floats(r, padded),
        .scale = room_floats(r, quantised),
        .sum = room_floats(r, quantised),
    };
}

static void lay_model(struct model *m, struct room *r) {
    const struct shape *s = &m->shape;
    m->words = room_floats(r, (size_t)s->vocab * s->hidden);
    m->positions = room_floats(r, (size_t)s->positions * s->hidden);
    m->norm = lay_norm(s, r);
    struct layer *layer = room_take(r, s->layers * sizeof *layer);
    m->layer = layer;
    for (unsigned i = 0; i < s->layers; i++) {
        struct layer l = {
            .qkv = lay_linear(m->kern, s->hidden, 3 * s->hidden, r),
            .out = lay_linear(m->kern, s->hidden, s->hidden, r),
            .up = lay_linear(m->kern, s->hidden, s->inner, r),
            .down = lay_linear(m->kern, s->inner, s->hidden, r),
            .out_norm = lay_norm(s, r),
            .down_norm = lay_norm(s, r),
        };
        if (layer) layer[i] = l;
    }
}

static bool allocate(struct model *m, struct err *e) {
    struct room r = {0};
    lay_model(m, &r);
    m->memory_bytes = r.used;
    m->memory = mmap(NULL, r.used, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m->memory == MAP_FAILED) {
        m->memory = NULL;
        return err_set(e, ERR_MEMORY, "no memory for %zu bytes of weights", r.used);
    }
    madvise(m->memory, r.used, MADV_HUGEPAGE);
    r = (struct room){.base = m->memory};
    lay_model(m, &r);
    return true;
}

/* ---- jobs ---- */

struct loading {
    struct model *m;
    struct weights weights;
    atomic_uint next; /* job to take */
    atomic_bool failed;
    pthread_mutex_t lock; /* of err */
    struct err *err;
};

/* One thread's work space for the layer it loads. */
struct bench {
    float *w;    /* the largest matrix of a layer */
    float *bias; /* its bias */
};

static bool read_norm(struct weights *w, const struct kern_norm *n, const char *prefix, struct err *e) {
    union {
        const float *read_only;
        float *p;
    } gamma = {n->gamma}, beta = {n->beta};
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.weight", prefix);
    if (!weights_read(w, name, 0, n->width, gamma.p, e)) return false;
    snprintf(name, sizeof name, "%s.bias", prefix);
    return weights_read(w, name, 0, n->width, beta.p, e);
}

/* A layer's matrices: where each goes, and from which tensors it is put together. */
static const struct {
    size_t at;
    const char *part[3];
} MATRICES[] = {
    {offsetof(struct layer, qkv), {"attention.self.query", "attention.self.key", "attention.self.value"}},
    {offsetof(struct layer, out), {"attention.output.dense"}},
    {offsetof(struct layer, up), {"intermediate.dense"}},
    {offsetof(struct layer, down), {"output.dense"}},
};

static const struct {
    size_t at;
    const char *name;
} NORMS[] = {
    {offsetof(struct layer, out_norm), "attention.output.LayerNorm"},
    {offsetof(struct layer, down_norm), "output.LayerNorm"},
};

static bool load_matrix(struct loading *g, unsigned layer, size_t which, const struct bench *b, struct err *e) {
    struct kern_linear *l = (void *)((char *)&g->m->layer[layer] + MATRICES[which].at);
    unsigned parts = 1;
    while (parts < 3 && MATRICES[which].part[parts]) parts++;
    unsigned rows = l->out / parts;
    for (unsigned i = 0; i < parts; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "encoder.layer.%u.%s.weight", layer, MATRICES[which].part[i]);
        if (!weights_read(&g->weights, name, rows, l->in, b->w + (size_t)i * rows * l->in, e)) return false;
        snprintf(name, sizeof name, "encoder.layer.%u.%s.bias", layer, MATRICES[which].part[i]);
        if (!weights_read(&g->weights, name, 0, rows, b->bias + (size_t)i * rows, e)) return false;
    }
    g->m->kern->linear_pack(l, b->w, b->bias);
    return true;
}

static bool load_layer(struct loading *g, unsigned layer, const struct bench *b, struct err *e) {
    for (size_t i = 0; i < sizeof MATRICES / sizeof MATRICES[0]; i++)
        if (!load_matrix(g, layer, i, b, e)) return false;
    for (size_t i = 0; i < sizeof NORMS / sizeof NORMS[0]; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "encoder.layer.%u.%s", layer, NORMS[i].name);
        if (!read_norm(&g->weights, (void *)((char *)&g->m->layer[layer] + NORMS[i].at), name, e)) return false;
    }
    return true;
}

static bool load_words(struct loading *g, struct err *e) {
    const struct shape *s = &g->m->shape;
    return weights_read(&g->weights, "embeddings.word_embeddings.weight", s->vocab, s->hidden, g->m->words, e);
}

/* The positions' table, with the vector of token type 0 (the only one a single text has) added. */
static bool load_positions(struct loading *g, struct err *e) {
    const struct shape *s = &g->m->shape;
    float *types = must_calloc((size_t)s->types * s->hidden, sizeof *types);
    bool ok = weights_read(&g->weights, "embeddings.token_type_embeddings.weight", s->types, s->hidden, types, e) &&
              weights_read(&g->weights, "embeddings.position_embeddings.weight", s->positions, s->hidden,
                           g->m->positions, e) &&
              read_norm(&g->weights, &g->m->norm, "embeddings.LayerNorm", e);
    for (size_t i = 0; ok && i < (size_t)s->positions * s->hidden; i++) g->m->positions[i] += types[i % s->hidden];
    free(types);
    return ok;
}

static bool load_job(struct loading *g, unsigned job, const struct bench *b, struct err *e) {
    if (job == 0) return load_words(g, e);
    if (job == 1) return load_positions(g, e);
    return load_layer(g, job - 2, b, e);
}

static void *load_thread(void *arg) {
    struct loading *g = arg;
    const struct shape *s = &g->m->shape;
    unsigned tallest = 3 * s->hidden > s->inner ? 3 * s->hidden : s->inner;
    struct bench b = {must_calloc((size_t)s->hidden * tallest, sizeof(float)), must_calloc(tallest, sizeof(float))};
    struct err e;
    for (unsigned job; !g->failed && (job = atomic_fetch_add(&g->next, 1)) < s->layers + 2;)
        if (!load_job(g, job, &b, &e)) {
            pthread_mutex_lock(&g->lock);
            if (!g->failed) *g->err = e, g->failed = true;
            pthread_mutex_unlock(&g->lock);
        }
    free(b.w);
    free(b.bias);
    return NULL;
}

/* All jobs, on this thread and as many others as there are CPUs, up to THREADS_MAX in all. */
static bool load_all(struct loading *g) {
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t thread[THREADS_MAX];
    unsigned started = 0;
    pthread_mutex_init(&g->lock, NULL);
    while (started + 1 < THREADS_MAX && started + 1 < cpus &&
           pthread_create(&thread[started], NULL, load_thread, g) == 0)
        started++;
    load_thread(g);
    while (started > 0) pthread_join(thread[--started], NULL);
    pthread_mutex_destroy(&g->lock);
    return !g->failed && weights_finish(&g->weights, g->err);
}

bool model_open(struct model *m, const char *model_dir, const char *adapter_path, const struct kern *kern,
                struct err *e) {
    char path[PATH_BYTES];
    *m = (struct model){.kern = kern};
    struct loading g = {.m = m, .err = e};
    if (!shape_read(&m->shape, model_dir, e)) return false;
    if (!file_join(path, sizeof path, model_dir, "model.safetensors"))
        return err_set(e, ERR_MODEL, "%s: the path is too long", model_dir);
    if (!weights_open(&g.weights, path, adapter_path, e)) return false;
    bool ok = allocate(m, e) && load_all(&g);
    uint64_t parts[] = {m->shape.hash, g.weights.hash};
    m->hash = XXH3_64bits(parts, sizeof parts);
    weights_close(&g.weights);
    if (!ok) model_close(m);
    return ok;
}

void model_close(struct model *m) {
    if (m->memory) munmap(m->memory, m->memory_bytes);
    *m = (struct model){0};
}
