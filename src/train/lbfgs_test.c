#include "train/lbfgs.h"

#include "base/check.h"

/* Rosenbrock's valley in n variables: one minimum, at all ones, value 0. */
static double valley(void *self, const double *x, double *grad) {
    size_t n = *(size_t *)self;
    double f = 0;
    memset(grad, 0, n * sizeof *grad);
    for (size_t i = 0; i + 1 < n; i += 2) {
        double a = 1 - x[i], b = x[i + 1] - x[i] * x[i];
        f += a * a + 100 * b * b;
        grad[i] = -2 * a - 400 * x[i] * b;
        grad[i + 1] = 200 * b;
    }
    return f;
}

static void it_walks_down_a_curved_valley(void) {
    double x[10];
    size_t n = 10;
    for (size_t i = 0; i < n; i++) x[i] = i % 2 ? 1 : -1.2;
    struct lbfgs_problem p = {.n = n, .value = valley, .self = &n, .steps_max = 200, .gradient_max = 1e-9};
    struct lbfgs_result r = lbfgs_run(&p, x);
    CHECK(r.done && r.steps < 60);
    for (size_t i = 0; i < n; i++) CHECK_NEAR(x[i], 1, 1e-8);
}

/* sum of c_i (x_i - i)^2 with c from 1 to 1000: badly scaled, needs the history. */
static double bowl(void *self, const double *x, double *grad) {
    size_t n = *(size_t *)self;
    double f = 0;
    for (size_t i = 0; i < n; i++) {
        double c = pow(10, 3.0 * (double)i / (double)(n - 1)), d = x[i] - (double)i;
        f += c * d * d;
        grad[i] = 2 * c * d;
    }
    return f;
}

static void it_solves_a_badly_scaled_bowl(void) {
    double x[30] = {0};
    size_t n = 30;
    struct lbfgs_problem p = {.n = n, .value = bowl, .self = &n, .steps_max = 2000, .gradient_max = 1e-7};
    struct lbfgs_result r = lbfgs_run(&p, x);
    CHECK(r.done);
    for (size_t i = 0; i < n; i++) CHECK_NEAR(x[i], (double)i, 1e-6);
}

static void it_stops_at_the_limit_and_says_so(void) {
    double x[10] = {0};
    size_t n = 10;
    struct lbfgs_problem p = {.n = n, .value = valley, .self = &n, .steps_max = 3, .gradient_max = 1e-9};
    struct lbfgs_result r = lbfgs_run(&p, x);
    CHECK(!r.done);
    CHECK_INT(r.steps, 3);
    CHECK(r.value < 5);
}

CHECK_MAIN(CHECK_TEST(it_walks_down_a_curved_valley), CHECK_TEST(it_solves_a_badly_scaled_bowl),
           CHECK_TEST(it_stops_at_the_limit_and_says_so))
