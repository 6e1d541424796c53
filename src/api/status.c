/* GET /api/health: how the process does. GET /api/drift: whether what comes is what usually comes. */
#include "api/alerts.h"
#include "api/context.h"
#include "api/desk.h"
#include "api/handlers.h"
#include "api/json_put.h"
#include "api/kind_put.h"
#include "api/params.h"
#include "data/decider.h"
#include "encoder/encoder.h"
#include "metrics/metrics.h"
#include "review/news.h"

#include "build_info.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

enum { SERVICE_LLM_INDEX = 1, HOURS_SHOWN = 24, KINDS_SHOWN = 5 };

/* ---- health ---- */

static void put_serving(struct exchange *x) {
    struct pipeline *p = api_of(x)->pipeline;
    struct buf *out = &x->out;
    struct engine *eng = pipeline_engine(p);
    buf_printf(out, "{\"serving\":{\"ready\":%s,\"workers\":%u,\"queue\":%zu,\"queue_max\":%d}", eng ? "true" : "false",
               pipeline_workers(p), pipeline_queue_depth(p), PIPELINE_QUEUE_SLICES);
    buf_puts(out, ",\"build\":\"" BUILD_COMMIT "\"");
    if (eng && eng->encoder) json_put_member(out, "kernel", span_of(encoder_kernel_name(eng->encoder)));
    if (eng && eng->head) buf_printf(out, ",\"head\":\"%016" PRIx64 "\"", head_hash(eng->head));
    engine_unref(eng);
}

static void put_decided(struct buf *out, const struct book *b, const struct news *n) {
    uint32_t hour = n->at / 3600;
    buf_puts(out, ",\"decided\":[");
    for (unsigned d = 0; d < DECIDER_COUNT; d++) {
        uint64_t sum = 0;
        for (unsigned h = 0; h < 24; h++)
            for (unsigned l = 1; l <= kinds_labels(b->kinds) && l < LABEL_MAX; l++)
                sum += totals_hour(b->totals, hour - h, l, d);
        buf_printf(out, "%s{\"by\":\"%s\",\"n\":%" PRIu64 "}", d ? "," : "", decider_name((enum decider)d), sum);
    }
    buf_puts(out, "],\"confidence\":[");
    for (unsigned i = 0; i < 10; i++) buf_printf(out, "%s%" PRIu64, i ? "," : "", n->sure[i]);
    buf_putc(out, ']');
}

static void put_llm_health(struct buf *out) {
    double calls = metrics_value(METRIC_REMOTE_CALLS, SERVICE_LLM_INDEX, 0, 0);
    bool open = metrics_value(METRIC_BREAKER_OPEN, SERVICE_LLM_INDEX, 0, 0) > 0;
    buf_printf(out, ",\"llm\":{\"breaker\":\"%s\",\"calls\":%.0f,\"cost\":%.4f,\"recalled\":%.0f}",
               open ? "open" : "closed", calls, metrics_value(METRIC_LLM_COST, 0, 0, 0),
               metrics_value(METRIC_LLM_RECALLED, 0, 0, 0));
}

static void put_memory(struct buf *out, struct book *b, const struct words *w, struct instances *in) {
    struct kinds_figures f;
    kinds_figures(b->kinds, &f);
    buf_printf(out,
               ",\"kinds\":{\"n\":%" PRIu64 ",\"max\":%" PRIu64 ",\"forgotten\":%" PRIu64
               ",\"loaded\":%s,\"written\":%u,\"failures\":%u}",
               f.kinds, f.kinds_max, f.forgotten, atomic_load(&b->loaded) ? "true" : "false",
               atomic_load(&b->written_s), atomic_load(&b->write_failures));
    buf_printf(out, ",\"corrections\":%zu,\"instances\":", words_in_force(w));
    instances_put(in, out, (uint32_t)time(NULL));
}

static unsigned answer_health(struct exchange *x) {
    struct book *b = api_of(x)->book;
    put_serving(x);
    if (b) {
        struct news n;
        struct words *w = book_words(b);
        book_news(b, &n);
        put_decided(&x->out, b, &n);
        put_memory(&x->out, b, w, &api_of(x)->instances);
        alerts_put(&x->out, &n);
        words_unref(w);
    } else {
        buf_puts(&x->out, ",\"kinds\":{\"n\":0,\"max\":0},\"alerts\":[]");
    }
    if (api_of(x)->has_llm) put_llm_health(&x->out);
    buf_putc(&x->out, '}');
    return 200;
}

enum step api_page_health(struct exchange *x) {
    return desk_run(x, answer_health);
}

/* ---- drift ---- */

