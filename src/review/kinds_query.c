#include "review/kinds_query.h"

#include "data/decider.h"
#include "review/kinds_internal.h"
#include "text/find_text.h"

#include <math.h>
#include <string.h>

enum { SURE = 7000, CLOSE = 1500 }; /* in 1/10,000 */

static const char *const SORT_NAMES[KINDS_SORTS] = {"lines", "last", "first", "unsure", "rise", "settles"};

const char *kinds_sort_name(enum kinds_sort s) {
    return SORT_NAMES[s];
}

int kinds_sort_find(struct span name) {
    for (int i = 0; i < KINDS_SORTS; i++)
        if (span_eq(name, span_of(SORT_NAMES[i]))) return i;
    return -1;
}

int kinds_property_find(struct span name) {
    static const struct {
        const char *name;
        int bit;
    } NAMES[] = {{"undecided", KINDS_UNDECIDED},
                 {"unsure", KINDS_UNSURE},
                 {"corrected", KINDS_CORRECTED},
                 {"waiting", KINDS_WAITING},
                 {"silent", KINDS_SILENT}};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (span_eq(name, span_of(NAMES[i].name))) return NAMES[i].bit;
    return 0;
}

struct kind_decision kind_decide(const struct kinds *k, const struct words *w, const struct kind_view *v) {
    struct words_about a = words_about(w, v->id, v->family);
    struct kind_decision d = {.label = kinds_label_id(k, v->label), .word = a.label, .rev = a.rev};
    if (v->silent && v->state != KIND_MUTED) d.property = KINDS_SILENT;
    if (a.label) {
        d.label = a.label->label;
        d.property |= KINDS_CORRECTED;
        return d;
    }
    bool undecided = v->stage == DECIDER_FALLBACK || d.label[0] == '\0';
    if (undecided) d.property |= KINDS_UNDECIDED | (v->state != KIND_MUTED ? KINDS_WAITING : 0);
    if (v->stage == DECIDER_BERT && v->p1 > 0 && (v->p1 < SURE || v->p1 - v->p2 < CLOSE)) d.property |= KINDS_UNSURE;
    return d;
}

/* ---- matching ---- */

static struct span kinds_source_of(const struct kind_view *v) {
    return span_sub(v->text, 0, v->message_at >= 2 ? v->message_at - 2U : 0);
}

/* What a kind's own row tells, before its text is touched. */
static bool query_may_take(const struct kinds_query *q, const struct kind *c, uint64_t family) {
    if (!c->text || (q->state >= 0 && c->state != q->state)) return false;
    return c->last >= q->seen_s && (!q->family || family == q->family);
}

/* Whether what a kind comes to is asked for at all: a search is quicker without. */
static bool query_decides(const struct kinds_query *q) {
    return q->property || q->label || q->by_person || q->stage >= 0;
}

static bool decision_fits(const struct kinds_query *q, const struct kind_view *v, const struct kind_decision *d) {
    if ((d->property & q->property) != q->property) return false;
    if (q->label && strcmp(d->label, q->label) != 0) return false;
    if (q->by_person && !d->word) return false;
    return q->stage < 0 || (!d->word && v->stage == q->stage);
}

static bool text_fits(const struct kinds_query *q, const struct kind_view *v) {
    if (q->source.n > 0 && !span_eq(kinds_source_of(v), q->source)) return false;
    if (q->text.n > 0 && !find_text(v->text, q->text)) return false;
    return !q->matches || q->matches(q->self, v->text);
}

/* ---- the best of them ---- */

static double sort_key(const struct kinds_query *q, const struct kind_view *v) {
    double p1 = v->p1 / 1e4, p2 = v->p2 / 1e4, weight = v->state == KIND_RISING ? 2 : v->state == KIND_NEW ? 1.5 : 1;
    switch (q->sort) {
    case KINDS_BY_LAST: return v->last;
    case KINDS_BY_FIRST: return v->first;
    case KINDS_BY_UNSURE: return -p1;
    case KINDS_BY_RISE: return v->lines_1h / (1 + (v->lines_24h - v->lines_1h) / 23.0);
    case KINDS_BY_SETTLES: return v->lines_24h * (1 - p1 + p2) * weight;
    case KINDS_BY_LINES:
    case KINDS_SORTS: break;
    }
    return v->lines_24h;
}

