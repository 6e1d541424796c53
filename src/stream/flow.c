/* One lock for all of it: it is taken some six times a chunk, that is, once in several hundred lines. */
#include "stream/flow.h"

#include "base/clock.h"
#include "base/must.h"
#include "base/thread.h"
#include "stream/feed.h"

#include <pthread.h>

enum { SINK_STEP_MS = 100 };

enum slot_state { SLOT_FREE, SLOT_TAKEN, SLOT_DECIDING, SLOT_DECIDED, SLOT_AT_SINK, SLOT_SETTLED };

struct slot {
    struct chunk chunk; /* the first member: a chunk's address is its slot's */
    enum slot_state state;
    bool safe;
    struct feed *feed;
};

/* Counts since the feed was opened; chunk number n is in ring[n % FLOW_CHUNKS]. */
struct feed {
    struct flow *flow;
    struct feed_opts opts;
    struct feed *next;
    unsigned taken; /* chunks that the source has, and has not sent */
    struct slot *ring[FLOW_CHUNKS];
    uint64_t sent, put, settled;
};

struct flow {
    struct pipeline *pipeline;
    const struct sink_kind *sink;
    void *sink_self;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct slot slot[FLOW_CHUNKS];
    struct feed *feeds;
    unsigned feeds_n;
    struct err failure; /* of the sink; ERR_OK: none */
    bool closing, abandoned;
};

static struct slot *slot_of(struct chunk *c) {
    return (struct slot *)c;
}

/* Waits for a change, until `until` at most (NULL: forever). False: the time is over. */
static bool flow_wait(struct flow *f, const struct timespec *until) {
    if (!until) return pthread_cond_wait(&f->changed, &f->lock) == 0;
    return pthread_cond_timedwait(&f->changed, &f->lock, until) == 0;
}

/* Something has changed that the sink's thread may be waiting for. Under the lock: afterwards the flow may be gone. */
static void flow_wake_sink(struct flow *f) {
    if (f->sink->wake) f->sink->wake(f->sink_self);
}

/* ---- feeds ---- */

struct feed *feed_open(struct flow *f, const struct feed_opts *o, struct err *e) {
    pthread_mutex_lock(&f->lock);
    bool room = f->feeds_n < FLOW_FEEDS_MAX;
    struct feed *d = room ? must_calloc(1, sizeof *d) : NULL;
    if (d) {
        *d = (struct feed){.flow = f, .opts = *o, .next = f->feeds};
        f->feeds = d;
        f->feeds_n++;
    }
    pthread_mutex_unlock(&f->lock);
    if (!d) err_set(e, ERR_LIMIT, "more than %d sources for one sink", FLOW_FEEDS_MAX);
    return d;
}

void feed_close(struct feed *d) {
    if (!d) return;
    struct flow *f = d->flow;
    pthread_mutex_lock(&f->lock);
    MUST(d->taken == 0 && d->settled == d->sent);
    struct feed **at = &f->feeds;
    while (*at != d) at = &(*at)->next;
    *at = d->next;
    f->feeds_n--;
    pthread_mutex_unlock(&f->lock);
    free(d);
}

/* A free slot that d may have: a flood from one feed leaves two to each of the others. */
static struct slot *feed_find_room(struct feed *d) {
    struct flow *f = d->flow;
    if (d->sent + d->taken - d->settled >= FLOW_CHUNKS - 2 * (f->feeds_n - 1)) return NULL;
    for (unsigned i = 0; i < FLOW_CHUNKS; i++)
        if (f->slot[i].state == SLOT_FREE) return &f->slot[i];
    return NULL;
}

struct chunk *feed_take(struct feed *d, int wait_ms) {
    struct flow *f = d->flow;
    struct timespec until = clock_deadline(wait_ms);
    struct slot *s;
    pthread_mutex_lock(&f->lock);
    while (!(s = feed_find_room(d)) && f->failure.code == ERR_OK && flow_wait(f, &until))
        ;
    if (f->failure.code != ERR_OK) s = NULL;
    if (s) {
        s->state = SLOT_TAKEN;
        s->feed = d;
        s->chunk.seq = d->sent + ++d->taken;
    }
    pthread_mutex_unlock(&f->lock);
    if (s) chunk_reset(&s->chunk);
    return s ? &s->chunk : NULL;
}

