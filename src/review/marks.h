/* marks: what was done to the program, and when: it started, took other rules, another head. They stand on the plots,
 * so that a change there can be told from one of the logs. Bounded: the newest. Any thread. */
#ifndef REVIEW_MARKS_H
#define REVIEW_MARKS_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { MARKS_MAX = 256, MARKS_TEXT_MAX = 128 };

struct mark {
    uint32_t at; /* seconds since the epoch */
    bool written;
    char text[MARKS_TEXT_MAX]; /* one line of UTF-8 */
};

struct marks;

struct marks *marks_open(void);
void marks_close(struct marks *m); /* NULL is fine */

/* Cut where it is too long; bytes below a space are spaces. m may be NULL: it is noted nowhere. */
void marks_add(struct marks *m, uint32_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* From the file: not to be written again. One that is there already is left alone. */
void marks_restore(struct marks *m, uint32_t at, struct span text);

/* A copy of those since then, oldest first, into out[MARKS_MAX]; how many. */
unsigned marks_since(struct marks *m, uint32_t since_s, struct mark *out);

/* A copy of those that the file does not have, into out[MARKS_MAX]; they are taken for written. */
unsigned marks_take_unwritten(struct marks *m, struct mark *out);

/* They were not written after all; those that are here still will be. */
void marks_give_back(struct marks *m, const struct mark *mark, unsigned n);

#endif
