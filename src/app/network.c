#include "app/network.h"

#include "base/must.h"
#include "app/pseudonym_key.h"
#include "app/state_dir.h"
#include "remote/bert_service.h"
#include "remote/dispatcher.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { WAIT_FOR_FILES_MS = 3600 * 1000 }; /* a line of a file waits up to an hour for its answer */

struct network {
    struct label_set labels; /* those of the engine that it was opened for */
    struct bert_service *bert;
    struct llm *llm;
    struct dispatcher *dispatcher;
    struct network_stage stage;
    uint64_t files; /* mark of the files that were read */
};

/* ---- options ---- */

bool network_store_path(const struct conf *c, char *out, size_t size, struct err *e) {
    out[0] = '\0';
    if (strcmp(c->llm_store, "none") == 0) return true;
    if (c->llm_store[0])
        return snprintf(out, size, "%s", c->llm_store) < (int)size ||
               err_set(e, ERR_USAGE, "llm-store: the path is longer than %zu bytes", size - 1);
    if (state_dir_path("answers.db", out, size)) return true;
    out[0] = '\0';
    return !state_dir_is_set() ||
           err_set(e, ERR_USAGE, "llm-store: the state folder's path is longer than %zu bytes", size - 1);
}

static struct breaker_opts breaker_of(long long failures, long long reset_ms, long long timeout_ms) {
    return (struct breaker_opts){
        .failures_max = (unsigned)failures, .reset_ms = (uint64_t)reset_ms, .probe_ms = (uint64_t)timeout_ms};
}

static struct retry_opts retry_of(const struct conf *c) {
    return (struct retry_opts){
        .retries_max = (unsigned)c->retries_max, .wait_ms = (uint64_t)c->retry_wait, .jitter = c->retry_jitter};
}

struct budget_opts network_budget(const struct conf *c) {
    return (struct budget_opts){
        .calls_minute = (uint64_t)c->llm_calls_minute,
        .tokens_minute = (uint64_t)c->llm_tokens_minute,
        .calls_day = (uint64_t)c->llm_calls_day,
        .tokens_day = (uint64_t)c->llm_tokens_day,
        .price_in = c->llm_price_in,
        .price_out = c->llm_price_out,
    };
}

static struct llm_opts llm_opts_of(const struct conf *c) {
    struct llm_opts o = LLM_DEFAULT;
    o.url = c->llm_url;
    o.model = c->llm_model;
    o.key_file = c->llm_key_file;
    o.key_in_clear = c->llm_key_in_clear;
    o.dialect = c->llm_dialect;
    o.proxy = c->proxy;
    o.ca_file = c->ca_file;
    o.redact_file = c->llm_redact;
    o.timeout_ms = (uint64_t)c->llm_timeout;
    o.calls_max = (unsigned)c->llm_calls_max;
    o.logprobs = c->llm_logprobs;
    o.mix = c->llm_mix;
    o.breaker = breaker_of(c->llm_failures_max, c->llm_reset_time, c->llm_timeout);
    o.retry = retry_of(c);
    o.budget = network_budget(c);
    return o;
}

static void choose_pseudonyms(struct llm_opts *o, const struct conf *c) {
    o->pseudonyms = c->llm_pseudonyms;
    if (o->pseudonyms) o->pseudonym_key = pseudonym_key();
}

struct llm *network_llm_open(const struct conf *c, const struct label_set *labels, uint64_t wait_ms, struct err *e) {
    struct llm_opts o = llm_opts_of(c);
    char store[PATH_MAX];
    if (!llm_is_configured(&o) || !network_store_path(c, store, sizeof store, e)) return NULL;
    struct err ignored; /* without its folder the store is in memory, and says so */
    if (store[0] && !c->llm_store[0]) state_dir_make_folders(store, &ignored);
    choose_pseudonyms(&o, c);
    o.wait_ms = wait_ms;
    o.store.path = store;
    return llm_open(&o, labels, e);
}

bool network_has_llm(const struct conf *c) {
    struct llm_opts o = llm_opts_of(c);
    return llm_is_configured(&o);
}

struct llm *network_llm_open_dry(const struct conf *c, const struct label_set *labels, struct err *e) {
    struct llm_opts o = llm_opts_of(c);
    char store[PATH_MAX];
    if (!network_store_path(c, store, sizeof store, e)) return NULL;
    if (!llm_is_configured(&o)) o.url = "";
    choose_pseudonyms(&o, c);
    o.store.path = access(store, F_OK) == 0 ? store : "";
    return llm_open(&o, labels, e);
}

