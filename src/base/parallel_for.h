/* parallel_for: the same work on many pieces, on a few threads. Which thread takes which piece is chance; a result that
 * is kept per piece and joined in the order of pieces is the same for any number of threads. */
#ifndef BASE_PARALLEL_FOR_H
#define BASE_PARALLEL_FOR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { PARALLEL_FOR_THREADS_MAX = 64 };

/* Calls work(self, piece, thread) once for each piece 0..pieces-1, on `threads` threads (0: as many as there are CPUs
 * we may use; the caller is one of them; thread is 0..threads-1), and returns when all are done. */
void parallel_for(size_t pieces, unsigned threads, void (*work)(void *self, size_t piece, unsigned thread), void *self);

/* Calls both at the same time and returns when both are done: true when both did their work. Else *e is what the first
 * says or, where that did its, the second. */
bool parallel_both(bool (*first)(void *self, struct err *e), bool (*second)(void *self, struct err *e), void *self,
                   struct err *e);

unsigned parallel_for_threads(unsigned asked); /* what `threads` comes to: 1..PARALLEL_FOR_THREADS_MAX */

#endif
