/* ensemble: what the encoder's head and the LLM make of each label, combined. Pure. */
#ifndef LLM_ENSEMBLE_H
#define LLM_ENSEMBLE_H

#include <stdbool.h>

/* A probability below this counts as this: neither side may rule a label out for good, and an LLM's list of
 * alternatives is too short to tell the unlikely from the impossible. */
#define MIX_LEAST 1e-4

/* score = log head + weight * log llm for each of n labels; the largest wins (the first of equals), its confidence is
 * its share of the exponentials, with 4 decimals. head[n] and llm[n] are probabilities. The form and the weight of 0.25
 * come from a measurement (docs/llm.md). Returns the label. */
unsigned ensemble_run(const float *head, const double *llm, unsigned n, double weight, double *confidence);

#endif
