#include "stream/source.h"

#include "base/clock.h"
#include "base/must.h"
#include "stream/checkpoint.h"
#include "stream/feed.h"

#define SOURCE(id, kind) extern const struct source_kind kind;
#include "stream/source.def"
#undef SOURCE

_Static_assert((int)SOURCE_POSITIONS > (int)FLOW_CHUNKS, "a place must last until its chunk is settled");

const struct source_kind *const source_table[SOURCE_COUNT] = {
#define SOURCE(id, kind) &kind,
#include "stream/source.def"
#undef SOURCE
};

static void source_settled(void *self, uint64_t seq, bool safe) {
    struct source *s = self;
    s->lost |= !safe;
    if (!s->lost) atomic_store_explicit(&s->safe, seq, memory_order_release);
}

bool source_open(struct source *s, enum source_id id, const struct source_opts *o, struct flow *f,
                 const atomic_bool *stop, struct err *e) {
    *s = (struct source){.kind = source_table[id], .flow = f, .stop = stop};
    struct source_opts own = *o;
    own.safe = &s->safe;
    s->self = s->kind->open(&own, e);
    if (s->self) s->feed = feed_open(f, &(struct feed_opts){source_settled, s}, e);
    if (s->feed && o->driven) {
        s->checkpoint = o->checkpoint;
        checkpoint_join(s->checkpoint);
        s->joined = true;
    }
    if (s->feed) return true;
    source_close(s);
    return false;
}

static bool source_commit(struct source *s, struct err *e) {
    uint64_t round = s->checkpoint ? checkpoint_round(s->checkpoint) : 0; /* before what is settled is looked at */
    uint64_t safe = atomic_load_explicit(&s->safe, memory_order_acquire);
    bool news = safe != s->committed || (round != s->round && safe > 0);
    if (news && s->kind->commit && !s->kind->commit(s->self, safe, e)) return false;
    s->committed = safe;
    if (round != s->round) checkpoint_confirm(s->checkpoint, round);
    s->round = round;
    return true;
}

/* Nothing more comes, and everything is settled: the sink need not wait for us any more. */
static void source_leave(struct source *s) {
    struct err ignored = {0};
    if (!s->joined) return;
    checkpoint_begin_leave(s->checkpoint);
    if (s->committed > 0) s->kind->commit(s->self, s->committed, &ignored);
    checkpoint_leave(s->checkpoint, s->round);
    s->joined = false;
}

/* One turn: takes a chunk, has it filled, sends it, commits what has become durable. */
static enum source_state source_turn(struct source *s, struct err *e) {
    struct chunk *c = feed_take(s->feed, SOURCE_WAIT_MS);
    enum source_state now = s->kind->read(s->self, c, c ? SOURCE_WAIT_MS : 0, e);
    if (c && c->batch.n > 0)
        feed_send(s->feed, c);
    else if (c)
        feed_put_back(s->feed, c);
    return source_commit(s, e) ? now : SOURCE_FAILED;
}

/* Reads what has come before the stop. */
static enum source_state source_run_out(struct source *s, struct err *e) {
    enum source_state now = SOURCE_GOES_ON;
    uint64_t end = clock_now_ns(NULL) + clock_ns_of_ms(SOURCE_STOP_MS);
    s->kind->stop(s->self);
    while (now == SOURCE_GOES_ON && clock_now_ns(NULL) < end) now = source_turn(s, e);
    return now;
}

bool source_run(struct source *s, struct err *e) {
    enum source_state now = SOURCE_GOES_ON;
    struct err of_sink = {0}, ignored = {0};
    while (now == SOURCE_GOES_ON && !atomic_load(s->stop) && flow_is_well(s->flow, &of_sink)) now = source_turn(s, e);
    if (s->kind->stop && now == SOURCE_GOES_ON && flow_is_well(s->flow, &of_sink)) now = source_run_out(s, e);
    while (!feed_wait_settled(s->feed, SOURCE_WAIT_MS)) source_commit(s, &ignored);
    bool ok = source_commit(s, e);
    source_leave(s);
    return ok && now != SOURCE_FAILED;
}

void source_close(struct source *s) {
    if (s->joined) source_leave(s);
    feed_close(s->feed);
    if (s->self) s->kind->close(s->self);
    *s = (struct source){0};
}
