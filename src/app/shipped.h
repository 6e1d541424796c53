/* shipped: the files that come with the program, wherever they were installed, and what is opened from them when the
 * user names no others. Any thread. */
#ifndef APP_SHIPPED_H
#define APP_SHIPPED_H

#include "base/err.h"
#include "encoder/encoder.h"

#include <stdbool.h>
#include <stddef.h>

/* Writes the path of the shipped file or folder `name` ("rules.conf", "head.json", "adapter.safetensors", "corpus",
 * "model") to out[size]: in $LOGCLASS_DATA_DIR, or where the program (or the library that this is part of) stands, in
 * PREFIX/share/logclass or in the source tree. False: it is not there. */
bool shipped_path(const char *name, char *out, size_t size);

/* The same in the folder dir (the option data-dir); where that is NULL or empty, shipped_path. */
bool shipped_find(const char *dir, const char *name, char *out, size_t size);

/* The value itself, or the shipped file's path where the value is NULL or empty, or "" for 'none'; out[PATH_MAX]. False
 * with ERR_IO: the shipped file is not there although it is needed; with ERR_USAGE: the value is too long. */
bool shipped_choose(const char *dir, const char *value, const char *name, bool needed, char *out, struct err *e);

struct shipped_encoder_opts {
    const char *model, *adapter,
        *kernel; /* NULL or "": the shipped ones, auto; adapter "none": the published weights */
};

/* NULL: e says why. The caller owns it (encoder_close). */
struct encoder *shipped_encoder(const struct shipped_encoder_opts *o, struct err *e);

#endif
