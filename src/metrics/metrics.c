#include "metrics/metrics.h"

#include "base/must.h"
#include "metrics/table.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct shard {
    union {
        struct metric_cells cells;
        _Atomic double cell[METRIC_CELLS];
    };
    struct shard *prev, *next;
};

/* What all threads share. `base` holds the gauges, and the counts of threads that have ended. */
static struct {
    pthread_mutex_t lock; /* the list of shards, base's counters, the names */
    struct shard *first;
    struct shard base;
    struct metric_names names[METRIC_NAMED_COUNT];
    char text[METRIC_SET_COUNT][METRIC_NAME_MAX];
} g = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t g_once = PTHREAD_ONCE_INIT;
static pthread_key_t g_key;
static _Thread_local struct shard *t_shard;

static double get(const _Atomic double *c) {
    return atomic_load_explicit(c, memory_order_relaxed);
}

/* For a cell that only this thread writes. */
static void bump(_Atomic double *c, double by) {
    atomic_store_explicit(c, get(c) + by, memory_order_relaxed);
}

static void fold_shard(void *arg) {
    struct shard *s = arg;
    pthread_mutex_lock(&g.lock);
    for (unsigned i = 0; i < METRIC_CELLS; i++)
        if (get(&s->cell[i]) != 0) bump(&g.base.cell[i], get(&s->cell[i]));
    if (s->prev) s->prev->next = s->next;
    if (s->next) s->next->prev = s->prev;
    if (g.first == s) g.first = s->next;
    pthread_mutex_unlock(&g.lock);
    t_shard = NULL;
    free(s);
}

static void make_key(void) {
    MUST(pthread_key_create(&g_key, fold_shard) == 0);
}

static struct shard *shard(void) {
    if (t_shard) return t_shard;
    pthread_once(&g_once, make_key);
    struct shard *s = must_calloc(1, sizeof *s);
    pthread_mutex_lock(&g.lock);
    s->next = g.first;
    if (g.first) g.first->prev = s;
    g.first = s;
    pthread_mutex_unlock(&g.lock);
    MUST(pthread_setspecific(g_key, s) == 0);
    return t_shard = s;
}

void metrics_add(enum metric_id id, unsigned a, unsigned b, unsigned c, uint64_t n) {
    MUST(metrics_rows[id].kind == METRIC_KIND_COUNTER);
    bump(&shard()->cell[metrics_cell(id, a, b, c)], (double)n);
}

void metrics_observe(enum metric_id id, unsigned a, unsigned b, double value, uint64_t times) {
    const struct metric_row *m = &metrics_rows[id];
    MUST(m->kind == METRIC_KIND_HISTOGRAM);
    unsigned k = 0;
    while (k < m->bounds && value > m->bound[k]) k++;
    _Atomic double *cell = &shard()->cell[metrics_cell(id, a, b, 0)];
    bump(&cell[k], (double)times);
    bump(&cell[m->bounds + 1], value * (double)times);
}

void metrics_gauge_add(enum metric_id id, unsigned a, int64_t delta) {
    MUST(metrics_rows[id].kind == METRIC_KIND_GAUGE);
    _Atomic double *cell = &g.base.cell[metrics_cell(id, a, 0, 0)];
    double was = get(cell);
    while (!atomic_compare_exchange_weak_explicit(cell, &was, was + (double)delta, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void metrics_gauge_set(enum metric_id id, unsigned a, double value) {
    MUST(metrics_rows[id].kind == METRIC_KIND_GAUGE || metrics_rows[id].kind == METRIC_KIND_TOTAL);
    atomic_store_explicit(&g.base.cell[metrics_cell(id, a, 0, 0)], value, memory_order_relaxed);
}

static double sum_cell(unsigned i) {
    double sum = get(&g.base.cell[i]);
    for (const struct shard *s = g.first; s; s = s->next) sum += get(&s->cell[i]);
    return sum;
}

double metrics_value(enum metric_id id, unsigned a, unsigned b, unsigned c) {
    const struct metric_row *m = &metrics_rows[id];
    unsigned cell = metrics_cell(id, a, b, c), n = m->kind == METRIC_KIND_HISTOGRAM ? m->bounds + 1 : 1;
    double sum = 0;
    pthread_mutex_lock(&g.lock);
    for (unsigned i = 0; i < n; i++) sum += sum_cell(cell + i);
    pthread_mutex_unlock(&g.lock);
    return sum;
}

void metrics_snapshot(struct metric_snapshot *out) {
    pthread_mutex_lock(&g.lock);
    for (unsigned i = 0; i < METRIC_CELLS; i++) out->cell[i] = sum_cell(i);
    memcpy(out->names, g.names, sizeof out->names);
    memcpy(out->text, g.text, sizeof out->text);
    pthread_mutex_unlock(&g.lock);
}

static unsigned metrics_find_name(struct metric_names *names, unsigned cap, const char *name) {
    for (unsigned i = 0; i < names->n; i++)
        if (strcmp(names->name[i], name) == 0) return i;
    if (names->n == cap) return cap - 1;
    bool last = names->n == cap - 1;
    snprintf(names->name[names->n], sizeof names->name[0], "%s", last ? "other" : name);
    return names->n++;
}

unsigned metrics_name(enum metric_set set, const char *name) {
    const struct metric_set_row *row = &metrics_sets[set];
    MUST(row->named != METRIC_NAMED_NONE && row->cap <= METRIC_NAMES_MAX);
    pthread_mutex_lock(&g.lock);
    unsigned i = metrics_find_name(&g.names[row->named], row->cap, name);
    pthread_mutex_unlock(&g.lock);
    return i;
}

void metrics_set_text(enum metric_set set, const char *value) {
    MUST(!metrics_sets[set].value && metrics_sets[set].named == METRIC_NAMED_NONE);
    pthread_mutex_lock(&g.lock);
    snprintf(g.text[set], sizeof g.text[set], "%s", value);
    pthread_mutex_unlock(&g.lock);
}
