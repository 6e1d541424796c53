/* A request is one chunk or several, as long as the flow has free ones. The last free chunk is shared: while others are
 * under way, small requests gather in it, and it goes when one of those is settled, or when it is full. So a thousand
 * clients that push a line each are a few chunks, and none of them waits for more than what is under way. While the
 * sink stands, nothing gathers: who is told "not yet" comes again, and would be there twice.
 *
 * A request that finds no room stands in line (push_queue), as long as the sink makes headway. What is under way for
 * half the time that an answer may wait is late: then there is no room, whatever is free, for what is sent behind it
 * would be answered too late, come again, and make the way longer still. */
#include "stream/push.h"

#include "base/clock.h"
#include "base/must.h"
#include "base/thread.h"
#include "conf/section.h"
#include "data/loki.h"
#include "data/otlp.h"
#include "metrics/metrics.h"
#include "stream/feed.h"
#include "stream/push_queue.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

enum { WIRE_BYTES_MAX = 256 << 20, PUSH_OWNERS_MAX = 1024, PUSH_TURN_MS = 50 };

/* Whose records a chunk has. */
struct push_owners {
    unsigned n;
    struct push_ticket *ticket[PUSH_OWNERS_MAX];
};

struct push {
    enum push_kind kind;
    pthread_mutex_t lock; /* who sends holds it */
    const struct section *conf;
    struct flow *flow;
    struct feed *_Atomic feed; /* NULL: not open */
    atomic_bool stopped;
    atomic_uint answer_ms;
    unsigned metric;
    struct chunk *taken[FLOW_CHUNKS]; /* and not sent; between requests the one in which they gather, or none */
    unsigned n;
    struct push_owners owners[FLOW_CHUNKS]; /* of chunk number n, at n % FLOW_CHUNKS */
    _Atomic uint64_t sent_ns[FLOW_CHUNKS];  /* when chunk number n went, likewise */
    _Atomic uint64_t settled_seq;           /* the last that is settled */
    atomic_uint under_way;                  /* chunks sent and not settled */
    _Atomic uint64_t moved_ns;              /* when one was settled, or the first was sent */
    pthread_t thread;                       /* sends what has gathered, when it is told of a settled chunk */
    sem_t settled;
    atomic_bool closing;
    struct push_queue queue;
    unsigned granted; /* of the request that is being read: chunks that were kept for it */
    bool held_back;   /* it was refused a chunk that was free */
};

struct push *push_new(enum push_kind kind) {
    struct push *p = must_calloc(1, sizeof *p);
    p->kind = kind;
    pthread_mutex_init(&p->lock, NULL);
    sem_init(&p->settled, 0, 0);
    push_queue_init(&p->queue);
    return p;
}

void push_free(struct push *p) {
    if (!p) return;
    MUST(!atomic_load(&p->feed));
    pthread_mutex_destroy(&p->lock);
    sem_destroy(&p->settled);
    push_queue_release(&p->queue);
    free(p);
}

/* ---- tickets ---- */

static void ticket_return(struct push_ticket *t) {
    if (atomic_fetch_sub(&t->open, 1) == 1) t->done(t->self, !atomic_load(&t->lost));
}

static void push_settled(void *self, uint64_t seq, bool safe) {
    struct push *p = self;
    const struct push_owners *o = &p->owners[seq % FLOW_CHUNKS];
    for (unsigned i = 0; i < o->n; i++) {
        if (!safe) atomic_store(&o->ticket[i]->lost, true);
        ticket_return(o->ticket[i]);
    }
    atomic_store(&p->moved_ns, clock_now_ns(NULL));
    atomic_store(&p->settled_seq, seq);
    atomic_fetch_sub(&p->under_way, 1);
    sem_post(&p->settled);
}

static struct push_owners *push_owners_of(struct push *p, const struct chunk *c) {
    return &p->owners[c->seq % FLOW_CHUNKS];
}

/* ---- sending, under the lock ---- */

