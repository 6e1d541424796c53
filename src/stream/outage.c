#include "stream/outage.h"

#include "base/clock.h"
#include "base/log.h"
#include "conf/section.h"
#include "metrics/metrics.h"

#include <unistd.h>

enum { WAIT_MS = 1000, WAIT_MS_MAX = 30000, DOUBLINGS_MAX = 5 };

void outage_init(struct outage *o, const struct section *conf, const char *where) {
    *o = (struct outage){.conf = conf, .where = where, .metric = metrics_name(METRIC_SET_SINK, conf->name)};
    o->rng.state = clock_now_ns(NULL) ^ (uint64_t)getpid() << 40;
    metrics_gauge_set(METRIC_SINK_UP, o->metric, 1);
}

void outage_failed(struct outage *o, const char *why) {
    if (o->failures++ > 0) return;
    log_error("sink.down", "[sink %s]: %s: %s; nothing is settled until it takes records again", o->conf->name,
              o->where, why);
    metrics_gauge_set(METRIC_SINK_UP, o->metric, 0);
}

void outage_over(struct outage *o) {
    if (o->failures == 0) return;
    o->failures = 0;
    log_info("sink.up", "[sink %s]: %s takes records again", o->conf->name, o->where);
    metrics_gauge_set(METRIC_SINK_UP, o->metric, 1);
}

uint64_t outage_wait_ms(struct outage *o) {
    unsigned doublings = o->failures > 1 ? o->failures - 1 : 0;
    unsigned most = (unsigned)WAIT_MS << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
    return rng_below(&o->rng, most < WAIT_MS_MAX ? most : WAIT_MS_MAX) + 1;
}
