/* correct: what people say about kinds of line. */
#include "app/review.h"
#include "app/shipped.h"
#include "app/state_dir.h"
#include "base/json_out.h"
#include "cmd/cmd.h"
#include "cmd/flags.h"
#include "encoder/head.h"
#include "review/corrections.h"
#include "text/mask.h"
#include "text/similar.h"

#include <stdio.h>
#include <string.h>

static const char USAGE[] = "Usage: logclass correct LABEL LINE\n"
                            "       logclass correct --undo NUMBER | --list | --export\n\n"
                            "Says which label lines of this kind get: this one, and all that differ from it in\n"
                            "nothing but values. Within a second it is in force in every logclass of this state\n"
                            "folder, before all rules; it answers with \"source\":\"regex\" and confidence 1.\n"
                            "'logclass learn' teaches it to the encoder's head. What is kept is the template,\n"
                            "not the line.\n\n";

static const char EXAMPLES[] = "\nExamples\n"
                               "  logclass correct BACKUP 'snapshot 40dc1520 saved'\n"
                               "  logclass correct --source zfs INFO 'pool tank is 81 % full'   that source alone\n"
                               "  logclass correct --undo 3\n"
                               "  logclass correct --export > words.csv                         for 'logclass train'\n";

struct correct_options {
    const char *source, *note, *labels, *head;
    unsigned undo;
    bool list, export, json;
};

/* ---- saying ---- */

static void consider_labels(struct similar *s, const struct label_set *set, const char *id, bool *found) {
    for (unsigned i = 0; i < set->n; i++) {
        *found = *found || strcmp(set->label[i].id, id) == 0;
        similar_consider(s, set->label[i].id);
    }
}

/* Is it a label of the built-in sets, or of the labels or head that were named? */
static bool check_label(const struct correct_options *o, const char *id, struct err *e) {
    struct label_set own = {0};
    struct similar s = similar_to(span_of(id));
    bool found = false;
    char hint[128];
    if (o->labels && !label_load(&own, o->labels, e)) return false;
    struct head *h = o->head ? head_open(o->head, e) : NULL;
    if (o->head && !h) return false;
    if (h) own = *head_labels(h);
    head_close(h);
    consider_labels(&s, label_default(), id, &found), consider_labels(&s, label_ops(), id, &found);
    consider_labels(&s, &own, id, &found);
    similar_hint(&s, hint, sizeof hint);
    return found || err_set(e, ERR_USAGE, "no label is called '%s'%s", id,
                            hint[0] ? hint : "; 'logclass labels' lists them, --labels names your own");
}

static bool correct_say(const struct correct_options *o, const char *path, char **word, struct err *e) {
    struct correction c = {.source = span_of(o->source ? o->source : ""),
                           .message = span_of(word[1]),
                           .note = span_of(o->note ? o->note : "")};
    char masked[MASK_OUTPUT_MAX];
    uint32_t id;
    if (!check_label(o, word[0], e)) return false;
    snprintf(c.label, sizeof c.label, "%s", word[0]);
    if (!state_dir_make_folders(path, e) || !corrections_append(path, &c, &id, e)) return false;
    printf("correction %u: %s for '%.*s'%s%s; in force within a second, 'logclass correct --undo %u' takes it back\n",
           id, c.label, (int)mask_line(c.message, masked), masked, o->source ? " from " : "",
           o->source ? o->source : "", id);
    return true;
}

/* ---- showing ---- */

static void list_json(struct buf *out, const struct correction *r) {
    const struct {
        const char *name;
        struct span text;
    } FIELDS[] = {{"label", span_of(r->label)},
                  {"source", r->source},
                  {"log_message", r->message},
                  {"by", r->by},
                  {"at", r->at},
                  {"note", r->note}};
    buf_printf(out, "{\"id\":%u,\"undone\":%s", r->id, r->undone ? "true" : "false");
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        buf_printf(out, ",\"%s\":", FIELDS[i].name);
        json_out_string(out, FIELDS[i].text);
    }
    buf_puts(out, "}\n");
}

static void list_text(struct buf *out, const struct correction *r) {
    buf_printf(out, "%5u  %-20s %-12.*s %-10.10s  %.*s%s%.*s%s\n", r->id, r->label, (int)r->by.n, r->by.p,
               r->at.n ? r->at.p : "", (int)r->source.n, r->source.p, r->source.n ? ": " : "", (int)r->message.n,
               r->message.p, r->undone ? "  (undone)" : "");
}

static bool correct_show(const struct correct_options *o, const char *path, struct err *e) {
    struct corrections c;
    struct buf out;
    buf_init(&out, 2 * CORRECTIONS_FILE_BYTES_MAX);
    bool ok = corrections_read(&c, path, e);
    if (o->export) buf_puts(&out, CORRECTIONS_CSV_HEAD);
    for (size_t i = 0; ok && i < c.n; i++)
        (o->export ? corrections_put_csv : o->json ? list_json : list_text)(&out, &c.row[i]);
    if (ok && c.n == 0 && o->list && !o->json) buf_puts(&out, "nothing was corrected yet\n");
    if (c.broken > 0) fprintf(stderr, "logclass: %s: %u lines can't be read and are passed over\n", path, c.broken);
    fwrite(out.p, 1, out.n, stdout);
    corrections_release(&c);
    buf_release(&out);
    return ok;
}

static bool correct_run(const struct correct_options *o, char **word, int words, struct err *e) {
    char path[PATH_MAX];
    if (!review_path(path))
        return err_set(e, ERR_IO,
                       "no state directory to keep corrections in: set HOME, XDG_STATE_HOME or STATE_DIRECTORY");
    if (o->list || o->export) return correct_show(o, path, e);
    if (o->undo > 0) {
        bool ok = corrections_undo(path, o->undo, e);
        if (ok) printf("correction %u is undone\n", o->undo);
        return ok;
    }
    return words == 2 ? correct_say(o, path, word, e)
                      : err_set(e, ERR_USAGE, "expected a label and a line, in quotes; see 'logclass correct --help'");
}

int cmd_correct(int argc, char **argv) {
    struct correct_options o = {0};
    struct err e = {0};
    int words = 0;
    const struct flag flag[] = {
        {"source", FLAG_TEXT, &o.source, 0, 0, "NAME", "lines of this source alone"},
        {"note", FLAG_TEXT, &o.note, 0, 0, "TEXT", "why; kept with it"},
        {"undo", FLAG_INT, &o.undo, 1, 4e9, "NUMBER", "take a correction back"},
        {"list", FLAG_TRUE, &o.list, 0, 0, NULL, "what was said, by whom, when"},
        {"json", FLAG_TRUE, &o.json, 0, 0, NULL, "the list as one JSON object a line"},
        {"export", FLAG_TRUE, &o.export, 0, 0, NULL, "what is in force, as CSV that 'logclass train' reads"},
        {"labels", FLAG_TEXT, &o.labels, 0, 0, "FILE", "labels file that LABEL is of, where it is your own"},
        {"head", FLAG_TEXT, &o.head, 0, 0, "FILE", "head that LABEL is of"},
    };
    enum { N = sizeof flag / sizeof flag[0] };
    if (flags_show_help(argc, argv, USAGE, flag, N, EXAMPLES)) return CMD_OK;
    bool ok = flags_parse(flag, N, argc, argv, &words, &e) && correct_run(&o, argv + 1, words, &e);
    return ok ? CMD_OK : cmd_fail(&e);
}
