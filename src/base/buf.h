/* buf: a growable byte buffer with a cap. Writing past the cap (or out of memory) drops the write and sets `failed`,
 * which stays set until buf_reset: write freely, check once. One thread at a time. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *p;
    size_t n, cap, max;
    bool failed;
};

void buf_init(struct buf *b, size_t bytes_max);
void buf_release(struct buf *b); /* zero-filled is fine */
void buf_reset(struct buf *b);   /* empties, keeps the memory, clears failed */

/* Makes room for n more bytes and returns where they go; then set b->n yourself. NULL (and failed) when it can't. */
char *buf_reserve(struct buf *b, size_t n);

void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_drop_front(struct buf *b, size_t n); /* removes the first n bytes */

static inline struct span buf_span(const struct buf *b) {
    return (struct span){b->p, b->n};
}

#endif