/* The section's name for a source stands in for none. */
static void push_name_source(const struct push *p, struct chunk *c) {
    struct span name = span_of(p->conf->source);
    for (uint32_t i = 0; name.n > 0 && i < c->batch.n; i++)
        if (c->rec[i].source.n == 0) c->rec[i].source = name;
}

/* Sends the chunks that were taken, but for the last `keep` of them. */
static void push_send_taken(struct push *p, unsigned keep) {
    unsigned sent = p->n - keep;
    for (unsigned i = 0; i < sent; i++) {
        push_name_source(p, p->taken[i]);
        uint64_t now = clock_now_ns(NULL);
        atomic_store(&p->sent_ns[p->taken[i]->seq % FLOW_CHUNKS], now);
        if (atomic_fetch_add(&p->under_way, 1) == 0) atomic_store(&p->moved_ns, now);
        feed_send(atomic_load(&p->feed), p->taken[i]);
    }
    if (keep) p->taken[0] = p->taken[sent];
    p->n = keep;
}

/* Has something been settled in the time that an answer may wait? */
static bool push_moves(const struct push *p) {
    return clock_now_ns(NULL) <= atomic_load(&p->moved_ns) + clock_ns_of_ms(atomic_load(&p->answer_ms));
}

/* Is the oldest of what is under way late? */
static bool push_is_late(struct push *p) {
    uint64_t sent = atomic_load(&p->sent_ns[(atomic_load(&p->settled_seq) + 1) % FLOW_CHUNKS]);
    if (atomic_load(&p->under_way) == 0) return false;
    return clock_now_ns(NULL) > sent + clock_ns_of_ms(atomic_load(&p->answer_ms)) / 2;
}

/* How many chunks may be taken now, also those that are kept for somebody. */
static unsigned push_room(void *self) {
    struct push *p = self;
    return push_is_late(p) ? 0 : feed_room(atomic_load(&p->feed));
}

/* Is there a chunk for somebody who has not stood in line? */
static bool push_is_free(struct push *p) {
    return atomic_load(&p->queue.waiting) == 0 && push_room(p) > atomic_load(&p->queue.granted);
}

/* May later requests gather in c? Something must be under way whose end sends it, and no other chunk be free. */
static bool push_may_gather(struct push *p, const struct chunk *c) {
    return atomic_load(&p->under_way) > 0 && !push_is_free(p) && c->batch.n < CHUNK_RECORDS &&
           push_owners_of(p, c)->n < PUSH_OWNERS_MAX;
}

/* Until a chunk is settled; while somebody stands in line, not for long: other sources make room, too. */
static bool push_wait_for_settled(struct push *p) {
    struct timespec until = clock_deadline(PUSH_TURN_MS);
    bool all = atomic_load(&p->queue.waiting) == 0;
    return (all ? sem_wait(&p->settled) : sem_clockwait(&p->settled, CLOCK_MONOTONIC, &until)) == 0;
}

static void *push_main(void *arg) {
    struct push *p = arg;
    while (!atomic_load(&p->closing)) {
        if (push_wait_for_settled(p)) {
            pthread_mutex_lock(&p->lock);
            push_send_taken(p, 0);
            pthread_mutex_unlock(&p->lock);
        }
        push_queue_turn(&p->queue, push_room, p);
    }
    return NULL;
}

/* ---- life ---- */

bool push_open(struct push *p, const struct section *s, struct flow *f, struct err *e) {
    if (p->conf)
        return err_set(e, ERR_USAGE, "%s: there is a source of this type already, at %s", s->place, p->conf->place);
    struct feed *d = feed_open(f, &(struct feed_opts){push_settled, p}, e);
    if (!d) return false;
    p->conf = s;
    p->flow = f;
    p->metric = metrics_name(METRIC_SET_SOURCE, s->name);
    atomic_store(&p->stopped, false);
    atomic_store(&p->answer_ms, (unsigned)s->answer_wait);
    atomic_store(&p->feed, d);
    atomic_store(&p->closing, false);
    atomic_store(&p->settled_seq, 0);
    push_queue_open(&p->queue);
    p->thread = thread_start(push_main, p);
    return true;
}

