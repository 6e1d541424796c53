/* POST /api/corrections and /api/kinds/state: a person's words about kinds. POST /api/corrections/undo takes them back.
 */
#include "api/body.h"
#include "api/context.h"
#include "api/desk.h"
#include "api/handlers.h"
#include "api/json_put.h"
#include "api/kind_put.h"
#include "api/near.h"
#include "api/params.h"
#include "base/log.h"
#include "metrics/metrics.h"
#include "review/say.h"

#include <inttypes.h>
#include <stdio.h>

/* What a request comes to, while it is read. */
struct saying_request {
    struct exchange *x;
    struct book *book;
    struct words *words;
    struct say say;
    struct engine *eng;
    uint64_t lines_24h;
    char (*text)[KINDS_TEXT_MAX]; /* [say.n] */
};

enum { ACTION_LABEL, ACTION_STATE, ACTION_UNDO };

static bool open_request(struct saying_request *r, struct exchange *x, size_t changes) {
    *r = (struct saying_request){.x = x, .book = api_of(x)->book};
    r->say.by = exchange_user(x);
    r->say.from = span_of(desk_from(x));
    if (!r->book) return exchange_refuse(x, REFUSE_ROUTE, "kinds of line are not kept (kinds-max is 0)");
    if (!r->book->corrections[0])
        return exchange_refuse(x, REFUSE_DISK, "there is no state folder to keep corrections in");
    r->words = book_words(r->book);
    r->eng = pipeline_engine(api_of(x)->pipeline);
    r->say.change = calloc(changes + 1, sizeof *r->say.change);
    r->text = malloc((changes + 1) * sizeof *r->text);
    return (r->say.change && r->text) || exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the changes");
}

static void close_request(struct saying_request *r) {
    words_unref(r->words);
    words_unref(r->say.conflict);
    engine_unref(r->eng);
    free(r->say.change);
    free(r->text);
}

/* ---- one kind ---- */

/* Fills a change with what is known about the kind. False: x is refused, there is no such kind. */
static bool take_kind(struct saying_request *r, uint64_t id, bool by_source, struct say_change *c) {
    struct kind_view v;
    char *text = r->text[r->say.n];
    if (!kinds_find(r->book->kinds, id, &v, text))
        return exchange_refuse(r->x, REFUSE_ROUTE, "there is no kind %016" PRIx64, id);
    struct kind_decision d = kind_decide(r->book->kinds, r->words, &v);
    c->kind = id;
    c->family = v.family;
    c->redacted = v.redacted;
    c->message = span_sub(v.text, v.message_at, v.text.n);
    if (by_source && v.message_at >= 2) c->source = span_sub(v.text, 0, v.message_at - 2U);
    c->was = span_of(d.label);
    r->lines_24h += v.lines_24h;
    r->say.n++;
    return true;
}

static bool take_label(struct saying_request *r, yyjson_val *object, char *to) {
    yyjson_val *v = yyjson_obj_get(object, "label_id");
    if (yyjson_is_null(v)) return true; /* what the stages say counts again */
    struct span id = {yyjson_get_str(v), yyjson_get_len(v)};
    const struct label_set *set = r->eng ? &r->eng->labels : label_default();
    if (!id.p || id.n >= LABEL_ID_MAX || label_find(set, id) < 0)
        return exchange_refuse(r->x, REFUSE_MALFORMED, "label_id: no label is called '%.*s'",
                               (int)(id.n < 60 ? id.n : 60), id.p ? id.p : "");
    memcpy(to, id.p, id.n);
    to[id.n] = '\0';
    return true;
}

static bool read_id(struct exchange *x, yyjson_val *v, uint64_t *id) {
    struct span text = {yyjson_get_str(v), yyjson_get_len(v)};
    return (text.p && params_id(text, id)) ||
           exchange_refuse(x, REFUSE_MALFORMED, "id: expected 16 hexadecimal digits");
}

static bool read_scope(struct exchange *x, yyjson_val *object, bool *by_source) {
    struct span scope;
    if (!body_text(x, object, "scope", 16, &scope)) return false;
    *by_source = span_eq(scope, SPAN_LIT("source"));
    return *by_source || scope.n == 0 || span_eq(scope, SPAN_LIT("family")) ||
           exchange_refuse(x, REFUSE_MALFORMED, "scope: expected family or source");
}

