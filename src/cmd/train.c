#include "app/shipped.h"
#include "app/terminal.h"
#include "cmd/cmd.h"
#include "cmd/flags.h"
#include "train/labelled.h"
#include "app/progress.h"

#include "base/file.h"
#include "base/clock.h"
#include "base/must.h"
#include "base/rng.h"
#include "encoder/head.h"
#include "text/mask.h"
#include "train/label_issues.h"
#include "train/fit_head.h"
#include "train/report.h"
#include "train/threshold.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <unistd.h>
#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "Usage: logclass train [OPTIONS] DATA... --out FILE\n\n"
    "Fits a head to labelled log lines: a CSV or JSON lines with log_message and label (and perhaps source and "
    "system),\n"
    "or a corpus folder. Systems are held apart to measure it: the figures are those of systems it has not seen.\n"
    "Without --labels the labels are those of the data.\n\nOptions\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass train data/corpus --out data/head.json         the shipped head\n"
    "  logclass train mine.csv --out mine.json --curve         own labels, and whether more data would help\n"
    "  logclass train mine.csv --out mine.json --target-llm-share 5%\n"
    "                                                          the threshold that sends 5 % of the lines to the LLM\n"
    "  logclass train mine.csv --doubts 50                     rows of yours that may carry the wrong label\n";

struct options {
    const char *data, *labels, *out, *html, *class_weight, *calibration, *vectors, *folded;
    unsigned folds, seed, copies, threads, take, doubts;
    double l2, temperature, threshold, target_precision, target_llm_share, label_precision;
    bool use_source, raw, curve;
    struct shipped_encoder_opts encoder;
};

/* One training from files to a head. */
struct training {
    struct options o;
    struct label_set labels;
    uint8_t group[LABEL_MAX];
    struct dataset data, rest; /* rest: what --take left, to be judged */
    struct examples examples;
    struct encoder *encoder;
    struct fit_head_result result;
    struct progress bar;
    const char *doing;
    uint64_t begun_ns, embedded_ns, done_ns;
};

static struct options defaults(void) {
    struct fit_head_opts l = fit_head_defaults();
    return (struct options){.class_weight = "none",
                            .calibration = calibrate_name(l.calibration),
                            .folds = l.folds,
                            .seed = 1,
                            .copies = 3,
                            .l2 = -1,
                            .temperature = l.temperature,
                            .target_llm_share = -1,
                            .use_source = true};
}

enum { FLAGS_MAX = 32, TEXT_BYTES_MAX = 4 << 20 };

