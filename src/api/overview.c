/* GET /api/pulse: what the page asks every other second, from what is at hand. GET /api/overview: its first view. */
#include "api/context.h"
#include "api/desk.h"
#include "api/handlers.h"
#include "api/json_put.h"
#include "api/kind_put.h"
#include "api/params.h"
#include "base/must.h"
#include "data/decider.h"
#include "http/response.h"
#include "metrics/metrics.h"
#include "api/alerts.h"
#include "api/learner.h"
#include "review/news.h"

#include "build_info.h"

#include <inttypes.h>
#include <stdlib.h>
#include <yyjson.h>

enum { SERVICE_LLM = 1, LOOK_MAX = 12, ALL_LABELS = 0, ALL_STAGES = -1 };

/* ---- totals ---- */

/* Minutes or hours from .. to. */
struct stretch {
    uint64_t (*of)(struct totals *t, uint32_t at, unsigned label, unsigned stage);
    uint32_t from, to;
};

static uint64_t stretch_lines(const struct book *b, const struct stretch *s, unsigned label, int stage) {
    uint64_t sum = 0;
    unsigned l_from = label ? label : 1, l_to = label ? label : kinds_labels(b->kinds);
    for (uint32_t at = s->from; at <= s->to; at++)
        for (unsigned l = l_from; l <= l_to && l < LABEL_MAX; l++)
            for (unsigned d = 0; d < DECIDER_COUNT; d++)
                if (stage < 0 || d == (unsigned)stage) sum += s->of(b->totals, at, l, d);
    return sum;
}

static double rate_now(struct book *b) {
    uint32_t now = kinds_now(b->kinds), minute = now / 60;
    struct stretch last = {totals_minute, minute - 1, minute};
    return (double)stretch_lines(b, &last, ALL_LABELS, ALL_STAGES) / (60 + now % 60);
}

/* ---- pulse ---- */

/* seq holds both counters: words in its upper half, kinds in the lower. */
static void put_changed(struct buf *out, uint64_t since, uint64_t seq) {
    bool words = since >> 32 != seq >> 32, kinds = words || (uint32_t)since != (uint32_t)seq;
    buf_printf(out, ",\"changed\":[%s%s]", kinds ? "\"kinds\"" : "", words ? ",\"corrections\"" : "");
}

/* How far learning has come, while it runs. */
static void put_learning(struct exchange *x) {
    struct learner *l = api_of(x)->learner;
    struct buf text;
    buf_init(&text, 1 << 20);
    if (l) learner_json(l, &text);
    bool runs = memmem(text.p ? text.p : "", text.n, "\"state\":\"running\"", 17) != NULL;
    buf_puts(&x->out, ",\"learn\":");
    if (runs)
        buf_put(&x->out, text.p, text.n);
    else
        buf_puts(&x->out, "null");
    buf_release(&text);
}

static void put_pulse(struct exchange *x, uint64_t since) {
    struct book *b = api_of(x)->book;
    struct buf *out = &x->out;
    struct news n;
    book_news(b, &n);
    uint64_t seq = (uint64_t)(atomic_load(&b->words_seq) & 0xfffff) << 32 | atomic_load(&b->kinds_seq);
    buf_printf(out, "{\"seq\":%" PRIu64 ",\"at\":%u,\"build\":\"" BUILD_COMMIT "\",\"rate\":%.1f,\"undecided\":%.4g",
               seq, kinds_now(b->kinds), rate_now(b),
               n.lines_24h ? (double)n.undecided_lines_24h / (double)n.lines_24h : 0.0);
    buf_printf(out, ",\"waiting\":%" PRIu64 ",\"new_24h\":%" PRIu64 ",\"rising\":%" PRIu64 ",\"kinds\":%" PRIu64,
               n.waiting, n.new_24h, n.rising, n.kinds);
    alerts_put(out, &n);
    put_learning(x);
    buf_puts(out, ",\"llm\":");
    if (api_settings_of(x)->has_llm)
        buf_printf(out, "{\"cost\":%.4f,\"breaker\":\"%s\"}", metrics_value(METRIC_LLM_COST, 0, 0, 0),
                   metrics_value(METRIC_BREAKER_OPEN, SERVICE_LLM, 0, 0) > 0 ? "open" : "closed");
    else
        buf_puts(out, "null");
    put_changed(out, since, seq);
    buf_putc(out, '}');
}

enum step api_pulse(struct exchange *x) {
    struct param p[] = {{.name = "since"}};
    uint64_t since;
    if (!params_read(x, p, 1) || !params_number(x, &p[0], 0, INT64_MAX, 0, &since)) return STEP_SEND;
    if (!api_of(x)->book) {
        exchange_refuse(x, REFUSE_ROUTE, "kinds of line are not kept (kinds-max is 0)");
        return STEP_SEND;
    }
    put_pulse(x, since);
    return response_send(x, 200, RESPONSE_JSON);
}

