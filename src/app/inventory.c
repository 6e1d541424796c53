#include "app/inventory.h"

#include "app/state_dir.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/thread.h"
#include "llm/redact.h"
#include "metrics/metrics.h"
#include "review/kinds_store.h"
#include "review/news.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NEWS_EVERY_S = 2, DRIFT_EVERY_S = 60, TURN_MS = 1000, WRITE_EVERY_S = 10, ALL_EVERY_S = 600, OPEN_EVERY_S = 60 };
enum { LAST_TRIES = 10, LAST_WAIT_MS = 100 }; /* at the end */

struct inventory {
    struct book book;
    struct redact *redact;
    struct pipeline *pipeline;
    struct kinds_store *store; /* NULL: there is none now; the thread's, under store_lock */
    pthread_mutex_t store_lock;
    uint64_t counted[LABEL_MAX][DECIDER_COUNT]; /* what the metrics said last */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ending, running;
    pthread_t thread;
    uint64_t entered; /* new kinds, as of the last turn */
    uint32_t news_at; /* when they were last found */
    bool alarmed[NEWS_ALARMS];
    bool told; /* that the file can't be written; until it can */
    char path[PATH_MAX];
};

bool inventory_path(char *out) {
    return state_dir_path("kinds.db", out, PATH_MAX);
}

/* NUL ends a text for the rules of redaction. */
static void inventory_redact(void *self, struct span text, struct buf *out) {
    char copy[KINDS_TEXT_MAX];
    struct span whole = span_sub(text, 0, sizeof copy);
    if (whole.n > 0) memcpy(copy, whole.p, whole.n);
    for (size_t i = 0; i < whole.n; i++)
        if (copy[i] == '\0') copy[i] = ' ';
    redact_run(self, (struct span){copy, whole.n}, out);
}

static struct redact *open_redact(const struct conf *c) {
    struct err e = {0};
    struct redact *r = redact_open(c->llm_redact, &e);
    if (r) return r;
    log_warn("kinds.redact", "%s; the built-in rules of redaction are used for kinds of line", e.msg);
    r = redact_open("", &e);
    MUST(r != NULL);
    return r;
}

struct book *inventory_book(struct inventory *v) {
    return &v->book;
}

