#include "base/check.h"
#include "encoder/forward.h"
#include "encoder/load.h"
#include "encoder/golden_vectors.h"

static const char MODEL_DIR[] = "models/all-MiniLM-L6-v2";

static int forward_by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct score {
    double mean, p1, least;
};

/* Cosines to the golden vectors of every `step`th text of at most tokens_max tokens. */
static struct score score_kernel(const struct kern *k, const struct golden_vectors *g, size_t step,
                                 unsigned tokens_max) {
    struct model m;
    struct err e;
    MUST(load_model(&m, MODEL_DIR, NULL, k, &e));
    struct forward_scratch s;
    forward_scratch_init(&s, &m, GOLDEN_TOKENS_MAX);
    double cosine[GOLDEN_MAX], sum = 0;
    float v[GOLDEN_DIM];
    size_t n = 0;
    for (size_t i = 0; i < g->n; i += step) {
        if (g->tokens[i] > tokens_max) continue;
        forward_run(&m, &s, g->ids[i], &g->tokens[i], 1, v);
        sum += cosine[n++] = golden_vectors_cosine(v, g->vector[i]);
    }
    forward_scratch_release(&s);
    model_close(&m);
    qsort(cosine, n, sizeof *cosine, forward_by_size);
    return (struct score){sum / (double)n, cosine[n / 100], cosine[0]};
}

static void all_kernels_are_near_the_reference(void) {
    struct golden_vectors *g = golden_vectors_open();
    for (unsigned i = 0; kern_at(i); i++) {
        const struct kern *k = kern_at(i);
        if (!kern_usable(k)) continue;
        bool slow = k->needs == 0 || CHECK_SANITIZED;
        struct score s = score_kernel(k, g, CHECK_SANITIZED ? 60 : slow ? 7 : 1, slow ? 24 : GOLDEN_TOKENS_MAX);
        fprintf(stderr, "%-12s cosine: mean %.6f, p1 %.6f, least %.6f\n", k->name, s.mean, s.p1, s.least);
        CHECK(s.mean >= (k->int8 ? 0.997 : 0.99999));
        CHECK(s.p1 >= (k->int8 ? k->input_max < 255 ? 0.99 : 0.995 : 0.99999)); /* fewer steps, more error */
        CHECK(s.least >= (k->int8 ? 0.98 : 0.9999));
    }
    golden_vectors_close(g);
}

/* Lines in one pass, in another order, or alone: the same bits. */
static void bits_do_not_depend_on_neighbours(void) {
    enum { LINES = CHECK_SANITIZED ? 3 : 12, ROWS = 700 };
    struct golden_vectors *g = golden_vectors_open();
    for (unsigned i = 0; kern_at(i); i++) {
        const struct kern *k = kern_at(i);
        if (!kern_usable(k) || k->needs == 0) continue;
        struct model m;
        struct err e;
        MUST(load_model(&m, MODEL_DIR, NULL, k, &e));
        struct forward_scratch s;
        forward_scratch_init(&s, &m, ROWS);
        uint32_t ids[ROWS];
        unsigned tokens[LINES], rows = 0;
        static float together[LINES][GOLDEN_DIM], alone[GOLDEN_DIM];
        for (size_t l = 0; l < LINES; l++) {
            size_t text = l * 5 + 60;
            MUST(rows + g->tokens[text] <= ROWS);
            memcpy(ids + rows, g->ids[text], g->tokens[text] * sizeof *ids);
            rows += tokens[l] = g->tokens[text];
        }
        forward_run(&m, &s, ids, tokens, LINES, together[0]);
        for (size_t l = LINES; l-- > 0;) {
            forward_run(&m, &s, g->ids[l * 5 + 60], &tokens[l], 1, alone);
            CHECK(memcmp(alone, together[l], sizeof alone) == 0);
        }
        forward_scratch_release(&s);
        model_close(&m);
    }
    golden_vectors_close(g);
}

CHECK_MAIN(CHECK_TEST(all_kernels_are_near_the_reference), CHECK_TEST(bits_do_not_depend_on_neighbours))
