/* smooth: SmoothQuant (Xiao et al., 2022, arXiv 2211.10438): makes a model's activations easier to hold in bytes. A few
 * inputs of the layers behind a layer norm are ten times as large as the rest and take the 255 steps for themselves;
 * their size moves into the weights (linear.factor), after a look at what a fixed sample of tokens does. The result is
 * a function of the model and the kernel. */
#ifndef ENCODER_SMOOTH_H
#define ENCODER_SMOOTH_H

#include "encoder/sample.h"
#include "encoder/tensors.h"

enum { SMOOTH_LINES = 8 }; /* of the sample */

/* Sets the factors of every qkv and up layer of a model that is packed with factors of 1; those layers are to be packed
 * anew after that. kept[shape.layers]: their weights. */
void smooth_factors(struct model *m, const struct sample *sample, const struct tensors_kept *kept);

#endif
