/* /api/share: what instances that follow this one ask and tell. The log of corrections, as lines; counts of lines, by
 * kind; the rules of the page and the head in use, as files. */
#include "api/ask.h"
#include "api/body.h"
#include "api/context.h"
#include "api/desk.h"
#include "api/handlers.h"
#include "api/params.h"
#include "base/file.h"
#include "review/kinds_share.h"
#include "review/shared_log.h"
#include "rules/page_rules.h"
#include "train/head_versions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SHARE_WAIT_MAX_MS = 25000, SHARE_LOOK_MS = 250, SHARE_BODY_MAX = 8 << 20 };

static const char TYPE_LINES[] = "application/x-ndjson";

static struct book *share_book(struct exchange *x) {
    struct book *b = api_of(x)->book;
    if (!b)
        exchange_refuse(x, REFUSE_ROUTE, "kinds of line are not kept (kinds-max is 0)");
    else if (!b->corrections[0])
        exchange_refuse(x, REFUSE_DISK, "there is no state folder to keep corrections in");
    return x->refused ? NULL : b;
}

static unsigned share_refused(struct exchange *x, const struct err *e) {
    if (e->code == ERR_USAGE) return ask_error(x, 409, "%s", e->msg);
    if (e->code == ERR_INPUT) return ask_error(x, 422, "%s", e->msg);
    return ask_error(x, 500, "%s", e->msg);
}

/* ---- the log ---- */

struct share_question {
    uint64_t after, run, wait_ms;
    struct span instance;
};

static bool share_question_read(struct exchange *x, struct share_question *q) {
    struct param p[] = {{.name = "after"}, {.name = "instance"}, {.name = "run"}, {.name = "wait"}};
    if (!params_read(x, p, 4) || !params_number(x, &p[0], 0, UINT32_MAX, 0, &q->after) ||
        !params_number(x, &p[3], 0, SHARE_WAIT_MAX_MS, SHARE_WAIT_MAX_MS, &q->wait_ms))
        return false;
    q->instance = span_sub(p[1].value, 0, INSTANCES_NAME_MAX - 1);
    q->run = 0;
    return p[2].value.n == 0 || params_id(p[2].value, &q->run) ||
           exchange_refuse(x, REFUSE_MALFORMED, "query: run: expected 16 hexadecimal digits");
}

/* ,"rules":HASH,"head":HASH: "" where there are none of the page, "shipped" where none was learnt. */
static bool put_versions(struct exchange *x, struct err *e) {
    const struct api_places *p = &api_of(x)->places;
    struct span rules = {0}, head = {0};
    uint64_t revision = 0, mark = 0;
    bool has_rules = p->page_rules && access(p->page_rules, F_OK) == 0;
    bool ok = (!has_rules || page_rules_read(p->page_rules, &rules, &revision, e)) &&
              (!p->heads || head_versions_read(p->heads, &head, &mark, e));
    file_free(&rules);
    file_free(&head);
    buf_puts(&x->out, ",\"rules\":\"");
    if (has_rules) buf_printf(&x->out, "%016" PRIx64, revision);
    if (head.n > 0 || mark)
        buf_printf(&x->out, "\",\"head\":\"%016" PRIx64 "\"", mark);
    else
        buf_puts(&x->out, "\",\"head\":\"shipped\"");
    return ok;
}

/* A line that tells what there is, then the records. */
static unsigned answer_words(struct exchange *x) {
    struct share_question q;
    struct err e = {0};
    struct buf lines;
    uint32_t last;
    bool more;
    struct book *b = share_book(x);
    if (!b || !share_question_read(x, &q)) return 0;
    buf_init(&lines, 2 * SHARED_BYTES_MAX);
    bool ok = shared_give(b->corrections, (uint32_t)q.after, &lines, &last, &more, &e);
    if (q.run) instances_hear(&api_of(x)->instances, q.run, q.instance, ok && q.after == last, (uint32_t)time(NULL));
    buf_printf(&x->out, "{\"last\":%u,\"more\":%s", last, more ? "true" : "false");
    ok = ok && put_versions(x, &e);
    buf_puts(&x->out, "}\n");
    buf_put(&x->out, lines.p, lines.n);
    buf_release(&lines);
    if (!ok) return share_refused(x, &e);
    desk_set_type(x, TYPE_LINES);
    return 200;
}

