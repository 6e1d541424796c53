/* fit_head: from embedded examples to a calibrated head: cross-validation on systems held apart, calibration on its
 * answers, thresholds, and the fit to all rows. Reproducible to the bit for any number of threads. */
#ifndef TRAIN_FIT_HEAD_H
#define TRAIN_FIT_HEAD_H

#include "base/buf.h"
#include "base/err.h"
#include "encoder/head.h"
#include "train/calibrate.h"
#include "train/examples.h"
#include "train/fit.h"
#include "train/score.h"

#include <stdbool.h>
#include <stdint.h>

#define FIT_HEAD_THRESHOLD 0.50 /* the classifier threshold of a head that has none */

enum {
    FIT_HEAD_CURVE = 3, /* points before the full data: 1/8, 1/4, 1/2 of the rows */
    FIT_HEAD_CHOICE_ROWS = 4000,
};

struct fit_head_opts {
    struct fit_opts fit; /* its progress is learn's; l2 negative: chosen (fit_head_run) */
    unsigned folds;      /* 0: no cross-validation, so no calibration, metrics or solved thresholds */
    uint64_t seed;       /* of the folds */
    enum calibrate_method calibration;
    double temperature;      /* without folds: the logits are divided by it; 1, known from elsewhere */
    double threshold;        /* below it the answer is UNCLASSIFIED; 0: the contract's 0.50, and none in the head */
    double target_precision; /* 0: not asked for; else the threshold is solved for it */
    double target_llm_share; /* the same; negative: not asked for */
    double label_precision;  /* 0: not asked for; else each label gets the threshold that reaches it */
    bool curve;              /* measure with less data, too */
    /* Fits done so far of all fits, in thousandths; may be NULL. */
    void (*progress)(void *self, size_t done, size_t total);
    void *self;
};

/* Folds 5, seed 1, temperature, nothing else. */
struct fit_head_opts fit_head_defaults(void);

struct fit_head_result {
    struct fit_model model; /* of all rows, calibrated */
    unsigned folds;         /* 0: not asked for, or too few rows to hold some apart */
    bool grouped;           /* folds held whole systems apart */
    struct score_row *row;  /* [n]: each row as answered by a fit that did not see its fold; NULL without folds */
    double *own; /* [n]: the probability that the same fit gives to the row's own label; NULL without folds */
    size_t n;
    double l2;          /* given or chosen */
    struct score score; /* of row[] */
    double ece_before;  /* without calibration */
    struct calibration calibration;
    double threshold;                  /* the one solved for, else opts.threshold, else FIT_HEAD_THRESHOLD */
    bool own_threshold;                /* solved for or given: the head carries it */
    double label_threshold[LABEL_MAX]; /* 0: none */
    struct {
        size_t rows;
        double accuracy, macro_f1;
    } curve[FIT_HEAD_CURVE + 1]; /* rows 0: not measured; the last: all rows */
};

/* Groups are held apart where the examples have at least two for each fold; else rows are. An l2 to be chosen is the
 * one of 1, 0.1 and 0.01 that makes the rows held apart likeliest; 1 without folds or with more than
 * FIT_HEAD_CHOICE_ROWS examples, where it hardly matters. r is released in any case. */
bool fit_head_run(struct fit_head_result *r, const struct examples *x, const struct label_set *labels,
                  const struct fit_head_opts *o, struct err *e);
void fit_head_release(struct fit_head_result *r);

/* What goes into a head file: labels, layers (in memory of their own: fit_head_head_release), calibration, thresholds,
 * metrics. model_hash, mask_version, use_source and created_by are the caller's to set. */
void fit_head_head(const struct fit_head_result *r, const struct examples *x, const struct label_set *labels,
                   const struct fit_head_opts *o, struct head_content *c);
void fit_head_head_release(struct head_content *c);

/* Appends what the data lacks, one line each: labels without rows or with few rows or systems. Returns the number. */
unsigned fit_head_lacks(const struct examples *x, const struct label_set *labels, struct buf *out);

#endif
