#include "remote/calls.h"

#include "base/must.h"

#include <sys/random.h>
#include <xxhash.h>

enum { TEXT_FIRST = 1024 }; /* bytes an ask has room for from the start */

void calls_init(struct calls *t, const struct calls_opts *o) {
    MUST(o->calls_max > 0 && o->waiters_max > 0 && o->steps >= 1 && o->steps <= CALLS_STEPS_MAX);
    *t = (struct calls){.opts = *o, .buckets = 1};
    if (getrandom(&t->seed, sizeof t->seed, GRND_NONBLOCK) != sizeof t->seed) t->seed = (uintptr_t)t;
    while (t->buckets < 2 * (size_t)o->calls_max) t->buckets *= 2;
    t->bucket = must_calloc(t->buckets, sizeof *t->bucket);
    t->ask = must_calloc(o->calls_max, sizeof *t->ask);
    t->waiter = must_calloc(o->waiters_max, sizeof *t->waiter);
    list_init(&t->free_asks);
    list_init(&t->free_waiters);
    for (unsigned s = 0; s < CALLS_STEPS_MAX; s++) {
        list_init(&t->time[s]);
        for (unsigned k = 0; k < CALL_STATES; k++) list_init(&t->list[s][k]);
    }
    for (unsigned i = 0; i < o->calls_max; i++) {
        buf_init(&t->ask[i].text, CALLS_HEAD_MAX + CALLS_MESSAGE_MAX + CALLS_TEMPLATE_MAX + CALLS_SOURCE_MAX);
        buf_reserve(&t->ask[i].text, TEXT_FIRST);
        list_init(&t->ask[i].waiters);
        list_init(&t->ask[i].link);
        list_push(&t->free_asks, &t->ask[i].link);
    }
    for (unsigned i = 0; i < o->waiters_max; i++) {
        list_init(&t->waiter[i].in_time);
        list_init(&t->waiter[i].in_ask);
        list_push(&t->free_waiters, &t->waiter[i].in_ask);
    }
}

