#include "app/cascade.h"
#include "app/shipped.h"
#include "app/terminal.h"
#include "cmd/cmd.h"
#include "cmd/flags.h"
#include "text/csv.h"
#include "train/labelled.h"
#include "app/progress.h"

#include "base/file.h"
#include "base/must.h"
#include "text/mask.h"
#include "train/evaluate.h"
#include "train/fit_head.h"
#include "train/attribution.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "Usage: logclass eval [OPTIONS] FILE\n\n"
    "Compares answers with the labels of a CSV or JSON lines (log_message and label, perhaps source and confidence):\n"
    "per label precision, recall and F1, confusion, calibration, and the lines where the answer was sure and wrong. "
    "Where\n"
    "there is a confidence column, the rows that say 'high' are judged once more by themselves.\n\nOptions\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass eval mine.csv                                   the shipped head\n"
    "  logclass eval mine.csv --head mine.json --html out.html  a head of your own, with diagrams\n"
    "  logclass eval mine.csv --cascade                         rules, encoder and LLM together, and what each adds\n"
    "  logclass eval mine.csv --min-macro-f1 0.8 || echo worse  for scripts\n\n"
    "Exit status: 0; 1 when something failed or macro-F1 is below --min-macro-f1; 2 wrong usage.\n";

enum { ANSWERS_BYTES_MAX = 1 << 30 };
enum { FLAGS_MAX = 24, TEXT_BYTES_MAX = 64 << 20, WORST = 10 };

struct options {
    const char *head, *html, *out, *vectors;
    struct shipped_encoder_opts encoder;
    unsigned threads, worst;
    double threshold, min_macro_f1, target_accuracy;
    bool json, cascade;
};

/* One evaluation. */
struct evaluation {
    struct options o;
    const char *path; /* of the labelled rows */
    char head_path[PATH_MAX];
    struct head *head;
    struct dataset data;
    struct score_row *row;
    double *truth;
    struct score *all, *high;
    struct report_line *line;
    struct buf reasons;
    struct encoder *encoder;
    struct encoder_scratch *scratch;
    struct examples examples;
    struct cascade cascade;
    struct progress bar;
};

static size_t eval_make_flags(struct options *o, struct flag flag[FLAGS_MAX]) {
    const struct flag all[] = {
        {"head", FLAG_TEXT, &o->head, 0, 0, "FILE", "trained head (default: the shipped one)"},
        {"threshold", FLAG_FLOAT, &o->threshold, 0.0001, 1, "X",
         "answers below this confidence are UNCLASSIFIED (default: the head's, or 0.50)"},
        {"cascade", FLAG_TRUE, &o->cascade, 0, 0, NULL, "evaluate rules, encoder and LLM together; this asks the LLM"},
        {"json", FLAG_TRUE, &o->json, 0, 0, NULL, "one JSON object instead of tables"},
        {"html", FLAG_TEXT, &o->html, 0, 0, "FILE", "also write a page with diagrams"},
        {"out", FLAG_TEXT, &o->out, 0, 0, "FILE",
         "also write each row as CSV: its label, the answer, how sure, the text"},
        {"worst", FLAG_INT, &o->worst, 0, REPORT_LINES_MAX, "N", "how many confident wrong lines to show"},
        {"min-macro-f1", FLAG_FLOAT, &o->min_macro_f1, 0, 1, "X", "fail when macro-F1 of all rows is lower"},
        {"target-accuracy", FLAG_FRACTION, &o->target_accuracy, 0, 0, "SHARE",
         "solve the threshold from which answers are right in this share, and tell what it leaves to the LLM"},
        {"vectors", FLAG_TEXT, &o->vectors, 0, 0, "FILE", "cache of the vectors from one run to the next"},
        {"model", FLAG_TEXT, &o->encoder.model, 0, 0, "DIR", "encoder model directory"},
        {"adapter", FLAG_TEXT, &o->encoder.adapter, 0, 0, "FILE", "low-rank update of the encoder, or 'none'"},
        {"kernel", FLAG_TEXT, &o->encoder.kernel, 0, 0, "NAME", "encoder arithmetic"},
        {"threads", FLAG_INT, &o->threads, 0, 64, "N", "threads to use; 0: one for each CPU"},
    };
    enum { N = sizeof all / sizeof all[0] };
    _Static_assert((int)N <= (int)FLAGS_MAX, "room for all flags");
    memcpy(flag, all, sizeof all);
    return N;
}

/* ---- the steps ---- */

static bool open_head(struct evaluation *v, struct err *e) {
    const char *path = v->o.head;
    if (!path && !shipped_path("head.json", v->head_path, sizeof v->head_path))
        return err_set(e, ERR_IO, "the shipped head is missing; --head names another, 'logclass train' makes one");
    if (path && (size_t)snprintf(v->head_path, sizeof v->head_path, "%s", path) >= sizeof v->head_path)
        return err_set(e, ERR_USAGE, "--head: the path is too long");
    v->head = head_open(v->head_path, e);
    return v->head != NULL;
}

