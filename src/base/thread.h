/* thread: threads that take no signals; those are the main thread's (or of one that asks for them with sigwait). */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread with every signal blocked. A machine that can't start one of our few threads can't run us: it
 * stops (must_lack). */
pthread_t thread_start(void *(*run)(void *), void *arg);

/* The same; false: it can't be started, and e says why. */
bool thread_try(pthread_t *t, void *(*run)(void *), void *arg, struct err *e);

#endif
