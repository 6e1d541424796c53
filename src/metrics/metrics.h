/* metrics: counters, gauges and histograms of the process. The list is metrics.def; names there are the contract's.
 * Writers touch only their own thread's shard (no locks, no shared cache lines); a scrape sums the shards. */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include "base/buf.h"

#include <stdint.h>

enum metric_id {
#define METRIC(id, ...) METRIC_##id,
#include "metrics/metrics.def"
#undef METRIC
    METRIC_COUNT
};

/* a, b, c: indices of the label values, in the order of the metric's labels (0 where it has fewer). Values come from
 * closed sets named in metrics.def, never from a client; an index out of its set is a bug. */
void metrics_add(enum metric_id id, unsigned a, unsigned b, unsigned c, uint64_t n);           /* counters */
void metrics_observe(enum metric_id id, unsigned a, unsigned b, double value, uint64_t times); /* histograms */
void metrics_gauge_add(enum metric_id id, unsigned a, int64_t delta); /* gauges that go up and down */
void metrics_gauge_set(enum metric_id id, unsigned a, double value);

/* Current value, summed over threads (tests, summaries). For a histogram: the number of observations. */
double metrics_value(enum metric_id id, unsigned a, unsigned b, unsigned c);

/* The label set whose ids are the values of `label` labels; call once before serving, again after a reload. */
struct label_names {
    const char *name[64];
    unsigned n;
};
void metrics_set_labels(const struct label_names *names);

/* Prometheus text format 0.0.4 of everything. */
void metrics_expose(struct buf *out);

#endif
