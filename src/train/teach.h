/* teach: what a head becomes that learns, beside the corpus, what was answered since (by the LLM, by users), and
 * whether it is better than the old one. Both are judged on the answers that are fresh, i.e. that the old one was not
 * taught: the new one by fits that did not see them (folds by wording, so that templates of one wording are held apart
 * together). What both have seen, the corpus, guards against forgetting. Reproducible to the bit for any number of
 * threads. */
#ifndef TRAIN_TEACH_H
#define TRAIN_TEACH_H

#include "base/err.h"
#include "encoder/head.h"
#include "train/examples.h"
#include "train/fit.h"
#include "train/score.h"

#include <stdbool.h>
#include <stdint.h>

enum teach_kind { TEACH_CORPUS, TEACH_KNOWN /* the old head was taught it */, TEACH_FRESH };

/* A head gains a call by a right answer that is not left to the LLM. A wrong one costs as much as TEACH_WRONG calls: it
 * has to be right in 4 of 5 for answering to be worth it. */
enum { TEACH_FRESH_LEAST = 20 /* fewer tell nothing */, TEACH_FOLDS = 5, TEACH_WRONG = 4 };

struct teach_opts {
    struct fit_opts fit;
    double temperature; /* the logits are divided by it */
    double weight;      /* how often an answer counts, a row of the corpus being 1 */
    double threshold;   /* below it the answer is UNCLASSIFIED */
    double loss_max;    /* share of the corpus that may be wrong beyond the old head's: 0.005 */
    /* Fits done so far of all fits, in thousandths; may be NULL. */
    void (*progress)(void *self, size_t done, size_t total);
    void *self;
};

struct teach_opts teach_defaults(void);

struct teach_side {
    struct score fresh, corpus; /* score.accuracy_best: the likeliest label; score.accuracy: with the threshold */
    size_t left;                /* fresh ones that would still be asked: below the threshold, or UNCLASSIFIED */
    size_t right, wrong;        /* of those that would not */
};

struct teach_result {
    struct fit_model model; /* of all rows, softened by the temperature */
    size_t fresh, known, corpus;
    struct teach_side old, new;
    bool better; /* more fresh ones right, or as many and fewer of them asked; and no more of the corpus lost than may
                    be */
};

/* kind[x->rows.n]: enum teach_kind. x must be embedded; labels are the old head's. False with ERR_INPUT: fewer fresh
 * rows than TEACH_FRESH_LEAST. r, which is large, is released in any case. */
bool teach_run(struct teach_result *r, const struct examples *x, const uint8_t *kind, const struct head *old,
               const struct teach_opts *o, struct err *e);
void teach_release(struct teach_result *r);

#endif
