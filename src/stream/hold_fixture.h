/* hold_fixture: for tests: an engine without a model whose last stage holds every line back until it is released, so
 * that a test says when a chunk is decided. */
#ifndef STREAM_HOLD_FIXTURE_H
#define STREAM_HOLD_FIXTURE_H

#include "base/check.h"
#include "base/must.h"
#include "pipeline/pipeline.h"

#include <pthread.h>
#include <unistd.h>

enum { HELD_MAX = 1 << 16, LABEL_OF_NETWORK = 2 };

/* What no rule decides is held back by a network stage until flow_release() answers it, the last first. */
static struct {
    pthread_mutex_t lock;
    struct pending pending[HELD_MAX];
    unsigned n;
} g_held = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline bool flow_hold(void *self, const struct pending *p, const struct question *q, struct err *e) {
    (void)self, (void)q, (void)e;
    pthread_mutex_lock(&g_held.lock);
    MUST(g_held.n < HELD_MAX);
    g_held.pending[g_held.n++] = *p;
    pthread_mutex_unlock(&g_held.lock);
    return true;
}

/* Answers those that are held now, and not what comes in meanwhile. */
static inline void flow_release(struct pipeline *p) {
    static struct pending now[HELD_MAX];
    pthread_mutex_lock(&g_held.lock);
    unsigned n = g_held.n;
    memcpy(now, g_held.pending, n * sizeof *now);
    g_held.n = 0;
    pthread_mutex_unlock(&g_held.lock);
    while (n-- > 0) {
        struct answer a = {.decider = DECIDER_LLM, .label = LABEL_OF_NETWORK, .confidence = 0.5};
        pipeline_answer(p, &now[n], &a, ERR_OK);
    }
}

static inline unsigned held(void) {
    pthread_mutex_lock(&g_held.lock);
    unsigned n = g_held.n;
    pthread_mutex_unlock(&g_held.lock);
    return n;
}

static inline void wait_held(unsigned n) {
    for (int i = 0; i < 5000 && held() < n; i++) usleep(1000);
    CHECK_INT(held(), n);
}

static const struct network_stage g_network = {.hand_over = flow_hold};

static inline struct engine *open_rules(const char *labels) {
    struct err e = {0};
    struct engine_opts o = {.labels_path = labels, .classifier_threshold = 0.5, .pipeline_threshold = 0.2};
    struct engine *eng = engine_open(&o, &e);
    CHECK(eng != NULL);
    engine_set_network(eng, &g_network, 1);
    return eng;
}

#endif
