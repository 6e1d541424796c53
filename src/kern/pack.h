/* pack: weights from [out][in] floats to the layouts the kernels read. Start-up code, plain C. */
#ifndef KERN_PACK_H
#define KERN_PACK_H

#include "kern/kern.h"

/* w is [out][stride] throughout, of which the first l->in columns count; bias NULL means zeros.
 *
 * l->bias from bias[out], padded with zeros. */
void pack_bias(struct kern_linear *l, const float *bias);

/* fp32: panels of `columns` outputs, [panel][in][columns]; outputs past the last are zeros. */
size_t pack_f32_bytes(unsigned in, unsigned out, unsigned columns);
void pack_f32(struct kern_linear *l, const float *w, size_t stride, const float *bias, unsigned columns);

/* int8: panels of `columns` outputs, four inputs side by side, [panel][in padded / 4][columns][4]; what is past in or
 * out is zero. scale[o] = max|w[o]| / 127, q = w / scale rounded to nearest: −127..127, never −128. KERN_PAD % columns
 * == 0. */
size_t pack_int8_bytes(unsigned in, unsigned out, unsigned columns);
void pack_int8(struct kern_linear *l, const float *w, size_t stride, const float *bias, unsigned columns);

/* The parts of it, for a vector version: all but the weights; then for each output o, whose greatest weight is `most`,
 * its scale, where its first weight goes, and what weights are multiplied with. */
void pack_int8_clear(struct kern_linear *l, const float *bias, unsigned columns);
int8_t *pack_int8_begin(struct kern_linear *l, unsigned o, unsigned columns, float most, float *inverse);

#endif
