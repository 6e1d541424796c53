/* packed: the matrices of a model as an int8 kernel wants them, kept in a file for the next start: packing and
 * smoothing take longer than reading it. The file lies beside the model or, where that can't be written, in the user's
 * cache folder, and is one of PACKED_SLOTS a kernel: with another adapter comes another file, but not without end.
 *
 * The file is never needed and never trusted: it is used when its key (hash of everything the model was read from,
 * kernel, source code of encoder and kernels) and the hash of its contents are right; else it is written anew, in one
 * step, so that any number of processes may do so at the same time. */
#ifndef ENCODER_PACKED_H
#define ENCODER_PACKED_H

#include "encoder/model.h"

enum { PACKED_SLOTS = 4, PACKED_LEAST = 1 << 20 /* bytes; what is less is packed in no time */ };

/* Of all that the matrices of a model depend on: what it was read from, kernel, source code of encoder and kernels. */
uint64_t packed_key(const struct model *m);

/* Fills the matrices of m, laid out and with its hash known. False: there is no such file, and m is as it was. */
bool packed_read(struct model *m, const char *model_dir);

/* Failing is no harm: the next start packs again. */
void packed_write(const struct model *m, const char *model_dir);

#endif
