#include "memo/flight.h"

#include "base/must.h"

#include <pthread.h>

enum { NONE = 0 }; /* indices begin at 1 */

struct flight {
    struct memo_key key;
    uint32_t next;   /* of its bucket, or of the free ones */
    uint32_t parked; /* the last record that was parked */
};

struct flight_parked {
    struct pending pending;
    uint32_t next;
};

struct flights {
    pthread_mutex_t lock;
    uint32_t *bucket, mask;
    struct flight *flight;
    struct flight_parked *parked;
    uint32_t free_flight, free_parked;
};

struct flights *flight_open(size_t keys) {
    struct flights *f = must_calloc(1, sizeof *f);
    size_t size = 1024;
    while (size < keys) size *= 2;
    MUST(size <= UINT32_MAX / 2);
    pthread_mutex_init(&f->lock, NULL);
    f->mask = (uint32_t)size - 1;
    f->bucket = must_calloc(size, sizeof *f->bucket);
    f->flight = must_calloc(size + 1, sizeof *f->flight); /* untouched pages cost nothing */
    f->parked = must_calloc(FLIGHT_PARKED_MAX + 1, sizeof *f->parked);
    for (uint32_t i = (uint32_t)size; i > 0; i--) f->flight[i].next = f->free_flight, f->free_flight = i;
    for (uint32_t i = FLIGHT_PARKED_MAX; i > 0; i--) f->parked[i].next = f->free_parked, f->free_parked = i;
    return f;
}

void flight_close(struct flights *f) {
    if (!f) return;
    pthread_mutex_destroy(&f->lock);
    free(f->bucket);
    free(f->flight);
    free(f->parked);
    free(f);
}

/* The link that leads to the flight of this key, or to NONE. */
static uint32_t *flight_link(struct flights *f, struct memo_key key) {
    uint32_t *link = &f->bucket[key.lo & f->mask];
    while (*link != NONE && !memo_key_eq(f->flight[*link].key, key)) link = &f->flight[*link].next;
    return link;
}

static void flight_begin(struct flights *f, struct memo_key key, uint32_t *link) {
    uint32_t i = f->free_flight;
    if (i == NONE) return;
    f->free_flight = f->flight[i].next;
    f->flight[i] = (struct flight){.key = key};
    *link = i;
}

static bool flight_park(struct flights *f, struct flight *flight, const struct pending *p) {
    uint32_t i = f->free_parked;
    if (i == NONE) return false;
    f->free_parked = f->parked[i].next;
    f->parked[i] = (struct flight_parked){*p, flight->parked};
    flight->parked = i;
    return true;
}

bool flight_board(struct flights *f, const struct pending *p) {
    pthread_mutex_lock(&f->lock);
    uint32_t *link = flight_link(f, p->key);
    bool flies = *link != NONE, parked = flies && flight_park(f, &f->flight[*link], p);
    if (!flies) flight_begin(f, p->key, link);
    pthread_mutex_unlock(&f->lock);
    return !parked;
}

bool flight_land(struct flights *f, struct memo_key key, struct pending *out) {
    pthread_mutex_lock(&f->lock);
    uint32_t *link = flight_link(f, key), i = *link, parked = i != NONE ? f->flight[i].parked : NONE;
    if (parked != NONE) {
        *out = f->parked[parked].pending;
        f->flight[i].parked = f->parked[parked].next;
        f->parked[parked].next = f->free_parked;
        f->free_parked = parked;
    } else if (i != NONE) {
        *link = f->flight[i].next;
        f->flight[i].next = f->free_flight;
        f->free_flight = i;
    }
    pthread_mutex_unlock(&f->lock);
    return parked != NONE;
}
