/* Every kernel against the scalar one, on random and hostile shapes: memory past every row is poisoned with NaN where
 * it is read and watched where it is written. */
#include "base/check.h"
#include "kern/kern.h"
#include "kern/pack.h"

/* Fewer samples: `make valgrind` says so. Valgrind's CPU has AVX2, but neither AVX-VNNI nor AVX-512. */
#define CHECK_SLOW (CHECK_SANITIZED || getenv("CHECK_VALGRIND") != NULL)

enum { GAP = 5 /* poisoned elements behind each row */, KERNELS_MAX = 16 };

extern const struct kern kern_amx_emulated; /* amx.c with its four instructions in C */

static uint32_t g_state = 12345;

static uint32_t kern_next(void) {
    g_state = g_state * 1664525 + 1013904223;
    return g_state >> 8;
}

/* Evenly from -size to size */
static float kern_any(float size) {
    return size * ((float)(kern_next() & 0xffff) / 32768 - 1);
}

static void *zeros(size_t n, size_t size) {
    void *p = aligned_alloc(64, (n * size + 63) / 64 * 64);
    if (!p) abort();
    return memset(p, 0, (n * size + 63) / 64 * 64);
}

/* [rows][width + GAP] random floats, NaN in the gaps */
static float *matrix(size_t rows, size_t width, float size) {
    float *m = zeros(rows * (width + GAP), sizeof *m);
    for (size_t i = 0; i < rows * (width + GAP); i++) m[i] = i % (width + GAP) < width ? kern_any(size) : NAN;
    return m;
}

/* The usable kernels, and the emulated one where AVX-512 is there. */
static const struct kern *const *kernels(void) {
    static const struct kern *list[KERNELS_MAX];
    size_t n = 0;
    for (unsigned i = 0; kern_at(i); i++)
        if (kern_usable(kern_at(i))) list[n++] = kern_at(i);
    if (kern_usable(&kern_avx512_int8)) list[n++] = &kern_amx_emulated;
    list[n] = NULL;
    return list;
}

/* ---- linear layers ---- */

struct layer {
    struct kern_linear l;
    float *w, *bias; /* [out][in + GAP] */
    float *memory;
};

static void pack(struct layer *t, const struct kern *k) {
    size_t padded = kern_padded(t->l.out);
    t->l.w = zeros(k->linear_bytes(t->l.in, t->l.out), 1);
    t->memory = zeros(3 * padded, sizeof(float));
    t->l.bias = t->memory, t->l.scale = t->memory + padded, t->l.sum = t->memory + 2 * padded;
    k->linear_pack(&t->l, t->w, t->l.in + GAP, t->bias);
}

static void kern_unpack(struct layer *t) {
    free(t->l.w);
    free(t->memory);
}

/* y[rows][out + GAP] of kernel k; what was in the gaps of y must still be there. */
static float *kern_run(const struct kern *k, const struct layer *t, float *x, size_t rows, unsigned then) {
    size_t stride = kern_padded(t->l.in), y_stride = t->l.out + GAP;
    uint8_t *q = zeros(rows * stride, 1);
    float *y = zeros(rows * y_stride, sizeof *y), *scale = zeros(rows, 4), *base = zeros(rows, 4);
    for (size_t i = 0; i < rows * y_stride; i++) y[i] = i % y_stride < t->l.out ? (float)(i % 7) : -99;
    struct kern_in in = {x, t->l.in + GAP, q, stride, scale, base};
    if (k->int8) k->quantise(&t->l, &in, rows);
    k->linear(&t->l, &in, rows, &(struct kern_out){y, y_stride, then});
    for (size_t i = 0; i < rows * y_stride; i++)
        if (i % y_stride >= t->l.out) CHECK(y[i] == -99);
    free(q);
    free(scale);
    free(base);
    return y;
}