static bool read_rows(struct evaluation *v, struct err *e) {
    struct label_set labels = *head_labels(v->head);
    struct labelled_opts o = {.copies = 1, .seed = 1};
    dataset_init(&v->data);
    if (!labelled_read(&v->data, v->path, &labels, &o, e)) return false;
    v->row = must_calloc(v->data.n, sizeof *v->row);
    v->truth = must_calloc(v->data.n, sizeof *v->truth);
    return true;
}

static void eval_on_progress(void *self, size_t done, size_t total) {
    struct evaluation *v = self;
    progress_step(&v->bar, "embedding", done, total);
}

/* The head alone, on the encoder it was trained on. */
static bool answer_by_head(struct evaluation *v, struct err *e) {
    struct encoder *enc = v->encoder = shipped_encoder(&v->o.encoder, e);
    struct examples *x = &v->examples;
    struct examples_embed_opts o = {
        .threads = v->o.threads, .vectors = v->o.vectors, .progress = eval_on_progress, .self = v};
    bool ok = enc && (head_check(v->head, head_labels(v->head), encoder_hash(enc), MASK_VERSION, e) ||
                      err_prefix(e, "%s", v->head_path));
    ok = ok && examples_make(x, &v->data, head_uses_source(v->head) ? EXAMPLES_SOURCE : EXAMPLES_MESSAGE, e) &&
         examples_embed(x, enc, &o, e);
    if (ok) evaluate_head(v->head, x, &v->data, v->o.threshold, v->row, v->truth);
    if (ok) v->scratch = encoder_scratch_open(enc);
    progress_clear(&v->bar);
    return ok;
}

static bool eval_answer(struct evaluation *v, struct err *e) {
    struct cascade_opts o = {.head = v->head_path, .encoder = v->o.encoder, .threshold = v->o.threshold};
    return v->o.cascade ? cascade_run(&v->cascade, &o, &v->data, v->row, e) : answer_by_head(v, e);
}

/* Scores all rows, and those that say "high". */
static void eval_judge(struct evaluation *v) {
    unsigned labels = head_labels(v->head)->n;
    struct score_row *sure = must_calloc(v->data.n, sizeof *sure);
    size_t n = 0;
    for (size_t i = 0; i < v->data.n; i++)
        if (v->data.row[i].sure) sure[n++] = v->row[i];
    v->all = must_calloc(1, sizeof *v->all);
    v->high = must_calloc(1, sizeof *v->high);
    score_run(v->all, v->row, v->data.n, labels);
    score_run(v->high, sure, n, labels);
    free(sure);
}

/* ---- what is shown ---- */

/* Why the worst lines were answered so: words by the head, the stage in a pipeline. */
static void find_reasons(struct evaluation *v, unsigned lines) {
    size_t from[REPORT_LINES_MAX + 1] = {0};
    for (unsigned i = 0; i < lines; i++) {
        const struct report_line *l = &v->line[i];
        const struct examples *x = &v->examples;
        if (v->o.cascade)
            buf_puts(&v->reasons, decider_name(v->cascade.by[l->record]));
        else
            attribution_put(&v->reasons, v->encoder, v->scratch, v->head, x->texts[x->text[x->of_record[l->record]]],
                            l->best);
        from[i + 1] = v->reasons.n;
    }
    for (unsigned i = 0; i < lines; i++) v->line[i].reason = span_sub(buf_span(&v->reasons), from[i], from[i + 1]);
}

static void add_stages(const struct evaluation *v, struct report *r) {
    for (unsigned s = 0; v->o.cascade && s < DECIDER_COUNT; s++)
        r->stage[r->stages++] =
            (struct report_stage){decider_name(s), v->cascade.stage[s].answers, v->cascade.stage[s].right};
    r->llm_calls = v->cascade.llm_calls, r->llm_cost = v->cascade.llm_cost;
}

static double usual_threshold(const struct head *h) {
    double own = head_content(h)->threshold;
    return own > 0 ? own : FIT_HEAD_THRESHOLD;
}

static struct report make_report(struct evaluation *v) {
    v->line = must_calloc(REPORT_LINES_MAX, sizeof *v->line);
    struct report r = {
        .title = v->path,
        .judge = v->o.cascade ? "the pipeline" : v->head_path,
        .labels = head_labels(v->head),
        .threshold = v->o.threshold > 0 ? v->o.threshold : usual_threshold(v->head),
        .part = {{"all", v->all}, {"high", v->high}},
        .parts = v->data.has_sure ? 2 : 1,
        .line = v->line,
        .lines = evaluate_worst(&v->data, v->row, v->o.cascade ? NULL : v->truth, v->line, v->o.worst),
    };
    find_reasons(v, r.lines);
    add_stages(v, &r);
    return r;
}

