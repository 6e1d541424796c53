#include "cmd/bench_encoder.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/must.h"
#include "build_info.h"
#include "encoder/model.h"
#include "text/wordpiece.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LINES = ENCODER_BENCH_LINES,
    FILE_BYTES_MAX = 1 << 26,
    LINE_BYTES = 200,
    RUNS = 5,
    SPIN_RUNS = 9,
    THREADS_MAX = 64,
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

static uint32_t encoder_next(uint32_t *state) {
    *state = *state * 1664525 + 1013904223; /* Numerical Recipes */
    return *state >> 8;
}

static const char *encoder_word(uint32_t *state) {
    return WORDS[encoder_next(state) % (sizeof WORDS / sizeof WORDS[0])];
}

static void make_lines(struct bench_lines *l) {
    uint32_t state = 7;
    for (size_t i = 0; i < LINES; i++) {
        const char *a = encoder_word(&state), *b = encoder_word(&state), *c = encoder_word(&state);
        int n = snprintf(l->bytes[i], LINE_BYTES,
                         "%s-%u: %s request %u to %s failed after %u ms, retry %u of 5, host 10.%u.%u.7", a,
                         encoder_next(&state) % 90, b, encoder_next(&state) % 100000, c, encoder_next(&state) % 5000,
                         encoder_next(&state) % 5, encoder_next(&state) % 250, encoder_next(&state) % 250);
        MUST(n > 0 && n < LINE_BYTES);
        l->text[i] = (struct span){l->bytes[i], (size_t)n};
    }
}

