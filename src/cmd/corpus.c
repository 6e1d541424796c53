#include "cmd/cmd.h"
#include "cmd/flags.h"
#include "train/labelled.h"

#include "text/csv.h"
#include "train/corpus_check.h"

#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "Usage: logclass corpus lint DIR [--against FILE]\n"
    "       logclass corpus generate DIR [--seed N] [--rows-per-template N]\n\n"
    "lint checks a training corpus: its form, duplicates, contradictions, labels of too few systems, and (--against)\n"
    "templates that share their wording with a file that must stay unseen; of that file nothing is shown.\n"
    "generate writes the messages that training sees, as CSV: system, source, log_message, label.\n"
    "The format of a corpus stands in data/corpus/README.md.\n\nOptions\n";

static const char MORE[] =
    "\nExit status: 0; 1 when lint found errors (warnings are none) or something failed; 2 wrong "
    "usage.\n";

enum { TEXT_BYTES_MAX = 64 << 20, CSV_BYTES_MAX = 1 << 20 };

struct options {
    const char *against;
    unsigned seed, copies;
};

static int lint(const char *dir, const struct options *o, struct err *e) {
    struct corpus c;
    struct corpus_check_result r = {0};
    struct buf out;
    buf_init(&out, TEXT_BYTES_MAX);
    bool ok = corpus_read(&c, dir, label_default(), &out, e);
    if (ok) {
        corpus_check_run(&c, &r, &out);
        ok = !o->against || corpus_check_against(&c, o->against, &r, &out, e);
        fwrite(out.p, 1, out.n, stdout);
    }
    size_t errors = c.problems + r.duplicates + r.contradictions + r.leaks;
    corpus_release(&c);
    buf_release(&out);
    if (!ok) return cmd_fail(e);
    return errors ? CMD_FAILED : CMD_OK;
}

static void corpus_put_row(struct buf *out, struct span system, const struct dataset_row *row) {
    const struct span field[] = {system, row->source, row->message, span_of(label_default()->label[row->label].id)};
    for (unsigned i = 0; i < 4; i++) {
        if (i) buf_putc(out, ',');
        csv_put(out, field[i]);
    }
    buf_putc(out, '\n');
}

static int corpus_write_rows(const char *dir, const struct options *o, struct err *e) {
    struct corpus c;
    struct dataset d;
    struct buf line;
    buf_init(&line, CSV_BYTES_MAX);
    dataset_init(&d);
    bool ok = labelled_corpus(&c, dir, label_default(), e) && corpus_generate(&c, o->copies, o->seed, &d, e);
    if (ok) puts("system,source,log_message,label");
    for (size_t i = 0; ok && i < d.n; i++) {
        buf_reset(&line);
        corpus_put_row(&line, d.group[d.row[i].group], &d.row[i]);
        ok = fwrite(line.p, 1, line.n, stdout) == line.n || err_set(e, ERR_IO, "stdout: the rows could not be written");
    }
    if (ok && fflush(stdout) != 0) ok = err_set(e, ERR_IO, "stdout: the rows could not be written");
    corpus_release(&c);
    dataset_release(&d);
    buf_release(&line);
    return ok ? CMD_OK : cmd_fail(e);
}

int cmd_corpus(int argc, char **argv) {
    struct options o = {.seed = 1, .copies = 3};
    const struct flag flag[] = {
        {"against", FLAG_TEXT, &o.against, 0, 0, "FILE", "labelled CSV or JSON lines, or .log or .txt of plain lines"},
        {"seed", FLAG_INT, &o.seed, 0, 4e9, "N", "of the values"},
        {"rows-per-template", FLAG_INT, &o.copies, 1, CORPUS_COPIES_MAX, "N", "messages made of each template"},
    };
    size_t flags = sizeof flag / sizeof flag[0];
    struct err e = {0};
    int operands;
    if (flags_show_help(argc, argv, USAGE, flag, flags, MORE)) return CMD_OK;
    if (!flags_parse(flag, flags, argc, argv, &operands, &e)) return cmd_fail(&e);
    if (operands == 2 && strcmp(argv[1], "lint") == 0) return lint(argv[2], &o, &e);
    if (operands == 2 && strcmp(argv[1], "generate") == 0) return corpus_write_rows(argv[2], &o, &e);
    err_set(&e, ERR_USAGE, "expected 'lint DIR' or 'generate DIR'; see 'logclass corpus --help'");
    return cmd_fail(&e);
}
