/* kinds_texts: the texts of a shard's kinds, behind one another, so that a search goes through memory in its order.
 * Private to the folder; under the shard's lock. */
#ifndef REVIEW_KINDS_TEXTS_H
#define REVIEW_KINDS_TEXTS_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct kinds_texts {
    char **chunk;    /* [chunks] */
    uint32_t chunks; /* that are filled or being filled: room for more may be there */
    uint32_t room;   /* chunks that have memory */
    uint32_t fill;   /* bytes of the last one */
    size_t live;     /* bytes of texts that were not let go */
};

void kinds_texts_release(struct kinds_texts *t); /* zero-filled is fine */

/* A copy, which stays where it is until t is released. A text has less than KINDS_TEXT_MAX bytes. NULL: no memory. */
char *kinds_texts_put(struct kinds_texts *t, struct span text);

/* A text is not needed any more: it is overwritten; its room is had again when the others are put elsewhere. */
void kinds_texts_let_go(struct kinds_texts *t, char *text, size_t n);

/* So much was let go that the others should be put elsewhere: a third of them. */
bool kinds_texts_wasteful(const struct kinds_texts *t);

/* Makes room for texts of so many bytes in an empty t: putting them will not fail. */
bool kinds_texts_reserve(struct kinds_texts *t, size_t bytes);

#endif
