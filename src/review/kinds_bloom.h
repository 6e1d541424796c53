/* kinds_bloom: which ids were ever seen, in little memory: two generations of a Bloom filter, so that a kind that was
 * dropped is not announced as new when it comes again; and an estimate of how many there were (HyperLogLog). Its own
 * lock; any thread. */
#ifndef REVIEW_KINDS_BLOOM_H
#define REVIEW_KINDS_BLOOM_H

#include "base/span.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    KINDS_BLOOM_IDS = 1000000, /* of a generation, then the next begins: 1 % are taken for seen falsely */
    KINDS_BLOOM_BYTES = 1200000,
    KINDS_BLOOM_LIFE_S = 30 * 24 * 3600, /* or after so long */
    KINDS_SKETCH = 4096,                 /* registers: the estimate is right to 1.6 % */
};

struct kinds_bloom {
    pthread_mutex_t lock;
    uint8_t *bits[2]; /* the present generation, and the one before */
    uint8_t *sketch;  /* [KINDS_SKETCH] */
    uint32_t ids, begun_s;
    bool changed; /* since kinds_bloom_save */
};

void kinds_bloom_open(struct kinds_bloom *b);
void kinds_bloom_close(struct kinds_bloom *b);

/* Enters an id. Whether it may have been seen before. */
bool kinds_bloom_add(struct kinds_bloom *b, uint64_t id, uint32_t now_s);

/* How many different ids were entered, about. */
uint64_t kinds_bloom_estimate(struct kinds_bloom *b);

/* Everything in one block of kinds_bloom_bytes(), to be kept in a file; and back. False: the block is none of ours. */
enum { KINDS_BLOOM_SAVED = 8 + 2 * KINDS_BLOOM_BYTES + KINDS_SKETCH };
void kinds_bloom_save(struct kinds_bloom *b, uint8_t *to);
bool kinds_bloom_restore(struct kinds_bloom *b, struct span from);

#endif