void feed_put_back(struct feed *d, struct chunk *c) {
    pthread_mutex_lock(&d->flow->lock);
    MUST(slot_of(c)->state == SLOT_TAKEN && c->seq == d->sent + d->taken);
    d->taken--;
    slot_of(c)->state = SLOT_FREE;
    pthread_cond_broadcast(&d->flow->changed);
    pthread_mutex_unlock(&d->flow->lock);
}

static void flow_decided(struct batch *b) {
    struct slot *s = b->user;
    struct flow *f = s->feed->flow;
    pthread_mutex_lock(&f->lock);
    MUST(s->state == SLOT_DECIDING);
    s->state = SLOT_DECIDED;
    pthread_cond_broadcast(&f->changed);
    flow_wake_sink(f);
    pthread_mutex_unlock(&f->lock);
}

void feed_send(struct feed *d, struct chunk *c) {
    struct flow *f = d->flow;
    struct slot *s = slot_of(c);
    struct err e = {0};
    MUST(c->batch.n > 0);
    c->batch.done = flow_decided;
    c->batch.user = s;
    MUST(pipeline_pin(f->pipeline, &c->batch, &e)); /* flow_opts: there is an engine */
    pthread_mutex_lock(&f->lock);
    MUST(s->state == SLOT_TAKEN && c->seq == d->sent + 1);
    d->taken--;
    s->state = SLOT_DECIDING;
    d->ring[++d->sent % FLOW_CHUNKS] = s;
    pthread_mutex_unlock(&f->lock);
    pipeline_submit_wait(f->pipeline, &c->batch);
}

unsigned feed_room(struct feed *d) {
    struct flow *f = d->flow;
    unsigned free_slots = 0;
    pthread_mutex_lock(&f->lock);
    for (unsigned i = 0; i < FLOW_CHUNKS; i++) free_slots += f->slot[i].state == SLOT_FREE;
    uint64_t most = FLOW_CHUNKS - 2 * (uint64_t)(f->feeds_n - 1), out = d->sent + d->taken - d->settled;
    bool well = f->failure.code == ERR_OK && !f->abandoned;
    pthread_mutex_unlock(&f->lock);
    uint64_t left = well && out < most ? most - out : 0;
    return left < free_slots ? (unsigned)left : free_slots;
}

unsigned feed_room_max(struct feed *d) {
    pthread_mutex_lock(&d->flow->lock);
    unsigned most = FLOW_CHUNKS - 2 * (d->flow->feeds_n - 1);
    pthread_mutex_unlock(&d->flow->lock);
    return most;
}

bool feed_wait_settled(struct feed *d, int wait_ms) {
    struct timespec until = clock_deadline(wait_ms);
    pthread_mutex_lock(&d->flow->lock);
    while (d->settled < d->sent && flow_wait(d->flow, &until))
        ;
    bool all = d->settled == d->sent;
    pthread_mutex_unlock(&d->flow->lock);
    return all;
}

/* ---- the sink's thread ---- */

/* The next chunk to put of some feed, feeds in turn: the list is rotated behind the one that had its turn. */
static struct slot *flow_next_decided(struct flow *f) {
    for (struct feed **at = &f->feeds; *at; at = &(*at)->next) {
        struct feed *d = *at;
        struct slot *s = d->put < d->sent ? d->ring[(d->put + 1) % FLOW_CHUNKS] : NULL;
        if (!s || s->state != SLOT_DECIDED) continue;
        d->put++;
        s->state = SLOT_AT_SINK;
        *at = d->next;
        d->next = NULL;
        while (*at) at = &(*at)->next;
        *at = d;
        return s;
    }
    return NULL;
}

/* Waits for a chunk to put; NULL: nothing came in time, or the flow is over. */
static struct slot *flow_wait_decided(struct flow *f, bool *over) {
    struct timespec until = clock_deadline(SINK_STEP_MS);
    struct slot *s;
    pthread_mutex_lock(&f->lock);
    while (!(s = flow_next_decided(f)) && !f->closing && !f->sink->wake && flow_wait(f, f->sink->step ? &until : NULL))
        ;
    *over = !s && f->closing;
    pthread_mutex_unlock(&f->lock);
    if (!s && !*over && f->sink->wake) f->sink->step(f->sink_self, SINK_STEP_MS);
    return s;
}

