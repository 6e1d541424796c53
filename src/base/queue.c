#include "base/queue.h"

#include "base/must.h"

#include <errno.h>
#include <time.h>

void queue_init(struct queue *q, size_t cap) {
    MUST(cap > 0);
    *q = (struct queue){.cap = cap, .item = must_calloc(cap, sizeof *q->item)};
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
    free(q->item);
}

static void put(struct queue *q, void *item) {
    q->item[(q->head + q->n) % q->cap] = item;
    q->n++;
}

bool queue_try_push(struct queue *q, void *const *item, size_t n) {
    pthread_mutex_lock(&q->lock);
    bool fits = !q->closed && q->cap - q->n >= n;
    for (size_t i = 0; fits && i < n; i++) put(q, item[i]);
    pthread_mutex_unlock(&q->lock);
    if (fits && n == 1) pthread_cond_signal(&q->not_empty);
    if (fits && n > 1) pthread_cond_broadcast(&q->not_empty);
    return fits;
}

bool queue_push(struct queue *q, void *item) {
    pthread_mutex_lock(&q->lock);
    while (q->n == q->cap && !q->closed) pthread_cond_wait(&q->not_full, &q->lock);
    bool open = !q->closed;
    if (open) put(q, item);
    pthread_mutex_unlock(&q->lock);
    if (open) pthread_cond_signal(&q->not_empty);
    return open;
}

static struct timespec deadline_in(int timeout_ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += timeout_ms / 1000;
    t.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

size_t queue_pop(struct queue *q, void **item, size_t max, int timeout_ms) {
    struct timespec until = timeout_ms < 0 ? (struct timespec){0} : deadline_in(timeout_ms);
    size_t taken = 0;
    pthread_mutex_lock(&q->lock);
    while (q->n == 0 && !q->closed) {
        if (timeout_ms < 0) {
            pthread_cond_wait(&q->not_empty, &q->lock);
        } else if (pthread_cond_timedwait(&q->not_empty, &q->lock, &until) == ETIMEDOUT) {
            break;
        }
    }
    for (; taken < max && q->n > 0; taken++) {
        item[taken] = q->item[q->head];
        q->head = (q->head + 1) % q->cap;
        q->n--;
    }
    pthread_mutex_unlock(&q->lock);
    if (taken) pthread_cond_broadcast(&q->not_full);
    return taken;
}

size_t queue_size(struct queue *q) {
    pthread_mutex_lock(&q->lock);
    size_t n = q->n;
    pthread_mutex_unlock(&q->lock);
    return n;
}

bool queue_is_closed(struct queue *q) {
    pthread_mutex_lock(&q->lock);
    bool closed = q->closed;
    pthread_mutex_unlock(&q->lock);
    return closed;
}

void queue_close(struct queue *q) {
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_mutex_unlock(&q->lock);
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
}
