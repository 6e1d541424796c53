#include "train/score.h"

#include "base/check.h"
#include "encoder/head.h"
#include "train/calibrate.h"
#include "train/golden_fit.h"

enum { ROWS = 120, LABELS = 6 };

static double logit[ROWS][LABELS];
static uint8_t label[ROWS];
static struct score_row row[ROWS];

/* Reads the problem of score.txt and answers it with the most probable labels. */
static struct golden_fit score_problem_open(void) {
    struct golden_fit g = golden_fit_open("tests/golden/score.txt");
    MUST(golden_fit_word(&g, "problem") && golden_fit_number(&g) == ROWS && golden_fit_number(&g) == LABELS);
    for (unsigned i = 0; i < ROWS; i++) {
        double p[LABELS];
        unsigned best = 0;
        label[i] = (uint8_t)golden_fit_number(&g);
        for (unsigned k = 0; k < LABELS; k++) p[k] = logit[i][k] = golden_fit_number(&g);
        head_softmax(p, LABELS);
        for (unsigned k = 1; k < LABELS; k++)
            if (p[k] > p[best]) best = k;
        row[i] = (struct score_row){label[i], (uint8_t)best, (uint8_t)best, p[best]};
    }
    return g;
}

static void figures_equal_the_reference(void) {
    struct golden_fit g = score_problem_open();
    static struct score s;
    MUST(golden_fit_word(&g, "temperature") && golden_fit_number(&g) > 0 && golden_fit_word(&g, "score"));
    score_run(&s, row, ROWS, LABELS);
    CHECK_NEAR(s.accuracy, golden_fit_number(&g), 1e-12);
    CHECK_NEAR(s.macro_f1_all, golden_fit_number(&g), 1e-12);
    CHECK_NEAR(s.macro_f1, s.macro_f1_all * LABELS / (LABELS - 1), 1e-12); /* one label is an answer only */
    CHECK_NEAR(s.ece, golden_fit_number(&g), 1e-12);
    CHECK(s.accuracy_best == s.accuracy && s.macro_f1_best == s.macro_f1);
    for (unsigned l = 0; l < LABELS; l++) {
        CHECK_NEAR(s.label[l].precision, golden_fit_number(&g), 1e-12);
        CHECK_NEAR(s.label[l].recall, golden_fit_number(&g), 1e-12);
        CHECK_NEAR(s.label[l].f1, golden_fit_number(&g), 1e-12);
    }
    golden_fit_close(&g);
}

static void temperature_equals_the_reference(void) {
    struct golden_fit g = score_problem_open();
    struct calibration c;
    MUST(golden_fit_word(&g, "temperature"));
    calibrate_fit(&c, CALIBRATE_TEMPERATURE, logit[0], label, ROWS, LABELS);
    CHECK_NEAR(c.temperature, golden_fit_number(&g), 1e-5);
    CHECK_NEAR(c.scale[3], 1 / c.temperature, 1e-12);
    CHECK(c.shift[0] == 0);
    golden_fit_close(&g);
}

static void coverage_counts_the_surest(void) {
    static struct score s;
    struct score_row r[4] = {{0, 0, 0, 0.9}, {0, 1, 1, 0.5}, {1, 1, 2, 0.8}, {0, 1, 2, 0.3}};
    score_run(&s, r, 4, 3);
    CHECK_NEAR(s.confident_half, 1, 1e-12);
    CHECK_NEAR(s.coverage[SCORE_STEPS * 3 / 4 - 1], 2.0 / 3, 1e-12);
    CHECK_NEAR(s.coverage[SCORE_STEPS - 1], 0.5, 1e-12);
    CHECK_NEAR(s.accuracy, 0.25, 1e-12);
    CHECK_NEAR(s.accuracy_best, 0.5, 1e-12);
    CHECK_INT(s.confusion[1][2], 1);
    CHECK_INT(s.bin[9].n, 1);
}

static void no_rows_give_zeros(void) {
    static struct score s;
    score_run(&s, row, 0, LABELS);
    CHECK(s.accuracy == 0 && s.macro_f1 == 0 && s.ece == 0 && s.confident_half == 0);
}

CHECK_MAIN(CHECK_TEST(figures_equal_the_reference), CHECK_TEST(temperature_equals_the_reference),
           CHECK_TEST(coverage_counts_the_surest), CHECK_TEST(no_rows_give_zeros))
