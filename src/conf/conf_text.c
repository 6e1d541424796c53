/* What people read of the options: help, the values in force, the document. */
#include "conf/conf_rows.h"

#include <stdio.h>
#include <string.h>

enum { HELP_LEFT = 28 }; /* columns before an option's text */

/* "  -o, --output auto|jsonl" or "      --memo, --no-memo". */
static void help_flag(const struct option_row *r, char *out, size_t size) {
    char flag[ROW_NAME_BYTES], letter = conf_letter(r), begin[8] = "      ";
    const char *value = r->unit[0] ? r->unit : r->type == INT || r->type == FLOAT ? "number" : "";
    if (letter) snprintf(begin, sizeof begin, "  -%c, ", letter);
    if (conf_is_switch(r)) value = "";
    int n = snprintf(out, size, "%s--%s%s%s", begin, row_flag(r, flag), value[0] ? " " : "", value);
    if (conf_is_switch(r) && strcmp(r->preset, "no") != 0) snprintf(out + n, size - (size_t)n, ", --no-%s", flag);
}

/* Puts words[] into rows of at most `columns`, each behind HELP_LEFT blanks; `at`: where the first row stands. */
static void help_wrap(struct buf *out, struct span words, unsigned columns, size_t at) {
    while (words.n > 0) {
        const char *blank = memchr(words.p, ' ', words.n);
        size_t n = blank ? (size_t)(blank - words.p) : words.n;
        if (at > HELP_LEFT && at + 1 + n > columns) {
            buf_printf(out, "\n%*s", HELP_LEFT, "");
            at = HELP_LEFT;
        }
        if (at > HELP_LEFT) buf_putc(out, ' '), at++;
        buf_put(out, words.p, n);
        at += n;
        words = span_sub(words, n + 1, words.n);
    }
    buf_putc(out, '\n');
}

static void help_option(struct buf *out, const struct option_row *r, const struct conf_help_opts *o) {
    char left[3 * ROW_NAME_BYTES], right[1024];
    help_flag(r, left, sizeof left);
    const char *preset = conf_preset(r, o->command);
    bool shown = r->type != BOOL && preset[0];
    snprintf(right, sizeof right, "%s%s%s%s", r->help, shown ? " [" : "", shown ? preset : "", shown ? "]" : "");
    if (strlen(left) + 2 > HELP_LEFT)
        buf_printf(out, "%s\n%*s", left, HELP_LEFT, "");
    else
        buf_printf(out, "%-*s", HELP_LEFT, left);
    help_wrap(out, span_of(right), o->columns, HELP_LEFT);
}

void conf_help(struct buf *out, const struct conf_help_opts *o) {
    const char *title = "";
    unsigned hidden = 0, settled = 0;
    for (size_t i = 0; i < conf_rows; i++) {
        const struct option_row *r = &conf_row[i];
        if (r->type == ROW_TITLE) {
            title = r->name;
            settled = strcmp(r->name, "LLM and other services") == 0; /* set once, in a file */
        }
        if (!(r->commands & o->command)) continue;
        bool shown = (r->show == COMMON || o->length == CONF_HELP_ALL) && (!settled || o->length > CONF_HELP_SHORT);
        hidden += !shown;
        if (!shown) continue;
        if (title[0]) buf_printf(out, "\n%s\n", title);
        title = "";
        help_option(out, r, o);
    }
    buf_puts(out, "\nYes/no options: --NAME turns on, --no-NAME turns off.\n");
    if (hidden)
        buf_printf(out, "%s shows %u more options.\n", o->length == CONF_HELP_SHORT ? "--help" : "--help-all", hidden);
}

void conf_show(struct buf *out, const struct conf *c, conf_note *note, void *self) {
    size_t option = 0;
    for (size_t i = 0; i < conf_rows; i++) {
        if (conf_row[i].type == ROW_TITLE) continue;
        const char *from = c->from[option++], *more = note ? note(self, conf_row[i].name) : NULL;
        buf_printf(out, "; from %s\n", from ? from : "the default");
        if (more) buf_printf(out, "; %s\n", more);
        row_show(out, c, &conf_row[i]);
    }
    section_list_show(out, &c->sections);
}

static void doc_commands(struct buf *out, unsigned commands) {
    static const struct {
        unsigned command;
        const char *name;
    } NAMES[] = {{O, "classify"},       {CONF_FOLLOW, "follow"}, {T, "top"},         {CONF_RUN, "run"},
                 {CONF_SERVE, "serve"}, {E, "service bert"},     {L, "service llm"}, {B, "bench"}};
    const char *before = "";
    if ((commands & ALL) == ALL) {
        buf_puts(out, "all");
        return;
    }
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (!(commands & NAMES[i].command)) continue;
        buf_printf(out, "%s%s", before, NAMES[i].name);
        before = ", ";
    }
}

static void doc_row(struct buf *out, const struct option_row *r) {
    static const char *const AT_RELOAD[] = {
        [CONF_LIVE] = "at once", [CONF_NETWORK] = "calls begin anew", [CONF_START] = "needs a restart"};
    char flag[ROW_NAME_BYTES], env[ROW_NAME_BYTES], range[96] = "";
    if (r->type == INT || r->type == FLOAT) snprintf(range, sizeof range, "%.12g to %.12g ", r->min, r->max);
    buf_printf(out, "| `%s` | `%s` | `%s` | %s", row_flag(r, flag), conf_env_name(r, env), r->preset, range);
    for (const char *u = r->unit; *u; u++) *u == '|' ? buf_puts(out, "\\|") : buf_putc(out, *u);
    buf_puts(out, " | ");
    doc_commands(out, r->commands);
    buf_printf(out, " | %s | %s%s |\n", r->commands & H ? AT_RELOAD[r->reload] : "", r->help,
               r->show == ADVANCED ? " (advanced)" : "");
}

void conf_doc(struct buf *out) {
    buf_puts(
        out,
        "# Configuration\n\nGenerated from `src/conf/conf.def` by `logclass config doc`.\n\n"
        "A value comes from, the later wins: default, config file (`--config FILE`, lines of `key = value`), "
        "environment,\n"
        "command line. A yes/no option is `--name` or `--no-name` as a flag. Advanced options are not in `--help`, but "
        "in\n`--help-all`. \"Reload\" tells when a change is in force after `kill -HUP`. The library and\n"
        "Python take the options that `classify` and `follow` share ([embedding.md](embedding.md)).\n");
    for (size_t i = 0; i < conf_rows; i++) {
        if (conf_row[i].type != ROW_TITLE) {
            doc_row(out, &conf_row[i]);
            continue;
        }
        buf_printf(out,
                   "\n## %s\n| flag and key | environment | default | range, unit | commands | reload | meaning "
                   "|\n|---|---|---|---|---|---|---|\n",
                   conf_row[i].name);
    }
    section_doc(out);
}
