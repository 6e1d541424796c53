#include "llm/ensemble.h"

#include "base/check.h"
#include "data/label.h"

#include <stdio.h>
#include <stdlib.h>

/* tests/golden/mix.txt, made by scripts/make-golden-mix. */
static void it_is_what_the_reference_says(void) {
    FILE *f = fopen("tests/golden/mix.txt", "r");
    unsigned n, best, rows = 0;
    double weight;
    CHECK(f != NULL);
    while (f && fscanf(f, "%u %lf", &n, &weight) == 2 && n <= LABEL_MAX) {
        float head[LABEL_MAX];
        double llm[LABEL_MAX], want, got;
        for (unsigned i = 0; i < n; i++) CHECK(fscanf(f, "%f", &head[i]) == 1);
        for (unsigned i = 0; i < n; i++) CHECK(fscanf(f, "%lf", &llm[i]) == 1);
        CHECK(fscanf(f, "%u %lf", &best, &want) == 2);
        CHECK_INT(ensemble_run(head, llm, n, weight, &got), best);
        CHECK_NEAR(got, want, 1e-12);
        rows++;
    }
    if (f) fclose(f);
    CHECK_INT(rows, 300);
}

static void neither_side_rules_out_for_good(void) {
    double confidence;
    CHECK_INT(ensemble_run((float[]){0, 1}, (double[]){1, 0}, 2, 1, &confidence),
              0); /* as far from each other: the first */
    CHECK_NEAR(confidence, 0.5, 0);
    CHECK_INT(ensemble_run((float[]){0, 0.5F, 0.5F}, (double[]){0, 0, 0.1}, 3, 0.25, &confidence), 2);
    CHECK_INT(ensemble_run((float[]){0, 0}, (double[]){0, 0}, 2, 0.25, &confidence), 0);
}

CHECK_MAIN(CHECK_TEST(it_is_what_the_reference_says), CHECK_TEST(neither_side_rules_out_for_good))
