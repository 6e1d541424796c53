#include "app/classifier.h"

#include "app/marked.h"
#include "app/shipped.h"
#include "app/state_dir.h"
#include "base/log.h"
#include "base/must.h"
#include "memo/vector_store.h"
#include "rules/page_rules.h"
#include "train/head_versions.h"

#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RETIRED_REST_MS = 50 };

/* ---- the engine ---- */

/* With the head that was retrained here, when none is named, and the shipped one where that does not fit (any more). */
static struct engine *open_with_retrained(struct engine_opts *o, struct err *e) {
    char folder[PATH_MAX], head[PATH_MAX];
    const char *shipped = o->head_path;
    if (!state_dir_path("heads", folder, sizeof folder) || !head_versions_current(folder, head, sizeof head))
        return engine_open(o, e);
    o->head_path = head;
    struct engine *eng = engine_open(o, e);
    if (eng || e->code != ERR_MODEL) return eng;
    log_warn("head.unfit", "%s is not used: %s; 'logclass learn' makes another", head, e->msg);
    *e = (struct err){0};
    o->head_path = shipped;
    return engine_open(o, e);
}

struct engine *classifier_engine(const struct conf *c, bool learnt, struct err *e) {
    bool local = strcmp(c->bert, "local") == 0;
    char rules[PATH_MAX], page_rules[PATH_MAX], model[PATH_MAX] = "", head[PATH_MAX] = "", adapter[PATH_MAX] = "";
    bool ops = strcmp(c->labels, "ops") == 0; /* the labels come from its head, in the head's order */
    if (!shipped_choose(c->data_dir, c->rules, "rules.conf", true, rules, e)) return NULL;
    if (local && (!shipped_choose(c->data_dir, c->model, "model", true, model, e) ||
                  !shipped_choose(c->data_dir, c->head, ops ? "head-ops.json" : "head.json", true, head, e) ||
                  !shipped_choose(c->data_dir, c->adapter, "adapter.safetensors", false, adapter, e)))
        return NULL;
    if (!learnt || !state_dir_path(PAGE_RULES_FILE, page_rules, sizeof page_rules) || access(page_rules, F_OK) != 0)
        page_rules[0] = '\0';
    struct engine_opts o = {
        .rules_path = rules,
        .page_rules_path = page_rules,
        .rules_shipped = c->rules[0] == '\0' && !ops, /* those name labels that both sets have */
        .labels_path = ops && local ? "" : c->labels,
        .head_path = head,
        .adapter_path = adapter,
        .model_dir = model,
        .kernel = c->kernel,
        .classifier_threshold = c->bert_classifier_threshold,
        .pipeline_threshold = c->bert_pipeline_threshold,
        .network_skips = c->llm_skip_sure,
        .head_thresholds = c->head_thresholds,
    };
    return learnt && local && !ops && !c->head[0] ? open_with_retrained(&o, e) : engine_open(&o, e);
}

/* ---- what was replaced ---- */

static bool is_in_use(const struct classifier *c, const struct network *net) {
    bool used = net == c->network;
    for (unsigned i = 0; i < c->retired_n; i++) used = used || c->retired[i].network == net;
    return used;
}

/* Takes version i off the list and closes what nothing else of the classifier uses. */
static void retired_close(struct classifier *c, unsigned i) {
    struct classifier_version gone = c->retired[i];
    c->retired[i] = c->retired[--c->retired_n];
    engine_unref(gone.engine);
    if (!is_in_use(c, gone.network)) network_close(gone.network);
}

bool classifier_sweep(struct classifier *c) {
    for (unsigned i = c->retired_n; i-- > 0;)
        if (atomic_load_explicit(&c->retired[i].engine->pinned, memory_order_acquire) == 0) retired_close(c, i);
    return c->retired_n > 0;
}

static void retire(struct classifier *c, struct classifier_version old) {
    while (c->retired_n == CLASSIFIER_RETIRED_MAX) { /* so many reloads within the time of one answer */
        nanosleep(&(struct timespec){.tv_nsec = RETIRED_REST_MS * 1000000L}, NULL);
        classifier_sweep(c);
    }
    c->retired[c->retired_n++] = old;
    classifier_sweep(c);
}

/* ---- loading ---- */

/* Where vectors are kept: as configured, or in the state folder, by dimension. False: nowhere. */
static bool find_vector_store(const struct conf *c, unsigned dim, char *out, size_t size) {
    char name[32];
    struct err ignored;
    if (!c->memo || strcmp(c->memo_store, "off") == 0 || strcmp(c->memo_store, "none") == 0) return false;
    if (c->memo_store[0]) return snprintf(out, size, "%s", c->memo_store) < (int)size;
    snprintf(name, sizeof name, "vectors-%u", dim);
    return state_dir_path(name, out, size) && state_dir_make_folders(out, &ignored);
}

