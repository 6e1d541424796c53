#include "app/options.h"
#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "Usage: logclass config show|check|doc [OPTIONS]\n\n"
    "  show    print the values in force as a commented config file, after file, environment and flags\n"
    "  check   say whether they are valid; nothing else\n"
    "  doc     print the table of all options (docs/configuration.md)\n";

static void config_print(const struct buf *b) {
    if (b->n > 0) fwrite(b->p, 1, b->n, stdout);
}

int cmd_config(int argc, char **argv) {
    struct conf c = {0};
    struct err e = {0};
    struct buf out;
    int operands;
    if (argc < 2 || cmd_help(argc, argv, USAGE, CONF_ALL, "")) {
        if (argc < 2) fputs(USAGE, stderr);
        return argc < 2 ? CMD_USAGE : CMD_OK;
    }
    buf_init(&out, 1 << 18);
    int status = CMD_OK;
    if (strcmp(argv[1], "doc") == 0) {
        conf_doc(&out);
    } else if (strcmp(argv[1], "show") != 0 && strcmp(argv[1], "check") != 0) {
        err_set(&e, ERR_USAGE, "unexpected argument '%s'; expected show, check or doc", argv[1]);
        status = cmd_fail(&e);
    } else if (!options_load(&c, CONF_ALL, argc - 1, argv + 1, &operands, &e)) {
        status = cmd_fail(&e);
    } else if (strcmp(argv[1], "show") == 0) {
        conf_show(&out, &c);
    }
    config_print(&out);
    buf_release(&out);
    conf_release(&c);
    return status;
}
