#include "encoder/safetensors.h"

#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <yyjson.h>

static const struct {
    const char *name;
    unsigned bytes;
} TYPES[] = {[SAFETENSORS_F32] = {"F32", 4}, [SAFETENSORS_F16] = {"F16", 2}, [SAFETENSORS_BF16] = {"BF16", 2}};

static enum safetensors_type type_of(const char *name) {
    for (unsigned i = 0; i < SAFETENSORS_OTHER; i++)
        if (strcmp(name, TYPES[i].name) == 0) return i;
    return SAFETENSORS_OTHER;
}

static bool read_at(const struct safetensors *s, void *to, uint64_t n, uint64_t offset, struct err *e) {
    for (uint64_t got = 0; got < n;) {
        ssize_t r = pread(s->fd, (char *)to + got, n - got, (off_t)(offset + got));
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) return err_set(e, ERR_IO, "%s: %s", s->path, strerror(errno));
        if (r == 0) return err_set(e, ERR_MODEL, "%s: the file ends at byte %ju", s->path, (uintmax_t)(offset + got));
        got += (uint64_t)r;
    }
    return true;
}

static bool read_shape(yyjson_val *shape, struct safetensors_entry *t, uint64_t *elements) {
    if (!yyjson_is_arr(shape) || yyjson_arr_size(shape) > SAFETENSORS_RANK_MAX) return false;
    *elements = 1;
    for (t->rank = 0; t->rank < yyjson_arr_size(shape); t->rank++) {
        yyjson_val *v = yyjson_arr_get(shape, t->rank);
        if (!yyjson_is_uint(v)) return false;
        t->shape[t->rank] = yyjson_get_uint(v);
        if (__builtin_mul_overflow(*elements, t->shape[t->rank], elements)) return false;
    }
    return true;
}

/* One tensor of the header; data_from is where the offsets count from. NULL or what is wrong with it. */
static const char *read_entry(yyjson_val *v, uint64_t data_from, uint64_t file_bytes, struct safetensors_entry *t) {
    const char *type = yyjson_get_str(yyjson_obj_get(v, "dtype"));
    yyjson_val *range = yyjson_obj_get(v, "data_offsets");
    uint64_t elements, bytes;
    if (!type) return "dtype must be a string";
    if (!read_shape(yyjson_obj_get(v, "shape"), t, &elements)) return "shape must be a list of up to 4 sizes";
    yyjson_val *from = yyjson_arr_get(range, 0), *to = yyjson_arr_get(range, 1);
    if (yyjson_arr_size(range) != 2 || !yyjson_is_uint(from) || !yyjson_is_uint(to))
        return "data_offsets must be two numbers";
    if (yyjson_get_uint(from) > yyjson_get_uint(to) || yyjson_get_uint(to) > file_bytes - data_from)
        return "data_offsets lie outside the file";
    t->type = type_of(type);
    t->offset = data_from + yyjson_get_uint(from);
    t->bytes = yyjson_get_uint(to) - yyjson_get_uint(from);
    if (t->type == SAFETENSORS_OTHER) return NULL;
    if (__builtin_mul_overflow(elements, TYPES[t->type].bytes, &bytes) || bytes != t->bytes)
        return "shape and data_offsets do not agree";
    return NULL;
}

static bool read_entries(struct safetensors *s, yyjson_val *root, uint64_t data_from, struct err *e) {
    if (!yyjson_is_obj(root)) return err_set(e, ERR_MODEL, "%s: the header is no JSON object", s->path);
    if (yyjson_obj_size(root) > SAFETENSORS_MAX)
        return err_set(e, ERR_MODEL, "%s: %zu tensors, expected at most %d", s->path, yyjson_obj_size(root),
                       SAFETENSORS_MAX);
    s->entry = must_calloc(yyjson_obj_size(root) + 1, sizeof *s->entry);
    size_t i, count;
    yyjson_val *key, *v;
    yyjson_obj_foreach(root, i, count, key, v) {
        struct safetensors_entry t = {.name = yyjson_get_str(key)};
        if (strcmp(t.name, "__metadata__") == 0) continue;
        if (safetensors_find(s, t.name))
            return err_set(e, ERR_MODEL, "%s: tensor %.200s is there twice", s->path, t.name);
        const char *wrong = read_entry(v, data_from, s->file_bytes, &t);
        if (wrong) return err_set(e, ERR_MODEL, "%s: tensor %.200s: %s", s->path, t.name, wrong);
        s->entry[s->n++] = t;
    }
    return true;
}

