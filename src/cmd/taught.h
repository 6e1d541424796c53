/* taught: what users corrected and the LLM answered, as labelled templates for `learn`. Answers of the LLM are taken as
 * the cascade gives them: mixed with the base head's thoughts where the store has the LLM's probabilities. The base
 * head, not one that was taught: else it would learn from itself. */
#ifndef CMD_TAUGHT_H
#define CMD_TAUGHT_H

#include "base/err.h"
#include "data/dataset.h"
#include "encoder/encoder.h"
#include "encoder/head.h"

#include <stddef.h>
#include <stdint.h>

struct taught_opts {
    const char *store;  /* answers.db; "": none */
    char *const *files; /* labelled files [files_n]: corrections */
    int files_n;
    const char *corrections;    /* those kept by taught_correct; may not be there */
    double mix, confidence_min; /* as in the cascade; below it an answer is left out */
    unsigned threads;
};

struct taught {
    struct dataset rows; /* message: a template; no source */
    size_t by_user, by_llm;
    size_t left_out; /* answers of the LLM below confidence_min, or of another label set */
};

/* A template that a user labelled counts as that, whatever the LLM said. t is released in any case. */
bool taught_read(struct taught *t, const struct taught_opts *o, const struct head *base, const struct encoder *enc,
                 struct err *e);
void taught_release(struct taught *t); /* zero-filled is fine */

/* Of template and label: another label for a known template is a new lesson. */
uint64_t taught_hash(const struct dataset_row *row);

/* Adds a correction to the file, which is made. */
bool taught_correct(const char *path, const struct label *label, struct span source, struct span line, struct err *e);

#endif
