/* GET /api/kinds: the list of kinds of line. GET /api/review: those that wait for a person. */
#include "api/context.h"
#include "api/desk.h"
#include "api/handlers.h"
#include "api/json_put.h"
#include "api/kind_put.h"
#include "api/params.h"
#include "base/unconst.h"
#include "data/decider.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- what is asked ---- */

enum { P_Q, P_STATE, P_LABEL, P_STAGE, P_SOURCE, P_SEEN, P_SORT, P_AFTER, P_LIMIT, P_COUNT };

static bool refuse_value(struct exchange *x, const struct param *p, const char *expected) {
    return exchange_refuse(x, REFUSE_MALFORMED, "query: %s is '%.*s'; expected %s", p->name,
                           (int)(p->value.n < 40 ? p->value.n : 40), p->value.p, expected);
}

static bool take_state(struct exchange *x, const struct param *p, struct kinds_query *q) {
    q->state = kind_state_find(p->value);
    if (q->state < 0) q->property |= (unsigned)kinds_property_find(p->value);
    return q->state >= 0 || q->property ||
           refuse_value(x, p, "new, known, rising, returned, muted, undecided, unsure, corrected or waiting");
}

static bool take_stage(struct exchange *x, const struct param *p, struct kinds_query *q) {
    q->by_person = span_eq(p->value, SPAN_LIT("person"));
    for (int d = 0; d < DECIDER_COUNT; d++)
        if (span_eq(p->value, span_of(decider_name((enum decider)d)))) q->stage = d;
    return q->by_person || q->stage >= 0 || refuse_value(x, p, "regex, bert, llm, fallback or person");
}

/* 3600, 1h, 24h, 7d. */
static bool take_seen(struct exchange *x, const struct param *p, struct kinds_query *q) {
    char text[24];
    unsigned n = 0;
    char unit = 's';
    snprintf(text, sizeof text, "%.*s", (int)(p->value.n < 20 ? p->value.n : 20), p->value.p);
    int got = sscanf(text, "%9u%c", &n, &unit);
    uint64_t seconds = (uint64_t)n * (unit == 'd' ? 86400 : unit == 'h' ? 3600 : unit == 'm' ? 60 : 1);
    if (got < 1 || !strchr("smhd", unit)) return refuse_value(x, p, "a time such as 1h, 24h or 7d");
    uint32_t now = kinds_now(api_of(x)->book->kinds);
    q->seen_s = seconds < now ? now - (uint32_t)seconds : 0;
    return true;
}

static bool take_sort(struct exchange *x, const struct param *p, struct kinds_query *q) {
    int sort = kinds_sort_find(p->value);
    if (sort < 0) return refuse_value(x, p, "lines, last, first, unsure or settles");
    q->sort = (enum kinds_sort)sort;
    return true;
}

/* KEY:ID, the place of the last kind of the page before. */
static bool take_after(struct exchange *x, const struct param *p, struct kinds_query *q) {
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)(p->value.n < 60 ? p->value.n : 60), p->value.p);
    q->goes_on = sscanf(text, "%lf:%16" SCNx64, &q->after_key, &q->after_id) == 2;
    return q->goes_on || refuse_value(x, p, "what `next` of the page before said");
}

static void make_small(struct span s) {
    char *p = unconst(s.p);
    for (size_t i = 0; i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] | 0x20);
}