void push_stop(struct push *p) {
    atomic_store(&p->stopped, true);
    push_queue_close(&p->queue); /* before the feed is closed, which push_room asks under the queue's lock */
}

bool push_wait_settled(struct push *p, int wait_ms) {
    pthread_mutex_lock(&p->lock); /* whoever has begun to send is done with it */
    struct feed *d = atomic_load(&p->feed);
    push_send_taken(p, 0);
    pthread_mutex_unlock(&p->lock);
    return !d || feed_wait_settled(d, wait_ms);
}

void push_close(struct push *p) {
    if (!p->conf) return;
    push_queue_close(&p->queue);
    atomic_store(&p->closing, true);
    sem_post(&p->settled);
    pthread_join(p->thread, NULL);
    pthread_mutex_lock(&p->lock);
    feed_close(atomic_exchange(&p->feed, NULL));
    p->conf = NULL;
    pthread_mutex_unlock(&p->lock);
}

/* Under the lock. */
static bool push_may_come(struct push *p, size_t bytes) {
    if (atomic_load(&p->stopped)) return false;
    if (p->n == 0 && push_is_free(p)) return true;
    return push_moves(p) && (p->n > 0 || push_queue_has_bytes(&p->queue, bytes));
}

enum push_result push_admit(struct push *p, size_t bytes) {
    enum push_result now = PUSH_CLOSED;
    if (pthread_mutex_trylock(&p->lock) != 0)
        return PUSH_SENT; /* one is being sent; whether there is room is seen then */
    if (atomic_load(&p->feed)) now = push_may_come(p, bytes) ? PUSH_SENT : PUSH_BUSY;
    pthread_mutex_unlock(&p->lock);
    return now;
}

bool push_wait(struct push *p, struct push_ticket *t, size_t bytes) {
    if (t->place.need == 0 || !push_moves(p) || !push_queue_add(&p->queue, t, bytes)) return false;
    sem_post(&p->settled); /* it may be its turn already */
    return true;
}

bool push_leave(struct push *p, struct push_ticket *t) {
    return push_queue_remove(&p->queue, t);
}

void push_let_go(struct push *p, struct push_ticket *t) {
    push_queue_take(&p->queue, t);
}

unsigned push_answer_ms(const struct push *p) {
    return atomic_load(&p->answer_ms);
}

/* ---- a request ---- */

/* A chunk that nobody else is to have. */
static bool push_may_take(struct push *p) {
    if (p->granted > 0) {
        p->granted--;
        return true;
    }
    bool may = push_is_free(p);
    p->held_back = !may && feed_room(atomic_load(&p->feed)) > 0;
    return may;
}

static struct chunk *push_take(void *self) {
    struct push *p = self;
    struct chunk *c = p->n < FLOW_CHUNKS && push_may_take(p) ? feed_take(atomic_load(&p->feed), 0) : NULL;
    if (!c) return NULL;
    push_owners_of(p, c)->n = 0;
    return p->taken[p->n++] = c;
}

/* Where a request begins: behind what has gathered. */
struct push_mark {
    unsigned chunks, records;
};

static struct push_mark push_mark_of(const struct push *p) {
    return (struct push_mark){p->n, p->n > 0 ? p->taken[0]->batch.n : 0};
}

static void push_go_back(struct push *p, struct push_mark m) {
    while (p->n > m.chunks) feed_put_back(atomic_load(&p->feed), p->taken[--p->n]);
    if (p->n > 0) p->taken[0]->batch.n = m.records;
}

