/* top: the digest: which kinds of line there are, how many of each. */
#include "app/classifier.h"
#include "app/options.h"
#include "app/terminal.h"
#include "base/json_out.h"
#include "cmd/cmd.h"
#include "cmd/files.h"
#include "stream/sink_top.h"
#include "stream/writer_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char USAGE[] = "Usage: logclass top [OPTIONS] [FILE...]\n\n"
                            "Counts the lines of the files, or of stdin, by label and kind: lines that differ in\n"
                            "nothing but values (times, numbers, addresses, names) are one kind.\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass top /var/log/*                           what is in there?\n"
    "  logclass top --not INFO -n 10 app.log             the ten commonest that are not routine\n"
    "  logclass top --by label app.log.1.gz app.log      lines of each label\n"
    "  logclass top --json app.log | jq .example         for programs\n\n"
    "Exit status: as that of 'logclass classify'.\n";

enum { TOP_WIDE = 120, TIME_COLUMNS = 20, OUT_BYTES_MAX = 1 << 28 };

struct top_out {
    const struct top *top;
    const struct label_set *labels;
    const struct conf *conf;
    unsigned columns;
    bool colour;
    struct buf *out;
};

/* ---- for people ---- */

static bool top_shows_times(const struct top_out *o) {
    return o->top->by == TOP_BY_TEMPLATE && (o->columns == 0 || o->columns >= TOP_WIDE);
}

static void top_header(const struct top_out *o) {
    static const char *const WHAT[] = {"kind of line", "", "source"};
    buf_printf(o->out, "%10s %7s  %-19s ", "lines", "share", "label");
    if (top_shows_times(o)) buf_printf(o->out, "%-*s %-*s ", TIME_COLUMNS, "first", TIME_COLUMNS, "last");
    buf_printf(o->out, "%s\n", WHAT[o->top->by]);
}

static void top_put_place(struct buf *out, const struct top_place *p) {
    char text[TOP_TIME_BYTES + 32];
    if (p->time[0])
        snprintf(text, sizeof text, "%.*s", TIME_COLUMNS, p->time);
    else
        snprintf(text, sizeof text, "line %" PRIu64, p->line);
    buf_printf(out, "%-*s ", TIME_COLUMNS, text);
}

static void top_row(const struct top_out *o, const struct top_kind *k) {
    const char *id = o->labels->label[k->label].id, *code = o->colour ? writer_table_colour(id, k->reason) : "";
    char label[LABEL_ID_MAX + 16];
    size_t used, taken = 10 + 1 + 7 + 2 + 19 + 1;
    snprintf(label, sizeof label, "%s%s%s", id, k->reason ? " " : "", reason_word(k->reason));
    buf_printf(o->out, "%10" PRIu64 " %5.1f %%  %s%-19s%s ", k->lines, 100 * (double)k->lines / (double)o->top->counted,
               code, label, code[0] ? "\033[0m" : "");
    if (top_shows_times(o)) {
        top_put_place(o->out, &k->first), top_put_place(o->out, &k->last);
        taken += 2 * (TIME_COLUMNS + 1);
    }
    struct span text = o->top->by == TOP_BY_SOURCE ? k->source : k->template;
    if (o->columns > 0 && o->columns < TOP_WIDE && span_starts(text, SPAN_LIT("<time> ")))
        text = span_sub(text, 7, text.n);
    writer_table_text(o->out, text, o->columns > taken + 8 ? o->columns - taken : 0, &used);
    buf_putc(o->out, '\n');
    if (!o->conf->examples || o->top->by != TOP_BY_TEMPLATE) return;
    buf_printf(o->out, "%10s %7s  ", "", "");
    writer_table_text(o->out, k->example, o->columns > 20 + 8 ? o->columns - 20 : 0, &used);
    buf_putc(o->out, '\n');
}

/* ---- for programs ---- */

static void top_json_place(struct buf *out, const char *name, const struct top_place *p) {
    buf_printf(out, ",\"%s\":{", name);
    if (p->file) {
        buf_puts(out, "\"file\":");
        json_out_string(out, span_of(p->file));
        buf_putc(out, ',');
    }
    buf_printf(out, "\"line\":%" PRIu64 ",\"time\":", p->line);
    json_out_string(out, span_of(p->time));
    buf_putc(out, '}');
}

