#include "base/check.h"
#include "encoder/encoder.h"
#include "encoder/golden_vectors.h"
#include "text/wordpiece.h"

#include <stdlib.h>
#include <unistd.h>

static const char MODEL_DIR[] = "models/all-MiniLM-L6-v2";

/* Cosines to the golden vectors: each at least `least`, `mean` in the mean. False: the CPU can't run the kernel. */
static bool near_golden(const char *kernel, double least, double mean) {
    struct err e = {0};
    struct encoder *enc = encoder_open(&(struct encoder_opts){.model_dir = MODEL_DIR, .kernel = kernel}, &e);
    if (!enc) return false;
    struct golden_vectors *g = golden_vectors_open();
    CHECK_INT(encoder_dim(enc), GOLDEN_DIM);
    struct encoder_scratch *s = encoder_scratch_open(enc);
    float *v = must_calloc(g->n * GOLDEN_DIM, sizeof *v);
    encoder_embed(enc, s, g->text, g->n, v);
    double sum = 0;
    for (size_t i = 0; i < g->n; i++) {
        double cosine = golden_vectors_cosine(v + i * GOLDEN_DIM, g->vector[i]);
        CHECK(cosine >= least);
        sum += cosine;
    }
    CHECK(sum / (double)g->n >= mean);
    free(v);
    encoder_scratch_close(s);
    encoder_close(enc);
    golden_vectors_close(g);
    return true;
}

/* 0.99999, not the promised 0.9999: only so is a token more or less at the end of a long text seen. */
static void texts_become_the_golden_vectors(void) {
    CHECK(near_golden("auto", 0.99, 0.997));
    if (!near_golden("avx2", 0.99999, 0.99999)) CHECK(near_golden("scalar", 0.99999, 0.99999));
}

static void tokens_are_the_golden_ones(void) {
    struct golden_vectors *g = golden_vectors_open();
    struct err e;
    struct wordpiece *w = wordpiece_open(MODEL_DIR, &e);
    MUST(w);
    uint32_t ids[GOLDEN_TOKENS_MAX];
    for (size_t i = 0; i < g->n; i++) {
        size_t n = wordpiece_encode(w, g->text[i], ids, GOLDEN_TOKENS_MAX);
        CHECK_INT(n, g->tokens[i]);
        CHECK(n == g->tokens[i] && memcmp(ids, g->ids[i], n * sizeof *ids) == 0);
    }
    wordpiece_close(w);
    golden_vectors_close(g);
}

/* All at once, backwards, and one by one: the same bits. */
static void bits_depend_on_the_text_only(void) {
    struct golden_vectors *g = golden_vectors_open();
    struct err e;
    struct encoder *enc = encoder_open(&(struct encoder_opts){.model_dir = MODEL_DIR}, &e);
    MUST(enc);
    struct encoder_scratch *s = encoder_scratch_open(enc), *other = encoder_scratch_open(enc);
    size_t n = g->n, bytes = GOLDEN_DIM * sizeof(float);
    float *all = must_calloc(n, bytes), *back = must_calloc(n, bytes), one[GOLDEN_DIM];
    struct span *turned = must_calloc(n, sizeof *turned);
    for (size_t i = 0; i < n; i++) turned[i] = g->text[n - 1 - i];
    encoder_embed(enc, s, g->text, n, all);
    encoder_embed(enc, other, turned, n, back);
    for (size_t i = 0; i < n; i++) {
        CHECK(memcmp(all + i * GOLDEN_DIM, back + (n - 1 - i) * GOLDEN_DIM, bytes) == 0);
        if (i % 5 != 0) continue;
        encoder_embed(enc, s, &g->text[i], 1, one);
        CHECK(memcmp(all + i * GOLDEN_DIM, one, bytes) == 0);
    }
    encoder_embed(enc, s, NULL, 0, NULL);
    free(all);
    free(back);
    free(turned);
    encoder_scratch_close(s);
    encoder_scratch_close(other);
    encoder_close(enc);
    golden_vectors_close(g);
}

