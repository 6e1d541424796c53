/* labelled: labelled data of any form: a corpus folder, a CSV, JSON lines. */
#ifndef TRAIN_LABELLED_H
#define TRAIN_LABELLED_H

#include "base/err.h"
#include "data/dataset.h"
#include "train/corpus.h"

struct labelled_opts {
    unsigned copies; /* messages of each corpus template */
    unsigned seed;
    bool grow; /* labels that the set lacks are added to it, from files (a corpus names known labels only) */
};

/* Adds the rows of path to d: a corpus folder (corpus.h), a CSV or JSON lines (dataset.h). */
bool labelled_read(struct dataset *d, const char *path, struct label_set *labels, const struct labelled_opts *o,
                   struct err *e);

/* Reads a corpus folder that must be in order; the first problems are in e. c is released in any case. */
bool labelled_corpus(struct corpus *c, const char *path, const struct label_set *labels, struct err *e);

/* Puts UNCLASSIFIED into a set that has none, as every set must. */
void labelled_complete(struct label_set *labels);

#endif
