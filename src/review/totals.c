#include "review/totals.h"

#include "base/must.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

enum { CELLS = LABEL_MAX * DECIDER_COUNT };

struct totals_row {
    uint32_t at; /* the hour or minute that it is of */
    uint32_t n[CELLS];
};

struct totals {
    pthread_mutex_t lock;
    struct totals_row *hour, *minute, *unwritten; /* rings; unwritten: by hour, at 0 where all of it is in the file */
};

static struct totals_row *map_rows(size_t n) {
    void *p = mmap(NULL, n * sizeof(struct totals_row), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) must_lack("memory", "totals of lines");
    return p;
}

struct totals *totals_open(void) {
    struct totals *t = must_calloc(1, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    t->hour = map_rows(TOTALS_HOURS);
    t->minute = map_rows(TOTALS_MINUTES);
    t->unwritten = map_rows(TOTALS_HOURS);
    return t;
}

void totals_close(struct totals *t) {
    if (!t) return;
    munmap(t->hour, TOTALS_HOURS * sizeof *t->hour);
    munmap(t->minute, TOTALS_MINUTES * sizeof *t->minute);
    munmap(t->unwritten, TOTALS_HOURS * sizeof *t->unwritten);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static void row_add(struct totals_row *ring, unsigned rows, uint32_t at, unsigned cell, uint32_t n) {
    struct totals_row *r = &ring[at % rows];
    if (r->at > at) return; /* a clock that was set back */
    if (r->at < at) memset(r, 0, sizeof *r);
    r->at = at;
    r->n[cell] += n;
}

static unsigned cell_of(unsigned label, unsigned stage) {
    MUST(label < LABEL_MAX && stage < DECIDER_COUNT);
    return label * DECIDER_COUNT + stage;
}

void totals_add(struct totals *t, uint32_t now_s, unsigned label, unsigned stage, uint32_t n) {
    unsigned cell = cell_of(label, stage);
    pthread_mutex_lock(&t->lock);
    row_add(t->hour, TOTALS_HOURS, now_s / 3600, cell, n);
    row_add(t->minute, TOTALS_MINUTES, now_s / 60, cell, n);
    row_add(t->unwritten, TOTALS_HOURS, now_s / 3600, cell, n);
    pthread_mutex_unlock(&t->lock);
}

void totals_restore(struct totals *t, uint32_t hour, unsigned label, unsigned stage, uint32_t n) {
    pthread_mutex_lock(&t->lock);
    row_add(t->hour, TOTALS_HOURS, hour, cell_of(label, stage), n);
    pthread_mutex_unlock(&t->lock);
}

static uint64_t row_get(struct totals *t, const struct totals_row *ring, unsigned rows, uint32_t at, unsigned cell) {
    pthread_mutex_lock(&t->lock);
    const struct totals_row *r = &ring[at % rows];
    uint64_t n = r->at == at ? r->n[cell] : 0;
    pthread_mutex_unlock(&t->lock);
    return n;
}

uint64_t totals_hour(struct totals *t, uint32_t hour, unsigned label, unsigned stage) {
    return row_get(t, t->hour, TOTALS_HOURS, hour, cell_of(label, stage));
}

uint64_t totals_minute(struct totals *t, uint32_t minute, unsigned label, unsigned stage) {
    return row_get(t, t->minute, TOTALS_MINUTES, minute, cell_of(label, stage));
}

/* Takes what a row has; returns how many cells. The row is free when nothing is left in it. */
static unsigned row_take(struct totals_row *r, struct totals_cell *out, unsigned max) {
    unsigned n = 0, c = 0;
    for (; c < CELLS && n < max; c++) {
        if (!r->n[c]) continue;
        out[n++] = (struct totals_cell){r->at, r->n[c], (uint8_t)(c / DECIDER_COUNT), (uint8_t)(c % DECIDER_COUNT)};
        r->n[c] = 0;
    }
    if (c == CELLS) r->at = 0;
    return n;
}

unsigned totals_take_unwritten(struct totals *t, struct totals_cell *out, unsigned max) {
    unsigned n = 0;
    pthread_mutex_lock(&t->lock);
    for (unsigned i = 0; i < TOTALS_HOURS && n < max; i++)
        if (t->unwritten[i].at) n += row_take(&t->unwritten[i], out + n, max - n);
    pthread_mutex_unlock(&t->lock);
    return n;
}

void totals_give_back(struct totals *t, const struct totals_cell *cell, unsigned n) {
    pthread_mutex_lock(&t->lock);
    for (unsigned i = 0; i < n; i++)
        row_add(t->unwritten, TOTALS_HOURS, cell[i].hour, cell_of(cell[i].label, cell[i].stage), cell[i].lines);
    pthread_mutex_unlock(&t->lock);
}