static bool encoder_read_lines(struct bench_lines *l, const char *path, struct err *e) {
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

static int encoder_by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double seconds_since(uint64_t start_ns) {
    return (double)(clock_now_ns(NULL) - start_ns) / 1e9;
}

/* Seconds this thread has had a CPU: what one thread does is measured by this, so that other programs' turns on a busy
 * machine do not count. */
static double thread_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double median(double *x, size_t n) {
    qsort(x, n, sizeof *x, encoder_by_size);
    return x[n / 2];
}

static void *run_all(void *arg) {
    struct bench_run *r = arg;
    size_t dim = encoder_dim(r->enc);
    for (size_t i = 0; i < LINES; i += r->batch)
        encoder_embed(r->enc, r->scratch, r->lines->text + i, r->batch, r->out + i * dim);
    return NULL;
}

/* Lines/s of one thread, by its own clock. */
static double one_thread(struct bench_run *run, size_t batch, size_t runs) {
    double rate[RUNS];
    run->batch = batch;
    for (size_t k = 0; k < runs; k++) {
        double start = thread_seconds();
        run_all(run);
        rate[k] = LINES / (thread_seconds() - start);
    }
    return median(rate, runs);
}

/* Lines/s of `threads` threads that each embed all lines, by the wall clock. */
static double all_threads(struct bench_run *run, size_t threads, size_t batch) {
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
    return median(rate, RUNS);
}

static void write_alone(const struct bench_run *r, FILE *out) {
    double us[LINES];
    for (size_t i = 0; i < LINES; i++) {
        double run[RUNS];
        for (size_t k = 0; k < RUNS; k++) {
            double start = thread_seconds();
            encoder_embed(r->enc, r->scratch, &r->lines->text[i], 1, r->out);
            run[k] = (thread_seconds() - start) * 1e6;
        }
        us[i] = median(run, RUNS);
    }
    qsort(us, LINES, sizeof *us, encoder_by_size);
    fprintf(out, "a line alone        p50 %.0f us, p99 %.0f us\n", us[LINES / 2], us[LINES * 99 / 100]);
}

static void write_rate(FILE *out, size_t threads, double lines, double tokens, size_t batch) {
    fprintf(out, "%2zu thread%s          %.0f lines/s, %.0f tokens/s (batches of %zu)\n", threads,
            threads > 1 ? "s" : " ", lines, lines * tokens, batch);
}

/* One thread's lines/s with the best batch size, which is kept in run->batch. */
static double write_best_batch(struct bench_run *run, FILE *out) {
    double best = 0;
    size_t batch = 0;
    for (size_t i = 0; i < sizeof BATCHES / sizeof BATCHES[0]; i++) {
        double rate = one_thread(run, BATCHES[i], 1);
        if (rate > best) best = rate, batch = BATCHES[i];
    }
    best = one_thread(run, batch, RUNS);
    write_rate(out, 1, best, run->lines->tokens, batch);
    return best;
}

/* Operations/s of the kernel's innermost instructions on registers alone. */
static double spin_rate(const struct kern *k) {
    enum { TIMES = 200000 };
    double rate[SPIN_RUNS];
    for (size_t run = 0; run < SPIN_RUNS; run++) {
        double start = thread_seconds();
        size_t did = k->register_loop(TIMES);
        rate[run] = (double)did / (thread_seconds() - start);
    }
    return median(rate, SPIN_RUNS);
}

static void write_share(const struct bench_run *r, const char *model_dir, double lines, FILE *out) {
    struct shape s;
    struct err e;
    const struct kern *k = kern_select(encoder_kernel_name(r->enc));
    if (!k->register_loop || !shape_read(&s, model_dir, &e)) return; /* it was read a moment ago */
    double weights = (double)s.layers * s.hidden * (4.0 * s.hidden + 2.0 * s.inner);
    double did = 2 * weights * r->lines->tokens * lines, peak = spin_rate(k);
    fprintf(
        out,
        "arithmetic          %.0f GOP/s in matrix products over the whole pass, of %.0f on registers alone (%.0f %%)\n",
        did / 1e9, peak / 1e9, 100 * did / peak);
}

static void write_machine(const struct encoder *enc, double opened_ms, FILE *out) {
    struct span text = {0};
    struct err e;
    struct span name = SPAN_LIT("?");
    if (file_read("/proc/cpuinfo", FILE_BYTES_MAX, &text, &e))
        for (struct span rest = text, line; rest.n > 0;) {
            line = span_take_line(&rest);
            const char *colon = memchr(line.p, ':', line.n);
            if (!colon || !span_starts(line, SPAN_LIT("model name"))) continue;
            name = span_trim(span_sub(line, (size_t)(colon + 1 - line.p), line.n));
            break;
        }
    fprintf(out, "machine             %ld CPUs, %.*s\nbuild               %s (%s)\n", sysconf(_SC_NPROCESSORS_ONLN),
            (int)name.n, name.p, BUILD_COMMIT, BUILD_MODE);
    fprintf(out, "kernel              %s\nopened in           %.0f ms\n", encoder_kernel_name(enc), opened_ms);
    file_free(&text);
}

static void bench_lines_run(const struct encoder *enc, struct bench_lines *lines, const char *model_dir, FILE *out) {
    static struct bench_run run[THREADS_MAX];
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (size_t)cpus;
    for (size_t t = 0; t < threads; t++) {
        float *vectors = must_calloc((size_t)LINES * encoder_dim(enc), sizeof *vectors);
        run[t] = (struct bench_run){enc, lines, encoder_scratch_open(enc), vectors, LINES};
    }
    fprintf(out, "lines               %d, %.1f tokens each\n", LINES, lines->tokens);
    write_alone(run, out);
    double one = write_best_batch(run, out);
    if (threads > 1) write_rate(out, threads, all_threads(run, threads, run->batch), lines->tokens, run->batch);
    write_share(run, model_dir, one, out);
    for (size_t t = 0; t < threads; t++) encoder_scratch_close(run[t].scratch), free(run[t].out);
}

bool encoder_bench(const struct encoder_opts *o, const char *path, FILE *out, struct err *e) {
    uint64_t start = clock_now_ns(NULL);
    struct encoder *enc = encoder_open(o, e);
    if (!enc) return false;
    write_machine(enc, seconds_since(start) * 1e3, out);
    struct wordpiece *w = wordpiece_open(o->model_dir, e);
    struct bench_lines *lines = must_calloc(1, sizeof *lines);
    bool ok = w != NULL;
    if (ok && path[0])
        ok = encoder_read_lines(lines, path, e);
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