struct inventory *inventory_open(const struct conf *c) {
    if (c->kinds_max == 0) return NULL;
    struct inventory *v = must_calloc(1, sizeof *v);
    bool shown = !c->allow_open || c->ui_open_write; /* anybody may look: not at lines */
    book_init(&v->book);
    v->redact = open_redact(c);
    struct kinds_opts o = {
        .max = (size_t)c->kinds_max, .rise = (unsigned)c->kinds_rise, .redact = inventory_redact, .self = v->redact};
    book_open(&v->book, &o);
    if (shown && strcmp(c->kinds_examples, "none") != 0) v->book.examples = examples_open();
    v->book.redact = strcmp(c->kinds_examples, "raw") == 0 ? NULL : inventory_redact;
    v->book.redact_self = v->redact;
    if (!inventory_path(v->path)) v->path[0] = '\0';
    pthread_condattr_t monotonic;
    pthread_mutex_init(&v->lock, NULL);
    pthread_mutex_init(&v->store_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&v->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    kinds_tick(v->book.kinds, (uint32_t)time(NULL));
    return v;
}

/* ---- what is counted ---- */

static void take_totals(struct inventory *v, uint32_t now_s) {
    struct kinds *k = v->book.kinds;
    for (unsigned l = 1; l < LABEL_MAX && kinds_label_id(k, (uint8_t)l)[0]; l++) {
        unsigned label = metrics_name(METRIC_SET_LABEL, kinds_label_id(k, (uint8_t)l));
        for (unsigned d = 0; d < DECIDER_COUNT; d++) {
            uint64_t n = (uint64_t)metrics_value(METRIC_CLASSIFICATIONS, d, label, 0), more = n - v->counted[l][d];
            if (more) totals_add(v->book.totals, now_s, l, d, (uint32_t)more);
            v->counted[l][d] = n;
        }
    }
}

static void publish_news(struct inventory *v, const struct news *n, const struct words *w) {
    struct kinds *k = v->book.kinds;
    struct kinds_figures f;
    kinds_figures(k, &f);
    metrics_gauge_set(METRIC_KINDS, 0, (double)f.kinds);
    metrics_gauge_set(METRIC_KINDS_MAX, 0, (double)f.kinds_max);
    metrics_gauge_set(METRIC_KINDS_FORGOTTEN, 0, (double)f.forgotten);
    metrics_gauge_set(METRIC_KINDS_WAITING, 0, (double)n->waiting);
    metrics_gauge_set(METRIC_KINDS_RISING, 0, (double)n->rising);
    metrics_gauge_set(METRIC_KINDS_UNSEEN, 0, n->unseen);
    metrics_gauge_set(METRIC_KINDS_WARM, 0, n->drift.warm);
    metrics_gauge_set(METRIC_WORDS_IN_FORCE, 0, (double)words_in_force(w));
    metrics_gauge_set(METRIC_DRIFT_JSD, 0, n->drift.jsd < 0 ? 0 : n->drift.jsd);
    metrics_gauge_set(METRIC_DRIFT_JSD_LIMIT, 0, n->drift.jsd_limit);
    metrics_gauge_set(METRIC_UNDECIDED_SHARE, 0, n->drift.undecided < 0 ? 0 : n->drift.undecided);
    metrics_gauge_set(METRIC_DRIFT_ALARM, 0, n->drift.new_alarm);
    metrics_gauge_set(METRIC_DRIFT_ALARM, 1, n->drift.jsd_alarm);
    metrics_gauge_set(METRIC_DRIFT_ALARM, 2, n->drift.undecided_alarm);
    metrics_gauge_set(METRIC_DRIFT_ALARM, 3, n->risers > 0);
    metrics_gauge_set(METRIC_KINDS_SILENT, 0, (double)n->silent);
    for (unsigned l = 1; l <= kinds_labels(k); l++)
        metrics_gauge_set(METRIC_KINDS_NEW, metrics_name(METRIC_SET_LABEL, kinds_label_id(k, (uint8_t)l)),
                          (double)kinds_entered_by(k, (uint8_t)l));
}

/* An alarm is said once in the log when it begins. */
static void say_alarms(struct inventory *v, const struct news *n) {
    for (unsigned i = 0; i < NEWS_ALARMS; i++) {
        char text[NEWS_TEXT_MAX];
        news_alarm(n, i, text);
        if (text[0] && !v->alarmed[i]) log_warn("kinds.alarm", "%s", text);
        v->alarmed[i] = text[0] != '\0';
    }
}

static void inventory_news(struct inventory *v) {
    struct news n, before;
    struct words *w = book_words(&v->book);
    news_find(&v->book, w, &n);
    book_news(&v->book, &before);
    n.drift = before.drift;
    bool due = n.warm_at == 0 || n.at / DRIFT_EVERY_S != before.at / DRIFT_EVERY_S || n.new_1h != before.new_1h;
    if (due) news_drift(&v->book, &n);
    publish_news(v, &n, w);
    say_alarms(v, &n);
    book_set_news(&v->book, &n);
    words_unref(w);
    v->news_at = n.at;
}

static void inventory_turn(struct inventory *v) {
    struct kinds *k = v->book.kinds;
    struct memo *m = pipeline_memo(v->pipeline);
    uint32_t now_s = (uint32_t)time(NULL);
    kinds_tick(k, now_s);
    bool dropped = kinds_sweep_begin(k);
    if (m) memo_sweep(m, dropped);
    kinds_sweep_end(k);
    take_totals(v, now_s);
    ruled_sweep(v->book.ruled, now_s);
    struct kinds_figures f;
    kinds_figures(k, &f);
    if (f.entered > v->entered)
        totals_add(v->book.totals, now_s, TOTALS_NEW_KINDS, 0, (uint32_t)(f.entered - v->entered));
    v->entered = f.entered;
    if (now_s % NEWS_EVERY_S == 0 || v->news_at == 0) inventory_news(v);
}

/* ---- the file ---- */

static void inventory_tell(struct inventory *v, const struct err *e) {
    atomic_fetch_add(&v->book.write_failures, 1);
    metrics_add(METRIC_KINDS_WRITE_FAILURES, 0, 0, 0, 1);
    if (!v->told) log_warn("kinds.unwritten", "%s; kinds of line are kept in memory only until that is mended", e->msg);
    v->told = true;
}

static void inventory_open_file(struct inventory *v) {
    struct err e = {0};
    if (v->path[0] == '\0') return;
    bool ok = state_dir_make_folders(v->path, &e);
    struct kinds_store *s = ok ? kinds_store_open(v->path, &e) : NULL;
    if (s && kinds_store_was_damaged(s)) {
        log_warn("kinds.damaged", "%s could not be read and is %s.damaged now; a new one takes its place", v->path,
                 v->path);
        atomic_fetch_add(&v->book.write_failures, 1);
        metrics_add(METRIC_KINDS_WRITE_FAILURES, 0, 0, 0, 1);
    }
    if (s && !kinds_store_load(s, &v->book, &e)) {
        kinds_store_close(s);
        s = NULL;
    }
    if (!s) inventory_tell(v, &e);
    pthread_mutex_lock(&v->store_lock);
    v->store = s;
    pthread_mutex_unlock(&v->store_lock);
    book_note_loaded(&v->book); /* what could not be read is not waited for */
}

/* False: not all that there was is written; it waits for the next time. */
static bool inventory_write(struct inventory *v, bool all) {
    bool more = true, ok = true;
    struct err e = {0};
    uint64_t begun = clock_now_ns(NULL);
    pthread_mutex_lock(&v->store_lock);
    while (v->store && more) {
        ok = kinds_store_write(v->store, &v->book, all, &more, &e);
        all = false;
        if (!ok) {
            inventory_tell(v, &e);
            break;
        }
        v->told = false;
        atomic_store(&v->book.written_s, (unsigned)time(NULL));
    }
    pthread_mutex_unlock(&v->store_lock);
    metrics_observe(METRIC_KINDS_WRITE, 0, 0, (double)(clock_now_ns(NULL) - begun) * 1e-9, 1);
    return ok;
}

/* There is no next time. */
static void inventory_write_last(struct inventory *v) {
    for (int tries = 1; !inventory_write(v, true) && tries < LAST_TRIES; tries++)
        nanosleep(&(struct timespec){.tv_nsec = LAST_WAIT_MS * 1000000L}, NULL);
}

/* ---- the thread ---- */

/* False: it is to end. */
static bool inventory_wait(struct inventory *v) {
    struct timespec until = clock_deadline(TURN_MS);
    pthread_mutex_lock(&v->lock);
    while (!v->ending && pthread_cond_timedwait(&v->changed, &v->lock, &until) == 0)
        ;
    bool ending = v->ending;
    pthread_mutex_unlock(&v->lock);
    return !ending;
}

static void *inventory_main(void *arg) {
    struct inventory *v = arg;
    inventory_open_file(v);
    for (unsigned turn = 1; inventory_wait(v); turn++) {
        inventory_turn(v);
        if (!v->store && turn % OPEN_EVERY_S == 0) inventory_open_file(v);
        if (turn % WRITE_EVERY_S == 0) inventory_write(v, turn % ALL_EVERY_S == 0);
    }
    inventory_turn(v);
    inventory_write_last(v);
    return NULL;
}

void inventory_run(struct inventory *v, struct pipeline *p) {
    v->pipeline = p;
    v->running = true;
    v->thread = thread_start(inventory_main, v);
}

void inventory_stop(struct inventory *v) {
    if (!v || !v->running) return;
    pthread_mutex_lock(&v->lock);
    v->ending = true;
    pthread_cond_signal(&v->changed);
    pthread_mutex_unlock(&v->lock);
    pthread_join(v->thread, NULL);
    v->running = false;
}

void inventory_close(struct inventory *v) {
    if (!v) return;
    inventory_stop(v);
    kinds_store_close(v->store);
    examples_close(v->book.examples);
    book_release(&v->book);
    redact_close(v->redact);
    pthread_cond_destroy(&v->changed);
    pthread_mutex_destroy(&v->lock);
    pthread_mutex_destroy(&v->store_lock);
    free(v);
}
