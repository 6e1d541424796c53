/* kinds: the kinds of line that were seen, from the state folder. */
#include "app/kept_kinds.h"
#include "app/terminal.h"
#include "base/json_out.h"
#include "cmd/cmd.h"
#include "cmd/flags.h"
#include "data/decider.h"
#include "review/kinds_query.h"
#include "review/say.h"
#include "text/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "Usage: logclass kinds [OPTIONS]\n\n"
    "The kinds of line that 'logclass serve' and 'logclass run' have seen: lines of 24 hours,\n"
    "label and how sure that is, state, template; those with most lines first. What came in the\n"
    "last ten seconds may be missing.\n\n";

static const char EXAMPLES[] = "\nExamples\n"
                               "  logclass kinds --new\n"
                               "  logclass kinds --undecided -o json\n"
                               "  logclass kinds --forget 3f2a91c07be4d810\n";

struct kinds_options {
    const char *search, *label, *output, *forget;
    unsigned rows;
    bool new, undecided, rising, muted;
};

/* ---- showing ---- */

static void kinds_row(struct buf *out, const struct kept_kinds *k, const struct words *w, const struct kind_view *v) {
    struct kind_decision d = kind_decide(k->book.kinds, w, v);
    char fixed[3 * KINDS_TEXT_MAX], sure[8] = "";
    size_t n = utf8_repair(v->text, fixed);
    if (!d.word && v->p1) snprintf(sure, sizeof sure, "%.2f", v->p1 / 1e4);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)fixed[i] < ' ') fixed[i] = ' ';
    buf_printf(out, "%016" PRIx64 " %9u  %-20s %-6s %-8s  %.*s\n", v->id, v->lines_24h, d.label,
               d.word ? "person" : sure, kind_state_name(v->state), (int)n, fixed);
}

static void kinds_json(struct buf *out, const struct kept_kinds *k, const struct words *w, const struct kind_view *v) {
    struct kind_decision d = kind_decide(k->book.kinds, w, v);
    char fixed[3 * KINDS_TEXT_MAX];
    buf_printf(out, "{\"id\":\"%016" PRIx64 "\",\"family\":\"%016" PRIx64 "\",\"template\":", v->id, v->family);
    json_out_string(out, (struct span){fixed, utf8_repair(v->text, fixed)});
    buf_puts(out, ",\"label_id\":");
    json_out_string(out, span_of(d.label));
    buf_printf(out, ",\"stage\":\"%s\",\"confidence\":%.4g",
               decider_name(d.word ? DECIDER_REGEX : (enum decider)v->stage),
               d.word || v->stage == DECIDER_REGEX ? 1
               : v->stage == DECIDER_FALLBACK      ? 0
                                                   : v->p1 / 1e4);
    buf_printf(out, ",\"state\":\"%s\",\"undecided\":%s,\"corrected_by\":", kind_state_name(v->state),
               d.property & KINDS_UNDECIDED ? "true" : "false");
    if (d.word)
        json_out_string(out, d.word->by);
    else
        buf_puts(out, "null");
    buf_printf(out, ",\"rev\":%u,\"lines_24h\":%u,\"lines\":%" PRIu64 ",\"first\":%u,\"last\":%u}\n", d.rev,
               v->lines_24h, v->lines, v->first, v->last);
}

static struct kinds_query query_of(const struct kinds_options *o, char *small, size_t size) {
    struct kinds_query q = KINDS_QUERY_ALL;
    q.limit = o->rows && o->rows < KINDS_QUERY_MAX ? o->rows : KINDS_QUERY_MAX;
    q.state = o->new ? KIND_NEW : o->rising ? KIND_RISING : o->muted ? KIND_MUTED : -1;
    if (o->undecided) q.property = KINDS_UNDECIDED;
    q.label = o->label;
    snprintf(small, size, "%s", o->search ? o->search : "");
    for (char *c = small; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c | 0x20);
    q.text = span_of(small);
    return q;
}