/* What every int8 table's quantise does, with the range of table k: as the formula reads. */
static const struct kern *g_range;
static void plain_quantise(const struct kern_linear *l, const struct kern_in *x, size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        const float *in = x->f + r * x->f_stride;
        double least = INFINITY, most = -INFINITY;
        for (size_t i = 0; i < l->in; i++) {
            double v = l->factor ? in[i] * l->factor[i] : in[i];
            least = fmin(least, v), most = fmax(most, v);
        }
        x->base[r] = (float)least;
        x->scale[r] = (float)((most - least) / g_range->input_max);
        for (size_t i = 0; i < l->in; i++) {
            double v = l->factor ? in[i] * l->factor[i] : in[i];
            x->q[r * x->q_stride + i] = (uint8_t)(most > least ? lrint((v - least) / x->scale[r]) : 0);
        }
    }
}

static void plain_pack(struct kern_linear *l, const float *w, size_t stride, const float *bias) {
    pack_int8(l, w, stride, bias, &(struct pack_form){1, g_range->weight_max, g_range->group_max});
}

/* The scalar table of k's kind, and of its range of bytes. */
static const struct kern *scalar_like(const struct kern *k) {
    static struct kern like;
    if (!k->int8) return &kern_scalar;
    like = kern_scalar_int8;
    if (k->input_max == like.input_max) return &kern_scalar_int8;
    g_range = k;
    like.quantise = plain_quantise;
    like.linear_pack = plain_pack;
    return &like;
}

/* Greatest difference of kernel k's results to those of the scalar kernel of its kind. */
static double difference(const struct kern *k, struct layer *t, float *x, size_t rows, unsigned then) {
    const struct kern *scalar = scalar_like(k);
    pack(t, k);
    float *got = kern_run(k, t, x, rows, then);
    kern_unpack(t);
    pack(t, scalar);
    float *want = kern_run(scalar, t, x, rows, then);
    kern_unpack(t);
    double worst = 0;
    for (size_t i = 0; i < rows * (t->l.out + GAP); i++) {
        double d = fabs((double)got[i] - (double)want[i]);
        worst = d <= worst ? worst : d; /* NaN wins */
    }
    free(got);
    free(want);
    return worst;
}

static void linear_layers_agree(void) {
    static const unsigned ins[] = {1, 3, 4, 5, 63, 64, 65, 100, 384}, outs[] = {1, 7, 16, 31, 33, 64, 65, 130};
    for (const struct kern *const *k = kernels(); *k; k++)
        for (size_t i = 0; i < 9; i++)
            for (size_t o = 0; o < 8; o++) {
                size_t rows = 1 + kern_next() % 97;
                struct layer t = {.l = {.in = ins[i], .out = outs[o]}};
                t.w = matrix(t.l.out, t.l.in, 1), t.bias = matrix(1, t.l.out, 1);
                float *x = matrix(rows, t.l.in, 2), *factor = NULL;
                if ((*k)->int8 && o % 2) t.l.factor = factor = matrix(1, t.l.in, 1);
                for (size_t f = 0; factor && f < t.l.in; f++) factor[f] = 1.5f + factor[f];
                unsigned then = (unsigned)(kern_next() % 4);
                /* Two steps of a byte may go either way between kernels, each 2 · 2 / input_max · 2.5 · a weight of 1.
                 */
                double limit = (*k)->int8 ? 20.4 / (*k)->input_max : 1e-4;
                double d = difference(*k, &t, x, rows, then);
                CHECK(d <= limit);
                if (!(d <= limit))
                    fprintf(stderr, "%s: %zu x %u x %u then %u: %g\n", (*k)->name, rows, ins[i], outs[o], then, d);
                free(t.w);
                free(t.bias);
                free(x);
                free(factor);
            }
}

static void every_height_agrees(void) {
    for (const struct kern *const *k = kernels(); *k; k++)
        for (size_t rows = 1; rows <= 97; rows++) {
            struct layer t = {.l = {.in = 20, .out = 40}};
            t.w = matrix(40, 20, 1), t.bias = matrix(1, 40, 1);
            float *x = matrix(rows, 20, 1);
            CHECK(difference(*k, &t, x, rows, KERN_STORE) <=
                  ((*k)->int8 ? 2.5 / (*k)->input_max : 1e-4)); /* a step of a byte */
            free(t.w);
            free(t.bias);
            free(x);
        }
}