/* Takes the wished accuracy into the report. False: no threshold reaches it. */
static bool eval_solve_target(const struct evaluation *v, struct report *r, struct err *e) {
    struct threshold_rows rows = {v->row, v->data.n, head_labels(v->head)->unclassified};
    double threshold;
    if (v->o.target_accuracy == 0) return true;
    if (!threshold_for_precision(&rows, THRESHOLD_ALL, v->o.target_accuracy, &threshold, e)) return false;
    r->target = v->o.target_accuracy;
    r->at_target = threshold_effect(&rows, threshold);
    return true;
}

static bool eval_show(struct evaluation *v, struct err *e) {
    struct report r = make_report(v);
    if (!eval_solve_target(v, &r, e)) return false;
    struct buf out;
    buf_init(&out, TEXT_BYTES_MAX);
    if (v->o.json) {
        report_json(&out, &r);
    } else {
        report_text(&out, &r, terminal_wants_colour("auto"));
    }
    fwrite(out.p, 1, out.n, stdout);
    bool ok = fflush(stdout) == 0 || err_set(e, ERR_IO, "stdout: the figures could not be written");
    if (ok && v->o.html) {
        buf_reset(&out);
        report_html(&out, &r);
        ok = file_write(v->o.html, buf_span(&out), e);
    }
    buf_release(&out);
    return ok;
}

/* A line for each row, in the file's order. */
static bool eval_write_answers(const struct evaluation *v, struct err *e) {
    const struct label_set *labels = head_labels(v->head);
    struct buf out;
    buf_init(&out, ANSWERS_BYTES_MAX);
    buf_puts(&out, "line,label,answer,likeliest,confidence,right,source,log_message\n");
    for (size_t i = 0; i < v->data.n; i++) {
        const struct score_row *r = &v->row[i];
        buf_printf(&out, "%u,", v->data.row[i].line);
        csv_put(&out, span_of(labels->label[r->label].id)), buf_putc(&out, ',');
        csv_put(&out, span_of(labels->label[r->answer].id)), buf_putc(&out, ',');
        csv_put(&out, span_of(labels->label[r->best].id));
        buf_printf(&out, ",%.4f,%d,", r->confidence, r->answer == r->label);
        csv_put_text(&out, v->data.row[i].source), buf_putc(&out, ',');
        csv_put_text(&out, v->data.row[i].message), buf_putc(&out, '\n');
    }
    bool ok = !out.failed && file_write(v->o.out, buf_span(&out), e);
    if (out.failed) err_set(e, ERR_LIMIT, "%s: more than %d bytes of answers", v->o.out, ANSWERS_BYTES_MAX);
    buf_release(&out);
    return ok;
}

static bool eval_run(struct evaluation *v, struct err *e) {
    if (!open_head(v, e) || !read_rows(v, e) || !eval_answer(v, e)) return false;
    eval_judge(v);
    if (!eval_show(v, e) || (v->o.out && !eval_write_answers(v, e))) return false;
    return v->all->macro_f1 >= v->o.min_macro_f1 ||
           err_set(e, ERR_INPUT, "macro-F1 %.4f is below %.4f", v->all->macro_f1, v->o.min_macro_f1);
}

static bool eval_parse(struct evaluation *v, const struct flag *flag, size_t flags, int argc, char **argv,
                       struct err *e) {
    int operands;
    if (!flags_parse(flag, flags, argc, argv, &operands, e)) return false;
    if (operands != 1) return err_set(e, ERR_USAGE, "expected one labelled file; see 'logclass eval --help'");
    v->path = argv[1];
    return true;
}

int cmd_eval(int argc, char **argv) {
    struct evaluation *v = must_calloc(1, sizeof *v);
    struct err e = {0};
    struct flag flag[FLAGS_MAX];
    int status = CMD_OK;
    v->o = (struct options){.worst = WORST};
    buf_init(&v->reasons, TEXT_BYTES_MAX);
    size_t flags = eval_make_flags(&v->o, flag);
    progress_init(&v->bar, true);
    if (!flags_show_help(argc, argv, USAGE, flag, flags, EXAMPLES) &&
        (!eval_parse(v, flag, flags, argc, argv, &e) || !eval_run(v, &e)))
        status = cmd_fail(&e);
    head_close(v->head);
    if (v->scratch) encoder_scratch_close(v->scratch);
    encoder_close(v->encoder);
    examples_release(&v->examples);
    buf_release(&v->reasons);
    dataset_release(&v->data);
    free(v->row), free(v->truth), free(v->all), free(v->high), free(v->line), free(v->cascade.by);
    free(v);
    return status;
}
