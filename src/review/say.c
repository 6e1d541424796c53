#include "review/say.h"

#include "base/must.h"

#include <inttypes.h>
#include <string.h>

/* ---- words ---- */

static uint32_t batch_of_request(const struct corrections *c, struct span request) {
    for (size_t i = c->n; i-- > 0 && request.n > 0;)
        if (span_eq(c->row[i].request, request)) return c->row[i].batch;
    return 0;
}

static void say_hash(struct buf *b, const char *name, uint64_t id) {
    buf_printf(b, ",\"%s\":\"%016" PRIx64 "\"", name, id);
}

static void say_line(struct buf *b, uint32_t id, const struct say *s, const struct say_change *c) {
    corrections_begin(b, id, s->by);
    if (s->from.n > 0) corrections_member(b, "from", s->from);
    if (c->label[0])
        corrections_member(b, "label", span_of(c->label));
    else
        buf_puts(b, ",\"label\":null");
    if (c->state[0]) corrections_member(b, "state", span_of(c->state));
    if (c->until) buf_printf(b, ",\"until\":%u", c->until);
    corrections_member(b, "source", c->source);
    corrections_member(b, "log_message", c->message);
    say_hash(b, "kind", c->kind);
    say_hash(b, "family", c->family);
    buf_printf(b, ",\"scope\":\"%s\"", c->source.n > 0 ? "source" : "family");
    if (c->redacted) buf_puts(b, ",\"redacted\":true");
    if (c->was.n > 0) corrections_member(b, "was", c->was);
    if (c->note.n > 0) corrections_member(b, "note", span_sub(c->note, 0, CORRECTIONS_NOTE_MAX));
    if (s->request.n > 0) corrections_member(b, "request", s->request);
    buf_printf(b, ",\"batch\":%u}\n", s->batch);
}

struct saying_words {
    struct say *s;
    const char *path;
    enum say_end end;
};

/* The log is read a second time where a rev is to be checked: as words, by kind. */
static bool conflicts(struct saying_words *w, struct err *e) {
    struct corrections log;
    bool any = false;
    if (!corrections_read(&log, w->path, e)) {
        corrections_release(&log);
        w->end = SAY_FAILED;
        return true;
    }
    struct words *now = words_open(&log);
    for (size_t i = 0; i < w->s->n; i++) {
        struct say_change *c = &w->s->change[i];
        struct words_about a = words_about(now, c->kind, c->family);
        c->found = (struct words_about){0};
        if (c->rev == 0 || c->rev == a.rev) continue;
        c->found = a;
        any = true;
    }
    w->s->conflict = any ? now : NULL;
    if (!any) words_unref(now);
    if (any) w->end = SAY_CONFLICT;
    return any;
}

static bool say_all(const struct corrections *c, const void *what, struct buf *b, struct err *e) {
    struct saying_words *w = *(struct saying_words *const *)what;
    struct say *s = w->s;
    w->end = SAY_REPEATED;
    if ((s->batch = batch_of_request(c, s->request)) != 0) return true;
    w->end = SAY_DONE;
    if (conflicts(w, e)) return w->end == SAY_CONFLICT;
    if (c->n + s->n > CORRECTIONS_MAX)
        return err_set(e, ERR_LIMIT, "the log of corrections has %zu words, at most %d", c->n, CORRECTIONS_MAX);
    s->batch = c->last_id + 1;
    for (size_t i = 0; i < s->n; i++) say_line(b, s->batch + (uint32_t)i, s, &s->change[i]);
    return true;
}

enum say_end say_words(const char *path, struct say *s, struct err *e) {
    struct saying_words w = {s, path, SAY_DONE}, *at = &w;
    s->conflict = NULL;
    return corrections_add(path, say_all, &at, e) ? w.end : SAY_FAILED;
}

/* ---- undo ---- */

struct saying_undo {
    uint32_t batch;
    struct span by;
    bool by_all;
};

static bool say_batch_undone(const struct corrections *c, const void *what, struct buf *b, struct err *e) {
    const struct saying_undo *u = what;
    const struct correction *found = NULL;
    uint32_t batch = corrections_number(c, u->batch);
    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].batch == batch && (!found || !c->row[i].undone)) found = &c->row[i];
    if (!found) return err_set(e, ERR_INPUT, "there is no change %u", u->batch);
    if (found->undone) return err_set(e, ERR_INPUT, "change %u is undone already", u->batch);
    if (!u->by_all && !span_eq(found->by, u->by))
        return err_set(e, ERR_USAGE, "change %u is %.*s's: that takes the role admin", u->batch, (int)found->by.n,
                       found->by.p);
    corrections_begin(b, c->last_id + 1, u->by);
    buf_printf(b, ",\"undoes_batch\":%u,\"label\":null}\n", batch);
    return true;
}

bool say_undo(const char *path, uint32_t batch, struct span by, bool by_all, struct err *e) {
    struct saying_undo u = {batch, by, by_all};
    return corrections_add(path, say_batch_undone, &u, e);
}
