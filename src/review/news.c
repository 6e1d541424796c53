#include "review/news.h"

#include "base/must.h"
#include "data/decider.h"
#include "text/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCES_LOOKED_AT = 200, HOUR_S = 3600 };

const char *const news_alarm_name[NEWS_ALARMS] = {"new_kinds", "labels", "undecided", "rising"};

/* ---- one pass over the kinds ---- */

/* New kinds by source, while they are counted: there may be more sources than are looked at. */
struct news_count {
    uint64_t hash;
    struct news_source source;
};

struct finding {
    struct book *book;
    const struct words *words;
    struct news *news;
    struct news_count count[SOURCES_LOOKED_AT];
    unsigned sources;
};

static void count_source(struct finding *f, const struct kind_view *v) {
    struct span name = span_sub(v->text, 0, v->message_at >= 2 ? v->message_at - 2U : 0);
    uint64_t hash = kinds_id_of(name);
    unsigned i = 0;
    while (i < f->sources && f->count[i].hash != hash) i++;
    if (i == SOURCES_LOOKED_AT) return;
    struct news_count *c = &f->count[i];
    if (i == f->sources) {
        f->sources++;
        c->hash = hash;
        snprintf(c->source.name, sizeof c->source.name, "%.*s",
                 (int)(name.n < NEWS_SOURCE_BYTES ? name.n : NEWS_SOURCE_BYTES - 1), name.p);
    }
    c->source.new_1h++;
}

static void look_for_news(void *self, struct kind_view *v) {
    struct finding *f = self;
    struct news *n = f->news;
    struct kind_decision d = kind_decide(f->book->kinds, f->words, v);
    bool fresh = v->state == KIND_NEW && n->at - v->first < HOUR_S;
    n->kinds++;
    n->lines_24h += v->lines_24h;
    n->lines_1h += v->lines_1h;
    n->once += v->lines_24h == 1;
    n->rising += v->state == KIND_RISING;
    n->returned += v->state == KIND_RETURNED;
    n->muted += v->state == KIND_MUTED;
    n->silent += (d.property & KINDS_SILENT) != 0;
    n->new_24h += v->state == KIND_NEW;
    n->new_1h += fresh;
    n->announced_1h += fresh && n->warm_at && v->first >= n->warm_at;
    if (v->first < n->oldest) n->oldest = v->first;
    if (fresh && v->first >= n->warm_at) count_source(f, v);
    if (d.property & KINDS_UNDECIDED) n->undecided_lines_24h += v->lines_24h;
    if (d.property & KINDS_WAITING) n->waiting++, n->waiting_lines_24h += v->lines_24h;
    if (d.word) n->words_lines_24h += v->lines_24h;
    if (v->stage == DECIDER_BERT && v->p1 >= 5000) n->sure[v->p1 < 10000 ? (v->p1 - 5000) / 500 : 9] += v->lines_24h;
}

static int by_new_kinds(const void *a, const void *b) {
    const struct news_count *p = a, *q = b;
    return (p->source.new_1h < q->source.new_1h) - (p->source.new_1h > q->source.new_1h);
}

/* Those that began to rise lately, by what they were when they began: later their own lines are among the busiest. */
static void find_risers(struct book *b, struct news *n) {
    struct kinds_rise rise[KINDS_RISES_MAX];
    unsigned rises = kinds_rises(b->kinds, rise);
    struct kind_view v;
    char text[KINDS_TEXT_MAX];
    for (unsigned i = 0; i < rises; i++) {
        if (n->at - rise[i].at >= NEWS_RISING_S || !kinds_find(b->kinds, rise[i].id, &v, text)) continue;
        if (v.state != KIND_RISING) continue; /* somebody has seen to it */
        uint32_t lines = v.lines_1h > rise[i].lines ? v.lines_1h : rise[i].lines;
        n->risers++;
        if (lines <= n->riser.lines) continue;
        n->riser = (struct news_riser){.id = v.id, .lines = lines, .busiest = rise[i].busiest};
        struct span shown = utf8_cut(v.text, NEWS_RISER_BYTES - 1);
        memcpy(n->riser.text, shown.p, shown.n);
    }
}

