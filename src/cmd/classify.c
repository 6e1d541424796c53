#include "cmd/cmd.h"

#include "base/clock.h"
#include "base/must.h"
#include "app/classifier.h"
#include "app/options.h"
#include "app/progress.h"
#include "app/terminal.h"
#include "metrics/metrics.h"
#include "stream/feed.h"
#include "stream/form.h"
#include "stream/sink_fd.h"
#include "stream/source.h"
#include "stream/writer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char USAGE[] =
    "Usage: logclass classify [OPTIONS] [FILE...]\n\n"
    "Labels every line of the files, or of stdin, in order: one answer a line. Files may be plain lines,\n"
    "JSON lines or CSV with a log_message column, and compressed (.gz, .zst); '-' is stdin.\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass classify /var/log/auth.log                  a table on a terminal\n"
    "  logclass classify --output jsonl app.log.gz > out    the four fields of the contract, one object a line\n"
    "  logclass classify --source sshd --explain auth.log   why each line got its label\n"
    "  tail -F app.log | logclass classify --with-message   follow a file\n"
    "  logclass classify --dry-run app.log                  what an LLM would be asked, and the bill\n\n"
    "Exit status: 0 all lines were labelled, 1 something could not be read or written (what was read is labelled),\n"
    "2 wrong usage, 130 interrupted.\n";

static atomic_bool g_stop;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    atomic_store(&g_stop, true);
}

/* Interrupts end the reading, not the process: what was read is still labelled and written. A second one kills. */
static void classify_catch_signals(void) {
    struct sigaction interrupt = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGTERM, &interrupt, NULL);
    sigaction(SIGPIPE, &ignore, NULL); /* a reader that leaves is seen as EPIPE */
}

static void classify_on_progress(void *user, const struct source_progress *p) {
    progress_draw(user, p->lines, p->position, p->size);
}

static void set_up_writer(const struct conf *c, struct writer *w) {
    bool terminal = isatty(STDOUT_FILENO);
    int format =
        strcmp(c->output, "auto") == 0 ? (terminal ? WRITER_TABLE : WRITER_JSONL) : writer_format_find(c->output);
    if (format < 0) format = WRITER_JSONL; /* one of form's, which hold more than answers */
    *w = (struct writer){
        .format = (enum writer_format)format,
        .with_message = c->with_message,
        .explain = c->explain,
        .colour = terminal_wants_colour(),
        .columns = terminal_columns(),
    };
}

static void print_label_row(const struct label *l, const struct sink_fd_result *r, unsigned i) {
    uint64_t total = 0;
    for (unsigned s = 0; s < DECIDER_COUNT; s++) total += r->by[s][i];
    if (total == 0) return;
    fprintf(stderr, "%-22s %10llu", l->id, (unsigned long long)total);
    for (unsigned s = 0; s < DECIDER_COUNT; s++) fprintf(stderr, " %10llu", (unsigned long long)r->by[s][i]);
    fputc('\n', stderr);
}

static void print_summary(const struct label_set *labels, const struct sink_fd_result *r, uint64_t odd_lines,
                          double seconds) {
    double hits = metrics_value(METRIC_MEMO_HITS, 0, 0, 0), misses = metrics_value(METRIC_MEMO_MISSES, 0, 0, 0);
    fprintf(stderr, "\n%-22s %10s", "label", "lines");
    for (unsigned s = 0; s < DECIDER_COUNT; s++) fprintf(stderr, " %10s", decider_name(s));
    fputc('\n', stderr);
    for (unsigned i = 0; i < labels->n; i++) print_label_row(&labels->label[i], r, i);
    fprintf(stderr, "\n%llu lines in %.2f s, %.0f lines/s", (unsigned long long)r->lines, seconds,
            seconds > 0 ? (double)r->lines / seconds : 0);
    if (hits + misses > 0) fprintf(stderr, "; %.1f %% answered from memory", 100 * hits / (hits + misses));
    if (odd_lines)
        fprintf(stderr, "\n%llu lines were no JSON object with a message; they were read as plain lines",
                (unsigned long long)odd_lines);
    fputc('\n', stderr);
}

