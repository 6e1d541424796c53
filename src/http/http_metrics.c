#include "http/http_metrics.h"

#include "base/must.h"
#include "metrics/metrics.h"

#include <llhttp.h>
#include <stdio.h>

/* llhttp names methods up to here; the others are those of RTSP, which an HTTP parser never reports. */
enum { METHODS = HTTP_QUERY + 1, STATUS_OK = 200 };

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

void http_metrics_init(struct http_metrics *t) {
    *t = (struct http_metrics){0};
    t->status[STATUS_OK] = status_index(STATUS_OK);
    for (int r = REFUSE_NONE + 1; r < REFUSE_COUNT; r++) {
        const struct refuse_row *row = refuse_row((enum refusal)r);
        t->status[row->status] = status_index(row->status);
        t->reason[r] = index_of(METRIC_SET_REASON, row->reason);
    }
    for (int m = 0; m < HTTP_METRICS_METHODS_MAX; m++) {
        int i = m < METHODS ? metrics_find(METRIC_SET_METHOD, llhttp_method_name((llhttp_method_t)m)) : -1;
        t->method[m] = i < 0 ? index_of(METRIC_SET_METHOD, "other") : (unsigned char)i;
    }
    for (int r = 0; r < ROUTE_COUNT; r++) t->endpoint[r] = index_of(METRIC_SET_ENDPOINT, route_table[r].path);
    t->endpoint[ROUTE_COUNT] = index_of(METRIC_SET_ENDPOINT, "other");
}

void http_metrics_request(const struct http_metrics *t, const struct route *route, unsigned method, unsigned status,
                          double seconds) {
    MUST(method < HTTP_METRICS_METHODS_MAX && status < HTTP_METRICS_STATUS_MAX);
    unsigned e = t->endpoint[route ? route - route_table : ROUTE_COUNT], m = t->method[method];
    metrics_add(METRIC_HTTP_REQUESTS, e, m, t->status[status], 1);
    metrics_observe(METRIC_HTTP_DURATION, e, m, seconds, 1);
}

void http_metrics_refusal(const struct http_metrics *t, enum refusal why) {
    MUST(why > REFUSE_NONE && why < REFUSE_COUNT);
    metrics_add(METRIC_REFUSED, t->reason[why], 0, 0, 1);
}
