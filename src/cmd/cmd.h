/* cmd: the subcommands. Each takes its own argv (argv[0] is its name) and returns the exit status. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/err.h"
#include "conf/conf.h"

enum { CMD_OK = 0, CMD_FAILED = 1, CMD_USAGE = 2, CMD_CONFIG = 78 /* sysexits.h: EX_CONFIG */, CMD_INTERRUPTED = 130 };

int cmd_run(int argc, char **argv);

#define COMMAND(name, function, group, line) int function(int argc, char **argv);
#include "cmd/cmd.def"
#undef COMMAND

/* ---- what commands share ---- */

/* "logclass: <message>" on stderr; the exit status for it. */
int cmd_fail(const struct err *e);

/* Writes text that people read to stdout, its lines no wider than the terminal. */
void cmd_print(const char *text);

/* Columns of the terminal that help is written to, within reason. */
unsigned cmd_columns(void);

/* True when argv asks for help (-h, --help, --help-all); prints usage, the options of conf.def for `command` (0: none),
 * and `more`. */
bool cmd_help(int argc, char **argv, const char *usage, enum conf_command command, const char *more);

#endif
