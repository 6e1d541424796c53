/* queue: bounded FIFO of fixed-size items, copied in and out. Any number of threads on either side. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    char *ring; /* cap items of item_size bytes */
    size_t item_size, cap, head;
    atomic_size_t n; /* changed under the lock, read without it */
    bool closed;
};

void queue_init(struct queue *q, size_t cap, size_t item_size);
void queue_release(struct queue *q); /* must be empty of threads */

/* All or nothing: pushes the n items in order, or returns false (no room, or closed) and pushes none. Never waits. */
bool queue_try_push(struct queue *q, const void *items, size_t n);

/* Waits for room. False: the queue is closed, the item is not in it. */
bool queue_push(struct queue *q, const void *item);

/* Takes up to max items, waiting for the first (forever when timeout_ms < 0). 0: time is over, or closed and empty. */
size_t queue_pop(struct queue *q, void *items, size_t max, int timeout_ms);

/* The same for one of `sharers` equal consumers: takes at most its share of what waits, so that a burst spreads over
 * all. */
size_t queue_pop_some(struct queue *q, void *items, size_t max, size_t sharers, int timeout_ms);

bool queue_is_over(struct queue *q); /* closed and empty: nothing will ever be popped again */

size_t queue_size(const struct queue *q); /* takes no lock: it may have changed by the time it is looked at */
void queue_close(struct queue *q);        /* no more pushes; what is in it can still be popped; wakes all */

#endif
