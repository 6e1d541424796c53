#include "pipeline/engine.h"

#include "base/check.h"
#include "base/must.h"
#include "pipeline/stage.h"

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

/* One encoder is published weights alone, the other has the adapter on them. */
static struct encoder *open_encoder(const char *adapter) {
    struct encoder *enc = encoder_open(
        &(struct encoder_opts){.model_dir = "models/all-MiniLM-L6-v2", .adapter_path = adapter, .kernel = "auto"},
        &err);
    CHECK(enc != NULL);
    return enc;
}

enum { VARIANTS = 9 };

/* The memo would give stale answers after a reload if any of these were left out. */
static void everything_an_answer_depends_on_is_in_the_version(void) {
    char path[32];
    struct head *head[2] = {make_head(path, 0, 0.8), make_head(path, 0, 0.7)};
    struct encoder *enc[2] = {open_encoder(""), open_encoder("data/adapter.safetensors")};
    const struct engine base = {.labels = {.n = K, .unclassified = NONE, .label = {{"A", "A"}, {"B", "B"}}},
                                .encoder = enc[0],
                                .head = head[0],
                                .threshold = {0.5, 0.5, 0.5},
                                .pipeline_threshold = 0.2,
                                .network_version = 7};
    struct engine v[VARIANTS];
    for (unsigned i = 0; i < VARIANTS; i++) v[i] = base;
    memcpy(v[1].labels.label[A].id, "C", sizeof "C");
    memcpy(v[2].labels.label[B].id, "C", sizeof "C");
    v[3].encoder = enc[1];
    v[4].head = head[1];
    v[5].threshold[A] = 0.51;
    v[6].threshold[NONE] = 0.51;
    v[7].pipeline_threshold = 0.21;
    v[8].network_version = 8;
    for (unsigned i = 0; i < VARIANTS; i++)
        for (unsigned k = 0; k < i; k++) CHECK(stage_version(&v[i]) != stage_version(&v[k]));
    struct engine same = base;
    CHECK(stage_version(&same) == stage_version(&base));
    for (unsigned i = 0; i < 2; i++) head_close(head[i]), encoder_close(enc[i]);
}

static void the_options_reach_the_version_and_the_network_is_part_of_it(void) {
    struct engine_opts o = {.head_path = "data/head.json",
                            .adapter_path = "data/adapter.safetensors",
                            .model_dir = "models/all-MiniLM-L6-v2",
                            .kernel = "auto",
                            .classifier_threshold = 0.5,
                            .pipeline_threshold = 0.2};
    struct engine *a = engine_open(&o, &err), *again = engine_open(&o, &err);
    o.classifier_threshold = 1;
    struct engine *b = engine_open(&o, &err);
    CHECK(a && again && b && a->version == again->version && a->version != b->version);
    uint64_t was = a->version;
    engine_set_network(a, NULL, 1);
    CHECK(a->version != was);
    engine_unref(a), engine_unref(again), engine_unref(b);
}

static void what_does_not_load_is_named_and_rules_come_first(void) {
    static const struct {
        const char *rules, *model, *named;
    } CASES[] = {{"/nowhere/rules.conf", "models/all-MiniLM-L6-v2", "/nowhere/rules.conf"},
                 {"data/rules.conf", "/nowhere/model", "/nowhere/model"},
                 {"/nowhere/rules.conf", "/nowhere/model", "/nowhere/rules.conf"}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct engine_opts o = {.rules_path = CASES[i].rules,
                                .head_path = "data/head.json",
                                .adapter_path = "data/adapter.safetensors",
                                .model_dir = CASES[i].model,
                                .kernel = "auto"};
        err = (struct err){0};
        CHECK(engine_open(&o, &err) == NULL);
        CHECK(strstr(err.msg, CASES[i].named) != NULL);
    }
}

CHECK_MAIN(CHECK_TEST(thresholds_are_compared_as_published), CHECK_TEST(a_heads_thresholds_stand_in_for_the_options),
           CHECK_TEST(everything_an_answer_depends_on_is_in_the_version),
           CHECK_TEST(the_options_reach_the_version_and_the_network_is_part_of_it),
           CHECK_TEST(what_does_not_load_is_named_and_rules_come_first))
