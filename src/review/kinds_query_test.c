/* Looking through the inventory: the quick way finds what the plain one does, page by page. */
#include "review/kinds_query.h"

#include "base/check.h"
#include "base/must.h"
#include "data/decider.h"
#include "review/kinds_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { T0 = 1790000000, MAX = 4000, MANY = 12000 };

static uint32_t g_seed = 5;

static uint32_t kind_draw(uint32_t below) {
    g_seed = g_seed * 1664525 + 1013904223;
    return (g_seed >> 8) % below;
}

/* More kinds than fit, so that some are dropped and texts are put elsewhere; long ones and short ones. */
static void fill(struct kinds *k) {
    static const char *const WORD[] = {"Timeout", "disk", "of", "User", "FAILED", "a", "queue", "[x]", "refused"};
    static const char *const LABEL[] = {"INFO", "BACKUP", "UNCLASSIFIED"};
    for (unsigned i = 0; i < MANY; i++) {
        char text[400];
        size_t n = (size_t)snprintf(text, sizeof text, "%s: ", i % 3 ? "app" : "web");
        for (unsigned words = 1 + kind_draw(20); words > 0; words--)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s ", WORD[kind_draw(9)]);
        n += (size_t)snprintf(text + n, sizeof text - n, "%u", i);
        struct kinds_sight s = {.text = {text, n}, .message_at = 5, .lines = 1 + kind_draw(50), .decided = true};
        s.stage = (uint8_t)kind_draw(DECIDER_COUNT);
        s.label = kinds_label(k, span_of(LABEL[kind_draw(3)]));
        s.best = s.label, s.second = kinds_label(k, SPAN_LIT("INFO")), s.p1 = (uint16_t)kind_draw(10000),
        s.p2 = s.p1 / 2;
        kinds_see(k, &s);
        if (i % 100 == 0) kinds_tick(k, T0 + i), kinds_sweep_begin(k), kinds_sweep_end(k);
    }
}

/* ---- the plain way: all that match, sorted ---- */

struct plainly {
    const struct kinds *k;
    const struct kinds_query *q;
    struct kinds_hit *hit;
    uint64_t n, lines;
};

static bool holds_plainly(struct span text, struct span part) {
    if (part.n == 0) return true;
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (strncasecmp(text.p + i, part.p, part.n) == 0) return true;
    return false;
}

static double key_plainly(enum kinds_sort sort, const struct kind_view *v) {
    double p1 = v->p1 / 1e4, p2 = v->p2 / 1e4, weight = v->state == KIND_NEW ? 1.5 : 1;
    if (sort == KINDS_BY_LAST) return v->last;
    if (sort == KINDS_BY_FIRST) return v->first;
    if (sort == KINDS_BY_UNSURE) return -p1;
    if (sort == KINDS_BY_RISE) return v->lines_1h / (1 + (v->lines_24h - v->lines_1h) / 23.0);
    return sort == KINDS_BY_SETTLES ? v->lines_24h * (1 - p1 + p2) * weight : v->lines_24h;
}

static void take_plainly(void *self, struct kind_view *v) {
    struct plainly *p = self;
    const struct kinds_query *q = p->q;
    struct span source = {v->text.p, v->message_at - 2U};
    unsigned property = kind_decide(p->k, NULL, v).property;
    if (q->state >= 0 && (int)v->state != q->state) return;
    if ((property & q->property) != q->property || (q->stage >= 0 && v->stage != q->stage)) return;
    if (q->label && strcmp(kinds_label_id(p->k, v->label), q->label) != 0) return;
    if (v->last < q->seen_s || (q->family && q->family != v->family)) return;
    if (q->source.n > 0 && !span_eq(q->source, source)) return;
    if (!holds_plainly(v->text, q->text) || (q->matches && !q->matches(q->self, v->text))) return;
    p->hit[p->n++] = (struct kinds_hit){v->id, key_plainly(q->sort, v)};
    p->lines += v->lines_24h;
}

static int by_key_and_id(const void *a, const void *b) {
    const struct kinds_hit *x = a, *y = b;
    if (x->key > y->key || x->key < y->key) return x->key > y->key ? -1 : 1;
    return x->id > y->id ? -1 : x->id < y->id;
}

