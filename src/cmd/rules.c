#include "app/shipped.h"
#include "cmd/cmd.h"
#include "rules/rules.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "Usage: logclass rules check [--labels FILE] [FILE]\n"
    "       logclass rules match [--labels FILE] [--source NAME] [FILE] < lines\n\n"
    "  check   say whether the rule file can be used; if not: where and why\n"
    "  match   print for each line of stdin the rule that decides it, its label and the bytes FROM-TO\n"
    "          that it matched (counted from 0, TO not included), with tabs between; '-': no rule\n\n"
    "  --labels FILE   the label set to check against (default: the built-in one)\n"
    "  --source NAME   the source of the lines, for rules that ask for one\n\n"
    "FILE is the shipped rules.conf when left out; docs/rules.md describes the format.\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass rules check my-rules.conf\n"
    "  logclass rules match my-rules.conf < app.log | cut -f 1 | sort | uniq -c | sort -rn    lines for each rule\n\n"
    "Exit status: 0 fine, 1 the rules can't be used or the lines can't be read, 2 wrong usage.\n";

struct arguments {
    const char *word; /* "check" or "match" */
    const char *labels, *source, *file;
};

static bool read_arguments(struct arguments *a, int argc, char **argv, struct err *e) {
    const struct {
        const char *name;
        const char **value;
    } options[] = {{"--labels", &a->labels}, {"--source", &a->source}};
    *a = (struct arguments){.word = argv[1], .source = ""};
    for (int i = 2; i < argc; i++) {
        size_t o = 0;
        while (o < 2 && strcmp(argv[i], options[o].name) != 0) o++;
        if (o < 2 && i + 1 == argc) return err_set(e, ERR_USAGE, "%s needs a value", argv[i]);
        if (o < 2)
            *options[o].value = argv[++i];
        else if (argv[i][0] == '-' || a->file)
            return err_set(e, ERR_USAGE, "unknown argument '%s'; see 'logclass rules --help'", argv[i]);
        else
            a->file = argv[i];
    }
    return true;
}

static struct rules *rules_open_rules(struct arguments *a, struct label_set *labels, struct err *e) {
    static char shipped[PATH_MAX];
    *labels = *label_default();
    if (a->labels && !label_load(labels, a->labels, e)) return NULL;
    if (!a->file && shipped_path("rules.conf", shipped, sizeof shipped)) a->file = shipped;
    if (a->file) return rules_open(a->file, labels, e);
    err_set(e, ERR_IO, "the shipped rules.conf is not there; name a file");
    return NULL;
}

/* "my.conf: 6 rules, fine: 2 USER_ACTION, 4 SYSTEM_NOTIFICATION" */
static int check(const struct arguments *a, const struct rules *r, const struct label_set *labels) {
    size_t n = rules_count(r), of_label[LABEL_MAX] = {0};
    for (size_t i = 0; i < n; i++) of_label[rules_get(r, i)->label]++;
    printf("%s: %zu rule%s, fine", a->file, n, n == 1 ? "" : "s");
    const char *between = ": ";
    for (unsigned l = 0; l < labels->n; l++) {
        if (of_label[l] == 0) continue;
        printf("%s%zu %s", between, of_label[l], labels->label[l].id);
        between = ", ";
    }
    putchar('\n');
    return fflush(stdout) == 0 ? CMD_OK : CMD_FAILED;
}

static void print_match(const struct rules *r, const struct label_set *labels, int i, struct rules_match m) {
    if (i < 0) {
        puts("-");
        return;
    }
    const struct rule *rule = rules_get(r, (size_t)i);
    printf("%s\t%s\t%u-%u\n", rule->name, labels->label[rule->label].id, m.from, m.to);
}

static int rules_match_lines(const struct arguments *a, const struct rules *r, const struct label_set *labels) {
    struct err e;
    struct rules_match where = {0, 0};
    struct rules_scratch *s = rules_scratch_open(r, &e);
    if (!s) return cmd_fail(&e);
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        if (line[n - 1] == '\n') n--;
        struct record rec = {span_of(a->source), {line, (size_t)n}};
        print_match(r, labels, rules_match(r, s, &rec, &where), where);
    }
    free(line);
    rules_scratch_close(s);
    return fflush(stdout) == 0 && !ferror(stdin) ? CMD_OK : CMD_FAILED;
}

static const struct {
    const char *word;
    int (*run)(const struct arguments *a, const struct rules *r, const struct label_set *labels);
} WORDS[] = {{"check", check}, {"match", rules_match_lines}};
enum { WORD_COUNT = sizeof WORDS / sizeof WORDS[0] };

int cmd_rules(int argc, char **argv) {
    if (cmd_help(argc, argv, USAGE, 0, EXAMPLES)) return CMD_OK;
    if (argc < 2) {
        fputs(USAGE, stderr);
        return CMD_USAGE;
    }
    struct arguments a;
    struct err e;
    struct label_set labels;
    unsigned w = 0;
    while (w < WORD_COUNT && strcmp(argv[1], WORDS[w].word) != 0) w++;
    if (w == WORD_COUNT) {
        err_set(&e, ERR_USAGE, "unexpected argument '%s'; expected check or match", argv[1]);
        return cmd_fail(&e);
    }
    if (!read_arguments(&a, argc, argv, &e)) return cmd_fail(&e);
    struct rules *r = rules_open_rules(&a, &labels, &e);
    if (!r) return cmd_fail(&e);
    int status = WORDS[w].run(&a, r, &labels);
    rules_close(r);
    return status;
}
