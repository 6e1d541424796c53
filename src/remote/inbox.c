#include "remote/inbox.h"

#include "remote/calls.h"

/* What stands before an item's bytes: the head's probabilities, message, template, source, and what fills up to where
 * the next may stand. */
struct inbox_header {
    struct pending pending;
    uint64_t posted_ns;
    size_t message, template, source; /* bytes */
    unsigned labels;
};

enum { ALIGN = _Alignof(struct inbox_header) };

static size_t inbox_aligned(size_t n) {
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t inbox_size(const struct inbox_header *h) {
    return inbox_aligned(sizeof *h + h->labels * sizeof(float) + h->message + h->template + h->source);
}

void inbox_init(struct inbox *b, size_t bytes_max) {
    *b = (struct inbox){0};
    pthread_mutex_init(&b->lock, NULL);
    buf_init(&b->posted, bytes_max);
    buf_init(&b->taken, bytes_max);
}

void inbox_release(struct inbox *b) {
    buf_release(&b->posted);
    buf_release(&b->taken);
    pthread_mutex_destroy(&b->lock);
}

/* There is room. */
static void inbox_write(struct buf *to, const struct inbox_header *h, const struct question *q) {
    size_t end = to->n + inbox_size(h);
    buf_put(to, h, sizeof *h);
    buf_put(to, q->head, h->labels * sizeof(float));
    buf_put(to, q->message.p, h->message);
    buf_put(to, q->template.p, h->template);
    buf_put(to, q->source.p, h->source);
    to->n = end;
}

bool inbox_post(struct inbox *b, const struct pending *p, const struct question *q, uint64_t now_ns, bool *first,
                struct err *e) {
    struct inbox_header h = {.pending = *p,
                             .posted_ns = now_ns,
                             .message = span_sub(q->message, 0, CALLS_MESSAGE_MAX).n,
                             .template = span_sub(q->template, 0, CALLS_TEMPLATE_MAX).n,
                             .source = span_sub(q->source, 0, CALLS_SOURCE_MAX).n,
                             .labels = q->head ? q->labels : 0};
    pthread_mutex_lock(&b->lock);
    bool closed = b->closed, room = !closed && buf_reserve(&b->posted, inbox_size(&h)) != NULL;
    *first = b->posted.n == 0;
    if (room)
        inbox_write(&b->posted, &h, q);
    else
        b->posted.failed = false; /* nothing of it was written */
    if (room) atomic_store_explicit(&b->filled, true, memory_order_release);
    pthread_mutex_unlock(&b->lock);
    if (closed) return err_set(e, ERR_CANCELLED, "the network stage has been stopped");
    return room || err_set(e, ERR_BUSY, "the network stage has more questions before it than it has room for");
}

void inbox_close(struct inbox *b) {
    pthread_mutex_lock(&b->lock);
    b->closed = true;
    pthread_mutex_unlock(&b->lock);
}

bool inbox_is_filled(const struct inbox *b) {
    return atomic_load_explicit(&b->filled, memory_order_acquire);
}

/* Empties it; what a burst has made it grow to is given back. */
static void inbox_empty(struct buf *b) {
    size_t max = b->max;
    if (b->cap <= INBOX_BYTES_KEPT) {
        buf_reset(b);
        return;
    }
    buf_release(b);
    buf_init(b, max);
}

bool inbox_take(struct inbox *b) {
    inbox_empty(&b->taken);
    b->read = 0;
    if (!inbox_is_filled(b)) return false;
    pthread_mutex_lock(&b->lock);
    struct buf empty = b->taken;
    b->taken = b->posted;
    b->posted = empty;
    atomic_store_explicit(&b->filled, false, memory_order_relaxed);
    pthread_mutex_unlock(&b->lock);
    return b->taken.n > 0;
}

/* The next n bytes at *at. */
static struct span inbox_cut(const char **at, size_t n) {
    struct span s = {*at, n};
    *at += n;
    return s;
}

bool inbox_next(struct inbox *b, struct inbox_item *out) {
    if (b->read == b->taken.n) return false;
    const struct inbox_header *h = (const void *)(b->taken.p + b->read);
    const char *at = (const char *)(h + 1);
    *out = (struct inbox_item){.pending = h->pending, .posted_ns = h->posted_ns};
    struct span head = inbox_cut(&at, h->labels * sizeof(float));
    out->q.labels = h->labels;
    out->q.head = h->labels ? (const void *)head.p : NULL;
    out->q.message = inbox_cut(&at, h->message);
    out->q.template = inbox_cut(&at, h->template);
    out->q.source = inbox_cut(&at, h->source);
    b->read += inbox_size(h);
    return true;
}
