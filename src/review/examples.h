/* examples: lines as they came, in memory only and bounded: a ring of those that were the first of their kind or came
 * with no memory of it, and one of a sample of the others. Lines are kept with the number of their kind. Any thread; a
 * line that would have to wait is not kept. Numbers of kinds are used again: who shows a line masks it, and looks
 * whether it is of that kind. */
#ifndef REVIEW_EXAMPLES_H
#define REVIEW_EXAMPLES_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct examples;

enum { EXAMPLES_RING_BYTES = 4 << 20, EXAMPLES_LINE_MAX = 2048, EXAMPLES_SAMPLE = 64 };

struct examples *examples_open(void);
void examples_close(struct examples *x); /* NULL is fine */

/* A line of a kind. seldom: it goes into the ring of those. */
void examples_add(struct examples *x, uint32_t kind, struct span source, struct span line, bool seldom);

/* Takes all lines of a kind out of memory. */
void examples_forget(struct examples *x, uint32_t kind);

/* One line. The spans lie in the buffers of the call. */
struct example {
    uint32_t kind;
    struct span source, line;
};

/* The last lines of a kind, newest first, at most max, into text[max * 2 * EXAMPLES_LINE_MAX]; returns how many. */
unsigned examples_of(struct examples *x, uint32_t kind, struct example *to, unsigned max, char *text);

/* Calls `each` for every line that is kept, oldest first, under a lock: it must be quick. */
void examples_each(struct examples *x, void (*each)(void *self, const struct example *e), void *self);

#endif
