#include "review/drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHANGE_LINES_MIN = 20,
    CHANGE_TIMES = 3,
    REFERENCE_LINES_MIN = 10000,
    DAY_HOURS = 24,
    WEEK_DAYS = 7,
    HOUR_S = 3600
};

/* ---- two distributions ---- */

static uint64_t sum_of(const uint64_t *p, unsigned n) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++) sum += p[i];
    return sum;
}

/* Lin 1991: bounded, and zeros do no harm. */
double drift_jsd(const uint64_t *p, const uint64_t *q, unsigned n) {
    double ps = (double)sum_of(p, n), qs = (double)sum_of(q, n), sum = 0;
    if (ps <= 0 || qs <= 0) return 0;
    for (unsigned i = 0; i < n; i++) {
        double a = (double)p[i] / ps, b = (double)q[i] / qs, m = (a + b) / 2;
        if (a > 0) sum += a * log2(a / m) / 2;
        if (b > 0) sum += b * log2(b / m) / 2;
    }
    return sum < 0 ? 0 : sum;
}

/* Smoothed by half a line, so that an empty label does not make it infinite. Labels that neither has do not count. */
double drift_psi(const uint64_t *p, const uint64_t *q, unsigned n) {
    double ps = 0, qs = 0, sum = 0;
    for (unsigned i = 0; i < n; i++)
        if (p[i] | q[i]) ps += (double)p[i] + 0.5, qs += (double)q[i] + 0.5;
    for (unsigned i = 0; i < n; i++) {
        if (!(p[i] | q[i])) continue;
        double a = ((double)p[i] + 0.5) / ps, b = ((double)q[i] + 0.5) / qs;
        sum += (a - b) * log(a / b);
    }
    return sum;
}

/* ---- order statistics ---- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value below which a share q of them lie; 0 of none. Sorts them. */
static double quantile(double *v, unsigned n, double q) {
    if (n == 0) return 0;
    qsort(v, n, sizeof *v, by_size);
    return v[(unsigned)(q * (n - 1) + 0.5)];
}

/* ---- labels ---- */

/* Of hour t against the week before it, without hours of few lines. False: one of the two has too few. */
static bool compare_hour(const struct drift_hour *h, unsigned t, double *jsd, double *psi) {
    uint64_t now[LABEL_MAX], week[LABEL_MAX] = {0};
    if (h[t].lines < DRIFT_LINES_MIN) return false;
    for (unsigned l = 0; l < LABEL_MAX; l++) now[l] = h[t].label[l];
    for (unsigned i = t - DRIFT_WEEK; i < t; i++)
        for (unsigned l = 0; h[i].lines >= DRIFT_LINES_MIN && l < LABEL_MAX; l++) week[l] += h[i].label[l];
    if (sum_of(week, LABEL_MAX) < REFERENCE_LINES_MIN) return false;
    *jsd = drift_jsd(now, week, LABEL_MAX);
    if (psi) *psi = drift_psi(now, week, LABEL_MAX);
    return true;
}

/* Against its own history, two hours in a row: an hour like none of the last week. */
static void find_labels(const struct drift_hour *h, struct drift *d) {
    double past[DRIFT_WEEK], before = 0;
    unsigned n = 0, last = DRIFT_HOURS - 2;
    d->jsd = d->psi = -1;
    d->jsd_limit = DRIFT_JSD_MIN;
    for (unsigned t = last - DRIFT_WEEK + 1; t + 1 < last; t++)
        n += t >= DRIFT_WEEK && compare_hour(h, t, &past[n], NULL);
    d->jsd_limit = fmax(DRIFT_JSD_MIN, quantile(past, n, 0.99));
    if (!compare_hour(h, last, &d->jsd, &d->psi)) return;
    d->jsd_alarm = compare_hour(h, last - 1, &before, NULL) && before > d->jsd_limit && d->jsd > d->jsd_limit;
}

/* ---- the share that nobody decides ---- */

static double share_of(const struct drift_hour *h) {
    return h->lines >= DRIFT_LINES_MIN ? (double)h->undecided / h->lines : -1;
}

