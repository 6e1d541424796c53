/* dispatcher: the network's one thread, which owns the table of calls and works on it without a lock. Records that no
 * compute stage decided come in by dispatcher_ask, which posts them to an inbox, pass the services in their order (the
 * first that has an answer wins), and go out by the answer callback. Equal questions are asked once; each record waits
 * no longer than its service's wait_ms; a failing or slow service delays only the records that are waiting for it.
 * Every attempt passes the service's breaker. */
#ifndef REMOTE_DISPATCHER_H
#define REMOTE_DISPATCHER_H

#include "base/clock.h"
#include "remote/calls.h"
#include "remote/service.h"

struct dispatcher;

enum { DISPATCHER_CALLS_DEFAULT = 4096, DISPATCHER_WAITERS_DEFAULT = 1 << 17 };

struct dispatcher_opts {
    const struct service *service[CALLS_STEPS_MAX]; /* in the order they are asked; must outlive the dispatcher */
    unsigned services;
    unsigned calls_max;        /* different questions on their way: DISPATCHER_CALLS_DEFAULT */
    unsigned waiters_max;      /* records that wait: DISPATCHER_WAITERS_DEFAULT */
    question_answer *answer;   /* called on the dispatcher's thread */
    void *ctx;                 /* its first argument */
    const struct clock *clock; /* NULL: the real one; tests */
};

struct dispatcher *dispatcher_open(const struct dispatcher_opts *o, struct err *e);

/* Any thread; never waits. True: the answer callback will be called, once; with ERR_BUSY when the table of calls turns
 * out to be full. False: there is no room in the inbox (ERR_BUSY) or the dispatcher has been stopped (ERR_CANCELLED),
 * and the callback will not be called. */
bool dispatcher_ask(void *dispatcher, const struct pending *p, const struct question *q, struct err *e);

/* Why a question would get no answer now, but for what is known already: every service's breaker is open, its budget
 * was used up a moment ago, or it asked us to stay away for longer than a call may take. ERR_OK: it may get one. Any
 * thread. */
enum err_code dispatcher_unavailable(void *dispatcher);

/* Refuses new questions, gives those on their way up to wait_ms, answers the rest with ERR_CANCELLED, ends the thread.
 */
void dispatcher_stop(struct dispatcher *d, uint64_t wait_ms);

void dispatcher_close(struct dispatcher *d); /* stops it, if need be, at once; NULL is fine */

#endif