/* Every length of inputs, and of a line, once: at few rows, which every_height_agrees varies. */
static void every_length_agrees(void) {
    const unsigned step = CHECK_SLOW ? 37 : 1;
    for (const struct kern *const *k = kernels(); *k; k++)
        for (unsigned in = 1; in <= 512; in += step) {
            struct layer t = {.l = {.in = in, .out = 9}};
            t.w = matrix(9, in, 1), t.bias = matrix(1, 9, 1);
            float *x = matrix(3, in, 1);
            double d = difference(*k, &t, x, 3, KERN_STORE);
            CHECK(d <= ((*k)->int8 ? 12.75 / (*k)->input_max : 1e-4));
            free(t.w);
            free(t.bias);
            free(x);
        }
}

/* Rows alone and rows together: the same bits. */
static void rows_do_not_touch_each_other(void) {
    enum { ROWS = 41, IN = 100, OUT = 70 };
    for (const struct kern *const *k = kernels(); *k; k++) {
        struct layer t = {.l = {.in = IN, .out = OUT}};
        t.w = matrix(OUT, IN, 1), t.bias = matrix(1, OUT, 1);
        float *x = matrix(ROWS, IN, 3);
        pack(&t, *k);
        float *all = kern_run(*k, &t, x, ROWS, KERN_GELU);
        for (size_t r = 0; r < ROWS; r++) {
            float *one = kern_run(*k, &t, x + r * (IN + GAP), 1, KERN_GELU);
            CHECK(memcmp(one, all + r * (OUT + GAP), OUT * sizeof *one) == 0);
            free(one);
        }
        kern_unpack(&t);
        free(all);
        free(t.w);
        free(t.bias);
        free(x);
    }
}

/* No group of weights that are added in 16 bits has more of one sign than fits. */
static void check_groups(const struct kern *k, const int8_t *w, unsigned out, unsigned in) {
    for (unsigned o = 0; k->group_max && o < out; o++)
        for (unsigned i = 0; i < kern_padded(in); i += 8)
            for (unsigned g = 0; g < 2; g++) {
                int above = 0, below = 0;
                static const unsigned MEMBER[2][4] = {{0, 1, 4, 5}, {2, 3, 6, 7}};
                for (unsigned m = 0; m < 4; m++) {
                    int q = w[(size_t)o * kern_padded(in) + i + MEMBER[g][m]];
                    *(q > 0 ? &above : &below) += q;
                }
                CHECK(above <= (int)k->group_max && -below <= (int)k->group_max);
                CHECK((int)k->input_max * above < 32768 && (int)k->input_max * below >= -32768);
            }
}

/* With scales of 1 results are the sums themselves: exact, and without saturation at the greatest inputs and weights.
 */
static void int8_sums_are_exact(void) {
    enum { ROWS = 7, IN = 260, OUT = 33 };
    static uint8_t q[ROWS][320] __attribute__((aligned(64)));
    for (const struct kern *const *k = kernels(); *k; k++)
        for (int hostile = 0; (*k)->int8 && hostile < 4; hostile++) {
            struct layer t = {.l = {.in = IN, .out = OUT}};
            float most = (float)(*k)->weight_max;
            t.w = matrix(OUT, IN, 1);
            for (size_t i = 0; i < OUT * (IN + GAP); i++) {
                float v = hostile & 1 ? (kern_next() & 1 ? most : -most) : roundf(kern_any(most));
                t.w[i] = i % (IN + GAP) == 0 ? most : i % (IN + GAP) < IN ? v : NAN; /* so that the scale is 1 */
            }
            for (size_t i = 0; i < sizeof q; i++)
                q[i / 320][i % 320] = (uint8_t)(hostile & 2 ? (kern_next() & 1 ? (*k)->input_max : 0)
                                                            : kern_next() % ((*k)->input_max + 1));
            g_range = *k;
            struct kern like = *scalar_like(*k);
            like.linear_pack = plain_pack; /* [out][in padded] */
            like.linear_bytes = kern_scalar_int8.linear_bytes;
            pack(&t, &like);
            int8_t *plain = t.l.w;
            free(t.memory);
            check_groups(*k, plain, OUT, IN);
            pack(&t, *k);
            float ones[ROWS], nothing[ROWS] = {0}, y[ROWS][OUT];
            for (size_t r = 0; r < ROWS; r++) ones[r] = 1;
            (*k)->linear(&t.l, &(struct kern_in){NULL, 0, q[0], sizeof q[0], ones, nothing}, ROWS,
                         &(struct kern_out){y[0], OUT, KERN_STORE});
            for (size_t r = 0; r < ROWS; r++)
                for (size_t o = 0; o < OUT; o++) {
                    int sum = 0;
                    for (size_t i = 0; i < IN; i++) sum += plain[o * kern_padded(IN) + i] * q[r][i];
                    CHECK_INT(y[r][o], sum);
                }
            kern_unpack(&t);
            free(plain);
            free(t.w);
        }
}