static bool flow_is_abandoned(struct flow *f) {
    pthread_mutex_lock(&f->lock);
    bool abandoned = f->abandoned;
    pthread_mutex_unlock(&f->lock);
    return abandoned;
}

/* Hands the chunk to the sink, which takes it when it has room; nobody waits for that when the time is over. */
static void flow_put(struct flow *f, struct chunk *c) {
    while (!flow_is_abandoned(f)) {
        if (f->sink->put(f->sink_self, c)) return;
        MUST(f->sink->step != NULL);
        f->sink->step(f->sink_self, SINK_STEP_MS);
    }
    flow_settle(f, c, false);
}

static void *flow_main(void *arg) {
    struct flow *f = arg;
    for (bool over = false, told = false; !over;) {
        struct slot *s = flow_wait_decided(f, &over);
        struct batch *b = s ? &s->chunk.batch : NULL;
        struct batch pinned = b ? (struct batch){.engine = b->engine} : (struct batch){0};
        if (s) flow_put(f, &s->chunk);
        pipeline_unpin(&pinned); /* put may have settled the chunk, which is no longer ours then */
        if (f->sink->abandon && !told && flow_is_abandoned(f)) {
            f->sink->abandon(f->sink_self);
            told = true;
        }
        if (f->sink->step) f->sink->step(f->sink_self, 0);
    }
    return NULL;
}

/* Tells the source of what is settled, oldest first, and frees it. */
static void feed_retire(struct feed *d) {
    while (d->settled < d->put) {
        struct slot *s = d->ring[(d->settled + 1) % FLOW_CHUNKS];
        if (s->state != SLOT_SETTLED) return;
        d->settled++;
        if (d->opts.settled) d->opts.settled(d->opts.self, s->chunk.seq, s->safe);
        s->state = SLOT_FREE;
    }
}

void flow_settle(struct flow *f, struct chunk *c, bool safe) {
    struct slot *s = slot_of(c);
    pthread_mutex_lock(&f->lock);
    MUST(s->state == SLOT_AT_SINK);
    s->chunk.batch.engine = NULL; /* the pin is flow_main's */
    s->state = SLOT_SETTLED;
    s->safe = safe;
    feed_retire(s->feed);
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

void flow_fail(struct flow *f, const struct err *e) {
    pthread_mutex_lock(&f->lock);
    if (f->failure.code == ERR_OK) f->failure = *e;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

void flow_abandon(struct flow *f) {
    pthread_mutex_lock(&f->lock);
    f->abandoned = true;
    pthread_cond_broadcast(&f->changed);
    flow_wake_sink(f);
    pthread_mutex_unlock(&f->lock);
}

bool flow_is_well(struct flow *f, struct err *e) {
    pthread_mutex_lock(&f->lock);
    bool well = f->failure.code == ERR_OK;
    if (!well) *e = f->failure;
    pthread_mutex_unlock(&f->lock);
    return well;
}

/* ---- open and close ---- */

struct flow *flow_open(const struct flow_opts *o, struct err *e) {
    struct flow *f = must_calloc(1, sizeof *f);
    pthread_condattr_t monotonic;
    f->pipeline = o->pipeline;
    f->sink = o->sink;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (unsigned i = 0; i < FLOW_CHUNKS; i++) chunk_init(&f->slot[i].chunk);
    f->sink_self = f->sink->open(o->sink_opts, f, e);
    if (f->sink_self) {
        f->thread = thread_start(flow_main, f);
        return f;
    }
    flow_close(f);
    return NULL;
}

void flow_close(struct flow *f) {
    if (!f) return;
    if (f->sink_self) {
        pthread_mutex_lock(&f->lock);
        MUST(f->feeds == NULL);
        f->closing = true;
        pthread_cond_broadcast(&f->changed);
        flow_wake_sink(f);
        pthread_mutex_unlock(&f->lock);
        pthread_join(f->thread, NULL);
        f->sink->close(f->sink_self);
    }
    for (unsigned i = 0; i < FLOW_CHUNKS; i++) chunk_release(&f->slot[i].chunk);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->changed);
    free(f);
}
