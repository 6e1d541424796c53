#include "review/kinds_query.h"

#include "data/decider.h"

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

static unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* From `from` on, the first place of either case of a small letter; NULL: there is none. */
static const char *find_letter(const char *from, size_t n, char small) {
    char large = (char)(small >= 'a' && small <= 'z' ? small - 'a' + 'A' : small);
    const char *a = memchr(from, small, n), *b = memchr(from, large, a ? (size_t)(a - from) : n);
    return b ? b : a;
}

/* ASCII letters of both cases are one. part is in small letters. */
static bool holds_text(struct span text, struct span part) {
    const char *end = text.p + text.n;
    for (const char *p = text.p; (size_t)(end - p) >= part.n; p++) {
        if (!(p = find_letter(p, (size_t)(end - p) - part.n + 1, part.p[0]))) return false;
        size_t n = 1;
        while (n < part.n && lower(p[n]) == (unsigned char)part.p[n]) n++;
        if (n == part.n) return true;
    }
    return false;
}

static struct span kinds_source_of(const struct kind_view *v) {
    return span_sub(v->text, 0, v->message_at >= 2 ? v->message_at - 2U : 0);
}

static bool query_takes(const struct kinds_query *q, const struct kind_view *v, const struct kind_decision *d) {
    if (q->state >= 0 && v->state != (enum kind_state)q->state) return false;
    if ((d->property & q->property) != q->property) return false;
    if (q->label && strcmp(d->label, q->label) != 0) return false;
    if (q->by_person && !d->word) return false;
    if (q->stage >= 0 && (d->word || v->stage != q->stage)) return false;
    if (v->last < q->seen_s) return false;
    if (q->family && v->family != q->family) return false;
    if (q->source.n > 0 && !span_eq(kinds_source_of(v), q->source)) return false;
    if (q->text.n > 0 && !holds_text(v->text, q->text)) return false;
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
    const struct kinds *kinds;
    const struct words *words;
    const struct kinds_query *q;
    struct kinds_result *r;
};

static void look_at_kind(void *self, struct kind_view *v) {
    struct querying *g = self;
    struct kind_decision d = kind_decide(g->kinds, g->words, v);
    if (!query_takes(g->q, v, &d)) return;
    g->r->total++;
    g->r->lines += v->lines_24h;
    struct kinds_hit h = {v->id, sort_key(g->q, v)}, after = {g->q->after_id, g->q->after_key};
    if (!g->q->goes_on || comes_before(&after, &h)) take_hit(g->r, g->q->limit, &h);
}

void kinds_query_run(struct book *b, const struct words *w, const struct kinds_query *q, struct kinds_result *r) {
    struct querying g = {b->kinds, w, q, r};
    r->n = 0;
    r->total = r->lines = 0;
    kinds_each(b->kinds, look_at_kind, &g);
    sort_hits(r);
}

/* ---- families ---- */

struct counting_families {
    const uint64_t *family;
    uint32_t *kinds;
    uint16_t slot[4 * KINDS_QUERY_MAX]; /* index + 1 by family; open addressing, 0: free */
};

static uint16_t *family_slot(struct counting_families *c, uint64_t family) {
    enum { SLOTS = sizeof c->slot / sizeof c->slot[0] };
    uint32_t at = (uint32_t)(family % SLOTS);
    while (c->slot[at] && c->family[c->slot[at] - 1] != family) at = (at + 1) % SLOTS;
    return &c->slot[at];
}

static void count_family(void *self, struct kind_view *v) {
    struct counting_families *c = self;
    uint16_t at = *family_slot(c, v->family);
    if (at) c->kinds[at - 1]++;
}

void kinds_count_families(struct kinds *k, const uint64_t *family, unsigned n, uint32_t *kinds) {
    struct counting_families c = {.family = family, .kinds = kinds};
    for (unsigned i = 0; i < n; i++) {
        uint16_t *slot = family_slot(&c, family[i]);
        if (!*slot) *slot = (uint16_t)(i + 1);
        kinds[i] = 0;
    }
    kinds_each(k, count_family, &c);
    for (unsigned i = 0; i < n; i++) kinds[i] = kinds[*family_slot(&c, family[i]) - 1];
}
