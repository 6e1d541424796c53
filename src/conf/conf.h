/* conf: every option of the program. Where a value comes from: defaults < config file < environment < command line. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "conf/section.h"

#include <stdbool.h>

enum conf_command {
    CONF_CLASSIFY = 1,
    CONF_SERVE = 2,
    CONF_SERVICE_BERT = 4,
    CONF_SERVICE_LLM = 8,
    CONF_BENCH = 16,
    CONF_FOLLOW = 32,
    CONF_RUN = 64,
    CONF_ALL = 127
};

/* What a change of an option does when a running process takes it up. */
enum conf_reload { CONF_LIVE, CONF_NETWORK, CONF_START };

struct conf {
#define OPTION(field, type, ...) CONF_TYPE_##type field;
#include "conf/conf.def"
    struct section_list sections; /* of the config file */
};

/* Fills c for one command. argv[1..] are options and operands; operands are moved to the front of argv[1..] and counted
 * in *operands. Errors name the option, where the value came from and what was expected. `--help` is for the caller. */
bool conf_load(struct conf *c, enum conf_command command, int argc, char **argv, int *operands, struct err *e);
void conf_release(struct conf *c);

enum { CONF_FILE_BYTES_MAX = 1 << 20, CONF_VALUE_BYTES_MAX = 4096 };

/* Sets what a config file's text says. from: its name, for errors. */
bool conf_read(struct conf *c, struct span text, const char *from, struct err *e);

/* Sets one option by its name ("memo-entries" or "memo_entries"); from: "FILE:3", "--flag". */
bool conf_set(struct conf *c, const char *name, const char *value, const char *from, struct err *e);

/* The first option, from number `from` on, with this reload behaviour whose values differ; -1: there is none. */
int conf_changed(const struct conf *a, const struct conf *b, enum conf_reload reload, int from);
const char *conf_name(int option); /* its field's name */

/* The options part of a --help text, in groups; all: also those that hardly anybody sets. */
void conf_help(struct buf *out, enum conf_command command, bool all);
void conf_show(struct buf *out, const struct conf *c); /* the values in force, as a config file; see below */
/* conf_show writes a comment instead of a value that a line of a file can't hold (with " ;", a newline, or too long).
 */
void conf_doc(struct buf *out); /* docs/configuration.md */

#endif
