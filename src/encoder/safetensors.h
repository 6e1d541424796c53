/* safetensors: named arrays in a file: 8 bytes of header length, a JSON header, the data. Nothing in the file is
 * trusted: every offset, size and shape is checked against the file before it is used. The data are read, not mapped.
 */
#ifndef ENCODER_SAFETENSORS_H
#define ENCODER_SAFETENSORS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SAFETENSORS_HEADER_MAX = 4 << 20, SAFETENSORS_RANK_MAX = 4, SAFETENSORS_MAX = 4096 /* tensors */ };

enum safetensors_type { SAFETENSORS_F32, SAFETENSORS_F16, SAFETENSORS_BF16, SAFETENSORS_OTHER };

struct safetensors_entry {
    const char *name;
    enum safetensors_type type;
    unsigned rank;
    uint64_t shape[SAFETENSORS_RANK_MAX];
    uint64_t offset, bytes; /* in the file; bytes fits type and shape (OTHER: only the file) */
};

struct safetensors {
    char *path;
    int fd;
    uint64_t file_bytes;
    struct safetensors_entry *entry; /* [n], in the header's order */
    size_t n;
    void *header; /* owns the names */
};

bool safetensors_open(struct safetensors *s, const char *path, struct err *e);
void safetensors_close(struct safetensors *s); /* zero-filled is fine, and so is one that failed to open */

/* The value of `key` in the file's "__metadata__"; NULL: none. */
const char *safetensors_metadata(const struct safetensors *s, const char *key);

const struct safetensors_entry *safetensors_find(const struct safetensors *s, const char *name); /* NULL: none */

/* Reads all of t, of a float type, as floats into out (one for each element). *hash: XXH3 of the stored bytes; NULL:
 * they are known, and not looked at. Refuses infinities and NaN, else. Any number of threads may read from one s. */
bool safetensors_read(const struct safetensors *s, const struct safetensors_entry *t, float *out, uint64_t *hash,
                      struct err *e);

#endif