static void hash_names_the_model_not_the_kernel(void) {
    struct err e;
    struct encoder *a = encoder_open(&(struct encoder_opts){.model_dir = MODEL_DIR, .kernel = "scalar"}, &e);
    struct encoder *b = encoder_open(&(struct encoder_opts){.model_dir = MODEL_DIR, .kernel = "auto"}, &e);
    MUST(a && b);
    CHECK(encoder_hash(a) == encoder_hash(b) && encoder_hash(a) != 0);
    CHECK_STR(encoder_kernel_name(a), "scalar");
    encoder_close(a);
    encoder_close(b);
}

static void embed_one(const struct encoder *enc, const char *text, float *v) {
    struct encoder_scratch *s = encoder_scratch_open(enc);
    struct span line = span_of(text);
    encoder_embed(enc, s, &line, 1, v);
    encoder_scratch_close(s);
}

/* An adapter that changes no weight but says that it reads the trade of the program before a line. */
static void the_trade_of_a_program_goes_before_the_line_where_the_adapter_says_so(void) {
    static const char HEADER[] = "{\"__metadata__\":{\"programs\":\"1\"}}";
    char path[] = "/tmp/logclass_encoder_test_XXXXXX";
    uint64_t n = sizeof HEADER - 1;
    int fd = mkstemp(path);
    MUST(fd >= 0 && write(fd, &n, sizeof n) == sizeof n && write(fd, HEADER, n) == (ssize_t)n && close(fd) == 0);
    struct err e = {0};
    struct encoder_opts o = {.model_dir = MODEL_DIR, .kernel = "avx2"};
    struct encoder *plain = encoder_open(&o, &e);
    if (!plain) o.kernel = "scalar", e = (struct err){0}, plain = encoder_open(&o, &e);
    o.adapter_path = path;
    struct encoder *reads = encoder_open(&o, &e);
    CHECK_STR(e.msg, "");
    MUST(plain && reads);
    CHECK(encoder_hash(plain) != encoder_hash(reads));
    float a[GOLDEN_DIM], b[GOLDEN_DIM];
    embed_one(plain, "database postgres: out of memory", a);
    embed_one(reads, "postgres: out of memory", b);
    CHECK(memcmp(a, b, sizeof a) == 0);
    embed_one(plain, "postgres: out of memory", a);
    CHECK(memcmp(a, b, sizeof a) != 0);
    embed_one(plain, "frobnicator: out of memory", a);
    embed_one(reads, "frobnicator: out of memory", b);
    CHECK(memcmp(a, b, sizeof a) == 0);
    encoder_close(plain);
    encoder_close(reads);
    unlink(path);
}

static void encoder_wrong_options_are_named(void) {
    static const struct {
        struct encoder_opts o;
        const char *part;
    } cases[] = {
        {{.model_dir = MODEL_DIR, .kernel = "mmx"},
         "kernel \"mmx\" is unknown or not for this CPU; expected auto, scalar-int8, scalar"},
        {{.model_dir = "/nonexistent"}, "/nonexistent/config.json"},
        {{.model_dir = MODEL_DIR, .tokens_max = 513}, "tokens_max 513: expected 2 to 512"},
        {{.model_dir = MODEL_DIR, .tokens_max = 1}, "tokens_max 1: expected 2 to 512"},
        {{.model_dir = MODEL_DIR, .adapter_path = "/nonexistent"}, "/nonexistent"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = {0};
        CHECK(encoder_open(&cases[i].o, &e) == NULL);
        if (!strstr(e.msg, cases[i].part)) CHECK_STR(e.msg, cases[i].part);
    }
    encoder_close(NULL);
    encoder_scratch_close(NULL);
}

CHECK_MAIN(CHECK_TEST(texts_become_the_golden_vectors), CHECK_TEST(tokens_are_the_golden_ones),
           CHECK_TEST(bits_depend_on_the_text_only), CHECK_TEST(hash_names_the_model_not_the_kernel),
           CHECK_TEST(the_trade_of_a_program_goes_before_the_line_where_the_adapter_says_so),
           CHECK_TEST(encoder_wrong_options_are_named))
