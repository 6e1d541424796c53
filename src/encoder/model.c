/* All memory of a model is laid out before anything is read: one block, in huge pages where there are some, filled in
 * place, so that no weight is held twice. */
#include "encoder/model.h"

#include "base/file.h"
#include "encoder/load.h"
#include "encoder/packed.h"
#include "encoder/smooth.h"

#include <string.h>
#include <sys/mman.h>
#include <xxhash.h>

enum { PATH_BYTES = 4096, ALIGN = 64 };

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
        l.slices = (in + MODEL_SLICE - 1) / MODEL_SLICE;
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

/* Weights that smoothing reads and that are packed again after it. */
static void lay_kept(struct model *m, struct room *r) {
    for (unsigned i = 0; m->kern->int8 && i < m->shape.layers; i++) {
        struct layer *l = &m->layer[i];
        l->qkv.kept = room_floats(r, (size_t)l->qkv.out * l->qkv.in);
        l->up.kept = room_floats(r, (size_t)l->up.out * l->up.in);
    }
}

/* Memory, all zeros, for what `lay` lays out. */
static bool room_make(struct room *r, struct model *m, void lay(struct model *m, struct room *r), struct err *e) {
    struct room need = {0};
    *r = need;
    lay(m, &need);
    if (need.used == 0) return true;
    void *p = mmap(NULL, need.used, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return err_set(e, ERR_MEMORY, "no memory for %zu bytes of weights", need.used);
    madvise(p, need.used, MADV_HUGEPAGE);
    r->base = p;
    lay(m, r);
    return true;
}

/* Reads and packs all matrices; for int8 kernels twice, because smoothing looks at what the packed model does. */
static bool pack_all(struct model *m, struct weights *w, struct err *e) {
    struct room kept;
    if (!room_make(&kept, m, lay_kept, e)) return false;
    weights_rewind(w);
    bool ok = load_model(m, w, true, e);
    if (ok && m->kern->int8) {
        smooth_factors(m);
        load_again(m);
    }
    if (kept.base) munmap(kept.base, kept.used);
    for (unsigned i = 0; i < m->shape.layers; i++) m->layer[i].qkv.kept = m->layer[i].up.kept = NULL;
    return ok;
}

static bool take_hash(struct model *m, const struct weights *w) {
    uint64_t parts[] = {m->shape.hash, w->hash};
    m->hash = XXH3_64bits(parts, sizeof parts);
    return true;
}

/* int8: all files are read for their hash, and with that the packed file is asked for. */
static bool model_fill(struct model *m, struct weights *w, const char *model_dir, struct err *e) {
    struct room all;
    if (!room_make(&all, m, lay_model, e)) return false;
    m->memory = all.base;
    m->memory_bytes = all.used;
    if (!m->kern->int8) return pack_all(m, w, e) && take_hash(m, w);
    w->only_hash = true;
    if (!load_model(m, w, false, e)) return false;
    take_hash(m, w);
    w->only_hash = false;
    if (packed_read(m, model_dir)) return true;
    if (!pack_all(m, w, e)) return false;
    packed_write(m, model_dir);
    return true;
}

bool model_open(struct model *m, const char *model_dir, const char *adapter_path, const struct kern *kern,
                struct err *e) {
    char path[PATH_BYTES];
    struct weights w;
    *m = (struct model){.kern = kern};
    if (!shape_read(&m->shape, model_dir, e)) return false;
    if (!file_join(path, sizeof path, model_dir, "model.safetensors"))
        return err_set(e, ERR_MODEL, "%s: the path is too long", model_dir);
    if (!weights_open(&w, path, adapter_path, e)) return false;
    bool ok = model_fill(m, &w, model_dir, e);
    weights_close(&w);
    if (!ok) model_close(m);
    return ok;
}

void model_close(struct model *m) {
    if (m->memory) munmap(m->memory, m->memory_bytes);
    *m = (struct model){0};
}

void model_pack(const struct kern *k, struct linear *l, const float *w, const float *bias) {
    for (unsigned i = 0; i < l->slices; i++) k->linear_pack(&l->slice[i], w + i * l->slice_in, l->in, i ? NULL : bias);
}