/* ---- overview ---- */

struct overview {
    struct exchange *x;
    struct book *book;
    struct words *words;
    struct news news;
    struct stretch span, before; /* what is shown, and as long before that */
    uint32_t step;               /* seconds of a place in the series */
    const char *name;            /* of the span */
};

static bool read_span(struct overview *o) {
    struct param p[] = {{.name = "span"}};
    if (!params_read(o->x, p, 1)) return false;
    uint32_t now = kinds_now(o->book->kinds), hour = now / 3600;
    bool day = p[0].value.n == 0 || span_eq(p[0].value, SPAN_LIT("24h"));
    uint32_t places = day ? 24 : span_eq(p[0].value, SPAN_LIT("7d")) ? 168 : 0;
    o->step = 3600;
    o->span = (struct stretch){totals_hour, hour - places + 1, hour};
    if (span_eq(p[0].value, SPAN_LIT("1h"))) {
        places = o->step = 60;
        o->span = (struct stretch){totals_minute, now / 60 - places + 1, now / 60};
    }
    o->name = o->step == 60 ? "1h" : day ? "24h" : "7d";
    o->before = (struct stretch){o->span.of, o->span.from - places, o->span.from - 1};
    return places || exchange_refuse(o->x, REFUSE_MALFORMED, "query: span: expected 1h, 24h or 7d");
}

/* Of the lines of a stretch, the share that no stage decided. */
static double undecided_share(const struct overview *o, const struct stretch *s) {
    uint64_t all = stretch_lines(o->book, s, ALL_LABELS, ALL_STAGES);
    return all ? (double)stretch_lines(o->book, s, ALL_LABELS, DECIDER_FALLBACK) / (double)all : 0;
}

/* Of today, by the answers that are kept. */
static void put_llm_tile(struct overview *o) {
    const struct api_places *p = &api_of(o->x)->places;
    struct buf text;
    struct err e = {0};
    buf_init(&text, 1 << 16);
    bool ok = p->cost && p->cost(p->ctx, 1, &text, &e);
    yyjson_doc *doc = ok ? yyjson_read(text.p, text.n, 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc), *today = yyjson_obj_get(root, "today");
    if (yyjson_is_true(yyjson_obj_get(root, "configured")))
        buf_printf(&o->x->out, "{\"calls\":%" PRIu64 ",\"cost\":%.6g}", yyjson_get_uint(yyjson_obj_get(today, "calls")),
                   yyjson_get_num(yyjson_obj_get(today, "cost")));
    else
        buf_puts(&o->x->out, "null");
    yyjson_doc_free(doc);
    buf_release(&text);
}

static void put_tiles(struct overview *o) {
    struct buf *out = &o->x->out;
    const struct book *b = o->book;
    const struct news *n = &o->news;
    uint32_t minute = kinds_now(b->kinds) / 60 - 24 * 60;
    struct stretch yesterday = {totals_minute, minute + 1, minute + 2};
    uint64_t usual = stretch_lines(b, &yesterday, ALL_LABELS, ALL_STAGES);
    buf_printf(out, "\"tiles\":{\"rate\":{\"now\":%.1f", rate_now(o->book));
    if (usual > 0) buf_printf(out, ",\"usual\":%.1f", (double)usual / 120);
    buf_printf(out, ",\"ever\":%s},\"lines\":{\"now\":%" PRIu64 ",\"before\":%" PRIu64 "}",
               n->kinds > 0 ? "true" : "false", stretch_lines(b, &o->span, ALL_LABELS, ALL_STAGES),
               stretch_lines(b, &o->before, ALL_LABELS, ALL_STAGES));
    buf_printf(out, ",\"undecided\":{\"share\":%.4g,\"before\":%.4g,\"waiting\":%" PRIu64 ",\"lines\":%" PRIu64 "}",
               undecided_share(o, &o->span), undecided_share(o, &o->before), n->waiting, n->waiting_lines_24h);
    buf_printf(out, ",\"new_kinds\":{\"n\":%" PRIu64 ",\"last_hour\":%" PRIu64 "},\"rising\":%" PRIu64, n->new_24h,
               n->new_1h, n->rising);
    buf_printf(out,
               ",\"drift\":{\"alarm\":%s,\"unseen_share\":%.4g},\"llm\":", drift_alarm(&n->drift) ? "true" : "false",
               n->unseen);
    put_llm_tile(o);
    buf_putc(out, '}');
}

static void put_label_series(struct overview *o, unsigned label, const char *before) {
    struct buf *out = &o->x->out;
    buf_printf(out, "%s{\"label_id\":", before);
    json_put_text(out, span_of(kinds_label_id(o->book->kinds, (uint8_t)label)));
    buf_puts(out, ",\"n\":[");
    for (uint32_t at = o->span.from; at <= o->span.to; at++) {
        struct stretch one = {o->span.of, at, at};
        buf_printf(out, "%s%" PRIu64, at > o->span.from ? "," : "", stretch_lines(o->book, &one, label, ALL_STAGES));
    }
    buf_puts(out, "]}");
}