static size_t train_make_flags(struct options *o, struct flag flag[FLAGS_MAX]) {
    const struct flag all[] = {
        {"data", FLAG_TEXT, &o->data, 0, 0, "PATH", "labelled file or corpus folder; the same as an operand"},
        {"html", FLAG_TEXT, &o->html, 0, 0, "FILE",
         "also write the figures of the rows held apart as a page with diagrams"},
        {"out", FLAG_TEXT, &o->out, 0, 0, "FILE", "file to write the head to; without it only the figures are shown"},
        {"folded", FLAG_TEXT, &o->folded, 0, 0, "FILE",
         "with --labels ops: also write the same head for the built-in labels"},
        {"labels", FLAG_TEXT, &o->labels, 0, 0, "FILE",
         "labels file, whose examples become rows too; or 'builtin', 'ops'"},
        {"no-source", FLAG_FALSE, &o->use_source, 0, 0, NULL, "leave the source out of what the encoder sees"},
        {"raw", FLAG_TRUE, &o->raw, 0, 0, NULL, "leave values unmasked, to see what masking changes; writes no head"},
        {"l2", FLAG_FLOAT, &o->l2, 0, 1e6, "X", "L2 penalty on the weights, 1 / C of scikit-learn (default: chosen)"},
        {"class-weight", FLAG_TEXT, &o->class_weight, 0, 0, "WORD",
         "none; balanced: every label counts the same; root: between the two"},
        {"folds", FLAG_INT, &o->folds, 0, 50, "N", "cross-validation folds; 0 skips evaluation"},
        {"calibration", FLAG_TEXT, &o->calibration, 0, 0, "WORD",
         "probability calibration: none, temperature or vector"},
        {"temperature", FLAG_FLOAT, &o->temperature, 0.01, 100, "X", "fixed softmax temperature (only with --folds 0)"},
        {"threshold", FLAG_FLOAT, &o->threshold, 0.0001, 1, "X",
         "answers below this confidence are UNCLASSIFIED (default: 0.50)"},
        {"target-precision", FLAG_FRACTION, &o->target_precision, 0, 0, "SHARE",
         "solve the threshold for this precision"},
        {"target-llm-share", FLAG_FRACTION, &o->target_llm_share, 0, 0, "SHARE",
         "solve the threshold for this share of open lines"},
        {"label-precision", FLAG_FRACTION, &o->label_precision, 0, 0, "SHARE", "a threshold of its own for each label"},
        {"curve", FLAG_TRUE, &o->curve, 0, 0, NULL, "learning curve: the figures with 1/8, 1/4 and 1/2 of the rows"},
        {"doubts", FLAG_INT, &o->doubts, 0, DATASET_ROWS_MAX, "N", "list N rows whose label looks wrong"},
        {"rows-per-template", FLAG_INT, &o->copies, 1, CORPUS_COPIES_MAX, "N", "messages made of a corpus template"},
        {"seed", FLAG_INT, &o->seed, 0, 4e9, "N", "seed of the folds and of corpus values"},
        {"take", FLAG_INT, &o->take, 0, DATASET_ROWS_MAX, "N",
         "train on N rows drawn at random, evaluate on the others"},
        {"vectors", FLAG_TEXT, &o->vectors, 0, 0, "FILE", "cache of the vectors: training again takes seconds"},
        {"model", FLAG_TEXT, &o->encoder.model, 0, 0, "DIR", "encoder model directory"},
        {"adapter", FLAG_TEXT, &o->encoder.adapter, 0, 0, "FILE", "low-rank update of the encoder, or 'none'"},
        {"kernel", FLAG_TEXT, &o->encoder.kernel, 0, 0, "NAME", "encoder arithmetic"},
        {"threads", FLAG_INT, &o->threads, 0, 64, "N",
         "threads to use; 0: one for each CPU (the head is the same for any number)"},
    };
    enum { N = sizeof all / sizeof all[0] };
    _Static_assert((int)N <= (int)FLAGS_MAX, "room for all flags");
    memcpy(flag, all, sizeof all);
    return N;
}

/* ---- the steps ---- */

static bool settle_balance(const char *word, double *balance, struct err *e) {
    static const struct {
        const char *word;
        double balance;
    } BALANCE[] = {{"none", 0}, {"root", 0.5}, {"balanced", 1}};
    for (size_t i = 0; i < sizeof BALANCE / sizeof BALANCE[0]; i++)
        if (strcmp(word, BALANCE[i].word) == 0) {
            *balance = BALANCE[i].balance;
            return true;
        }
    return err_set(e, ERR_USAGE, "--class-weight is '%s': expected none, root or balanced", word);
}

static bool settle_options(const struct options *o, struct fit_head_opts *l, struct err *e) {
    *l = fit_head_defaults();
    l->fit.l2 = o->l2, l->fit.threads = o->threads;
    l->folds = o->folds, l->seed = o->seed, l->threshold = o->threshold, l->curve = o->curve;
    l->target_precision = o->target_precision, l->target_llm_share = o->target_llm_share;
    l->label_precision = o->label_precision, l->temperature = o->temperature;
    if (!settle_balance(o->class_weight, &l->fit.balance, e)) return false;
    if (o->folded && !(o->labels && strcmp(o->labels, "ops") == 0))
        return err_set(e, ERR_USAGE, "--folded is for --labels ops, whose labels fold into the built-in ones");
    if (o->temperature != 1 && o->folds > 0)
        return err_set(e, ERR_USAGE, "--temperature is for --folds 0: folds measure one themselves");
    if (o->raw && (o->out || o->folded))
        return err_set(e, ERR_USAGE, "--raw is for figures: lines are masked before a head sees them");
    if (o->target_precision > 0 && o->target_llm_share >= 0)
        return err_set(e, ERR_USAGE, "--target-precision and --target-llm-share both solve the threshold: give one");
    for (int m = 0; m < CALIBRATE_METHODS; m++) {
        l->calibration = (enum calibrate_method)m;
        if (strcmp(o->calibration, calibrate_name(l->calibration)) == 0) return true;
    }
    return err_set(e, ERR_USAGE, "--calibration is '%s': expected none, temperature or vector", o->calibration);
}

