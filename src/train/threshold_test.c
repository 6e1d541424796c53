#include "train/threshold.h"

#include "base/check.h"

enum { UNCLASSIFIED = 2, N = 8 };

/* Surest first; right: 1 1 0 1 0 of those that may be answered. */
static const struct score_row ROW[N] = {
    {0, 0, 0, 0.99}, {1, 1, 1, 0.90}, {1, 0, 0, 0.80}, {2, 2, 2, 0.75},
    {0, 0, 0, 0.70}, {0, 1, 1, 0.60}, {2, 2, 2, 0.5},  {1, 2, 2, 0.4},
};
static const struct threshold_rows ROWS = {ROW, N, UNCLASSIFIED}, FIRST = {ROW, 1, UNCLASSIFIED},
                                   LAST = {ROW + 2, N - 2, UNCLASSIFIED};
static struct err err;

static void precision_is_solved_for_the_most_answers(void) {
    double t;
    CHECK(threshold_for_precision(&ROWS, THRESHOLD_ALL, 0.75, &t, &err));
    CHECK_NEAR(t, 0.70, 1e-9);
    CHECK(threshold_for_precision(&ROWS, THRESHOLD_ALL, 0.95, &t, &err));
    CHECK_NEAR(t, 0.90, 1e-9);
    CHECK(threshold_for_precision(&ROWS, 1, 0.9, &t, &err));
    CHECK_NEAR(t, 0.90, 1e-9);
    CHECK(!threshold_for_precision(&FIRST, 1, 0.9, &t, &err));
    CHECK(strstr(err.msg, "0 answers"));
    CHECK(!threshold_for_precision(&LAST, THRESHOLD_ALL, 0.9, &t, &err));
    CHECK(strstr(err.msg, "at best 0.5000 right"));
}

static void share_is_solved_for_the_highest_threshold(void) {
    double t;
    CHECK(threshold_for_share(&ROWS, 0.5, &t, &err));
    CHECK_NEAR(t, 0.70, 1e-9);
    CHECK(threshold_for_share(&ROWS, 0.375, &t, &err));
    CHECK_NEAR(t, 0.60, 1e-9);
    CHECK(threshold_for_share(&ROWS, 1, &t, &err));
    CHECK(t == 1);
    CHECK(!threshold_for_share(&ROWS, 0.3, &t, &err));
    CHECK(strstr(err.msg, "0.3750 of them are UNCLASSIFIED"));
}

static void the_effect_is_what_was_solved_for(void) {
    struct threshold_effect f = threshold_effect(&ROWS, 0.70);
    CHECK_NEAR(f.answered, 0.5, 1e-12);
    CHECK_NEAR(f.precision, 0.75, 1e-12);
    f = threshold_effect(&ROWS, 1);
    CHECK(f.answered == 0 && f.precision == 0);
}

CHECK_MAIN(CHECK_TEST(precision_is_solved_for_the_most_answers), CHECK_TEST(share_is_solved_for_the_highest_threshold),
           CHECK_TEST(the_effect_is_what_was_solved_for))