static bool safetensors_read_header(struct safetensors *s, struct err *e) {
    struct stat st;
    if (fstat(s->fd, &st) != 0) return err_set(e, ERR_IO, "%s: %s", s->path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return err_set(e, ERR_MODEL, "%s: not a regular file", s->path);
    s->file_bytes = (uint64_t)st.st_size;
    uint64_t n;
    if (s->file_bytes < sizeof n) return err_set(e, ERR_MODEL, "%s: too short for a safetensors file", s->path);
    if (!read_at(s, &n, sizeof n, 0, e)) return false;
    if (n > SAFETENSORS_HEADER_MAX || n > s->file_bytes - sizeof n)
        return err_set(e, ERR_MODEL, "%s: a header of %ju bytes is more than the file or the limit of %d", s->path,
                       (uintmax_t)n, SAFETENSORS_HEADER_MAX);
    char *text = must_calloc(n + 1, 1);
    yyjson_read_err why = {.msg = ""};
    bool read = read_at(s, text, n, sizeof n, e);
    if (read) s->header = yyjson_read_opts(text, n, YYJSON_READ_NOFLAG, NULL, &why);
    free(text);
    if (!read) return false;
    if (!s->header) return err_set(e, ERR_MODEL, "%s: header: %s at byte %zu", s->path, why.msg, why.pos);
    return read_entries(s, yyjson_doc_get_root(s->header), sizeof n + n, e);
}

bool safetensors_open(struct safetensors *s, const char *path, struct err *e) {
    *s = (struct safetensors){.path = strdup(path), .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    MUST_MEMORY(s->path);
    if (s->fd < 0) err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    if (s->fd >= 0 && safetensors_read_header(s, e)) return true;
    safetensors_close(s);
    return false;
}

void safetensors_close(struct safetensors *s) {
    if (s->path && s->fd >= 0) close(s->fd);
    yyjson_doc_free(s->header);
    free(s->entry);
    free(s->path);
    *s = (struct safetensors){.fd = -1};
}

const char *safetensors_metadata(const struct safetensors *s, const char *key) {
    return yyjson_get_str(yyjson_obj_get(yyjson_obj_get(yyjson_doc_get_root(s->header), "__metadata__"), key));
}

const struct safetensors_entry *safetensors_find(const struct safetensors *s, const char *name) {
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->entry[i].name, name) == 0) return &s->entry[i];
    return NULL;
}

/* IEEE half to float, by hand: start-up code that must run on any CPU. */
static float from_half(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
    float size;
    uint32_t bits = (exponent + 112) << 23 | fraction << 13;
    if (exponent == 31) bits = 0x7f800000 | fraction << 13;
    memcpy(&size, &bits, sizeof size);
    if (exponent == 0) size = (float)fraction * 0x1p-24f;
    memcpy(&bits, &size, sizeof bits);
    bits |= sign;
    memcpy(&size, &bits, sizeof size);
    return size;
}

static float from_bfloat(uint16_t b) {
    uint32_t bits = (uint32_t)b << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static bool all_finite(const float *x, uint64_t n) {
    uint32_t worst = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7f800000;
        worst = bits > worst ? bits : worst;
    }
    return worst < 0x7f800000;
}

bool safetensors_read(const struct safetensors *s, const struct safetensors_entry *t, float *out, uint64_t *hash,
                      struct err *e) {
    MUST(t->type != SAFETENSORS_OTHER);
    uint64_t n = t->bytes / TYPES[t->type].bytes;
    /* Half floats land in the upper half of their room and are widened from below: no second buffer. */
    uint16_t *half = (uint16_t *)(void *)out + (t->type == SAFETENSORS_F32 ? 0 : n);
    if (!read_at(s, half, t->bytes, t->offset, e)) return false;
    if (hash) *hash = XXH3_64bits(half, t->bytes);
    if (t->type != SAFETENSORS_F32)
        for (uint64_t i = 0; i < n; i++) {
            uint16_t h;
            memcpy(&h, &half[i], sizeof h);
            float f = t->type == SAFETENSORS_F16 ? from_half(h) : from_bfloat(h);
            memcpy(&out[i], &f, sizeof f);
        }
    if (hash && !all_finite(out, n))
        return err_set(e, ERR_MODEL, "%s: tensor %.200s holds infinities or NaN", s->path, t->name);
    return true;
}
