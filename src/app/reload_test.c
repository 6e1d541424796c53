#include "app/reload.h"

#include "base/check.h"
#include "base/thread.h"

struct waiter {
    struct reload *r;
    bool ok;
    struct err e;
};

static void *wait_engine(void *arg) {
    struct waiter *w = arg;
    w->ok = reload_engine(w->r, &w->e);
    return NULL;
}

static void who_waits_hears_how_it_went(void) {
    struct reload r;
    struct waiter w = {.r = &r}, later = {.r = &r};
    struct err none = {0}, broken = {0};
    reload_init(&r);
    err_set(&broken, ERR_RULE, "a broken rule");
    CHECK_INT(reload_next(&r, 1), RELOAD_NOTHING);
    pthread_t first = thread_start(wait_engine, &w);
    CHECK_INT(reload_next(&r, -1), RELOAD_ENGINE);
    reload_ask(&r, RELOAD_OPTIONS); /* while the other is under way: it comes next */
    reload_done(&r, &broken);
    pthread_join(first, NULL);
    CHECK(!w.ok && w.e.code == ERR_RULE);
    CHECK_STR(w.e.msg, "a broken rule");
    CHECK_INT(reload_next(&r, -1), RELOAD_OPTIONS);
    reload_done(&r, &none);
    CHECK_INT(reload_next(&r, 0), RELOAD_NOTHING);
    pthread_t second = thread_start(wait_engine, &later);
    CHECK_INT(reload_next(&r, -1), RELOAD_ENGINE);
    reload_done(&r, &none);
    pthread_join(second, NULL);
    CHECK(later.ok);
    reload_destroy(&r);
}

static void one_reload_serves_all_who_asked_before_it_began(void) {
    enum { N = 8 };
    struct reload r;
    struct waiter w[N];
    pthread_t thread[N];
    struct err none = {0};
    unsigned served = 0;
    reload_init(&r);
    for (int i = 0; i < N; i++) {
        w[i] = (struct waiter){.r = &r};
        thread[i] = thread_start(wait_engine, &w[i]);
    }
    while (served < N) { /* each turn takes at least one of them */
        CHECK_INT(reload_next(&r, -1), RELOAD_ENGINE);
        reload_done(&r, &none);
        served = r.served;
    }
    for (int i = 0; i < N; i++) {
        pthread_join(thread[i], NULL);
        CHECK(w[i].ok);
    }
    reload_destroy(&r);
}

static void the_end_refuses_who_waits(void) {
    struct reload r;
    struct waiter w = {.r = &r};
    struct err e = {0};
    reload_init(&r);
    reload_ask(&r, RELOAD_END);
    pthread_t thread = thread_start(wait_engine, &w);
    pthread_join(thread, NULL);
    CHECK(!w.ok && w.e.code == ERR_CANCELLED);
    CHECK_INT(reload_next(&r, -1), RELOAD_END);
    CHECK(!reload_engine(&r, &e));
    reload_destroy(&r);
}

CHECK_MAIN(CHECK_TEST(who_waits_hears_how_it_went), CHECK_TEST(one_reload_serves_all_who_asked_before_it_began),
           CHECK_TEST(the_end_refuses_who_waits))