/* Good 1953: the share of lines that belong to kinds seen once estimates the chance of an unseen one. */
void news_find(struct book *b, const struct words *w, struct news *n) {
    struct finding *f = must_calloc(1, sizeof *f);
    f->book = b, f->words = w, f->news = n;
    memset(n, 0, sizeof *n);
    pthread_mutex_lock(&b->lock);
    n->warm_at = b->news ? b->news->warm_at : 0;
    pthread_mutex_unlock(&b->lock);
    n->at = n->oldest = kinds_now(b->kinds);
    kinds_each(b->kinds, look_for_news, f);
    n->unseen = n->lines_24h ? (double)n->once / (double)n->lines_24h : 1;
    qsort(f->count, f->sources, sizeof f->count[0], by_new_kinds);
    for (unsigned i = 0; i < f->sources && i < NEWS_SOURCES; i++) n->source[i] = f->count[i].source;
    free(f);
    find_risers(b, n);
}

/* ---- hours ---- */

static void fill_hour(const struct book *b, uint32_t at, struct drift_hour *h) {
    unsigned labels = kinds_labels(b->kinds);
    h->new_kinds = (uint32_t)totals_hour(b->totals, at, TOTALS_NEW_KINDS, 0);
    for (unsigned l = 1; l <= labels && l < LABEL_MAX; l++)
        for (unsigned d = 0; d < DECIDER_COUNT; d++) {
            uint32_t n = (uint32_t)totals_hour(b->totals, at, l, d);
            h->label[l] += n;
            h->lines += n;
            if (d == DECIDER_FALLBACK) h->undecided += n;
        }
}

void news_drift(struct book *b, struct news *n) {
    struct drift_hour *hour = must_calloc(DRIFT_HOURS, sizeof *hour);
    uint32_t now = n->at / HOUR_S;
    for (uint32_t i = 0; i < DRIFT_HOURS; i++) fill_hour(b, now - (DRIFT_HOURS - 1 - i), &hour[i]);
    struct drift_now what = {.new_1h = (uint32_t)n->announced_1h,
                             .unseen = n->unseen,
                             .lines_24h = n->lines_24h,
                             .age_s = n->at - n->oldest,
                             .warm_s = n->warm_at ? n->at - n->warm_at + 1 : 0};
    drift_find(hour, &what, &n->drift);
    if (n->drift.warm && !n->warm_at) n->warm_at = what.age_s >= DRIFT_WARM_S ? n->oldest + DRIFT_WARM_S : n->at;
    free(hour);
}

/* ---- sentences ---- */

void news_alarm(const struct news *n, unsigned which, char text[NEWS_TEXT_MAX]) {
    const struct drift *d = &n->drift;
    text[0] = '\0';
    if (which == 0 && d->new_alarm)
        snprintf(text, NEWS_TEXT_MAX, "%u new kinds of line in an hour, where up to %.0f are usual; most from %s",
                 d->new_1h, d->new_limit, n->source[0].name[0] ? n->source[0].name : "lines without a source");
    if (which == 1 && d->jsd_alarm)
        snprintf(text, NEWS_TEXT_MAX,
                 "the mix of labels is another than in the last week: divergence %.3f, usual is up to %.3f", d->jsd,
                 d->jsd_limit);
    if (which == 3 && n->risers > 0)
        snprintf(text, NEWS_TEXT_MAX, "%u lines in an hour, where the busiest of the week before had %u: %s%s",
                 n->riser.lines, n->riser.busiest, n->riser.text, n->risers > 1 ? ", and others" : "");
    if (which == 2 && d->undecided_alarm)
        snprintf(text, NEWS_TEXT_MAX, "%.1f %% of the lines are undecided, where up to %.1f %% are usual",
                 100 * d->undecided, 100 * d->undecided_limit);
}
