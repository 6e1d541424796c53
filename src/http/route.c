#include "http/route.h"

#include "api/api.h"

#include <llhttp.h>

enum { OPEN = 0, TOKEN = 1 };

const struct route route_table[ROUTE_COUNT] = {
#define ROUTE(id, kind, method, path, run, who, request, answer, summary) \
    {HTTP_##method, path, run, who == TOKEN, SERVER_##kind, ROUTE_##request, ROUTE_##answer, summary},
#include "http/route.def"
#undef ROUTE
};

static bool route_is_at(const struct route *r, enum server_kind kind, struct span path) {
    return (r->kinds & kind) && span_eq(path, span_of(r->path));
}

const struct route *route_find(enum server_kind kind, struct span path, unsigned method, bool *path_known) {
    *path_known = false;
    if (method == HTTP_HEAD) method = HTTP_GET;
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        if (!route_is_at(&route_table[i], kind, path)) continue;
        *path_known = true;
        if (route_table[i].method == method) return &route_table[i];
    }
    return NULL;
}

void route_allow(enum server_kind kind, struct span path, struct buf *out) {
    const char *before = "";
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        if (!route_is_at(&route_table[i], kind, path)) continue;
        buf_printf(out, "%s%s", before, llhttp_method_name((llhttp_method_t)route_table[i].method));
        if (route_table[i].method == HTTP_GET) buf_puts(out, ", HEAD");
        before = ", ";
    }
}
