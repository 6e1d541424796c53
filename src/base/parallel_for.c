#include "base/parallel_for.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

struct pool {
    atomic_size_t next;
    size_t pieces;
    void (*work)(void *self, size_t piece, unsigned thread);
    void *self;
};

struct hand {
    struct pool *pool;
    unsigned thread;
};

static void *for_run(void *arg) {
    struct hand *h = arg;
    struct pool *p = h->pool;
    for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < p->pieces;) p->work(p->self, i, h->thread);
    return NULL;
}

unsigned parallel_for_threads(unsigned asked) {
    cpu_set_t cpus;
    if (asked == 0) asked = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
    return asked < 1 ? 1 : asked > PARALLEL_FOR_THREADS_MAX ? PARALLEL_FOR_THREADS_MAX : asked;
}

void parallel_for(size_t pieces, unsigned threads, void (*work)(void *self, size_t piece, unsigned thread),
                  void *self) {
    struct pool pool = {.pieces = pieces, .work = work, .self = self};
    struct hand hand[PARALLEL_FOR_THREADS_MAX];
    pthread_t id[PARALLEL_FOR_THREADS_MAX];
    unsigned n = parallel_for_threads(threads), started = 1;
    if (n > pieces) n = pieces ? (unsigned)pieces : 1;
    for (unsigned t = 0; t < n; t++) hand[t] = (struct hand){&pool, t};
    while (started < n && pthread_create(&id[started], NULL, for_run, &hand[started]) == 0) started++;
    for_run(&hand[0]); /* fewer threads than asked still do all the work */
    for (unsigned t = 1; t < started; t++) pthread_join(id[t], NULL);
}

struct both {
    bool (*call[2])(void *self, struct err *e);
    void *self;
    struct err why[2];
    bool ok[2];
};

static void both_run(void *arg, size_t piece, unsigned thread) {
    struct both *b = arg;
    (void)thread;
    b->ok[piece] = b->call[piece](b->self, &b->why[piece]);
}

bool parallel_both(bool (*first)(void *self, struct err *e), bool (*second)(void *self, struct err *e), void *self,
                   struct err *e) {
    struct both b = {.call = {first, second}, .self = self};
    parallel_for(2, 2, both_run, &b);
    if (!b.ok[0] || !b.ok[1]) *e = b.why[b.ok[0]];
    return b.ok[0] && b.ok[1];
}
