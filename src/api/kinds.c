/* GET /api/kinds: the list of kinds of line, or those that look like one. */
#include "api/context.h"
#include "api/desk.h"
#include "api/handlers.h"
#include "api/json_put.h"
#include "api/kind_put.h"
#include "api/kinds_search.h"
#include "api/near.h"
#include "api/params.h"
#include "base/unconst.h"
#include "data/decider.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- what is asked ---- */

enum { P_Q, P_RE, P_STATE, P_LABEL, P_STAGE, P_SOURCE, P_SEEN, P_SORT, P_AFTER, P_LIMIT, P_ALIKE, P_FAMILY, P_COUNT };

/* A request, while it is read. re: q is a regular expression. */
struct listing {
    struct kinds_query q;
    struct kinds_search *re; /* NULL: q is a text */
    uint64_t alike;          /* kinds that look like this one, where is_alike */
    bool is_alike;
};

static bool refuse_value(struct exchange *x, const struct param *p, const char *expected) {
    return exchange_refuse(x, REFUSE_MALFORMED, "query: %s is '%.*s'; expected %s", p->name,
                           (int)(p->value.n < 40 ? p->value.n : 40), p->value.p, expected);
}

static bool take_state(struct exchange *x, const struct param *p, struct kinds_query *q) {
    q->state = kind_state_find(p->value);
    if (q->state < 0) q->property |= (unsigned)kinds_property_find(p->value);
    return q->state >= 0 || q->property ||
           refuse_value(x, p, "new, known, rising, returned, muted, undecided, unsure, corrected, waiting or silent");
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
    if (sort < 0) return refuse_value(x, p, "lines, last, first, unsure, rise or settles");
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

static bool take_pattern(struct exchange *x, struct span text, struct listing *l) {
    struct err e = {0};
    l->re = kinds_search_open(text, &e);
    if (!l->re) return exchange_refuse(x, REFUSE_MALFORMED, "query: q: %s", e.msg);
    l->q.matches = kinds_search_matches;
    l->q.self = l->re;
    l->q.text = (struct span){0};
    return true;
}

static bool take_texts(struct exchange *x, const struct param *p, struct listing *l) {
    const struct span label = p[P_LABEL].value;
    l->q.source = p[P_SOURCE].value;
    l->q.text = p[P_Q].value;
    l->is_alike = p[P_ALIKE].value.n > 0;
    if (l->is_alike && !params_id(p[P_ALIKE].value, &l->alike))
        return refuse_value(x, &p[P_ALIKE], "16 hexadecimal digits");
    if (p[P_FAMILY].value.n > 0 && !params_id(p[P_FAMILY].value, &l->q.family))
        return refuse_value(x, &p[P_FAMILY], "16 hexadecimal digits");
    bool re = span_eq(p[P_RE].value, SPAN_LIT("1")) || span_eq(p[P_RE].value, SPAN_LIT("true"));
    if (re && l->q.text.n > 0 && !take_pattern(x, l->q.text, l)) return false;
    if (!re) make_small(l->q.text);
    if (label.n == 0) return true;
    char *copy = arena_alloc(&x->arena, label.n + 1);
    if (!copy) return exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the query");
    memcpy(copy, label.p, label.n);
    copy[label.n] = '\0';
    l->q.label = copy;
    return true;
}

static bool read_query(struct exchange *x, struct listing *l) {
    static const char *const NAMES[P_COUNT] = {"q",    "re",   "state", "label", "stage", "source",
                                               "seen", "sort", "after", "limit", "alike", "family"};
    static bool (*const TAKE[P_COUNT])(struct exchange * x, const struct param *p,
                                       struct kinds_query *q) = {[P_STATE] = take_state,
                                                                 [P_STAGE] = take_stage,
                                                                 [P_SEEN] = take_seen,
                                                                 [P_SORT] = take_sort,
                                                                 [P_AFTER] = take_after};
    struct param p[P_COUNT] = {0};
    uint64_t limit;
    for (unsigned i = 0; i < P_COUNT; i++) p[i].name = NAMES[i];
    l->q = KINDS_QUERY_ALL;
    if (!params_read(x, p, P_COUNT) || !params_number(x, &p[P_LIMIT], 1, KINDS_QUERY_MAX, 100, &limit)) return false;
    for (unsigned i = 0; i < P_COUNT; i++)
        if (TAKE[i] && p[i].value.n > 0 && !TAKE[i](x, &p[i], &l->q)) return false;
    l->q.limit = (unsigned)limit;
    return take_texts(x, p, l);
}

/* ---- the answer ---- */

/* How many kinds there are of the family of each on the page: the same message from so many sources. */
static void find_families(struct kinds *k, const struct kinds_result *r, uint32_t *kinds) {
    uint64_t family[KINDS_QUERY_MAX];
    char text[KINDS_TEXT_MAX];
    for (unsigned i = 0; i < r->n; i++) {
        struct kind_view v;
        family[i] = kinds_find(k, r->hit[i].id, &v, text) ? v.family : 0;
    }
    kinds_count_families(k, family, r->n, kinds);
}

static void put_items(struct exchange *x, const struct words *w, const struct kinds_result *r, bool similar) {
    struct kinds *k = api_of(x)->book->kinds;
    uint32_t kinds[KINDS_QUERY_MAX];
    char text[KINDS_TEXT_MAX];
    bool first = true;
    find_families(k, r, kinds);
    buf_puts(&x->out, "{\"items\":[");
    for (unsigned i = 0; i < r->n; i++) {
        struct kind_view v;
        if (!kinds_find(k, r->hit[i].id, &v, text)) continue; /* dropped meanwhile */
        buf_puts(&x->out, first ? "{" : ",{");
        kind_put_members(&x->out, k, w, &v, false);
        buf_printf(&x->out, ",\"in_family\":%u", kinds[i]);
        if (similar) buf_printf(&x->out, ",\"similarity\":%.4f", r->hit[i].key);
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

/* Those that look like one and are answered alike, as if that were a query: on one page. */
static bool find_alike(struct exchange *x, const struct listing *l, struct kinds_result *r) {
    struct near_hit hit[NEAR_HITS_MAX];
    struct kind_view v;
    struct err e = {0};
    char text[KINDS_TEXT_MAX];
    if (!kinds_find(api_of(x)->book->kinds, l->alike, &v, text))
        return exchange_refuse(x, REFUSE_ROUTE, "there is no such kind");
    struct trial *t = trial_open(api_of(x)->pipeline, &e);
    unsigned n = near_alike(api_of(x), &v, t, hit);
    trial_close(t);
    for (r->n = 0; r->n < n && r->n + 1 < l->q.limit; r->n++)
        r->hit[r->n] = (struct kinds_hit){hit[r->n].id, hit[r->n].similarity};
    r->total = r->n;
    r->lines = 0;
    return true;
}

static unsigned answer_kinds(struct exchange *x) {
    struct listing l = {0};
    struct kinds_result r = {.n = 0};
    if (!api_of(x)->book) return refuse_off(x);
    bool ok = read_query(x, &l);
    struct words *w = ok ? book_words(api_of(x)->book) : NULL;
    if (ok && l.is_alike) ok = find_alike(x, &l, &r);
    if (ok && !l.is_alike) kinds_query_run(api_of(x)->book, w, &l.q, &r);
    if (ok) {
        put_items(x, w, &r, l.is_alike);
        put_counts(x, &l.q, &r);
        buf_putc(&x->out, '}');
    }
    kinds_search_close(l.re);
    words_unref(w);
    return ok ? 200 : 0;
}

enum step api_kinds(struct exchange *x) {
    return desk_run(x, answer_kinds);
}
