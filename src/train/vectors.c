#include "train/vectors.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/must.h"

#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#define FILE_BYTES_MAX ((size_t)8 << 30)

/* The file: this, then keys (low, high; ascending), then vectors in the order of keys. */
struct header {
    char magic[8];
    uint64_t owner, dim, n;
};

static const char MAGIC[8] = "lcvec 1";
enum { KEY_BYTES = 16 };

uint64_t vectors_owner(uint64_t model_hash, const char *kernel) {
    return XXH3_64bits_withSeed(kernel, strlen(kernel), model_hash);
}

static bool vectors_parse(struct vectors *v, struct span file, struct err *e) {
    struct header h;
    if (file.n < sizeof h || memcmp(file.p, MAGIC, sizeof MAGIC) != 0)
        return err_set(e, ERR_INPUT, "not a file of vectors; name another, or remove it");
    memcpy(&h, file.p, sizeof h);
    if (h.owner != v->owner || h.dim != v->dim) return true;
    size_t entry = KEY_BYTES + sizeof(float) * v->dim;
    if (h.n != (file.n - sizeof h) / entry || file.n != sizeof h + h.n * entry)
        return err_set(e, ERR_INPUT, "%zu bytes do not hold %llu vectors; remove it", file.n, (unsigned long long)h.n);
    v->n = h.n;
    v->key = must_calloc(v->n + 1, sizeof *v->key);
    v->vector = must_calloc(v->n * v->dim + 1, sizeof *v->vector);
    for (size_t i = 0; i < v->n; i++) {
        memcpy(&v->key[i], file.p + sizeof h + i * KEY_BYTES, KEY_BYTES);
        v->key[i].index = i;
    }
    memcpy(v->vector, file.p + sizeof h + v->n * KEY_BYTES, v->n * v->dim * sizeof *v->vector);
    return true;
}

bool vectors_read(struct vectors *v, const char *path, uint64_t owner, unsigned dim, struct err *e) {
    struct span file;
    *v = (struct vectors){.owner = owner, .dim = dim};
    if (access(path, F_OK) != 0) return true;
    if (!file_read(path, FILE_BYTES_MAX, &file, e)) return false;
    bool ok = vectors_parse(v, file, e) || err_prefix(e, "%s", path);
    file_free(&file);
    return ok;
}

void vectors_release(struct vectors *v) {
    free(v->key);
    free(v->vector);
    *v = (struct vectors){0};
}

static int vectors_ascending(const void *a, const void *b) {
    const struct vectors_key *x = a, *y = b;
    if (x->low != y->low) return x->low < y->low ? -1 : 1;
    return (x->high > y->high) - (x->high < y->high);
}

static struct vectors_key vectors_key_of(struct span text, size_t index) {
    XXH128_hash_t h = XXH3_128bits(text.p, text.n);
    return (struct vectors_key){h.low64, h.high64, index};
}

const float *vectors_find(const struct vectors *v, struct span text) {
    struct vectors_key key = vectors_key_of(text, 0);
    const struct vectors_key *found = v->n ? bsearch(&key, v->key, v->n, sizeof key, vectors_ascending) : NULL;
    return found ? v->vector + found->index * v->dim : NULL;
}

bool vectors_write(const struct vectors *v, const char *path, const struct span *text, const float *vector, size_t n,
                   struct err *e) {
    struct header h = {.owner = v->owner, .dim = v->dim, .n = n};
    struct vectors_key *key = must_calloc(n + 1, sizeof *key);
    struct buf b;
    memcpy(h.magic, MAGIC, sizeof MAGIC);
    for (size_t i = 0; i < n; i++) key[i] = vectors_key_of(text[i], i);
    qsort(key, n, sizeof *key, vectors_ascending);
    buf_init(&b, FILE_BYTES_MAX);
    buf_put(&b, &h, sizeof h);
    for (size_t i = 0; i < n; i++) buf_put(&b, &key[i], KEY_BYTES);
    for (size_t i = 0; i < n; i++) buf_put(&b, vector + key[i].index * v->dim, v->dim * sizeof *vector);
    bool ok =
        b.failed ? err_set(e, ERR_LIMIT, "%s: %zu vectors are too many", path, n) : file_write(path, buf_span(&b), e);
    buf_release(&b);
    free(key);
    return ok;
}