void calls_release(struct calls *t) {
    for (unsigned i = 0; i < t->opts.calls_max; i++) buf_release(&t->ask[i].text);
    free(t->ask);
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

static bool is_equal(const struct calls *t, const struct call *a, unsigned step, const struct question *q) {
    return a->step == step && span_eq(a->q.template, q->template) && span_eq(head_bytes(&a->q), head_bytes(q)) &&
           (t->opts.step[step].by_template || span_eq(a->q.message, q->message)) &&
           (!t->opts.step[step].by_source || span_eq(a->q.source, q->source));
}

static struct call *calls_find(const struct calls *t, unsigned step, const struct question *q, uint64_t hash) {
    struct call *a = t->bucket[hash & (t->buckets - 1)];
    while (a && !(a->hash == hash && is_equal(t, a, step, q))) a = a->next_in_bucket;
    return a;
}

static void enter_bucket(struct calls *t, struct call *a) {
    struct call **head = &t->bucket[a->hash & (t->buckets - 1)];
    a->next_in_bucket = *head;
    *head = a;
}

static void leave_bucket(struct calls *t, struct call *a) {
    struct call **at = &t->bucket[a->hash & (t->buckets - 1)];
    while (*at != a) at = &(*at)->next_in_bucket;
    *at = a->next_in_bucket;
}

/* ---- asks ---- */

/* An entry to use; the oldest orphan gives way when all are taken. NULL: no room. */
static struct call *take_free(struct calls *t) {
    for (unsigned s = 0; s < t->opts.steps && list_is_empty(&t->free_asks); s++) {
        struct call *orphan = calls_first(t, s, CALL_ORPHAN);
        if (orphan) calls_end(t, orphan);
    }
    if (list_is_empty(&t->free_asks)) return NULL;
    return LIST_ITEM(t->free_asks.next, struct call, link);
}

static struct span keep_text(struct buf *text, struct span s) {
    struct span kept = {text->p + text->n, s.n};
    buf_put(text, s.p, s.n);
    return kept;
}

static bool copy_question(struct call *a, const struct question *q) {
    struct span message = span_sub(q->message, 0, CALLS_MESSAGE_MAX),
                template = span_sub(q->template, 0, CALLS_TEMPLATE_MAX),
                source = span_sub(q->source, 0, CALLS_SOURCE_MAX), head = head_bytes(q);
    buf_reset(&a->text);
    if (!buf_reserve(&a->text, head.n + message.n + template.n + source.n)) return false; /* it stays where it is now */
    a->q = (struct question){.labels = q->labels};
    head = keep_text(&a->text, head); /* first, where memory is aligned */
    if (q->labels) a->q.head = (const float *)(const void *)head.p;
    a->q.message = keep_text(&a->text, message);
    a->q.template = keep_text(&a->text, template);
    a->q.source = keep_text(&a->text, source);
    return true;
}

static void calls_place(struct calls *t, struct call *a, unsigned step, uint64_t hash) {
    a->step = step;
    a->hash = hash;
    a->call = (struct call_attempt){0};
    enter_bucket(t, a);
    calls_set_state(t, a, CALL_FRESH);
}

static struct call *calls_make(struct calls *t, unsigned step, const struct question *q, uint64_t hash) {
    struct call *a = take_free(t);
    if (!a || !copy_question(a, q)) return NULL;
    t->n++;
    calls_place(t, a, step, hash);
    return a;
}

static struct call *find_or_make(struct calls *t, unsigned step, const struct question *q) {
    uint64_t hash = hash_of(t, step, q);
    struct call *a = calls_find(t, step, q, hash);
    if (!a) return calls_make(t, step, q, hash);
    if (a->state == CALL_ORPHAN) calls_set_state(t, a, CALL_FRESH);
    return a;
}

void calls_end(struct calls *t, struct call *a) {
    MUST(list_is_empty(&a->waiters));
    leave_bucket(t, a);
    list_move(&t->free_asks, &a->link);
    t->n--;
}

void calls_set_state(struct calls *t, struct call *a, enum call_state state) {
    a->state = state;
    list_move(&t->list[a->step][state], &a->link);
}

struct call *calls_first(struct calls *t, unsigned step, enum call_state state) {
    struct list *head = &t->list[step][state];
    return list_is_empty(head) ? NULL : LIST_ITEM(head->next, struct call, link);
}

struct call *calls_next(struct calls *t, const struct call *a) {
    struct list *next = a->link.next;
    return next == &t->list[a->step][a->state] ? NULL : LIST_ITEM(next, struct call, link);
}

struct call *calls_ready(struct calls *t, unsigned step) {
    struct call *a = calls_first(t, step, CALL_READY);
    return a ? a : calls_first(t, step, CALL_ORPHAN);
}

/* ---- waiters ---- */

/* Leaves the ask it waited for, if any. */
static void unseat(struct calls_waiter *w) {
    if (w->ask) w->ask->waiting--;
    w->ask = NULL;
    list_remove(&w->in_ask);
    list_remove(&w->in_time);
}

static void seat(struct calls *t, struct calls_waiter *w, struct call *a, uint64_t now_ns) {
    unseat(w);
    w->ask = a;
    a->waiting++;
    w->until_ns = now_ns + t->opts.step[a->step].wait_ns;
    list_push(&a->waiters, &w->in_ask);
    list_push(&t->time[a->step], &w->in_time);
}

static void free_waiter(struct calls *t, struct calls_waiter *w) {
    unseat(w);
    list_push(&t->free_waiters, &w->in_ask);
    t->waiting--;
}

static struct calls_waiter *first_waiter(const struct call *a) {
    return list_is_empty(&a->waiters) ? NULL : LIST_ITEM(a->waiters.next, struct calls_waiter, in_ask);
}

bool calls_join(struct calls *t, const struct pending *p, const struct question *q, uint64_t now_ns, struct err *e) {
    if (list_is_empty(&t->free_waiters))
        return err_set(e, ERR_BUSY, "%u records wait for the network already", t->waiting);
    struct call *a = find_or_make(t, 0, q);
    if (!a) return err_set(e, ERR_BUSY, "%u questions are on their way already", t->n);
    struct calls_waiter *w = LIST_ITEM(t->free_waiters.next, struct calls_waiter, in_ask);
    w->pending = *p;
    w->why = ERR_OK;
    t->waiting++;
    seat(t, w, a, now_ns);
    return true;
}

bool calls_take_waiter(struct calls *t, struct call *a, struct pending *out, enum err_code *why) {
    struct calls_waiter *w = first_waiter(a);
    if (!w) return false;
    *out = w->pending;
    *why = w->why;
    free_waiter(t, w);
    return true;
}

bool calls_forward(struct calls *t, struct call *a, enum err_code why, uint64_t now_ns) {
    unsigned step = a->step + 1;
    if (step >= t->opts.steps || a->waiting == 0) return false;
    uint64_t hash = hash_of(t, step, &a->q);
    struct call *to = calls_find(t, step, &a->q, hash);
    if (to && to->state == CALL_ORPHAN) calls_set_state(t, to, CALL_FRESH);
    if (!to) { /* a itself goes on, text and all */
        leave_bucket(t, a);
        calls_place(t, a, step, hash);
        to = a;
    }
    for (unsigned n = a->waiting; n > 0; n--) { /* those who were there before, when a itself goes on */
        struct calls_waiter *w = first_waiter(a);
        if (why != ERR_OK) w->why = why;
        seat(t, w, to, now_ns);
    }
    if (to != a) calls_end(t, a);
    return true;
}

/* An ask that nobody waits for any more, and that no call is on its way for, goes on only for the sake of its answer.
 */
static void abandon(struct calls *t, struct call *a) {
    if (a->waiting > 0 || a->state == CALL_CALLING) return;
    if (t->opts.step[a->step].keeps)
        calls_set_state(t, a, CALL_ORPHAN);
    else
        calls_end(t, a);
}

bool calls_expire(struct calls *t, uint64_t now_ns, struct calls_expiry *out) {
    for (unsigned s = 0; s < t->opts.steps; s++) {
        struct list *head = &t->time[s];
        struct calls_waiter *w = list_is_empty(head) ? NULL : LIST_ITEM(head->next, struct calls_waiter, in_time);
        if (!w || w->until_ns > now_ns) continue;
        struct call *from = w->ask, *to = s + 1 < t->opts.steps ? find_or_make(t, s + 1, &from->q) : NULL;
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
        const struct calls_waiter *w = LIST_ITEM(head->next, struct calls_waiter, in_time);
        if (w->until_ns < end) end = w->until_ns;
    }
    return end;
}
