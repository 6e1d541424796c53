#include "http/http_metrics.h"

#include "base/must.h"
#include "metrics/metrics.h"

#include <llhttp.h>
#include <stdio.h>

/* llhttp names methods up to here; the others are those of RTSP, which an HTTP parser never reports. */
enum { METHODS = HTTP_QUERY + 1 };

static unsigned char index_of(enum metric_set set, const char *value) {
    int i = metrics_find(set, value);
    MUST(i >= 0 && i < 256);
    return (unsigned char)i;
}

static unsigned char status_index(unsigned status) {
    char text[16];
    snprintf(text, sizeof text, "%u", status);
    return index_of(METRIC_SET_STATUS, text);
}

void http_metrics_init(struct http_metrics *t, const struct route_table *routes) {
    MUST(routes->n <= ROUTES_MAX);
    *t = (struct http_metrics){.routes = routes};
    for (unsigned s = 0; (s = response_status_after(s)) != 0;) t->status[s] = status_index(s);
    for (int r = REFUSE_NONE + 1; r < REFUSE_COUNT; r++)
        t->reason[r] = index_of(METRIC_SET_REASON, refuse_row((enum refusal)r)->reason);
    for (int m = 0; m < HTTP_METRICS_METHODS_MAX; m++) {
        int i = m < METHODS ? metrics_find(METRIC_SET_METHOD, llhttp_method_name((llhttp_method_t)m)) : -1;
        t->method[m] = i < 0 ? index_of(METRIC_SET_METHOD, "other") : (unsigned char)i;
    }
    for (int r = 0; r < (int)routes->n; r++)
        t->endpoint[r] = (unsigned char)metrics_name(METRIC_SET_ENDPOINT, routes->row[r].path);
    t->endpoint[ROUTES_MAX] = (unsigned char)metrics_name(METRIC_SET_ENDPOINT, "other");
}

void http_metrics_request(const struct http_metrics *t, const struct route *route, unsigned method, unsigned status,
                          double seconds) {
    MUST(method < HTTP_METRICS_METHODS_MAX && status < RESPONSE_STATUS_MAX);
    unsigned e = t->endpoint[route ? route - t->routes->row : ROUTES_MAX], m = t->method[method];
    metrics_add(METRIC_HTTP_REQUESTS, e, m, t->status[status], 1);
    metrics_observe(METRIC_HTTP_DURATION, e, m, seconds, 1);
}

void http_metrics_refusal(const struct http_metrics *t, enum refusal why) {
    MUST(why > REFUSE_NONE && why < REFUSE_COUNT);
    metrics_add(METRIC_REFUSED, t->reason[why], 0, 0, 1);
}
