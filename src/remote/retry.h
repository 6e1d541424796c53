/* retry: whether and when a failed attempt is tried again. Pure arithmetic; waiting is the caller's. */
#ifndef REMOTE_RETRY_H
#define REMOTE_RETRY_H

#include "base/err.h"

#include <stdint.h>

struct retry_opts {
    unsigned retries_max; /* attempts after the first: 2 */
    uint64_t wait_ms;     /* before the first retry; doubles with each: 100 (100, 200, …) */
    double jitter;        /* 0..1: share of the wait that is random, taken off it: 0 */
};

#define RETRY_DEFAULT ((struct retry_opts){.retries_max = 2, .wait_ms = 100})

/* A call after a failed attempt. */
struct retry_call {
    unsigned attempts;  /* made so far, at least 1 */
    enum err_code code; /* why the last one failed */
    int64_t asked_ms;   /* how long the service asked us to wait; -1: it did not say */
    int64_t left_ms;    /* until the call's time is over */
};

enum { RETRY_NEVER = -1 };

/* Milliseconds to wait before the next attempt, never less than the service asked for. RETRY_NEVER: the error is
 * permanent, the retries are used up, or the call's time would be over by then. random: any number, for the jitter. */
int64_t retry_wait_ms(const struct retry_opts *o, const struct retry_call *call, uint64_t random);

#endif
