/* MUST(x): x is an invariant of ours. When it does not hold the program has a bug; it stops with the place, in release
 * builds too. Never use it for input or for the outside world: those are errors (err.h). */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#include <stdlib.h>

_Noreturn void must_fail(const char *expr, const char *file, int line);

#define MUST(x) ((x) ? (void)0 : must_fail(#x, __FILE__, __LINE__))

/* Memory for start-up structures of fixed, known size. Zero-filled. Running out of it at start is not recoverable, so
 * it aborts like a bug; memory whose size comes from input goes through arena or buf, which report. */
void *must_calloc(size_t n, size_t size);
void *must_aligned(size_t align, size_t bytes); /* zero-filled; release with free() */

#endif
