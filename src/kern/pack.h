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

/* How an int8 table holds weights. A group are the four inputs of eight whose products it adds in 16 bits: 0, 1, 4, 5
 * and 2, 3, 6, 7. */
struct pack_form {
    unsigned columns;   /* outputs of a panel; KERN_PAD % columns == 0 */
    unsigned most;      /* kern.weight_max */
    unsigned group_max; /* kern.group_max */
};

/* int8: panels of `columns` outputs, four inputs side by side, [panel][in padded / 4][columns][4]; what is past in or
 * out is zero. scale[o] = max|w[o]| / most, q = w / scale rounded to nearest, and nearer to zero where a group's
 * weights of one sign would sum to more than group_max. */
size_t pack_int8_bytes(unsigned in, unsigned out, unsigned columns);
void pack_int8(struct kern_linear *l, const float *w, size_t stride, const float *bias, const struct pack_form *f);

/* What is left in a group for weights of either sign. */
struct pack_room {
    int above, below;
};

/* q, or what the group has room for, which is taken. */
static inline int pack_into_group(struct pack_room *room, int q) {
    int *left = q > 0 ? &room->above : &room->below, size = q > 0 ? q : -q;
    if (size > *left) size = *left;
    *left -= size;
    return q > 0 ? size : -size;
}

static inline unsigned pack_group_of(unsigned input) {
    return input / 2 % 2;
}

/* The parts of it, for a vector version: all but the weights; then for each output o its scale, from the greatest float
 * and the greatest byte of a weight, and where its first weight goes. Returns what weights are multiplied with. */
void pack_int8_clear(struct kern_linear *l, const float *bias, unsigned columns);
float pack_int8_begin(struct kern_linear *l, unsigned o, float largest, unsigned most);
int8_t *pack_int8_at(const struct kern_linear *l, unsigned o, unsigned columns);

#endif
