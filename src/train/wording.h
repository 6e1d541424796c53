/* wording: what is left of a message or template when its values are gone: the lower-case words in order, and where
 * values stood. Used to find templates that share their wording with text that must stay unseen. */
#ifndef TRAIN_WORDING_H
#define TRAIN_WORDING_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WORDING_WORDS_MAX = 62,     /* words behind these do not count; a set of positions fits 64 bits */
    WORDING_GAP_MAX = 3,        /* words of a message that one value of a template may stand for */
    WORDING_HEADER_MAX = 6,     /* words of a message that may stand before the template */
    WORDING_WORDS_EMBEDDED = 4, /* words a template needs to be looked for behind a header */
    WORDING_WORDS_LOOSE = 3,    /* words it needs for its values to stand for words */
};

struct wording {
    uint32_t word[WORDING_WORDS_MAX];       /* hashes */
    uint32_t sorted[WORDING_WORDS_MAX];     /* the same, each once, ascending: [distinct] */
    bool gap_before[WORDING_WORDS_MAX + 1]; /* a value stood before word i, or [n]: at the end */
    uint8_t n, distinct;
};

/* The wording of a message. Slots of a corpus template (`{name}`) are values when is_template. */
void wording_of(struct span text, bool is_template, struct wording *s);

/* Whether the message is the template with values put in: the same words, values standing for up to WORDING_GAP_MAX
 * words each, perhaps behind a header. A template of few words must be equal word by word. Values of the message are
 * ignored.
 */
bool wording_matches(const struct wording *template, const struct wording *message);

/* Shared words / all words, as sets: 0..1. */
double wording_overlap(const struct wording *a, const struct wording *b);

uint64_t wording_hash(const struct wording *s); /* of the words and gaps */

#endif
