#include "stream/sink_top.h"

#include "base/must.h"
#include "pipeline/engine.h"
#include "stream/flow.h"
#include "text/mask_front.h"
#include "text/template.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <xxhash.h>

enum { TEXT_BYTES_MAX = 1 << 30 };

struct sink_top {
    struct flow *flow;
    struct top *top;
};

void top_init(struct top *t, enum top_by by, const struct writer_filter *filter) {
    *t = (struct top){.by = by, .filter = *filter};
    index_init(&t->index, TOP_KINDS_MAX);
    arena_init(&t->text, TEXT_BYTES_MAX);
}

void top_release(struct top *t) {
    index_release(&t->index);
    arena_release(&t->text);
    free(t->kind);
    *t = (struct top){0};
}

/* What is counted: the text that tells this kind from others, and how it is shown. */
static struct span kind_text(const struct top *t, const struct engine *eng, const struct record *rec, char *out) {
    if (t->by == TOP_BY_LABEL) return (struct span){"", 0};
    if (t->by == TOP_BY_SOURCE) return rec->source;
    return (struct span){out, template_write(rec->source, rec->message, engine_uses_source(eng), out)};
}

static struct top_place place_of(const struct batch *b, uint32_t i) {
    struct top_place p = {0};
    struct span time = span_trim(span_sub(b->rec[i].message, 0, mask_front(b->rec[i].message)));
    if (time.n < TOP_TIME_BYTES) memcpy(p.time, time.p, time.n);
    if (b->place) p.file = b->place[i].file, p.line = b->place[i].line;
    return p;
}

static struct top_kind *new_kind(struct top *t) {
    if (t->kinds == t->room) {
        t->room = t->room ? 2 * t->room : 1024;
        t->kind = realloc(t->kind, t->room * sizeof *t->kind);
        MUST_MEMORY(t->kind);
    }
    struct top_kind *k = &t->kind[t->kinds++];
    *k = (struct top_kind){0};
    return k;
}

static void top_begin_kind(struct top *t, const struct batch *b, uint32_t i, struct span text) {
    struct top_kind *k = new_kind(t);
    struct span kept = arena_copy(&t->text, text);
    k->label = b->res[i].label;
    k->reason = reason_of(&b->res[i], &b->engine->labels);
    if (t->by == TOP_BY_SOURCE)
        k->source = kept;
    else
        k->template = kept;
    k->example = arena_copy(&t->text, utf8_cut(b->rec[i].message, TOP_EXAMPLE_BYTES));
    k->first = place_of(b, i);
}

/* The number of the record's kind; INDEX_FULL: there is no room for another. */
static uint32_t top_kind_of(struct top *t, const struct batch *b, uint32_t i) {
    char out[TEMPLATE_MAX];
    struct span text = kind_text(t, b->engine, &b->rec[i], out);
    uint64_t reason = t->by == TOP_BY_LABEL ? reason_of(&b->res[i], &b->engine->labels) : 0;
    XXH128_hash_t h = XXH3_128bits_withSeed(text.p, text.n, (uint64_t)b->res[i].label << 8 | reason);
    bool is_new;
    uint32_t at = index_find(&t->index, (struct index_key){h.low64, h.high64}, &is_new);
    if (is_new && at != INDEX_FULL) top_begin_kind(t, b, i, text);
    return at;
}

static void top_count(struct top *t, const struct batch *b, uint32_t i) {
    t->lines++;
    if (!writer_filter_takes(&t->filter, &b->res[i], &b->engine->labels)) return;
    t->counted++;
    uint32_t at = top_kind_of(t, b, i);
    if (at == INDEX_FULL) {
        t->rest++;
        return;
    }
    t->kind[at].lines++;
    t->kind[at].last = place_of(b, i);
}

static int top_compare(const void *a, const void *b) {
    const struct top_kind *x = a, *y = b;
    if (x->lines != y->lines) return x->lines < y->lines ? 1 : -1;
    if (x->first.line != y->first.line) return x->first.line < y->first.line ? -1 : 1;
    return 0;
}

void top_sort(struct top *t) {
    if (t->kinds > 1) qsort(t->kind, t->kinds, sizeof *t->kind, top_compare);
}

static bool sink_top_put(void *self, struct chunk *c) {
    struct sink_top *s = self;
    for (uint32_t i = 0; i < c->batch.n; i++) top_count(s->top, &c->batch, i);
    flow_settle(s->flow, c, true);
    return true;
}

static void *sink_top_open(const struct sink_opts *o, struct flow *f, struct err *e) {
    (void)e;
    struct sink_top *s = must_calloc(1, sizeof *s);
    *s = (struct sink_top){f, o->top};
    return s;
}

static void sink_top_close(void *self) {
    free(self);
}

extern const struct sink_kind sink_top;
const struct sink_kind sink_top = {.open = sink_top_open, .put = sink_top_put, .close = sink_top_close};
