/* tally: the server's own metrics. Label values are looked up once, at start. */
#ifndef SERVER_TALLY_H
#define SERVER_TALLY_H

#include "server/refuse.h"
#include "server/route.h"

enum { TALLY_STATUS_MAX = 600, TALLY_METHODS_MAX = 64 };

struct tally {
    unsigned char status[TALLY_STATUS_MAX]; /* HTTP status → index of the label value */
    unsigned char method[TALLY_METHODS_MAX];
    unsigned char endpoint[ROUTE_COUNT + 1]; /* the last: other */
    unsigned char reason[REFUSE_COUNT];
};

/* A value the server can produce and metrics.def does not list is a bug. */
void tally_init(struct tally *t);

/* route: NULL counts as "other". method: enum llhttp_method. */
void tally_request(const struct tally *t, const struct route *route, unsigned method, unsigned status, double seconds);
void tally_refusal(const struct tally *t, enum refusal why);

#endif
