/* evaluate: what a head answers to labelled records, beside the truth. */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include "data/dataset.h"
#include "encoder/head.h"
#include "train/examples.h"
#include "train/report.h"
#include "train/score.h"

/* row[d->n]: the answers to the records that x was made of and embedded; confidences have 4 decimals, as published. An
 * answer below the threshold is UNCLASSIFIED; threshold 0: the head's own, else FIT_HEAD_THRESHOLD. truth[d->n]: the
 * probability of each record's true label; may be NULL. */
void evaluate_head(const struct head *h, const struct examples *x, const struct dataset *d, double threshold,
                   struct score_row *row, double *truth);

/* The wrong answers, surest first; returns how many of them are in line[max]. */
unsigned evaluate_worst(const struct dataset *d, const struct score_row *row, const double *truth,
                        struct report_line *line, unsigned max);

#endif
