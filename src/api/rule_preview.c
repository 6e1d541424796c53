#include "api/rule_preview.h"

#include "api/context.h"
#include "api/json_put.h"
#include "api/kind_put.h"
#include "api/params.h"
#include "base/clock.h"
#include "base/must.h"
#include "rules/rule_sample.h"

#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>

enum {
    PREVIEW_LINES_MAX = 200,  /* pasted */
    PREVIEW_HITS_MAX = 20000, /* kinds that match; more are counted as tested, and said to be more */
    PREVIEW_ITEMS = 50,       /* shown, those with most lines */
    PREVIEW_AGAINST = 20,
    PREVIEW_RULES_MAX = 64, /* rules that it hides or is hidden by */
    PREVIEW_BYTES_MAX = 4 << 20,
};

/* A kind that the rule matches. */
struct preview_hit {
    uint64_t id;
    uint32_t lines; /* of 24 hours */
};

/* The candidate alone, compiled, and what it was tried on so far. */
struct preview {
    struct rules *rule;
    struct rules_scratch *scratch, *present; /* present: of the rules in force */
    const struct rule_now *now;
    const struct rule_draft *draft;
    unsigned before; /* rules in force that come before it */
    struct book *book;
    struct words *words;
    struct buf sample;
    uint32_t *number; /* [numbers] of kinds of which an example matches, sorted */
    size_t numbers, numbers_cap;
    struct preview_hit *hit; /* [hits] */
    size_t hits, hits_cap;
    uint64_t kinds, lines;
    bool more;
};

struct rule_draft rule_preview_draft(const struct ask *f) {
    return (struct rule_draft){.name = ask_text(f, "name"),
                               .label = ask_text(f, "label_id"),
                               .pattern = ask_text(f, "pattern"),
                               .source = ask_text(f, "source"),
                               .confidence = ask_number(f, "confidence", 0.95),
                               .replaces = ask_text(f, "replaces")};
}

uint64_t rule_preview_hash(const struct rule_draft *d, uint64_t revision) {
    const struct span part[] = {d->name, d->label, d->pattern, d->source, d->replaces};
    uint64_t hash = XXH3_64bits_withSeed(&d->confidence, sizeof d->confidence, revision);
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        hash = XXH3_64bits_withSeed(&part[i].n, sizeof part[i].n, hash);
        hash = XXH3_64bits_withSeed(part[i].n ? part[i].p : "", part[i].n, hash);
    }
    return hash;
}

/* ---- open ---- */

static bool preview_open(struct preview *p, struct exchange *x, const struct rule_draft *d, const struct rule_now *now,
                         struct err *e) {
    struct buf text;
    *p = (struct preview){.now = now, .draft = d, .book = api_of(x)->book, .before = page_rules_before(now->text, d)};
    buf_init(&p->sample, PREVIEW_BYTES_MAX);
    buf_init(&text, PAGE_RULES_BYTES_MAX);
    bool ok = page_rules_with((struct span){0}, d, &now->eng->labels, &text, e) &&
              (p->rule = rules_open_text(buf_span(&text), "rule", &now->eng->labels, e)) != NULL &&
              (p->scratch = rules_scratch_open(p->rule, e)) != NULL;
    if (ok && now->eng->rules) ok = (p->present = rules_scratch_open(now->eng->rules, e)) != NULL;
    if (p->book) p->words = book_words(p->book);
    buf_release(&text);
    return ok;
}

static void preview_close(struct preview *p) {
    rules_scratch_close(p->scratch);
    rules_scratch_close(p->present);
    rules_close(p->rule);
    words_unref(p->words);
    buf_release(&p->sample);
    free(p->number);
    free(p->hit);
}

/* ---- what it matches ---- */

static void *preview_grow(void *p, size_t n, size_t *cap, size_t size) {
    if (n < *cap) return p;
    *cap = *cap ? 2 * *cap : 256;
    void *more = realloc(p, *cap * size);
    MUST_MEMORY(more);
    return more;
}

static void try_example(void *self, const struct example *e) {
    struct preview *p = self;
    struct record rec = {e->source, e->line};
    p->lines++;
    if (p->numbers >= PREVIEW_HITS_MAX || rules_match(p->rule, p->scratch, &rec, NULL) < 0) return;
    p->number = preview_grow(p->number, p->numbers, &p->numbers_cap, sizeof p->number[0]);
    p->number[p->numbers++] = e->kind;
}

