#include "train/examples.h"

#include "base/check.h"
#include "encoder/vector8.h"
#include "encoder/head.h"
#include "text/template.h"
#include "train/evaluate.h"

#include <unistd.h>

static struct dataset d;
static struct err err;

static void examples_add(const char *system, const char *source, const char *message, unsigned label) {
    struct dataset_row row = {
        .source = span_of(source), .message = span_of(message), .label = (uint8_t)label, .line = (uint32_t)d.n + 1};
    CHECK(dataset_add(&d, &row, span_of(system), &err));
}

static void examples_fill(void) {
    dataset_release(&d);
    dataset_init(&d);
    examples_add("a", "s", "took 12 seconds", 1);
    examples_add("a", "s", "took 70 seconds", 1); /* the same template */
    examples_add("b", "s", "took 8 seconds", 1);  /* another system */
    examples_add("a", "s", "took 9 seconds", 2);  /* another label */
    examples_add("a", "t", "took 5 seconds", 1);  /* another source */
}

static void equal_templates_become_one(void) {
    struct examples x;
    examples_fill();
    CHECK(examples_make(&x, &d, EXAMPLES_SOURCE, &err));
    CHECK_INT(x.rows.n, 4);
    CHECK_INT(x.n_texts, 2);
    char want[TEMPLATE_MAX];
    struct span text = {want, template_write(SPAN_LIT("s"), SPAN_LIT("took 1 seconds"), true, want)};
    CHECK(span_eq(x.texts[0], text));
    CHECK(x.weight[0] == 2 && x.weight[1] == 1);
    CHECK(x.of_record[1] == 0 && x.of_record[4] == 3);
    CHECK(x.text[0] == x.text[1] && x.text[3] == 1);
    examples_release(&x);
    CHECK(examples_make(&x, &d, EXAMPLES_MESSAGE, &err));
    CHECK_INT(x.rows.n, 3);
    CHECK_INT(x.n_texts, 1);
    CHECK(x.weight[0] == 3);
    CHECK(span_eq(x.texts[0], span_sub(text, strlen("s: "), text.n)));
    examples_release(&x);
}

static void vectors_are_the_encoders_rounded(void) {
    struct examples x;
    struct encoder_opts eo = {.model_dir = "models/all-MiniLM-L6-v2"};
    struct encoder *enc = encoder_open(&eo, &err);
    char path[] = "/tmp/examples_test_XXXXXX";
    CHECK(enc && close(mkstemp(path)) == 0 && unlink(path) == 0);
    if (!enc) return;
    struct examples_embed_opts o = {.threads = 2, .vectors = path};
    float *one = calloc(encoder_dim(enc), sizeof *one);
    struct encoder_scratch *s = encoder_scratch_open(enc);
    examples_fill();
    CHECK(examples_make(&x, &d, EXAMPLES_SOURCE, &err));
    for (unsigned twice = 0; twice < 2; twice++) { /* the second time from the file */
        CHECK(examples_embed(&x, enc, &o, &err));
        for (size_t i = 0; i < x.n_texts; i++) {
            encoder_embed(enc, s, &x.texts[i], 1, one);
            vector8_round(one, x.dim);
            CHECK(memcmp(one, x.vector + i * x.dim, x.dim * sizeof *one) == 0);
        }
    }
    free(one);
    encoder_scratch_close(s);
    encoder_close(enc);
    examples_release(&x);
    unlink(path);
}

/* A head that says label 1 with 2 : 1 against label 2, whatever the vector. */
static struct head *constant_head(const char *path) {
    static float weight[9 * 2], bias[9];
    struct head_content c = {.labels = *label_default(), .layers = 1, .layer = {{2, 9, HEAD_LINEAR, weight, bias}}};
    for (unsigned k = 0; k < 9; k++) bias[k] = k == 1 ? logf(2) : k == 2 ? 0 : HEAD_BIAS_NEVER;
    CHECK(head_write(path, &c, &err));
    return head_open(path, &err);
}

static void a_head_is_judged(void) {
    char path[] = "/tmp/examples_test_XXXXXX";
    struct examples x;
    struct score_row row[5];
    struct report_line line[5];
    double truth[5];
    CHECK(close(mkstemp(path)) == 0);
    struct head *h = constant_head(path);
    examples_fill();
    CHECK(h && examples_make(&x, &d, EXAMPLES_SOURCE, &err));
    x.dim = 2;
    x.vector = calloc(x.n_texts * 2, sizeof *x.vector);
    evaluate_head(h, &x, &d, 0.5, row, truth);
    CHECK(row[0].best == 1 && row[0].answer == 1 && row[0].confidence == 0.6667);
    CHECK_NEAR(truth[3], 1.0 / 3, 1e-6);
    evaluate_head(h, &x, &d, 0.7, row, NULL);
    CHECK(row[0].best == 1 && row[0].answer == 8);
    CHECK_INT(evaluate_worst(&d, row, truth, line, 5), 1);
    CHECK(line[0].row == 4 && line[0].truth == 2 && line[0].best == 1);
    CHECK_INT(evaluate_worst(&d, row, truth, line, 0), 0);
    head_close(h);
    examples_release(&x);
    dataset_release(&d);
    unlink(path);
}

CHECK_MAIN(CHECK_TEST(equal_templates_become_one), CHECK_TEST(vectors_are_the_encoders_rounded),
           CHECK_TEST(a_head_is_judged))
