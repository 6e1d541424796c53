/* span: a borrowed run of bytes, not NUL-terminated. It never owns what it points to. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *p;
    size_t n;
};

#define SPAN_LIT(s) ((struct span){(s), sizeof(s) - 1})

static inline struct span span_of(const char *s) {
    return (struct span){s, strlen(s)};
}

static inline bool span_eq(struct span a, struct span b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* s[from, to), clamped to s. Nothing is added to a null pointer: C does not define even NULL + 0. */
static inline struct span span_sub(struct span s, size_t from, size_t to) {
    if (to > s.n) to = s.n;
    if (from > to) from = to;
    return (struct span){from > 0 ? s.p + from : s.p, to - from};
}

/* s without leading and trailing ASCII white space. */
static inline struct span span_trim(struct span s) {
    while (s.n > 0 && (s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r'))) s.p++, s.n--;
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || (s.p[s.n - 1] >= '\t' && s.p[s.n - 1] <= '\r'))) s.n--;
    return s;
}

/* Takes the first line off *text: returns it without its newline; *text is what follows. */
static inline struct span span_take_line(struct span *text) {
    const char *nl = text->n ? (const char *)memchr(text->p, '\n', text->n) : NULL;
    size_t n = nl ? (size_t)(nl - text->p) : text->n;
    struct span line = span_sub(*text, 0, n);
    *text = span_sub(*text, nl ? n + 1 : n, text->n);
    return line;
}

static inline bool span_starts(struct span s, struct span prefix) {
    return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

#endif
