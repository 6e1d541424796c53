/* threshold: the confidence below which an answer is not given, solved for what a person wants instead of guessed. A
 * row is answered when its best label is not UNCLASSIFIED and its confidence is at least the threshold; what is not
 * answered goes on to the LLM. */
#ifndef TRAIN_THRESHOLD_H
#define TRAIN_THRESHOLD_H

#include "base/err.h"
#include "train/score.h"

#include <stdbool.h>
#include <stddef.h>

/* Rows of one label, or of all but UNCLASSIFIED. */
#define THRESHOLD_ALL 255u

struct threshold_rows {
    const struct score_row *row;
    size_t n;
    unsigned unclassified;
};

/* What a threshold does to the rows. */
struct threshold_effect {
    double threshold;
    double answered;  /* share of all rows */
    double precision; /* of the answered */
};
struct threshold_effect threshold_effect(const struct threshold_rows *rows, double threshold);

/* The lowest threshold (so the most answers) at which the answers of `label` (or THRESHOLD_ALL) are right in at least
 * `precision` of the cases. False: none reaches it, or there are no such rows; e says what can be reached. */
bool threshold_for_precision(const struct threshold_rows *rows, unsigned label, double precision, double *threshold,
                             struct err *e);

/* The highest threshold at which at most `share` of the rows is not answered. False: even at 0 more go on. */
bool threshold_for_share(const struct threshold_rows *rows, double share, double *threshold, struct err *e);

#endif
