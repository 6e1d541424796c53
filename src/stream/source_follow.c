/* Followed files: turns, in which each file with news hands on what it has, and commits, which move its place once its
 * lines are durable. */
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "metrics/metrics.h"
#include "stream/checkpoint.h"
#include "stream/follow.h"

#include <poll.h>
#include <stdio.h>

enum {
    TURN_ROOM_MIN = 2 * CHUNK_LINE_MAX + FOLLOW_TAIL_MAX,
    BROKEN_REST_MS = 1000,
    FAILURE_SAID_MS = 60000,
    ROWS_BYTES_MAX = 64 << 20
};

static bool has_passed(uint64_t since_ns, uint64_t ms) {
    return clock_now_ns(NULL) - since_ns >= clock_ns_of_ms(ms);
}

/* ---- the checkpoint ---- */

static void follow_set_rows(struct follow *s) {
    struct buf rows;
    buf_init(&rows, ROWS_BYTES_MAX);
    follow_set_write_rows(&s->set, s->known_ns, &rows);
    if (!rows.failed) checkpoint_set(s->o.checkpoint, s->conf->name, buf_span(&rows));
    buf_release(&rows);
}

static void follow_save(struct follow *s) {
    struct err e = {0};
    if (!s->o.checkpoint) return;
    follow_set_rows(s);
    s->moved = !checkpoint_write(s->o.checkpoint, &e);
    if (s->moved && (s->failure_said_ns == 0 || has_passed(s->failure_said_ns, FAILURE_SAID_MS))) {
        s->failure_said_ns = clock_now_ns(NULL);
        log_error("checkpoint.failed", "the checkpoint stays where it was, and is tried again: %s", e.msg);
    }
    metrics_gauge_set(METRIC_SOURCE_LAG, s->metric, (double)follow_set_lag(&s->set));
    metrics_gauge_set(METRIC_FOLLOW_FILES, s->metric, s->set.n);
}

/* Before anything is read: what is there now is known, should we be killed in the first moment. */
static void follow_save_first(struct follow *s) {
    struct err e = {0};
    if (!s->o.checkpoint) return;
    follow_set_rows(s);
    if (!checkpoint_commit(s->o.checkpoint, &e)) log_error("checkpoint.failed", "%s; it is tried again", e.msg);
    s->moved = true;
}

static void follow_save_when_due(struct follow *s) {
    if (s->moved && s->o.checkpoint && checkpoint_is_due(s->o.checkpoint)) follow_save(s);
}

/* ---- turns ---- */

static struct follow_moves *moves_of(struct follow *s, uint64_t seq) {
    struct follow_moves *m = &s->sent[seq % SOURCE_POSITIONS];
    if (m->seq != seq) *m = (struct follow_moves){.seq = seq};
    return m;
}

static void note_move(struct follow_moves *m, struct follow_file *f) {
    struct follow_move *v = m->v;
    while (v < m->v + m->n && v->file != f) v++;
    if (v == m->v + m->n) {
        MUST(m->n < FOLLOW_MOVES_MAX);
        m->n++;
        v->file = f;
        f->out++;
    }
    v->place = follow_file_place(f);
}

/* Whoever waits for f to be read to its end has a turn now. */
static void wake_successors(struct follow *s, const struct follow_file *f) {
    for (struct follow_file *g = f->waiters; g; g = g->next_waiter) follow_set_queue(&s->set, g);
}

/* Not yet: the generation before it comes first, or it may be a copy that copytruncate is making. */
static bool has_to_wait(struct follow *s, struct follow_file *f) {
    if (f->lost || (f->after && !f->after->at_end)) return true;
    if (!f->may_be_copy) return false;
    if (has_passed(f->changed_ns, (uint64_t)s->conf->rotate_wait * 1000)) {
        f->may_be_copy = false;
        return false;
    }
    return f->wakes = s->timers = true;
}

static bool is_over(const struct follow *s, const struct follow_file *f) {
    bool quiet = f->in || f->lost || has_passed(f->changed_ns, (uint64_t)s->conf->rotate_wait * 1000);
    return f->state == FOLLOW_ROTATED && f->at_end && !f->partial && quiet && f->out == 0 && !f->after;
}

static void turn_broken(struct follow *s, struct follow_file *f, const struct err *e) {
    struct follow_id id;
    uint64_t size;
    bool here = follow_look(-1, f->path, &id, &size, NULL) && follow_id_is_same(id, f->id);
    if (!here && f->fd < 0) {
        struct follow_file *live = follow_set_by_path(&s->set, f->name);
        if (live == f) live = NULL;
        follow_rest_of_gone(s, f, live);
        return;
    }
    if (!f->at_end) log_warn("follow.broken", "%s", e->msg); /* once, until it can be read again */
    if (!f->at_end) wake_successors(s, f);
    f->at_end = true;
    f->changed_ns = clock_now_ns(NULL);
    f->wakes = s->timers = true;
}