static void vector_packing_is_scalar_packing(void) {
    static const struct {
        const struct kern *k;
        unsigned columns;
    } cases[] = {{&kern_avx2_int8, 16}, {&kern_avxvnni_int8, 16}, {&kern_avx512_int8, 64}, {&kern_amx_emulated, 32}};
    for (size_t c = 0; c < 4; c++) {
        if (c == 3 ? !kern_usable(&kern_avx512_int8) : !kern_usable(cases[c].k)) continue;
        struct layer a = {.l = {.in = 75, .out = 90}}, b;
        float *factor = matrix(1, 75, 0.5f);
        for (size_t i = 0; i < 75; i++) factor[i] += 1;
        a.l.factor = factor;
        a.w = matrix(90, 75, 1), a.bias = matrix(1, 90, 1);
        for (size_t i = 0; i < 75; i++) a.w[3 * (75 + GAP) + i] = 0; /* an output without weights */
        b = a;
        pack(&a, cases[c].k);
        pack(&b, cases[c].k);
        pack_int8(&b.l, b.w, 75 + GAP, b.bias,
                  &(struct pack_form){cases[c].columns, cases[c].k->weight_max, cases[c].k->group_max});
        CHECK(memcmp(a.l.w, b.l.w, cases[c].k->linear_bytes(75, 90)) == 0);
        CHECK(memcmp(a.memory, b.memory, 3 * kern_padded(90) * sizeof(float)) == 0);
        kern_unpack(&a);
        kern_unpack(&b);
        free(a.w);
        free(a.bias);
        free(factor);
    }
}

/* ---- quantise ---- */

/* Bytes give the inputs back to half a step, and to something finite whatever they were. */
static void quantised_rows_come_back(void) {
    static const float odd[] = {0, 1e-38f, -1e38f, 3e38f, INFINITY, -INFINITY, NAN, 1};
    enum { WIDTH = 37 };
    _Alignas(64) uint8_t q[128];
    for (const struct kern *const *k = kernels(); *k; k++)
        for (int kind = 0; (*k)->int8 && kind < 40; kind++) {
            float x[WIDTH], scale = NAN, base = NAN;
            for (size_t i = 0; i < WIDTH; i++)
                x[i] = kind < 8 ? odd[kind] : kind < 16 ? odd[kern_next() % 8] : kern_any((float)kind);
            struct kern_linear l = {.in = WIDTH, .out = 1};
            (*k)->quantise(&l, &(struct kern_in){x, WIDTH, q, 128, &scale, &base}, 1);
            for (size_t i = 0; i < WIDTH; i++) CHECK(q[i] <= (*k)->input_max);
            CHECK(isfinite(scale) && isfinite(base));
            for (size_t i = 0; kind >= 16 && i < WIDTH; i++) {
                CHECK_NEAR(base + scale * (float)q[i], x[i], scale * 0.501f);
            }
        }
}

/* ---- the rest ---- */

/* A layer of one weight of 1 on rows of one value: y = gelu(x), x unchanged by quantisation. */
static void gelu_is_within_its_bound(void) {
    for (const struct kern *const *k = kernels(); *k; k++) {
        struct layer t = {.l = {.in = 1, .out = 1}};
        t.w = zeros(1 + GAP, sizeof(float)), t.bias = zeros(1, sizeof(float));
        t.w[0] = 1;
        pack(&t, *k);
        double worst = 0;
        for (int i = -2000; i <= 2000; i++) {
            float x[1 + GAP] = {(float)i / 200};
            float *y = kern_run(*k, &t, x, 1, KERN_GELU);
            double want = 0.5 * x[0] * (1 + erf(x[0] * M_SQRT1_2)), d = fabs(y[0] - want);
            worst = d <= worst ? worst : d;
            free(y);
        }
        CHECK(worst <= ((*k)->int8 ? 3e-4 : 1e-6));
        kern_unpack(&t);
        free(t.w);
        free(t.bias);
    }
}

