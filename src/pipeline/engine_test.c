#include "pipeline/engine.h"

#include "base/check.h"
#include "base/must.h"

#include <unistd.h>

enum { A, B, NONE, K };

static struct err err;

/* A head of three labels with thresholds of its own, in a file of its own. */
static struct head *make_head(char *path, double common, double of_b) {
    static float weight[K * 2], bias[K];
    struct head_content c = {.labels = {.n = K, .unclassified = NONE},
                             .threshold = common,
                             .label_threshold = {[B] = of_b},
                             .layers = 1,
                             .layer = {{2, K, HEAD_LINEAR, weight, bias}}};
    static const char *const ID[K] = {"A", "B", "UNCLASSIFIED"};
    for (unsigned k = 0; k < K; k++) snprintf(c.labels.label[k].id, LABEL_ID_MAX, "%s", ID[k]);
    memcpy(path, "/tmp/engine_test_XXXXXX", sizeof "/tmp/engine_test_XXXXXX");
    CHECK(close(mkstemp(path)) == 0 && head_write(path, &c, &err));
    struct head *h = head_open(path, &err);
    unlink(path);
    return h;
}

static bool engine_decide_one(const struct engine *eng, float a, float b, unsigned *label) {
    const float p[K] = {a, b, 1 - a - b};
    double confidence;
    return engine_decide(eng, p, label, &confidence);
}

static void thresholds_are_compared_as_published(void) {
    struct engine eng = {
        .labels = {.n = K, .unclassified = NONE}, .threshold = {0.5, 0.5, 0.5}, .pipeline_threshold = 0.2};
    unsigned label;
    CHECK(engine_decide_one(&eng, 0.5f, 0.3f, &label) && label == A);
    CHECK(engine_decide_one(&eng, 0.49996f, 0.3f, &label) && label == A); /* published as 0.5 */
    CHECK(!engine_decide_one(&eng, 0.4999f, 0.3f, &label) && label == NONE);
    CHECK(!engine_decide_one(&eng, 0.1f, 0.1f, &label) && label == NONE);
    eng.threshold[B] = 0.7, eng.threshold[A] = 0.1;
    CHECK(!engine_decide_one(&eng, 0.3f, 0.65f, &label) && label == NONE);
    CHECK(engine_decide_one(&eng, 0.3f, 0.7f, &label) && label == B);
    CHECK(engine_decide_one(&eng, 0.4f, 0.3f, &label) && label == A);
    CHECK(engine_decide_one(&eng, 0.35f, 0.33f, &label)); /* accepted by the pipeline's own threshold … */
    eng.pipeline_threshold = 0.36;
    CHECK(!engine_decide_one(&eng, 0.35f, 0.33f, &label)); /* … and refused by it */
}

static void a_heads_thresholds_stand_in_for_the_options(void) {
    char path[32];
    struct head *h = make_head(path, 0, 0.8);
    CHECK(h != NULL);
    CHECK(head_threshold(h, A, 0.5) == 0.5 && head_threshold(h, B, 0.5) == 0.8);
    head_close(h);
    h = make_head(path, 0.35, 0.8);
    CHECK(head_threshold(h, A, 0.5) == 0.35 && head_threshold(h, B, 0.5) == 0.8);
    head_close(h);
    h = make_head(path, 0, 0);
    CHECK(head_threshold(h, B, 0.6) == 0.6);
    head_close(h);
}

CHECK_MAIN(CHECK_TEST(thresholds_are_compared_as_published), CHECK_TEST(a_heads_thresholds_stand_in_for_the_options))