static bool push_decode(struct push *p, struct span request, enum push_form form, struct intake *in, struct err *e) {
    if (p->kind == PUSH_LOKI)
        return form == PUSH_FORM_JSON ? loki_read_json(request, in, e) : loki_read(request, in, e);
    if (form == PUSH_FORM_WIRE) return otlp_read(request, in, e);
    struct buf wire;
    buf_init(&wire, WIRE_BYTES_MAX);
    bool ok = otlp_json_to_wire(request, &wire, e);
    if (ok)
        ok = otlp_read(buf_span(&wire), in, e);
    else
        in->trouble = e->code == ERR_LIMIT ? INTAKE_TOO_LARGE : INTAKE_MALFORMED;
    buf_release(&wire);
    return ok;
}

/* Why nothing is sent. A request that does not fit although nothing else is under way never will. */
static enum push_result push_refuse(struct push *p, const struct intake *in, unsigned room, struct err *e) {
    struct err of_sink;
    unsigned most = feed_room_max(atomic_load(&p->feed));
    if (in->trouble == INTAKE_MALFORMED) return PUSH_MALFORMED;
    if (in->trouble == INTAKE_TOO_LARGE) {
        err_set(e, ERR_LIMIT, "one record has more than %d bytes", INTAKE_RECORD_MAX);
        return PUSH_TOO_LARGE;
    }
    if (!p->held_back && room >= most && flow_is_well(p->flow, &of_sink)) {
        err_set(e, ERR_LIMIT, "more than %u x %d records, or too many bytes for so many chunks: send smaller batches",
                most, CHUNK_RECORDS);
        return PUSH_TOO_LARGE;
    }
    err_set(e, ERR_BUSY, "busy: the sink has not taken what came before");
    return PUSH_BUSY;
}

/* Makes t an owner of the chunks that have records of it, and sends what need not wait for more. */
static void push_send_since(struct push *p, struct push_mark m, struct push_ticket *t) {
    unsigned first = m.chunks > 0 && p->taken[0]->batch.n == m.records ? 1 : 0;
    atomic_store(&t->lost, false);
    atomic_store(&t->open, p->n - first + 1); /* one is ours */
    for (unsigned i = first; i < p->n; i++) {
        struct push_owners *o = push_owners_of(p, p->taken[i]);
        o->ticket[o->n++] = t;
    }
    push_send_taken(p, 1);
    if (!push_may_gather(p, p->taken[0])) push_send_taken(p, 0);
    ticket_return(t);
}

static enum push_result push_send_locked(struct push *p, struct span request, enum push_form form,
                                         struct push_ticket *t, struct err *e) {
    struct push_mark mark = push_mark_of(p);
    struct intake in = {.take = push_take, .self = p, .now = p->n > 0 ? p->taken[0] : NULL};
    unsigned room = feed_room(atomic_load(&p->feed));
    p->granted = push_queue_take(&p->queue, t);
    p->held_back = false;
    if (p->n > 0 && !push_moves(p)) return push_refuse(p, &in, room, e);
    if (!push_decode(p, request, form, &in, e)) {
        unsigned most = feed_room_max(atomic_load(&p->feed)), asks = 2 * (p->n - mark.chunks);
        t->place.need = asks == 0 ? 1 : asks < most ? asks : most; /* more than there were; how many nobody knows */
        push_go_back(p, mark);
        return push_refuse(p, &in, room, e);
    }
    metrics_add(METRIC_SOURCE_RECORDS, p->metric, 0, 0, in.records);
    if (in.records == 0) {
        push_go_back(p, mark);
        return PUSH_EMPTY;
    }
    push_send_since(p, mark, t);
    return PUSH_SENT;
}

enum push_result push_send(struct push *p, struct span request, enum push_form form, struct push_ticket *t,
                           struct err *e) {
    enum push_result result = PUSH_CLOSED;
    pthread_mutex_lock(&p->lock);
    if (atomic_load(&p->feed) && atomic_load(&p->stopped)) {
        err_set(e, ERR_BUSY, "busy: the process ends");
        result = PUSH_BUSY;
    } else if (atomic_load(&p->feed)) {
        result = push_send_locked(p, request, form, t, e);
    }
    pthread_mutex_unlock(&p->lock);
    return result;
}
