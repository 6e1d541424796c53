/* told: which parcels of counts were taken from the instances that follow this desk, so that one that is sent again is
 * not counted twice. It is written in the same transaction as the counts (kinds_store.h). Bounded: the instance that
 * was not heard of for longest goes. Any thread. */
#ifndef REVIEW_TOLD_H
#define REVIEW_TOLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { TOLD_MAX = 256 };

struct told_row {
    uint64_t run; /* of an instance, another one at each start; 0: free */
    uint64_t seq; /* of its last parcel that was taken */
    uint32_t at;  /* when, in seconds since the epoch */
};

struct told {
    pthread_mutex_t lock; /* held while a parcel's counts are added: whoever takes a copy sees all of it or nothing */
    struct told_row row[TOLD_MAX];
};

void told_init(struct told *t);
void told_release(struct told *t);

/* Whether parcel seq of this run is to be taken now. True: it is, t is locked, and after the counts were added
 * told_end is to be called. False: it was already. */
bool told_begin(struct told *t, uint64_t run, uint64_t seq, uint32_t now_s);
void told_end(struct told *t);

/* From the file; one that is here already stays. */
void told_restore(struct told *t, const struct told_row *row);

#endif
