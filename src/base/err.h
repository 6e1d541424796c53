/* err: what went wrong, set once where the cause is known. Functions that can fail return bool (true: fine) and take a
 * `struct err *` last, never NULL. On false the message is complete: it names the place and what was expected. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_code {
#define ERR(code, name, transient, what) ERR_##code,
#include "base/err.def"
#undef ERR
    ERR_COUNT
};

enum { ERR_MSG_MAX = 512 };

struct err {
    enum err_code code;
    char msg[ERR_MSG_MAX];
};

/* Sets e and returns false, so that `return err_set(e, ERR_INPUT, "…", …);` reads in one line. */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "<prefix>: " before the message of an error that is already set; returns false. */
bool err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *err_name(enum err_code code);    /* "timeout": also the metric's error_type */
const char *err_meaning(enum err_code code); /* "time ran out": for people */
bool err_is_transient(enum err_code code);

#endif
