/* arena: memory that lives as long as one request and is freed in one go. Chunks are kept over arena_reset, so a warm
 * arena allocates nothing. One thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *first, *current;
    size_t bytes_max; /* cap on the sum of all chunks */
    size_t bytes;     /* held now */
};

void arena_init(struct arena *a, size_t bytes_max);

/* n bytes, 16-byte aligned, not zeroed; NULL when the cap or the memory is reached. n == 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);

/* A copy of s in the arena with a NUL behind it; p == NULL when there is no room. */
struct span arena_copy(struct arena *a, struct span s);

void arena_reset(struct arena *a);   /* forgets the contents, keeps the chunks */
void arena_release(struct arena *a); /* frees all; a zero-filled arena is fine */

#endif
