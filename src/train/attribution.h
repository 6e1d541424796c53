/* attribution: which words of a line made the answer, by leave-one-out: each word is left out in turn, and the drop in
 * the answer's probability is that word's part. Exact about the model (nothing is approximated), silent about words
 * that only count together. */
#ifndef TRAIN_ATTRIBUTION_H
#define TRAIN_ATTRIBUTION_H

#include "base/buf.h"
#include "encoder/encoder.h"
#include "encoder/head.h"

enum { REASON_WORDS_MAX = 64 /* words of a line that are tried */ };

/* Appends the words that `label` owes most to, most first, each with what its probability loses without it: "failed
 * -0.62, backup -0.20". Appends nothing when no word counts by itself. At most three. */
void attribution_put(struct buf *out, const struct encoder *enc, struct encoder_scratch *scratch, const struct head *h,
                     struct span template, unsigned label);

#endif
