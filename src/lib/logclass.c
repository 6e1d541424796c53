#include "lib/logclass.h"

#include "app/about.h"
#include "app/classifier.h"
#include "base/json_out.h"
#include "base/log.h"
#include "base/must.h"
#include "base/unconst.h"
#include "build_info.h"
#include "data/chunk.h"
#include "data/result_json.h"
#include "pipeline/explain.h"
#include "pipeline/fast_path.h"

#include <stdio.h>
#include <unistd.h>

enum {
    AT_ONCE = 65536, /* lines a batch: all workers are busy, and results take a few MB */
    FAST_KEPT = 8,   /* fast paths that wait for the next small call */
    ABOUT_MAX = 8192,
    EXPLANATION_MAX = 1 << 20
};

struct logclass {
    struct classifier classifier;
    struct conf conf;
    pid_t owner;
    struct buf about;
    pthread_mutex_t fast_lock;
    struct fast_path *fast[FAST_KEPT];
    unsigned fast_n;
    pthread_mutex_t explain_lock;
    struct engine_scratch scratch; /* for explanations */
    bool has_scratch;
};

/* A line is a record as the pipeline has them, so that nothing is copied; the names of reasons are its enum. */
_Static_assert(sizeof(struct logclass_line) == sizeof(struct record) &&
                   offsetof(struct logclass_line, source) == offsetof(struct record, source.p) &&
                   offsetof(struct logclass_line, source_bytes) == offsetof(struct record, source.n) &&
                   offsetof(struct logclass_line, message) == offsetof(struct record, message.p) &&
                   offsetof(struct logclass_line, message_bytes) == offsetof(struct record, message.n),
               "a line is a record");
_Static_assert(sizeof(struct logclass_answer) == 16 && sizeof(struct logclass_error) == 516, "the ABI");
_Static_assert((int)LOGCLASS_REGEX == DECIDER_REGEX && (int)LOGCLASS_FALLBACK == DECIDER_FALLBACK, "the ABI");

/* ---- errors ---- */

static enum logclass_status logclass_status_of(enum err_code code) {
    static const enum logclass_status STATUS[ERR_COUNT] = {
        [ERR_USAGE] = LOGCLASS_USAGE, [ERR_CONFIG] = LOGCLASS_USAGE, [ERR_LIMIT] = LOGCLASS_USAGE,
        [ERR_INPUT] = LOGCLASS_FILES, [ERR_IO] = LOGCLASS_FILES,     [ERR_MODEL] = LOGCLASS_FILES,
        [ERR_RULE] = LOGCLASS_FILES,  [ERR_MEMORY] = LOGCLASS_MEMORY};
    return STATUS[code] ? STATUS[code] : LOGCLASS_FAILED;
}

static int logclass_refuse(struct logclass_error *error, enum logclass_status status, const char *text) {
    if (error) error->status = (int)status, snprintf(error->text, sizeof error->text, "%s", text);
    return (int)status;
}

/* The threads did not come along, and locks may be held by those that were left behind. */
static int logclass_check(const struct logclass *c, struct logclass_error *error) {
    if (error) *error = (struct logclass_error){0};
    if (!c) return logclass_refuse(error, LOGCLASS_USAGE, "the classifier is NULL");
    if (c->owner == getpid()) return LOGCLASS_OK;
    return logclass_refuse(error, LOGCLASS_FORKED,
                           "this classifier was opened before a fork, by another process: open one in this process");
}

/* ---- open and close ---- */

/* What a caller that was built with a newer header says beyond what is known here must be nothing. */
static bool take_options(const struct logclass_options *from, struct logclass_options *o, struct err *e) {
    *o = (struct logclass_options){.size = sizeof *o};
    if (!from) return true;
    if (from->size < offsetof(struct logclass_options, use_state) + sizeof from->use_state)
        return err_set(e, ERR_USAGE, "options.size is %zu: expected sizeof(struct logclass_options)", from->size);
    const char *bytes = (const char *)from;
    for (size_t i = sizeof *o; i < from->size; i++)
        if (bytes[i])
            return err_set(e, ERR_USAGE, "the options have fields that logclass %s does not know", BUILD_VERSION);
    *o = *from;
    return true;
}

static bool logclass_load(struct logclass *c, const struct logclass_options *o, struct err *e) {
    if (!conf_load_settings(&c->conf, CONF_LIBRARY, o->settings, e)) return false;
    return !o->data_dir || conf_set(&c->conf, "data-dir", o->data_dir, "data_dir", e);
}

