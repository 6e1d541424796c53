/* forward: token ids in, one unit vector a line out. The order of the maths, on batches without padding: the tokens of
 * all lines are the rows of one matrix, and only attention looks at where a line begins and ends. */
#ifndef ENCODER_FORWARD_H
#define ENCODER_FORWARD_H

#include "encoder/model.h"

enum { FORWARD_TOKENS = 256 }; /* rows gathered before a pass; a longer line still goes alone */

/* Shown the inputs of every linear layer, x[rows][l->in]. */
struct forward_watch {
    void (*see)(struct forward_watch *w, const struct linear *l, const float *x, size_t rows);
};

/* Work space of one thread. */
struct forward_scratch {
    unsigned rows_max;
    float *x;         /* [rows_max][hidden]: the residual stream */
    float *qkv;       /* [rows_max][3 hidden] */
    float *context;   /* [rows_max][hidden]: what attention gives */
    float *inner;     /* [block][inner] */
    struct kern_in q; /* [block]: the inputs of the slice at work, as bytes */
    float *attention; /* kern_attention_scratch */
    void *memory;
    struct forward_watch *watch; /* NULL: not watched */
};

/* Room for passes of up to rows_max tokens. */
void forward_scratch_init(struct forward_scratch *s, const struct model *m, unsigned rows_max);
void forward_scratch_release(struct forward_scratch *s);

/* `lines` lines of tokens[l] >= 1 ids each, one after the other in ids, together at most s->rows_max; every id below
 * the vocabulary's size, every line at most shape.positions long. out[lines][hidden]. Allocates nothing. The bits of a
 * line's vector depend on its ids and the model only. */
void forward_run(const struct model *m, struct forward_scratch *s, const uint32_t *ids, const unsigned *tokens,
                 size_t lines, float *out);

#endif
