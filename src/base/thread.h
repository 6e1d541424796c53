/* thread: threads that take no signals; those are the main thread's (or of one that asks for them with sigwait). */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* Starts a thread with every signal blocked. A machine that can't start one of our few threads can't run us: it
 * aborts. */
pthread_t thread_start(void *(*run)(void *), void *arg);

#endif
