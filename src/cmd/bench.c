#include "base/file.h"
#include "base/must.h"
#include "app/options.h"
#include "app/shipped.h"
#include "cmd/cmd.h"
#include "cmd/bench_encoder.h"
#include "cmd/bench_precision.h"
#include "text/template.h"
#include "text/wordpiece.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char USAGE[] =
    "Usage: logclass bench encoder [OPTIONS] [FILE]\n"
    "       logclass bench tokenizer [OPTIONS] FILE...\n"
    "       logclass bench precision [OPTIONS] FILE...\n\n"
    "encoder     lines and tokens a second of one thread and of all CPUs, and the time of a single line; the lines "
    "are\n"
    "            the first 256 of FILE, or made up\n"
    "tokenizer   lines a second of one thread, on the templates of the lines of FILE...\n"
    "precision   each kernel's vectors and labels beside the fp32 kernel's, on up to 4,000 lines of FILE...; with\n"
    "            --kernel only that one\n";

enum { FILE_BYTES_MAX = 1 << 28, LINES_MAX = 1 << 20, RUNS = 9, IDS_MAX = 256, PRECISION_LINES = 4000 };

struct lines {
    struct span *file; /* [files] */
    struct span *line; /* [n] */
    size_t files, n;
};

static bool bench_read_lines(struct lines *l, char **path, size_t paths, struct err *e) {
    l->file = must_calloc(paths, sizeof *l->file);
    l->line = must_calloc(LINES_MAX, sizeof *l->line);
    for (; l->files < paths; l->files++) {
        if (!file_read(path[l->files], FILE_BYTES_MAX, &l->file[l->files], e)) return false;
        for (struct span rest = l->file[l->files]; rest.n > 0 && l->n < LINES_MAX;)
            l->line[l->n++] = span_take_line(&rest);
    }
    return l->n > 0 || err_set(e, ERR_INPUT, "%s: no line in it", path[0]);
}

static void free_lines(struct lines *l) {
    for (size_t i = 0; i < l->files; i++) file_free(&l->file[i]);
    free(l->file);
    free(l->line);
}

/* ---- tokenizer ---- */

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int bench_by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Every line becomes its template, in memory of its own: line[i] then points there. */
static char *bench_make_templates(struct lines *l) {
    char *bytes = must_calloc(l->n, TEMPLATE_MAX), *to = bytes; /* pages that stay empty cost nothing */
    for (size_t i = 0; i < l->n; i++) {
        l->line[i] = (struct span){to, template_write((struct span){0}, l->line[i], false, to)};
        to += l->line[i].n;
    }
    return bytes;
}

static bool bench_tokenizer(const char *model, struct lines *l, struct err *e) {
    struct wordpiece *w = wordpiece_open(model, e);
    if (!w) return false;
    char *templates = bench_make_templates(l);
    double run[RUNS];
    size_t tokens = 0;
    for (size_t k = 0; k < RUNS; k++) {
        uint32_t ids[IDS_MAX];
        double start = seconds();
        tokens = 0;
        for (size_t i = 0; i < l->n; i++) tokens += wordpiece_encode(w, l->line[i], ids, IDS_MAX);
        run[k] = seconds() - start;
    }
    qsort(run, RUNS, sizeof *run, bench_by_size);
    double n = (double)l->n, middle = run[RUNS / 2];
    printf("%zu templates, %.1f tokens each; one thread: %.0f lines/s, %.0f tokens/s, median of %d runs\n", l->n,
           (double)tokens / n, n / middle, (double)tokens / middle, RUNS);
    free(templates);
    wordpiece_close(w);
    return true;
}

/* ---- the command ---- */

static bool bench_files(const struct encoder_opts *o, const struct conf *c, char **argv, int paths, struct err *e) {
    struct lines l = {0};
    char head[PATH_MAX] = "";
    bool ok = paths > 0 || err_set(e, ERR_USAGE, "expected 'logclass bench %s FILE...'", argv[1]);
    ok = ok && bench_read_lines(&l, argv + 2, (size_t)paths, e);
    if (ok && strcmp(argv[1], "tokenizer") == 0) {
        ok = bench_tokenizer(o->model_dir, &l, e);
    } else if (ok) {
        bool judged = o->adapter_path[0] &&
                      shipped_find(c->data_dir, "head.json", head, sizeof head); /* the head is the adapter's */
        struct bench_precision_opts p = {*o, judged ? head : "", PRECISION_LINES};
        p.encoder.kernel = strcmp(c->kernel, "auto") == 0 ? "" : c->kernel;
        ok = bench_precision_write(&p, l.line, l.n, stdout, e);
    }
    free_lines(&l);
    return ok;
}

static bool bench_run(const struct conf *c, int operands, char **argv, struct err *e) {
    char model[PATH_MAX] = "", adapter[PATH_MAX] = "";
    const char *what = operands > 0 ? argv[1] : "";
    bool encoder = strcmp(what, "encoder") == 0;
    if (!encoder && strcmp(what, "tokenizer") != 0 && strcmp(what, "precision") != 0)
        return err_set(e, ERR_USAGE, "%s%.40s%s expected encoder, tokenizer or precision; see 'logclass bench --help'",
                       what[0] ? "'" : "", what, what[0] ? "' is no bench:" : "");
    if (!c->model[0] && !shipped_find(c->data_dir, "model", model, sizeof model))
        return err_set(e, ERR_IO, "the model is not there; 'make model' fetches it");
    struct encoder_opts o = {.model_dir = c->model[0] ? c->model : model,
                             .kernel = c->kernel,
                             .adapter_path = c->adapter[0] ? c->adapter : adapter};
    if (!c->adapter[0] && !shipped_find(c->data_dir, "adapter.safetensors", adapter, sizeof adapter)) adapter[0] = '\0';
    if (strcmp(c->adapter, "none") == 0) o.adapter_path = "";
    if (!encoder) return bench_files(&o, c, argv, operands - 1, e);
    if (operands > 2) return err_set(e, ERR_USAGE, "expected 'logclass bench encoder [FILE]'");
    return encoder_bench(&o, operands > 1 ? argv[2] : "", stdout, e);
}

int cmd_bench(int argc, char **argv) {
    struct conf c = {0};
    struct err e = {0};
    int operands;
    if (cmd_help(argc, argv, USAGE, CONF_BENCH, "")) return CMD_OK;
    bool ok = options_load(&c, CONF_BENCH, argc, argv, &operands, &e) && bench_run(&c, operands, argv, &e);
    conf_release(&c);
    return ok ? CMD_OK : cmd_fail(&e);
}
