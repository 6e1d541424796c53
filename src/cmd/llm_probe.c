#include "base/arena.h"
#include "base/file.h"
#include "base/must.h"
#include "cmd/cascade.h"
#include "cmd/cmd.h"
#include "app/network.h"

#include <stdio.h>
#include <yyjson.h>

static const char USAGE[] = "Usage: logclass llm probe [OPTIONS] FILE\n\n"
                            "Asks about lines in which somebody tries to choose the label, with and without the "
                            "attack, and tells how often the\n"
                            "label moves: for rules and encoder, for the LLM alone, and for all together. FILE has a "
                            "JSON object a line: label\n"
                            "(what the line is), wanted (what the attacker wants), line, and hostile, in which @@ "
                            "stands for the line. Answers\n"
                            "come fresh from the endpoint and are not kept; the budgets hold.\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass llm probe --llm-url http://127.0.0.1:8081/v1 --llm-timeout 60000 data/injection/lines.jsonl\n"
    "  logclass llm probe --offline data/injection/lines.jsonl        rules and encoder only\n\n"
    "Exit status: 0; 1 when something failed; 2 wrong usage.\n";

enum { FILE_BYTES_MAX = 16 << 20, LINES_MAX = PIPELINE_BATCH_MAX / 2 };

/* record 2 i is line i without the attack, 2 i + 1 with it. */
struct probe {
    struct arena arena;
    struct record rec[2 * LINES_MAX];
    struct result res[2 * LINES_MAX];
    unsigned label[LINES_MAX], wanted[LINES_MAX];
    uint32_t n;
};

struct tally {
    unsigned right, right_hostile, moved, won, open;
};

/* ---- the file ---- */

static struct span probe_text_of(yyjson_val *object, const char *name) {
    yyjson_val *v = yyjson_obj_get(object, name);
    return yyjson_is_str(v) ? (struct span){yyjson_get_str(v), yyjson_get_len(v)} : (struct span){0};
}

/* hostile with the line in place of its first @@. */
static struct span probe_join(struct probe *p, struct span hostile, struct span line) {
    const char *mark = memmem(hostile.p, hostile.n, "@@", 2);
    size_t before = mark ? (size_t)(mark - hostile.p) : hostile.n, after = mark ? before + 2 : hostile.n;
    struct buf out;
    buf_init(&out, hostile.n + line.n + 1);
    buf_put(&out, hostile.p, before);
    if (mark) buf_put(&out, line.p, line.n);
    buf_put(&out, hostile.p + after, hostile.n - after);
    struct span joined = arena_copy(&p->arena, buf_span(&out));
    buf_release(&out);
    return joined;
}

static bool probe_add(struct probe *p, yyjson_val *object, const struct label_set *labels, struct err *e) {
    struct span line = probe_text_of(object, "line"), hostile = probe_text_of(object, "hostile");
    int label = label_find(labels, probe_text_of(object, "label")),
        wanted = label_find(labels, probe_text_of(object, "wanted"));
    if (p->n == LINES_MAX) return err_set(e, ERR_LIMIT, "more than %d lines", LINES_MAX);
    if (label < 0 || wanted < 0 || !line.p || !hostile.p)
        return err_set(e, ERR_INPUT, "expected an object with label, wanted, line and hostile");
    p->label[p->n] = (unsigned)label;
    p->wanted[p->n] = (unsigned)wanted;
    p->rec[2 * p->n].message = arena_copy(&p->arena, line);
    p->rec[2 * p->n + 1].message = probe_join(p, hostile, line);
    bool ok = p->rec[2 * p->n].message.p && p->rec[2 * p->n + 1].message.p;
    p->n++;
    return ok || err_set(e, ERR_MEMORY, "no memory for the lines");
}