/* Pages of the query, until all or so many rows are shown. */
static void kinds_show(struct kept_kinds *k, const struct kinds_options *o, bool json) {
    static struct kinds_result r;
    char small[1024], text[KINDS_TEXT_MAX];
    struct kinds_query q = query_of(o, small, sizeof small);
    struct words *w = book_words(&k->book);
    unsigned shown = 0;
    do {
        struct buf out;
        buf_init(&out, 64 << 20);
        kinds_query_run(&k->book, w, &q, &r);
        for (unsigned i = 0; i < r.n && (!o->rows || shown < o->rows); i++) {
            struct kind_view v;
            if (!kinds_find(k->book.kinds, r.hit[i].id, &v, text)) continue;
            (json ? kinds_json : kinds_row)(&out, k, w, &v);
            shown++;
        }
        fwrite(out.p, 1, out.n, stdout);
        buf_release(&out);
        q.goes_on = r.n > 0;
        if (r.n > 0) q.after_key = r.hit[r.n - 1].key, q.after_id = r.hit[r.n - 1].id;
    } while (r.n == q.limit && (!o->rows || shown < o->rows));
    if (!json && r.total == 0) printf("no kind of line matches\n");
    if (!json && shown < r.total) fprintf(stderr, "%u of %" PRIu64 " kinds; --rows 0 shows all\n", shown, r.total);
    words_unref(w);
}

/* ---- forgetting ---- */

static bool kinds_forget_one(struct kept_kinds *k, const char *text, struct err *e) {
    char copy[KINDS_TEXT_MAX], *end;
    struct kind_view v = {0};
    uint64_t id = strtoull(text, &end, 16);
    if (strlen(text) != 16 || *end || id == 0)
        return err_set(e, ERR_USAGE, "--forget: expected the 16 digits of an id, not '%s'", text);
    bool known = kinds_find(k->book.kinds, id, &v, copy);
    if (!corrections_forget(k->corrections, id, v.family, e) || !kinds_store_forget(k->store, id, e)) return false;
    printf(known ? "forgotten: %016" PRIx64 "; processes of this state folder do so within a second\n"
                 : "%016" PRIx64 " is not in the file; processes of this state folder forget it within a second\n",
           id);
    return true;
}

int cmd_kinds(int argc, char **argv) {
    struct kinds_options o = {.rows = 40, .output = "table"};
    struct err e = {0};
    int words = 0;
    const struct flag flag[] = {
        {"new", FLAG_TRUE, &o.new, 0, 0, NULL, "those first seen in the last 24 hours"},
        {"undecided", FLAG_TRUE, &o.undecided, 0, 0, NULL, "those that no stage decided"},
        {"rising", FLAG_TRUE, &o.rising, 0, 0, NULL, "those with far more lines than in any hour of a week"},
        {"muted", FLAG_TRUE, &o.muted, 0, 0, NULL, "those that a person does not want to see"},
        {"label", FLAG_TEXT, &o.label, 0, 0, "ID", "those with this label"},
        {"search", FLAG_TEXT, &o.search, 0, 0, "TEXT", "those with this in their template"},
        {"rows", FLAG_INT, &o.rows, 0, 1e7, "N", "show so many; 0: all (40)"},
        {"output", FLAG_TEXT, &o.output, 0, 0, "table|json", "json: one object a line; also -o"},
        {"forget", FLAG_TEXT, &o.forget, 0, 0, "ID", "remove a kind, and what was said about it, everywhere"},
    };
    enum { N = sizeof flag / sizeof flag[0] };
    static char output[] = "--output";
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-o") == 0) argv[i] = output;
    if (flags_show_help(argc, argv, USAGE, flag, N, EXAMPLES)) return CMD_OK;
    bool ok = flags_parse(flag, N, argc, argv, &words, &e);
    if (ok && words > 0) ok = err_set(&e, ERR_USAGE, "unexpected argument '%s'; see 'logclass kinds --help'", argv[1]);
    bool json = strcmp(o.output, "json") == 0;
    if (ok && !json && strcmp(o.output, "table") != 0)
        ok = err_set(&e, ERR_USAGE, "--output: expected table or json, not '%s'", o.output);
    if (!ok) return cmd_fail(&e);
    struct kept_kinds k;
    ok = kept_kinds_open(&k, &e) && (!o.forget || kinds_forget_one(&k, o.forget, &e));
    if (ok && !o.forget) kinds_show(&k, &o, json);
    kept_kinds_close(&k);
    return ok ? CMD_OK : cmd_fail(&e);
}