static bool read_change(struct saying_request *r, yyjson_val *object) {
    struct say_change c = {0};
    uint64_t id, rev;
    bool by_source;
    if (!yyjson_is_obj(object)) return exchange_refuse(r->x, REFUSE_MALFORMED, "changes: expected objects");
    if (!read_id(r->x, yyjson_obj_get(object, "id"), &id) || !body_number(r->x, object, "rev", UINT32_MAX, 0, &rev) ||
        !read_scope(r->x, object, &by_source) || !take_label(r, object, c.label) ||
        !body_text(r->x, object, "note", CORRECTIONS_NOTE_MAX, &c.note))
        return false;
    c.rev = (uint32_t)rev;
    unsigned at = (unsigned)r->say.n;
    if (!take_kind(r, id, by_source, &c)) return false;
    r->say.change[at] = c;
    return true;
}

static bool read_changes(struct saying_request *r, yyjson_val *changes) {
    size_t i, n;
    yyjson_val *one;
    yyjson_arr_foreach(changes, i, n, one) if (!read_change(r, one)) return false;
    return true;
}

/* ---- all that match ---- */

/* {"filter":{"q","state","label","source"},"expect":N,"label_id"}: N is what the person saw. */
static bool read_filter(struct saying_request *r, yyjson_val *root, struct kinds_query *q, struct span *label) {
    yyjson_val *f = yyjson_obj_get(root, "filter");
    struct span state;
    *q = KINDS_QUERY_ALL;
    q->limit = KINDS_QUERY_MAX;
    if (!body_text(r->x, f, "q", 1024, &q->text) || !body_text(r->x, f, "state", 16, &state) ||
        !body_text(r->x, f, "label", LABEL_ID_MAX - 1, label) || !body_text(r->x, f, "source", 256, &q->source))
        return false;
    if (label->n > 0) q->label = label->p; /* yyjson ends texts with NUL */
    if (state.n == 0) return true;
    q->state = kind_state_find(state);
    if (q->state < 0) q->property = (unsigned)kinds_property_find(state);
    return q->state >= 0 || q->property || exchange_refuse(r->x, REFUSE_MALFORMED, "filter: state is unknown");
}

/* 0: the changes are read; else the status, and the answer is written. */
static unsigned take_filter(struct saying_request *r, yyjson_val *root) {
    struct kinds_query q;
    struct span label, text;
    struct kinds_result found;
    uint64_t expect;
    char small[1024];
    struct say_change c = {0};
    if (!read_filter(r, root, &q, &label) || !body_number(r->x, root, "expect", SAY_BULK_MAX, 0, &expect) ||
        !take_label(r, root, c.label) || !body_text(r->x, root, "note", CORRECTIONS_NOTE_MAX, &c.note))
        return 0;
    text = q.text;
    for (size_t i = 0; i < text.n; i++)
        small[i] = text.p[i] >= 'A' && text.p[i] <= 'Z' ? (char)(text.p[i] | 0x20) : text.p[i];
    q.text.p = small;
    kinds_query_run(r->book, r->words, &q, &found);
    if (found.total != expect) {
        buf_printf(&r->x->out,
                   "{\"error\":\"%" PRIu64 " kinds match now, not %" PRIu64 "\",\"total\":%" PRIu64
                   ",\"conflicts\":[]}",
                   found.total, expect, found.total);
        return 409;
    }
    if (found.total > found.n) {
        exchange_refuse(r->x, REFUSE_ENTRIES, "%" PRIu64 " kinds at once, at most %d", found.total, KINDS_QUERY_MAX);
        return 0;
    }
    for (unsigned i = 0; i < found.n; i++) {
        unsigned at = (unsigned)r->say.n;
        if (!take_kind(r, found.hit[i].id, false, &c)) return 0;
        r->say.change[at] = c;
    }
    return 0;
}

/* ---- the answer ---- */

static unsigned put_conflicts(struct saying_request *r) {
    struct buf *out = &r->x->out;
    unsigned n = 0;
    for (size_t i = 0; i < r->say.n; i++) n += r->say.change[i].found.rev != 0;
    buf_printf(out, "{\"error\":\"%u kind%s changed by somebody else\",\"conflicts\":[", n, n == 1 ? " was" : "s were");
    const char *before = "{";
    for (size_t i = 0; i < r->say.n; i++) {
        const struct say_change *c = &r->say.change[i];
        if (!c->found.rev) continue;
        buf_printf(out, "%s\"id\":", before);
        kind_put_id(out, c->kind);
        buf_printf(out, ",\"rev\":%u", c->found.rev);
        const struct correction *word = c->found.label;
        json_put_member(out, "label_id", word ? span_of(word->label) : c->was);
        json_put_member(out, "by", word ? word->by : SPAN_LIT(""));
        buf_printf(out, ",\"at\":%u}", word ? corrections_time(word->at) : 0);
        before = ",{";
    }
    buf_puts(out, "]}");
    return 409;
}

