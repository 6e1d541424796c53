#include "review/words.h"

#include "base/must.h"

#include <stdatomic.h>
#include <stdlib.h>

/* All that was said about one family, or about one of its kinds alone (words with a source). */
struct words_entry {
    uint64_t id;   /* 0: free */
    uint32_t last; /* index + 1 of the word in force; 0: none */
    uint32_t rev;
};

struct words {
    atomic_uint refs;
    struct corrections log;
    size_t mask, gone_mask, in_force;
    struct words_entry *entry;          /* by family, and by kind */
    struct corrections_forgotten *gone; /* by kind, the last time of each; 0: free */
};

static struct words_entry *words_slot(const struct words *w, uint64_t id) {
    size_t at = (size_t)(id >> 7) & w->mask;
    while (w->entry[at].id && w->entry[at].id != id) at = (at + 1) & w->mask;
    return &w->entry[at];
}

static struct corrections_forgotten *words_gone(const struct words *w, uint64_t kind) {
    size_t at = (size_t)(kind >> 7) & w->gone_mask;
    while (w->gone[at].kind && w->gone[at].kind != kind) at = (at + 1) & w->gone_mask;
    return &w->gone[at];
}

static void words_enter_gone(struct words *w, const struct corrections_forgotten *f) {
    struct corrections_forgotten *g = words_gone(w, f->kind);
    if (!g->kind || g->at < f->at) *g = *f;
}

/* A word with a source is about one kind; one of before that has none named can't be found by it, and is the
 * family's. */
static uint64_t words_key(const struct correction *c) {
    return c->source.n > 0 && c->kind ? c->kind : c->family;
}

static void words_enter(struct words *w, uint32_t i) {
    const struct correction *c = &w->log.row[i];
    uint64_t key = words_key(c);
    struct words_entry *e = words_slot(w, key ? key : 1);
    e->id = key ? key : 1;
    e->rev += c->undone ? 2 : 1;
    if (!c->undone && !c->state[0]) e->last = c->label[0] ? i + 1 : 0;
}

/* The mask of a table that stays half empty with n in it. */
static size_t words_mask(size_t n) {
    size_t slots = 64;
    while (slots < 2 * n) slots *= 2;
    return slots - 1;
}

struct words *words_open(struct corrections *c) {
    struct words *w = must_calloc(1, sizeof *w);
    atomic_init(&w->refs, 1);
    w->log = *c;
    *c = (struct corrections){0};
    w->mask = words_mask(w->log.n);
    w->gone_mask = words_mask(w->log.forgotten_n);
    w->entry = must_calloc(w->mask + 1, sizeof *w->entry);
    w->gone = must_calloc(w->gone_mask + 1, sizeof *w->gone);
    for (size_t i = 0; i < w->log.forgotten_n; i++) words_enter_gone(w, &w->log.forgotten[i]);
    for (size_t i = 0; i < w->log.n; i++) words_enter(w, (uint32_t)i);
    for (size_t i = 0; i <= w->mask; i++) w->in_force += w->entry[i].last != 0;
    return w;
}

struct words *words_ref(struct words *w) {
    if (w) atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
    return w;
}

void words_unref(struct words *w) {
    if (!w || atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) != 1) return;
    corrections_release(&w->log);
    free(w->entry);
    free(w->gone);
    free(w);
}

const struct corrections *words_log(const struct words *w) {
    return &w->log;
}

struct words_about words_about(const struct words *w, uint64_t kind, uint64_t family) {
    struct words_about a = {.rev = 1};
    if (!w) return a;
    const struct words_entry *of_kind = words_slot(w, kind), *of_family = words_slot(w, family);
    a.rev += of_family->rev + (of_kind != of_family ? of_kind->rev : 0);
    uint32_t last = of_kind->last ? of_kind->last : of_family->last;
    if (last) a.label = &w->log.row[last - 1];
    return a;
}

bool words_forget(const struct words *w, uint64_t kind, uint32_t first) {
    const struct corrections_forgotten *g = w && kind ? words_gone(w, kind) : NULL;
    return g && g->kind && first <= g->at;
}

size_t words_in_force(const struct words *w) {
    return w ? w->in_force : 0;
}
