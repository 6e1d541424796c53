/* push_queue: requests that found no room, in the order they came, and the chunks that are kept for those whose turn it
 * is. So a request that needs many chunks is not passed for ever by those that need one. Any thread; nothing waits. */
#ifndef STREAM_PUSH_QUEUE_H
#define STREAM_PUSH_QUEUE_H

#include "stream/push.h"

#include <pthread.h>

/* BYTES_MAX: of all that wait together: half of what the chunks can hold. */
enum { PUSH_QUEUE_BYTES_MAX = 32 << 20 };

struct push_queue {
    pthread_mutex_t lock;
    struct push_ticket *first, *last;
    atomic_size_t bytes; /* changed under the lock, read without it */
    atomic_uint waiting; /* likewise */
    atomic_uint granted; /* chunks; likewise, but also given back without it */
    bool open;
};

void push_queue_init(struct push_queue *q); /* not open */
void push_queue_release(struct push_queue *q);

void push_queue_open(struct push_queue *q);

/* All who wait have their turn, with nothing kept for them, and nobody waits any more. */
void push_queue_close(struct push_queue *q);

bool push_queue_has_bytes(const struct push_queue *q, size_t bytes); /* could a request of so many wait? */

/* False: it is not open, or has too many bytes. */
bool push_queue_add(struct push_queue *q, struct push_ticket *t, size_t bytes);
bool push_queue_remove(struct push_queue *q, struct push_ticket *t); /* false: it is not there */

/* Gives their turn to those in front, as long as `room` chunks, as the caller sees it, suffice for them and for what is
 * kept already. room(self) is called under the lock, and not at all when nobody waits. */
void push_queue_turn(struct push_queue *q, unsigned (*room)(void *self), void *self);

unsigned push_queue_take(struct push_queue *q, struct push_ticket *t); /* what was kept for it is its own now */

#endif
