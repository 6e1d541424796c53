#include "encoder/encoder_bench.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/must.h"
#include "encoder/model.h"
#include "text/wordpiece.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINES = ENCODER_BENCH_LINES,
    FILE_BYTES_MAX = 1 << 26,
    LINE_BYTES = 200,
    RUNS = 5,
    THREADS_MAX = 2,
    IDS_MAX = 256
};

static const size_t BATCHES[] = {8, 32, LINES};

struct bench_lines {
    char bytes[LINES][LINE_BYTES];
    struct span file; /* what `text` is in, when it is not in `bytes` */
    struct span text[LINES];
    double tokens; /* of a line, on average */
};

/* One thread's share of a run. */
struct bench_run {
    const struct encoder *enc;
    const struct bench_lines *lines;
    struct encoder_scratch *scratch;
    float *out; /* [LINES][dim] */
    size_t batch;
};

/* ---- the lines ---- */

static const char *const WORDS[] = {"orders", "billing", "gateway", "search", "inventory", "session",
                                    "mail",   "report",  "cache",   "export", "login",     "payment",
                                    "ledger", "index",   "proxy",   "audit"};

static uint32_t next(uint32_t *state) {
    *state = *state * 1664525 + 1013904223; /* Numerical Recipes */
    return *state >> 8;
}

static const char *word(uint32_t *state) {
    return WORDS[next(state) % (sizeof WORDS / sizeof WORDS[0])];
}

static void make_lines(struct bench_lines *l) {
    uint32_t state = 7;
    for (size_t i = 0; i < LINES; i++) {
        const char *a = word(&state), *b = word(&state), *c = word(&state);
        int n = snprintf(l->bytes[i], LINE_BYTES,
                         "%s-%u: %s request %u to %s failed after %u ms, retry %u of 5, host 10.%u.%u.7", a,
                         next(&state) % 90, b, next(&state) % 100000, c, next(&state) % 5000, next(&state) % 5,
                         next(&state) % 250, next(&state) % 250);
        MUST(n > 0 && n < LINE_BYTES);
        l->text[i] = (struct span){l->bytes[i], (size_t)n};
    }
}

static bool read_lines(struct bench_lines *l, const char *path, struct err *e) {
    if (!file_read(path, FILE_BYTES_MAX, &l->file, e)) return false;
    const char *p = l->file.p, *end = p + l->file.n;
    for (size_t i = 0; i < LINES; i++) {
        const char *stop = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        if (!stop) return err_set(e, ERR_INPUT, "%s: %zu whole lines, expected at least %d", path, i, LINES);
        l->text[i] = (struct span){p, (size_t)(stop - p)};
        p = stop + 1;
    }
    return true;
}

static void count_tokens(struct bench_lines *l, const struct wordpiece *w) {
    uint32_t ids[IDS_MAX];
    for (size_t i = 0; i < LINES; i++) l->tokens += (double)wordpiece_encode(w, l->text[i], ids, IDS_MAX) / LINES;
}

/* ---- measuring ---- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double seconds_since(uint64_t start_ns) {
    return (double)(clock_now_ns(NULL) - start_ns) / 1e9;
}

static void *run_all(void *arg) {
    struct bench_run *r = arg;
    size_t dim = encoder_dim(r->enc);
    for (size_t i = 0; i < LINES; i += r->batch)
        encoder_embed(r->enc, r->scratch, r->lines->text + i, r->batch, r->out + i * dim);
    return NULL;
}

/* Lines/s of `threads` threads that each embed all lines: the median of RUNS. */
static double lines_per_s(struct bench_run *run, size_t threads, size_t batch) {
    double rate[RUNS];
    for (size_t k = 0; k < RUNS; k++) {
        pthread_t thread[THREADS_MAX];
        uint64_t start = clock_now_ns(NULL);
        for (size_t t = 0; t < threads; t++) {
            run[t].batch = batch;
            MUST(pthread_create(&thread[t], NULL, run_all, &run[t]) == 0);
        }
        for (size_t t = 0; t < threads; t++) pthread_join(thread[t], NULL);
        rate[k] = (double)(threads * LINES) / seconds_since(start);
    }
    qsort(rate, RUNS, sizeof *rate, by_size);
    return rate[RUNS / 2];
}

static void write_alone(const struct bench_run *r, FILE *out) {
    double us[LINES];
    for (size_t i = 0; i < LINES; i++) {
        uint64_t start = clock_now_ns(NULL);
        encoder_embed(r->enc, r->scratch, &r->lines->text[i], 1, r->out);
        us[i] = seconds_since(start) * 1e6;
    }
    qsort(us, LINES, sizeof *us, by_size);
    fprintf(out, "a line alone        p50 %.0f us, p99 %.0f us\n", us[LINES / 2], us[LINES * 99 / 100]);
}

