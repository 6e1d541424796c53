/* drift: whether what comes is still what came: new kinds, the mix of labels, the share that nobody decides. Each is
 * compared with what it was here over the last week, not with numbers from books. Pure: counts in, findings out. */
#ifndef REVIEW_DRIFT_H
#define REVIEW_DRIFT_H

#include "data/label.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DRIFT_WEEK = 168,                 /* hours */
    DRIFT_HOURS = 2 * DRIFT_WEEK + 2, /* what is looked at: a week, and the week before each of its hours */
    DRIFT_LINES_MIN = 1000,           /* of an hour that counts */
    DRIFT_NEW_MIN = 20,               /* so many new kinds of an hour are no news */
    DRIFT_WARM_LINES = 10000,
    DRIFT_WARM_S = 24 * 3600,
};

#define DRIFT_WARM_UNSEEN 0.01
#define DRIFT_JSD_MIN     0.02

/* Lines of an hour. */
struct drift_hour {
    uint32_t label[LABEL_MAX];
    uint32_t lines, undecided;
    uint32_t new_kinds;
};

struct drift {
    bool warm; /* enough is known that new kinds are news */
    uint32_t new_1h;
    double new_limit;
    double jsd, jsd_limit, psi;                          /* of the last whole hour; jsd < 0: it had too few lines */
    double undecided, undecided_median, undecided_limit; /* likewise; undecided < 0 */
    bool new_alarm, jsd_alarm, undecided_alarm;
    uint32_t changes; /* labels that have another share than at this hour of the last 7 days */
    struct drift_change {
        unsigned label;
        double factor; /* against the most, or the least, of those hours */
        double chi2;   /* of its lines and the others, now and then: one degree of freedom */
    } change[LABEL_MAX];
};

/* hour[DRIFT_HOURS], oldest first; the last is the one that runs. */
struct drift_now {
    uint32_t new_1h;    /* kinds that were first seen within an hour, and not before enough was known */
    double unseen;      /* chance that the next line is of a kind never seen */
    uint64_t lines_24h; /* of all kinds */
    uint32_t age_s;     /* of the inventory */
    uint32_t warm_s;    /* since enough was known; 0: it was not, as far as the caller knows */
};
void drift_find(const struct drift_hour *hour, const struct drift_now *now, struct drift *d);

static inline bool drift_alarm(const struct drift *d) {
    return d->new_alarm || d->jsd_alarm || d->undecided_alarm;
}

/* Pearson's statistic of a table of two by two: of now_all lines now_n are such, of then_all lines then_n. */
double drift_chi2(uint64_t now_n, uint64_t now_all, uint64_t then_n, uint64_t then_all);

/* Jensen-Shannon divergence in bits, 0 to 1, and the population stability index of two counts of n labels. */
double drift_jsd(const uint64_t *p, const uint64_t *q, unsigned n);
double drift_psi(const uint64_t *p, const uint64_t *q, unsigned n);

#endif
