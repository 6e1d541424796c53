/* clock: monotonic time, replaceable in tests. A zero-filled struct clock is the real one. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

struct clock {
    uint64_t (*now_ns)(void *self); /* NULL: CLOCK_MONOTONIC */
    void *self;
};

uint64_t clock_now_ns(const struct clock *c); /* NULL: the real clock */

static inline uint64_t clock_ns_of_ms(uint64_t ms) {
    return ms * 1000000u;
}

/* The monotonic time in `ms` milliseconds, for pthread_cond_timedwait on a condition that was made for that clock. */
struct timespec clock_deadline(int ms);

#endif
