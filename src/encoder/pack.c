#include "encoder/pack.h"

void pack_linear(const struct kern *k, struct linear *l, const float *w, const float *bias) {
    for (unsigned i = 0; i < l->slices; i++) k->linear_pack(&l->slice[i], w + i * l->slice_in, l->in, i ? NULL : bias);
}
