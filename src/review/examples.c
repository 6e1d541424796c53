#include "review/examples.h"

#include "base/must.h"
#include "review/kinds.h"

#include <pthread.h>
#include <string.h>

enum { SOURCE_MAX = 128, RINGS = 2 };

/* Before each line in the ring; a line never goes over its end. */
struct example_head {
    uint32_t kind;
    uint16_t source_n, line_n; /* both 0 and kind 0: nothing follows before the end */
};

struct example_ring {
    pthread_mutex_t lock;
    char *bytes;
    size_t from, to; /* the oldest line, and where the next goes */
    bool wrapped;    /* from is behind to */
};

struct examples {
    struct example_ring ring[RINGS]; /* the seldom ones, and the sample */
};

struct examples *examples_open(void) {
    struct examples *x = must_calloc(1, sizeof *x);
    for (unsigned i = 0; i < RINGS; i++) {
        pthread_mutex_init(&x->ring[i].lock, NULL);
        x->ring[i].bytes = must_calloc(1, EXAMPLES_RING_BYTES);
    }
    return x;
}

void examples_close(struct examples *x) {
    if (!x) return;
    for (unsigned i = 0; i < RINGS; i++) {
        free(x->ring[i].bytes);
        pthread_mutex_destroy(&x->ring[i].lock);
    }
    free(x);
}

static size_t example_bytes(const struct example_head *h) {
    return (sizeof *h + h->source_n + h->line_n + 7) / 8 * 8;
}

static struct example_head head_at(const struct example_ring *r, size_t at) {
    struct example_head h = {0};
    if (at + sizeof h <= EXAMPLES_RING_BYTES) memcpy(&h, r->bytes + at, sizeof h);
    return h;
}

/* The place behind the line at `at`; 0 behind the last. */
static size_t example_next(const struct example_ring *r, size_t at) {
    struct example_head h = head_at(r, at);
    size_t next = at + example_bytes(&h);
    return next + sizeof h <= EXAMPLES_RING_BYTES && head_at(r, next).kind ? next : 0;
}

/* Drops the oldest until `bytes` are free from `to` on. */
static void examples_make_room(struct example_ring *r, size_t bytes) {
    if (r->to + bytes > EXAMPLES_RING_BYTES) {
        if (r->to + sizeof(struct example_head) <= EXAMPLES_RING_BYTES)
            memset(r->bytes + r->to, 0, sizeof(struct example_head));
        if (r->wrapped) r->from = 0;
        r->wrapped = true;
        r->to = 0;
    }
    while (r->wrapped && r->from < r->to + bytes) {
        r->from = example_next(r, r->from);
        if (r->from == 0) r->wrapped = false;
    }
}

static void ring_add(struct example_ring *r, uint32_t kind, struct span source, struct span line) {
    struct example_head h = {kind, (uint16_t)source.n, (uint16_t)line.n};
    size_t bytes = example_bytes(&h);
    examples_make_room(r, bytes);
    memcpy(r->bytes + r->to, &h, sizeof h);
    if (source.n) memcpy(r->bytes + r->to + sizeof h, source.p, source.n);
    if (line.n) memcpy(r->bytes + r->to + sizeof h + source.n, line.p, line.n);
    r->to += bytes;
}

void examples_add(struct examples *x, uint32_t kind, struct span source, struct span line, bool seldom) {
    struct example_ring *r = &x->ring[seldom ? 0 : 1];
    kind &= (1U << KINDS_NUMBER_BITS) - 1;
    if (kind == 0 || pthread_mutex_trylock(&r->lock) != 0) return;
    ring_add(r, kind, span_sub(source, 0, SOURCE_MAX), span_sub(line, 0, EXAMPLES_LINE_MAX));
    pthread_mutex_unlock(&r->lock);
}

static void ring_each(struct example_ring *r, void (*each)(void *self, const struct example *e), void *self) {
    pthread_mutex_lock(&r->lock);
    size_t at = r->wrapped ? r->from : 0;
    bool behind = r->wrapped;
    while (behind || at < r->to) {
        struct example_head h = head_at(r, at);
        const char *p = r->bytes + at + sizeof h;
        each(self, &(struct example){h.kind, {p, h.source_n}, {p + h.source_n, h.line_n}});
        at = behind ? example_next(r, at) : at + example_bytes(&h);
        if (behind && at == 0) behind = false;
    }
    pthread_mutex_unlock(&r->lock);
}

void examples_each(struct examples *x, void (*each)(void *self, const struct example *e), void *self) {
    for (unsigned i = 0; i < RINGS; i++) ring_each(&x->ring[i], each, self);
}

struct looking {
    uint32_t kind;
    struct example *to;
    unsigned max, n; /* n: found so far; the last max are kept, in a ring */
    char *text;
};

static void look_at(void *self, const struct example *e) {
    struct looking *l = self;
    if (e->kind != l->kind) return;
    unsigned at = l->n++ % l->max;
    char *text = l->text + at * 2 * (size_t)EXAMPLES_LINE_MAX;
    if (e->source.n) memcpy(text, e->source.p, e->source.n);
    if (e->line.n) memcpy(text + EXAMPLES_LINE_MAX, e->line.p, e->line.n);
    l->to[at] = (struct example){e->kind, {text, e->source.n}, {text + EXAMPLES_LINE_MAX, e->line.n}};
}

unsigned examples_of(struct examples *x, uint32_t kind, struct example *to, unsigned max, char *text) {
    struct looking l = {kind & ((1U << KINDS_NUMBER_BITS) - 1), to, max, 0, text};
    struct example swap[16];
    MUST(max > 0 && max <= sizeof swap / sizeof swap[0]);
    examples_each(x, look_at, &l);
    unsigned n = l.n < max ? l.n : max;
    for (unsigned i = 0; i < n; i++) swap[i] = to[(l.n - 1 - i) % max];
    memcpy(to, swap, n * sizeof *to);
    return n;
}

/* Their places stay, with nothing in them. */
static void ring_forget(struct example_ring *r, uint32_t kind) {
    bool behind;
    pthread_mutex_lock(&r->lock);
    size_t at = r->wrapped ? r->from : 0;
    for (behind = r->wrapped; behind || at < r->to;) {
        struct example_head h = head_at(r, at);
        if (h.kind == kind) {
            uint32_t nobody = UINT32_MAX;
            memcpy(r->bytes + at, &nobody, sizeof nobody);
            memset(r->bytes + at + sizeof h, 0, (size_t)h.source_n + h.line_n);
        }
        at = behind ? example_next(r, at) : at + example_bytes(&h);
        if (behind && at == 0) behind = false;
    }
    pthread_mutex_unlock(&r->lock);
}

void examples_forget(struct examples *x, uint32_t kind) {
    for (unsigned i = 0; x && i < RINGS; i++) ring_forget(&x->ring[i], kind & ((1U << KINDS_NUMBER_BITS) - 1));
}
