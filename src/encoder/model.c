/* All memory of a model is laid out before anything is read: one block, in huge pages where there are some, filled in
 * place, so that no weight is held twice. */
#include "encoder/model.h"

#include <sys/mman.h>

enum { ALIGN = 64 };

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

static void lay_slice(const struct kern *k, struct kern_linear *s, struct room *r) {
    s->w = room_take(r, k->linear_bytes(s->in, s->out));
    s->bias = room_floats(r, kern_padded(s->out));
    if (!k->int8) return;
    s->scale = room_floats(r, kern_padded(s->out));
    s->sum = room_floats(r, kern_padded(s->out));
}

static struct linear lay_linear(const struct kern *k, unsigned in, unsigned out, struct room *r) {
    struct linear l = {.in = in, .out = out, .slices = 1, .slice_in = in};
    if (k->int8) {
        l.slices = (in + k->slice - 1) / k->slice;
        l.slice_in = kern_padded((in + l.slices - 1) / l.slices);
        l.factor = room_floats(r, in);
    }
    l.slice = room_take(r, l.slices * sizeof *l.slice);
    for (unsigned i = 0; i < l.slices; i++) {
        unsigned from = i * l.slice_in, left = in - from;
        struct kern_linear s = {.in = left < l.slice_in ? left : l.slice_in, .out = out};
        lay_slice(k, &s, r);
        if (l.factor) s.factor = l.factor + from;
        if (l.slice) l.slice[i] = s;
    }
    for (unsigned i = 0; l.factor && i < in; i++) l.factor[i] = 1;
    return l;
}

static struct kern_norm lay_norm(const struct shape *s, struct room *r) {
    return (struct kern_norm){room_floats(r, s->hidden), room_floats(r, s->hidden), s->norm_eps, s->hidden};
}

static void lay_model(struct model *m, struct room *r) {
    const struct shape *s = &m->shape;
    m->words = room_floats(r, (size_t)s->vocab * s->hidden);
    m->positions = room_floats(r, (size_t)s->positions * s->hidden);
    m->norm = lay_norm(s, r);
    m->layer = room_take(r, s->layers * sizeof *m->layer);
    for (unsigned i = 0; i < s->layers; i++) {
        struct layer l = {
            .qkv = lay_linear(m->kern, s->hidden, 3 * s->hidden, r),
            .out = lay_linear(m->kern, s->hidden, s->hidden, r),
            .up = lay_linear(m->kern, s->hidden, s->inner, r),
            .down = lay_linear(m->kern, s->inner, s->hidden, r),
            .out_norm = lay_norm(s, r),
            .down_norm = lay_norm(s, r),
        };
        if (m->layer) m->layer[i] = l;
    }
}

bool model_lay_out(struct model *m, struct err *e) {
    struct room need = {0};
    lay_model(m, &need);
    void *p = mmap(NULL, need.used, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return err_set(e, ERR_MEMORY, "no memory for %zu bytes of weights", need.used);
    madvise(p, need.used, MADV_HUGEPAGE);
    struct room all = {.base = p};
    lay_model(m, &all);
    m->memory = p;
    m->memory_bytes = all.used;
    return true;
}

void model_close(struct model *m) {
    if (m->memory) munmap(m->memory, m->memory_bytes);
    *m = (struct model){0};
}