static bool train_read_labels(struct training *t, struct err *e) {
    const char *path = t->o.labels;
    if (path && strcmp(path, "builtin") == 0)
        t->labels = *label_default();
    else if (path)
        return label_load(&t->labels, path, e);
    return true;
}

static bool read_data(struct training *t, char **paths, int n, struct err *e) {
    struct labelled_opts o = {.copies = t->o.copies, .seed = t->o.seed, .grow = t->o.labels == NULL};
    dataset_init(&t->data);
    if (!train_read_labels(t, e)) return false;
    bool examples = t->o.labels && strcmp(t->o.labels, "builtin") != 0 && strcmp(t->o.labels, "ops") != 0;
    if (examples && !dataset_read_examples(&t->data, t->o.labels, &t->labels, e)) return false;
    if (t->o.data && !labelled_read(&t->data, t->o.data, &t->labels, &o, e)) return false;
    for (int i = 0; i < n; i++)
        if (!labelled_read(&t->data, paths[i], &t->labels, &o, e)) return false;
    if (t->data.n == 0) return err_set(e, ERR_USAGE, "no data: name a labelled file or a corpus folder");
    labelled_complete(&t->labels);
    return true;
}

static void train_on_progress(void *self, size_t done, size_t total) {
    struct training *t = self;
    progress_step(&t->bar, t->doing, done, total);
}

static bool train_embed(struct training *t, struct examples *x, const char *vectors, struct err *e) {
    struct examples_embed_opts o = {
        .threads = t->o.threads, .vectors = vectors, .progress = train_on_progress, .self = t};
    t->doing = "embedding";
    return examples_embed(x, t->encoder, &o, e);
}

static unsigned text_kind(const struct options *o) {
    return (o->use_source ? EXAMPLES_SOURCE : 0u) | (o->raw ? EXAMPLES_RAW : 0u);
}

/* UNCLASSIFIED and its parts are one label when labels are weighed. */
static const uint8_t *train_group(struct training *t) {
    for (unsigned k = 0; k < t->labels.n; k++)
        t->group[k] = (uint8_t)(t->labels.parts >> k & 1 ? t->labels.unclassified : k);
    return t->group;
}

static bool train_learn(struct training *t, struct fit_head_opts *l, struct err *e) {
    t->encoder = shipped_encoder(&t->o.encoder, e);
    if (!t->encoder || !examples_make(&t->examples, &t->data, text_kind(&t->o), e)) return false;
    if (!train_embed(t, &t->examples, t->o.vectors, e)) return false;
    t->embedded_ns = clock_now_ns(NULL);
    t->doing = "fitting";
    l->progress = train_on_progress, l->self = t;
    l->fit.group = train_group(t);
    bool ok = fit_head_run(&t->result, &t->examples, &t->labels, l, e);
    t->done_ns = clock_now_ns(NULL);
    progress_clear(&t->bar);
    return ok;
}

/* The head, and its fold, where they are asked for. */
static bool write_heads(const struct training *t, const struct fit_head_opts *l, struct buf *out, struct err *e) {
    if (!t->o.out && !t->o.folded) return true;
    struct head_content *c = must_calloc(1, sizeof *c);
    fit_head_head(&t->result, &t->examples, &t->labels, l, c);
    c->model_hash = encoder_hash(t->encoder);
    c->mask_version = MASK_VERSION;
    c->use_source = t->o.use_source;
    snprintf(c->created_by, sizeof c->created_by,
             "logclass train: %zu rows, %zu different, l2 %g, class-weight %s, seed %u", t->data.n, t->examples.rows.n,
             t->result.l2, t->o.class_weight, t->o.seed);
    bool ok = !t->o.out || head_write(t->o.out, c, e);
    if (ok && t->o.out) buf_printf(out, "wrote %s\n", t->o.out);
    if (ok && t->o.folded) {
        head_fold(c);
        ok = head_write(t->o.folded, c, e);
        buf_printf(out, "wrote %s\n", t->o.folded);
    }
    fit_head_head_release(c);
    free(c);
    return ok;
}

