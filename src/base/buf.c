#include "base/buf.h"

#include "base/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b, size_t bytes_max) {
    *b = (struct buf){.max = bytes_max};
}

void buf_release(struct buf *b) {
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b) {
    b->n = 0;
    b->failed = false;
}

char *buf_grow(struct buf *b, size_t n) {
    if (b->failed || n > b->max - b->n) {
        b->failed = true;
        return NULL;
    }
    if (b->n + n > b->cap) {
        size_t cap = b->cap ? b->cap : BUF_FIRST;
        while (cap < b->n + n) cap = cap > b->max / 2 ? b->max : cap * 2;
        char *p = realloc(b->p, cap);
        if (!p) {
            b->failed = true;
            return NULL;
        }
        b->p = p;
        b->cap = cap;
    }
    return b->p + b->n;
}

void buf_put(struct buf *b, const void *p, size_t n) {
    char *to = n > 0 ? buf_reserve(b, n) : NULL; /* nothing asks for no memory */
    if (!to) return;
    memcpy(to, p, n);
    b->n += n;
}

void buf_puts(struct buf *b, const char *s) {
    buf_put(b, s, strlen(s));
}

void buf_put_number(struct buf *b, uint64_t v) {
    char text[20]; /* as many digits as 2^64 has */
    size_t at = sizeof text;
    do text[--at] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    buf_put(b, text + at, sizeof text - at);
}

void buf_printf(struct buf *b, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    MUST(n >= 0);
    char *to = buf_reserve(b, (size_t)n + 1);
    if (to) {
        vsnprintf(to, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void buf_drop_front(struct buf *b, size_t n) {
    MUST(n <= b->n);
    if (n == 0) return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}