static void norms_agree(void) {
    for (const struct kern *const *k = kernels(); *k; k++)
        for (unsigned width = 1; width <= 100; width += width < 40 ? 1 : 12) {
            float *x = matrix(5, width, 9), *y = zeros(5 * (width + GAP), sizeof *y);
            float *gamma = matrix(1, width, 2), *beta = matrix(1, width, 2);
            struct kern_norm n = {gamma, beta, 1e-12f, width};
            memcpy(y, x, 5 * (width + GAP) * sizeof *y);
            kern_scalar.norm(&n, x, width + GAP, 5);
            (*k)->norm(&n, y, width + GAP, 5);
            for (size_t i = 0; i < 5 * (width + GAP); i++)
                if (i % (width + GAP) < width && width > 1)
                    CHECK_NEAR(y[i], x[i], 2e-5);
                else
                    CHECK(width == 1 || isnan(y[i]));
            free(x);
            free(y);
            free(gamma);
            free(beta);
        }
}

static float *attended(const struct kern *k, float *qkv, unsigned tokens, unsigned heads, unsigned dim) {
    size_t out_stride = (size_t)heads * dim + GAP, scratch_n = kern_attention_scratch(tokens, dim);
    float *out = zeros(tokens * out_stride, sizeof *out), *scratch = zeros(scratch_n, sizeof *scratch);
    for (size_t i = 0; i < scratch_n; i++) scratch[i] = NAN;
    for (size_t i = 0; i < tokens * out_stride; i++) out[i] = -99;
    k->attend(
        &(struct kern_attention){qkv, 3 * (size_t)heads * dim + GAP, tokens, heads, dim, out, out_stride, scratch});
    free(scratch);
    return out;
}

static void attention_agrees(void) {
    static const unsigned dims[] = {1, 8, 26, 32, 64};
    for (const struct kern *const *k = kernels(); *k; k++)
        for (unsigned tokens = 1; tokens <= 512; tokens += CHECK_SLOW ? tokens < 35 ? 5 : 101 : 1) {
            unsigned dim = tokens > 97 ? 8u << tokens % 2 : dims[kern_next() % 5],
                     heads = tokens > 97 ? 1 : 1 + kern_next() % 3;
            size_t stride = (size_t)heads * dim + GAP;
            float *qkv = matrix(tokens, 3 * (size_t)heads * dim, tokens % 5 ? 2 : 30); /* 30: one token takes all */
            float *got = attended(*k, qkv, tokens, heads, dim), *want = attended(&kern_scalar, qkv, tokens, heads, dim);
            for (size_t i = 0; i < tokens * stride; i++)
                CHECK_NEAR(got[i], want[i], tokens % 5 ? 2e-5 : 2e-2); /* scores of 10⁴ */
            free(qkv);
            free(got);
            free(want);
        }
}

static void kernels_are_found_by_name(void) {
    CHECK(kern_select("scalar") == &kern_scalar);
    CHECK(kern_select("no such kernel") == NULL);
    CHECK(kern_select(NULL) == kern_select("auto") && kern_select(NULL) != NULL);
    for (unsigned i = 0; kern_at(i); i++)
        CHECK(kern_select(kern_at(i)->name) == (kern_usable(kern_at(i)) ? kern_at(i) : NULL));
    if (kern_usable(&kern_avx2)) CHECK(kern_select("auto")->int8);
}

CHECK_MAIN(CHECK_TEST(linear_layers_agree), CHECK_TEST(every_height_agrees), CHECK_TEST(every_length_agrees),
           CHECK_TEST(rows_do_not_touch_each_other), CHECK_TEST(int8_sums_are_exact),
           CHECK_TEST(vector_packing_is_scalar_packing), CHECK_TEST(quantised_rows_come_back),
           CHECK_TEST(gelu_is_within_its_bound), CHECK_TEST(norms_agree), CHECK_TEST(attention_agrees),
           CHECK_TEST(kernels_are_found_by_name))
