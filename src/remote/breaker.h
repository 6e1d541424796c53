/* breaker: stops calling a service that keeps failing, and tries it again with one call after a rest.
 *
 *   CLOSED     all calls pass; `failures_max` failures in a row open it
 *   OPEN       no call passes until `reset_ms` have gone by
 *   HALF_OPEN  one call passes, the probe: its success closes the breaker, its failure opens it again, and when it does
 *              not report within `probe_ms` its place goes to the next call
 *
 * Every change of state starts a new generation, and what a call of an earlier generation reports is ignored. Time is
 * monotonic. Any thread may call; nothing waits. Source of the defaults: the contract, section 4. */
#ifndef REMOTE_BREAKER_H
#define REMOTE_BREAKER_H

#include "base/clock.h"
#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

/* What came of a call that passed. ABANDONED: it was given up before it could tell anything about the service. */
enum breaker_outcome { BREAKER_SUCCEEDED, BREAKER_FAILED, BREAKER_ABANDONED };

struct breaker_opts {
    unsigned failures_max; /* in a row; at least 1 */
    uint64_t reset_ms;     /* rest of an open breaker */
    uint64_t probe_ms;     /* time-out of a call */
};

struct breaker {
    struct breaker_opts opts;
    const struct clock *clock; /* NULL: the real one */
    pthread_mutex_t lock;
    enum breaker_state state;
    uint64_t generation;
    unsigned failures;       /* in a row, while closed */
    uint64_t opened_ns;      /* while open */
    uint64_t probe_begun_ns; /* while half-open and probing */
    bool probing;
};

/* A call's permission; give it back with breaker_leave, once. */
struct breaker_pass {
    uint64_t generation;
};

void breaker_init(struct breaker *b, const struct breaker_opts *o, const struct clock *clock);
void breaker_release(struct breaker *b);

/* May a call start? False with ERR_CIRCUIT_OPEN: it may not. */
bool breaker_enter(struct breaker *b, struct breaker_pass *pass, struct err *e);

void breaker_leave(struct breaker *b, struct breaker_pass pass, enum breaker_outcome outcome);

/* The state as of the last call; an open breaker stays OPEN until a call comes after its rest. */
enum breaker_state breaker_state(struct breaker *b);

/* Would breaker_enter refuse a call now? Changes nothing. */
bool breaker_is_open(struct breaker *b);

const char *breaker_state_name(enum breaker_state s); /* "half-open" */

#endif
