/* cmd: the subcommands. Each takes its own argv (argv[0] is its name) and returns the exit status. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/err.h"
#include "conf/conf.h"
#include "pipeline/engine.h"

enum { CMD_OK = 0, CMD_FAILED = 1, CMD_USAGE = 2, CMD_INTERRUPTED = 130 };

int cmd_run(int argc, char **argv);

#define COMMAND(name, function, group, line) int function(int argc, char **argv);
#include "cmd/cmd.def"
#undef COMMAND

int cmd_llm_local(int argc, char **argv); /* of cmd_llm */
int cmd_llm_probe(int argc, char **argv); /* of cmd_llm */

/* ---- what commands share ---- */

/* "logclass: <message>" on stderr; the exit status for it. */
int cmd_fail(const struct err *e);

/* True when argv asks for help (--help, -h or "help"); prints usage, the options of conf.def for `command` (0: none),
 * and `more`. */
bool cmd_help(int argc, char **argv, const char *usage, enum conf_command command, const char *more);

/* Sets the log up as c asks; false: the level is none. */
bool cmd_log(const struct conf *c);

/* conf_load and cmd_log in one. */
bool cmd_conf(struct conf *c, enum conf_command command, int argc, char **argv, int *operands, struct err *e);

/* Where shipped files are: $LOGCLASS_DATA_DIR, or beside the program: PREFIX/share/logclass, or the source tree.
 * Writes the path of `name` ("rules.conf", "head.json", "model") and returns out; false: there is none. */
bool cmd_data_path(const char *name, char *out, size_t size);

/* The engine that the options describe; shipped files fill what they leave empty, and a head that was learnt here
 * (logclass learn) comes before the shipped one. */
struct engine *cmd_engine(const struct conf *c, struct err *e);

#endif