/* Whether a comes before b. */
static bool comes_before(const struct kinds_hit *a, const struct kinds_hit *b) {
    return a->key > b->key || (!(a->key < b->key) && a->id > b->id);
}

/* A heap whose first is the last that is still on the page. */
static void sift_down(struct kinds_hit *h, unsigned n, unsigned at) {
    for (;;) {
        unsigned worst = at, left = 2 * at + 1;
        for (unsigned c = left; c < left + 2 && c < n; c++)
            if (comes_before(&h[worst], &h[c])) worst = c;
        if (worst == at) return;
        struct kinds_hit swap = h[at];
        h[at] = h[worst], h[worst] = swap;
        at = worst;
    }
}

static void sift_up(struct kinds_hit *h, unsigned at) {
    while (at > 0 && comes_before(&h[(at - 1) / 2], &h[at])) {
        struct kinds_hit swap = h[at];
        h[at] = h[(at - 1) / 2], h[(at - 1) / 2] = swap;
        at = (at - 1) / 2;
    }
}

static void take_hit(struct kinds_result *r, unsigned limit, const struct kinds_hit *h) {
    if (r->n < limit) {
        r->hit[r->n] = *h;
        sift_up(r->hit, r->n++);
    } else if (comes_before(h, &r->hit[0])) {
        r->hit[0] = *h;
        sift_down(r->hit, r->n, 0);
    }
}

static void sort_hits(struct kinds_result *r) {
    for (unsigned n = r->n; n > 1; n--) {
        struct kinds_hit last = r->hit[0];
        r->hit[0] = r->hit[n - 1], r->hit[n - 1] = last;
        sift_down(r->hit, n - 1, 0);
    }
}

struct querying {
    struct kinds *kinds;
    const struct words *words;
    const struct kinds_query *q;
    struct kinds_result *r;
};

static void look_at_kind(const struct querying *g, const struct kind_view *v) {
    if (query_decides(g->q)) {
        struct kind_decision d = kind_decide(g->kinds, g->words, v);
        if (!decision_fits(g->q, v, &d)) return;
    }
    if (!text_fits(g->q, v)) return;
    g->r->total++;
    g->r->lines += v->lines_24h;
    struct kinds_hit h = {v->id, sort_key(g->q, v)}, after = {g->q->after_id, g->q->after_key};
    if (!g->q->goes_on || comes_before(&after, &h)) take_hit(g->r, g->q->limit, &h);
}

/* Texts lie all over the memory: those of a few kinds are sent for together, and are there when it is their turn. */
static void query_shard(const struct querying *g, uint32_t shard) {
    enum { AHEAD = 32, CACHE_LINE = 64 };
    struct kinds_shard *sh = &g->kinds->shard[shard];
    bool reads = g->q->text.n > 0 || g->q->source.n > 0 || g->q->matches;
    struct kind_view v = {0};
    uint32_t slot[AHEAD];
    pthread_mutex_lock(&sh->lock);
    for (uint32_t i = 0; i < sh->top;) {
        unsigned n = 0;
        for (; i < sh->top && n < AHEAD; i++) {
            if (!query_may_take(g->q, &sh->kind[i], sh->family[i])) continue;
            slot[n++] = i;
            for (unsigned at = 0; reads && at < sh->kind[i].text_n && at < 2 * CACHE_LINE; at += CACHE_LINE)
                __builtin_prefetch(sh->kind[i].text + at);
        }
        for (unsigned j = 0; j < n; j++) {
            kinds_view(g->kinds, shard, slot[j], &v);
            look_at_kind(g, &v);
        }
    }
    pthread_mutex_unlock(&sh->lock);
}

void kinds_query_run(struct book *b, const struct words *w, const struct kinds_query *q, struct kinds_result *r) {
    struct querying g = {b->kinds, w, q, r};
    r->n = 0;
    r->total = r->lines = 0;
    for (uint32_t s = 0; s < KINDS_SHARDS; s++) query_shard(&g, s);
    sort_hits(r);
}
