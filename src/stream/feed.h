/* feed: what one source has under way in a flow, in its order. Those who are pulled from use it through source.h; who
 * is pushed to takes and sends chunks himself. */
#ifndef STREAM_FEED_H
#define STREAM_FEED_H

#include "stream/flow.h"

struct feed;

struct feed_opts {
    /* The feed's oldest chunk, number seq, is settled. On the sink's thread, under the flow's lock: it must not wait,
     * nor call the flow or a feed. */
    void (*settled)(void *self, uint64_t seq, bool safe);
    void *self;
};

/* NULL: the flow has FLOW_FEEDS_MAX feeds already. */
struct feed *feed_open(struct flow *f, const struct feed_opts *o, struct err *e);

/* An empty chunk, its seq set. Waits wait_ms at most. NULL: there is no room, which is the whole of back-pressure, or
 * the sink has failed (flow_is_well). Several may be taken; they are sent in the order they were taken, and put back in
 * the opposite one. */
struct chunk *feed_take(struct feed *d, int wait_ms);

/* Hands the chunk, which has records, to the pipeline; waits while the pipeline's queue is full. */
void feed_send(struct feed *d, struct chunk *c);
void feed_put_back(struct feed *d, struct chunk *c); /* it is empty after all */

unsigned feed_room(struct feed *d);     /* how many chunks feed_take would give now, without waiting */
unsigned feed_room_max(struct feed *d); /* and when nothing of this feed is under way */

/* Waits until nothing of this feed is under way, wait_ms at most. False: something still is. */
bool feed_wait_settled(struct feed *d, int wait_ms);

void feed_close(struct feed *d); /* nothing is under way; NULL is fine */

#endif
