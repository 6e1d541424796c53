/* similar: which of some names a mistyped word may have meant. Pure. */
#ifndef TEXT_SIMILAR_H
#define TEXT_SIMILAR_H

#include "base/span.h"

struct similar {
    struct span word;
    const char *best; /* the likeliest so far; NULL: none is near */
    unsigned distance;
};

struct similar similar_to(struct span word);

/* Looks at one more name. Case, and '-' for '_', do not count. A word that begins a name is near to it. */
void similar_consider(struct similar *s, const char *name);

/* "; did you mean 'NAME'?" or "", in text[size]. */
const char *similar_hint(const struct similar *s, char *text, unsigned size);

#endif
