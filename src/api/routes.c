#include "api/routes.h"

#include "api/handlers.h"
#include "http/auth.h"

#include <llhttp.h>

const struct routes_row routes_all[ROUTE_COUNT] = {
#define ROUTE(id, kind, door, method, path, run, who, streams, cache, request, answer, summary) \
    {{HTTP_##method, path, run, AUTH_##who, streams, cache, DOOR_##door},                       \
     #id,                                                                                       \
     API_##kind,                                                                                \
     ROUTES_##request,                                                                          \
     ROUTES_##answer,                                                                           \
     summary},
#include "api/route.def"
#undef ROUTE
};

unsigned routes_of(enum api_kind kind, struct route *to) {
    unsigned n = 0;
    for (unsigned i = 0; i < ROUTE_COUNT; i++)
        if (routes_all[i].kind & kind) to[n++] = routes_all[i].route;
    return n;
}

bool routes_is_page(struct span path) {
    return span_starts(path, SPAN_LIT("/api/")) || span_starts(path, SPAN_LIT("/ui/"));
}
