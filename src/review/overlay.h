/* overlay: the corrections in force, as the pipeline asks about them: template → label. An immutable snapshot; any
 * number of threads. */
#ifndef REVIEW_OVERLAY_H
#define REVIEW_OVERLAY_H

#include "review/corrections.h"

struct overlay;

/* Of the words that are not undone; of several about the same, the last. NULL: there are none. The caller's reference.
 */
struct overlay *overlay_open(const struct corrections *c);
struct overlay *overlay_ref(struct overlay *o); /* NULL is fine */
void overlay_unref(struct overlay *o);          /* NULL is fine; the last one frees */

struct overlay_word {
    const char *label; /* the overlay's */
    uint32_t id;       /* of the correction */
};

/* The word about a message whose masked form is `masked`, from this source. A word about the source comes before one
 * about all. */
bool overlay_find(const struct overlay *o, struct span source, struct span masked, struct overlay_word *out);

#endif
