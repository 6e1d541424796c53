/* settings: what a reload can change while the server runs: limits, tokens, the API's description. Immutable; each loop
 * holds a reference and looks for newer ones between its turns, so that nothing changes within one. Private to the
 * folder. */
#ifndef HTTP_SETTINGS_H
#define HTTP_SETTINGS_H

#include "http/auth.h"
#include "http/server.h"

#include <stdatomic.h>

struct settings {
    struct server_opts o; /* host, token_file and cors_origin: of the settings, too */
    struct auth auth;
    struct buf openapi;
    char *host, *token_file, *cors_origin;
    atomic_uint refs;
};

/* Checks the options, reads the tokens. NULL on failure. The reference is given back with settings_unref. */
struct settings *settings_open(const struct server_opts *o, const struct label_set *labels, struct err *e);
struct settings *settings_ref(struct settings *set);
void settings_unref(struct settings *set); /* NULL is fine */

#endif
