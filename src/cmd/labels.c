/* labels: what the labels mean. */
#include "app/shipped.h"
#include "base/json_out.h"
#include "cmd/cmd.h"
#include "cmd/flags.h"
#include "data/label.h"
#include "encoder/head.h"
#include "stream/writer_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terminal.h"

static const char USAGE[] = "Usage: logclass labels [--labels ops|FILE] [--head FILE] [--json] [LABEL...]\n\n"
                            "What each label means, in a sentence, with two lines as examples; all of them, or\n"
                            "those named. docs/labels.md says more about the borders between them.\n\n";

static const char NOTE[] = "A line that none of the eight fits is UNCLASSIFIED, of two kinds: 'other' (surely\n"
                           "none of them: kernel, disk, network, crash, a fragment) and 'unsure'. '--labels\n"
                           "ops' of classify, top and serve gives such faults labels of their own.\n";

struct labels_options {
    const char *labels, *head;
    bool json;
};

static const struct {
    const char *label, *line;
} LINES[] = {
#define LABEL_EXAMPLE(label, line) {label, line},
#include "data/label_example.def"
#undef LABEL_EXAMPLE
};
enum { LINES_N = sizeof LINES / sizeof LINES[0] };

static bool labels_find(const struct labels_options *o, struct label_set *set, struct err *e) {
    *set = *label_default();
    if (o->labels) return label_load(set, o->labels, e);
    if (!o->head) return true;
    struct head *h = head_open(o->head, e);
    if (h) *set = *head_labels(h);
    head_close(h);
    return h != NULL;
}

/* Without examples where they would not fit: for the set of the eight UNCLASSIFIED holds the faults of the other kinds.
 */
static bool shows_line(const struct label_set *set, const struct label *l, unsigned i) {
    if (strcmp(LINES[i].label, l->id) != 0) return false;
    return label_hash(set) == label_hash(label_default()) || label_hash(set) == label_hash(label_ops());
}

static void print_label_json(struct buf *out, const struct label_set *set, const struct label *l) {
    const char *before = "";
    buf_puts(out, "{\"id\":");
    json_out_string(out, span_of(l->id));
    buf_puts(out, ",\"name\":");
    json_out_string(out, span_of(l->name));
    buf_puts(out, ",\"description\":");
    json_out_string(out, span_of(l->description));
    buf_puts(out, ",\"examples\":[");
    for (unsigned i = 0; i < LINES_N; i++) {
        if (!shows_line(set, l, i)) continue;
        buf_puts(out, before);
        json_out_string(out, span_of(LINES[i].line));
        before = ",";
    }
    buf_puts(out, "]}\n");
}

static void print_label_text(struct buf *out, const struct label_set *set, const struct label *l) {
    bool colour = terminal_wants_colour("auto");
    const char *code = colour ? writer_table_colour(l->id, REASON_NONE) : "";
    buf_printf(out, "%s%s%s  (%s)\n  %s\n", code, l->id, code[0] ? "\033[0m" : "", l->name, l->description);
    for (unsigned i = 0; i < LINES_N; i++)
        if (shows_line(set, l, i)) buf_printf(out, "    %s\n", LINES[i].line);
    buf_putc(out, '\n');
}

static bool labels_print(const struct labels_options *o, const struct label_set *set, char **names, int names_n,
                         struct err *e) {
    struct buf out;
    buf_init(&out, 1 << 20);
    for (unsigned i = 0; i < set->n; i++) {
        bool wanted = names_n == 0;
        for (int k = 0; k < names_n; k++) wanted = wanted || strcmp(names[k], set->label[i].id) == 0;
        if (wanted) (o->json ? print_label_json : print_label_text)(&out, set, &set->label[i]);
    }
    if (out.n == 0) err_set(e, ERR_USAGE, "no label is called '%s'; 'logclass labels' lists them", names[0]);
    buf_putc(&out, '\0');
    if (out.n > 1 && o->json)
        fputs(out.p, stdout);
    else if (out.n > 1)
        cmd_print(out.p), cmd_print(names_n == 0 && label_hash(set) == label_hash(label_default()) ? NOTE : "");
    buf_release(&out);
    return e->code == ERR_OK;
}

int cmd_labels(int argc, char **argv) {
    struct labels_options o = {0};
    struct err e = {0};
    struct label_set set;
    int names = 0;
    const struct flag flag[] = {
        {"labels", FLAG_TEXT, &o.labels, 0, 0, "ops|FILE", "the second label set, or a labels file"},
        {"head", FLAG_TEXT, &o.head, 0, 0, "FILE", "the labels of a head"},
        {"json", FLAG_TRUE, &o.json, 0, 0, NULL, "one JSON object a label"},
    };
    enum { N = sizeof flag / sizeof flag[0] };
    if (flags_show_help(argc, argv, USAGE, flag, N, "")) return CMD_OK;
    bool ok = flags_parse(flag, N, argc, argv, &names, &e) && labels_find(&o, &set, &e) &&
              labels_print(&o, &set, argv + 1, names, &e);
    return ok ? CMD_OK : cmd_fail(&e);
}
