#include "train/fit_head.h"

#include "base/check.h"
#include "base/must.h"
#include "base/rng.h"
#include "train/label_issues.h"

enum { N = 900, DIM = 12, SYSTEMS = 30, K = 4 };

static struct label_set labels;
static struct err err;

static double head_uniform(struct rng *r) {
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

/* Examples with vectors made up: a label's cluster, and an offset of each system; label 3 (UNCLASSIFIED) is spread. */
static struct examples fit_made(unsigned n, double noise) {
    struct examples x = {.dim = DIM, .n_texts = n};
    struct rng rng = {42};
    float offset[SYSTEMS][DIM];
    dataset_init(&x.rows);
    x.rows.has_group = true;
    x.vector = must_calloc((size_t)n * DIM, sizeof *x.vector);
    x.weight = must_calloc(n, sizeof *x.weight);
    x.text = must_calloc(n, sizeof *x.text);
    for (unsigned s = 0; s < SYSTEMS; s++)
        for (unsigned k = 0; k < DIM; k++) offset[s][k] = (float)(head_uniform(&rng) - 0.5);
    for (uint32_t i = 0; i < n; i++) {
        char system[16];
        unsigned s = rng_below(&rng, SYSTEMS);
        struct dataset_row row = {.message = SPAN_LIT("m"), .label = (uint8_t)rng_below(&rng, K)};
        snprintf(system, sizeof system, "s%u", s);
        MUST(dataset_add(&x.rows, &row, span_of(system), &err));
        for (unsigned k = 0; k < DIM; k++)
            x.vector[i * DIM + k] = (float)(noise * (head_uniform(&rng) - 0.5) * 2) + offset[s][k] +
                                    (row.label < 3 && k == row.label ? 1.5f : 0);
        x.weight[i] = 1;
        x.text[i] = i;
    }
    return x;
}

static void set_labels(void) {
    static const char *const ID[K] = {"A", "B", "C", "UNCLASSIFIED"};
    labels = (struct label_set){.n = K, .unclassified = 3};
    for (unsigned k = 0; k < K; k++) snprintf(labels.label[k].id, LABEL_ID_MAX, "%s", ID[k]);
}

static void it_learns_what_there_is_to_learn(void) {
    struct examples x = fit_made(N, 0.8);
    struct fit_head_result r;
    struct fit_head_opts o = fit_head_defaults();
    set_labels();
    o.curve = true;
    CHECK(fit_head_run(&r, &x, &labels, &o, &err));
    CHECK(r.grouped);
    CHECK_INT(r.folds, 5);
    CHECK(r.score.accuracy_best > 0.7);
    CHECK(r.score.ece < 0.08);
    CHECK(r.curve[0].rows > 0 && r.curve[0].rows < r.curve[1].rows && r.curve[3].rows > N * 7 / 10);
    CHECK(r.curve[0].accuracy < r.curve[3].accuracy);
    CHECK(r.threshold == FIT_HEAD_THRESHOLD && !r.own_threshold);
    fit_head_release(&r);
    examples_release(&x);
}

/* With labels drawn by chance, held-apart figures must be those of chance: nothing of a fold reaches its own fit. */
static void nothing_leaks_into_the_figures(void) {
    struct examples x = fit_made(N, 0.8);
    struct rng rng = {9};
    struct fit_head_result r;
    struct fit_head_opts o = fit_head_defaults();
    set_labels();
    o.fit.l2 = 0.01;
    for (unsigned i = 0; i < N; i++) x.rows.row[i].label = (uint8_t)rng_below(&rng, K);
    CHECK(fit_head_run(&r, &x, &labels, &o, &err));
    CHECK_NEAR(r.score.accuracy_best, 0.25, 0.06);
    fit_head_release(&r);
    examples_release(&x);
}

static void the_same_twice_and_on_any_threads(void) {
    struct examples x = fit_made(N, 1.2);
    struct fit_head_result a, b;
    struct fit_head_opts o = fit_head_defaults();
    set_labels();
    o.fit.threads = 1;
    CHECK(fit_head_run(&a, &x, &labels, &o, &err));
    o.fit.threads = 3;
    CHECK(fit_head_run(&b, &x, &labels, &o, &err));
    CHECK(memcmp(a.model.weight, b.model.weight, sizeof(double) * K * DIM) == 0);
    CHECK(a.score.macro_f1 == b.score.macro_f1 && a.calibration.temperature == b.calibration.temperature);
    fit_head_release(&a), fit_head_release(&b);
    examples_release(&x);
}

static void a_wrong_label_is_doubted(void) {
    struct examples x = fit_made(N, 0.5);
    struct fit_head_result r;
    struct fit_head_opts o = fit_head_defaults();
    struct buf out;
    uint32_t wrong = 0;
    char line[64];
    set_labels();
    while (x.rows.row[wrong].label != 1) wrong++;
    x.rows.row[wrong].label = 2, x.rows.row[wrong].line = 77;
    CHECK(fit_head_run(&r, &x, &labels, &o, &err));
    CHECK(r.own[wrong] < 0.2 && r.row[wrong].best == 1);
    buf_init(&out, 1 << 20);
    CHECK_INT(label_issues_text(&r, &x, &labels, 3, &out), 3);
    struct span s = x.rows.group[x.rows.row[wrong].group];
    snprintf(line, sizeof line, "%.*s:77  C 0.", (int)s.n, s.p);
    buf_putc(&out, '\0');
    CHECK(strstr(out.p, line));
    buf_release(&out), fit_head_release(&r);
    examples_release(&x);
}

static void thresholds_are_solved(void) {
    struct examples x = fit_made(N, 2);
    struct fit_head_result r;
    struct fit_head_opts o = fit_head_defaults();
    set_labels();
    o.target_precision = 0.9, o.label_precision = 0.8;
    CHECK(fit_head_run(&r, &x, &labels, &o, &err));
    size_t answered = 0, right = 0;
    for (size_t i = 0; i < r.n; i++) {
        if (r.row[i].best == 3 || r.row[i].confidence < r.threshold - 5e-5) continue;
        answered++, right += r.row[i].best == r.row[i].label;
    }
    CHECK(answered > 0 && (double)right >= 0.89 * (double)answered);
    CHECK(r.label_threshold[0] > 0 && r.label_threshold[3] == 0);
    for (size_t i = 0; i < r.n; i++) { /* the figures are those of the head with its thresholds */
        double least = r.label_threshold[r.row[i].best] > 0 ? r.label_threshold[r.row[i].best] : r.threshold;
        CHECK_INT(r.row[i].answer, r.row[i].confidence < least ? 3 : r.row[i].best);
    }
    fit_head_release(&r);
    o.target_precision = 0, o.target_llm_share = 0.0001;
    CHECK(!fit_head_run(&r, &x, &labels, &o, &err));
    CHECK(strstr(err.msg, "UNCLASSIFIED already"));
    fit_head_release(&r);
    examples_release(&x);
}

static void a_head_is_made_of_it(void) {
    struct examples x = fit_made(N, 0.8);
    struct fit_head_result r;
    struct fit_head_opts o = fit_head_defaults();
    struct head_content *c = must_calloc(1, sizeof *c);
    set_labels();
    CHECK(fit_head_run(&r, &x, &labels, &o, &err));
    fit_head_head(&r, &x, &labels, &o, c);
    CHECK_INT(c->layers, 1);
    CHECK_INT(c->layer[0].inputs, DIM);
    CHECK_INT(c->metrics.systems, SYSTEMS);
    CHECK(c->layer[0].weight[DIM + 1] == (float)r.model.weight[DIM + 1]);
    CHECK(strstr(c->calibration, "on 5 folds of systems"));
    fit_head_head_release(c);
    fit_head_release(&r);
    o.folds = 0;
    CHECK(fit_head_run(&r, &x, &labels, &o, &err));
    CHECK(r.row == NULL && r.model.weight != NULL);
    double weight = r.model.weight[DIM + 1], bias = r.model.bias[2];
    fit_head_release(&r);
    o.temperature = 2;
    CHECK(fit_head_run(&r, &x, &labels, &o, &err));
    CHECK(r.model.weight[DIM + 1] == weight / 2 && r.model.bias[2] == bias / 2);
    fit_head_head(&r, &x, &labels, &o, c);
    CHECK(strstr(c->calibration, "temperature 2.0000, given"));
    fit_head_head_release(c);
    fit_head_release(&r);
    free(c);
    examples_release(&x);
}

static void few_rows_are_said(void) {
    struct examples x = fit_made(40, 0.8);
    struct buf b;
    set_labels();
    labels.n = 5;
    snprintf(labels.label[4].id, LABEL_ID_MAX, "NEVER");
    for (unsigned i = 0; i < 40; i++) x.rows.row[i].label = i < 3 ? 0 : 1;
    buf_init(&b, 4096);
    CHECK_INT(fit_head_lacks(&x, &labels, &b), 3);
    buf_putc(&b, '\0');
    CHECK_STR(b.p, "A has 3 different rows: 20 or more are better\nC has no row: it is never answered\n"
                   "NEVER has no row: it is never answered\n");
    buf_release(&b);
    examples_release(&x);
}

static void two_rows_are_fitted_but_not_measured(void) {
    struct examples x = fit_made(40, 0.5);
    struct fit_head_result r;
    struct fit_head_opts o = fit_head_defaults();
    set_labels();
    x.rows.n = 2, x.rows.row[0].label = 0, x.rows.row[1].label = 1;
    CHECK(fit_head_run(&r, &x, &labels, &o, &err));
    CHECK(r.folds == 0 && r.row == NULL && r.model.weight != NULL);
    fit_head_release(&r);
    o.target_precision = 0.9;
    CHECK(!fit_head_run(&r, &x, &labels, &o, &err) && strstr(err.msg, "held apart"));
    fit_head_release(&r);
    o.target_precision = 0;
    x.rows.row[1].label = 0;
    CHECK(!fit_head_run(&r, &x, &labels, &o, &err));
    CHECK_STR(err.msg, "rows of at least two labels are needed, there are rows of 1");
    fit_head_release(&r);
    x.rows.n = 40;
    examples_release(&x);
}

static void five_rows_a_label_are_enough_to_begin(void) {
    struct examples x = fit_made(20, 0.5);
    struct fit_head_result r;
    struct fit_head_opts o = fit_head_defaults();
    set_labels();
    for (unsigned i = 0; i < 20; i++) {
        x.rows.row[i].label = (uint8_t)(i % K);
        for (unsigned k = 0; k < K; k++) x.vector[i * DIM + k] += k == i % K ? 3 : 0;
    }
    CHECK(fit_head_run(&r, &x, &labels, &o, &err));
    CHECK(r.score.accuracy_best > 0.5);
    fit_head_release(&r);
    examples_release(&x);
}

CHECK_MAIN(CHECK_TEST(it_learns_what_there_is_to_learn), CHECK_TEST(nothing_leaks_into_the_figures),
           CHECK_TEST(the_same_twice_and_on_any_threads), CHECK_TEST(a_wrong_label_is_doubted),
           CHECK_TEST(thresholds_are_solved), CHECK_TEST(a_head_is_made_of_it), CHECK_TEST(few_rows_are_said),
           CHECK_TEST(two_rows_are_fitted_but_not_measured), CHECK_TEST(five_rows_a_label_are_enough_to_begin))
