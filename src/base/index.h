/* index: numbers things that are equal by a 128-bit hash: 0, 1, 2 … in the order in which they first came. Open
 * addressing, at most half full; it grows up to a stated limit. One thread at a time. The hash must be one that nobody
 * can forge where it matters (XXH3-128 is taken for equality all over the project). */
#ifndef BASE_INDEX_H
#define BASE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEX_FULL UINT32_MAX

struct index_key {
    uint64_t lo, hi;
};

struct index {
    struct index_key *key; /* [n] */
    uint32_t *slot;        /* [slots], index + 1; 0: free */
    size_t slots, n, cap, max;
};

void index_init(struct index *x, size_t max); /* at most so many things, below INDEX_FULL; takes little at first */
void index_release(struct index *x);          /* zero-filled is fine */

/* The number of the thing with this key, which is added when it is new. INDEX_FULL: it is new, and there is no room. */
uint32_t index_find(struct index *x, struct index_key key, bool *is_new);

/* The number of the thing with this key; INDEX_FULL: it is not there. Changes nothing. */
uint32_t index_get(const struct index *x, struct index_key key);

#endif
