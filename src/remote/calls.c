#include "remote/calls.h"

#include "base/must.h"

#include <sys/random.h>
#include <xxhash.h>

enum { TEXT_FIRST = 1024 }; /* bytes a call has room for from the start */

void calls_init(struct calls *t, const struct calls_opts *o) {
    MUST(o->calls_max > 0 && o->waiters_max > 0 && o->steps >= 1 && o->steps <= CALLS_STEPS_MAX);
    *t = (struct calls){.opts = *o, .buckets = 1};
    if (getrandom(&t->seed, sizeof t->seed, GRND_NONBLOCK) != sizeof t->seed) t->seed = (uintptr_t)t;
    while (t->buckets < 2 * (size_t)o->calls_max) t->buckets *= 2;
    t->bucket = must_calloc(t->buckets, sizeof *t->bucket);
    t->call = must_calloc(o->calls_max, sizeof *t->call);
    t->waiter = must_calloc(o->waiters_max, sizeof *t->waiter);
    list_init(&t->free_calls);
    list_init(&t->free_waiters);
    for (unsigned s = 0; s < CALLS_STEPS_MAX; s++) {
        list_init(&t->time[s]);
        for (unsigned k = 0; k < CALL_STATES; k++) list_init(&t->list[s][k]);
    }
    for (unsigned i = 0; i < o->calls_max; i++) {
        buf_init(&t->call[i].text, CALLS_HEAD_MAX + CALLS_MESSAGE_MAX + CALLS_TEMPLATE_MAX + CALLS_SOURCE_MAX);
        buf_reserve(&t->call[i].text, TEXT_FIRST);
        list_init(&t->call[i].waiters);
        list_init(&t->call[i].link);
        list_push(&t->free_calls, &t->call[i].link);
    }
    for (unsigned i = 0; i < o->waiters_max; i++) {
        list_init(&t->waiter[i].in_time);
        list_init(&t->waiter[i].in_call);
        list_push(&t->free_waiters, &t->waiter[i].in_call);
    }
}

void calls_release(struct calls *t) {
    for (unsigned i = 0; i < t->opts.calls_max; i++) buf_release(&t->call[i].text);
    free(t->call);
    free(t->waiter);
    free(t->bucket);
}

/* ---- finding equals ---- */

static uint64_t hash_of(const struct calls *t, unsigned step, const struct question *q) {
    uint64_t h = XXH3_64bits_withSeed(q->template.p, q->template.n, t->seed + step);
    if (t->opts.step[step].by_source) h = XXH3_64bits_withSeed(q->source.p, q->source.n, h);
    return t->opts.step[step].by_template ? h : XXH3_64bits_withSeed(q->message.p, q->message.n, h);
}

static struct span head_bytes(const struct question *q) {
    return (struct span){(const char *)q->head, q->labels * sizeof *q->head};
}

static bool is_equal(const struct calls *t, const struct call *c, unsigned step, const struct question *q) {
    return c->step == step && span_eq(c->q.template, q->template) && span_eq(head_bytes(&c->q), head_bytes(q)) &&
           (t->opts.step[step].by_template || span_eq(c->q.message, q->message)) &&
           (!t->opts.step[step].by_source || span_eq(c->q.source, q->source));
}

static struct call *calls_find(const struct calls *t, unsigned step, const struct question *q, uint64_t hash) {
    struct call *c = t->bucket[hash & (t->buckets - 1)];
    while (c && !(c->hash == hash && is_equal(t, c, step, q))) c = c->next_in_bucket;
    return c;
}

static void enter_bucket(struct calls *t, struct call *c) {
    struct call **head = &t->bucket[c->hash & (t->buckets - 1)];
    c->next_in_bucket = *head;
    *head = c;
}

static void leave_bucket(struct calls *t, struct call *c) {
    struct call **at = &t->bucket[c->hash & (t->buckets - 1)];
    while (*at != c) at = &(*at)->next_in_bucket;
    *at = c->next_in_bucket;
}

