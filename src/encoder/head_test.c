#include "encoder/head.h"

#include "base/check.h"
#include "base/file.h"
#include "base/must.h"
#include "base/rng.h"

#include <unistd.h>

enum { DIM = 10, HIDDEN = 5 };

static char path[] = "/tmp/head_test_XXXXXX";
static float weight[2][LABEL_MAX * DIM], bias[2][LABEL_MAX];
static struct err err;

static float noise(struct rng *r) {
    return (float)((double)(rng_next(r) >> 11) * 0x1p-53 * 4 - 2);
}

/* A head of random weights; layers 1 or 2. */
static struct head_content head_made(unsigned layers) {
    struct rng rng = {layers};
    struct head_content c = {.labels = *label_default(),
                             .model_hash = 0x0123456789abcdef,
                             .mask_version = 3,
                             .use_source = true,
                             .threshold = 0.45,
                             .label_threshold = {[2] = 0.6},
                             .layers = layers,
                             .calibration = "temperature 0.8 on \"5\" folds",
                             .created_by = "logclass train",
                             .metrics = {100, 7, 0.9, 0.85, 0.02, 0.99}};
    unsigned width[] = {DIM, layers == 2 ? HIDDEN : c.labels.n, c.labels.n};
    for (unsigned i = 0; i < layers; i++) {
        for (unsigned k = 0; k < width[i] * width[i + 1]; k++) weight[i][k] = noise(&rng);
        for (unsigned k = 0; k < width[i + 1]; k++) bias[i][k] = noise(&rng);
        c.layer[i] =
            (struct head_layer){width[i], width[i + 1], i + 1 < layers ? HEAD_RELU : HEAD_LINEAR, weight[i], bias[i]};
    }
    return c;
}

static struct head *written_and_read(const struct head_content *c) {
    CHECK(head_write(path, c, &err));
    struct head *h = head_open(path, &err);
    MUST(h != NULL);
    return h;
}

static void a_head_reads_back_to_the_bit(void) {
    for (unsigned layers = 1; layers <= 2; layers++) {
        struct head_content c = head_made(layers);
        c.layer[0].weight[1] = 0x1.fffffep-30f;
        struct head *h = written_and_read(&c);
        const struct head_content *r = head_content(h);
        CHECK_INT(r->layers, layers);
        for (unsigned i = 0; i < layers; i++) {
            size_t bytes = sizeof(float) * c.layer[i].inputs * c.layer[i].outputs;
            CHECK(memcmp(r->layer[i].weight, c.layer[i].weight, bytes) == 0);
            CHECK(memcmp(r->layer[i].bias, c.layer[i].bias, sizeof(float) * c.layer[i].outputs) == 0);
        }
        CHECK(label_hash(&r->labels) == label_hash(&c.labels));
        CHECK_STR(r->labels.label[3].description, c.labels.label[3].description);
        CHECK_INT(r->labels.unclassified, c.labels.unclassified);
        CHECK_STR(r->calibration, c.calibration);
        CHECK(r->threshold == 0.45 && r->label_threshold[2] == 0.6 && r->label_threshold[3] == 0);
        CHECK(r->metrics.rows == 100 && r->metrics.macro_f1 == 0.85 && r->use_source && r->mask_version == 3);
        CHECK_INT(head_dim(h), DIM);
        head_close(h);
    }
}

static void probabilities_are_the_softmax_of_the_layers(void) {
    for (unsigned layers = 1; layers <= 2; layers++) {
        struct head_content c = head_made(layers);
        struct head *h = written_and_read(&c);
        struct rng rng = {77};
        float x[DIM], got[LABEL_MAX];
        long double in[DIM], out[LABEL_MAX], sum = 0;
        for (unsigned i = 0; i < DIM; i++) in[i] = x[i] = noise(&rng);
        for (unsigned k = 0; k < layers; k++) {
            for (unsigned o = 0; o < c.layer[k].outputs; o++) {
                out[o] = c.layer[k].bias[o];
                for (unsigned i = 0; i < c.layer[k].inputs; i++)
                    out[o] += in[i] * c.layer[k].weight[o * c.layer[k].inputs + i];
            }
            for (unsigned o = 0; k + 1 < layers && o < c.layer[k].outputs; o++) in[o] = out[o] > 0 ? out[o] : 0;
        }
        for (unsigned o = 0; o < c.labels.n; o++) sum += expl(out[o]);
        head_run(h, x, got);
        for (unsigned o = 0; o < c.labels.n; o++) CHECK_NEAR((double)got[o], (double)(expl(out[o]) / sum), 1e-6);
        head_close(h);
    }
}

static void softmax_is_exact_at_any_size(void) {
    double v[4] = {3000, 2999, -5000, 3000};
    head_softmax(v, 4);
    CHECK_NEAR(v[0], 1 / (2 + exp(-1)), 1e-14);
    CHECK_NEAR(v[1], exp(-1) / (2 + exp(-1)), 1e-14);
    CHECK(v[2] == 0 && v[3] == v[0]);
    for (double x = 0; x < 60; x += 0.37) {
        double w[2] = {0, -x};
        head_softmax(w, 2);
        CHECK_NEAR(w[1] / w[0] / exp(-x), 1, 1e-14);
    }
}

