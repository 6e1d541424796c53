#include "stream/push_queue.h"

#include "base/must.h"

void push_queue_init(struct push_queue *q) {
    *q = (struct push_queue){.first = NULL};
    pthread_mutex_init(&q->lock, NULL);
}

void push_queue_release(struct push_queue *q) {
    MUST(!q->first);
    pthread_mutex_destroy(&q->lock);
}

void push_queue_open(struct push_queue *q) {
    pthread_mutex_lock(&q->lock);
    q->open = true;
    pthread_mutex_unlock(&q->lock);
}

bool push_queue_has_bytes(const struct push_queue *q, size_t bytes) {
    size_t there = atomic_load(&q->bytes);
    return there < PUSH_QUEUE_BYTES_MAX && bytes <= PUSH_QUEUE_BYTES_MAX - there;
}

/* ---- under the lock ---- */

static void push_queue_put(struct push_queue *q, struct push_ticket *t) {
    struct push_ticket **front = t->place.had_turn || !q->first ? &q->first : &q->last->place.next;
    t->place.next = t->place.had_turn ? q->first : NULL;
    *front = t;
    if (!t->place.next) q->last = t;
    atomic_fetch_add(&q->bytes, t->place.bytes);
    atomic_fetch_add(&q->waiting, 1);
}

/* Takes out the one behind `before`; NULL: the first. */
static struct push_ticket *push_queue_take_out(struct push_queue *q, struct push_ticket *before) {
    struct push_ticket **at = before ? &before->place.next : &q->first, *t = *at;
    *at = t->place.next;
    if (q->last == t) q->last = before;
    atomic_fetch_sub(&q->bytes, t->place.bytes);
    atomic_fetch_sub(&q->waiting, 1);
    return t;
}

/* ---- */

bool push_queue_add(struct push_queue *q, struct push_ticket *t, size_t bytes) {
    pthread_mutex_lock(&q->lock);
    bool may = q->open && push_queue_has_bytes(q, bytes);
    t->place.bytes = bytes;
    if (may) push_queue_put(q, t);
    pthread_mutex_unlock(&q->lock);
    return may;
}

bool push_queue_remove(struct push_queue *q, struct push_ticket *t) {
    pthread_mutex_lock(&q->lock);
    struct push_ticket *before = NULL, *at = q->first;
    for (; at && at != t; at = at->place.next) before = at;
    if (at) push_queue_take_out(q, before);
    pthread_mutex_unlock(&q->lock);
    return at != NULL;
}

void push_queue_turn(struct push_queue *q, unsigned (*room)(void *self), void *self) {
    if (atomic_load(&q->waiting) == 0) return;
    pthread_mutex_lock(&q->lock);
    unsigned there = q->first ? room(self) : 0;
    while (q->first && q->first->place.need + atomic_load(&q->granted) <= there) {
        struct push_ticket *t = push_queue_take_out(q, NULL);
        t->place.granted = t->place.need;
        atomic_fetch_add(&q->granted, t->place.granted);
        t->room(t->self);
    }
    pthread_mutex_unlock(&q->lock);
}

void push_queue_close(struct push_queue *q) {
    pthread_mutex_lock(&q->lock);
    q->open = false;
    while (q->first) {
        struct push_ticket *t = push_queue_take_out(q, NULL);
        t->room(t->self);
    }
    pthread_mutex_unlock(&q->lock);
}

unsigned push_queue_take(struct push_queue *q, struct push_ticket *t) {
    unsigned n = t->place.granted;
    t->place.granted = 0;
    t->place.had_turn = n > 0;
    atomic_fetch_sub(&q->granted, n);
    return n;
}
