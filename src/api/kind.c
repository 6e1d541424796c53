/* GET /api/kind: all about one kind of line. GET /api/review: those that wait for a person, one card each. */
#include "api/context.h"
#include "api/desk.h"
#include "api/handlers.h"
#include "api/history_put.h"
#include "api/json_put.h"
#include "api/kind_put.h"
#include "api/near.h"
#include "api/params.h"
#include "api/why.h"
#include "text/template.h"

#include <inttypes.h>
#include <stdlib.h>

enum { EXAMPLES = 3, NEAREST = 5, REVIEW_MAX = 200, SURE_EVERY = 10, BLIND_EVERY = 20 };

/* ---- examples ---- */

/* Numbers of kinds are used again: is it a line of this one? */
static bool is_of_kind(const struct book *b, const struct engine *eng, const struct example *e,
                       const struct kind_view *v) {
    char text[TEMPLATE_MAX];
    struct span t = {text, template_write(e->source, e->line, eng && engine_uses_source(eng), text)};
    if (!v->redacted) return span_eq(t, v->text);
    struct buf shown;
    buf_init(&shown, KINDS_TEXT_MAX);
    if (b->redact) b->redact(b->redact_self, t, &shown);
    bool same = !b->redact || span_eq(buf_span(&shown), v->text);
    buf_release(&shown);
    return same;
}

static void kind_put_example(struct buf *out, const struct book *b, const struct example *e) {
    struct buf shown;
    buf_init(&shown, 4 * EXAMPLES_LINE_MAX);
    if (b->redact)
        b->redact(b->redact_self, e->line, &shown);
    else
        buf_put(&shown, e->line.p, e->line.n);
    json_put_text(out, buf_span(&shown));
    buf_release(&shown);
}

static void kind_put_examples(struct exchange *x, const struct kind_view *v, struct trial *t, unsigned max) {
    struct book *b = api_of(x)->book;
    struct example e[EXAMPLES];
    char *text = b->examples ? malloc(EXAMPLES * 2 * (size_t)EXAMPLES_LINE_MAX) : NULL;
    unsigned n = text ? examples_of(b->examples, v->number, e, max, text) : 0;
    const char *before = "";
    buf_puts(&x->out, ",\"examples\":[");
    for (unsigned i = 0; i < n; i++) {
        if (!is_of_kind(b, t ? trial_engine(t) : NULL, &e[i], v)) continue;
        buf_puts(&x->out, before);
        kind_put_example(&x->out, b, &e[i]);
        before = ",";
    }
    buf_putc(&x->out, ']');
    free(text);
}

/* ---- one kind ---- */

static void put_days(struct buf *out, const struct kind_view *v) {
    buf_puts(out, ",\"days\":[");
    for (unsigned i = 0; i < KINDS_DAYS; i++) buf_printf(out, "%s%u", i ? "," : "", v->day[i]);
    buf_putc(out, ']');
}

static void put_whole(struct exchange *x, const struct kind_view *v, const struct words *w, struct trial *t) {
    struct buf *out = &x->out;
    buf_putc(out, '{');
    kind_put_members(out, api_of(x)->book->kinds, w, v, true);
    put_days(out, v);
    json_put_member(out, "message", span_sub(v->text, v->message_at, v->text.n));
    buf_printf(out, ",\"redacted\":%s", v->redacted ? "true" : "false");
    why_put(out, v, w, t);
    buf_puts(out, ",\"nearest\":[");
    near_put(out, api_of(x), w, v, t, NEAREST);
    buf_putc(out, ']');
    kind_put_examples(x, v, t, EXAMPLES);
    buf_puts(out, ",\"history\":[");
    history_put_kind(out, w, v);
    buf_puts(out, "]}");
}

static unsigned answer_kind(struct exchange *x) {
    struct param p[] = {{.name = "id"}};
    struct book *b = api_of(x)->book;
    struct kind_view v;
    struct err e = {0};
    uint64_t id;
    char text[KINDS_TEXT_MAX];
    if (!params_read(x, p, 1)) return 0;
    if (!params_id(p[0].value, &id)) {
        exchange_refuse(x, REFUSE_MALFORMED, "query: id: expected 16 hexadecimal digits");
        return 0;
    }
    if (!b || !kinds_find(b->kinds, id, &v, text)) {
        exchange_refuse(x, REFUSE_ROUTE, b ? "there is no such kind" : "kinds of line are not kept (kinds-max is 0)");
        return 0;
    }
    struct words *w = book_words(b);
    struct trial *t = trial_open(api_of(x)->pipeline, &e);
    put_whole(x, &v, w, t);
    trial_close(t);
    words_unref(w);
    return 200;
}

enum step api_kind(struct exchange *x) {
    return desk_run(x, answer_kind);
}

/* ---- review ---- */

struct reviewing {
    struct exchange *x;
    struct words *words;
    struct trial *trial; /* NULL: there is no engine yet */
    struct kinds_result waiting, sure;
    uint64_t limit;
    bool mixed;
};

