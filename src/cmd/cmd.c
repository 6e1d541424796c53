#include "cmd/cmd.h"

#include "base/buf.h"

#include <stdio.h>
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
    bool asked = false, all = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        all |= strcmp(argv[i], "--help-all") == 0;
        asked |= all || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    }
    if (!asked) return false;
    fputs(text, stdout);
    if (command) {
        struct buf options;
        buf_init(&options, 1 << 16);
        conf_help(&options, command, all);
        printf("%.*s", (int)options.n, options.p);
        buf_release(&options);
    }
    fputs(more, stdout);
    return true;
}
