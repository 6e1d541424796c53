/* packed: the matrices of a model as an int8 kernel wants them, kept in a file for the next start: packing and
 * smoothing take longer than reading it. The file lies beside the model or, where that can't be written, in the user's
 * cache folder, and is one of PACKED_SLOTS a kernel: with another adapter comes another file, but not without end.
 *
 * Its key (base/cache.h) is a hash of everything the model was read from, kernel, source code of encoder and kernels.
 * The file knows as well by which files it was made: their identity, sizes and times (the witness, weights_witness). As
 * long as those are the same, the 43 MB of matrices that it stands for are not read again to know their hash. */
#ifndef ENCODER_PACKED_H
#define ENCODER_PACKED_H

#include "encoder/model.h"

enum { PACKED_SLOTS = 4, PACKED_LEAST = 1 << 20 /* bytes; what is less is packed in no time */ };

/* Of all that the matrices of a model depend on: what it was read from, kernel, source code of encoder and kernels. */
uint64_t packed_key(const struct model *m);

/* Fills the matrices of m, laid out and with its hash still 0, from the file of this witness, and sets the hash. False:
 * there is no such file, or the witness is 0; m is as it was. */
bool packed_recall(struct model *m, const char *model_dir, uint64_t witness);

/* Fills the matrices of m, laid out and with its hash known; the file takes the witness over, unless that is 0. False:
 * there is no such file, and m is as it was. */
bool packed_read(struct model *m, const char *model_dir, uint64_t witness);

/* Failing is no harm: the next start packs again. */
void packed_write(const struct model *m, const char *model_dir, uint64_t witness);

#endif
