/* route: the table of resources (route.def) and how a request finds its row. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "base/buf.h"
#include "base/span.h"
#include "http/server.h"

#include <stdbool.h>

struct exchange;

/* What the connection does after a handler has run. */
enum step {
    STEP_READ,  /* wait for more of the body */
    STEP_WAIT,  /* a batch is with the backend; run again when it is back */
    STEP_STALL, /* the backend was busy; run again in a moment */
    STEP_SEND,  /* an answer, or a part of it, is ready to be sent */
};

enum route_schema {
    ROUTE_NONE,
    ROUTE_Entries,
    ROUTE_Results,
    ROUTE_Question,
    ROUTE_Answer,
    ROUTE_Health,
    ROUTE_Text,
    ROUTE_Any
};

struct route {
    unsigned method; /* enum llhttp_method */
    const char *path;
    enum step (*run)(struct exchange *x);
    bool needs_token;
    unsigned kinds; /* enum server_kind: which servers have it */
    enum route_schema request, answer;
    const char *summary;
};

enum route_id {
#define ROUTE(id, ...) ROUTE_##id,
#include "http/route.def"
#undef ROUTE
    ROUTE_COUNT
};

extern const struct route route_table[ROUTE_COUNT];

/* The server's row for path and method (HEAD counts as GET). NULL: none; *path_known says whether the path has other
 * methods. Paths are compared byte for byte. */
const struct route *route_find(enum server_kind kind, struct span path, unsigned method, bool *path_known);

/* The methods of a path, as the value of an Allow header: "GET, HEAD". */
void route_allow(enum server_kind kind, struct span path, struct buf *out);

#endif