/* What was done to the program in this time. */
static void put_marks(struct overview *o) {
    struct buf *out = &o->x->out;
    struct mark *mark = must_calloc(MARKS_MAX, sizeof *mark);
    unsigned n = marks_since(o->book->marks, o->span.from * o->step, mark);
    buf_puts(out, ",\"marks\":[");
    for (unsigned i = 0; i < n; i++) {
        buf_printf(out, "%s{\"at\":%u", i ? "," : "", mark[i].at);
        json_put_member(out, "what", span_of(mark[i].text));
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
    free(mark);
}

static void put_series(struct overview *o) {
    struct buf *out = &o->x->out;
    const char *before = "";
    buf_printf(out, ",\"series\":{\"from\":%u,\"step\":%u,\"labels\":[", o->span.from * o->step, o->step);
    for (unsigned l = 1; l <= kinds_labels(o->book->kinds) && l < LABEL_MAX; l++) {
        if (stretch_lines(o->book, &o->span, l, ALL_STAGES) == 0) continue;
        put_label_series(o, l, before);
        before = ",";
    }
    buf_puts(out, "]}");
    put_marks(o);
    buf_puts(out, ",\"stages\":{");
    for (int d = 0; d < DECIDER_COUNT; d++)
        buf_printf(out, "%s\"%s\":%" PRIu64, d ? "," : "", decider_name((enum decider)d),
                   stretch_lines(o->book, &o->span, ALL_LABELS, d));
    buf_putc(out, '}');
}

/* ---- worth a look ---- */

static bool overview_lists(const struct kinds_result *all, uint64_t id) {
    for (unsigned i = 0; i < all->n; i++)
        if (all->hit[i].id == id) return true;
    return false;
}

static void look_for(struct overview *o, struct kinds_result *all, int state, unsigned property) {
    struct kinds_result r;
    struct kinds_query q = KINDS_QUERY_ALL;
    q.state = state;
    q.property = property;
    q.limit = LOOK_MAX;
    kinds_query_run(o->book, o->words, &q, &r);
    for (unsigned i = 0; i < r.n; i++)
        if (!overview_lists(all, r.hit[i].id)) all->hit[all->n++] = r.hit[i];
}

static int by_lines(const void *a, const void *b) {
    const struct kinds_hit *p = a, *q = b;
    if (p->key < q->key || p->key > q->key) return p->key < q->key ? 1 : -1;
    return p->id < q->id ? 1 : -1;
}

/* New, undecided, rising and returned kinds, those with most lines first. */
static void put_look(struct overview *o) {
    struct kinds_result all = {.n = 0};
    char text[KINDS_TEXT_MAX];
    const char *before = "{";
    look_for(o, &all, KIND_RISING, 0);
    look_for(o, &all, KIND_RETURNED, 0);
    look_for(o, &all, KIND_NEW, 0);
    look_for(o, &all, -1, KINDS_WAITING);
    look_for(o, &all, -1, KINDS_SILENT);
    qsort(all.hit, all.n, sizeof all.hit[0], by_lines);
    buf_puts(&o->x->out, ",\"look\":[");
    for (unsigned i = 0; i < all.n && i < LOOK_MAX; i++) {
        struct kind_view v;
        if (!kinds_find(o->book->kinds, all.hit[i].id, &v, text)) continue;
        buf_puts(&o->x->out, before);
        kind_put_members(&o->x->out, o->book->kinds, o->words, &v, false);
        buf_putc(&o->x->out, '}');
        before = ",{";
    }
    buf_putc(&o->x->out, ']');
}

static unsigned answer_overview(struct exchange *x) {
    struct overview o = {.x = x, .book = api_of(x)->book};
    if (!o.book) exchange_refuse(x, REFUSE_ROUTE, "kinds of line are not kept (kinds-max is 0)");
    if (x->refused || !read_span(&o)) return 0;
    o.words = book_words(o.book);
    news_find(o.book, o.words, &o.news);
    news_drift(o.book, &o.news);
    buf_putc(&x->out, '{');
    put_tiles(&o);
    put_series(&o);
    put_look(&o);
    alerts_put(&x->out, &o.news);
    alerts_put_warmup(&x->out, &o.news);
    buf_printf(&x->out, ",\"span\":\"%s\",\"kinds\":%" PRIu64 ",\"at\":%u}", o.name, o.news.kinds, o.news.at);
    words_unref(o.words);
    return 200;
}

enum step api_overview(struct exchange *x) {
    return desk_run(x, answer_overview);
}