static void a_head_that_does_not_belong_is_refused(void) {
    struct head_content c = head_made(1);
    struct head *h = written_and_read(&c);
    struct label_set other = c.labels;
    CHECK(head_check(h, &c.labels, c.model_hash, 3, &err));
    CHECK(!head_check(h, &c.labels, 1, 3, &err));
    CHECK(strstr(err.msg, "0123456789abcdef") && strstr(err.msg, "0000000000000001"));
    CHECK(!head_check(h, &c.labels, c.model_hash, 4, &err));
    CHECK(strstr(err.msg, "version 3") && strstr(err.msg, "has 4"));
    other.n--;
    CHECK(!head_check(h, &other, c.model_hash, 3, &err));
    CHECK(strstr(err.msg, "has 9") && strstr(err.msg, "has 8"));
    other.label[1] = other.label[0];
    CHECK(!head_check(h, &other, c.model_hash, 3, &err));
    CHECK(strstr(err.msg, "SYSTEM_NOTIFICATION") && strstr(err.msg, "USER_ACTION"));
    head_close(h);
}

/* Every file that differs from a good one in one place must be refused with the place, not crash. */
static void broken_files_are_refused(void) {
    static const struct {
        const char *from, *to, *says;
    } CASES[] = {
        {"logclass-head", "something", "not a head file"},
        {"\"version\": 1", "\"version\": 2", "format version 2"},
        {"\"model\": \"0123", "\"model\": \"x123", "'model': expected 16 hex digits"},
        {"\"use_source\": true", "\"use_source\": 1", "'use_source'"},
        {"\"threshold\": 0.45", "\"threshold\": 1.5", "'threshold'"},
        {"\"INFO\"", "\"BACKUP\"", "stands there twice"},
        {"\"INFO\"", "\"IN\\nFO\"", "can't be an id"},
        {"\"INFO\"", "\"IN\\\"FO\"", "can't be an id"},
        {"\"UNCLASSIFIED\"", "\"SOMETHING\"", "UNCLASSIFIED is missing"},
        {"\"inputs\": 10", "\"inputs\": 11", "10 numbers, expected 11"},
        {"\"inputs\": 10", "\"inputs\": -1", "'inputs'"},
        {"\"inputs\": 10", "\"inputs\": 99999999", "'inputs'"},
        {"\"outputs\": 9", "\"outputs\": 8", "9 numbers, expected 8"},
        {"\"activation\": \"none\"", "\"activation\": \"tanh\"", "'activation'"},
        {"\"activation\": \"none\"", "\"activation\": \"relu\"", "must be \"none\""},
        {"\"bias\": [", "\"bias\": [1e99,", "'bias'"},
        {"\"weights\": [\n      [", "\"weights\": [\n      [null,", "row 1: 'weights'"},
        {"\"weights\": [\n      [", "\"weights\": [\n [],      [", "'weights'"},
        {"\"layers\": [", "\"layers\": [1,", "layer 1: 'inputs'"},
        {"\"layers\": [", "\"layer\": [", "'layers'"},
    };
    struct head_content c = head_made(1);
    struct span good;
    CHECK(head_write(path, &c, &err) && file_read(path, 1 << 20, &good, &err));
    static char bad[1 << 20];
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const char *at = strstr(good.p, CASES[i].from);
        CHECK(at != NULL);
        if (!at) continue;
        snprintf(bad, sizeof bad, "%.*s%s%s", (int)(at - good.p), good.p, CASES[i].to, at + strlen(CASES[i].from));
        CHECK(file_write(path, span_of(bad), &err));
        CHECK(head_open(path, &err) == NULL);
        CHECK_INT(err.code, ERR_MODEL);
        if (!strstr(err.msg, CASES[i].says)) CHECK_STR(err.msg, CASES[i].says);
    }
    for (size_t n = 0; n < good.n - 2; n += 97) {
        CHECK(file_write(path, span_sub(good, 0, n), &err));
        CHECK(head_open(path, &err) == NULL);
    }
    file_free(&good);
}

static void the_same_content_gives_the_same_bytes(void) {
    struct head_content c = head_made(2);
    struct head *a = written_and_read(&c), *b = written_and_read(head_content(a));
    CHECK(head_hash(a) == head_hash(b));
    c.layer[0].bias[0] += 1;
    struct head *other = written_and_read(&c);
    CHECK(head_hash(a) != head_hash(other));
    head_close(a), head_close(b), head_close(other);
    unlink(path);
}

/* A head of random weights for the ops set. */
static struct head_content head_made_ops(void) {
    struct head_content c = head_made(1);
    struct rng rng = {5};
    c.labels = *label_ops();
    c.label_threshold[2] = 0;
    for (unsigned k = 0; k < c.labels.n * DIM; k++) weight[0][k] = noise(&rng) / 4;
    for (unsigned k = 0; k < c.labels.n; k++) bias[0][k] = noise(&rng) / 4;
    c.layer[0].outputs = c.labels.n;
    return c;
}

