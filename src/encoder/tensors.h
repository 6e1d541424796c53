/* tensors: fills a laid-out model from its files: which tensor goes where. The work is shared by a few threads, gone on
 * return. */
#ifndef ENCODER_TENSORS_H
#define ENCODER_TENSORS_H

#include "encoder/model.h"
#include "encoder/weights.h"

/* The weights of one layer as they came from the file, for smoothing; NULL: not wanted. */
struct tensors_kept {
    float *qkv; /* [3 hidden][hidden] */
    float *up;  /* [inner][hidden] */
};

/* Reads every tensor for w->hash only: nothing is packed. */
bool tensors_hash(struct model *m, struct weights *w, struct err *e);

/* Reads every tensor and packs every matrix. kept[shape.layers] takes copies on the way; NULL: none. */
bool tensors_read(struct model *m, struct weights *w, const struct tensors_kept *kept, struct err *e);

/* Packs the kept matrices once more, over factors that have changed. */
void tensors_pack_again(struct model *m, const struct tensors_kept *kept);

#endif
