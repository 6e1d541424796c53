/* buf: a growable byte buffer with a cap. Writing past the cap (or out of memory) drops the write and sets `failed`,
 * which stays set until buf_reset: write freely, check once. One thread at a time. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *p;
    size_t n, cap, max;
    bool failed;
};

void buf_init(struct buf *b, size_t bytes_max);
void buf_release(struct buf *b); /* zero-filled is fine */
void buf_reset(struct buf *b);   /* empties, keeps the memory, clears failed */

char *buf_grow(struct buf *b, size_t n); /* buf_reserve, where the memory does not reach */

/* Makes room for n more bytes and returns where they go; then set b->n yourself. NULL (and failed) when it can't. */
static inline char *buf_reserve(struct buf *b, size_t n) {
    bool there = !b->failed && n <= b->cap - b->n && n <= b->max - b->n;
    return there ? b->p + b->n : buf_grow(b, n);
}

void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_put_number(struct buf *b, uint64_t v); /* in decimal */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_drop_front(struct buf *b, size_t n); /* removes the first n bytes */

static inline void buf_putc(struct buf *b, char c) {
    char *to = buf_reserve(b, 1);
    if (!to) return;
    *to = c;
    b->n++;
}

static inline struct span buf_span(const struct buf *b) {
    return (struct span){b->p, b->n};
}

#endif
