/* routes: the API's resources, from route.def. */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "api/api.h"
#include "http/route.h"

enum route_id {
#define ROUTE(id, ...) ROUTE_##id,
#include "api/route.def"
#undef ROUTE
    ROUTE_COUNT
};

enum routes_schema {
    ROUTES_NONE,
    ROUTES_Entries,
    ROUTES_Results,
    ROUTES_Question,
    ROUTES_Answer,
    ROUTES_Health,
    ROUTES_Text,
    ROUTES_Any,
    ROUTES_Page /* for browsers; not part of the API's description */
};

/* A row of route.def: what the server needs of it, and what only the API's description says. */
struct routes_row {
    struct route route;
    const char *id;
    enum api_kind kind;
    enum routes_schema request, answer;
    const char *summary;
};

extern const struct routes_row routes_all[ROUTE_COUNT];

/* Writes the routes that a server of this kind has into to[ROUTE_COUNT]; returns how many. */
unsigned routes_of(enum api_kind kind, struct route *to);

/* Whether a path is the page's, with a row or without. */
bool routes_is_page(struct span path);

#endif
