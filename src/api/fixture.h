/* fixture: for the API's tests: a server with a real pipeline, which knows one rule (a message that begins with "User"
 * is USER_ACTION) and asks a network of our own about the rest: it knows nothing ("fail 9": for error 9). */
#ifndef API_FIXTURE_H
#define API_FIXTURE_H

#include "api/api.h"
#include "http/fixture.h"
#include "pipeline/pipeline.h"

enum { FIXTURE_FILLERS = PIPELINE_QUEUE_SLICES + 8 };

static struct {
    struct pipeline *pipeline;
    struct engine *engine;
    atomic_bool starts_empty;   /* fix_start loads no engine: fix_load does */
    atomic_bool held;           /* the worker keeps what only the network could know */
    atomic_uint asked, largest; /* questions; records of the largest batch that came with one */
    struct batch filler[FIXTURE_FILLERS];
    struct record filler_record;
    struct result filler_result[FIXTURE_FILLERS];
    atomic_uint fillers_done;
    unsigned fillers;
} fix_api;

/* A real one never waits. This one may, so that the worker has its hands full. */
static inline bool fix_hand_over(void *self, const struct pending *p, const struct question *q, struct err *e) {
    (void)self;
    if (p->batch->n > atomic_load(&fix_api.largest)) atomic_store(&fix_api.largest, p->batch->n);
    atomic_fetch_add(&fix_api.asked, 1);
    while (atomic_load(&fix_api.held)) usleep(1000);
    *e = (struct err){0};
    if (span_starts(q->message, SPAN_LIT("fail "))) e->code = (enum err_code)atoi(q->message.p + 5);
    return false;
}

static const struct network_stage FIX_NETWORK = {.hand_over = fix_hand_over};

static inline void fix_temporary(char *path, const char *text) {
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* An engine with one rule, "User" → user_label. labels: text of a labels file; NULL: the built-in ones. */
static inline struct engine *fix_engine(const char *labels, const char *user_label) {
    char rules_path[] = "/tmp/logclass_rules_XXXXXX", labels_path[] = "/tmp/logclass_labels_XXXXXX", rules[200];
    snprintf(rules, sizeof rules, "[rule user]\nlabel = %s\npattern = ^User\n", user_label);
    fix_temporary(rules_path, rules);
    fix_temporary(labels_path, labels ? labels : "");
    struct err e = {0};
    struct engine_opts o = {.rules_path = rules_path,
                            .labels_path = labels ? labels_path : "",
                            .classifier_threshold = 0.5,
                            .pipeline_threshold = 0.2};
    struct engine *eng = engine_open(&o, &e);
    if (!eng) fprintf(stderr, "%s\n", e.msg);
    CHECK(eng != NULL);
    unlink(rules_path);
    unlink(labels_path);
    if (eng) engine_set_network(eng, &FIX_NETWORK, 1);
    return eng;
}

/* Puts another engine in force. The one before is let go of by its last batch. */
static inline void fix_load(struct engine *eng) {
    pipeline_swap(fix_api.pipeline, eng);
    engine_unref(fix_api.engine);
    fix_api.engine = eng;
}

static inline bool fix_start(const struct api_opts *o) {
    struct err e = {0};
    struct pipeline_opts po = {.workers = 1};
    atomic_store(&fix_api.largest, 0);
    fix_api.engine = atomic_load(&fix_api.starts_empty) ? NULL : fix_engine(NULL, "USER_ACTION");
    fix_api.pipeline = pipeline_open(&po, fix_api.engine, &e);
    CHECK(fix_api.pipeline != NULL);
    return fix_run(api_open_server(o, label_default(), fix_api.pipeline, &e), &e);
}

/* What fix_stop has left. The pipeline ends first: it may still hold batches. */
static inline void fix_close(void) {
    pipeline_close(fix_api.pipeline);
    server_close(fix.server);
    if (fix_api.engine) CHECK_INT(atomic_load(&fix_api.engine->pinned), 0);
    engine_unref(fix_api.engine);
}

static inline void fix_end(void) {
    fix_stop();
    fix_close();
}

static inline struct api_opts fix_opts(void) {
    struct api_opts o = API_OPTS_DEFAULT;
    o.http.port = 0;
    o.http.allowed_hosts = "x"; /* what the tests call it */
    return o;
}

static inline void fix_filler_done(struct batch *b) {
    (void)b;
    atomic_fetch_add(&fix_api.fillers_done, 1);
}

static inline bool fix_submit_filler(const char *message) {
    struct err e = {0};
    struct batch *b = &fix_api.filler[fix_api.fillers];
    fix_api.filler_record = (struct record){.message = span_of(message)};
    *b = (struct batch){.rec = &fix_api.filler_record, .res = &fix_api.filler_result[fix_api.fillers], .n = 1};
    b->done = fix_filler_done;
    *b->res = (struct result){0};
    bool taken = fix_api.fillers < FIXTURE_FILLERS && pipeline_submit(fix_api.pipeline, b, &e);
    fix_api.fillers += taken;
    return taken;
}

/* Fills the pipeline's queue, so that it takes nothing more; or lets it run empty again. */
static inline void fix_busy(bool busy) {
    if (busy) {
        unsigned asked = atomic_load(&fix_api.asked);
        fix_api.fillers = 0;
        atomic_store(&fix_api.fillers_done, 0);
        atomic_store(&fix_api.held, true);
        CHECK(fix_submit_filler("for the worker to hold"));
        while (atomic_load(&fix_api.asked) == asked) usleep(1000);
        while (fix_submit_filler("for the worker to hold"))
            ;
        return;
    }
    atomic_store(&fix_api.held, false);
    while (atomic_load(&fix_api.fillers_done) < fix_api.fillers) usleep(1000);
}

#endif
