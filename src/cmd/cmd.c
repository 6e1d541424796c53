#include "cmd/cmd.h"

#include "app/terminal.h"
#include "base/buf.h"
#include "text/similar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    fputs("logclass says what each log line is about: AUTH_ERROR, DB_ERROR, INFO, …\n\n"
          "  logclass classify /var/log/syslog       label a file\n"
          "  journalctl -o json | logclass classify  label a stream\n"
          "  logclass top /var/log/*                 the kinds of line, how many\n"
          "  logclass labels                         what the labels mean\n"
          "  logclass serve                          the same over HTTP, port 8080\n",
          to);
    for (size_t i = 0; i < COMMANDS_N; i++) {
        if (strcmp(group, COMMANDS[i].group) != 0) fprintf(to, "\n%s\n", group = COMMANDS[i].group);
        fprintf(to, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].line);
    }
    fputs("\n'logclass COMMAND -h' tells more about each, '--help' all of it.\n", to);
}

/* What people also type. */
static const struct {
    const char *other, *name;
} OTHER_NAMES[] = {
    {"--version", "version"}, {"-V", "version"}, {"templates", "template"}, {"digest", "top"}, {"retrain", "learn"},
    {"--help", "help"},       {"-h", "help"}};
enum { OTHER_NAMES_N = sizeof OTHER_NAMES / sizeof OTHER_NAMES[0] };

static int cmd_no_command(const char *name) {
    char hint[128];
    struct similar s = similar_to(span_of(name));
    for (size_t i = 0; i < COMMANDS_N; i++) similar_consider(&s, COMMANDS[i].name);
    similar_hint(&s, hint, sizeof hint);
    fprintf(stderr, "logclass: there is no command '%s'%s\n", name, hint[0] ? hint : "; 'logclass help' lists them");
    return CMD_USAGE;
}

static int cmd_dispatch(int argc, char **argv) {
    const char *name = argv[0];
    for (size_t i = 0; i < OTHER_NAMES_N; i++)
        if (strcmp(name, OTHER_NAMES[i].other) == 0) name = OTHER_NAMES[i].name;
    for (size_t i = 0; i < COMMANDS_N; i++)
        if (strcmp(name, COMMANDS[i].name) == 0) return COMMANDS[i].run(argc, argv);
    if (strcmp(name, "help") != 0) return cmd_no_command(name);
    if (argc < 2) {
        usage(stdout);
        return CMD_OK;
    }
    static char help[] = "--help";
    char *words[] = {argv[1], argc > 2 ? argv[2] : help, argc > 2 ? help : NULL, NULL};
    return cmd_dispatch(argc > 2 ? 3 : 2, words);
}

int cmd_run(int argc, char **argv) {
    if (argc < 2) {
        usage(stderr);
        return CMD_USAGE;
    }
    return cmd_dispatch(argc - 1, argv + 1);
}

int cmd_fail(const struct err *e) {
    fprintf(stderr, "logclass: %s\n", e->msg);
    return e->code == ERR_USAGE ? CMD_USAGE : e->code == ERR_CONFIG ? CMD_CONFIG : CMD_FAILED;
}

unsigned cmd_columns(void) {
    const char *wanted = getenv("COLUMNS"); /* the man page asks for less than a terminal has */
    unsigned n = terminal_columns();
    if (n == 0 && wanted) n = (unsigned)strtoul(wanted, NULL, 10);
    return n == 0 ? 80 : n < 50 ? 50 : n > 110 ? 110 : n;
}

/* Where the rest of a wrapped line goes: under the text of a table's right column, or under the line's begin. */
static size_t hanging_indent(struct span line) {
    size_t front = 0, at = 0;
    while (front < line.n && line.p[front] == ' ') front++;
    for (size_t i = front; i + 3 < line.n && i < 50; i++)
        if (line.p[i] == ' ' && line.p[i + 1] == ' ' && line.p[i + 2] != ' ') at = i + 2;
    return at ? at : front;
}

void cmd_print(const char *text) {
    size_t columns = cmd_columns();
    for (struct span rest = span_of(text); rest.n > 0;) {
        struct span line = span_take_line(&rest);
        size_t indent = hanging_indent(line), shift = 0;
        while (line.n + shift > columns) {
            size_t cut = columns - shift;
            while (cut > indent && line.p[cut] != ' ') cut--;
            if (cut <= (shift ? 0 : indent)) break;
            printf("%*s%.*s\n", (int)shift, "", (int)cut, line.p);
            line = span_sub(line, cut + 1, line.n);
            shift = indent;
        }
        printf("%*s%.*s\n", (int)shift, "", (int)line.n, line.p);
    }
}

static void print_options(enum conf_command command, enum conf_help_length length) {
    struct buf options;
    buf_init(&options, 1 << 16);
    conf_help(&options, &(struct conf_help_opts){command, length, cmd_columns()});
    printf("%.*s", (int)options.n, options.p);
    buf_release(&options);
}

bool cmd_help(int argc, char **argv, const char *text, enum conf_command command, const char *more) {
    static const char *const WORDS[] = {
        [CONF_HELP_SHORT] = "-h", [CONF_HELP_LONG] = "--help", [CONF_HELP_ALL] = "--help-all"};
    int asked = -1;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        for (int k = 0; k < 3; k++)
            if (strcmp(argv[i], WORDS[k]) == 0) asked = k;
    if (asked < 0) return false;
    cmd_print(text);
    if (command) print_options(command, (enum conf_help_length)asked);
    cmd_print(more);
    return true;
}
