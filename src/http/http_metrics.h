/* http_metrics: the server's own metrics. Label values are looked up once, at start. */
#ifndef HTTP_HTTP_METRICS_H
#define HTTP_HTTP_METRICS_H

#include "http/refuse.h"
#include "http/response.h"
#include "http/route.h"

enum { HTTP_METRICS_METHODS_MAX = 64 };

struct http_metrics {
    unsigned char status[RESPONSE_STATUS_MAX]; /* HTTP status → index of the label value */
    unsigned char method[HTTP_METRICS_METHODS_MAX];
    unsigned char endpoint[ROUTES_MAX + 1]; /* the last: other */
    unsigned char reason[REFUSE_COUNT];
    const struct route_table *routes;
};

/* A status or reason that the server can answer with and metrics.def does not list is a bug. The table stays the
 * caller's. */
void http_metrics_init(struct http_metrics *t, const struct route_table *routes);

/* route: NULL counts as "other". method: enum llhttp_method. */
void http_metrics_request(const struct http_metrics *t, const struct route *route, unsigned method, unsigned status,
                          double seconds);
void http_metrics_refusal(const struct http_metrics *t, enum refusal why);

#endif