static void top_json(const struct top_out *o, const struct top_kind *k) {
    static const char *const NAME[] = {"template", NULL, "log_source"};
    const char *name = NAME[o->top->by];
    buf_printf(o->out, "{\"lines\":%" PRIu64 ",\"share\":%.6f,\"label_id\":", k->lines,
               (double)k->lines / (double)o->top->counted);
    json_out_string(o->out, span_of(o->labels->label[k->label].id));
    if (k->reason) buf_printf(o->out, ",\"reason\":\"%s\"", reason_name(k->reason));
    if (name) buf_printf(o->out, ",\"%s\":", name);
    if (name) json_out_string(o->out, o->top->by == TOP_BY_SOURCE ? k->source : k->template);
    top_json_place(o->out, "first", &k->first);
    top_json_place(o->out, "last", &k->last);
    buf_puts(o->out, ",\"example\":");
    json_out_string(o->out, k->example);
    buf_puts(o->out, "}\n");
}

/* ---- */

/* What the rows do not show. */
static void top_rest(const struct top_out *o, size_t shown) {
    uint64_t lines = o->top->rest;
    for (size_t i = shown; i < o->top->kinds; i++) lines += o->top->kind[i].lines;
    if (lines > 0 && !o->conf->json)
        buf_printf(o->out, "%10" PRIu64 " %5.1f %%  of %zu more kinds; -n 0 shows all\n", lines,
                   100 * (double)lines / (double)o->top->counted, o->top->kinds - shown);
}

static bool top_print(const struct top_out *o, struct err *e) {
    size_t shown = o->conf->rows && (size_t)o->conf->rows < o->top->kinds ? (size_t)o->conf->rows : o->top->kinds;
    if (!o->conf->json && shown > 0) top_header(o);
    for (size_t i = 0; i < shown; i++) (o->conf->json ? top_json : top_row)(o, &o->top->kind[i]);
    top_rest(o, shown);
    bool ok = !o->out->failed && fwrite(o->out->p, 1, o->out->n, stdout) == o->out->n && fflush(stdout) == 0;
    return ok || err_set(e, ERR_IO, "cannot write the output");
}

static enum top_by top_by_of(const char *word) {
    return strcmp(word, "label") == 0 ? TOP_BY_LABEL : strcmp(word, "source") == 0 ? TOP_BY_SOURCE : TOP_BY_TEMPLATE;
}

static void top_summary(const struct conf *c, const struct top *t, const struct files *f) {
    if (c->quiet || strcmp(c->summary, "no") == 0 || !isatty(STDERR_FILENO)) return;
    fprintf(stderr, "\n%" PRIu64 " lines in %.2f s", t->lines, files_seconds(f));
    if (t->counted < t->lines) fprintf(stderr, "; %" PRIu64 " counted", t->counted);
    fputc('\n', stderr);
}

static int top_run(const struct conf *c, const struct classifier *k, char **paths, size_t n) {
    struct err e = {0};
    struct top top;
    struct files reading;
    struct buf out;
    struct writer_filter filter = {.only = c->only, .except = c->not, .confidence_min = c->min_confidence};
    if (!writer_filter_fit(&filter, &k->engine->labels, &e)) return cmd_fail(&e);
    files_begin(&reading, c, n, true);
    top_init(&top, top_by_of(c->by), &filter);
    buf_init(&out, OUT_BYTES_MAX);
    struct sink_opts to = {.top = &top};
    bool ok = files_read(&reading, k->pipeline, &(struct files_what){c, paths, n, SINK_TOP, &to, false}, &e);
    top_sort(&top);
    struct top_out o = {&top, &k->engine->labels, c, terminal_columns(), terminal_wants_colour(c->color), &out};
    ok = ok && top_print(&o, &e);
    if (ok) top_summary(c, &top, &reading);
    top_release(&top);
    buf_release(&out);
    return ok ? files_status(&reading) : cmd_fail(&e);
}

int cmd_top(int argc, char **argv) {
    struct conf c = {0};
    struct err e = {0};
    struct classifier k = {0};
    int operands;
    if (cmd_help(argc, argv, USAGE, CONF_TOP, EXAMPLES)) return CMD_OK;
    files_catch_signals();
    bool ok = options_load(&c, CONF_TOP, argc, argv, &operands, &e) && classifier_open(&k, &c, CLASSIFIER_FILES, &e);
    int status = ok ? top_run(&c, &k, argv + 1, (size_t)operands) : cmd_fail(&e);
    classifier_close(&k);
    conf_release(&c);
    return status;
}