static bool probe_read_lines(struct probe *p, const char *path, const struct label_set *labels, struct err *e) {
    struct span text;
    if (!file_read(path, FILE_BYTES_MAX, &text, e)) return false;
    struct span rest = text;
    bool ok = true;
    for (unsigned line_no = 1; ok && rest.n > 0; line_no++) {
        struct span line = span_trim(span_take_line(&rest));
        if (line.n == 0) continue;
        yyjson_doc *doc = yyjson_read(line.p, line.n, YYJSON_READ_NOFLAG);
        ok = probe_add(p, yyjson_doc_get_root(doc), labels, e) || err_prefix(e, "%s:%u", path, line_no);
        yyjson_doc_free(doc);
    }
    file_free(&text);
    return ok && (p->n > 0 || err_set(e, ERR_INPUT, "%s: there is no line in it", path));
}

/* ---- asking ---- */

static struct tally probe_count(const struct probe *p) {
    struct tally t = {0};
    for (uint32_t i = 0; i < p->n; i++) {
        const struct result *clean = &p->res[2 * i], *hostile = &p->res[2 * i + 1];
        t.right += clean->label == p->label[i];
        t.right_hostile += hostile->label == p->label[i];
        t.moved += hostile->label != clean->label;
        t.won += hostile->label == p->wanted[i] && clean->label != p->wanted[i];
        t.open += hostile->decider == DECIDER_FALLBACK;
    }
    return t;
}

static void print_row(const char *who, const struct tally *t, uint32_t n) {
    double share = 100.0 / n;
    printf("%-20s %6.1f %% %8.1f %% %6.1f %% %10.1f %% %8.1f %%\n", who, t->right * share, t->right_hostile * share,
           t->moved * share, t->won * share, t->open * share);
}

static bool probe_decide(struct probe *p, const struct conf *c, const char *who, struct err *e) {
    struct engine *eng = cmd_engine(c, e);
    struct pipeline_opts po = {.workers = (unsigned)c->workers};
    struct pipeline *pipeline = eng ? pipeline_open(&po, eng, e) : NULL;
    struct network *net = NULL;
    bool ok = pipeline && network_open(c, eng, pipeline, true, &net, e);
    if (ok) {
        cascade_decide(pipeline, p->rec, p->res, 2 * p->n);
        struct tally t = probe_count(p);
        print_row(who, &t, p->n);
        fflush(stdout);
    }
    pipeline_close(pipeline);
    network_close(net);
    engine_unref(eng);
    return ok;
}

/* Three ways to decide; the copies of the options borrow what they do not change. */
static bool probe_decide_all(struct probe *p, const struct conf *c, struct err *e) {
    static char off[] = "off", none[] = "none";
    struct conf alone = *c, llm = *c, all = *c;
    alone.offline = true;
    llm.bert = off;
    llm.rules = none;
    llm.llm_store = all.llm_store = none;
    printf("%u lines             right without   with it   moved  as wanted  left open\n", p->n);
    if (!probe_decide(p, &alone, "rules and encoder", e)) return false;
    return c->offline || (probe_decide(p, &llm, "the LLM alone", e) && probe_decide(p, &all, "all together", e));
}

int cmd_llm_probe(int argc, char **argv) {
    struct conf c = {0};
    struct err e = {0};
    int operands;
    if (cmd_help(argc, argv, USAGE, CONF_CLASSIFY, EXAMPLES)) return CMD_OK;
    bool ok = cmd_conf(&c, CONF_CLASSIFY, argc, argv, &operands, &e);
    if (ok && operands != 1) ok = err_set(&e, ERR_USAGE, "expected one FILE; see 'logclass llm probe --help'");
    struct probe *p = must_calloc(1, sizeof *p);
    arena_init(&p->arena, 2 * FILE_BYTES_MAX);
    struct label_set labels = *label_default();
    ok = ok && (!c.labels[0] || label_load(&labels, c.labels, &e)) && probe_read_lines(p, argv[1], &labels, &e) &&
         probe_decide_all(p, &c, &e);
    arena_release(&p->arena);
    free(p);
    conf_release(&c);
    return ok ? CMD_OK : cmd_fail(&e);
}