/* Lines/s of the best batch size. */
static double write_batches(struct bench_run *run, size_t threads, FILE *out) {
    double best = 0, tokens = run->lines->tokens;
    size_t best_batch = 0;
    for (size_t i = 0; i < sizeof BATCHES / sizeof BATCHES[0]; i++) {
        double rate = lines_per_s(run, threads, BATCHES[i]);
        if (rate > best) best = rate, best_batch = BATCHES[i];
    }
    fprintf(out, "%zu thread%s           %.0f lines/s, %.0f tokens/s (batches of %zu)\n", threads,
            threads > 1 ? "s" : " ", best, best * tokens, best_batch);
    return best;
}

/* Operations/s of the kernel's matrix product on a matrix that stays in the first cache. */
static double product_rate(const struct kern *k) {
    enum { IN = 256, OUT = 64, ROWS = 24, TIMES = 20000 };
    static float x[ROWS][IN], y[ROWS][OUT], w[OUT][IN], bias[OUT], scale[OUT], sum[OUT], row_scale[ROWS],
        row_base[ROWS];
    static _Alignas(64) uint8_t q[ROWS][IN];
    struct kern_linear l = {.in = IN, .out = OUT, .bias = bias, .scale = scale, .sum = sum};
    struct kern_in in = {x[0], IN, q[0], IN, row_scale, row_base};
    struct kern_out out = {y[0], OUT, KERN_STORE};
    double rate[RUNS];
    l.w = must_aligned(64, k->linear_bytes(IN, OUT));
    k->linear_pack(&l, w[0], IN, NULL);
    size_t times = k->needs ? TIMES : TIMES / 200; /* the scalar ones are slow */
    for (size_t run = 0; run < RUNS; run++) {
        uint64_t start = clock_now_ns(NULL);
        for (size_t i = 0; i < times; i++) k->linear(&l, &in, ROWS, &out);
        rate[run] = 2.0 * IN * OUT * ROWS * (double)times / seconds_since(start);
    }
    free(l.w);
    qsort(rate, RUNS, sizeof *rate, by_size);
    return rate[RUNS / 2];
}

static void write_share(const struct bench_run *r, const char *model_dir, double lines, FILE *out) {
    struct shape s;
    struct err e;
    if (!shape_read(&s, model_dir, &e)) return; /* it was read a moment ago */
    double weights = (double)s.layers * s.hidden * (4.0 * s.hidden + 2.0 * s.inner);
    double did = 2 * weights * r->lines->tokens * lines, peak = product_rate(kern_select(encoder_kernel_name(r->enc)));
    fprintf(out, "arithmetic          %.0f GOP/s in the products, of %.0f GOP/s when nothing else is done (%.0f %%)\n",
            did / 1e9, peak / 1e9, 100 * did / peak);
}

static void write_all(struct bench_run *run, const char *model_dir, FILE *out) {
    fprintf(out, "lines               %d, %.1f tokens each\n", LINES, run->lines->tokens);
    write_alone(run, out);
    double one = write_batches(run, 1, out);
    write_batches(run, 2, out);
    write_share(run, model_dir, one, out);
}

static void bench_lines_run(const struct encoder *enc, struct bench_lines *lines, const char *model_dir, FILE *out) {
    struct bench_run run[THREADS_MAX];
    for (size_t t = 0; t < THREADS_MAX; t++) {
        float *vectors = must_calloc((size_t)LINES * encoder_dim(enc), sizeof *vectors);
        run[t] = (struct bench_run){enc, lines, encoder_scratch_open(enc), vectors, LINES};
    }
    write_all(run, model_dir, out);
    for (size_t t = 0; t < THREADS_MAX; t++) encoder_scratch_close(run[t].scratch), free(run[t].out);
}

bool encoder_bench(const struct encoder_opts *o, const char *path, FILE *out, struct err *e) {
    uint64_t start = clock_now_ns(NULL);
    struct encoder *enc = encoder_open(o, e);
    if (!enc) return false;
    fprintf(out, "kernel              %s\nopened in           %.0f ms\n", encoder_kernel_name(enc),
            seconds_since(start) * 1e3);
    struct wordpiece *w = wordpiece_open(o->model_dir, e);
    struct bench_lines *lines = must_calloc(1, sizeof *lines);
    bool ok = w != NULL;
    if (ok && path[0])
        ok = read_lines(lines, path, e);
    else if (ok)
        make_lines(lines);
    if (ok) {
        count_tokens(lines, w);
        bench_lines_run(enc, lines, o->model_dir, out);
    }
    file_free(&lines->file);
    free(lines);
    wordpiece_close(w);
    encoder_close(enc);
    return ok;
}
