#include "api/routes.h"

#include "api/handlers.h"

#include <llhttp.h>

enum { OPEN = 0, TOKEN = 1 };

const struct routes_row routes_all[ROUTE_COUNT] = {
#define ROUTE(id, kind, method, path, run, who, streams, cache, request, answer, summary) \
    {{HTTP_##method, path, run, who == TOKEN, streams, cache, run == api_loki},           \
     #id,                                                                                 \
     API_##kind,                                                                          \
     ROUTES_##request,                                                                    \
     ROUTES_##answer,                                                                     \
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
