/* labelled: what train, eval and corpus share: labelled data of any form, and the encoder and shipped files by flags.
 */
#ifndef CMD_LABELLED_H
#define CMD_LABELLED_H

#include "base/err.h"
#include "cmd/flags.h"
#include "data/dataset.h"
#include "encoder/encoder.h"
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

struct labelled_encoder {
    const char *model, *adapter, *kernel; /* "": the shipped ones, auto; adapter "none": the published weights */
};

/* NULL: e says why. */
struct encoder *labelled_encoder_open(const struct labelled_encoder *o, struct err *e);

/* True when argv asks for help; prints text, the flags and `more`. */
bool labelled_help(int argc, char **argv, const char *text, const struct flag *flag, size_t n, const char *more);

bool labelled_colour(void); /* whether stdout is a terminal that wants colour (NO_COLOR) */

#endif
