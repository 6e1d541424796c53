/* auth: bearer tokens (RFC 6750). */
#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

#include "base/err.h"
#include "base/span.h"

enum { AUTH_TOKENS_MAX = 16, AUTH_TOKEN_BYTES_MIN = 16, AUTH_FILE_BYTES_MAX = 16 * 1024 };

struct auth {
    struct span file; /* owns the text */
    struct span token[AUTH_TOKENS_MAX];
    unsigned n; /* 0: no token is asked for */
};

/* Reads tokens, one a line, so that an old and a new one can hold at the same time; '#' begins a comment line. */
bool auth_open(struct auth *a, const char *path, struct err *e);
void auth_close(struct auth *a);

/* Whether the value of an Authorization header shows one of the tokens. Its time depends on the value's length only. */
bool auth_check(const struct auth *a, struct span value);

#endif
