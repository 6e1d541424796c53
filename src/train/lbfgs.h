/* lbfgs: minimises a smooth function of many variables with limited-memory BFGS (Nocedal and Wright, Numerical
 * Optimization, 2nd ed., algorithms 7.4 and 7.5) and a line search for the weak Wolfe conditions by bisection. All sums
 * run in a fixed order, so a run is reproducible to the bit. */
#ifndef TRAIN_LBFGS_H
#define TRAIN_LBFGS_H

#include <stdbool.h>
#include <stddef.h>

struct lbfgs_problem {
    size_t n; /* variables */
    /* f(x), with its gradient in grad[n]. */
    double (*value)(void *self, const double *x, double *grad);
    /* Called after each step; may be NULL. */
    void (*progress)(void *self, unsigned step, double value, double gradient);
    void *self;
    unsigned steps_max;
    double gradient_max; /* done when no component of the gradient is larger */
};

struct lbfgs_result {
    double value, gradient; /* at x; gradient: its largest component */
    unsigned steps;
    bool done; /* false: steps_max was reached or no step makes f smaller any more */
};

/* Starts from x[n] and leaves the best point found there. Memory: 25 n doubles. */
struct lbfgs_result lbfgs_run(const struct lbfgs_problem *p, double *x);

#endif
