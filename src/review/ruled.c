#include "review/ruled.h"

#include "base/must.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_S = 3600 };

struct ruled_row {
    uint64_t rule, lines;
    uint32_t last, at; /* at: the hour of the newest cell; 0: there is none */
    uint32_t hour[RULED_HOURS], unwritten[RULED_HOURS];
    uint32_t unwritten_old; /* of hours that have no cell any more */
};

struct ruled {
    _Atomic uint32_t lines[RULED_SHARDS][RULED_MAX + 1]; /* by place, modulo 2^32; untouched pages cost nothing */
    uint32_t swept[RULED_SHARDS][RULED_MAX + 1];         /* of them, those that are in row */
    struct ruled_row row[RULED_MAX + 1];                 /* by place; 0 is nobody's */
    uint32_t n;                                          /* places that are taken, from 1 on */
    uint16_t slot[2 * RULED_MAX];                        /* place by rule; open addressing, 0: free */
    atomic_uint shard;
    pthread_mutex_t lock;
};

struct ruled *ruled_open(void) {
    struct ruled *r = must_calloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void ruled_close(struct ruled *r) {
    if (!r) return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* Locked: the slot that holds the rule's place, or where it would be. */
static uint16_t *ruled_slot(struct ruled *r, uint64_t rule) {
    uint32_t at = (uint32_t)(rule % (2 * RULED_MAX));
    while (r->slot[at] && r->row[r->slot[at]].rule != rule) at = (at + 1) % (2 * RULED_MAX);
    return &r->slot[at];
}

static uint16_t ruled_enter(struct ruled *r, uint64_t rule) {
    uint16_t *slot = ruled_slot(r, rule);
    if (*slot || r->n == RULED_MAX) return *slot;
    *slot = (uint16_t)++r->n;
    r->row[*slot].rule = rule;
    return *slot;
}

uint16_t ruled_place(struct ruled *r, uint64_t rule) {
    pthread_mutex_lock(&r->lock);
    uint16_t place = ruled_enter(r, rule);
    pthread_mutex_unlock(&r->lock);
    return place;
}

unsigned ruled_shard(struct ruled *r) {
    unsigned n = atomic_fetch_add(&r->shard, 1);
    return n < RULED_SHARDS - 1 ? n : RULED_SHARDS - 1;
}

void ruled_count(struct ruled *r, unsigned shard, uint16_t place) {
    _Atomic uint32_t *at = &r->lines[shard][place];
    if (shard == RULED_SHARDS - 1)
        atomic_fetch_add_explicit(at, 1, memory_order_relaxed);
    else /* nobody else writes it */
        atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + 1, memory_order_relaxed);
}

static uint32_t ruled_sum(uint32_t a, uint32_t b) {
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* An hour's cell becomes another hour's. */
static void ruled_let_go(struct ruled_row *w, uint32_t hour) {
    w->unwritten_old = ruled_sum(w->unwritten_old, w->unwritten[hour % RULED_HOURS]);
    w->hour[hour % RULED_HOURS] = w->unwritten[hour % RULED_HOURS] = 0;
}

/* Locked: makes `hour` the newest, with nothing in the hours between. False: it is too long ago. */
static bool ruled_roll(struct ruled_row *w, uint32_t hour) {
    if (hour + RULED_HOURS <= w->at) return false;
    uint32_t from = hour >= w->at + RULED_HOURS ? hour - RULED_HOURS : w->at;
    for (uint32_t h = from + 1; h <= hour; h++) ruled_let_go(w, h);
    if (w->at < hour) w->at = hour;
    return true;
}

/* Locked: n lines that are to be written, in this hour, which the row has been rolled to. */
static void ruled_add_unwritten(struct ruled_row *w, bool has_cell, uint32_t hour, uint32_t n) {
    uint32_t *to = has_cell ? &w->unwritten[hour % RULED_HOURS] : &w->unwritten_old;
    *to = ruled_sum(*to, n);
}

/* Locked: the lines of a rule since the last sweep. */
static uint32_t ruled_news(struct ruled *r, uint32_t place) {
    uint32_t n = 0;
    for (unsigned s = 0; s < RULED_SHARDS; s++) {
        uint32_t lines = atomic_load_explicit(&r->lines[s][place], memory_order_relaxed);
        n += lines - r->swept[s][place];
        if (lines != r->swept[s][place]) r->swept[s][place] = lines;
    }
    return n;
}

void ruled_sweep(struct ruled *r, uint32_t now_s) {
    uint32_t hour = now_s / HOUR_S;
    pthread_mutex_lock(&r->lock);
    for (uint32_t i = 1; i <= r->n; i++) {
        uint32_t n = ruled_news(r, i);
        struct ruled_row *w = &r->row[i];
        if (n == 0) continue;
        w->lines += n;
        if (w->last < now_s) w->last = now_s;
        bool has_cell = ruled_roll(w, hour); /* it has none where a clock was set back */
        if (has_cell) w->hour[hour % RULED_HOURS] += n;
        ruled_add_unwritten(w, has_cell, hour, n);
    }
    pthread_mutex_unlock(&r->lock);
}

bool ruled_find(struct ruled *r, uint64_t rule, uint32_t now_s, struct ruled_view *v) {
    uint32_t now = now_s / HOUR_S;
    *v = (struct ruled_view){0};
    pthread_mutex_lock(&r->lock);
    uint16_t place = *ruled_slot(r, rule);
    const struct ruled_row *w = &r->row[place];
    if (place) v->lines = w->lines, v->last = w->last;
    for (uint32_t i = 0; place && i < RULED_HOURS; i++) {
        uint32_t h = now - (RULED_HOURS - 1 - i);
        if (h <= w->at && h + RULED_HOURS > w->at) v->hour[i] = w->hour[h % RULED_HOURS];
        v->lines_24h += v->hour[i];
    }
    pthread_mutex_unlock(&r->lock);
    return place != 0;
}

/* Takes *lines, where there are any and there is room. */
static unsigned ruled_take(const struct ruled_row *w, uint32_t hour, uint32_t *lines, struct ruled_hour *out) {
    if (*lines == 0) return 0;
    *out = (struct ruled_hour){w->rule, hour, *lines, w->last};
    *lines = 0;
    return 1;
}

unsigned ruled_take_unwritten(struct ruled *r, struct ruled_hour *out, unsigned max) {
    unsigned n = 0;
    pthread_mutex_lock(&r->lock);
    for (uint32_t i = 1; i <= r->n && n + RULED_HOURS < max; i++) {
        struct ruled_row *w = &r->row[i];
        n += ruled_take(w, 0, &w->unwritten_old, out + n);
        for (uint32_t h = w->at + 1 - RULED_HOURS; w->at && h != w->at + 1; h++)
            n += ruled_take(w, h, &w->unwritten[h % RULED_HOURS], out + n);
    }
    pthread_mutex_unlock(&r->lock);
    return n;
}

void ruled_give_back(struct ruled *r, const struct ruled_hour *h, unsigned n) {
    pthread_mutex_lock(&r->lock);
    for (unsigned i = 0; i < n; i++) {
        struct ruled_row *w = &r->row[*ruled_slot(r, h[i].rule)];
        ruled_add_unwritten(w, h[i].hour && h[i].hour + RULED_HOURS > w->at, h[i].hour, h[i].lines);
    }
    pthread_mutex_unlock(&r->lock);
}

void ruled_restore(struct ruled *r, uint64_t rule, uint64_t lines, uint32_t last) {
    pthread_mutex_lock(&r->lock);
    uint16_t place = ruled_enter(r, rule);
    if (place) r->row[place].lines += lines;
    if (place && r->row[place].last < last) r->row[place].last = last;
    pthread_mutex_unlock(&r->lock);
}

void ruled_restore_hour(struct ruled *r, uint64_t rule, uint32_t hour, uint32_t n) {
    pthread_mutex_lock(&r->lock);
    uint16_t place = ruled_enter(r, rule);
    if (place && ruled_roll(&r->row[place], hour)) r->row[place].hour[hour % RULED_HOURS] += n;
    pthread_mutex_unlock(&r->lock);
}
