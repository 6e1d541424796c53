/* weights: the tensors of a model by name, an adapter merged in. Any number of threads may read at the same time. */
#ifndef ENCODER_WEIGHTS_H
#define ENCODER_WEIGHTS_H

#include "encoder/safetensors.h"

#include <stdatomic.h>

struct weights {
    struct safetensors model, adapter; /* adapter.n == 0: none */
    const char *prefix;                /* before every name in the file: "" or "bert." */
    atomic_uchar *used;                /* [adapter.n]: merged into something */
    _Atomic uint64_t hash;             /* of what was read, whatever the order */
    bool only_hash;                    /* pairs of the adapter are read, but not multiplied */
    bool known;                        /* the files were read before: contents are neither checked nor hashed */
};

/* adapter_path NULL or "": none. */
bool weights_open(struct weights *w, const char *model_path, const char *adapter_path, struct err *e);
void weights_close(struct weights *w);

/* A hash of which files these are: device, inode, size, times of the last change. Two files of one witness have the
 * same contents. 0: none can be given, for a file is so young that a change might leave its times as they are. */
uint64_t weights_witness(const struct weights *w);

/* Reads tensor `name` (without the prefix), which must be [rows][columns], or [columns] when rows is 0. The adapter
 * changes it: matrix  += lora_B[rows][r] · lora_A[r][columns], when both "<name>.lora_A" and "<name>.lora_B" are there;
 *   vector   is replaced by the adapter's tensor of the same name. */
bool weights_read(struct weights *w, const char *name, unsigned rows, unsigned columns, float *out, struct err *e);

/* As if nothing had been read yet. */
void weights_rewind(struct weights *w);

/* To be called when all is read: refuses an adapter with tensors that belong to nothing. */
bool weights_finish(const struct weights *w, struct err *e);

#endif
