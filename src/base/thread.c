#include "base/thread.h"

#include "base/must.h"

#include <signal.h>

pthread_t thread_start(void *(*run)(void *), void *arg) {
    sigset_t all, before;
    pthread_t t;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    MUST(pthread_create(&t, NULL, run, arg) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return t;
}
