#include "base/thread.h"

#include "base/must.h"

#include <signal.h>
#include <string.h>

/* 0, or the reason why not. */
static int start_blocked(pthread_t *t, void *(*run)(void *), void *arg) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(t, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

pthread_t thread_start(void *(*run)(void *), void *arg) {
    pthread_t t;
    int failed = start_blocked(&t, run, arg);
    if (failed) must_lack("thread", strerror(failed));
    return t;
}

bool thread_try(pthread_t *t, void *(*run)(void *), void *arg, struct err *e) {
    int failed = start_blocked(t, run, arg);
    return !failed || err_set(e, ERR_IO, "a thread can't be started: %s", strerror(failed));
}