static void print_spent(const struct llm *l) {
    if (!l) return;
    struct llm_spent s = llm_spent(l);
    fprintf(stderr, "LLM: %llu calls, %llu + %llu tokens, estimated cost %.4f; %.0f answers were known\n",
            (unsigned long long)s.calls, (unsigned long long)s.tokens_in, (unsigned long long)s.tokens_out, s.cost,
            metrics_value(METRIC_LLM_RECALLED, 0, 0, 0));
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
    else if (c->summary)
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

/* Reads the files to their end through the flow. False: one could not be read or the output not be written; what was
 * read is labelled. */
static bool classify_files(struct flow *f, const struct source_opts *o, uint64_t *odd_lines, struct err *e) {
    struct source source;
    if (!source_open(&source, SOURCE_FILES, o, f, &g_stop, e)) return false;
    bool ok = source_run(&source, e);
    *odd_lines = source_files_odd_lines(&source);
    source_close(&source);
    return ok && flow_is_well(f, e);
}

static void set_up_source(const struct conf *c, char **paths, size_t n, struct source_opts *o) {
    static char dash[] = "-";
    static char *const from_stdin[] = {dash};
    int format = reader_format_find(c->format);
    MUST(format >= 0);
    *o = (struct source_opts){
        .paths = n ? paths : from_stdin,
        .paths_n = n ? n : 1,
        .reader = {.format = (enum reader_format)format, .source = span_of(c->source)},
        .on_progress = classify_on_progress,
    };
}

static int classify_run(const struct conf *c, const struct classifier *k, char **paths, size_t n) {
    struct err e = {0};
    struct writer writer;
    struct form form;
    struct progress bar;
    struct sink_fd_result result;
    struct source_opts from;
    uint64_t odd_lines = 0;
    set_up_source(c, paths, n, &from);
    set_up_writer(c, &writer);
    from.reader.origins = set_up_form(c, &form);
    progress_init(&bar, c->progress && !isatty(STDOUT_FILENO));
    from.user = &bar;
    struct sink_opts to = {.fd = open_output(c), .writer = &writer, .result = &result};
    if (from.reader.origins) to.form = &form;
    struct flow *f =
        flow_open(&(struct flow_opts){.pipeline = k->pipeline, .sink = sink_table[SINK_FD], .sink_opts = &to}, &e);
    bool ok = f && classify_files(f, &from, &odd_lines, &e);
    flow_close(f);
    progress_clear(&bar);
    writer_close(&writer);
    if (to.fd != STDOUT_FILENO) close(to.fd);
    if (c->summary && !result.reader_gone)
        print_summary(&k->engine->labels, &result, odd_lines, (double)(clock_now_ns(NULL) - bar.begun_ns) * 1e-9);
    print_asked(c, k, &result);
    if (!ok && !result.reader_gone) return cmd_fail(&e);
    return atomic_load(&g_stop) ? CMD_INTERRUPTED : CMD_OK;
}

int cmd_classify(int argc, char **argv) {
    struct conf c = {0};
    struct err e = {0};
    int operands, status;
    if (cmd_help(argc, argv, USAGE, CONF_CLASSIFY, EXAMPLES)) return CMD_OK;
    classify_catch_signals();
    struct classifier k = {0};
    bool ok = options_load(&c, CONF_CLASSIFY, argc, argv, &operands, &e) &&
              classifier_open(&k, &c, c.dry_run ? CLASSIFIER_DRY_RUN : CLASSIFIER_FILES, &e);
    status = ok ? classify_run(&c, &k, argv + 1, (size_t)operands) : cmd_fail(&e);
    classifier_close(&k);
    conf_release(&c);
    return status;
}
