/* settings: what a reload can change while the server runs: limits, tokens, the site's own options. Immutable; each
 * thread holds a reference and looks for newer ones between its turns, so that nothing changes within one. Private to
 * the folder. */
#ifndef HTTP_SETTINGS_H
#define HTTP_SETTINGS_H

#include "http/auth.h"
#include "http/server.h"

#include <stdatomic.h>

enum { SETTINGS_TEXTS = 7 };

struct settings {
    struct server_opts o; /* its strings are text[] */
    struct auth auth;
    void *site;                     /* the site's own */
    void (*site_close)(void *site); /* NULL: nothing to do */
    char *text[SETTINGS_TEXTS];
    atomic_uint refs;
};

/* Checks the options, reads the tokens. `site` belongs to the settings, also on failure (NULL). The reference is given
 * back with settings_unref. */
struct settings *settings_open(const struct server_opts *o, void *site, void (*site_close)(void *), struct err *e);
struct settings *settings_ref(struct settings *set);
void settings_unref(struct settings *set); /* NULL is fine */

/* Whether an option's value is from min to max; e names it and what was expected. */
bool settings_in_range(const char *name, size_t value, size_t min, size_t max, struct err *e);

#endif