/* Of one kind that was labelled, how many others look like it. */
static unsigned count_alike(const struct saying_request *r) {
    struct near_hit hit[NEAR_HITS_MAX];
    struct kind_view v;
    struct err e = {0};
    char text[KINDS_TEXT_MAX];
    if (r->say.n != 1 || !kinds_find(r->book->kinds, r->say.change[0].kind, &v, text)) return 0;
    struct trial *t = trial_open(api_of(r->x)->pipeline, &e);
    unsigned n = near_alike(api_of(r->x), &v, t, hit);
    trial_close(t);
    return n;
}

static unsigned say_and_answer(struct saying_request *r, unsigned action) {
    struct err e = {0};
    enum say_end end = say_words(r->book->corrections, &r->say, &e);
    if (end == SAY_CONFLICT) return put_conflicts(r);
    if (end == SAY_FAILED) {
        exchange_refuse(r->x, REFUSE_DISK, "not saved: %s", e.msg);
        return 0;
    }
    r->book->refresh(r->book->refresh_self);
    if (end == SAY_DONE) metrics_add(METRIC_WORDS, action, 0, 0, r->say.n);
    r->x->entries = (unsigned)r->say.n;
    buf_printf(&r->x->out, "{\"batch\":\"%u\",\"applied\":%zu,\"lines_24h\":%" PRIu64 ",\"alike\":%u}", r->say.batch,
               r->say.n, r->lines_24h, action == ACTION_LABEL ? count_alike(r) : 0);
    return end == SAY_DONE ? 201 : 200;
}

static unsigned say_labels(struct saying_request *r, yyjson_val *root) {
    yyjson_val *changes = yyjson_obj_get(root, "changes");
    if (changes && yyjson_obj_get(root, "filter")) changes = NULL;
    if (!yyjson_is_arr(changes) && !yyjson_is_obj(yyjson_obj_get(root, "filter"))) {
        exchange_refuse(r->x, REFUSE_MALFORMED, "expected changes, an array, or filter, an object");
        return 0;
    }
    if (changes && !read_changes(r, changes)) return 0;
    unsigned status = changes ? 0 : take_filter(r, root);
    if (status || r->x->refused) return status;
    if (r->say.n == 0) {
        exchange_refuse(r->x, REFUSE_MALFORMED, "there is nothing to change");
        return 0;
    }
    return say_and_answer(r, ACTION_LABEL);
}

static unsigned answer_corrections(struct exchange *x) {
    struct saying_request r;
    unsigned status = 0;
    yyjson_doc *doc = body_read(x);
    if (!doc) return 0;
    yyjson_val *root = yyjson_doc_get_root(doc), *changes = yyjson_obj_get(root, "changes");
    size_t n = yyjson_is_arr(changes) ? yyjson_arr_size(changes) : KINDS_QUERY_MAX;
    if (n > SAY_CHANGES_MAX)
        exchange_refuse(x, REFUSE_ENTRIES, "%zu changes, at most %d at a time", n, SAY_CHANGES_MAX);
    else if (open_request(&r, x, n) && body_text(x, root, "request", SAY_REQUEST_MAX, &r.say.request))
        status = say_labels(&r, root);
    if (n <= SAY_CHANGES_MAX) close_request(&r);
    yyjson_doc_free(doc);
    return status;
}

enum step api_corrections_post(struct exchange *x) {
    return desk_run(x, answer_corrections);
}

/* ---- states ---- */

static bool read_states(struct saying_request *r, yyjson_val *root, enum kind_state *state, uint64_t *until) {
    struct span name;
    if (!body_text(r->x, root, "state", 16, &name) || !body_number(r->x, root, "until", UINT32_MAX, 0, until))
        return false;
    int found = kind_state_find(name);
    *state = (enum kind_state)found;
    if (found != KIND_KNOWN && found != KIND_MUTED)
        return exchange_refuse(r->x, REFUSE_MALFORMED, "state: expected known or muted");
    size_t i, n;
    yyjson_val *one;
    yyjson_arr_foreach(yyjson_obj_get(root, "ids"), i, n, one) {
        struct say_change c = {.until = (uint32_t)*until};
        uint64_t id;
        unsigned at = (unsigned)r->say.n;
        snprintf(c.state, sizeof c.state, "%s", kind_state_name(*state));
        if (!read_id(r->x, one, &id) || !take_kind(r, id, true, &c)) return false;
        r->say.change[at] = c;
    }
    return r->say.n > 0 || exchange_refuse(r->x, REFUSE_MALFORMED, "ids: expected an array of ids");
}

