/* words: what people said, by kind: who said what last, and how often anything was said about it. A snapshot of the
 * log; immutable, any number of threads. */
#ifndef REVIEW_WORDS_H
#define REVIEW_WORDS_H

#include "review/corrections.h"

struct words;

/* Takes the log over. The caller's reference. */
struct words *words_open(struct corrections *c);
struct words *words_ref(struct words *w); /* NULL is fine */
void words_unref(struct words *w);        /* NULL is fine; the last one frees */

const struct corrections *words_log(const struct words *w);

struct words_about {
    const struct correction *label; /* the word in force about its label; NULL: there is none */
    uint32_t rev;                   /* 1, and more after each word, state and undo about it */
};

/* What is in force about a kind: a word about its source before one about its family. w may be NULL. */
struct words_about words_about(const struct words *w, uint64_t kind, uint64_t family);

/* Whether a kind that was first seen then (seconds since the epoch) is to be forgotten. w may be NULL. */
bool words_forget(const struct words *w, uint64_t kind, uint32_t first);

/* How many words are in force. */
size_t words_in_force(const struct words *w);

#endif
