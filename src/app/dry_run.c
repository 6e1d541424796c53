#include "app/dry_run.h"

#include "base/index.h"
#include "base/must.h"
#include "app/network.h"

#include <pthread.h>
#include <xxhash.h>

enum { SEEN_MAX = 1 << 26 }; /* templates; beyond that each counts as a new one */

struct dry_run {
    struct llm *llm;
    struct label_set labels;
    struct network_stage stage;
    pthread_mutex_t lock; /* what follows, and llm */
    struct index seen;    /* templates by their hash */
    uint64_t calls, known, tokens_in, tokens_out;
    double cost;
};

static bool run_is_new(struct index *seen, struct span template) {
    XXH128_hash_t hash = XXH3_128bits(template.p, template.n);
    bool is_new;
    index_find(seen, (struct index_key){hash.low64, hash.high64}, &is_new);
    return is_new;
}

/* ---- the stage ---- */

static bool run_count(void *self, const struct pending *p, const struct question *q, struct err *e) {
    struct dry_run *d = self;
    (void)p;
    (void)e; /* not an error: nobody is asked, so the record falls back */
    pthread_mutex_lock(&d->lock);
    if (run_is_new(&d->seen, q->template)) {
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
    index_init(&d->seen, SEEN_MAX);
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
    index_release(&d->seen);
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