bool network_bert_is_remote(const struct conf *c) {
    return strcmp(c->bert, "local") != 0 && strcmp(c->bert, "off") != 0;
}

static struct bert_service *open_bert(const struct conf *c, const struct label_set *labels, struct err *e) {
    struct bert_service_opts o = BERT_SERVICE_DEFAULT;
    o.url = c->bert;
    o.proxy = c->proxy;
    o.timeout_ms = (uint64_t)c->bert_timeout;
    o.calls_max = (unsigned)c->bert_calls_max;
    o.threshold = c->bert_pipeline_threshold;
    o.send_source = c->bert_send_source;
    o.breaker = breaker_of(c->bert_failures_max, c->bert_reset_time, c->bert_timeout);
    o.retry = retry_of(c);
    return bert_service_open(&o, labels, e);
}

/* ---- the stage ---- */

static void network_answer(void *ctx, const struct pending *p, const struct answer *a, enum err_code why) {
    pipeline_answer(ctx, p, a, why);
}

static bool open_services(struct network *n, const struct conf *c, bool waits, struct err *e) {
    if (network_bert_is_remote(c) && !(n->bert = open_bert(c, &n->labels, e))) return false;
    *e = (struct err){0}; /* what tells that none is configured from that it could not be opened */
    n->llm = network_llm_open(c, &n->labels, waits ? WAIT_FOR_FILES_MS : 0, e);
    return n->llm || e->code == ERR_OK;
}

static bool open_dispatcher(struct network *n, struct pipeline *p, struct err *e) {
    struct dispatcher_opts o = {.calls_max = DISPATCHER_CALLS_DEFAULT,
                                .waiters_max = DISPATCHER_WAITERS_DEFAULT,
                                .answer = network_answer,
                                .ctx = p};
    if (n->bert) o.service[o.services++] = bert_service_get(n->bert);
    if (n->llm) o.service[o.services++] = llm_service(n->llm);
    if (o.services == 0) return true;
    n->dispatcher = dispatcher_open(&o, e);
    if (!n->dispatcher) return false;
    n->stage = (struct network_stage){
        .hand_over = dispatcher_ask, .self = n->dispatcher, .unavailable = dispatcher_unavailable};
    return true;
}

/* Changes when one of the files that the options name is written or replaced. */
static uint64_t mark_files(const struct conf *c) {
    const char *const path[] = {c->llm_key_file, c->llm_redact, c->ca_file};
    uint64_t mark = 0;
    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
        struct stat st = {0};
        if (path[i][0]) stat(path[i], &st); /* none there: opening says so */
        uint64_t part[] = {st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec};
        mark = XXH3_64bits_withSeed(part, sizeof part, mark);
    }
    return mark;
}

bool network_open(const struct conf *c, struct engine *eng, struct pipeline *p, bool waits, struct network **out,
                  struct err *e) {
    *out = NULL;
    if (c->offline)
        return !network_bert_is_remote(c) ||
               err_set(e, ERR_USAGE, "bert is '%s', but offline forbids every connection", c->bert);
    struct network *n = must_calloc(1, sizeof *n);
    n->labels = eng->labels;
    n->files = mark_files(c);
    bool ok = open_services(n, c, waits, e) && open_dispatcher(n, p, e);
    if (ok && n->dispatcher) {
        network_join(n, eng);
        *out = n;
        return true;
    }
    network_close(n);
    return ok;
}

void network_join(struct network *n, struct engine *eng) {
    if (n) engine_set_network(eng, &n->stage, n->llm ? llm_version(n->llm) : 0);
}

bool network_is_same(const struct network *n, const struct conf *was, const struct conf *now,
                     const struct engine *eng) {
    return conf_changed(was, now, CONF_NETWORK, 0) < 0 && n->files == mark_files(now) &&
           memcmp(&n->labels, &eng->labels, sizeof n->labels) == 0;
}

void network_stop(struct network *n) {
    if (n) dispatcher_stop(n->dispatcher, 0);
}

void network_close(struct network *n) {
    if (!n) return;
    dispatcher_close(n->dispatcher);
    llm_close(n->llm);
    bert_service_close(n->bert);
    free(n);
}

struct llm *network_llm(struct network *n) {
    return n ? n->llm : NULL;
}
