/* model: an encoder's weights as the forward pass reads them, packed for one kernel. The struct and
 * where its parts lie; load.h fills it. Immutable after that. */
#ifndef ENCODER_MODEL_H
#define ENCODER_MODEL_H

#include "encoder/shape.h"
#include "kern/kern.h"

/* y = x · Wᵀ + bias, in slices of the inputs: the slices' results add up. For fp32 kernels there is one slice; for int8
 * kernels each has at most kern.slice inputs, because weights and inputs then get their scales for fewer values each.
 */
struct linear {
    unsigned in, out, slices, slice_in; /* inputs of a slice; of the last, what is left */
    struct kern_linear *slice;
    float *factor; /* int8: [in], the slices' factors; ones until smoothed */
};

struct layer {
    struct linear qkv;  /* hidden → 3 hidden: queries, keys, values side by side */
    struct linear out;  /* hidden → hidden: the attention's result */
    struct linear up;   /* hidden → inner, then GELU */
    struct linear down; /* inner → hidden */
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
    bool programs;       /* the adapter has learnt to read the trade of the program before a line (text/program.h) */
    void *memory;        /* owns all of the above */
    size_t memory_bytes;
};

/* Takes the memory, all zeros, for a model of m->shape and m->kern, and sets every pointer in it. */
bool model_lay_out(struct model *m, struct err *e);
void model_close(struct model *m); /* zero-filled is fine */

#endif
