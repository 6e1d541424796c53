#include "encoder/weights.h"

#include "base/must.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <xxhash.h>

enum { NAME_BYTES = 256, RANK_MAX = 1024 /* of a low-rank pair */ };

static const char *const PREFIXES[] = {"", "bert."};

static bool full_name(const struct weights *w, const char *name, const char *end, char out[NAME_BYTES]) {
    int n = snprintf(out, NAME_BYTES, "%s%s%s", w->prefix, name, end);
    return n > 0 && n < NAME_BYTES;
}

static const char *prefix_of(const struct safetensors *s) {
    struct weights probe;
    char name[NAME_BYTES];
    for (size_t i = 0; i < sizeof PREFIXES / sizeof PREFIXES[0]; i++) {
        probe.prefix = PREFIXES[i];
        if (full_name(&probe, "embeddings.word_embeddings.weight", "", name) && safetensors_find(s, name))
            return PREFIXES[i];
    }
    return NULL;
}

bool weights_open(struct weights *w, const char *model_path, const char *adapter_path, struct err *e) {
    *w = (struct weights){.adapter.fd = -1};
    if (!safetensors_open(&w->model, model_path, e)) return false;
    w->prefix = prefix_of(&w->model);
    bool ok = w->prefix ||
              err_set(e, ERR_MODEL, "%s: embeddings.word_embeddings.weight is missing: no BERT encoder", model_path);
    if (ok && adapter_path && *adapter_path) ok = safetensors_open(&w->adapter, adapter_path, e);
    if (ok) {
        w->used = must_calloc(w->adapter.n + 1, sizeof *w->used);
        return true;
    }
    weights_close(w);
    return false;
}

void weights_close(struct weights *w) {
    safetensors_close(&w->model);
    safetensors_close(&w->adapter);
    free(w->used);
    w->used = NULL;
}

/* A clock of the file system ticks every few milliseconds: what was changed within one tick looks unchanged. */
enum { WITNESS_AGE_S = 2 };

static bool file_witness(int fd, uint64_t *hash) {
    struct stat st;
    if (fd < 0) return true;
    if (fstat(fd, &st) != 0 || st.st_ctim.tv_sec + WITNESS_AGE_S > time(NULL)) return false;
    const int64_t is[] = {(int64_t)st.st_dev, (int64_t)st.st_ino, st.st_size,        (int64_t)*hash,
                          st.st_mtim.tv_sec,  st.st_mtim.tv_nsec, st.st_ctim.tv_sec, st.st_ctim.tv_nsec};
    *hash = XXH3_64bits(is, sizeof is);
    return true;
}

uint64_t weights_witness(const struct weights *w) {
    uint64_t hash = 1;
    return file_witness(w->model.fd, &hash) && file_witness(w->adapter.fd, &hash) ? hash : 0;
}

static bool has_shape(const struct safetensors_entry *t, unsigned rows, unsigned columns) {
    if (rows == 0) return t->rank == 1 && t->shape[0] == columns;
    return t->rank == 2 && t->shape[0] == rows && t->shape[1] == columns;
}

static bool weights_fits(const struct safetensors *file, const struct safetensors_entry *t, unsigned rows,
                         unsigned columns, struct err *e) {
    char rows_text[16] = "";
    if (rows) snprintf(rows_text, sizeof rows_text, "%u, ", rows);
    if (t->type == SAFETENSORS_OTHER)
        return err_set(e, ERR_MODEL, "%s: tensor %.200s must be of type F32, F16 or BF16", file->path, t->name);
    if (!has_shape(t, rows, columns))
        return err_set(e, ERR_MODEL, "%s: tensor %.200s must have the shape [%s%u]", file->path, t->name, rows_text,
                       columns);
    return true;
}

static bool read_whole(struct weights *w, const struct safetensors *file, const struct safetensors_entry *t, float *out,
                       struct err *e) {
    uint64_t hash;
    if (w->known) return safetensors_read(file, t, out, NULL, e);
    if (!safetensors_read(file, t, out, &hash, e)) return false;
    hash = XXH3_64bits_withSeed(t->name, strlen(t->name), hash + (file == &w->adapter));
    atomic_fetch_xor(&w->hash, hash);
    if (file == &w->adapter) w->used[t - file->entry] = 1;
    return true;
}