static bool read_order(struct reviewing *r, struct kinds_query *q) {
    struct param p[] = {{.name = "order"}, {.name = "limit"}};
    static const struct {
        const char *name;
        enum kinds_sort sort;
    } ORDERS[] = {{"", KINDS_BY_SETTLES},
                  {"lines", KINDS_BY_SETTLES},
                  {"unsure", KINDS_BY_UNSURE},
                  {"newest", KINDS_BY_FIRST},
                  {"mixed", KINDS_BY_SETTLES}};
    if (!params_read(r->x, p, 2) || !params_number(r->x, &p[1], 1, REVIEW_MAX, 50, &r->limit)) return false;
    *q = KINDS_QUERY_ALL;
    q->property = KINDS_WAITING;
    q->limit = (unsigned)r->limit;
    r->mixed = span_eq(p[0].value, SPAN_LIT("mixed"));
    for (size_t i = 0; i < sizeof ORDERS / sizeof ORDERS[0]; i++)
        if (span_eq(p[0].value, span_of(ORDERS[i].name))) {
            q->sort = ORDERS[i].sort;
            return true;
        }
    return exchange_refuse(r->x, REFUSE_MALFORMED, "query: order: expected lines, unsure, newest or mixed");
}

/* Kinds that the encoder is sure of, to see whether it is right: those with most lines that nobody looked at yet. */
static void find_sure(struct reviewing *r) {
    struct kinds_query q = KINDS_QUERY_ALL;
    q.stage = DECIDER_BERT;
    q.limit = (unsigned)(r->limit + SURE_EVERY - 1) / SURE_EVERY;
    kinds_query_run(api_of(r->x)->book, r->words, &q, &r->sure);
}

static void put_nearest1(struct reviewing *r, const struct kind_view *v) {
    struct buf *out = &r->x->out;
    size_t before = out->n;
    buf_puts(out, ",\"nearest1\":");
    size_t empty = out->n;
    near_put(out, api_of(r->x), r->words, v, r->trial, 1);
    if (out->n == empty) out->n = before;
}

static void put_card(struct reviewing *r, uint64_t id, bool blind, const char **before) {
    struct api *a = api_of(r->x);
    struct kind_view v;
    char text[KINDS_TEXT_MAX];
    struct buf *out = &r->x->out;
    if (!kinds_find(a->book->kinds, id, &v, text)) return;
    buf_puts(out, *before);
    kind_put_members(out, a->book->kinds, r->words, &v, false);
    buf_printf(out, ",\"blind\":%s,\"top\":[", blind ? "true" : "false");
    if (v.best) kind_put_likely(out, a->book->kinds, v.best, v.p1);
    if (v.second) buf_putc(out, ','), kind_put_likely(out, a->book->kinds, v.second, v.p2);
    buf_putc(out, ']');
    put_nearest1(r, &v);
    kind_put_examples(r->x, &v, r->trial, 1);
    buf_putc(out, '}');
    *before = ",{";
}

static void put_cards(struct reviewing *r) {
    const char *before = "{";
    unsigned sure = 0, cards = 0;
    for (unsigned i = 0; i < r->waiting.n && cards < r->limit; i++) {
        if (r->mixed && cards % SURE_EVERY == SURE_EVERY - 1 && sure < r->sure.n) {
            put_card(r, r->sure.hit[sure++].id, cards / SURE_EVERY % (BLIND_EVERY / SURE_EVERY) == 1, &before);
            cards++;
        }
        put_card(r, r->waiting.hit[i].id, false, &before);
        cards++;
    }
    for (; r->mixed && sure < r->sure.n && cards < r->limit; cards++)
        put_card(r, r->sure.hit[sure++].id, false, &before);
}

static unsigned answer_review(struct exchange *x) {
    struct book *b = api_of(x)->book;
    struct reviewing *r = calloc(1, sizeof *r);
    struct kinds_query q;
    if (!b || !r) exchange_refuse(x, REFUSE_ROUTE, "kinds of line are not kept (kinds-max is 0)");
    if (r) r->x = x;
    if (x->refused || !read_order(r, &q)) {
        free(r);
        return 0;
    }
    struct err e = {0};
    r->words = book_words(b);
    r->trial = trial_open(api_of(x)->pipeline, &e);
    kinds_query_run(b, r->words, &q, &r->waiting);
    if (r->mixed) find_sure(r);
    buf_puts(&x->out, "{\"items\":[");
    put_cards(r);
    uint64_t all = kind_lines_24h(b), lines = r->waiting.lines;
    buf_printf(&x->out, "],\"waiting\":%" PRIu64 ",\"lines\":%" PRIu64 ",\"share\":%.4g,\"at\":%u}", r->waiting.total,
               lines, all ? (double)(lines < all ? lines : all) / (double)all : 0.0, kinds_now(b->kinds));
    words_unref(r->words);
    trial_close(r->trial);
    free(r);
    return 200;
}

enum step api_review(struct exchange *x) {
    return desk_run(x, answer_review);
}
