/* retrain: trains the head on the corpus plus feedback (LLM answers, user corrections) and tells whether the new head
 * beats the old one. Both are evaluated on fresh answers, which the old head was not trained on: the new one by fits
 * that did not see them (folds by wording, so that templates of one wording are held apart together). The corpus, which
 * both have seen, guards against forgetting. Reproducible to the bit for any number of threads. */
#ifndef TRAIN_RETRAIN_H
#define TRAIN_RETRAIN_H

#include "base/err.h"
#include "encoder/head.h"
#include "train/examples.h"
#include "train/fit.h"
#include "train/score.h"

#include <stdbool.h>
#include <stdint.h>

enum retrain_kind { RETRAIN_CORPUS, RETRAIN_KNOWN /* the old head was taught it */, RETRAIN_FRESH };

/* A head gains a call by a right answer that is not left to the LLM. A wrong one costs as much as RETRAIN_WRONG calls:
 * it has to be right in 4 of 5 for answering to be worth it. */
enum { RETRAIN_FRESH_LEAST = 20 /* fewer tell nothing */, RETRAIN_FOLDS = 5, RETRAIN_WRONG = 4 };

struct retrain_opts {
    struct fit_opts fit;
    double temperature; /* the logits are divided by it */
    double weight;      /* how often an answer counts, a row of the corpus being 1; 0: the best of 5, 20 and 60 */
    double threshold;   /* below it the answer is UNCLASSIFIED */
    double loss_max;    /* share of the corpus that may be wrong beyond the old head's: 0.005 */
    /* Fits done so far of all fits, in thousandths; may be NULL. */
    void (*progress)(void *self, size_t done, size_t total);
    void *self;
};

struct retrain_opts retrain_defaults(void);

struct retrain_side {
    struct score fresh, corpus; /* score.accuracy_best: the likeliest label; score.accuracy: with the threshold */
    size_t left;                /* fresh ones that would still be asked: below the threshold, or UNCLASSIFIED */
    size_t right, wrong;        /* of those that would not */
};

struct retrain_result {
    struct fit_model model; /* of all rows, softened by the temperature */
    double weight;          /* that it was made with: opts', or the best */
    size_t fresh, known, corpus;
    struct retrain_side old, new;
    bool better; /* by the fresh ones it gains more, and more than chance gives; no more of the corpus is lost than may
                    be */
};

/* kind[x->rows.n]: enum retrain_kind. x must be embedded; labels are the old head's. False with ERR_INPUT: fewer fresh
 * rows than RETRAIN_FRESH_LEAST. r, which is large, is released in any case. */
bool retrain_run(struct retrain_result *r, const struct examples *x, const uint8_t *kind, const struct head *old,
                 const struct retrain_opts *o, struct err *e);
void retrain_release(struct retrain_result *r);

#endif
