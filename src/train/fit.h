/* fit: multinomial logistic regression with L2, the loss of scikit-learn's LogisticRegression (l2 = 1 / C; the biases
 * are not penalised): sum of w_i * -log p(label_i) + l2 / 2 * |W|^2. Reproducible to the bit for any number of threads.
 */
#ifndef TRAIN_FIT_H
#define TRAIN_FIT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fit_model;

/* Vectors with labels. `pick` names the rows that count: rows may be left out without being moved. */
struct fit_data {
    const float *x;         /* [vectors][dim] */
    const uint32_t *vector; /* [rows]: index of a row's vector; NULL: its own index */
    const uint8_t *label;   /* [rows], each below `labels` */
    const float *weight;    /* [rows]: how often a row counts; NULL: once each */
    const uint32_t *pick;   /* [n]: indices of rows; NULL: 0..n-1 */
    size_t n;
    unsigned dim, labels;
};

struct fit_opts {
    double l2;
    double balance; /* weight of a row: (rows / (labels * rows of the label)) ^ balance. 0: all count alike; 1: each
                     * label counts the same; 0.5 lies between */
    const uint8_t *group; /* [labels]: labels of one number count as one label for `balance`; NULL: each for itself */
    unsigned threads;     /* 0: all CPUs */
    unsigned steps_max;
    double gradient_max;           /* of the mean loss; smaller is closer to the optimum */
    const struct fit_model *start; /* of the same labels and dim, to begin near the optimum; NULL: zeros */
    void (*progress)(void *self, unsigned step, unsigned steps_max, double loss); /* may be NULL */
    void *self;
};

/* l2 1, balance 0, 300 steps, 1e-5. */
struct fit_opts fit_defaults(void);

/* One linear layer. A label without a row gets weights 0 and the bias HEAD_BIAS_NEVER. */
struct fit_model {
    unsigned dim, labels;
    double *weight; /* [labels][dim] */
    double *bias;   /* [labels] */
    double loss;    /* mean, with the penalty */
    unsigned steps;
    bool done; /* the gradient came below gradient_max */
};

/* Needs rows of two labels at least. m is released with fit_release, also when false is returned. */
bool fit_run(struct fit_model *m, const struct fit_data *d, const struct fit_opts *o, struct err *e);
void fit_release(struct fit_model *m); /* zero-filled is fine */

/* Divides the logits by the temperature, by dividing weights and biases. */
void fit_soften(struct fit_model *m, double temperature);

/* weight . x + bias for each label. */
void fit_logits(const struct fit_model *m, const float *x, double *logit);

#endif
