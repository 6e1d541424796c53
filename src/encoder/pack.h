/* pack: a matrix in the order in which a kernel reads it. */
#ifndef ENCODER_PACK_H
#define ENCODER_PACK_H

#include "encoder/model.h"

/* Packs l's slices from w[out][in], over l->factor, and bias[out]. */
void pack_linear(const struct kern *k, struct linear *l, const float *w, const float *bias);

#endif
