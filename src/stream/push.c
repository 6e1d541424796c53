#include "stream/push.h"

#include "base/must.h"
#include "conf/section.h"
#include "data/loki.h"
#include "data/otlp.h"
#include "metrics/metrics.h"
#include "stream/feed.h"

#include <pthread.h>
#include <stdlib.h>

enum { WIRE_BYTES_MAX = 256 << 20 };

struct push {
    enum push_kind kind;
    pthread_mutex_t lock; /* who sends holds it */
    const struct section *conf;
    struct flow *flow;
    struct feed *_Atomic feed; /* NULL: not open */
    atomic_bool stopped;
    atomic_uint answer_ms;
    unsigned metric;
    struct chunk *taken[FLOW_CHUNKS];
    unsigned n;
    struct push_ticket *owner[FLOW_CHUNKS]; /* of chunk number n, at n % FLOW_CHUNKS */
};

struct push *push_new(enum push_kind kind) {
    struct push *p = must_calloc(1, sizeof *p);
    p->kind = kind;
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void push_free(struct push *p) {
    if (!p) return;
    MUST(!atomic_load(&p->feed));
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- tickets ---- */

static void ticket_return(struct push_ticket *t) {
    if (atomic_fetch_sub(&t->open, 1) == 1) t->done(t->self, !atomic_load(&t->lost));
}

static void push_settled(void *self, uint64_t seq, bool safe) {
    struct push *p = self;
    struct push_ticket *t = p->owner[seq % FLOW_CHUNKS];
    if (!safe) atomic_store(&t->lost, true);
    ticket_return(t);
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
    return true;
}

void push_stop(struct push *p) {
    atomic_store(&p->stopped, true);
}

bool push_wait_settled(struct push *p, int wait_ms) {
    pthread_mutex_lock(&p->lock); /* whoever has begun to send is done with it */
    struct feed *d = atomic_load(&p->feed);
    pthread_mutex_unlock(&p->lock);
    return !d || feed_wait_settled(d, wait_ms);
}

void push_close(struct push *p) {
    pthread_mutex_lock(&p->lock);
    feed_close(atomic_exchange(&p->feed, NULL));
    p->conf = NULL;
    pthread_mutex_unlock(&p->lock);
}

enum push_result push_admit(struct push *p) {
    enum push_result now = PUSH_CLOSED;
    if (pthread_mutex_trylock(&p->lock) != 0)
        return PUSH_SENT; /* one is being sent; whether there is room is seen then */
    struct feed *d = atomic_load(&p->feed);
    if (d) now = !atomic_load(&p->stopped) && feed_room(d) > 0 ? PUSH_SENT : PUSH_BUSY;
    pthread_mutex_unlock(&p->lock);
    return now;
}

unsigned push_answer_ms(const struct push *p) {
    return atomic_load(&p->answer_ms);
}

/* ---- a request ---- */

static struct chunk *push_take(void *self) {
    struct push *p = self;
    struct chunk *c = p->n < FLOW_CHUNKS ? feed_take(atomic_load(&p->feed), 0) : NULL;
    if (c) p->taken[p->n++] = c;
    return c;
}

static void push_put_back(struct push *p) {
    while (p->n > 0) feed_put_back(atomic_load(&p->feed), p->taken[--p->n]);
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

/* The section's name for a source stands in for none. */
static void push_name_source(const struct push *p, struct chunk *c) {
    struct span name = span_of(p->conf->source);
    for (uint32_t i = 0; name.n > 0 && i < c->batch.n; i++)
        if (c->rec[i].source.n == 0) c->rec[i].source = name;
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
    if (room >= most && flow_is_well(p->flow, &of_sink)) {
        err_set(e, ERR_LIMIT, "more than %u x %d records, or too many bytes for so many chunks: send smaller batches",
                most, CHUNK_RECORDS);
        return PUSH_TOO_LARGE;
    }
    err_set(e, ERR_BUSY, "busy: the sink has not taken what came before");
    return PUSH_BUSY;
}

static void push_send_taken(struct push *p, struct push_ticket *t) {
    struct feed *d = atomic_load(&p->feed);
    unsigned n = 0;
    atomic_store(&t->lost, false);
    atomic_store(&t->open, p->n + 1); /* one is ours */
    for (; n < p->n; n++) {
        p->owner[p->taken[n]->seq % FLOW_CHUNKS] = t;
        push_name_source(p, p->taken[n]);
        feed_send(d, p->taken[n]);
    }
    p->n = 0;
    ticket_return(t);
}

static enum push_result push_send_locked(struct push *p, struct span request, enum push_form form,
                                         struct push_ticket *t, struct err *e) {
    struct intake in = {.take = push_take, .self = p};
    unsigned room = feed_room(atomic_load(&p->feed));
    if (!push_decode(p, request, form, &in, e)) {
        push_put_back(p);
        return push_refuse(p, &in, room, e);
    }
    metrics_add(METRIC_SOURCE_RECORDS, p->metric, 0, 0, in.records);
    if (in.records == 0) {
        push_put_back(p);
        return PUSH_EMPTY;
    }
    push_send_taken(p, t);
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