/* Makes records of the got bytes at `to`; full: there may be more behind them. */
static void turn_take(struct follow *s, struct follow_file *f, struct chunk *c, const char *to, size_t got, bool full) {
    bool rotated = f->state == FOLLOW_ROTATED;
    bool quiet = f->in ? !full : has_passed(f->changed_ns, (uint64_t)s->conf->line_wait * 1000);
    uint32_t records = c->batch.n;
    struct follow_text t = {
        .f = f,
        .c = c,
        .text = {to, got},
        .more = full,
        .last_counts = rotated && quiet,
        .open_ends = has_passed(f->changed_ns, (uint64_t)s->conf->multiline_wait),
    };
    follow_lines_take(s, &t);
    if (t.used > 0 || c->batch.n > records) {
        follow_file_take(f, to, t.used);
        c->text_n += FOLLOW_TAIL_MAX + t.used;
        note_move(moves_of(s, c->seq), f);
        f->changed_ns = clock_now_ns(NULL);
    }
    bool more = full || t.full, was_at_end = f->at_end;
    f->at_end = !more;
    f->partial = t.used < got;
    if (t.held) f->wakes = s->timers = true;
    if (more) follow_set_queue(&s->set, f);
    if (!more && !was_at_end) wake_successors(s, f);
    if (rotated) f->wakes = s->timers = true;
}

/* One file's turn. */
static void follow_turn(struct follow *s, struct follow_file *f, struct chunk *c) {
    struct err e = {0};
    size_t got, room = CHUNK_BYTES - c->text_n - FOLLOW_TAIL_MAX;
    char *to = c->text + c->text_n + FOLLOW_TAIL_MAX;
    f->wakes = false;
    if (has_to_wait(s, f)) return;
    if (room > FOLLOW_TURN_BYTES) room = FOLLOW_TURN_BYTES;
    enum follow_read r = follow_set_open(&s->set, f, &e) ? follow_file_read(f, to, room, &got, &e) : FOLLOW_READ_BROKEN;
    if (r == FOLLOW_READ_BROKEN) turn_broken(s, f, &e);
    if (r == FOLLOW_READ_CHANGED) follow_rest_of_cut(s, f);
    if (r == FOLLOW_READ_OK && got > 0 && f->was_cut) {
        if (follow_rest_between_cuts(s, f, (struct span){to, got})) return;
    }
    if (r == FOLLOW_READ_OK) turn_take(s, f, c, to, got, got == room);
    f->was_cut &= f->at == 0;
}

static bool follow_has_room(struct follow *s, const struct chunk *c) {
    return c->batch.n < CHUNK_RECORDS && CHUNK_BYTES - c->text_n > TURN_ROOM_MIN &&
           moves_of(s, c->seq)->n < FOLLOW_MOVES_MAX;
}

/* Those that wait for a time get a turn; those that are done with are let go. */
static void follow_tick(struct follow *s) {
    if (!s->timers || !has_passed(s->tick_ns, FOLLOW_TICK_MS)) return;
    s->tick_ns = clock_now_ns(NULL);
    s->timers = false;
    for (struct follow_file *f = s->set.all, *next; f; f = next) {
        next = f->all_next;
        if (is_over(s, f)) {
            wake_successors(s, f);
            follow_set_remove(&s->set, f);
            s->moved = true;
        } else if (f->wakes) {
            s->timers = true;
            follow_set_queue(&s->set, f);
        }
    }
}

static void wait_news(struct follow *s, int wait_ms) {
    struct pollfd p = {.fd = follow_watch_fd(s->watch), .events = POLLIN};
    poll(&p, 1, wait_ms);
}

static enum source_state source_follow_read(void *self, struct chunk *c, int wait_ms, struct err *e) {
    struct follow *s = self;
    (void)e;
    if (c && !s->set.queue) wait_news(s, wait_ms);
    follow_find_news(s);
    follow_tick(s);
    follow_save_when_due(s);
    if (!c) return SOURCE_GOES_ON;
    chunk_want_origins(c);
    for (struct follow_file *f; follow_has_room(s, c) && (f = follow_set_next(&s->set));) follow_turn(s, f, c);
    metrics_add(METRIC_SOURCE_RECORDS, s->metric, 0, 0, c->batch.n);
    return SOURCE_GOES_ON;
}

static bool source_follow_commit(void *self, uint64_t seq, struct err *e) {
    struct follow *s = self;
    (void)e;
    for (; s->committed < seq; s->committed++) {
        struct follow_moves *m = moves_of(s, s->committed + 1);
        for (unsigned i = 0; i < m->n; i++) {
            m->v[i].file->safe = m->v[i].place;
            m->v[i].file->out--;
        }
        s->moved |= m->n > 0;
        m->n = 0;
    }
    follow_save_when_due(s);
    return true;
}

/* ---- open and close ---- */

static void source_follow_close(void *self) {
    struct follow *s = self;
    if (s->begun) follow_save(s);
    metrics_gauge_set(METRIC_FOLLOW_FILES, s->metric, 0);
    follow_find_close(s);
    follow_lines_close(s);
    free(s);
}

static void *source_follow_open(const struct source_opts *o, struct err *e) {
    struct follow *s = must_calloc(1, sizeof *s);
    s->o = *o;
    s->conf = o->section;
    s->metric = metrics_name(METRIC_SET_SOURCE, s->conf->name);
    follow_set_init(&s->set, (unsigned)s->conf->open_files_max);
    if (follow_lines_open(s, e) && follow_find_open(s, e)) {
        follow_save_first(s);
        return s;
    }
    source_follow_close(s);
    return NULL;
}

extern const struct source_kind source_follow;
const struct source_kind source_follow = {source_follow_open, source_follow_read, source_follow_commit,
                                          source_follow_close, NULL};
