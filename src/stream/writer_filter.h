/* writer_filter: which answers are written. */
#ifndef STREAM_WRITER_FILTER_H
#define STREAM_WRITER_FILTER_H

#include "base/err.h"
#include "data/batch.h"
#include "data/label.h"

struct writer_filter {
    const char *only, *except; /* label ids, "other", "unsure", separated by commas; NULL or "": no such filter */
    double confidence_min;
    uint64_t only_labels, except_labels; /* bits, by label; of writer_filter_fit */
    uint8_t only_words, except_words;    /* bits: other, unsure */
    bool on;
};

/* Finds the labels. False: a word is no label of the set, and e says which were meant. */
bool writer_filter_fit(struct writer_filter *f, const struct label_set *labels, struct err *e);

bool writer_filter_takes(const struct writer_filter *f, const struct result *r, const struct label_set *labels);

#endif
