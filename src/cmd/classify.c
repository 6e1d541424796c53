#include "cmd/cmd.h"
#include "cmd/files.h"

#include "base/must.h"
#include "app/about.h"
#include "app/classifier.h"
#include "app/options.h"
#include "app/terminal.h"
#include "metrics/metrics.h"
#include "stream/form.h"
#include "stream/sink_fd.h"
#include "stream/writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char USAGE[] = "Usage: logclass classify [OPTIONS] [FILE...]\n\n"
                            "Labels every line of the files, or of stdin, in order: one answer a line. Files\n"
                            "may be plain lines, JSON lines or CSV with a message column, and compressed\n"
                            "(gz, zst, xz, bz2); '-' is stdin.\n";

static const char EXAMPLES[] = "\nExamples\n"
                               "  logclass classify /var/log/auth.log                   a table on a terminal\n"
                               "  logclass classify --only AUTH_ERROR,DB_ERROR app.log  some labels\n"
                               "  logclass classify -o tsv app.log | grep DB_ERROR      LABEL, tab, line\n"
                               "  journalctl -o json -f | logclass classify --merge     objects with the answer\n"
                               "  logclass classify -e -s sshd auth.log                 why it got its label\n"
                               "  tail -F app.log | logclass classify                   follow a file\n"
                               "  logclass classify --no-message app.log.gz > out       the API's four fields\n"
                               "  logclass classify --dry-run app.log                   what an LLM would cost\n\n"
                               "Exit status: 0 all lines were labelled, 1 something could not be read or written\n"
                               "(what was read is labelled), 2 wrong usage, 78 wrong configuration,\n"
                               "130 interrupted.\n";

static void set_up_writer(const struct conf *c, size_t files, struct writer *w) {
    bool table = isatty(STDOUT_FILENO) && !c->merge;
    int format = strcmp(c->output, "auto") == 0 ? (table ? WRITER_TABLE : WRITER_JSONL) : writer_format_find(c->output);
    if (format < 0) format = WRITER_JSONL; /* one of form's, which hold more than answers */
    *w = (struct writer){
        .format = (enum writer_format)format,
        .with_message = c->message,
        .with_file = files > 1,
        .explain = c->explain,
        .severity = c->severity,
        .top = (unsigned)c->top,
        .merge_prefix = c->merge ? c->merge_prefix : NULL,
        .colour = terminal_wants_colour(c->color),
        .wrap = c->wrap,
        .columns = terminal_columns(),
        .filter = {.only = c->only, .except = c->not, .confidence_min = c->min_confidence},
    };
}

static const char *plural(uint64_t n) {
    return n == 1 ? "" : "s";
}

/* With the stages that decided something, where more is asked for. */
static void print_label_row(const struct label *l, const struct sink_fd_result *r, unsigned i,
                            const bool stage[DECIDER_COUNT]) {
    uint64_t total = 0;
    for (unsigned s = 0; s < DECIDER_COUNT; s++) total += r->by[s][i];
    if (total == 0) return;
    fprintf(stderr, "%-22s %10llu %5.1f %%", l->id, (unsigned long long)total,
            100 * (double)total / (double)(r->lines ? r->lines : 1));
    for (unsigned s = 0; s < DECIDER_COUNT; s++)
        if (stage[s]) fprintf(stderr, " %10llu", (unsigned long long)r->by[s][i]);
    fputc('\n', stderr);
}

static void print_labels(const struct label_set *labels, const struct sink_fd_result *r, bool stages) {
    bool stage[DECIDER_COUNT] = {false};
    for (unsigned s = 0; s < DECIDER_COUNT && stages; s++)
        for (unsigned i = 0; i < labels->n; i++) stage[s] = stage[s] || r->by[s][i] > 0;
    fprintf(stderr, "\n%-22s %10s %7s", "label", "lines", "share");
    for (unsigned s = 0; s < DECIDER_COUNT; s++)
        if (stage[s]) fprintf(stderr, " %10s", decider_name(s));
    fputc('\n', stderr);
    for (unsigned i = 0; i < labels->n; i++) print_label_row(&labels->label[i], r, i, stage);
}

/* The two kinds of UNCLASSIFIED. */
static void print_reasons(const struct sink_fd_result *r) {
    uint64_t other = r->reasons[REASON_OTHER], none = r->lines - r->reasons[REASON_NONE];
    if (none == 0) return;
    fprintf(stderr, "%22s %10llu         none of the labels (other faults, fragments): 'logclass labels'\n", "other",
            (unsigned long long)other);
    fprintf(stderr, "%22s %10llu         no label is likely enough: 'logclass correct' teaches one\n", "unsure",
            (unsigned long long)(none - other));
}

enum { MANY_LINES = 5000 };

static void print_summary(const struct conf *c, const struct label_set *labels, const struct sink_fd_result *r,
                          const struct files *f) {
    uint64_t odd_lines = f->odd_lines;
    double seconds = files_seconds(f);
    print_labels(labels, r, c->verbose);
    print_reasons(r);
    fprintf(stderr, "\n%llu line%s in %.2f s", (unsigned long long)r->lines, plural(r->lines), seconds);
    if (seconds >= 1) fprintf(stderr, ", %.0f lines/s", (double)r->lines / seconds);
    if (r->lines > 0) fprintf(stderr, "; %.1f %% answered from memory", 100 * (double)r->memo_hits / (double)r->lines);
    if (r->written < r->lines) fprintf(stderr, "; %llu written", (unsigned long long)r->written);
    if (odd_lines)
        fprintf(stderr,
                "\n%llu line%s had no JSON object with a message, and were read as plain lines; --message-key names "
                "its field",
                (unsigned long long)odd_lines, plural(odd_lines));
    if (r->written > MANY_LINES && isatty(STDOUT_FILENO))
        fputs("\nToo many to read? 'logclass top' shows the kinds of line, how many of each.", stderr);
    fputc('\n', stderr);
}

