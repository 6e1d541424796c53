#include "cmd/cmd.h"
#include "app/daemon.h"

static const char USAGE[] = "Usage: logclass serve [OPTIONS]\n\n"
                            "Answers POST /classify with a JSON array of {\"source\",\"log_message\"} objects, in "
                            "their order; GET /health, /metrics.\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass serve --port 8080\n"
    "  curl -s localhost:8080/classify -d '[{\"log_message\":\"User bob logged in\"}]'\n\n"
    "Signals: TERM and INT finish what is in flight and stop, a second one stops at once; HUP loads options, rules,\n"
    "labels, head and model again, and keeps all the old ones when something of the new is broken.\n";

int cmd_serve(int argc, char **argv) {
    static const struct daemon_role ROLE = {.command = CONF_SERVE, .kind = API_CLASSIFIER};
    if (cmd_help(argc, argv, USAGE, CONF_SERVE, EXAMPLES)) return CMD_OK;
    struct err e = {0};
    return daemon_run(&ROLE, argc, argv, &e) ? CMD_OK : cmd_fail(&e);
}
