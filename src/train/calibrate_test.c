#include "train/calibrate.h"

#include "base/check.h"
#include "base/rng.h"
#include "encoder/head.h"

enum { N = 6000, K = 4 };

static double logit[N][K];
static uint8_t label[N];

static double calibrate_uniform(struct rng *r) {
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

/* Labels drawn from the softmax of the logits; the caller then distorts the logits. */
static void draw(void) {
    struct rng rng = {11};
    for (unsigned i = 0; i < N; i++) {
        double p[K], u = calibrate_uniform(&rng);
        for (unsigned k = 0; k < K; k++) p[k] = logit[i][k] = 6 * calibrate_uniform(&rng) - 3;
        head_softmax(p, K);
        label[i] = 0;
        for (unsigned k = 0; k < K - 1 && u > p[k]; k++) u -= p[k], label[i]++;
    }
}

static void overconfidence_is_undone(void) {
    struct calibration c;
    draw();
    for (unsigned i = 0; i < N * K; i++) logit[i / K][i % K] *= 3;
    calibrate_fit(&c, CALIBRATE_TEMPERATURE, logit[0], label, N, K);
    CHECK_NEAR(c.temperature, 3, 0.12);
}

static void vector_scaling_finds_a_shifted_label(void) {
    struct calibration c;
    draw();
    for (unsigned i = 0; i < N; i++) logit[i][2] = 2 * logit[i][2] - 1.5;
    calibrate_fit(&c, CALIBRATE_VECTOR, logit[0], label, N, K);
    CHECK_NEAR(c.scale[2], 0.5, 0.05);
    CHECK_NEAR(c.scale[0], 1, 0.1);
    CHECK_NEAR(c.shift[2] - (c.shift[0] + c.shift[1] + c.shift[3]) / 3, 0.75, 0.1);
}

static void a_label_without_rows_stays_out(void) {
    struct calibration c;
    draw();
    for (unsigned i = 0; i < N; i++) logit[i][3] = (double)HEAD_BIAS_NEVER;
    calibrate_fit(&c, CALIBRATE_VECTOR, logit[0], label, N, K);
    CHECK(c.scale[0] > 0.5 && c.scale[0] < 2);
    calibrate_logits(&c, logit[0], K);
    CHECK(logit[0][3] == (double)HEAD_BIAS_NEVER);
}

static void folding_it_in_gives_the_same_logits(void) {
    double weight[K * 2] = {1, -2, 0.5, 3, -1, 4, 0, 0}, bias[K] = {0.1, -0.2, 0.3, (double)HEAD_BIAS_NEVER}, want[K],
                      got[K];
    struct fit_model m = {.dim = 2, .labels = K, .weight = weight, .bias = bias};
    struct calibration c = {.scale = {0.5, 2, 1, 3}, .shift = {1, -1, 0, 5}};
    float x[2] = {0.7f, -0.3f};
    fit_logits(&m, x, want);
    calibrate_logits(&c, want, K);
    calibrate_fold(&c, &m);
    fit_logits(&m, x, got);
    for (unsigned k = 0; k < K; k++) CHECK_NEAR(got[k], want[k], 1e-12);
}

CHECK_MAIN(CHECK_TEST(overconfidence_is_undone), CHECK_TEST(vector_scaling_finds_a_shifted_label),
           CHECK_TEST(a_label_without_rows_stays_out), CHECK_TEST(folding_it_in_gives_the_same_logits))
