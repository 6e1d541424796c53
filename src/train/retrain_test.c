#include "train/retrain.h"

#include "base/check.h"
#include "base/must.h"
#include "base/rng.h"
#include "train/fit_head.h"

#include <unistd.h>

enum { DIM = 8, K = 3, CORPUS = 600, TAUGHT = 200, N = CORPUS + TAUGHT };

static struct err err;
static struct examples g_x;
static uint8_t g_kind[N];
static char g_path[64];
static double g_l2 = 1;

static double retrain_uniform(struct rng *r) {
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

/* Rows of the corpus lie around their label's axis. Taught ones lie around an axis of their own (3 + label), on which
 * the corpus says nothing; each has its own wording. */
static void retrain_make(double noise) {
    struct rng rng = {5};
    g_x = (struct examples){.dim = DIM, .n_texts = N};
    dataset_init(&g_x.rows);
    g_x.vector = must_calloc((size_t)N * DIM, sizeof *g_x.vector);
    g_x.weight = must_calloc(N, sizeof *g_x.weight);
    g_x.text = must_calloc(N, sizeof *g_x.text);
    for (uint32_t i = 0; i < N; i++) {
        char text[32];
        snprintf(text, sizeof text, "w%c%c is here", 'a' + i / 26 % 26, 'a' + i % 26);
        struct dataset_row row = {.message = span_of(text), .label = (uint8_t)rng_below(&rng, K)};
        MUST(dataset_add(&g_x.rows, &row, SPAN_LIT(""), &err));
        g_kind[i] = i < CORPUS ? RETRAIN_CORPUS : RETRAIN_FRESH;
        for (unsigned k = 0; k < DIM; k++)
            g_x.vector[i * DIM + k] =
                (float)(noise * (retrain_uniform(&rng) - 0.5)) + (k == row.label + (i < CORPUS ? 0u : 3u) ? 1.0f : 0);
        g_x.weight[i] = 1;
        g_x.text[i] = i;
    }
}

/* A head fitted to the rows that are not fresh. */
static struct head *old_head(void) {
    struct fit_head_opts lo = fit_head_defaults();
    struct fit_head_result r = {0};
    struct head_content *c = must_calloc(1, sizeof *c);
    struct label_set labels = {.n = K, .unclassified = K - 1};
    struct examples known = g_x;
    static const char *const ID[K] = {"A", "B", "UNCLASSIFIED"};
    for (unsigned k = 0; k < K; k++) snprintf(labels.label[k].id, LABEL_ID_MAX, "%s", ID[k]);
    known.rows.n = CORPUS;
    lo.folds = 0;
    lo.fit.l2 = g_l2;
    CHECK(fit_head_run(&r, &known, &labels, &lo, &err));
    fit_head_head(&r, &known, &labels, &lo, c);
    snprintf(g_path, sizeof g_path, "/tmp/logclass_teach_%d.json", (int)getpid());
    CHECK(head_write(g_path, c, &err));
    struct head *h = head_open(g_path, &err);
    unlink(g_path);
    fit_head_head_release(c);
    fit_head_release(&r);
    free(c);
    return h;
}

static struct retrain_result *retrain_teach(const struct retrain_opts *o, bool ok) {
    struct head *old = old_head();
    struct retrain_result *r = must_calloc(1, sizeof *r);
    struct err e = {0};
    CHECK(retrain_run(r, &g_x, g_kind, old, o, &e) == ok);
    CHECK_INT(e.code, ok ? ERR_OK : ERR_INPUT);
    head_close(old);
    return r;
}

static void retrain_end(struct retrain_result *r) {
    retrain_release(r);
    free(r);
    examples_release(&g_x);
}

static void what_is_taught_is_learnt_and_nothing_forgotten(void) {
    struct retrain_opts o = retrain_defaults();
    retrain_make(0.6);
    struct retrain_result *r = retrain_teach(&o, true);
    CHECK_INT(r->fresh, TAUGHT);
    CHECK_INT(r->corpus, CORPUS);
    CHECK(r->old.fresh.accuracy_best < 0.6);
    CHECK(r->new.fresh.accuracy_best > 0.95); /* held apart */
    CHECK(r->new.left < r->old.left || r->old.left == 0);
    CHECK(r->old.corpus.accuracy_best > 0.95 && r->new.corpus.accuracy_best > 0.95);
    CHECK(r->better);
    retrain_end(r);
}

/* Labels drawn by chance: figures held apart are those of chance, and nothing is better for them. */
static void noise_is_not_better(void) {
    struct retrain_opts o = retrain_defaults();
    struct rng rng = {11};
    retrain_make(0.6);
    o.weight = 100; /* enough to be learnt by heart */
    for (uint32_t i = CORPUS; i < N; i++) {
        g_x.rows.row[i].label = (uint8_t)rng_below(&rng, K);
        for (unsigned k = 0; k < DIM; k++) g_x.vector[i * DIM + k] = g_x.vector[(i - CORPUS) * DIM + k];
    }
    struct retrain_result *r = retrain_teach(&o, true);
    CHECK_NEAR(r->new.fresh.accuracy_best, 1.0 / K, 0.12);
    CHECK(r->new.corpus.accuracy_best < r->old.corpus.accuracy_best);
    CHECK(!r->better);
    retrain_end(r);
}

/* Of heads that were taught labels drawn by chance, few look better: without a margin it is about half of them. */
static void chance_is_seldom_better(void) {
    enum { FEW = 40, DRAWS = 20 };
    unsigned better = 0;
    for (unsigned draw = 0; draw < DRAWS; draw++) {
        struct retrain_opts o = retrain_defaults();
        struct rng rng = {100 + draw};
        retrain_make(0.6);
        o.threshold = 0, o.loss_max = 1;
        g_x.rows.n = CORPUS + FEW;
        for (uint32_t i = CORPUS; i < CORPUS + FEW; i++) {
            unsigned axis = rng_below(&rng, K - 1);
            g_x.rows.row[i].label = (uint8_t)rng_below(&rng, K - 1); /* of those that are answers */
            for (unsigned k = 0; k < DIM; k++)
                g_x.vector[i * DIM + k] =
                    (float)(k == axis) + (float)((k < 3 ? 0.2 : 2) * (retrain_uniform(&rng) - 0.5));
        }
        struct retrain_result *r = retrain_teach(&o, true);
        better += r->better;
        retrain_end(r);
    }
    CHECK(better <= 3);
}

static void what_the_old_head_knows_is_not_judged(void) {
    struct retrain_opts o = retrain_defaults();
    retrain_make(0.6);
    for (uint32_t i = 0; i < TAUGHT; i++)
        g_kind[CORPUS + i] = i < RETRAIN_FRESH_LEAST - 1 ? RETRAIN_FRESH : RETRAIN_KNOWN;
    retrain_end(retrain_teach(&o, false));
    retrain_make(0.6);
    for (uint32_t i = 0; i < TAUGHT; i++) g_kind[CORPUS + i] = i < RETRAIN_FRESH_LEAST ? RETRAIN_FRESH : RETRAIN_KNOWN;
    struct retrain_result *r = retrain_teach(&o, true);
    CHECK_INT(r->new.fresh.n, RETRAIN_FRESH_LEAST);
    CHECK_INT(r->known, TAUGHT - RETRAIN_FRESH_LEAST);
    retrain_end(r);
}

/* A few corrections of one kind of error: they look like rows of another label, but for a little. Counting as much as
 * five rows of the corpus they are too few to be learnt; the weight that the held-apart ones ask for is found. */
static void few_corrections_count_as_much_as_they_must(void) {
    struct retrain_opts o = retrain_defaults();
    struct rng rng = {7};
    enum { FEW = 30 };
    o.fit.l2 = g_l2 = 100;
    retrain_make(0.2);
    for (uint32_t i = 0; i < CORPUS; i++) g_x.weight[i] = 10; /* there are many */
    g_x.rows.n = CORPUS + FEW;
    for (uint32_t i = CORPUS; i < CORPUS + FEW; i++) {
        g_x.rows.row[i].label = 0;
        for (unsigned k = 0; k < DIM; k++)
            g_x.vector[i * DIM + k] =
                (float)(0.3 * (retrain_uniform(&rng) - 0.5)) + (float)(k == 1) + 0.5f * (float)(k == 3);
    }
    o.weight = 5;
    struct retrain_result *five = retrain_teach(&o, true);
    o.weight = 0;
    struct retrain_result *best = retrain_teach(&o, true);
    CHECK(best->weight > 5);
    CHECK(best->better);
    CHECK(best->new.right > five->new.right);
    CHECK(best->new.corpus.accuracy_best >= best->old.corpus.accuracy_best - o.loss_max);
    retrain_release(five);
    free(five);
    retrain_end(best);
    g_l2 = 1;
}

static void the_number_of_threads_changes_nothing(void) {
    struct retrain_opts o = retrain_defaults();
    retrain_make(0.6);
    o.fit.threads = 1;
    struct retrain_result *a = retrain_teach(&o, true);
    o.fit.threads = 3;
    struct retrain_result *b = retrain_teach(&o, true);
    CHECK(memcmp(a->model.weight, b->model.weight, sizeof(double) * K * DIM) == 0);
    CHECK(memcmp(&a->new.fresh, &b->new.fresh, sizeof a->new.fresh) == 0);
    retrain_release(a);
    free(a);
    retrain_end(b);
}

CHECK_MAIN(CHECK_TEST(what_is_taught_is_learnt_and_nothing_forgotten), CHECK_TEST(noise_is_not_better),
           CHECK_TEST(chance_is_seldom_better), CHECK_TEST(what_the_old_head_knows_is_not_judged),
           CHECK_TEST(few_corrections_count_as_much_as_they_must), CHECK_TEST(the_number_of_threads_changes_nothing))
