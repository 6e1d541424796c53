/* feedback: what users corrected and the LLM answered, as labelled templates to retrain the head from. The LLM's
 * probabilities, where they are stored, are averaged with those of the base head, as in the cascade. A retrained head
 * there would feed it its own output. */
#ifndef TRAIN_FEEDBACK_H
#define TRAIN_FEEDBACK_H

#include "base/err.h"
#include "base/index.h"
#include "data/dataset.h"
#include "encoder/encoder.h"
#include "encoder/head.h"

#include <stddef.h>
#include <stdint.h>

struct feedback_opts {
    const char *store;  /* answers.db; "": none */
    char *const *files; /* labelled files [files_n]: corrections */
    int files_n;
    const char *corrections;    /* the log (review/corrections.h); may not be there */
    double mix, confidence_min; /* as in the cascade; below it an answer is left out */
    unsigned threads;
};

struct feedback {
    struct dataset rows; /* message: a template; no source */
    size_t by_user, by_llm;
    size_t left_out;          /* answers of the LLM below confidence_min, or of another label set */
    struct index by_template; /* of the rows of users */
};

/* A template that a user labelled counts as that, whatever the LLM said. t is released in any case. */
bool feedback_read(struct feedback *t, const struct feedback_opts *o, const struct head *base,
                   const struct encoder *enc, struct err *e);
void feedback_release(struct feedback *t); /* zero-filled is fine */

/* Of template and label: another label for a known template is a new lesson. */
uint64_t feedback_hash(const struct dataset_row *row);

/* At most so much can be learnt: rows are those of users, by_llm counts the LLM's answers about other templates, likely
 * or not. Neither head nor encoder is run. t is released in any case. */
bool feedback_count(struct feedback *t, const struct feedback_opts *o, const struct head *base, struct err *e);

#endif