static unsigned answer_state(struct exchange *x) {
    struct saying_request r;
    enum kind_state state;
    uint64_t until;
    unsigned status = 0;
    yyjson_doc *doc = body_read(x);
    if (!doc) return 0;
    yyjson_val *root = yyjson_doc_get_root(doc);
    size_t n = yyjson_arr_size(yyjson_obj_get(root, "ids"));
    if (n > SAY_CHANGES_MAX) exchange_refuse(x, REFUSE_ENTRIES, "%zu ids, at most %d at a time", n, SAY_CHANGES_MAX);
    if (!x->refused) {
        if (open_request(&r, x, n) && body_text(x, root, "request", SAY_REQUEST_MAX, &r.say.request) &&
            read_states(&r, root, &state, &until))
            status = say_and_answer(&r, ACTION_STATE);
        for (size_t i = 0; status == 201 && i < r.say.n; i++)
            kinds_set_state(r.book->kinds, r.say.change[i].kind, state, (uint32_t)until);
        close_request(&r);
    }
    yyjson_doc_free(doc);
    return status;
}

enum step api_kinds_state(struct exchange *x) {
    return desk_run(x, answer_state);
}

/* ---- undo ---- */

/* A state that was set by hand is not set back to what it was, but to known. */
static void undo_state(struct saying_request *r, const struct correction *c) {
    if (c->state[0] && strcmp(c->state, kind_state_name(KIND_MUTED)) == 0)
        kinds_set_state(r->book->kinds, c->kind, KIND_KNOWN, 0);
}

static void put_undone(struct saying_request *r, uint32_t batch) {
    struct words *now = book_words(r->book);
    static const struct corrections NOTHING;
    const struct corrections *log = now ? words_log(now) : &NOTHING;
    const char *before = "{";
    char text[KINDS_TEXT_MAX];
    batch = corrections_number(log, batch);
    buf_puts(&r->x->out, "{\"items\":[");
    for (size_t i = 0; i < log->n; i++) {
        struct kind_view v;
        if (log->row[i].batch != batch) continue;
        undo_state(r, &log->row[i]);
        if (!kinds_find(r->book->kinds, log->row[i].kind, &v, text)) continue;
        buf_puts(&r->x->out, before);
        kind_put_members(&r->x->out, r->book->kinds, now, &v, false);
        buf_putc(&r->x->out, '}');
        before = ",{";
    }
    buf_puts(&r->x->out, "]}");
    words_unref(now);
}

static unsigned undo_batch(struct saying_request *r, yyjson_val *root) {
    struct span batch;
    struct err e = {0};
    char text[16], *end = text;
    if (!body_text(r->x, root, "batch", sizeof text - 1, &batch)) return 0;
    snprintf(text, sizeof text, "%.*s", (int)batch.n, batch.p);
    unsigned long id = strtoul(text, &end, 10);
    if (batch.n == 0 || *end || id == 0 || id > UINT32_MAX) {
        exchange_refuse(r->x, REFUSE_MALFORMED, "batch: expected what a change was answered with");
        return 0;
    }
    if (say_undo(r->book->corrections, (uint32_t)id, r->say.by, exchange_may(r->x, AUTH_ADMIN), &e)) {
        r->book->refresh(r->book->refresh_self);
        metrics_add(METRIC_WORDS, ACTION_UNDO, 0, 0, 1);
        put_undone(r, (uint32_t)id);
        return 200;
    }
    exchange_refuse(r->x,
                    e.code == ERR_USAGE   ? REFUSE_ROLE
                    : e.code == ERR_INPUT ? REFUSE_ROUTE
                                          : REFUSE_UPSTREAM,
                    "%s", e.msg);
    return 0;
}

static unsigned answer_undo(struct exchange *x) {
    struct saying_request r;
    yyjson_doc *doc = body_read(x);
    if (!doc) return 0;
    unsigned status = open_request(&r, x, 0) ? undo_batch(&r, yyjson_doc_get_root(doc)) : 0;
    close_request(&r);
    yyjson_doc_free(doc);
    return status;
}

enum step api_corrections_undo(struct exchange *x) {
    return desk_run(x, answer_undo);
}