/* Each of the nine is as probable as its labels of the ops set together, and the answers of the two never contradict.
 */
static void the_folded_head_is_the_ops_head(void) {
    struct head_content c = head_made_ops();
    struct head *ops = written_and_read(&c);
    head_fold(&c);
    struct head *nine = written_and_read(&c), *again = written_and_read(head_content(nine));
    CHECK(head_hash(nine) == head_hash(again));
    struct rng rng = {9};
    unsigned parts = 0, other_than_flat = 0;
    const double threshold[LABEL_MAX] = {0};
    for (unsigned n = 0; n < 2000; n++) {
        float x[DIM], p[LABEL_MAX], q[LABEL_MAX];
        double want[LABEL_MAX] = {0};
        unsigned most = 0;
        for (unsigned i = 0; i < DIM; i++) x[i] = noise(&rng);
        head_run(ops, x, p), head_run(nine, x, q);
        for (unsigned k = 0; k < label_ops()->n; k++) {
            want[label_fold(label_default(), span_of(label_ops()->label[k].id))] += (double)p[k];
            if (p[k] > p[most]) most = k;
        }
        for (unsigned k = 0; k < label_default()->n; k++) CHECK_NEAR((double)q[k], want[k], 1e-6);
        unsigned a = head_decide(p, label_ops(), threshold).best, b = head_decide(q, label_default(), threshold).best;
        CHECK_INT(label_fold(label_default(), span_of(label_ops()->label[a].id)), b);
        parts += a >= 8 && a != label_ops()->unclassified;
        other_than_flat += a != most;
    }
    CHECK(parts > 100 && other_than_flat > 100);
    head_close(ops), head_close(nine), head_close(again);
}

static void outputs_must_count_for_a_label(void) {
    static const struct {
        const char *to, *says;
    } CASES[] = {
        {"[0,1,2,3,4,5,6,7,8,8,8,8,8,8,8,9]", "number 16 is no label's place from 0 to 8"},
        {"[0,1,2,3,4,5,6,7,8,8,8,8,8,8,8,-1]", "number 16"},
        {"[0,1,2,3,4,5,6,7,8]", "16 outputs, 'counts_for' has 9"},
        {"[]", "a list of 1 to 64"},
        {"7", "a list of 1 to 64"},
    };
    struct head_content c = head_made_ops();
    struct span good;
    head_fold(&c);
    CHECK(head_write(path, &c, &err) && file_read(path, 1 << 20, &good, &err));
    static const char list[] = "[0,1,2,3,4,5,6,7,8,8,8,8,8,8,8,8]";
    static char bad[1 << 20];
    const char *at = strstr(good.p, list);
    MUST(at != NULL);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        snprintf(bad, sizeof bad, "%.*s%s%s", (int)(at - good.p), good.p, CASES[i].to, at + sizeof list - 1);
        CHECK(file_write(path, span_of(bad), &err));
        CHECK(head_open(path, &err) == NULL);
        if (!strstr(err.msg, CASES[i].says)) CHECK_STR(err.msg, CASES[i].says);
    }
    file_free(&good);
}

static void the_file_can_be_made(void) {
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
}

/* A head that scripts/import-sklearn made of a LogisticRegression, and what scikit-learn answers
 * (scripts/check-import
 * --golden). */
static void an_imported_head_gives_scikit_learns_probabilities(void) {
    enum { WIDTH = 6, LABELS = 4 /* the last is UNCLASSIFIED, which scikit-learn does not know */ };
    struct head *h = head_open("tests/golden/import.json", &err);
    FILE *f = fopen("tests/golden/import.txt", "r");
    MUST(h && f && head_dim(h) == WIDTH && head_labels(h)->n == LABELS);
    CHECK_STR(head_labels(h)->label[1].id, "LATE");
    unsigned rows = 0;
    for (float x[WIDTH]; fscanf(f, "%f %f %f %f %f %f", x, x + 1, x + 2, x + 3, x + 4, x + 5) == WIDTH; rows++) {
        float p[LABELS];
        head_run(h, x, p);
        for (unsigned k = 0; k < LABELS - 1; k++) {
            double want;
            MUST(fscanf(f, "%lf", &want) == 1);
            CHECK_NEAR((double)p[k], want, 1e-5);
        }
        CHECK(p[LABELS - 1] == 0);
    }
    CHECK_INT(rows, 20);
    fclose(f);
    head_close(h);
}

CHECK_MAIN(CHECK_TEST(the_file_can_be_made), CHECK_TEST(a_head_reads_back_to_the_bit),
           CHECK_TEST(probabilities_are_the_softmax_of_the_layers), CHECK_TEST(softmax_is_exact_at_any_size),
           CHECK_TEST(a_head_that_does_not_belong_is_refused), CHECK_TEST(broken_files_are_refused),
           CHECK_TEST(the_folded_head_is_the_ops_head), CHECK_TEST(outputs_must_count_for_a_label),
           CHECK_TEST(the_same_content_gives_the_same_bytes),
           CHECK_TEST(an_imported_head_gives_scikit_learns_probabilities))
