/* metrics: counters, gauges and histograms of the process. The list is metrics.def; names there are the contract's.
 * A thread counts in a shard of its own (no locks, no shared cache lines); a scrape sums the shards, and a thread that
 * ends leaves its counts behind. Gauges are one cell for all threads. All functions may be called from any thread. */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

enum metric_id {
#define METRIC(id, ...) METRIC_##id,
#include "metrics/metrics.def"
    METRIC_COUNT
};

/* The sets of label values; an index into one is the position of the value in metrics.def. */
enum metric_set {
#define METRIC_SET(id, ...)       METRIC_SET_##id,
#define METRIC_SET_NAMED(id, ...) METRIC_SET_##id,
#define METRIC_SET_TEXT(id, ...)  METRIC_SET_##id,
#include "metrics/metrics.def"
    METRIC_SET_COUNT
};

/* a, b, c: indices of the label values, in the order of the metric's labels (0 where it has fewer). Values come from
 * closed sets named in metrics.def, never from a client; an index out of its set is a bug. */
void metrics_add(enum metric_id id, unsigned a, unsigned b, unsigned c, uint64_t n);           /* COUNTER */
void metrics_observe(enum metric_id id, unsigned a, unsigned b, double value, uint64_t times); /* HISTOGRAM */
void metrics_gauge_add(enum metric_id id, unsigned a, int64_t delta);                          /* GAUGE */
void metrics_gauge_set(enum metric_id id, unsigned a, double value);                           /* GAUGE, TOTAL */

/* Current value, summed over threads (tests, summaries). For a histogram: the number of observations. */
double metrics_value(enum metric_id id, unsigned a, unsigned b, unsigned c);

/* Index of a value of a METRIC_SET_NAMED, which is added when it is new: the same for the same name as long as the
 * process lives, so that a label keeps its counts over a reload. Names are copied. Past the set's size further ones are
 * counted together as "other". */
unsigned metrics_name(enum metric_set set, const char *name);

/* The value of a METRIC_SET_TEXT; copied, cut at 63 bytes. Not from a client. */
void metrics_set_text(enum metric_set set, const char *value);

/* Index of value in a set of fixed values; -1: it is not in it. For start-up: it compares strings. */
int metrics_find(enum metric_set set, const char *value);

/* Index of the `error_type` a failure is counted under. Codes without a type of their own count as what they mean to
 * the record: an answer past a limit as "decode", a call that never started as "cancelled". */
unsigned metrics_error_type(enum err_code code);

/* Prometheus text format 0.0.4 of everything, process figures included. */
void metrics_expose(struct buf *out);

#endif