/* One that waits for news: it holds a timer of its loop, and nothing else. In the exchange's arena. */
struct share_wait {
    struct exchange *x;
    struct timer timer;
    uint32_t after;
    uint64_t looks; /* that are left */
    const void *engine;
};

static const void *engine_now(struct exchange *x) {
    struct engine *eng = pipeline_engine(api_of(x)->pipeline);
    engine_unref(eng);
    return eng; /* told apart, not used */
}

static bool has_news(struct share_wait *w) {
    struct words *words = book_words(api_of(w->x)->book);
    bool news = words && words_log(words)->last_id != w->after;
    words_unref(words);
    return news || engine_now(w->x) != w->engine;
}

static enum step share_answer_words(struct exchange *x) {
    return desk_run(x, answer_words);
}

static void share_look(void *self) {
    struct share_wait *w = self;
    if (w->x->conn && w->looks > 0 && !exchange_is_stopping(w->x) && !has_news(w)) {
        w->looks--;
        loop_start_timer(exchange_loop(w->x), &w->timer, SHARE_LOOK_MS);
        return;
    }
    exchange_resume(w->x);
}

enum step api_share_words(struct exchange *x) {
    struct share_question q;
    if (!share_book(x) || !share_question_read(x, &q)) return STEP_SEND;
    x->run = share_answer_words;
    struct share_wait *w = arena_alloc(&x->arena, sizeof *w);
    if (!w) return share_answer_words(x);
    *w = (struct share_wait){
        .x = x, .after = (uint32_t)q.after, .looks = q.wait_ms / SHARE_LOOK_MS, .engine = engine_now(x)};
    w->timer = (struct timer){.expired = share_look, .self = w};
    if (w->looks == 0 || has_news(w)) return share_answer_words(x);
    loop_start_timer(exchange_loop(x), &w->timer, SHARE_LOOK_MS);
    exchange_leave(x);
    return STEP_WAIT;
}

/* ---- what is told ---- */

/* The body, unpacked into *text where it is packed. */
static bool share_body(struct exchange *x, struct buf *text, struct span *body) {
    struct err e = {0};
    buf_init(text, SHARE_BODY_MAX + 1);
    *body = buf_span(&x->body);
    if (x->req.encoding == INFLATE_PLAIN) return true;
    struct inflate *d = inflate_open(x->req.encoding, INFLATE_WINDOW_LOG_NETWORK);
    struct span in = *body;
    bool ok = d && inflate_append(d, &in, text, SHARE_BODY_MAX + 1, &e), whole = ok && inflate_is_whole(d);
    inflate_close(d);
    *body = buf_span(text);
    if (ok && text->n > SHARE_BODY_MAX)
        return exchange_refuse(x, REFUSE_BODY_BYTES, "the body is larger than %d bytes, unpacked", SHARE_BODY_MAX);
    return whole ||
           exchange_refuse(x, REFUSE_MALFORMED, "the body can't be unpacked: %s", ok ? "it ends too soon" : e.msg);
}

static bool read_hex(yyjson_val *object, const char *name, uint64_t *n) {
    yyjson_val *v = yyjson_obj_get(object, name);
    return yyjson_is_str(v) && params_id((struct span){yyjson_get_str(v), yyjson_get_len(v)}, n) && *n != 0;
}

/* The first line says who tells it and what the clock there says. */
static bool read_sender(struct exchange *x, yyjson_val *head, struct shared_sent *s) {
    uint64_t now;
    if (!read_hex(head, "log", &s->log))
        return exchange_refuse(x, REFUSE_MALFORMED, "first line: log: expected 16 hexadecimal digits");
    if (!body_text(x, head, "instance", INSTANCES_NAME_MAX - 1, &s->name) ||
        !body_number(x, head, "now", UINT32_MAX, 0, &now))
        return false;
    if (now) s->skew_s = (int64_t)time(NULL) - (int64_t)now;
    return true;
}

