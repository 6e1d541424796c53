/* table: metrics.def as data, and where each metric's cells lie. Private to the folder. */
#ifndef METRICS_TABLE_H
#define METRICS_TABLE_H

#include "metrics/metrics.h"

#include "build_info.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { METRIC_SETS = 3, METRIC_NAME_MAX = 64 };

enum metric_kind { METRIC_KIND_COUNTER, METRIC_KIND_TOTAL, METRIC_KIND_GAUGE, METRIC_KIND_HISTOGRAM };

/* The sets whose values are named while running. */
enum metric_named {
#define METRIC_SET_NAMED(id, ...) METRIC_NAMED_##id,
#include "metrics/metrics.def"
    METRIC_NAMED_COUNT,
    METRIC_NAMED_NONE = METRIC_NAMED_COUNT
};

enum { METRIC_NAMES_MAX = 128 };

/* Every value of such a set that was ever named; the cells follow this order. */
struct metric_names {
    char name[METRIC_NAMES_MAX][METRIC_NAME_MAX];
    unsigned n;
};

/* Number of values of each set, and of cells of each series: one, or the buckets, +Inf and the sum. */
enum {
#define METRIC_SET(id, label, ...)       METRIC_CAP_##id = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),
#define METRIC_SET_NAMED(id, label, max) METRIC_CAP_##id = (max),
#define METRIC_SET_TEXT(id, label)       METRIC_CAP_##id = 1,
#include "metrics/metrics.def"
#define METRIC_BUCKETS(id, ...)                                                  \
    METRIC_BOUNDS_##id = sizeof((const double[]){__VA_ARGS__}) / sizeof(double), \
    METRIC_CELLS_##id = METRIC_BOUNDS_##id + 2,
#include "metrics/metrics.def"
    METRIC_BOUNDS_NONE = 0,
    METRIC_CELLS_NONE = 1,
};

/* A thread's counts. Everything is a double: whole counts are exact up to 2^53. One writer, relaxed loads and stores.
 */
struct metric_cells {
#define METRIC(id, kind, name, a, b, c, buckets, show, help) \
    _Atomic double id[METRIC_CAP_##a * METRIC_CAP_##b * METRIC_CAP_##c * METRIC_CELLS_##buckets];
#include "metrics/metrics.def"
};

enum { METRIC_CELLS = sizeof(struct metric_cells) / sizeof(_Atomic double) };

struct metric_set_row {
    const char *label;
    const char *const *value; /* NULL: named while running */
    unsigned cap;
    enum metric_named named;
};

struct metric_row {
    const char *name, *help;
    enum metric_kind kind;
    enum metric_set set[METRIC_SETS];
    const double *bound; /* bound[bounds], rising; a histogram's */
    unsigned bounds;
    unsigned stride; /* cells of one series */
    unsigned at;     /* first cell */
    bool show_all;
};

extern const struct metric_set_row metrics_sets[METRIC_SET_COUNT];
extern const struct metric_row metrics_rows[METRIC_COUNT];

/* A sum over all threads at one moment, with the label names known then. */
struct metric_snapshot {
    double cell[METRIC_CELLS];
    struct metric_names names[METRIC_NAMED_COUNT];
    char text[METRIC_SET_COUNT][METRIC_NAME_MAX]; /* of the sets of METRIC_SET_TEXT */
};

void metrics_snapshot(struct metric_snapshot *out);

/* Cell of a series: index of its first cell. */
unsigned metrics_cell(enum metric_id id, unsigned a, unsigned b, unsigned c);

/* Reads the process's own figures into their gauges. */
void metrics_sample_process(void);

#endif