static void find_undecided(const struct drift_hour *h, struct drift *d) {
    double v[DRIFT_WEEK], off[DRIFT_WEEK];
    unsigned n = 0, last = DRIFT_HOURS - 2;
    for (unsigned t = last - DRIFT_WEEK + 1; t + 1 < last; t++)
        if (share_of(&h[t]) >= 0) v[n++] = share_of(&h[t]);
    d->undecided = share_of(&h[last]);
    d->undecided_median = quantile(v, n, 0.5);
    for (unsigned i = 0; i < n; i++) off[i] = fabs(v[i] - d->undecided_median);
    d->undecided_limit = n ? d->undecided_median + fmax(0.05, 4 * quantile(off, n, 0.5)) : 1;
    d->undecided_alarm = d->undecided > d->undecided_limit && share_of(&h[last - 1]) > d->undecided_limit;
}

/* ---- new kinds ---- */

static void find_new(const struct drift_hour *h, const struct drift_now *now, struct drift *d) {
    double v[DRIFT_WEEK];
    unsigned n = now->warm_s / HOUR_S; /* what came while it got to know the logs is no measure */
    if (n > DRIFT_WEEK) n = DRIFT_WEEK;
    for (unsigned i = 0; i < n; i++) v[i] = h[DRIFT_HOURS - 2 - i].new_kinds;
    d->warm = now->warm_s > 0 || (now->unseen < DRIFT_WARM_UNSEEN && now->lines_24h >= DRIFT_WARM_LINES) ||
              now->age_s >= DRIFT_WARM_S;
    d->new_1h = now->new_1h;
    d->new_limit = fmax(DRIFT_NEW_MIN, 3 * quantile(v, n, 0.99));
    d->new_alarm = d->warm && d->new_1h > d->new_limit;
}

/* ---- one label against the same hour of other days ---- */

static const double CHANGE_CHI2 = 5.412; /* what chance exceeds once in fifty times, with one degree of freedom */

double drift_chi2(uint64_t now_n, uint64_t now_all, uint64_t then_n, uint64_t then_all) {
    double a = (double)now_n, b = (double)now_all - a, c = (double)then_n, d = (double)then_all - c, n = a + b + c + d;
    double sides = (a + b) * (c + d) * (a + c) * (b + d);
    return sides > 0 ? n * (a * d - b * c) * (a * d - b * c) / sides : 0;
}

static void find_changes(const struct drift_hour *h, struct drift *d) {
    unsigned last = DRIFT_HOURS - 2;
    for (unsigned l = 0; l < LABEL_MAX; l++) {
        uint32_t now = h[last].label[l], most = 0, least = UINT32_MAX;
        uint64_t then_n = 0, then_all = 0;
        bool known = true;
        for (unsigned day = 1; day <= WEEK_DAYS; day++) {
            const struct drift_hour *then = &h[last - day * DAY_HOURS];
            known = known && then->lines > 0;
            most = then->label[l] > most ? then->label[l] : most;
            least = then->label[l] < least ? then->label[l] : least;
            then_n += then->label[l], then_all += then->lines;
        }
        double chi2 = drift_chi2(now, h[last].lines, then_n, then_all);
        bool larger = now * then_all > then_n * h[last].lines; /* its share */
        bool more = larger && now >= CHANGE_LINES_MIN && now > CHANGE_TIMES * (uint64_t)most;
        bool less = !larger && least >= CHANGE_LINES_MIN && (uint64_t)now * CHANGE_TIMES < least;
        if (!known || (!more && !less) || chi2 <= CHANGE_CHI2) continue;
        double of = more ? (most ? most : 1) : least;
        d->change[d->changes++] = (struct drift_change){l, now / of, chi2};
    }
}

void drift_find(const struct drift_hour *hour, const struct drift_now *now, struct drift *d) {
    memset(d, 0, sizeof *d);
    find_new(hour, now, d);
    find_labels(hour, d);
    find_undecided(hour, d);
    find_changes(hour, d);
}
