/* model: an encoder's weights as the forward pass reads them, packed for one kernel. Immutable after model_open. */
#ifndef ENCODER_MODEL_H
#define ENCODER_MODEL_H

#include "encoder/shape.h"
#include "kern/kern.h"

struct layer {
    struct kern_linear qkv;  /* hidden → 3 hidden: queries, keys, values side by side */
    struct kern_linear out;  /* hidden → hidden: the attention's result */
    struct kern_linear up;   /* hidden → inner, then GELU */
    struct kern_linear down; /* inner → hidden */
    struct kern_norm out_norm, down_norm;
};

struct model {
    struct shape shape;
    const struct kern *kern;
    float *words;     /* [vocab][hidden] */
    float *positions; /* [positions][hidden], the embedding of token type 0 added */
    struct kern_norm norm;
    struct layer *layer; /* [shape.layers] */
    uint64_t hash;       /* of config, weights and adapter */
    void *memory;        /* owns all of the above */
    size_t memory_bytes;
};

/* Reads config.json, 1_Pooling/config.json and model.safetensors of model_dir and merges the adapter (NULL or "":
 * none). Threads of its own share the work and are gone on return. */
bool model_open(struct model *m, const char *model_dir, const char *adapter_path, const struct kern *kern,
                struct err *e);
void model_close(struct model *m); /* zero-filled is fine */

#endif