static bool logclass_start(struct logclass *c, const struct logclass_options *from, struct err *e) {
    struct logclass_options o;
    if (!take_options(from, &o, e) || !logclass_load(c, &o, e)) return false;
    enum classifier_use use = o.use_state ? CLASSIFIER_FILES : CLASSIFIER_LIBRARY;
    if (!classifier_open(&c->classifier, &c->conf, use, e)) return false;
    about_write(&c->about, &c->classifier, &c->conf);
    buf_putc(&c->about, '\0');
    return !c->about.failed || err_set(e, ERR_MEMORY, "no memory for a text of %d bytes", ABOUT_MAX);
}

struct logclass *logclass_open(const struct logclass_options *options, struct logclass_error *error) {
    struct err e = {0};
    struct logclass *c = calloc(1, sizeof *c);
    if (error) *error = (struct logclass_error){0};
    if (!c) {
        logclass_refuse(error, LOGCLASS_MEMORY, "no memory for a classifier");
        return NULL;
    }
    log_setup(LOG_NOTHING, false); /* stderr is the program's that this is part of */
    c->owner = getpid();
    buf_init(&c->about, ABOUT_MAX);
    pthread_mutex_init(&c->fast_lock, NULL);
    pthread_mutex_init(&c->explain_lock, NULL);
    if (logclass_start(c, options, &e)) return c;
    logclass_refuse(error, logclass_status_of(e.code), e.msg);
    logclass_close(c);
    return NULL;
}

void logclass_close(struct logclass *c) {
    if (!c || c->owner != getpid()) return;
    classifier_stop(&c->classifier);
    while (c->fast_n > 0) fast_path_close(c->fast[--c->fast_n]);
    if (c->has_scratch) engine_scratch_close(&c->scratch);
    classifier_close(&c->classifier);
    conf_release(&c->conf);
    buf_release(&c->about);
    pthread_mutex_destroy(&c->fast_lock);
    pthread_mutex_destroy(&c->explain_lock);
    free(c);
}

/* ---- a few lines: on the caller's thread, as far as they need no encoder ---- */

static struct fast_path *take_fast(struct logclass *c) {
    pthread_mutex_lock(&c->fast_lock);
    struct fast_path *f = c->fast_n > 0 ? c->fast[--c->fast_n] : NULL;
    pthread_mutex_unlock(&c->fast_lock);
    return f ? f : fast_path_open(c->classifier.pipeline);
}

static void give_fast(struct logclass *c, struct fast_path *f) {
    pthread_mutex_lock(&c->fast_lock);
    bool kept = c->fast_n < FAST_KEPT;
    if (kept) c->fast[c->fast_n++] = f;
    pthread_mutex_unlock(&c->fast_lock);
    if (!kept) fast_path_close(f);
}

static bool logclass_decide_here(struct logclass *c, struct batch *b) {
    if (b->n > FAST_PATH_RECORDS_MAX) return false;
    struct fast_path *f = take_fast(c);
    bool done = fast_path_run(f, b);
    give_fast(c, f);
    return done;
}

/* ---- many: by the workers ---- */

/* Decides rec[n], n <= AT_ONCE, which is only read. */
static void logclass_decide(struct logclass *c, const struct record *rec, struct result *res, uint32_t n) {
    struct batch b = {.rec = unconst(rec), .res = res, .n = n};
    struct err e = {0};
    MUST(pipeline_pin(c->classifier.pipeline, &b, &e)); /* there is an engine from the first moment on */
    if (!logclass_decide_here(c, &b)) pipeline_decide(c->classifier.pipeline, &b);
    pipeline_unpin(&b);
}

static struct logclass_answer answer_of(const struct logclass *c, const struct result *r) {
    return (struct logclass_answer){.confidence = r->confidence,
                                    .label = r->label,
                                    .decider = r->decider,
                                    .reason = (uint8_t)reason_of(r, &c->classifier.engine->labels)};
}

/* Of a record, as of a line of a file, the first CHUNK_LINE_MAX bytes count. */
static bool fits(const struct record *rec, size_t n) {
    size_t longest = 0;
    for (size_t i = 0; i < n; i++) longest = rec[i].message.n > longest ? rec[i].message.n : longest;
    return longest <= CHUNK_LINE_MAX;
}

