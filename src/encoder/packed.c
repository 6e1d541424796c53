#include "encoder/packed.h"

#include "base/cache.h"
#include "base/file.h"
#include "base/log.h"
#include "base/must.h"
#include "build_info.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* The contents begin with this; then come the parts. */
struct packed_front {
    uint64_t witness, hash; /* of the files that the model was read from (weights_witness), and of the model */
};

/* ---- the parts ---- */

typedef bool part_take(void *arg, void *p, size_t n);

static bool linear_parts(const struct kern *k, const struct linear *l, part_take *take, void *arg) {
    bool ok = take(arg, l->factor, l->in * sizeof *l->factor);
    for (unsigned i = 0; ok && i < l->slices; i++) {
        const struct kern_linear *s = &l->slice[i];
        size_t vector = kern_padded(s->out) * sizeof(float);
        ok = take(arg, s->w, k->linear_bytes(s->in, s->out)) && take(arg, s->bias, vector) &&
             take(arg, s->scale, vector) && take(arg, s->sum, vector);
    }
    return ok;
}

/* Calls take for every part in order, until it says false. */
static bool each_part(const struct model *m, part_take *take, void *arg) {
    bool ok = true;
    for (unsigned i = 0; ok && i < m->shape.layers; i++) {
        const struct layer *l = &m->layer[i];
        ok = linear_parts(m->kern, &l->qkv, take, arg) && linear_parts(m->kern, &l->out, take, arg) &&
             linear_parts(m->kern, &l->up, take, arg) && linear_parts(m->kern, &l->down, take, arg);
    }
    return ok;
}

static bool add_size(void *arg, void *p, size_t n) {
    (void)p;
    *(size_t *)arg += n;
    return true;
}

static size_t parts_bytes(const struct model *m) {
    size_t n = 0;
    each_part(m, add_size, &n);
    return n;
}

/* ---- names ---- */

uint64_t packed_key(const struct model *m) {
    XXH64_hash_t parts[] = {m->hash, XXH3_64bits(m->kern->name, strlen(m->kern->name)),
                            XXH3_64bits(BUILD_ENCODER, sizeof BUILD_ENCODER - 1)};
    return XXH3_64bits(parts, sizeof parts);
}

/* Of the file in slot i beside the model, or in the cache folder. */
static bool packed_path(char out[CACHE_PATH_BYTES], const struct model *m, const char *model_dir, unsigned i,
                        bool make) {
    char name[64];
    snprintf(name, sizeof name, "packed-%s-%u.bin", m->kern->name, i);
    return model_dir ? file_join(out, CACHE_PATH_BYTES, model_dir, name) : cache_path(out, name, make);
}

/* ---- reading ---- */

struct reading {
    int fd;
    XXH3_state_t *hash;
};

static bool read_part(void *arg, void *p, size_t n) {
    struct reading *r = arg;
    return cache_read(r->fd, p, n) && XXH3_128bits_update(r->hash, p, n) == XXH_OK;
}

/* What reading may have spoilt and packing does not set. */
static void reset_factors(const struct linear *l) {
    for (unsigned i = 0; i < l->in; i++) l->factor[i] = 1;
}

static bool read_parts(const struct model *m, int fd, const struct packed_front *o, XXH128_hash_t want) {
    struct reading r = {fd, XXH3_createState()};
    MUST_MEMORY(r.hash);
    MUST(XXH3_128bits_reset(r.hash) == XXH_OK && XXH3_128bits_update(r.hash, o, sizeof *o) == XXH_OK);
    bool ok = each_part(m, read_part, &r) && XXH128_isEqual(XXH3_128bits_digest(r.hash), want);
    XXH3_freeState(r.hash);
    for (unsigned i = 0; !ok && i < m->shape.layers; i++) {
        const struct layer *l = &m->layer[i];
        reset_factors(&l->qkv), reset_factors(&l->out), reset_factors(&l->up), reset_factors(&l->down);
    }
    return ok;
}

/* Fills the matrices from the file at path where it is that of m->hash or, with m->hash 0, of o->witness; then *o is
 * what the file says, and m->hash as well. */
static bool read_path(struct model *m, const char *path, struct packed_front *o) {
    struct cache_head h;
    struct packed_front in;
    uint64_t known = m->hash;
    int fd = cache_open(path, &h);
    if (fd < 0) return false;
    bool ok = h.bytes == sizeof in + parts_bytes(m) && cache_read(fd, &in, sizeof in);
    ok = ok && (known ? in.hash == known : in.witness == o->witness);
    if (ok) m->hash = in.hash;
    ok = ok && h.key == packed_key(m) && read_parts(m, fd, &in, h.hash);
    close(fd);
    if (ok) *o = in;
    if (!ok) m->hash = known;
    if (!ok && known) log_debug("encoder.packed", "%s does not fit and is made anew", path);
    return ok;
}

static bool read_slot(struct model *m, const char *model_dir, unsigned slot, struct packed_front *o) {
    char path[CACHE_PATH_BYTES];
    return (packed_path(path, m, model_dir, slot, false) && read_path(m, path, o)) ||
           (packed_path(path, m, NULL, slot, false) && read_path(m, path, o));
}

bool packed_recall(struct model *m, const char *model_dir, uint64_t witness) {
    struct packed_front o = {.witness = witness};
    MUST(m->hash == 0);
    if (witness == 0 || parts_bytes(m) < PACKED_LEAST) return false;
    for (unsigned i = 0; i < PACKED_SLOTS; i++)
        if (read_slot(m, model_dir, i, &o)) return true;
    return false;
}

bool packed_read(struct model *m, const char *model_dir, uint64_t witness) {
    struct packed_front o = {0};
    if (parts_bytes(m) < PACKED_LEAST || !read_slot(m, model_dir, m->hash % PACKED_SLOTS, &o)) return false;
    if (witness != 0 && o.witness != witness) packed_write(m, model_dir, witness);
    return true;
}

/* ---- writing ---- */

static bool copy_part(void *arg, void *p, size_t n) {
    char **to = arg;
    memcpy(*to, p, n);
    *to += n;
    return true;
}

void packed_write(const struct model *m, const char *model_dir, uint64_t witness) {
    char path[CACHE_PATH_BYTES];
    unsigned slot = (unsigned)(m->hash % PACKED_SLOTS);
    struct packed_front o = {witness, m->hash};
    size_t bytes = sizeof(struct cache_head) + sizeof o + parts_bytes(m);
    if (parts_bytes(m) < PACKED_LEAST) return;
    char *all = must_calloc(bytes, 1), *to = all + sizeof(struct cache_head);
    copy_part(&to, &o, sizeof o);
    each_part(m, copy_part, &to);
    bool ok = packed_path(path, m, model_dir, slot, true) && cache_write(path, packed_key(m), all, bytes, false);
    if (!ok) ok = packed_path(path, m, NULL, slot, true) && cache_write(path, packed_key(m), all, bytes, false);
    if (ok) log_debug("encoder.packed", "%s is written", path);
    free(all);
}