/* Draws o.take rows by chance; the others become t->rest. */
static bool take_part(struct training *t, struct err *e) {
    dataset_init(&t->rest);
    if (t->o.take == 0 || t->o.take >= t->data.n) return true;
    struct dataset all = t->data;
    uint32_t *order = must_calloc(all.n, sizeof *order);
    for (uint32_t i = 0; i < all.n; i++) order[i] = i;
    rng_shuffle(&(struct rng){t->o.seed}, order, all.n);
    dataset_init(&t->data);
    bool ok = true;
    for (size_t i = 0; ok && i < all.n; i++) {
        const struct dataset_row *row = &all.row[order[i]];
        ok = dataset_add(i < t->o.take ? &t->data : &t->rest, row, all.group[row->group], e);
    }
    t->data.has_group = t->rest.has_group = all.has_group;
    free(order);
    dataset_release(&all);
    return ok;
}

/* ---- the figures ---- */

static void put_curve(const struct training *t, struct buf *out) {
    const struct fit_head_result *r = &t->result;
    if (!t->o.curve) return;
    buf_puts(out, "\nlearning curve\n    rows  accuracy  macro-F1\n");
    for (unsigned i = 0; i <= FIT_HEAD_CURVE; i++)
        if (r->curve[i].rows > 0)
            buf_printf(out, "%8zu  %8.3f  %8.3f\n", r->curve[i].rows, r->curve[i].accuracy, r->curve[i].macro_f1);
}

static void put_thresholds(const struct training *t, struct buf *out) {
    const struct fit_head_result *r = &t->result;
    struct threshold_rows rows = {r->row, r->n, t->labels.unclassified};
    buf_puts(out, "\nthreshold  answered  right of these\n");
    for (unsigned i = 0; i <= 9; i++) {
        struct threshold_effect f = threshold_effect(&rows, i / 10.0);
        buf_printf(out, "     %.2f    %5.1f%%          %5.1f%%\n", f.threshold, 100 * f.answered, 100 * f.precision);
    }
    struct threshold_effect f = threshold_effect(&rows, r->threshold);
    buf_printf(out, "at %.4f: %.1f%% of the lines answered, %.1f%% of these right; the others go on to the LLM\n",
               r->threshold, 100 * f.answered, 100 * f.precision);
    for (unsigned k = 0; k < t->labels.n; k++)
        if (r->label_threshold[k] > 0)
            buf_printf(out, "  %s from %.4f\n", t->labels.label[k].id, r->label_threshold[k]);
}

static void put_doubts(const struct training *t, struct buf *out) {
    if (t->o.doubts == 0) return;
    buf_puts(out, "\nrows whose label looks wrong: system:line, its label, the label believed, its template\n");
    if (label_issues_text(&t->result, &t->examples, &t->labels, t->o.doubts, out) == 0) buf_puts(out, "none\n");
}

static struct report train_report(const struct training *t) {
    const struct fit_head_result *r = &t->result;
    return (struct report){.title = "held apart",
                           .judge = "fits that did not see them",
                           .labels = &t->labels,
                           .threshold = r->threshold,
                           .part = {{r->grouped ? "systems" : "rows", &r->score}},
                           .parts = 1};
}

static bool train_write_page(const struct training *t, struct err *e) {
    struct report rep = train_report(t);
    struct buf page;
    if (t->result.folds == 0) return err_set(e, ERR_USAGE, "--html: nothing was measured, for no rows were held apart");
    buf_init(&page, TEXT_BYTES_MAX);
    report_html(&page, &rep);
    bool ok = file_write(t->o.html, buf_span(&page), e);
    buf_release(&page);
    return ok;
}

static void train_put_figures(const struct training *t, struct buf *out) {
    const struct fit_head_result *r = &t->result;
    struct report rep = train_report(t);
    if (r->folds > 0) {
        report_text(out, &rep, terminal_wants_colour("auto"));
        buf_printf(out, "before calibration the error was %.3f; temperature %.3f, l2 %g\n", r->ece_before,
                   r->calibration.temperature, r->l2);
        put_thresholds(t, out);
        put_curve(t, out);
        put_doubts(t, out);
    } else if (t->o.folds > 0) {
        buf_puts(out, "too few rows to hold some apart: nothing was measured, and nothing calibrated\n");
    }
    struct buf lacks;
    buf_init(&lacks, TEXT_BYTES_MAX);
    if (fit_head_lacks(&t->examples, &t->labels, &lacks))
        buf_printf(out, "\nwhat the data lacks\n%.*s", (int)lacks.n, lacks.p);
    buf_release(&lacks);
    buf_printf(out, "\n%zu rows, %zu different templates, %u systems; embedded in %.1f s (%s), fitted in %.1f s%s\n",
               t->data.n, t->examples.n_texts, t->data.groups, (double)(t->embedded_ns - t->begun_ns) * 1e-9,
               encoder_kernel_name(t->encoder), (double)(t->done_ns - t->embedded_ns) * 1e-9,
               r->model.done ? "" : "; the fit has not settled: raise --l2");
}

