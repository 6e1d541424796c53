/* options: a command's options, loaded and, for the log, already in force. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "conf/conf.h"

/* conf_load, and the log set up as the options say. c is released (conf_release) by the caller in any case. */
bool options_load(struct conf *c, enum conf_command command, int argc, char **argv, int *operands, struct err *e);

/* What this instance is called: as configured, or as its host. */
enum { OPTIONS_INSTANCE_MAX = 64 };
void options_instance(const struct conf *c, char name[OPTIONS_INSTANCE_MAX]);

/* Sets the log up as c says. */
void options_apply_log(const struct conf *c);

#endif
