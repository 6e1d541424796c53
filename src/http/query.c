#include "http/query.h"

/* s up to the first c, or all of it. */
static struct span query_before(struct span s, char c) {
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return span_sub(s, 0, at ? (size_t)(at - s.p) : s.n);
}

bool query_next(struct span *query, struct span *name, struct span *value) {
    struct span one = {0};
    while (query->n > 0 && one.n == 0) {
        one = query_before(*query, '&');
        *query = span_sub(*query, one.n + 1, query->n);
    }
    *name = query_before(one, '=');
    *value = span_sub(one, name->n + 1, one.n);
    return one.n > 0;
}

bool query_has(struct span query, struct span name, struct span value) {
    struct span n, v;
    while (query_next(&query, &n, &v))
        if (span_eq(n, name) && span_eq(v, value)) return true;
    return false;
}
