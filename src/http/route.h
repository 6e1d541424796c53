/* route: the table of resources that a server has, and how a request finds its row. The table comes from outside. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>

struct exchange;

/* What the connection does after a handler has run. */
enum step {
    STEP_READ,  /* reads more of the body; run again when there is some (routes that stream) */
    STEP_WAIT,  /* the exchange has left the loop (exchange_leave); run again when it is back */
    STEP_STALL, /* nothing can be done just now; run again in a moment */
    STEP_SEND,  /* sends the answer, or a part of it (response_send, response_part); run again after a part */
};

/* A handler is run when the request is complete (where the route streams: whenever more of it is there), and again as
 * its last step says. On a refusal (exchange_refuse) it returns STEP_SEND. */
typedef enum step route_run(struct exchange *x);

/* Who comes in, besides what `who` asks for (guard.h). */
enum route_door {
    DOOR_SITE, /* programs, and pages of the origins that cors_origin lists */
    DOOR_FILE, /* a part of the page: what a browser loads or opens */
    DOOR_PAGE, /* what the page asks: nothing but this server's own page */
};

struct route {
    unsigned method; /* enum llhttp_method */
    const char *path;
    route_run *run;
    unsigned who;      /* enum auth_role that it asks for; AUTH_OPEN: none */
    bool streams;      /* an NDJSON body is answered while it is being read */
    const char *cache; /* Cache-Control of its answers */
    enum route_door door;
};

enum { ROUTES_MAX = 64 };

struct route_table {
    const struct route *row;
    unsigned n; /* at most ROUTES_MAX */

    /* Whether a path that has no row is the page's all the same, so that its refusal looks like one; NULL: none is. */
    bool (*is_page)(struct span path);
};

/* The row for path and method (HEAD counts as GET). NULL: none; *path_known says whether the path has other methods.
 * Paths are compared byte for byte; a row that ends with "/" and a star takes whatever follows its slash. */
const struct route *route_find(const struct route_table *t, struct span path, unsigned method, bool *path_known);

/* The methods of a path, as the value of an Allow header: "GET, HEAD". */
void route_allow(const struct route_table *t, struct span path, struct buf *out);

#endif
