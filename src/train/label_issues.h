/* label_issues: confident learning (Northcutt et al., 2021, arXiv 1911.00068) in its simplest form: the labelled rows
 * to whose own label a fit that did not see them gives the lowest probability: mislabelled lines, hard ones, and lines
 * unlike all others. For people who correct a corpus or a labelled file. */
#ifndef TRAIN_LABEL_ISSUES_H
#define TRAIN_LABEL_ISSUES_H

#include "base/buf.h"
#include "train/examples.h"
#include "train/fit_head.h"

/* Appends at most `max` rows, most doubtful first, one a line: "SYSTEM:LINE", own label and its probability, the label
 * believed and its probability, template. r must come from a fit with folds. Returns how many. */
size_t label_issues_text(const struct fit_head_result *r, const struct examples *x, const struct label_set *labels,
                         size_t max, struct buf *out);

#endif
