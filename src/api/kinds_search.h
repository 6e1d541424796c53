/* kinds_search: a regular expression over the templates of kinds. The desk's thread. */
#ifndef API_KINDS_SEARCH_H
#define API_KINDS_SEARCH_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>

struct kinds_search;

/* Compiles the pattern, under the limits of rules. NULL: e says what is wrong with it. */
struct kinds_search *kinds_search_open(struct span pattern, struct err *e);
void kinds_search_close(struct kinds_search *s); /* NULL is fine */

/* Whether a text matches somewhere. self: a struct kinds_search. */
bool kinds_search_matches(void *self, struct span text);

#endif
