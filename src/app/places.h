/* places: where the server keeps what the page changes, and how that comes into force: api/api.h's struct api_places,
 * filled from the options. */
#ifndef APP_PLACES_H
#define APP_PLACES_H

#include "api/api.h"
#include "app/cost.h"
#include "app/reload.h"
#include "conf/conf.h"

#include <limits.h>

enum { PLACES_ARGS_MAX = 12 };

struct places {
    struct api_places api;
    struct cost *cost;
    struct reload *reload;
    const char *learn_args[PLACES_ARGS_MAX];
    char page_rules[PATH_MAX], heads[PATH_MAX], shipped_head[PATH_MAX];
};

/* By the options of the start, whose texts must stay. Before other threads begin: the environment is changed. */
void places_open(struct places *p, const struct conf *conf, struct reload *reload);
void places_close(struct places *p); /* zero-filled is fine */

#endif
