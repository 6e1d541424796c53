/* lane: the network's one thread. Records that no compute stage decided come in by lane_ask, pass the services in their
 * order (the first that has an answer wins), and go out by the answer callback. Equal questions are asked once; each
 * record waits no longer than its service's wait_ms; a service that is down, slow or wrong costs its own records time
 * and nobody else. Every attempt passes the service's breaker. */
#ifndef REMOTE_LANE_H
#define REMOTE_LANE_H

#include "base/clock.h"
#include "remote/asks.h"
#include "remote/service.h"

struct lane;

enum { LANE_ASKS_DEFAULT = 4096, LANE_WAITERS_DEFAULT = 1 << 17 };

struct lane_opts {
    const struct service *service[ASKS_STEPS_MAX]; /* in the order they are asked; must outlive the lane */
    unsigned services;
    unsigned asks_max;         /* different questions on their way: LANE_ASKS_DEFAULT */
    unsigned waiters_max;      /* records that wait: LANE_WAITERS_DEFAULT */
    question_answer *answer;   /* called on the lane's thread */
    void *ctx;                 /* its first argument */
    const struct clock *clock; /* NULL: the real one; tests */
};

struct lane *lane_open(const struct lane_opts *o, struct err *e);

/* Any thread; never waits. True: the answer callback will be called, once. False: there is no room (ERR_BUSY) or the
 * lane has been stopped (ERR_CANCELLED), and it will not. */
bool lane_ask(void *lane, const struct pending *p, const struct question *q, struct err *e);

/* Why a question would get no answer now, but for what is known already: every service's breaker is open, its budget
 * was used up a moment ago, or it asked us to stay away for longer than a call may take. ERR_OK: it may get one. Any
 * thread. */
enum err_code lane_shut(void *lane);

/* Refuses new questions, gives those on their way up to wait_ms, answers the rest with ERR_CANCELLED, ends the thread.
 */
void lane_stop(struct lane *l, uint64_t wait_ms);

void lane_close(struct lane *l); /* stops it, if need be, at once; NULL is fine */

#endif
