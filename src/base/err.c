#include "base/err.h"

#include "base/must.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    bool transient;
    const char *meaning;
} ERRORS[] = {
#define ERR(code, name, transient, meaning) {name, transient, meaning},
#include "base/err.def"
#undef ERR
};

bool err_set(struct err *e, enum err_code code, const char *fmt, ...) {
    MUST(e != NULL && code > ERR_OK && code < ERR_COUNT);
    va_list args;
    va_start(args, fmt);
    vsnprintf(e->msg, sizeof e->msg, fmt, args);
    va_end(args);
    e->code = code;
    return false;
}

bool err_prefix(struct err *e, const char *fmt, ...) {
    char prefix[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, args);
    va_end(args);
    char whole[2 * ERR_MSG_MAX + 4];
    snprintf(whole, sizeof whole, "%s: %s", prefix, e->msg);
    memcpy(e->msg, whole, sizeof e->msg - 1);
    e->msg[sizeof e->msg - 1] = '\0';
    return false;
}

const char *err_meaning(enum err_code code) {
    MUST(code < ERR_COUNT);
    return ERRORS[code].meaning;
}

const char *err_name(enum err_code code) {
    MUST(code < ERR_COUNT);
    return ERRORS[code].name;
}

bool err_is_transient(enum err_code code) {
    MUST(code < ERR_COUNT);
    return ERRORS[code].transient;
}