/* All pages of the quick way against it. Returns how many there are. */
static uint64_t same_both_ways(struct book *b, struct kinds_query q) {
    struct kinds_result *r = must_calloc(1, sizeof *r);
    struct plainly p = {b->kinds, &q, must_calloc(2 * MAX, sizeof *p.hit), 0, 0};
    uint64_t at = 0, wrong = 0;
    kinds_each(b->kinds, take_plainly, &p);
    qsort(p.hit, p.n, sizeof *p.hit, by_key_and_id);
    do {
        kinds_query_run(b, NULL, &q, r);
        CHECK(r->total == p.n && r->lines == p.lines);
        for (unsigned i = 0; i < r->n; i++, at++) wrong += at >= p.n || r->hit[i].id != p.hit[at].id;
        q.goes_on = true;
        if (r->n > 0) q.after_key = r->hit[r->n - 1].key, q.after_id = r->hit[r->n - 1].id;
    } while (r->n == q.limit);
    CHECK_INT(wrong, 0);
    CHECK_INT(at, p.n);
    free(p.hit);
    free(r);
    return p.n;
}

static bool ends_in_seven(void *self, struct span text) {
    (void)self;
    return text.p[text.n - 1] == '7';
}

static void the_quick_way_finds_what_the_plain_one_does(void) {
    static const char *const TEXT[] = {
        "", "timeout", "failed a", "[x] ", "7", "app: d", "no such text at all", "queue queue"};
    struct book b;
    struct kinds_query q = KINDS_QUERY_ALL;
    uint64_t found = 0;
    book_init(&b);
    book_open(&b, &(struct kinds_opts){.max = MAX});
    kinds_tick(b.kinds, T0);
    fill(b.kinds);
    for (unsigned i = 0; i < 8; i++)
        for (q.sort = 0; q.sort < KINDS_SORTS; q.sort++) {
            q.text = span_of(TEXT[i]);
            q.limit = 1 + kind_draw(KINDS_QUERY_MAX);
            found += same_both_ways(&b, q);
        }
    CHECK(found > MAX);
    q = KINDS_QUERY_ALL, q.text = SPAN_LIT("disk"), q.label = "BACKUP", q.seen_s = T0 + MANY / 2;
    CHECK(same_both_ways(&b, q) > 0);
    q = KINDS_QUERY_ALL, q.source = SPAN_LIT("web"), q.stage = DECIDER_BERT, q.property = KINDS_UNSURE;
    CHECK(same_both_ways(&b, q) > 0);
    q = KINDS_QUERY_ALL, q.matches = ends_in_seven, q.state = KIND_NEW, q.text = SPAN_LIT("of");
    CHECK(same_both_ways(&b, q) > 0);
    q = KINDS_QUERY_ALL, q.state = KIND_MUTED;
    CHECK_INT(same_both_ways(&b, q), 0);
    book_release(&b);
}

/* Texts of kinds that were dropped don't pile up, and those that stay are what they were. */
static void texts_of_what_is_dropped_do_not_pile_up(void) {
    enum { KEPT = 50 };
    struct kinds *k = kinds_open(&(struct kinds_opts){.max = 64 * 20});
    char text[2000], copy[KINDS_TEXT_MAX];
    size_t bytes = 0;
    kinds_tick(k, T0);
    memset(text, 'x', sizeof text);
    for (unsigned i = 0; i < 20000; i++) {
        size_t n = 1000 + (size_t)snprintf(text + 1000, 100, "%u", i);
        kinds_see(k, &(struct kinds_sight){.text = {text, n}, .lines = 1});
        if (i < KEPT) kinds_keep(k, kinds_id_of((struct span){text, n}), true);
        if (i % 200 == 0) kinds_sweep_begin(k), kinds_sweep_end(k);
    }
    for (unsigned i = 0; i < KINDS_SHARDS; i++) bytes += (size_t)k->shard[i].texts.room << 16;
    CHECK(bytes < (size_t)64 * (20 * 2000 + (4 << 16)));
    for (unsigned i = 0; i < KEPT; i++) {
        struct kind_view v;
        size_t n = 1000 + (size_t)snprintf(text + 1000, 100, "%u", i);
        CHECK(kinds_find(k, kinds_id_of((struct span){text, n}), &v, copy) && span_eq(v.text, (struct span){text, n}));
    }
    kinds_close(k);
}

CHECK_MAIN(CHECK_TEST(the_quick_way_finds_what_the_plain_one_does), CHECK_TEST(texts_of_what_is_dropped_do_not_pile_up))