/* ---- calls ---- */

/* An entry to use; the oldest orphan gives way when all are taken. NULL: no room. */
static struct call *take_free(struct calls *t) {
    for (unsigned s = 0; s < t->opts.steps && list_is_empty(&t->free_calls); s++) {
        struct call *orphan = calls_first(t, s, CALL_ORPHAN);
        if (orphan) calls_end(t, orphan);
    }
    if (list_is_empty(&t->free_calls)) return NULL;
    return LIST_ITEM(t->free_calls.next, struct call, link);
}

static struct span keep_text(struct buf *text, struct span s) {
    struct span kept = {text->p + text->n, s.n};
    buf_put(text, s.p, s.n);
    return kept;
}

static bool copy_question(struct call *c, const struct question *q) {
    struct span message = span_sub(q->message, 0, CALLS_MESSAGE_MAX),
                template = span_sub(q->template, 0, CALLS_TEMPLATE_MAX),
                source = span_sub(q->source, 0, CALLS_SOURCE_MAX), head = head_bytes(q);
    buf_reset(&c->text);
    if (!buf_reserve(&c->text, head.n + message.n + template.n + source.n)) return false; /* it stays where it is now */
    c->q = (struct question){.labels = q->labels};
    head = keep_text(&c->text, head); /* first, where memory is aligned */
    if (q->labels) c->q.head = (const float *)(const void *)head.p;
    c->q.message = keep_text(&c->text, message);
    c->q.template = keep_text(&c->text, template);
    c->q.source = keep_text(&c->text, source);
    return true;
}

static void calls_place(struct calls *t, struct call *c, unsigned step, uint64_t hash) {
    c->step = step;
    c->hash = hash;
    c->attempt = (struct call_attempt){0};
    enter_bucket(t, c);
    calls_set_state(t, c, CALL_FRESH);
}

static struct call *calls_make(struct calls *t, unsigned step, const struct question *q, uint64_t hash) {
    struct call *c = take_free(t);
    if (!c || !copy_question(c, q)) return NULL;
    t->n++;
    calls_place(t, c, step, hash);
    return c;
}

static struct call *find_or_make(struct calls *t, unsigned step, const struct question *q) {
    uint64_t hash = hash_of(t, step, q);
    struct call *c = calls_find(t, step, q, hash);
    if (!c) return calls_make(t, step, q, hash);
    if (c->state == CALL_ORPHAN) calls_set_state(t, c, CALL_FRESH);
    return c;
}

void calls_end(struct calls *t, struct call *c) {
    MUST(list_is_empty(&c->waiters));
    leave_bucket(t, c);
    list_move(&t->free_calls, &c->link);
    t->n--;
}

void calls_set_state(struct calls *t, struct call *c, enum call_state state) {
    c->state = state;
    list_move(&t->list[c->step][state], &c->link);
}

struct call *calls_first(struct calls *t, unsigned step, enum call_state state) {
    struct list *head = &t->list[step][state];
    return list_is_empty(head) ? NULL : LIST_ITEM(head->next, struct call, link);
}

struct call *calls_next(struct calls *t, const struct call *c) {
    struct list *next = c->link.next;
    return next == &t->list[c->step][c->state] ? NULL : LIST_ITEM(next, struct call, link);
}

struct call *calls_ready(struct calls *t, unsigned step) {
    struct call *c = calls_first(t, step, CALL_READY);
    return c ? c : calls_first(t, step, CALL_ORPHAN);
}

/* ---- waiters ---- */

/* Leaves the call it waited for, if any. */
static void unseat(struct waiter *w) {
    if (w->call) w->call->waiting--;
    w->call = NULL;
    list_remove(&w->in_call);
    list_remove(&w->in_time);
}

