#include "train/fit.h"

#include "base/check.h"
#include "base/rng.h"
#include "encoder/head.h"
#include "train/golden_fit.h"

static struct err err;

/* The problem of tests/golden/fit.txt. */
struct problem {
    struct golden_fit g;
    unsigned rows, dim, labels;
    float *x, *weight;
    uint8_t *label;
};

static struct problem fit_problem_open(void) {
    struct problem p = {.g = golden_fit_open("tests/golden/fit.txt")};
    struct golden_fit *g = &p.g;
    MUST(golden_fit_word(g, "problem"));
    p.rows = (unsigned)golden_fit_number(g), p.dim = (unsigned)golden_fit_number(g),
    p.labels = (unsigned)golden_fit_number(g);
    p.x = must_calloc((size_t)p.rows * p.dim, sizeof *p.x);
    p.weight = must_calloc(p.rows, sizeof *p.weight);
    p.label = must_calloc(p.rows, 1);
    for (unsigned i = 0; i < p.rows; i++) {
        p.label[i] = (uint8_t)golden_fit_number(g);
        p.weight[i] = (float)golden_fit_number(g);
        for (unsigned k = 0; k < p.dim; k++) p.x[i * p.dim + k] = (float)golden_fit_number(g);
    }
    return p;
}

static void problem_close(struct problem *p) {
    golden_fit_close(&p->g);
    free(p->x), free(p->weight), free(p->label);
}

static void probabilities_equal_the_reference(void) {
    struct problem p = fit_problem_open();
    unsigned settings = 0;
    for (; golden_fit_word(&p.g, "setting"); settings++) {
        struct fit_opts o = fit_defaults();
        struct fit_data d = {.x = p.x, .label = p.label, .n = p.rows, .dim = p.dim, .labels = p.labels};
        struct fit_model m;
        o.l2 = golden_fit_number(&p.g), o.balance = golden_fit_number(&p.g) > 0, o.threads = 1;
        o.steps_max = 5000, o.gradient_max = 1e-9;
        if (golden_fit_number(&p.g) > 0) d.weight = p.weight;
        CHECK(fit_run(&m, &d, &o, &err));
        CHECK(m.done);
        for (unsigned i = 0; i < p.rows; i++) {
            double got[LABEL_MAX];
            fit_logits(&m, p.x + i * p.dim, got);
            head_softmax(got, p.labels);
            for (unsigned l = 0; l < p.labels; l++) CHECK_NEAR(got[l], golden_fit_number(&p.g), 1e-5);
        }
        fit_release(&m);
    }
    CHECK_INT(settings, 5);
    problem_close(&p);
}

/* Random clusters; every row of label 3 of 6 is missing. */
static struct fit_data clusters(unsigned n, unsigned dim, float *x, uint8_t *label) {
    struct rng rng = {5};
    for (unsigned i = 0; i < n; i++) {
        label[i] = (uint8_t)rng_below(&rng, 6);
        if (label[i] == 3) label[i] = 0;
        for (unsigned k = 0; k < dim; k++)
            x[i * dim + k] = (float)((double)(rng_next(&rng) >> 40) * 0x1p-24 - 0.5) + (k == label[i] ? 0.7f : 0);
    }
    return (struct fit_data){.x = x, .label = label, .n = n, .dim = dim, .labels = 6};
}

enum { N = 3001, DIM = 19 };
static float x[N * DIM];
static uint8_t label[N];

static void any_number_of_threads_gives_the_same_bits(void) {
    struct fit_data d = clusters(N, DIM, x, label);
    struct fit_model first, other;
    struct fit_opts o = fit_defaults();
    o.threads = 1;
    CHECK(fit_run(&first, &d, &o, &err));
    for (o.threads = 2; o.threads <= 5; o.threads++) {
        CHECK(fit_run(&other, &d, &o, &err));
        CHECK(memcmp(first.weight, other.weight, sizeof(double) * 6 * DIM) == 0);
        CHECK(memcmp(first.bias, other.bias, sizeof(double) * 6) == 0);
        fit_release(&other);
    }
    fit_release(&first);
}

