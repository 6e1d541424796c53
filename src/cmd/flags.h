/* flags: the options of commands that have their own (train, eval, corpus), as a table: parsing and --help come from
 * it. Both "--name value" and "--name=value" are taken; operands may stand between options. */
#ifndef CMD_FLAGS_H
#define CMD_FLAGS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum flag_kind {
    FLAG_TRUE,     /* to: bool, becomes true */
    FLAG_FALSE,    /* to: bool, becomes false */
    FLAG_TEXT,     /* to: const char * */
    FLAG_INT,      /* to: unsigned, min..max */
    FLAG_FLOAT,    /* to: double, min..max */
    FLAG_FRACTION, /* to: double, 0..1, also written as "5%" */
};

struct flag {
    const char *name; /* without "--" */
    enum flag_kind kind;
    void *to;
    double min, max;
    const char *value; /* what to call its value in --help; NULL: none */
    const char *help;
};

/* Sets what the flags say. Operands are moved to the front of argv[1..] and counted. Errors name the flag. */
bool flags_parse(const struct flag *flag, size_t n, int argc, char **argv, int *operands, struct err *e);

void flags_help(const struct flag *flag, size_t n, struct buf *out);

/* True when argv asks for help; prints text, the flags and `more`. */
bool flags_show_help(int argc, char **argv, const char *text, const struct flag *flag, size_t n, const char *more);

#endif
