#include "train/lbfgs.h"

#include "base/must.h"

#include <math.h>
#include <string.h>

enum { PAIRS = 10, TRIES_MAX = 40 };

static const double DECREASE = 1e-4, CURVATURE = 0.9; /* c1 and c2 of the Wolfe conditions, as the book advises */

/* The last PAIRS steps s and changes of the gradient y, in a ring. */
struct history {
    double *s[PAIRS], *y[PAIRS], rho[PAIRS];
    unsigned n, newest;
};

struct state {
    const struct lbfgs_problem *p;
    struct history h;
    double *x, *grad, *dir;     /* the point, its gradient, where to go */
    double *trial, *trial_grad; /* the point the line search looks at */
    double value;
};

static double lbfgs_dot(const double *a, const double *b, size_t n) {
    double lane[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (unsigned k = 0; k < 4; k++) lane[k] += a[i + k] * b[i + k];
    for (; i < n; i++) lane[0] += a[i] * b[i];
    return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

static void add_scaled(double *to, double scale, const double *v, size_t n) {
    for (size_t i = 0; i < n; i++) to[i] += scale * v[i];
}

static double lbfgs_largest(const double *v, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(v[i]));
    return most;
}

/* dir = -H grad by the two loops over the history, newest pair first, then oldest first. */
static void find_direction(struct state *t) {
    struct history *h = &t->h;
    size_t n = t->p->n;
    double alpha[PAIRS];
    for (size_t i = 0; i < n; i++) t->dir[i] = -t->grad[i];
    for (unsigned k = 0; k < h->n; k++) {
        unsigned j = (h->newest + PAIRS - k) % PAIRS;
        alpha[j] = h->rho[j] * lbfgs_dot(h->s[j], t->dir, n);
        add_scaled(t->dir, -alpha[j], h->y[j], n);
    }
    if (h->n > 0) {
        const double *y = h->y[h->newest];
        double scale = 1 / (h->rho[h->newest] * lbfgs_dot(y, y, n));
        for (size_t i = 0; i < n; i++) t->dir[i] *= scale;
    }
    for (unsigned k = h->n; k-- > 0;) {
        unsigned j = (h->newest + PAIRS - k) % PAIRS;
        add_scaled(t->dir, alpha[j] - h->rho[j] * lbfgs_dot(h->y[j], t->dir, n), h->s[j], n);
    }
}

/* Finds a step along dir that makes f enough smaller and the slope enough flatter: the step is doubled until it is too
 * long, then bisected. Leaves the point in trial; false when none makes f smaller. */
static bool search_line(struct state *t, double step, double *value) {
    size_t n = t->p->n;
    double slope = lbfgs_dot(t->grad, t->dir, n), low = 0, high = INFINITY;
    if (!(slope < 0)) return false;
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        for (size_t k = 0; k < n; k++) t->trial[k] = t->x[k] + step * t->dir[k];
        *value = t->p->value(t->p->self, t->trial, t->trial_grad);
        if (!(*value <= t->value + DECREASE * step * slope))
            high = step;
        else if (lbfgs_dot(t->trial_grad, t->dir, n) < CURVATURE * slope)
            low = step;
        else
            return true;
        step = isinf(high) ? 2 * low : (low + high) / 2;
    }
    return *value < t->value;
}

static void swap(double **a, double **b) {
    double *t = *a;
    *a = *b;
    *b = t;
}

/* Moves to the trial point and remembers the step, unless its curvature is not positive. */
static void take_step(struct state *t, double value) {
    struct history *h = &t->h;
    size_t n = t->p->n;
    unsigned j = h->n ? (h->newest + 1) % PAIRS : 0;
    for (size_t i = 0; i < n; i++) {
        h->s[j][i] = t->trial[i] - t->x[i];
        h->y[j][i] = t->trial_grad[i] - t->grad[i];
    }
    double sy = lbfgs_dot(h->s[j], h->y[j], n);
    if (sy > 1e-12 * lbfgs_dot(h->y[j], h->y[j], n)) {
        h->rho[j] = 1 / sy;
        h->newest = j;
        if (h->n < PAIRS) h->n++;
    }
    t->value = value;
    swap(&t->x, &t->trial);
    swap(&t->grad, &t->trial_grad);
}

static struct lbfgs_result descend(struct state *t) {
    const struct lbfgs_problem *p = t->p;
    struct lbfgs_result r = {0};
    t->value = p->value(p->self, t->x, t->grad);
    for (;; r.steps++) {
        r.value = t->value;
        r.gradient = lbfgs_largest(t->grad, p->n);
        r.done = r.gradient <= p->gradient_max;
        if (r.steps > 0 && p->progress) p->progress(p->self, r.steps, r.value, r.gradient);
        if (r.done || r.steps == p->steps_max) return r;
        double value, first = t->h.n ? 1 : 1 / sqrt(lbfgs_dot(t->grad, t->grad, p->n));
        find_direction(t);
        if (!search_line(t, first, &value)) return r;
        take_step(t, value);
    }
}

struct lbfgs_result lbfgs_run(const struct lbfgs_problem *p, double *x) {
    enum { VECTORS = 5 + 2 * PAIRS };
    double *memory = must_calloc(VECTORS * p->n, sizeof *memory), *at = memory;
    struct state t = {.p = p};
    double **vector[] = {&t.x, &t.grad, &t.dir, &t.trial, &t.trial_grad};
    for (unsigned i = 0; i < 5; i++, at += p->n) *vector[i] = at;
    for (unsigned i = 0; i < PAIRS; i++, at += 2 * p->n) t.h.s[i] = at, t.h.y[i] = at + p->n;
    memcpy(t.x, x, p->n * sizeof *x);
    struct lbfgs_result r = descend(&t);
    memcpy(x, t.x, p->n * sizeof *x);
    free(memory);
    return r;
}
