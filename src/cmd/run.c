#include "cmd/cmd.h"
#include "app/daemon.h"

static const char USAGE[] = "Usage: logclass run --config FILE [OPTIONS]\n\n"
                            "The daemon for log streams: labels what the file's [source NAME] sections bring, hands it "
                            "to its [sink NAME], and\n"
                            "answers over HTTP as `logclass serve` does. How far each source was read is kept, and "
                            "moves only when the sink has\n"
                            "the lines: nothing is lost, whatever ends the process (docs/streams.md).\n";

static const char EXAMPLES[] = "\nExample: /etc/logclass/logclass.conf\n"
                               "  [source files]\n"
                               "  type = file\n"
                               "  include = /var/log/*.log, /var/log/nginx/*.log\n"
                               "  [sink labels]\n"
                               "  type = file\n"
                               "  path = /srv/labels.jsonl\n\n"
                               "`logclass config check --config FILE` says whether a file is valid. Signals: as for "
                               "`logclass serve`; HUP also opens\n"
                               "the files of sinks anew.\n";

int cmd_run_streams(int argc, char **argv) {
    static const struct daemon_role ROLE = {.command = CONF_RUN, .kind = API_STREAMS, .streams = true};
    if (cmd_help(argc, argv, USAGE, CONF_RUN, EXAMPLES)) return CMD_OK;
    struct err e = {0};
    return daemon_run(&ROLE, argc, argv, &e) ? CMD_OK : cmd_fail(&e);
}