static void cut_lines(struct record *to, const struct record *from, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        to[i] = (struct record){from[i].source, span_sub(from[i].message, 0, CHUNK_LINE_MAX)};
}

int logclass_classify(struct logclass *c, const struct logclass_line *line, size_t n, struct logclass_answer *answer,
                      struct logclass_error *error) {
    const struct record *rec = (const void *)line;
    uint32_t most = n < AT_ONCE ? (uint32_t)n : AT_ONCE;
    int status = logclass_check(c, error);
    if (status != LOGCLASS_OK || n == 0) return status;
    if (!line || !answer) return logclass_refuse(error, LOGCLASS_USAGE, "line or answer is NULL");
    struct result *res = calloc(most, sizeof *res);
    bool whole = fits(rec, n);
    struct record *cut = whole ? NULL : malloc(most * sizeof *cut);
    bool ok = res && (whole || cut);
    for (size_t from = 0; ok && from < n; from += most) {
        uint32_t m = n - from < most ? (uint32_t)(n - from) : most;
        if (cut) cut_lines(cut, rec + from, m);
        logclass_decide(c, cut ? cut : rec + from, res, m);
        for (uint32_t i = 0; i < m; i++) answer[from + i] = answer_of(c, &res[i]);
    }
    free(cut);
    free(res);
    return ok ? LOGCLASS_OK : logclass_refuse(error, LOGCLASS_MEMORY, "no memory for the answers");
}

/* ---- explanations ---- */

static bool explain_into(struct logclass *c, const struct record *rec, const struct result *res, struct buf *out,
                         struct err *e) {
    struct explanation x;
    pthread_mutex_lock(&c->explain_lock);
    if (!c->has_scratch) c->has_scratch = engine_scratch_open(c->classifier.engine, &c->scratch, e);
    bool ok = c->has_scratch;
    if (ok) {
        struct explain_opts o = {.labels = EXPLAIN_LABELS};
        explain_find(&x, c->classifier.engine, &c->scratch, rec, res, &o);
        buf_putc(out, '{');
        result_json_members(out, &c->classifier.engine->labels, res);
        buf_puts(out, ",\"explain\":");
        explain_json(out, &x);
        buf_put(out, "}", sizeof "}");
    }
    pthread_mutex_unlock(&c->explain_lock);
    return ok && (!out->failed || err_set(e, ERR_MEMORY, "no memory for an explanation"));
}

char *logclass_explain(struct logclass *c, const struct logclass_line *line, struct logclass_error *error) {
    struct result res = {0};
    struct record rec;
    struct err e = {0};
    struct buf out;
    if (logclass_check(c, error) != LOGCLASS_OK) return NULL;
    if (!line) {
        logclass_refuse(error, LOGCLASS_USAGE, "the line is NULL");
        return NULL;
    }
    cut_lines(&rec, (const void *)line, 1);
    logclass_decide(c, &rec, &res, 1);
    buf_init(&out, EXPLANATION_MAX);
    if (explain_into(c, &rec, &res, &out, &e)) return out.p;
    logclass_refuse(error, logclass_status_of(e.code), e.msg);
    buf_release(&out);
    return NULL;
}

void logclass_free(char *text) {
    free(text);
}

/* ---- names ---- */

unsigned logclass_labels(const struct logclass *c) {
    return c->classifier.engine->labels.n;
}

static const struct label *logclass_label(const struct logclass *c, unsigned label) {
    const struct label_set *set = &c->classifier.engine->labels;
    return label < set->n ? &set->label[label] : NULL;
}

const char *logclass_label_id(const struct logclass *c, unsigned label) {
    const struct label *l = logclass_label(c, label);
    return l ? l->id : NULL;
}

const char *logclass_label_name(const struct logclass *c, unsigned label) {
    const struct label *l = logclass_label(c, label);
    return l ? l->name : NULL;
}

const char *logclass_label_about(const struct logclass *c, unsigned label) {
    const struct label *l = logclass_label(c, label);
    return l ? l->description : NULL;
}

const char *logclass_decider_name(unsigned decider) {
    return decider < DECIDER_COUNT ? decider_name((enum decider)decider) : NULL;
}

const char *logclass_reason_name(unsigned reason) {
    return reason < REASON_COUNT ? reason_name((enum reason)reason) : NULL;
}

const char *logclass_about(const struct logclass *c) {
    return c->about.p;
}

const char *logclass_version(void) {
    return BUILD_VERSION;
}
