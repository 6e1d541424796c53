#include "encoder/packed.h"

#include "base/file.h"
#include "base/log.h"
#include "base/must.h"
#include "build_info.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { PATH_BYTES = 4096 };

struct header {
    char magic[8];
    uint64_t key, bytes; /* of what follows */
    XXH128_hash_t hash;  /* of what follows */
};

static const char MAGIC[8] = "LCPACK1";

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

static bool path_in(char out[PATH_BYTES], const struct model *m, const char *dir) {
    char name[64];
    snprintf(name, sizeof name, "packed-%s-%u.bin", m->kern->name, (unsigned)(m->hash % PACKED_SLOTS));
    return file_join(out, PATH_BYTES, dir, name);
}

/* $CACHE_DIRECTORY (systemd makes it), $XDG_CACHE_HOME/logclass, or ~/.cache/logclass; made where `make` says so. */
static bool cache_dir(char out[PATH_BYTES], bool make) {
    const char *service = getenv("CACHE_DIRECTORY"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char base[PATH_BYTES];
    if (service && *service == '/') return file_join(out, PATH_BYTES, service, "");
    bool own = cache && *cache == '/';
    if (own ? !file_join(base, sizeof base, cache, "") : !home || !file_join(base, sizeof base, home, ".cache"))
        return false;
    if (!file_join(out, PATH_BYTES, base, "logclass")) return false;
    if (make) mkdir(base, 0700), mkdir(out, 0700); /* there already, or the write will fail */
    return true;
}

/* ---- reading ---- */

struct reading {
    int fd;
    XXH3_state_t *hash;
};

static bool packed_read_all(int fd, void *p, size_t n) {
    for (size_t got = 0; got < n;) {
        ssize_t r = read(fd, (char *)p + got, n - got);
        if (r <= 0) return false;
        got += (size_t)r;
    }
    return true;
}

static bool read_part(void *arg, void *p, size_t n) {
    struct reading *r = arg;
    return packed_read_all(r->fd, p, n) && XXH3_128bits_update(r->hash, p, n) == XXH_OK;
}

static bool read_parts(const struct model *m, int fd) {
    struct header h;
    struct stat st;
    if (!packed_read_all(fd, &h, sizeof h) || memcmp(h.magic, MAGIC, sizeof MAGIC) != 0) return false;
    if (h.key != packed_key(m) || h.bytes != parts_bytes(m) || fstat(fd, &st) != 0) return false;
    if ((uint64_t)st.st_size != sizeof h + h.bytes) return false;
    struct reading r = {fd, XXH3_createState()};
    MUST_MEMORY(r.hash);
    MUST(XXH3_128bits_reset(r.hash) == XXH_OK);
    bool ok = each_part(m, read_part, &r) && XXH128_isEqual(XXH3_128bits_digest(r.hash), h.hash);
    XXH3_freeState(r.hash);
    return ok;
}

/* What reading may have spoilt and packing does not set. */
static void reset_factors(const struct linear *l) {
    for (unsigned i = 0; i < l->in; i++) l->factor[i] = 1;
}

static bool read_path(const struct model *m, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return false;
    bool ok = read_parts(m, fd);
    close(fd);
    if (!ok) log_debug("encoder.packed", "%s does not fit and is made anew", path);
    for (unsigned i = 0; !ok && i < m->shape.layers; i++) {
        const struct layer *l = &m->layer[i];
        reset_factors(&l->qkv), reset_factors(&l->out), reset_factors(&l->up), reset_factors(&l->down);
    }
    return ok;
}

bool packed_read(struct model *m, const char *model_dir) {
    char path[PATH_BYTES], dir[PATH_BYTES];
    if (parts_bytes(m) < PACKED_LEAST) return false;
    if (path_in(path, m, model_dir) && read_path(m, path)) return true;
    return cache_dir(dir, false) && path_in(path, m, dir) && read_path(m, path);
}

/* ---- writing ---- */

static bool copy_part(void *arg, void *p, size_t n) {
    char **to = arg;
    memcpy(*to, p, n);
    *to += n;
    return true;
}

void packed_write(const struct model *m, const char *model_dir) {
    char path[PATH_BYTES], dir[PATH_BYTES];
    struct err e;
    struct header h = {.key = packed_key(m), .bytes = parts_bytes(m)};
    if (h.bytes < PACKED_LEAST) return;
    char *bytes = must_calloc(sizeof h + h.bytes, 1), *to = bytes + sizeof h;
    each_part(m, copy_part, &to);
    memcpy(h.magic, MAGIC, sizeof MAGIC);
    h.hash = XXH3_128bits(bytes + sizeof h, h.bytes);
    memcpy(bytes, &h, sizeof h);
    struct span all = {bytes, sizeof h + h.bytes};
    bool ok = path_in(path, m, model_dir) && file_write(path, all, &e);
    if (!ok) ok = cache_dir(dir, true) && path_in(path, m, dir) && file_write(path, all, &e);
    if (ok) log_debug("encoder.packed", "%s is written", path);
    free(bytes);
}