/* What the fit says about the rows that --take left. */
static bool put_rest(struct training *t, struct buf *out, struct err *e) {
    struct examples x;
    if (!examples_make(&x, &t->rest, text_kind(&t->o), e) || !train_embed(t, &x, NULL, e)) {
        examples_release(&x);
        return false;
    }
    progress_clear(&t->bar);
    struct score_row *row = must_calloc(t->rest.n, sizeof *row);
    struct score *s = must_calloc(1, sizeof *s);
    double threshold[LABEL_MAX];
    for (unsigned k = 0; k < t->labels.n; k++) threshold[k] = t->result.threshold;
    for (size_t i = 0; i < t->rest.n; i++) {
        double p[LABEL_MAX];
        float narrow[LABEL_MAX]; /* as the head gives them */
        fit_logits(&t->result.model, examples_vector(&x, x.of_record[i]), p);
        head_softmax(p, t->labels.n);
        head_narrow(p, t->labels.n, narrow);
        struct head_decision d = head_decide(narrow, &t->labels, threshold);
        row[i] = (struct score_row){t->rest.row[i].label, (uint8_t)d.best, (uint8_t)d.answer, d.confidence};
    }
    score_run(s, row, t->rest.n, t->labels.n);
    struct report rep = {.title = "not taken",
                         .judge = "the head",
                         .labels = &t->labels,
                         .threshold = t->result.threshold,
                         .part = {{"other", s}},
                         .parts = 1};
    buf_putc(out, '\n');
    report_text(out, &rep, terminal_wants_colour("auto"));
    free(s), free(row);
    examples_release(&x);
    return true;
}

/* Found out before minutes of training. */
static bool can_write_head(const char *path, struct err *e) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    return access(dirname(folder), W_OK) == 0 || err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
}

static bool train_run(struct training *t, char **paths, int n, struct err *e) {
    struct fit_head_opts l;
    struct buf out;
    if (t->o.out && !can_write_head(t->o.out, e)) return false;
    if (t->o.folded && !can_write_head(t->o.folded, e)) return false;
    if (!settle_options(&t->o, &l, e) || !read_data(t, paths, n, e) || !take_part(t, e) || !train_learn(t, &l, e))
        return false;
    buf_init(&out, TEXT_BYTES_MAX);
    train_put_figures(t, &out);
    bool ok = (t->rest.n == 0 || put_rest(t, &out, e)) && (!t->o.html || train_write_page(t, e));
    ok = ok && write_heads(t, &l, &out, e);
    if (ok) fwrite(out.p, 1, out.n, stdout);
    buf_release(&out);
    return ok && (fflush(stdout) == 0 || err_set(e, ERR_IO, "stdout: the figures could not be written"));
}

int cmd_train(int argc, char **argv) {
    struct training *t = must_calloc(1, sizeof *t);
    struct err e = {0};
    struct flag flag[FLAGS_MAX];
    int operands, status = CMD_OK;
    t->o = defaults();
    t->begun_ns = clock_now_ns(NULL);
    size_t flags = train_make_flags(&t->o, flag);
    progress_init(&t->bar, true);
    if (flags_show_help(argc, argv, USAGE, flag, flags, EXAMPLES))
        status = CMD_OK;
    else if (!flags_parse(flag, flags, argc, argv, &operands, &e) || !train_run(t, argv + 1, operands, &e))
        status = cmd_fail(&e);
    fit_head_release(&t->result);
    examples_release(&t->examples);
    encoder_close(t->encoder);
    dataset_release(&t->data), dataset_release(&t->rest);
    free(t);
    return status;
}