/* A kind as a line: its source, and its message with values in place of the placeholders. */
static struct record sample_of(struct preview *p, const struct kind_view *v) {
    struct span source = span_sub(v->text, 0, v->message_at > 2 ? v->message_at - 2u : 0);
    buf_reset(&p->sample);
    rule_sample(span_sub(v->text, v->message_at, v->text.n), &p->sample);
    return (struct record){source, buf_span(&p->sample)};
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void try_kind(void *self, struct kind_view *v) {
    struct preview *p = self;
    struct record rec = sample_of(p, v);
    p->kinds++;
    bool known = p->numbers && bsearch(&v->number, p->number, p->numbers, sizeof p->number[0], by_number);
    if (!known && rules_match(p->rule, p->scratch, &rec, NULL) < 0) return;
    p->more = p->more || p->hits == PREVIEW_HITS_MAX;
    if (p->hits == PREVIEW_HITS_MAX) return;
    p->hit = preview_grow(p->hit, p->hits, &p->hits_cap, sizeof p->hit[0]);
    p->hit[p->hits++] = (struct preview_hit){v->id, v->lines_24h};
}

static int by_hit_lines(const void *a, const void *b) {
    const struct preview_hit *x = a, *y = b;
    return (y->lines > x->lines) - (y->lines < x->lines);
}

static void try_all(struct preview *p) {
    if (!p->book || !p->book->kinds) return;
    if (p->book->examples) examples_each(p->book->examples, try_example, p);
    if (p->numbers) qsort(p->number, p->numbers, sizeof p->number[0], by_number);
    kinds_each(p->book->kinds, try_kind, p);
    if (p->hits) qsort(p->hit, p->hits, sizeof p->hit[0], by_hit_lines);
}

/* ---- what that comes to ---- */

/* Kinds and lines that go from one label, or belong to another rule. */
struct preview_sum {
    const char *name;
    uint64_t kinds, lines;
};

struct preview_sums {
    struct preview_sum row[PREVIEW_RULES_MAX];
    unsigned n;
};

static void sum_up(struct preview_sums *s, const char *name, uint32_t lines) {
    unsigned i = 0;
    while (i < s->n && strcmp(s->row[i].name, name) != 0) i++;
    if (i == PREVIEW_RULES_MAX) return;
    if (i == s->n) s->row[s->n++] = (struct preview_sum){.name = name};
    s->row[i].kinds++;
    s->row[i].lines += lines;
}

/* What the hits come to, as JSON of each part. */
struct preview_sorted {
    struct preview_sums changes, shadowed_by, shadows;
    struct buf items, against;
    unsigned items_n, against_n;
};

static void put_item(struct preview *p, struct preview_sorted *s, const struct kind_view *v, const char *from) {
    struct rules_match where = {0, 0};
    struct record rec = sample_of(p, v);
    bool exact = rules_match(p->rule, p->scratch, &rec, &where) >= 0; /* else only an example of it matches */
    if (s->items_n++ >= PREVIEW_ITEMS) return;
    buf_puts(&s->items, s->items_n > 1 ? ",{\"id\":" : "{\"id\":");
    kind_put_id(&s->items, v->id);
    json_put_member(&s->items, "example", exact ? rec.message : span_sub(v->text, v->message_at, v->text.n));
    json_put_member(&s->items, "from", span_of(from));
    if (exact) buf_printf(&s->items, ",\"span\":[%u,%u]", where.from, where.to);
    buf_printf(&s->items, ",\"lines_24h\":%u}", v->lines_24h);
}

static void put_against(struct preview_sorted *s, const struct kind_view *v, const struct correction *word) {
    if (s->against_n++ >= PREVIEW_AGAINST) return;
    buf_puts(&s->against, s->against_n > 1 ? ",{\"id\":" : "{\"id\":");
    kind_put_id(&s->against, v->id);
    json_put_member(&s->against, "label_id", span_of(word->label));
    json_put_member(&s->against, "by", word->by);
    json_put_member(&s->against, "template", v->text);
    buf_putc(&s->against, '}');
}

/* A rule in force that decides the kind now: one before ours hides it, one behind it is hidden. True: ours decides.
 * *label: what the kind is now, also where its last line came before that rule. */
static bool meet_rules(struct preview *p, struct preview_sorted *s, const struct kind_view *v, const char **label) {
    const struct rules *r = p->now->eng->rules;
    struct record rec = sample_of(p, v);
    int i = r ? rules_match(r, p->present, &rec, NULL) : -1;
    if (i < 0) return true;
    const struct rule *other = rules_get(r, (size_t)i);
    *label = p->now->eng->labels.label[other->label].id;
    struct span replaced = p->draft->replaces.n > 0 ? p->draft->replaces : p->draft->name;
    bool first = (unsigned)i < p->before, same = (unsigned)i == p->before && span_eq(span_of(other->name), replaced);
    if (!same) sum_up(first ? &s->shadowed_by : &s->shadows, other->name, v->lines_24h);
    return !first;
}

static void sort_hit(struct preview *p, struct preview_sorted *s, uint64_t id) {
    struct kind_view v;
    char text[KINDS_TEXT_MAX];
    if (!kinds_find(p->book->kinds, id, &v, text)) return;
    struct kind_decision d = kind_decide(p->book->kinds, p->words, &v);
    if (d.word) { /* what a person said stays */
        if (!span_eq(span_of(d.label), p->draft->label)) put_against(s, &v, d.word);
    } else if (meet_rules(p, s, &v, &d.label) && !span_eq(span_of(d.label), p->draft->label)) {
        sum_up(&s->changes, d.label, v.lines_24h);
        put_item(p, s, &v, d.label);
    }
}

/* ---- the answer ---- */

static void put_changes(struct buf *out, const struct preview_sums *s, struct span to) {
    buf_puts(out, ",\"changes\":[");
    for (unsigned i = 0; i < s->n; i++) {
        buf_puts(out, i ? ",{\"from\":" : "{\"from\":");
        json_put_text(out, span_of(s->row[i].name));
        json_put_member(out, "to", to);
        buf_printf(out, ",\"kinds\":%" PRIu64 ",\"lines_24h\":%" PRIu64 "}", s->row[i].kinds, s->row[i].lines);
    }
    buf_putc(out, ']');
}

static void put_sums(struct buf *out, const char *name, const struct preview_sums *s) {
    buf_printf(out, ",\"%s\":[", name);
    for (unsigned i = 0; i < s->n; i++) {
        buf_puts(out, i ? ",[" : "[");
        json_put_text(out, span_of(s->row[i].name));
        buf_printf(out, ",%" PRIu64 "]", s->row[i].lines);
    }
    buf_putc(out, ']');
}

/* The kinds that somebody chose, of which the rule matches no line. */
static void put_missed(struct buf *out, const struct preview *p, const struct ask *f) {
    struct span chosen[ASK_LIST_MAX];
    size_t n = ask_texts(f, "ids", chosen), missed = 0;
    buf_puts(out, ",\"missed\":[");
    for (size_t i = 0; i < n; i++) {
        uint64_t id;
        size_t k = 0;
        if (!params_id(chosen[i], &id)) continue;
        while (k < p->hits && p->hit[k].id != id) k++;
        if (k < p->hits) continue;
        if (missed++) buf_putc(out, ',');
        kind_put_id(out, id);
    }
    buf_putc(out, ']');
}

/* Lines that somebody pasted: which match, and where. */
static void put_pasted(struct buf *out, struct preview *p, const struct ask *f) {
    struct span line[ASK_LIST_MAX];
    size_t n = ask_texts(f, "lines", line), matched = 0;
    buf_puts(out, ",\"pasted\":[");
    for (size_t i = 0; i < n && i < PREVIEW_LINES_MAX; i++) {
        struct rules_match where;
        struct record rec = {ask_text(f, "line_source"), line[i]};
        p->lines++;
        if (rules_match(p->rule, p->scratch, &rec, &where) < 0) continue;
        buf_puts(out, matched++ ? ",{\"example\":" : "{\"example\":");
        json_put_text(out, line[i]);
        buf_printf(out, ",\"span\":[%u,%u]}", where.from, where.to);
    }
    buf_putc(out, ']');
}

static void put_preview(struct exchange *x, struct preview *p, const struct ask *f, uint64_t begun_ns) {
    struct preview_sorted *s = must_calloc(1, sizeof *s);
    struct buf *out = &x->out;
    buf_init(&s->items, PREVIEW_BYTES_MAX), buf_init(&s->against, PREVIEW_BYTES_MAX);
    for (size_t i = 0; i < p->hits; i++) sort_hit(p, s, p->hit[i].id);
    buf_printf(out, "{\"hash\":\"%016" PRIx64 "\",\"compiled_bytes\":%zu,\"more\":%s",
               rule_preview_hash(p->draft, p->now->revision), rules_bytes(p->rule), p->more ? "true" : "false");
    put_changes(out, &s->changes, p->draft->label);
    put_sums(out, "shadowed_by", &s->shadowed_by);
    put_sums(out, "shadows", &s->shadows);
    buf_printf(out, ",\"items\":[%.*s],\"against\":[%.*s]", (int)s->items.n, s->items.n ? s->items.p : "",
               (int)s->against.n, s->against.n ? s->against.p : "");
    put_missed(out, p, f);
    put_pasted(out, p, f);
    buf_printf(out, ",\"ms\":%.1f,\"tested\":{\"kinds\":%" PRIu64 ",\"lines\":%" PRIu64 "}}",
               (double)(clock_now_ns(NULL) - begun_ns) * 1e-6, p->kinds, p->lines);
    buf_release(&s->items), buf_release(&s->against);
    free(s);
}

unsigned rule_preview(struct exchange *x, const struct ask *f, const struct rule_now *now) {
    struct rule_draft d = rule_preview_draft(f);
    struct preview p;
    struct err e = {0};
    uint64_t begun_ns = clock_now_ns(NULL);
    bool ok = preview_open(&p, x, &d, now, &e);
    if (ok) {
        try_all(&p);
        put_preview(x, &p, f, begun_ns);
    }
    preview_close(&p);
    return ok ? 200 : ask_error(x, 422, "%s", e.msg);
}
