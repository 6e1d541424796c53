/* answer: what was decided about a template, and the key that the template is remembered under. What the pipeline, the
 * template memory and the network stage hand to each other. */
#ifndef DATA_ANSWER_H
#define DATA_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

/* 128 bits of a template's hash, made by memo_key (memo/memo.h). {0, 0} is never a template's key. */
struct memo_key {
    uint64_t lo, hi;
};

static inline bool memo_key_eq(struct memo_key a, struct memo_key b) {
    return a.lo == b.lo && a.hi == b.hi;
}

/* An answer. `decider` DECIDER_FALLBACK means: the encoder was asked and was not sure. */
struct answer {
    double confidence; /* 0..1 */
    uint8_t label;     /* index into the label set */
    uint8_t decider;   /* enum decider */
    uint32_t kind;     /* number of its kind of line in the inventory (review/kinds.h); 0: none */
};

#endif
