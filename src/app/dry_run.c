#include "app/dry_run.h"

#include "base/must.h"
#include "app/network.h"

#include <pthread.h>
#include <string.h>
#include <xxhash.h>

enum { SEEN_FIRST = 1024, SEEN_MAX = 1 << 26 }; /* slots; beyond that every template counts as a new one */

/* Templates by the 128 bits of their hash; a zero hash is a free slot. */
struct seen {
    XXH128_hash_t *slot;
    size_t slots, n; /* slots: a power of two */
};

struct dry_run {
    struct llm *llm;
    struct label_set labels;
    struct network_stage stage;
    pthread_mutex_t lock; /* what follows, and llm */
    struct seen seen;
    uint64_t calls, known, tokens_in, tokens_out;
    double cost;
};

/* ---- the set ---- */

static XXH128_hash_t *find_slot(const struct seen *s, XXH128_hash_t hash) {
    size_t i = hash.low64 & (s->slots - 1);
    while ((s->slot[i].low64 | s->slot[i].high64) != 0 && !XXH128_isEqual(s->slot[i], hash))
        i = (i + 1) & (s->slots - 1);
    return &s->slot[i];
}

static void run_grow(struct seen *s) {
    struct seen larger = {.slots = 2 * s->slots, .n = s->n};
    larger.slot = must_calloc(larger.slots, sizeof *larger.slot);
    for (size_t i = 0; i < s->slots; i++)
        if ((s->slot[i].low64 | s->slot[i].high64) != 0) *find_slot(&larger, s->slot[i]) = s->slot[i];
    free(s->slot);
    *s = larger;
}

static bool is_new(struct seen *s, struct span template) {
    XXH128_hash_t hash = XXH3_128bits(template.p, template.n), *slot = find_slot(s, hash);
    if (XXH128_isEqual(*slot, hash)) return false;
    if (s->n >= SEEN_MAX / 2) return true;
    *slot = hash;
    if (++s->n > s->slots / 2) run_grow(s);
    return true;
}

/* ---- the stage ---- */

static bool run_count(void *self, const struct pending *p, const struct question *q, struct err *e) {
    struct dry_run *d = self;
    (void)p;
    (void)e; /* not an error: nobody is asked, so the record falls back */
    pthread_mutex_lock(&d->lock);
    if (is_new(&d->seen, q->template)) {
        struct llm_estimate est = llm_estimate(d->llm, q->template);
        d->known += est.known;
        d->calls += !est.known;
        d->tokens_in += est.tokens_in;
        d->tokens_out += est.tokens_out;
        d->cost += est.cost;
    }
    pthread_mutex_unlock(&d->lock);
    return false;
}

/* A template that was counted once need not come again. */
static enum err_code unavailable(void *self) {
    (void)self;
    return ERR_CANCELLED;
}

struct dry_run *dry_run_open(const struct conf *c, struct engine *eng, struct err *e) {
    if (network_bert_is_remote(c)) {
        err_set(e, ERR_USAGE, "bert is '%s': what it leaves open is not known without asking it", c->bert);
        return NULL;
    }
    struct dry_run *d = must_calloc(1, sizeof *d);
    d->labels = eng->labels;
    d->llm = network_llm_open_dry(c, &d->labels, e);
    d->seen = (struct seen){.slot = must_calloc(SEEN_FIRST, sizeof *d->seen.slot), .slots = SEEN_FIRST};
    d->stage = (struct network_stage){.hand_over = run_count, .self = d, .unavailable = unavailable};
    pthread_mutex_init(&d->lock, NULL);
    if (!d->llm) {
        dry_run_close(d);
        return NULL;
    }
    engine_set_network(eng, &d->stage, 0);
    return d;
}

void dry_run_close(struct dry_run *d) {
    if (!d) return;
    llm_close(d->llm);
    pthread_mutex_destroy(&d->lock);
    free(d->seen.slot);
    free(d);
}

void dry_run_print(const struct dry_run *d, uint64_t lines, uint64_t open_lines, bool as_json, FILE *to) {
    static const char JSON[] = "{\"lines\":%llu,\"open_lines\":%llu,\"templates_known\":%llu,\"llm_calls\":%llu,"
                               "\"tokens_in\":%llu,\"tokens_out\":%llu,\"cost\":%.6g}\n";
    static const char TEXT[] = "Of %llu lines, rules and encoder leave %llu open.\n"
                               "%llu of their templates are known from before; the LLM would be asked %llu times, with "
                               "about %llu + %llu tokens, which cost about %.6g.\n";
    unsigned long long known = d->known, calls = d->calls, in = d->tokens_in, out = d->tokens_out;
    fprintf(to, as_json ? JSON : TEXT, (unsigned long long)lines, (unsigned long long)open_lines, known, calls, in, out,
            d->cost);
    if (!as_json && d->cost <= 0 && calls > 0) fputs("(llm-price-in and llm-price-out give the price.)\n", to);
}