/* Near the optimum there are fewer steps to it, and it is the same one. */
static void a_start_changes_the_way_and_not_the_end(void) {
    struct problem p = fit_problem_open();
    struct fit_opts o = fit_defaults();
    struct fit_data d = {.x = p.x, .label = p.label, .n = p.rows - 1, .dim = p.dim, .labels = p.labels};
    struct fit_model before, from_zero, from_before;
    o.steps_max = 5000, o.gradient_max = 1e-9;
    CHECK(fit_run(&before, &d, &o, &err));
    d.n = p.rows;
    CHECK(fit_run(&from_zero, &d, &o, &err));
    o.start = &before;
    CHECK(fit_run(&from_before, &d, &o, &err));
    CHECK(from_before.done && from_before.steps < from_zero.steps);
    for (unsigned i = 0; i < p.labels * p.dim; i++) CHECK_NEAR(from_before.weight[i], from_zero.weight[i], 1e-5);
    fit_release(&before);
    fit_release(&from_zero);
    fit_release(&from_before);
    problem_close(&p);
}

static void a_label_without_rows_is_never_answered(void) {
    struct fit_data d = clusters(N, DIM, x, label);
    struct fit_model m;
    struct fit_opts o = fit_defaults();
    double p[LABEL_MAX];
    CHECK(fit_run(&m, &d, &o, &err));
    unsigned right = 0;
    for (unsigned i = 0; i < N; i++) {
        fit_logits(&m, x + i * DIM, p);
        head_softmax(p, 6);
        CHECK(p[3] == 0);
        bool best = true;
        for (unsigned l = 0; l < 6; l++) best = best && p[l] <= p[label[i]];
        right += best;
    }
    CHECK(right > N * 6 / 10);
    fit_release(&m);
}

/* A balance between none and full, with labels 1 and 2 counting as one, is what the same weights written out give. */
static void a_balance_is_a_weight_of_rows(void) {
    static const uint8_t group[6] = {0, 1, 1, 3, 4, 5};
    static float by_hand[N];
    struct fit_data d = clusters(N, DIM, x, label);
    struct fit_model balanced, weighted;
    struct fit_opts o = fit_defaults();
    double rows[6] = {0};
    for (unsigned i = 0; i < N; i++) rows[group[label[i]]]++;
    for (unsigned i = 0; i < N; i++) by_hand[i] = (float)sqrt(N / (4 * rows[group[label[i]]])); /* 4 groups have rows */
    o.gradient_max = 1e-8, o.balance = 0.5, o.group = group;
    CHECK(fit_run(&balanced, &d, &o, &err));
    o.balance = 0, o.group = NULL, d.weight = by_hand;
    CHECK(fit_run(&weighted, &d, &o, &err));
    for (unsigned i = 0; i < 6 * DIM; i++) CHECK_NEAR(balanced.weight[i], weighted.weight[i], 1e-4);
    fit_release(&balanced), fit_release(&weighted);
}

static void picked_rows_and_weights_count_as_copies(void) {
    struct fit_data d = clusters(N, DIM, x, label);
    static uint32_t twice[200], once[100];
    static float weight[N];
    for (uint32_t i = 0; i < 100; i++) twice[i] = twice[100 + i] = once[i] = i * 7, weight[i * 7] = 2;
    struct fit_opts o = fit_defaults();
    o.gradient_max = 1e-8;
    struct fit_model a, b;
    d.pick = twice, d.n = 200;
    CHECK(fit_run(&a, &d, &o, &err));
    d.pick = once, d.n = 100, d.weight = weight;
    CHECK(fit_run(&b, &d, &o, &err));
    for (unsigned i = 0; i < 6 * DIM; i++) CHECK_NEAR(a.weight[i], b.weight[i], 1e-5);
    fit_release(&a), fit_release(&b);
}

static void one_label_is_not_enough(void) {
    struct fit_data d = clusters(10, DIM, x, label);
    struct fit_model m;
    struct fit_opts o = fit_defaults();
    memset(label, 1, 10);
    CHECK(!fit_run(&m, &d, &o, &err));
    CHECK(strstr(err.msg, "at least two labels") != NULL);
    fit_release(&m);
}

CHECK_MAIN(CHECK_TEST(probabilities_equal_the_reference), CHECK_TEST(any_number_of_threads_gives_the_same_bits),
           CHECK_TEST(a_start_changes_the_way_and_not_the_end), CHECK_TEST(a_label_without_rows_is_never_answered),
           CHECK_TEST(a_balance_is_a_weight_of_rows), CHECK_TEST(picked_rows_and_weights_count_as_copies),
           CHECK_TEST(one_label_is_not_enough))
