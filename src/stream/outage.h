/* outage: a time in which a sink's other side takes nothing: it is told once in the log when it begins and once when it
 * ends, and logclass_sink_up is 0 meanwhile. All on the sink's thread. */
#ifndef STREAM_OUTAGE_H
#define STREAM_OUTAGE_H

#include "base/rng.h"

#include <stdbool.h>
#include <stdint.h>

struct section;

struct outage {
    const struct section *conf;
    const char *where; /* the other side, as people know it; borrowed from conf */
    unsigned metric;   /* the sink's name among those of metrics */
    unsigned failures; /* in a row; 0: all is well */
    struct rng rng;
};

/* All is well. where lives as long as conf. */
void outage_init(struct outage *o, const struct section *conf, const char *where);

/* Another failure: the outage begins or goes on. */
void outage_failed(struct outage *o, const char *why);

/* The other side took something: the outage is over, if there was one. */
void outage_over(struct outage *o);

static inline bool outage_is_on(const struct outage *o) {
    return o->failures > 0;
}

/* How long to wait after the last failure: anything up to a limit that doubles from 1 s to 30 s (full jitter), so that
 * many who lost one server do not come back at once. */
uint64_t outage_wait_ms(struct outage *o);

#endif
