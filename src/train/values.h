/* values: the slots of the training corpus and what may stand in them (data/corpus/VALUES), and the expansion of a
 * template into a message. Read-only once loaded. */
#ifndef TRAIN_VALUES_H
#define TRAIN_VALUES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { VALUES_SLOTS_MAX = 512, VALUES_CHOICES_MAX = 256, VALUES_DEPTH_MAX = 8 };

struct values_slot {
    struct span name;
    struct span *choice; /* [n] */
    unsigned n;
    unsigned line; /* in the file */
};

struct values {
    struct arena arena;
    struct span file;
    struct values_slot slot[VALUES_SLOTS_MAX];
    unsigned n;
};

/* Reads `name: value | value | …` lines; checks that each slot named in a value exists and that none contains itself.
 * Errors name the line. v must be released also when false is returned. */
bool values_read(struct values *v, const char *path, struct err *e);
void values_release(struct values *v); /* zero-filled is fine */

const struct values_slot *values_find(const struct values *v, struct span name); /* NULL: none */

/* Whether every `{slot}` of a template exists and every '{' belongs to a slot or is doubled. */
bool values_check(const struct values *v, struct span template, struct err *e);

/* Appends the template to out, each slot replaced by a value drawn with rng. The template must have passed
 * values_check. */
void values_expand(const struct values *v, struct span template, struct rng *rng, struct buf *out);

/* One step through a template: the next piece of plain text or the next slot; false at the end. A doubled brace comes
 * as a piece of its own. */
struct values_piece {
    struct span text; /* plain text, or the slot's name */
    bool is_slot;
};
bool values_next(struct span *template, struct values_piece *piece);

#endif
