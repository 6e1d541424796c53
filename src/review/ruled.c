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
};

struct ruled {
    _Atomic uint32_t pending[RULED_SHARDS][RULED_MAX + 1]; /* by place; untouched pages cost nothing */
    struct ruled_row row[RULED_MAX + 1];                   /* by place; 0 is nobody's */
    uint32_t n;                                            /* places that are taken, from 1 on */
    uint16_t slot[2 * RULED_MAX];                          /* place by rule; open addressing, 0: free */
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
    return atomic_fetch_add(&r->shard, 1) % RULED_SHARDS;
}

void ruled_count(struct ruled *r, unsigned shard, uint16_t place) {
    atomic_fetch_add_explicit(&r->pending[shard][place], 1, memory_order_relaxed);
}

/* Locked: makes `hour` the newest, with nothing in the hours between. False: it is too long ago. */
static bool ruled_roll(struct ruled_row *w, uint32_t hour) {
    if (hour + RULED_HOURS <= w->at) return false;
    if (hour >= w->at + RULED_HOURS) {
        memset(w->hour, 0, sizeof w->hour);
        memset(w->unwritten, 0, sizeof w->unwritten);
    }
    for (uint32_t h = w->at + 1; h <= hour && hour < w->at + RULED_HOURS; h++)
        w->hour[h % RULED_HOURS] = w->unwritten[h % RULED_HOURS] = 0;
    if (w->at < hour) w->at = hour;
    return true;
}

void ruled_sweep(struct ruled *r, uint32_t now_s) {
    uint32_t hour = now_s / HOUR_S;
    pthread_mutex_lock(&r->lock);
    for (uint32_t i = 1; i <= r->n; i++) {
        uint32_t n = 0;
        for (unsigned s = 0; s < RULED_SHARDS; s++)
            if (atomic_load_explicit(&r->pending[s][i], memory_order_relaxed))
                n += atomic_exchange_explicit(&r->pending[s][i], 0, memory_order_relaxed);
        struct ruled_row *w = &r->row[i];
        if (n == 0) continue;
        w->lines += n;
        if (w->last < now_s) w->last = now_s;
        if (!ruled_roll(w, hour)) continue; /* a clock that was set back */
        w->hour[hour % RULED_HOURS] += n;
        w->unwritten[hour % RULED_HOURS] += n;
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

void ruled_take_unwritten(struct ruled *r, void (*each)(void *self, const struct ruled_hour *h), void *self) {
    pthread_mutex_lock(&r->lock);
    for (uint32_t i = 1; i <= r->n; i++) {
        struct ruled_row *w = &r->row[i];
        for (uint32_t h = w->at + 1 - RULED_HOURS; w->at && h != w->at + 1; h++) {
            uint32_t n = w->unwritten[h % RULED_HOURS];
            if (n) each(self, &(struct ruled_hour){w->rule, h, n, w->last});
            w->unwritten[h % RULED_HOURS] = 0;
        }
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
