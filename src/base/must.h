/* MUST(x): x is an invariant of ours. When it does not hold the program has a bug; it stops with the place, in release
 * builds too. Never use it for input or for the outside world: those are errors (err.h). */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#include <stdlib.h>

_Noreturn void must_fail(const char *expr, const char *file, int line);

#define MUST(x) ((x) ? (void)0 : must_fail(#x, __FILE__, __LINE__))

/* What the program can't go on without is not to be had from the system: no bug, but it stops, with a line that says
 * what and why. Nothing is torn by that: files are replaced in one step or appended to record by record. */
_Noreturn void must_lack(const char *what, const char *why);

/* p, which is not NULL: memory that a library gave. */
#define MUST_MEMORY(p) ((p) ? (void)0 : must_lack("memory", __FILE__))

/* Memory for start-up structures of fixed, known size. Zero-filled. Running out of it at start is not recoverable, so
 * it stops (must_lack); memory whose size comes from input goes through arena or buf, which report. */
void *must_calloc(size_t n, size_t size);
void *must_aligned(size_t align, size_t bytes); /* zero-filled; release with free() */

#endif
