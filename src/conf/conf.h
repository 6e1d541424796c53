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
    CONF_TOP = 128,
    CONF_ALL = 255,
    CONF_LIBRARY = 256 /* not among all: it has no command line, environment or log */
};

/* What a change of an option does when a running process takes it up. */
enum conf_reload { CONF_LIVE, CONF_NETWORK, CONF_START };

enum conf_option {
#define OPTION(field, ...) CONF_AT_##field,
#include "conf/conf.def"
    CONF_OPTIONS
};

struct conf {
#define OPTION(field, type, ...) CONF_TYPE_##type field;
#include "conf/conf.def"
    char *from[CONF_OPTIONS];     /* where the value is from: "FILE:3", "LOGCLASS_PORT", "--port"; NULL: the default */
    struct section_list sections; /* of the config file */
};

/* Fills c for one command. argv[1..] are options and operands; operands are moved to the front of argv[1..] and counted
 * in *operands. Errors name the option, where the value came from and what was expected. `--help` is for the caller. */
bool conf_load(struct conf *c, enum conf_command command, int argc, char **argv, int *operands, struct err *e);
void conf_release(struct conf *c);

/* Fills c with the defaults of `command` and with settings, "name=value" each, up to a NULL; NULL: none. Neither files
 * nor the environment are looked at. c is to be released in any case. */
bool conf_load_settings(struct conf *c, enum conf_command command, const char *const *setting, struct err *e);

enum { CONF_FILE_BYTES_MAX = 1 << 20, CONF_VALUE_BYTES_MAX = 4096 };

/* Sets what a config file's text says. from: its name, for errors. */
bool conf_read(struct conf *c, struct span text, const char *from, struct err *e);

/* Sets one option by its name ("memo-entries" or "memo_entries"); from: "FILE:3", "--flag". */
bool conf_set(struct conf *c, const char *name, const char *value, const char *from, struct err *e);

/* The first option, from number `from` on, with this reload behaviour whose values differ; -1: there is none. */
int conf_changed(const struct conf *a, const struct conf *b, enum conf_reload reload, int from);
const char *conf_name(int option); /* its field's name */

/* The number-th LOGCLASS_ variable of the environment that is no option; NULL: there is none. Into text[size]. */
const char *conf_unknown_env(unsigned number, char *text, size_t size);

/* The options part of a help text, in groups, for a terminal of so many columns. SHORT (-h): what people type; LONG
 * (--help): what they set; ALL (--help-all): also what hardly anybody sets. */
enum conf_help_length { CONF_HELP_SHORT, CONF_HELP_LONG, CONF_HELP_ALL };
struct conf_help_opts {
    enum conf_command command;
    enum conf_help_length length;
    unsigned columns;
};
void conf_help(struct buf *out, const struct conf_help_opts *o);

/* The values in force, as a config file, each with where it is from. note: what else to say of an option, by its
 * field's name, for people; NULL: nothing. A value that a line of a file can't hold (with " ;", a newline, or too long)
 * is a comment. */
typedef const char *conf_note(void *self, const char *name);
void conf_show(struct buf *out, const struct conf *c, conf_note *note, void *self);
void conf_doc(struct buf *out); /* docs/configuration.md */

#endif
