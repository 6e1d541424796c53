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

struct examples {
    struct dataset rows; /* message: the template as the encoder sees it; source: none */
    float *weight;       /* [rows.n]: records that became this example */
    uint32_t *text;      /* [rows.n]: index of its text among the different texts */
    uint32_t *of_record; /* [records]: index of a record's example */
    struct span *texts;  /* [n_texts], in rows' arena */
    size_t n_texts;
    unsigned dim;
    float *vector; /* [n_texts][dim]; NULL until embedded */
};

/* Makes the examples of d: equal (template, label, group) become one. x is released in any case. */
bool examples_make(struct examples *x, const struct dataset *d, bool use_source, struct err *e);
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
