/* round: which of the two nearest bytes a weight becomes. Rounded one after the other, each weight of an output leaves
 * an error that those behind it can make good where their inputs move together (GPTQ, Frantar et al., 2022, arXiv
 * 2210.17323). How inputs move together is seen on a fixed sample of tokens. The result is a function of the model and
 * the kernel. */
#ifndef ENCODER_ROUND_H
#define ENCODER_ROUND_H

#include "encoder/sample.h"
#include "encoder/tensors.h"

/* Moves every weight of kept[shape.layers] to a value that packing for m's kernel keeps as it is. m is packed, with its
 * factors set; it is to be packed anew after that. */
void round_weights(struct model *m, const struct sample *sample, const struct tensors_kept *kept);

#endif
