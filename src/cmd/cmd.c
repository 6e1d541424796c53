#include "cmd/cmd.h"

#include "base/file.h"
#include "base/log.h"
#include "app/state_dir.h"
#include "train/head_versions.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *group, *line;
} COMMANDS[] = {
#define COMMAND(name, function, group, line) {name, function, group, line},
#include "cmd/cmd.def"
#undef COMMAND
};
enum { COMMANDS_N = sizeof COMMANDS / sizeof COMMANDS[0] };

static void usage(FILE *to) {
    const char *group = "";
    fputs("logclass says what each log line is about: AUTH_ERROR, DB_ERROR, BACKUP, INFO, …\n\n"
          "  logclass classify /var/log/syslog            label a file\n"
          "  journalctl -o cat | logclass classify        label a stream\n"
          "  logclass serve                               the same over HTTP, on port 8080\n",
          to);
    for (size_t i = 0; i < COMMANDS_N; i++) {
        if (strcmp(group, COMMANDS[i].group) != 0) fprintf(to, "\n%s\n", group = COMMANDS[i].group);
        fprintf(to, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].line);
    }
    fputs("\n'logclass COMMAND --help' tells more about each.\n", to);
}

int cmd_run(int argc, char **argv) {
    if (argc < 2) {
        usage(stderr);
        return CMD_USAGE;
    }
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        usage(stdout);
        return CMD_OK;
    }
    for (size_t i = 0; i < COMMANDS_N; i++)
        if (strcmp(name, COMMANDS[i].name) == 0) return COMMANDS[i].run(argc - 1, argv + 1);
    fprintf(stderr, "logclass: there is no command '%s'; 'logclass help' lists them\n", name);
    return CMD_USAGE;
}

int cmd_fail(const struct err *e) {
    fprintf(stderr, "logclass: %s\n", e->msg);
    return e->code == ERR_USAGE ? CMD_USAGE : CMD_FAILED;
}

bool cmd_help(int argc, char **argv, const char *text, enum conf_command command, const char *more) {
    bool asked = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        asked |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    if (!asked) return false;
    fputs(text, stdout);
    if (command) {
        struct buf options;
        buf_init(&options, 1 << 16);
        conf_help(&options, command);
        printf("\nOptions\n%.*s", (int)options.n, options.p);
        buf_release(&options);
    }
    fputs(more, stdout);
    return true;
}

bool cmd_log(const struct conf *c) {
    static const char *const LEVEL[] = {"debug", "info", "warn", "error"};
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(c->log_level, LEVEL[i]) != 0) continue;
        log_setup(i, c->log_json);
        return true;
    }
    return false;
}

bool cmd_conf(struct conf *c, enum conf_command command, int argc, char **argv, int *operands, struct err *e) {
    if (!conf_load(c, command, argc, argv, operands, e)) return false;
    return cmd_log(c) || err_set(e, ERR_USAGE, "log-level is '%s': expected debug, info, warn or error", c->log_level);
}

/* ---- shipped files ---- */

/* The installed layout has everything in one folder; the source tree has data/ and models/. */
static const struct {
    const char *name, *in_tree;
} SHIPPED[] = {
    {"rules.conf", "data/rules.conf"},
    {"head.json", "data/head.json"},
    {"adapter.safetensors", "data/adapter.safetensors"},
    {"corpus", "data/corpus"},
    {"model", "models/all-MiniLM-L6-v2"},
    {"build-llama", "scripts/build-llama"},
};

static const char *tree_name(const char *name) {
    for (size_t i = 0; i < sizeof SHIPPED / sizeof SHIPPED[0]; i++)
        if (strcmp(SHIPPED[i].name, name) == 0) return SHIPPED[i].in_tree;
    return name;
}

static bool exists(const char *path) {
    return access(path, R_OK) == 0;
}

bool cmd_data_path(const char *name, char *out, size_t size) {
    const char *dir = getenv("LOGCLASS_DATA_DIR");
    if (dir) return file_join(out, size, dir, name) && exists(out);
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0) return false;
    exe[n] = '\0';
    char *prefix = dirname(dirname(exe)); /* PREFIX/bin/logclass */
    char share[PATH_MAX];
    if (file_join(share, sizeof share, prefix, "share/logclass") && file_join(out, size, share, name) && exists(out))
        return true;
    char *root = dirname(prefix); /* build/<mode>/logclass in the source tree */
    return file_join(out, size, root, tree_name(name)) && exists(out);
}

/* The option's value, or the shipped file, or "" for 'none'. */
static bool cmd_choose(const char *value, const char *shipped, bool needed, char *out, struct err *e) {
    out[0] = '\0';
    if (strcmp(value, "none") == 0) return true;
    if (value[0]) {
        size_t n = strlen(value);
        if (n >= PATH_MAX) return err_set(e, ERR_USAGE, "a path of %zu bytes is too long", n);
        memcpy(out, value, n + 1);
        return true;
    }
    if (cmd_data_path(shipped, out, PATH_MAX)) return true;
    out[0] = '\0';
    return !needed ||
           err_set(e, ERR_IO, "the shipped %s is not there: looked in $LOGCLASS_DATA_DIR, or where the program is%s",
                   shipped, strcmp(shipped, "model") == 0 ? "; 'make model' fetches it" : "");
}

/* With the head that was learnt here, when none is named, and the shipped one where that does not fit (any more). */
static struct engine *open_with_learnt(struct engine_opts *o, struct err *e) {
    char folder[PATH_MAX], head[PATH_MAX];
    const char *shipped = o->head_path;
    if (!state_dir_path("heads", folder, sizeof folder) || !head_versions_current(folder, head, sizeof head))
        return engine_open(o, e);
    o->head_path = head;
    struct engine *eng = engine_open(o, e);
    if (eng || e->code != ERR_MODEL) return eng;
    log_warn("head.unfit", "%s is not used: %s; 'logclass learn' makes another", head, e->msg);
    *e = (struct err){0};
    o->head_path = shipped;
    return engine_open(o, e);
}

struct engine *cmd_engine(const struct conf *c, struct err *e) {
    bool local = strcmp(c->bert, "local") == 0;
    char rules[PATH_MAX], model[PATH_MAX] = "", head[PATH_MAX] = "", adapter[PATH_MAX] = "";
    if (!cmd_choose(c->rules, "rules.conf", true, rules, e)) return NULL;
    if (local && (!cmd_choose(c->model, "model", true, model, e) || !cmd_choose(c->head, "head.json", true, head, e) ||
                  !cmd_choose(c->adapter, "adapter.safetensors", false, adapter, e)))
        return NULL;
    struct engine_opts o = {
        .rules_path = rules,
        .rules_shipped = c->rules[0] == '\0',
        .labels_path = c->labels,
        .head_path = head,
        .adapter_path = adapter,
        .model_dir = model,
        .kernel = c->kernel,
        .classifier_threshold = c->bert_classifier_threshold,
        .pipeline_threshold = c->bert_pipeline_threshold,
        .head_thresholds = c->head_thresholds,
    };
    return local && !c->head[0] ? open_with_learnt(&o, e) : engine_open(&o, e);
}
