/* score: how good answers are. Definitions are scikit-learn's (precision_recall_fscore_support with zero_division 0).
 * macro-F1 is the mean over labels that have rows, as with labels=unique(y_true); beside it the mean over all labels
 * that are the truth or an answer of some row, which abstentions lower by a label of their own. */
#ifndef TRAIN_SCORE_H
#define TRAIN_SCORE_H

#include "data/label.h"

#include <stddef.h>
#include <stdint.h>

enum { SCORE_BINS = 10, SCORE_STEPS = 20 };

/* One judged row. */
struct score_row {
    uint8_t label;     /* the truth */
    uint8_t best;      /* the most probable label */
    uint8_t answer;    /* what was answered: best, or UNCLASSIFIED below the threshold */
    double confidence; /* probability of best; 0: none was stated, so the row counts in no bin */
};

struct score_label {
    size_t truth, answers, right;
    double precision, recall, f1;
};

/* Rows whose confidence lies in one tenth of 0..1. */
struct score_bin {
    size_t n;
    double confidence, accuracy; /* means; of `best` */
};

struct score {
    size_t n;
    unsigned labels;
    double accuracy, macro_f1;           /* of `answer` */
    double macro_f1_all;                 /* also over labels that are answers only */
    double answered, right_of_answered;  /* share of rows that got a label; of these, how many are right */
    double accuracy_best, macro_f1_best; /* of `best`: as if there were no threshold */
    double ece;                          /* sum over bins of share * |accuracy - confidence| */
    double confident_half;               /* accuracy of `best` on the more confident half of the rows */
    struct score_label label[LABEL_MAX];
    size_t confusion[LABEL_MAX][LABEL_MAX]; /* [truth][answer] */
    struct score_bin bin[SCORE_BINS];
    double coverage[SCORE_STEPS]; /* [i]: accuracy of `best` on the most confident (i + 1) / SCORE_STEPS of the rows */
};

/* n == 0 gives zeros. Rows of equal confidence count in their order. */
void score_run(struct score *s, const struct score_row *row, size_t n, unsigned labels);

#endif
