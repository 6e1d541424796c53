#include "metrics/table.h"

#include "base/must.h"

#include <string.h>

#define METRIC_SET(id, label, ...) static const char *const VALUES_##id[] = {__VA_ARGS__};
#define METRIC_BUCKETS(id, ...)    static const double BOUNDS_##id[] = {__VA_ARGS__};
#include "metrics/metrics.def"
static const double BOUNDS_NONE[1];

const struct metric_set_row metrics_sets[METRIC_SET_COUNT] = {
#define METRIC_SET(id, label, ...)       {label, VALUES_##id, METRIC_CAP_##id, METRIC_NAMED_NONE},
#define METRIC_SET_NAMED(id, label, max) {label, NULL, max, METRIC_NAMED_##id},
#define METRIC_SET_TEXT(id, label)       {label, NULL, 1, METRIC_NAMED_NONE},
#include "metrics/metrics.def"
};

enum { SHOW_SEEN, SHOW_ALL };

const struct metric_row metrics_rows[METRIC_COUNT] = {
#define METRIC(id, kind, name, a, b, c, buckets, show, help)     \
    {name,                                                       \
     help,                                                       \
     METRIC_KIND_##kind,                                         \
     {METRIC_SET_##a, METRIC_SET_##b, METRIC_SET_##c},           \
     BOUNDS_##buckets,                                           \
     METRIC_BOUNDS_##buckets,                                    \
     METRIC_CELLS_##buckets,                                     \
     offsetof(struct metric_cells, id) / sizeof(_Atomic double), \
     SHOW_##show == SHOW_ALL},
#include "metrics/metrics.def"
};

unsigned metrics_cell(enum metric_id id, unsigned a, unsigned b, unsigned c) {
    MUST(id < METRIC_COUNT);
    const struct metric_row *m = &metrics_rows[id];
    unsigned nb = metrics_sets[m->set[1]].cap, nc = metrics_sets[m->set[2]].cap;
    MUST(a < metrics_sets[m->set[0]].cap && b < nb && c < nc);
    return m->at + ((a * nb + b) * nc + c) * m->stride;
}

int metrics_find(enum metric_set set, const char *value) {
    MUST(set < METRIC_SET_COUNT && metrics_sets[set].value != NULL);
    for (unsigned i = 0; i < metrics_sets[set].cap; i++)
        if (strcmp(metrics_sets[set].value[i], value) == 0) return (int)i;
    return -1;
}

unsigned metrics_error_type(enum err_code code) {
    int i = metrics_find(METRIC_SET_ERROR_TYPE, err_name(code));
    if (i < 0) i = metrics_find(METRIC_SET_ERROR_TYPE, code == ERR_LIMIT || code == ERR_INPUT ? "decode" : "cancelled");
    MUST(i >= 0);
    return (unsigned)i;
}
