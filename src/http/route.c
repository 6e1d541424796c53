#include "http/route.h"

#include <llhttp.h>

static bool route_takes(const struct route *r, struct span path) {
    struct span own = span_of(r->path);
    bool open = own.n > 1 && own.p[own.n - 1] == '*';
    return open ? path.n >= own.n - 1 && memcmp(path.p, own.p, own.n - 1) == 0 : span_eq(path, own);
}

const struct route *route_find(const struct route_table *t, struct span path, unsigned method, bool *path_known) {
    *path_known = false;
    if (method == HTTP_HEAD) method = HTTP_GET;
    for (unsigned i = 0; i < t->n; i++) {
        if (!route_takes(&t->row[i], path)) continue;
        *path_known = true;
        if (t->row[i].method == method) return &t->row[i];
    }
    return NULL;
}

void route_allow(const struct route_table *t, struct span path, struct buf *out) {
    const char *before = "";
    for (unsigned i = 0; i < t->n; i++) {
        if (!route_takes(&t->row[i], path)) continue;
        buf_printf(out, "%s%s", before, llhttp_method_name((llhttp_method_t)t->row[i].method));
        if (t->row[i].method == HTTP_GET) buf_puts(out, ", HEAD");
        before = ", ";
    }
}
