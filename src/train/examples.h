/* examples: what a head is fitted to: the templates of labelled records, each once per label and system, and their
 * vectors. */
#ifndef TRAIN_EXAMPLES_H
#define TRAIN_EXAMPLES_H

#include "base/err.h"
#include "data/dataset.h"
#include "encoder/encoder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the encoder is given of a record. RAW is for measuring what masking changes: no head can be used on it. */
enum examples_text {
    EXAMPLES_MESSAGE = 0,
    EXAMPLES_SOURCE = 1 /* "source: message" */,
    EXAMPLES_RAW = 2 /* unmasked */
};

struct examples {
    struct dataset rows; /* message: the text as the encoder sees it; source: none */
    float *weight;       /* [rows.n]: records that became this example */
    uint32_t *text;      /* [rows.n]: index of its text among the different texts */
    uint32_t *of_record; /* [records]: index of a record's example */
    struct span *texts;  /* [n_texts], in rows' arena */
    size_t n_texts;
    unsigned dim;
    float *vector; /* [n_texts][dim]; NULL until embedded */
};

/* Makes the examples of d: equal (text, label, group) become one. text: of enum examples_text, or-ed. x is released in
 * any case. */
bool examples_make(struct examples *x, const struct dataset *d, unsigned text, struct err *e);
void examples_release(struct examples *x); /* zero-filled is fine */

struct examples_embed_opts {
    unsigned threads;    /* 0: all CPUs */
    const char *vectors; /* file that keeps vectors from one run to the next (vectors.h); NULL: none */
    /* Called now and then from one thread; may be NULL. */
    void (*progress)(void *self, size_t done, size_t total);
    void *self;
};

/* Fills x->vector. Each text is embedded once. Fails only over the file of vectors. */
bool examples_embed(struct examples *x, const struct encoder *enc, const struct examples_embed_opts *o, struct err *e);

static inline const float *examples_vector(const struct examples *x, size_t example) {
    return x->vector + (size_t)x->text[example] * x->dim;
}

#endif