static void seat(struct calls *t, struct waiter *w, struct call *c, uint64_t now_ns) {
    unseat(w);
    w->call = c;
    c->waiting++;
    w->until_ns = now_ns + t->opts.step[c->step].wait_ns;
    list_push(&c->waiters, &w->in_call);
    list_push(&t->time[c->step], &w->in_time);
}

static void free_waiter(struct calls *t, struct waiter *w) {
    unseat(w);
    list_push(&t->free_waiters, &w->in_call);
    t->waiting--;
}

static struct waiter *first_waiter(const struct call *c) {
    return list_is_empty(&c->waiters) ? NULL : LIST_ITEM(c->waiters.next, struct waiter, in_call);
}

bool calls_join(struct calls *t, const struct pending *p, const struct question *q, uint64_t now_ns, struct err *e) {
    if (list_is_empty(&t->free_waiters))
        return err_set(e, ERR_BUSY, "%u records wait for the network already", t->waiting);
    struct call *c = find_or_make(t, 0, q);
    if (!c) return err_set(e, ERR_BUSY, "%u questions are on their way already", t->n);
    struct waiter *w = LIST_ITEM(t->free_waiters.next, struct waiter, in_call);
    w->pending = *p;
    w->asked_ns = now_ns;
    w->why = ERR_OK;
    t->waiting++;
    seat(t, w, c, now_ns);
    return true;
}

bool calls_take_waiter(struct calls *t, struct call *c, struct waiter *out) {
    struct waiter *w = first_waiter(c);
    if (!w) return false;
    *out = *w;
    free_waiter(t, w);
    return true;
}

bool calls_forward(struct calls *t, struct call *c, enum err_code why, uint64_t now_ns) {
    unsigned step = c->step + 1;
    if (step >= t->opts.steps || c->waiting == 0) return false;
    uint64_t hash = hash_of(t, step, &c->q);
    struct call *to = calls_find(t, step, &c->q, hash);
    if (to && to->state == CALL_ORPHAN) calls_set_state(t, to, CALL_FRESH);
    if (!to) { /* c itself goes on, text and all */
        leave_bucket(t, c);
        calls_place(t, c, step, hash);
        to = c;
    }
    for (unsigned n = c->waiting; n > 0; n--) { /* those who were there before, when c itself goes on */
        struct waiter *w = first_waiter(c);
        if (why != ERR_OK) w->why = why;
        seat(t, w, to, now_ns);
    }
    if (to != c) calls_end(t, c);
    return true;
}

/* A call that nobody waits for any more, and that is not on its way, goes on only for the sake of its answer. */
static void abandon(struct calls *t, struct call *c) {
    if (c->waiting > 0 || c->state == CALL_CALLING) return;
    if (t->opts.step[c->step].keeps)
        calls_set_state(t, c, CALL_ORPHAN);
    else
        calls_end(t, c);
}

bool calls_expire(struct calls *t, uint64_t now_ns, struct calls_expiry *out) {
    for (unsigned s = 0; s < t->opts.steps; s++) {
        struct list *head = &t->time[s];
        struct waiter *w = list_is_empty(head) ? NULL : LIST_ITEM(head->next, struct waiter, in_time);
        if (!w || w->until_ns > now_ns) continue;
        struct call *from = w->call, *to = s + 1 < t->opts.steps ? find_or_make(t, s + 1, &from->q) : NULL;
        *out = (struct calls_expiry){.step = s, .ended = to == NULL, .pending = w->pending};
        w->why = ERR_TIMEOUT;
        if (to)
            seat(t, w, to, now_ns);
        else
            free_waiter(t, w);
        abandon(t, from);
        return true;
    }
    return false;
}

uint64_t calls_next_end_ns(const struct calls *t) {
    uint64_t end = UINT64_MAX;
    for (unsigned s = 0; s < t->opts.steps; s++) {
        const struct list *head = &t->time[s];
        if (list_is_empty(head)) continue;
        const struct waiter *w = LIST_ITEM(head->next, struct waiter, in_time);
        if (w->until_ns < end) end = w->until_ns;
    }
    return end;
}
