/* head: the classifier on top of a sentence vector: probabilities of the labels. One linear layer (multinomial logistic
 * regression), or a hidden layer before it. Read from a file that `logclass train` writes (docs/training.md). Immutable
 * after open: any number of threads may use one. */
#ifndef ENCODER_HEAD_H
#define ENCODER_HEAD_H

#include "base/err.h"
#include "data/label.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEAD_LAYERS_MAX = 2,
    HEAD_WIDTH_MAX = 4096, /* numbers going into a layer */
    HEAD_TEXT_MAX = 160,
    HEAD_VERSION = 1, /* of the file format */
};

/* The bias of a label that had no row to learn from: its probability is 0. */
#define HEAD_BIAS_NEVER (-1000.0f)

enum head_activation { HEAD_LINEAR, HEAD_RELU, HEAD_ACTIVATIONS };

struct head_layer {
    unsigned inputs, outputs;
    enum head_activation activation;
    float *weight; /* [outputs][inputs] */
    float *bias;   /* [outputs] */
};

/* What was measured on systems held apart from training; rows == 0: nothing. Shares are 0..1. */
struct head_metrics {
    uint32_t rows, systems;
    double accuracy, macro_f1, ece, accuracy_confident_half;
};

/* Everything a head file says. */
struct head_content {
    struct label_set labels;           /* probability i is that of labels.label[i] */
    uint64_t model_hash;               /* encoder_hash of the encoder whose vectors it was trained on */
    unsigned mask_version;             /* MASK_VERSION of the templates it was trained on */
    bool use_source;                   /* the templates had the source before the message */
    double threshold;                  /* below it the answer is UNCLASSIFIED; 0: the head has none */
    double label_threshold[LABEL_MAX]; /* the same for one label; 0: none of its own */
    char calibration[HEAD_TEXT_MAX];   /* in words: "temperature 0.82 on 5 folds of systems" */
    char created_by[HEAD_TEXT_MAX];    /* without a date: the same training gives the same file */
    struct head_metrics metrics;
    unsigned outputs;            /* of the last layer, where several count for one label; 0: one a label */
    uint8_t label_of[LABEL_MAX]; /* the label that an output counts for */
    unsigned layers;
    struct head_layer layer[HEAD_LAYERS_MAX];
};

struct head;

/* Reads and checks a head file. NULL: e says what is wrong with it. */
struct head *head_open(const char *path, struct err *e);
void head_close(struct head *h); /* NULL is fine */

/* Writes a head file in one step. The numbers are printed so that they read back to the bit, and the same content gives
 * the same bytes. Weights must be finite. */
bool head_write(const char *path, const struct head_content *c, struct err *e);

const struct head_content *head_content(const struct head *h);
const struct label_set *head_labels(const struct head *h);
unsigned head_dim(const struct head *h); /* width of the vectors it takes */
bool head_uses_source(const struct head *h);

/* The confidence below which `label` is not answered: the label's own threshold, else the head's, else `otherwise`. */
double head_threshold(const struct head *h, unsigned label, double otherwise);

uint64_t head_hash(const struct head *h); /* of the whole file */

/* Refuses a head that does not belong to these labels (same ids in the same order), this encoder (encoder_hash) and
 * this masking (MASK_VERSION): e names both sides. */
bool head_check(const struct head *h, const struct label_set *labels, uint64_t model_hash, unsigned mask_version,
                struct err *e);

/* vector[dim] → probability[labels.n], summing to 1: that of a label is the sum of its outputs'. Allocates nothing. The
 * sums are made in one fixed order in double precision with an exp of our own, so the result is the same to the bit on
 * every machine. */
void head_run(const struct head *h, const float *vector, float *probability);

/* Probabilities as head_run gives them, from those of a fit. */
void head_narrow(const double *wide, unsigned n, float *probability);

/* What label probabilities come to: by this one rule, wherever an answer is given, measured or learnt from. */
struct head_decision {
    unsigned best;     /* the most probable label */
    double confidence; /* its probability, rounded to 4 decimals: what is published is what is compared */
    unsigned answer;   /* best, or unclassified where the confidence is below best's threshold */
};

/* probability[labels->n]; threshold[labels->n], by label. UNCLASSIFIED with its parts is weighed as one label against
 * the others first: so an answer of the ops set, folded, is the answer of the nine. */
struct head_decision head_decide(const float *probability, const struct label_set *labels, const double *threshold);

/* Turns a head of the ops set into the same head for the built-in nine, whose probabilities are the ops set's, folded.
 * Thresholds of single labels are dropped. */
void head_fold(struct head_content *c);

/* softmax of logit[n], in place; what head_run ends with. */
void head_softmax(double *logit, unsigned n);

#endif