/* The first engine with an encoder opens the store. Without it templates are encoded again, and nothing else changes.
 */
static void connect_vectors(struct classifier *c, const struct conf *conf, struct engine *eng) {
    char path[PATH_MAX];
    struct err e = {0};
    if (!eng->encoder) return;
    unsigned dim = encoder_dim(eng->encoder);
    if (!c->vectors && find_vector_store(conf, dim, path, sizeof path)) {
        c->vectors = vector_store_open(path, dim, (size_t)conf->memo_store_max, &e);
        if (!c->vectors) log_warn("vectors.failed", "%s; templates are encoded again in every run", e.msg);
    }
    engine_set_vectors(eng, c->vectors);
}

/* Connects the engine to what is asked about the rest. */
static bool classifier_connect(struct classifier *c, const struct conf *conf, struct classifier_version *next,
                               struct err *e) {
    if (c->use == CLASSIFIER_DRY_RUN) {
        MUST(!c->dry_run); /* counts for one engine: nobody reloads a dry run */
        c->dry_run = dry_run_open(conf, next->engine, e);
        return c->dry_run != NULL;
    }
    if (c->network && network_is_same(c->network, &c->conf, conf, next->engine)) {
        next->network = c->network;
        network_join(next->network, next->engine);
        return true;
    }
    return network_open(conf, next->engine, c->pipeline, c->use >= CLASSIFIER_FILES, &next->network, e);
}

bool classifier_reload(struct classifier *c, const struct conf *conf, classifier_take *take, void *ctx, struct err *e) {
    struct classifier_version next = {.engine = classifier_engine(conf, c->use != CLASSIFIER_LIBRARY, e)};
    if (next.engine) connect_vectors(c, conf, next.engine);
    bool ok = next.engine && classifier_connect(c, conf, &next, e) && (!take || take(ctx, &next.engine->labels, e));
    if (!ok) {
        engine_unref(next.engine);
        if (next.network != c->network) network_close(next.network);
        return false;
    }
    struct classifier_version old = {c->engine, c->network};
    c->engine = next.engine;
    c->network = next.network;
    c->conf = *conf;
    pipeline_swap(c->pipeline, next.engine);
    if (c->inventory) marked_engine(inventory_book(c->inventory)->marks, old.engine, next.engine, conf);
    if (old.engine) retire(c, old);
    return true;
}

bool classifier_open_empty(struct classifier *c, const struct conf *conf, enum classifier_use use, struct err *e) {
    struct pipeline_opts o = {.workers = (unsigned)conf->workers,
                              .memo_entries = conf->memo ? (size_t)conf->memo_entries : 0,
                              .queue_time_ms = use <= CLASSIFIER_SERVICE ? (unsigned)conf->queue_time_max : 0};
    *c = (struct classifier){.use = use};
    if (use == CLASSIFIER_REQUESTS) c->inventory = inventory_open(conf);
    struct book *book = c->inventory ? inventory_book(c->inventory) : NULL;
    if (book) o.kinds = book->kinds, o.examples = book->examples, o.ruled = book->ruled;
    c->pipeline = pipeline_open(&o, NULL, e);
    if (!c->pipeline) return false;
    if (use != CLASSIFIER_LIBRARY) c->review = review_open(c->pipeline, book);
    if (book) inventory_run(c->inventory, c->pipeline);
    return true;
}

bool classifier_open(struct classifier *c, const struct conf *conf, enum classifier_use use, struct err *e) {
    if (classifier_open_empty(c, conf, use, e) && classifier_reload(c, conf, NULL, NULL, e)) return true;
    classifier_close(c);
    return false;
}

/* ---- the end ---- */

void classifier_stop(struct classifier *c) {
    for (unsigned i = 0; i < c->retired_n; i++) network_stop(c->retired[i].network);
    network_stop(c->network);
    review_close(c->review);
    c->review = NULL;
    inventory_stop(c->inventory);
    pipeline_close(c->pipeline);
    c->pipeline = NULL;
    vector_store_close(c->vectors); /* only workers use it */
    c->vectors = NULL;
}

void classifier_close(struct classifier *c) {
    classifier_stop(c);
    while (c->retired_n > 0) retired_close(c, 0);
    engine_unref(c->engine);
    network_close(c->network);
    dry_run_close(c->dry_run);
    inventory_close(c->inventory);
    *c = (struct classifier){0};
}
