/* file: whole files in and out. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

/* Reads the whole file into memory of its own (file_free); a NUL stands behind the n bytes. The file is read, not
 * mapped: a truncation while we run can't kill the process. Fails with LIMIT above bytes_max. A named pipe is
 * read to its end, and is empty while nobody has it open for writing. */
bool file_read(const char *path, size_t bytes_max, struct span *out, struct err *e);

/* May others than its owner and its group read the file, or others than its owner write it? For files that hold
 * secrets; the group is the service's. */
bool file_is_open_to_others(const char *path);

void file_free(struct span *s); /* gives back what file_read read; a zero-filled span is fine */

/* Replaces the file in one step: temporary name beside it, fsync, rename. A reader sees the old file or the new one. */
bool file_write(const char *path, struct span bytes, struct err *e);
bool file_write_private(const char *path, struct span bytes, struct err *e); /* only its owner may read it */

/* dir + "/" + name into out[size]; false when it does not fit. */
bool file_join(char *out, size_t size, const char *dir, const char *name);

#endif
