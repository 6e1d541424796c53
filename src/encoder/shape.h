/* shape: the sizes of a model, from config.json and 1_Pooling/config.json of its directory. */
#ifndef ENCODER_SHAPE_H
#define ENCODER_SHAPE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct shape {
    unsigned vocab, positions, types; /* rows of the three embedding tables */
    unsigned hidden, layers, heads, inner;
    float norm_eps;
    bool pool_cls; /* the first token's vector stands for the line; else the mean of all */
    uint64_t hash; /* of the files read, vocab.txt and tokenizer_config.json among them */
};

/* Only encoders of BERT's parts are taken: absolute positions, GELU by erf, hidden a multiple of heads. */
bool shape_read(struct shape *s, const char *model_dir, struct err *e);

#endif
