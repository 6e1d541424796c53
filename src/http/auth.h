/* auth: bearer tokens (RFC 6750), who shows them, and what they may. */
#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

#include "base/err.h"
#include "base/span.h"

enum { AUTH_TOKENS_MAX = 64, AUTH_TOKEN_BYTES_MIN = 16, AUTH_NAME_MAX = 64, AUTH_FILE_BYTES_MAX = 16 * 1024 };

enum auth_role_index {
#define ROLE(id, word, also) AUTH_INDEX_##id,
#include "http/role.def"
#undef ROLE
    AUTH_ROLES
};

/* The roles as bits of a set. AUTH_OPEN: of nobody in particular. */
enum auth_role {
    AUTH_OPEN = 0,
#define ROLE(id, word, also) AUTH_##id = 1 << AUTH_INDEX_##id,
#include "http/role.def"
#undef ROLE
    AUTH_ALL = (1 << AUTH_ROLES) - 1
};

struct auth_token {
    struct span token;
    struct span name;   /* "": none was given */
    enum auth_role own; /* the role it was given; AUTH_INGEST for a line of a token alone */
    unsigned may;       /* set of roles: its own, and those that come with it */
};

struct auth {
    struct span file; /* owns the text */
    struct auth_token token[AUTH_TOKENS_MAX];
    unsigned n; /* 0: no token is asked for */
};

/* Reads tokens, one a line, so that an old and a new one can hold at the same time; '#' begins a comment line. A line
 * is ROLE:NAME:TOKEN, or a token alone: that may send lines and read the metrics, and nothing of the page. */
bool auth_open(struct auth *a, const char *path, struct err *e);
void auth_close(struct auth *a);

/* The token that the value of an Authorization header shows; NULL: none of them. Its time depends on the value's length
 * and the number of tokens only. */
const struct auth_token *auth_find(const struct auth *a, struct span value);

/* What a role is called; "nobody" for AUTH_OPEN. Of a set, its highest. */
const char *auth_role_word(unsigned roles);

#endif
