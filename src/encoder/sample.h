/* sample: what a model does with tokens that are always the same, for whoever wants to know what its layers get. */
#ifndef ENCODER_SAMPLE_H
#define ENCODER_SAMPLE_H

#include "encoder/forward.h"

enum { SAMPLE_LINES = 200, SAMPLE_TOKENS = 48 /* of a line, at most */ };

struct sample {
    uint32_t ids[SAMPLE_LINES * SAMPLE_TOKENS];
    unsigned tokens[SAMPLE_LINES], lines;
};

/* The lines of sample.def in the tokens of the model's vocabulary; tokens drawn evenly where it has none. */
void sample_make(struct sample *s, const char *model_dir, const struct shape *shape);

/* Runs the first `lines` of them through a packed model; `watch` sees the inputs of every layer. */
void sample_run(const struct sample *s, unsigned lines, const struct model *m, struct forward_watch *watch);

#endif
