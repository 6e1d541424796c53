/* tensors: fills a laid-out model from its files: which tensor goes where. The work is shared by a few threads, gone on
 * return. */
#ifndef ENCODER_TENSORS_H
#define ENCODER_TENSORS_H

#include "encoder/model.h"
#include "encoder/weights.h"

enum { TENSORS_MATRICES = 4 };

/* The weights of one layer as they came from the file, for smoothing and rounding: of qkv, out, up, down, each
 * [out][in]. */
struct tensors_kept {
    float *w[TENSORS_MATRICES];
};

/* Matrix i < TENSORS_MATRICES of a layer. */
struct linear *tensors_matrix(struct layer *l, unsigned i);

/* Reads every tensor for w->hash only: nothing is packed. */
bool tensors_hash(struct model *m, struct weights *w, struct err *e);

/* Reads every tensor and packs every matrix. kept[shape.layers] takes copies on the way; NULL: none. */
bool tensors_read(struct model *m, struct weights *w, const struct tensors_kept *kept, struct err *e);

/* Reads all but the matrices, which are packed already, of files that were read before (w->known, from here on). */
bool tensors_read_rest(struct model *m, struct weights *w, struct err *e);

/* Packs the kept matrices once more, over factors or weights that have changed. */
void tensors_pack_again(struct model *m, const struct tensors_kept *kept);

#endif