static unsigned share_take_words(struct exchange *x, struct book *b, struct span body) {
    struct shared_sent s = {0};
    struct shared_taken t;
    struct err e = {0};
    struct span first = span_take_line(&body);
    s.lines = body;
    yyjson_doc *doc = yyjson_read(first.p, first.n, YYJSON_READ_NOFLAG);
    bool known = read_sender(x, yyjson_doc_get_root(doc), &s), ok = known && shared_take(b->corrections, &s, &t, &e);
    yyjson_doc_free(doc);
    if (!known) return 0;
    if (!ok) return share_refused(x, &e);
    if (t.taken > 0) b->refresh(b->refresh_self);
    x->entries = t.taken;
    buf_printf(&x->out, "{\"taken\":%u,\"repeated\":%u,\"lost\":%u}", t.taken, t.repeated, t.lost);
    return 200;
}

static unsigned answer_take_words(struct exchange *x) {
    struct book *b = share_book(x);
    struct buf text;
    struct span body;
    if (!b) return 0;
    unsigned status = share_body(x, &text, &body) ? share_take_words(x, b, body) : 0;
    buf_release(&text);
    return status;
}

enum step api_share_words_post(struct exchange *x) {
    return desk_run(x, answer_take_words);
}

static unsigned share_take_kinds(struct exchange *x, struct book *b, yyjson_val *root) {
    struct span name;
    uint64_t run, seq;
    if (!read_hex(root, "run", &run)) {
        exchange_refuse(x, REFUSE_MALFORMED, "run: expected 16 hexadecimal digits");
        return 0;
    }
    if (!body_text(x, root, "instance", INSTANCES_NAME_MAX - 1, &name) ||
        !body_number(x, root, "seq", UINT64_MAX, 0, &seq))
        return 0;
    yyjson_val *kinds = yyjson_obj_get(root, "kinds");
    if (!yyjson_is_arr(kinds) || yyjson_arr_size(kinds) > KINDS_SHARE_MAX) {
        exchange_refuse(x, REFUSE_ENTRIES, "kinds: expected at most %d", KINDS_SHARE_MAX);
        return 0;
    }
    uint32_t now = (uint32_t)time(NULL);
    instances_note(&api_of(x)->instances, run, name, now);
    struct words *w = book_words(b);
    bool fresh = told_begin(&b->told, run, seq, now);
    unsigned taken = fresh ? kinds_share_take(b->kinds, w, kinds) : 0;
    if (fresh) told_end(&b->told);
    words_unref(w);
    x->entries = taken;
    buf_printf(&x->out, "{\"taken\":%u,\"repeated\":%s}", taken, fresh ? "false" : "true");
    return 200;
}

static unsigned answer_take_kinds(struct exchange *x) {
    struct book *b = share_book(x);
    struct buf text;
    struct span body;
    unsigned status = 0;
    if (!b) return 0;
    if (share_body(x, &text, &body)) {
        yyjson_doc *doc = yyjson_read(body.p, body.n, YYJSON_READ_NOFLAG);
        if (yyjson_is_obj(yyjson_doc_get_root(doc)))
            status = share_take_kinds(x, b, yyjson_doc_get_root(doc));
        else
            exchange_refuse(x, REFUSE_MALFORMED, "the body is no JSON object");
        yyjson_doc_free(doc);
    }
    buf_release(&text);
    return status;
}

enum step api_share_kinds(struct exchange *x) {
    return desk_run(x, answer_take_kinds);
}

/* ---- files ---- */

typedef bool share_read(const char *path, struct span *text, uint64_t *mark, struct err *e);

/* A text of the state folder; empty where there is none. */
static unsigned share_file(struct exchange *x, const char *path, share_read *read) {
    struct span text = {0};
    struct err e = {0};
    uint64_t mark;
    bool ok = !path || read(path, &text, &mark, &e);
    if (ok) buf_put(&x->out, text.p, text.n);
    file_free(&text);
    if (!ok) return share_refused(x, &e);
    desk_set_type(x, "text/plain; charset=utf-8");
    return 200;
}

static unsigned answer_rules(struct exchange *x) {
    return share_file(x, api_of(x)->places.page_rules, page_rules_read);
}

static unsigned answer_head(struct exchange *x) {
    return share_file(x, api_of(x)->places.heads, head_versions_read);
}

enum step api_share_rules(struct exchange *x) {
    return desk_run(x, answer_rules);
}

enum step api_share_head(struct exchange *x) {
    return desk_run(x, answer_head);
}
