#include "base/must.h"
#include "metrics/table.h"

#include <math.h>
#include <stdio.h>

static const char *const KIND_NAME[] = {
    [METRIC_KIND_COUNTER] = "counter",
    [METRIC_KIND_TOTAL] = "counter",
    [METRIC_KIND_GAUGE] = "gauge",
    [METRIC_KIND_HISTOGRAM] = "histogram",
};

/* Walks a metric's series: the indices of their label values count up like an odometer. */
struct series {
    const struct metric_row *metric;
    const struct metric_snapshot *snap;
    unsigned value[METRIC_SETS], values[METRIC_SETS];
};

static struct series series_first(enum metric_id id, const struct metric_snapshot *snap) {
    struct series s = {.metric = &metrics_rows[id], .snap = snap};
    for (unsigned i = 0; i < METRIC_SETS; i++) {
        const struct metric_set_row *set = &metrics_sets[s.metric->set[i]];
        s.values[i] = set->named == METRIC_NAMED_NONE ? set->cap : snap->names[set->named].n;
    }
    return s;
}

static bool series_next(struct series *s) {
    for (unsigned i = METRIC_SETS; i-- > 0;) {
        if (++s->value[i] < s->values[i]) return true;
        s->value[i] = 0;
    }
    return false;
}

static const char *value_name(const struct series *s, unsigned i) {
    const struct metric_set_row *set = &metrics_sets[s->metric->set[i]];
    if (set->value) return set->value[s->value[i]];
    if (set->named != METRIC_NAMED_NONE) return s->snap->names[set->named].name[s->value[i]];
    return s->snap->text[s->metric->set[i]];
}

static void put_escaped(struct buf *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\\' || *text == '"') buf_putc(out, '\\');
        if (*text == '\n')
            buf_puts(out, "\\n");
        else
            buf_putc(out, *text);
    }
}

/* Most numbers are counts: their digits are written without printf, which is most of what a scrape costs. */
static void expose_put_number(struct buf *out, double v) {
    if (v >= 0 && v < 1e15 && v == floor(v))
        buf_put_number(out, (uint64_t)v);
    else
        buf_printf(out, "%.15g", v);
}

/* name{labels} value; le: upper bound of a histogram's bucket, NULL: none */
static void put_sample(struct buf *out, const struct series *s, const char *suffix, const char *le, double v) {
    char before = '{';
    buf_puts(out, s->metric->name);
    buf_puts(out, suffix);
    for (unsigned i = 0; i < METRIC_SETS; i++) {
        if (s->metric->set[i] == METRIC_SET_NONE) continue;
        buf_putc(out, before);
        buf_puts(out, metrics_sets[s->metric->set[i]].label);
        buf_puts(out, "=\"");
        put_escaped(out, value_name(s, i));
        buf_putc(out, '"');
        before = ',';
    }
    if (le) {
        buf_printf(out, "%cle=\"%s\"", before, le);
        before = ',';
    }
    buf_puts(out, before == '{' ? " " : "} ");
    expose_put_number(out, v);
    buf_putc(out, '\n');
}

/* A histogram's buckets are cumulative in the text and separate in the cells. */
static void put_histogram(struct buf *out, const struct series *s, const double *cell) {
    const struct metric_row *m = s->metric;
    double count = 0;
    for (unsigned k = 0; k < m->bounds; k++) {
        char le[32];
        snprintf(le, sizeof le, "%g", m->bound[k]);
        count += cell[k];
        put_sample(out, s, "_bucket", le, count);
    }
    count += cell[m->bounds];
    put_sample(out, s, "_bucket", "+Inf", count);
    put_sample(out, s, "_sum", NULL, cell[m->bounds + 1]);
    put_sample(out, s, "_count", NULL, count);
}

static bool is_shown(const struct series *s, const double *cell, bool first) {
    if (first || s->metric->show_all) return true;
    for (unsigned i = 0; i < s->metric->stride; i++)
        if (cell[i] != 0) return true;
    return false;
}

static void put_metric(struct buf *out, enum metric_id id, const struct metric_snapshot *snap) {
    const struct metric_row *m = &metrics_rows[id];
    struct series s = series_first(id, snap);
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, KIND_NAME[m->kind]);
    if (s.values[0] == 0 || s.values[1] == 0 || s.values[2] == 0) return; /* no label is named yet */
    bool first = true;
    do {
        const double *cell = &snap->cell[metrics_cell(id, s.value[0], s.value[1], s.value[2])];
        if (!is_shown(&s, cell, first)) continue;
        if (m->kind == METRIC_KIND_HISTOGRAM)
            put_histogram(out, &s, cell);
        else
            put_sample(out, &s, "", NULL, cell[0]);
        first = false;
    } while (series_next(&s));
}

void metrics_expose(struct buf *out) {
    metrics_sample_process();
    struct metric_snapshot *snap = must_calloc(1, sizeof *snap);
    metrics_snapshot(snap);
    for (unsigned id = 0; id < METRIC_COUNT; id++) put_metric(out, id, snap);
    free(snap);
}