/* Is the summary wanted? auto: where a person looks. */
static bool wants_summary(const struct conf *c) {
    if (c->quiet) return false;
    return strcmp(c->summary, "yes") == 0 || (strcmp(c->summary, "auto") == 0 && isatty(STDERR_FILENO));
}

static void print_spent(const struct llm *l) {
    if (!l) return;
    struct llm_spent s = llm_spent(l);
    fprintf(stderr, "LLM: %llu call%s, %llu + %llu tokens, ", (unsigned long long)s.calls, plural(s.calls),
            (unsigned long long)s.tokens_in, (unsigned long long)s.tokens_out);
    if (s.cost > 0)
        fprintf(stderr, "estimated cost %.4f; ", s.cost);
    else
        fputs("no price set; ", stderr);
    fprintf(stderr, "%.0f answers were known\n", metrics_value(METRIC_LLM_RECALLED, 0, 0, 0));
}

static uint64_t count_open(const struct sink_fd_result *r) {
    uint64_t n = 0;
    for (unsigned i = 0; i < LABEL_MAX; i++) n += r->by[DECIDER_FALLBACK][i];
    return n;
}

static void print_asked(const struct conf *c, const struct classifier *k, const struct sink_fd_result *r) {
    bool as_json = strcmp(c->output, "auto") == 0 ? !isatty(STDOUT_FILENO) : strcmp(c->output, "table") != 0;
    if (k->dry_run)
        dry_run_print(k->dry_run, r->lines, count_open(r), as_json, stdout);
    else if (wants_summary(c))
        print_spent(network_llm(k->network));
}

/* The forms that show the input beside the answer; false: a writer's format does. */
static bool set_up_form(const struct conf *c, struct form *f) {
    int id = form_find(c->output);
    bool ours = id == FORM_ANNOTATED || id == FORM_ECS || id == FORM_MMEXTERNAL;
    MUST(ours || strcmp(c->output, "auto") == 0 ||
         writer_format_find(c->output) >= 0); /* conf.def lists the same words */
    *f = (struct form){.id = ours ? (enum form_id)id : FORM_JSONL};
    return ours;
}

/* A dry run decides lines like any other, and drops the answers. */
static int open_output(const struct conf *c) {
    int fd = c->dry_run ? open("/dev/null", O_WRONLY | O_CLOEXEC) : STDOUT_FILENO;
    MUST(fd >= 0);
    return fd;
}

/* Before the first line, and so before the first call: where lines may go. */
static void classify_say_what_decides(const struct conf *c, const struct classifier *k) {
    struct buf text;
    if (c->quiet) return;
    buf_init(&text, 1 << 16);
    if (c->verbose) {
        about_write(&text, k, c);
    } else {
        about_llm(&text, k, c);
    }
    if (text.n > 0 && c->verbose)
        fprintf(stderr, "logclass: %.*s\n", (int)text.n, text.p);
    else if (text.n > 0)
        fprintf(stderr, "logclass: templates that nothing else decides go to %.*s; --offline prevents it\n",
                (int)text.n, text.p);
    buf_release(&text);
}

static int classify_run(const struct conf *c, const struct classifier *k, char **paths, size_t n) {
    struct err e = {0};
    struct writer writer;
    struct form form;
    struct files reading;
    struct sink_fd_result result = {0};
    set_up_writer(c, n, &writer);
    if (!writer_filter_fit(&writer.filter, &k->engine->labels, &e)) return cmd_fail(&e);
    classify_say_what_decides(c, k);
    files_begin(&reading, c, n, !isatty(STDOUT_FILENO));
    struct sink_opts to = {.fd = open_output(c), .writer = &writer, .result = &result};
    bool origins = set_up_form(c, &form);
    if (origins) to.form = &form;
    bool ok = files_read(&reading, k->pipeline, &(struct files_what){c, paths, n, SINK_FD, &to, origins}, &e);
    writer_close(&writer);
    if (to.fd != STDOUT_FILENO) close(to.fd);
    if (wants_summary(c) && !result.reader_gone && (ok || result.lines > 0))
        print_summary(c, &k->engine->labels, &result, &reading);
    print_asked(c, k, &result);
    if (!ok && !result.reader_gone) return cmd_fail(&e);
    return files_status(&reading);
}

int cmd_classify(int argc, char **argv) {
    struct conf c = {0};
    struct err e = {0};
    int operands, status;
    if (cmd_help(argc, argv, USAGE, CONF_CLASSIFY, EXAMPLES)) return CMD_OK;
    files_catch_signals();
    struct classifier k = {0};
    bool ok = options_load(&c, CONF_CLASSIFY, argc, argv, &operands, &e) &&
              classifier_open(&k, &c, c.dry_run ? CLASSIFIER_DRY_RUN : CLASSIFIER_FILES, &e);
    status = ok ? classify_run(&c, &k, argv + 1, (size_t)operands) : cmd_fail(&e);
    classifier_close(&k);
    conf_release(&c);
    return status;
}