static void put_sources_of_news(struct buf *out, const struct news *n) {
    buf_puts(out, ",\"sources\":[");
    for (unsigned i = 0; i < NEWS_SOURCES && n->source[i].new_1h; i++) {
        buf_puts(out, i ? ",[" : "[");
        json_put_text(out, span_of(n->source[i].name));
        buf_printf(out, ",%u]", n->source[i].new_1h);
    }
    buf_puts(out, "],\"hours\":[");
}

static void put_hours(struct buf *out, const struct book *b, const struct news *n) {
    uint32_t hour = n->at / 3600;
    for (uint32_t h = hour - HOURS_SHOWN + 1; h <= hour; h++)
        buf_printf(out, "%s{\"at\":%u,\"n\":%" PRIu64 "}", h > hour - HOURS_SHOWN + 1 ? "," : "", h * 3600,
                   totals_hour(b->totals, h, TOTALS_NEW_KINDS, 0));
    buf_putc(out, ']');
}

/* The new kinds of the last hour that have most lines: what to look at first. */
static void put_new_kinds(struct exchange *x, const struct words *w, const struct news *n) {
    struct kinds_result r;
    struct kinds_query q = KINDS_QUERY_ALL;
    struct buf *out = &x->out;
    char text[KINDS_TEXT_MAX];
    const char *before = "{\"id\":";
    q.state = KIND_NEW;
    q.sort = KINDS_BY_FIRST;
    q.limit = KINDS_SHOWN;
    kinds_query_run(api_of(x)->book, w, &q, &r);
    buf_puts(out, ",\"kinds\":[");
    for (unsigned i = 0; i < r.n; i++) {
        struct kind_view v;
        if (!kinds_find(api_of(x)->book->kinds, r.hit[i].id, &v, text) || n->at - v.first > 3600) continue;
        buf_puts(out, before);
        kind_put_id(out, v.id);
        json_put_member(out, "template", span_sub(v.text, 0, KIND_PUT_TEXT_MAX));
        buf_printf(out, ",\"lines_24h\":%u}", v.lines_24h);
        before = ",{\"id\":";
    }
    buf_putc(out, ']');
}

static void put_findings(struct buf *out, const struct book *b, const struct news *n) {
    const struct drift *d = &n->drift;
    char text[NEWS_TEXT_MAX] = "";
    for (unsigned i = 0; i < NEWS_ALARMS && !text[0]; i++) news_alarm(n, i, text);
    buf_printf(out, "{\"alarm\":%s", drift_alarm(d) ? "true" : "false");
    if (text[0]) json_put_member(out, "says", span_of(text));
    buf_printf(out, ",\"new_kinds\":{\"n\":%u,\"limit\":%.0f,\"alarm\":%s}", d->new_1h, d->new_limit,
               d->new_alarm ? "true" : "false");
    if (d->jsd >= 0)
        buf_printf(out, ",\"labels\":{\"jsd\":%.4f,\"limit\":%.4f,\"psi\":%.4f,\"alarm\":%s}", d->jsd, d->jsd_limit,
                   d->psi, d->jsd_alarm ? "true" : "false");
    if (d->undecided >= 0)
        buf_printf(out, ",\"undecided\":{\"share\":%.4f,\"median\":%.4f,\"limit\":%.4f,\"alarm\":%s}", d->undecided,
                   d->undecided_median, d->undecided_limit, d->undecided_alarm ? "true" : "false");
    buf_printf(out, ",\"unseen_share\":%.6g,\"changes\":[", n->unseen);
    for (uint32_t i = 0; i < d->changes; i++) {
        buf_puts(out, i ? ",{\"label_id\":" : "{\"label_id\":");
        json_put_text(out, span_of(kinds_label_id(b->kinds, (uint8_t)d->change[i].label)));
        buf_printf(out, ",\"factor\":%.3g}", d->change[i].factor);
    }
    buf_putc(out, ']');
}

static unsigned answer_drift(struct exchange *x) {
    struct book *b = api_of(x)->book;
    struct news n;
    if (!b) {
        exchange_refuse(x, REFUSE_ROUTE, "kinds of line are not kept (kinds-max is 0)");
        return 0;
    }
    struct words *w = book_words(b);
    news_find(b, w, &n);
    news_drift(b, &n);
    put_findings(&x->out, b, &n);
    put_sources_of_news(&x->out, &n);
    put_hours(&x->out, b, &n);
    put_new_kinds(x, w, &n);
    alerts_put_warmup(&x->out, &n);
    buf_putc(&x->out, '}');
    words_unref(w);
    return 200;
}

enum step api_drift(struct exchange *x) {
    return desk_run(x, answer_drift);
}
