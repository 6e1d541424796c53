#include "base/queue.h"

#include "base/clock.h"
#include "base/must.h"

#include <errno.h>
#include <string.h>
#include <time.h>

void queue_init(struct queue *q, size_t cap, size_t item_size) {
    MUST(cap > 0 && item_size > 0);
    *q = (struct queue){.cap = cap, .item_size = item_size, .ring = must_calloc(cap, item_size)};
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->not_empty, &attr);
    pthread_cond_init(&q->not_full, &attr);
    pthread_condattr_destroy(&attr);
}

void queue_release(struct queue *q) {
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->not_empty);
    pthread_cond_destroy(&q->not_full);
    free(q->ring);
}

static void queue_put(struct queue *q, const void *item) {
    memcpy(q->ring + (q->head + q->n) % q->cap * q->item_size, item, q->item_size);
    q->n++;
}

static void queue_take(struct queue *q, void *item) {
    memcpy(item, q->ring + q->head * q->item_size, q->item_size);
    q->head = (q->head + 1) % q->cap;
    q->n--;
}

bool queue_try_push(struct queue *q, const void *items, size_t n) {
    pthread_mutex_lock(&q->lock);
    bool fits = !q->closed && q->cap - q->n >= n;
    for (size_t i = 0; fits && i < n; i++) queue_put(q, (const char *)items + i * q->item_size);
    pthread_mutex_unlock(&q->lock);
    if (fits && n == 1) pthread_cond_signal(&q->not_empty);
    if (fits && n > 1) pthread_cond_broadcast(&q->not_empty);
    return fits;
}

bool queue_push(struct queue *q, const void *item) {
    pthread_mutex_lock(&q->lock);
    while (q->n == q->cap && !q->closed) pthread_cond_wait(&q->not_full, &q->lock);
    bool open = !q->closed;
    if (open) queue_put(q, item);
    pthread_mutex_unlock(&q->lock);
    if (open) pthread_cond_signal(&q->not_empty);
    return open;
}

/* Waits, with the lock held, until something is in the queue, it is closed, or the time is over. */
static void wait_for_item(struct queue *q, int timeout_ms) {
    struct timespec until = timeout_ms < 0 ? (struct timespec){0} : clock_deadline(timeout_ms);
    while (q->n == 0 && !q->closed) {
        if (timeout_ms < 0) {
            pthread_cond_wait(&q->not_empty, &q->lock);
        } else if (pthread_cond_timedwait(&q->not_empty, &q->lock, &until) == ETIMEDOUT) {
            return;
        }
    }
}

static size_t pop(struct queue *q, void *items, size_t max, size_t sharers, int timeout_ms) {
    pthread_mutex_lock(&q->lock);
    wait_for_item(q, timeout_ms);
    size_t share = (q->n + sharers - 1) / sharers, taken = share < max ? share : max;
    for (size_t i = 0; i < taken; i++) queue_take(q, (char *)items + i * q->item_size);
    pthread_mutex_unlock(&q->lock);
    if (taken) pthread_cond_broadcast(&q->not_full);
    return taken;
}

size_t queue_pop(struct queue *q, void *items, size_t max, int timeout_ms) {
    return pop(q, items, max, 1, timeout_ms);
}

size_t queue_pop_some(struct queue *q, void *items, size_t max, size_t sharers, int timeout_ms) {
    return pop(q, items, max, sharers, timeout_ms);
}

bool queue_is_over(struct queue *q) {
    pthread_mutex_lock(&q->lock);
    bool over = q->closed && q->n == 0;
    pthread_mutex_unlock(&q->lock);
    return over;
}

size_t queue_size(const struct queue *q) {
    return atomic_load_explicit(&q->n, memory_order_relaxed);
}

void queue_close(struct queue *q) {
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_mutex_unlock(&q->lock);
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
}