static bool read_query(struct exchange *x, struct kinds_query *q) {
    struct param p[P_COUNT] = {
        [P_Q] = {.name = "q"},         [P_STATE] = {.name = "state"},   [P_LABEL] = {.name = "label"},
        [P_STAGE] = {.name = "stage"}, [P_SOURCE] = {.name = "source"}, [P_SEEN] = {.name = "seen"},
        [P_SORT] = {.name = "sort"},   [P_AFTER] = {.name = "after"},   [P_LIMIT] = {.name = "limit"}};
    static bool (*const TAKE[P_COUNT])(struct exchange * x, const struct param *p,
                                       struct kinds_query *q) = {[P_STATE] = take_state,
                                                                 [P_STAGE] = take_stage,
                                                                 [P_SEEN] = take_seen,
                                                                 [P_SORT] = take_sort,
                                                                 [P_AFTER] = take_after};
    uint64_t limit;
    *q = KINDS_QUERY_ALL;
    if (!params_read(x, p, P_COUNT) || !params_number(x, &p[P_LIMIT], 1, KINDS_QUERY_MAX, 100, &limit)) return false;
    for (unsigned i = 0; i < P_COUNT; i++)
        if (TAKE[i] && p[i].value.n > 0 && !TAKE[i](x, &p[i], q)) return false;
    q->limit = (unsigned)limit;
    q->source = p[P_SOURCE].value;
    q->text = p[P_Q].value;
    make_small(q->text);
    if (p[P_LABEL].value.n == 0) return true;
    char *label = arena_alloc(&x->arena, p[P_LABEL].value.n + 1);
    if (!label) return exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the query");
    memcpy(label, p[P_LABEL].value.p, p[P_LABEL].value.n);
    label[p[P_LABEL].value.n] = '\0';
    q->label = label;
    return true;
}

/* ---- the answer ---- */

static void put_items(struct exchange *x, const struct words *w, const struct kinds_result *r) {
    struct kinds *k = api_of(x)->book->kinds;
    char text[KINDS_TEXT_MAX];
    bool first = true;
    buf_puts(&x->out, "{\"items\":[");
    for (unsigned i = 0; i < r->n; i++) {
        struct kind_view v;
        if (!kinds_find(k, r->hit[i].id, &v, text)) continue; /* dropped meanwhile */
        buf_puts(&x->out, first ? "{" : ",{");
        kind_put_members(&x->out, k, w, &v, false);
        buf_putc(&x->out, '}');
        first = false;
    }
    buf_putc(&x->out, ']');
}

static void put_counts(struct exchange *x, const struct kinds_query *q, const struct kinds_result *r) {
    struct book *b = api_of(x)->book;
    uint64_t all = kind_lines_24h(b);
    struct kinds_figures f;
    kinds_figures(b->kinds, &f);
    buf_printf(&x->out, ",\"total\":%" PRIu64 ",\"lines\":%" PRIu64 ",\"share\":%.4g", r->total, r->lines,
               all ? (double)(r->lines < all ? r->lines : all) / (double)all : 0.0);
    if (r->n == q->limit)
        buf_printf(&x->out, ",\"next\":\"%.17g:%016" PRIx64 "\"", r->hit[r->n - 1].key, r->hit[r->n - 1].id);
    else
        buf_puts(&x->out, ",\"next\":null");
    buf_printf(&x->out, ",\"kept\":%" PRIu64 ",\"max\":%" PRIu64 ",\"estimate\":%" PRIu64 ",\"at\":%u", f.kinds,
               f.kinds_max, f.seen > f.kinds ? f.seen : f.kinds, kinds_now(b->kinds));
}

static unsigned refuse_off(struct exchange *x) {
    exchange_refuse(x, REFUSE_ROUTE, "kinds of line are not kept (kinds-max is 0)");
    return 0;
}

static unsigned answer_kinds(struct exchange *x) {
    struct kinds_query q;
    struct kinds_result r;
    if (!api_of(x)->book) return refuse_off(x);
    if (!read_query(x, &q)) return 0;
    struct words *w = book_words(api_of(x)->book);
    kinds_query_run(api_of(x)->book, w, &q, &r);
    put_items(x, w, &r);
    put_counts(x, &q, &r);
    buf_putc(&x->out, '}');
    words_unref(w);
    return 200;
}

enum step api_kinds(struct exchange *x) {
    return desk_run(x, answer_kinds);
}
