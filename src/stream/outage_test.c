#include "stream/outage.h"

#include "base/check.h"
#include "conf/section.h"
#include "metrics/metrics.h"

static double up(const struct outage *o) {
    return (double)metrics_value(METRIC_SINK_UP, o->metric, 0, 0);
}

static void an_outage_begins_goes_on_and_ends(void) {
    struct section conf = {.name = "far"};
    struct outage o;
    outage_init(&o, &conf, "tcp://far:1");
    CHECK(!outage_is_on(&o) && up(&o) == 1);
    outage_failed(&o, "nobody listens");
    outage_failed(&o, "nobody listens");
    CHECK(outage_is_on(&o) && up(&o) == 0);
    CHECK_INT(o.failures, 2);
    outage_over(&o);
    CHECK(!outage_is_on(&o) && up(&o) == 1);
}

/* The limit doubles with each failure, to 30 s; every wait is some of it. */
static void waits_grow_up_to_a_limit(void) {
    static const uint64_t MOST[] = {1000, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct section conf = {.name = "far"};
    struct outage o;
    outage_init(&o, &conf, "tcp://far:1");
    for (o.failures = 0; o.failures < 8; o.failures++) {
        uint64_t least = UINT64_MAX, most = 0;
        for (unsigned i = 0; i < 1000; i++) {
            uint64_t wait = outage_wait_ms(&o);
            if (wait < least) least = wait;
            if (wait > most) most = wait;
        }
        CHECK(least > 0 && least < MOST[o.failures] / 10);
        CHECK(most <= MOST[o.failures] && most > MOST[o.failures] * 9 / 10);
    }
}

CHECK_MAIN(CHECK_TEST(an_outage_begins_goes_on_and_ends), CHECK_TEST(waits_grow_up_to_a_limit))
