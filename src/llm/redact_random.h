/* redact_random: does a piece of text look as if a machine had drawn its letters? Pure. */
#ifndef LLM_REDACT_RANDOM_H
#define LLM_REDACT_RANDOM_H

#include "base/span.h"

struct redact_letters {
    size_t n;     /* letters */
    size_t small; /* of them, not capitals */
    size_t pairs; /* of letters that stand together */
    double bits;  /* how much a letter surprises after the one before it, on the average */
};

struct redact_letters redact_letters_of(struct span s);

/* mixed: there are digits or masked values among the letters, which words seldom have. */
bool redact_is_random(struct span s, bool mixed);

#endif
