/* corpus_check: checks of the training corpus beyond its format: duplicates, contradictions, balance, and wording
 * shared with a file that must stay unseen. */
#ifndef TRAIN_CORPUS_CHECK_H
#define TRAIN_CORPUS_CHECK_H

#include "base/buf.h"
#include "base/err.h"
#include "train/corpus.h"

#include <stdbool.h>
#include <stddef.h>

enum { CORPUS_CHECK_SYSTEMS_MIN = 40 /* systems a label should be learnt from */ };

struct corpus_check_result {
    size_t duplicates;     /* the same template twice in a system under one label: an error */
    size_t contradictions; /* the same template under two labels: an error */
    size_t repeats;        /* the same template in another system under the same label: allowed, counted */
    size_t distinct;       /* different templates */
    size_t thin_labels;    /* labels of fewer than CORPUS_CHECK_SYSTEMS_MIN systems: a warning */
    size_t leaks;          /* templates that share their wording with the other file: an error */
};

/* Appends one line a finding to out ("FILE:LINE: error: …" or "warning: …"), then a table of labels. */
void corpus_check_run(const struct corpus *c, struct corpus_check_result *r, struct buf *out);

/* Compares each template with each row of a file (labelled CSV or JSON lines, or plain lines) and appends a line for
 * each template whose wording equals that of a row, or shares 9 of 10 words with one of at least 4 words. Names the
 * corpus' file and line only: nothing of the other file is written. */
bool corpus_check_against(const struct corpus *c, const char *path, struct corpus_check_result *r, struct buf *out,
                          struct err *e);

#endif