/* out[rows][columns] += b[rows][rank] · a[rank][columns] */
static void add_product(float *out, const float *b, const float *a, size_t rows, size_t columns, size_t rank) {
    for (size_t o = 0; o < rows; o++)
        for (size_t r = 0; r < rank; r++) {
            float factor = b[o * rank + r];
            for (size_t i = 0; i < columns; i++) out[o * columns + i] += factor * a[r * columns + i];
        }
}

struct matrix {
    float *at; /* [rows][columns] */
    unsigned rows, columns;
};

static bool merge_pair(struct weights *w, const struct safetensors_entry *a, const struct safetensors_entry *b,
                       const struct matrix *out, struct err *e) {
    const struct safetensors *file = &w->adapter;
    unsigned rows = out->rows, columns = out->columns;
    unsigned rank = a->rank == 2 && a->shape[0] >= 1 && a->shape[0] <= RANK_MAX ? (unsigned)a->shape[0] : 0;
    if (!rank)
        return err_set(e, ERR_MODEL, "%s: tensor %.200s must have the shape [1..%d, %u]", file->path, a->name, RANK_MAX,
                       columns);
    if (!weights_fits(file, a, rank, columns, e) || !weights_fits(file, b, rows, rank, e)) return false;
    float *pair = must_calloc((size_t)rank * (rows + columns), sizeof *pair);
    bool ok = read_whole(w, file, a, pair, e) && read_whole(w, file, b, pair + (size_t)rank * columns, e);
    if (ok && !w->only_hash) add_product(out->at, pair + (size_t)rank * columns, pair, rows, columns, rank);
    free(pair);
    return ok;
}

static bool adapt_matrix(struct weights *w, const char *name, unsigned rows, unsigned columns, float *out,
                         struct err *e) {
    char a_name[NAME_BYTES], b_name[NAME_BYTES];
    if (!full_name(w, name, ".lora_A", a_name) || !full_name(w, name, ".lora_B", b_name)) return true;
    const struct safetensors_entry *a = safetensors_find(&w->adapter, a_name),
                                   *b = safetensors_find(&w->adapter, b_name);
    if (!a && !b) return true;
    if (!a || !b)
        return err_set(e, ERR_MODEL, "%s: %s is there without %s", w->adapter.path, a ? a_name : b_name,
                       a ? b_name : a_name);
    return merge_pair(w, a, b, &(struct matrix){out, rows, columns}, e);
}

bool weights_read(struct weights *w, const char *name, unsigned rows, unsigned columns, float *out, struct err *e) {
    char whole_name[NAME_BYTES];
    MUST(full_name(w, name, "", whole_name));
    const struct safetensors_entry *t = safetensors_find(&w->model, whole_name);
    if (!t) return err_set(e, ERR_MODEL, "%s: tensor %s is missing", w->model.path, whole_name);
    if (!weights_fits(&w->model, t, rows, columns, e) || !read_whole(w, &w->model, t, out, e)) return false;
    if (rows > 0) return adapt_matrix(w, name, rows, columns, out, e);
    const struct safetensors_entry *other = safetensors_find(&w->adapter, whole_name);
    return !other || (weights_fits(&w->adapter, other, 0, columns, e) && read_whole(w, &w->adapter, other, out, e));
}

void weights_rewind(struct weights *w) {
    for (size_t i = 0; i < w->adapter.n; i++) w->used[i] = 0;
    w->hash = 0;
}

bool weights_finish(const struct weights *w, struct err *e) {
    for (size_t i = 0; i < w->adapter.n; i++)
        if (!w->used[i])
            return err_set(e, ERR_MODEL,
                           "%s: tensor %.200s belongs to nothing in the model; expected <matrix>.lora_A and .lora_B, "
                           "or a vector's name",
                           w->adapter.path, w->adapter.entry[i].name);
    return true;
}
