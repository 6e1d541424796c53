/* shape: what is left of a message or template when its values are gone: the lower-case words in order, and where
 * values stood. Used to find templates that share their wording with text that must stay unseen. */
#ifndef TRAIN_SHAPE_H
#define TRAIN_SHAPE_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SHAPE_WORDS_MAX = 62,     /* words behind these do not count; a set of positions fits 64 bits */
    SHAPE_GAP_MAX = 3,        /* words of a message that one value of a template may stand for */
    SHAPE_HEADER_MAX = 6,     /* words of a message that may stand before the template */
    SHAPE_WORDS_EMBEDDED = 4, /* words a template needs to be looked for behind a header */
    SHAPE_WORDS_LOOSE = 3,    /* words it needs for its values to stand for words */
};

struct shape {
    uint32_t word[SHAPE_WORDS_MAX];       /* hashes */
    uint32_t sorted[SHAPE_WORDS_MAX];     /* the same, each once, ascending: [distinct] */
    bool gap_before[SHAPE_WORDS_MAX + 1]; /* a value stood before word i, or [n]: at the end */
    uint8_t n, distinct;
};

/* The shape of a message. Slots of a corpus template (`{name}`) are values when is_template. */
void shape_of(struct span text, bool is_template, struct shape *s);

/* Whether the message is the template with values put in: the same words, values standing for up to SHAPE_GAP_MAX words
 * each, perhaps behind a header. A template of few words must be equal word by word. Values of the message are ignored.
 */
bool shape_matches(const struct shape *template, const struct shape *message);

/* Shared words / all words, as sets: 0..1. */
double shape_overlap(const struct shape *a, const struct shape *b);

uint64_t shape_hash(const struct shape *s); /* of the words and gaps */

#endif
