/* breaker: stops calling a service that keeps failing, and tries it again with one call after a rest.
 *
 *   CLOSED     all calls pass; `failures_max` failures in a row open it
 *   OPEN       no call passes until `reset_ms` have gone by
 *   HALF_OPEN  one call passes, the probe: its success closes the breaker, its failure opens it again, and when it does
 *              not report within `probe_ms` its place goes to the next call
 *
 * Every change of state starts a new generation, and what a call of an earlier generation reports is ignored. Time is
 * monotonic. One thread owns a breaker; only breaker_is_open may come from any thread. Nothing waits. */
#ifndef REMOTE_BREAKER_H
#define REMOTE_BREAKER_H

#include "base/clock.h"
#include "base/err.h"

#include <stdatomic.h>
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
    enum breaker_state state;
    uint64_t generation;
    unsigned failures;       /* in a row, while closed */
    uint64_t opened_ns;      /* while open */
    uint64_t probe_begun_ns; /* while half-open and probing */
    bool probing;
    atomic_ullong shut_until_ns; /* no call passes before; what other threads see of the rest */
};

/* A call's permission; give it back with breaker_leave, once. */
struct breaker_pass {
    uint64_t generation;
};

void breaker_init(struct breaker *b, const struct breaker_opts *o, const struct clock *clock);

/* May a call start? False with ERR_CIRCUIT_OPEN: it may not. */
bool breaker_enter(struct breaker *b, struct breaker_pass *pass, struct err *e);

void breaker_leave(struct breaker *b, struct breaker_pass pass, enum breaker_outcome outcome);

/* The state as of the last call; an open breaker stays OPEN until a call comes after its rest. */
enum breaker_state breaker_state(const struct breaker *b);

/* Would breaker_enter refuse a call now? Changes nothing; any thread. */
bool breaker_is_open(const struct breaker *b);

const char *breaker_state_name(enum breaker_state s); /* "half-open" */

#endif
