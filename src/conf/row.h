/* row: one setting of a table (conf.def, section.def): its name, its type, and a value read into the struct that the
 * table makes. Names are fields' names, words joined by '_'; people may write '-'. */
#ifndef CONF_ROW_H
#define CONF_ROW_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>

enum row_type { ROW_TITLE, TEXT, ENUM, INT, FLOAT, BOOL, LIST };
enum row_show { COMMON, ADVANCED };
enum { ROW_NAME_BYTES = 64, ROW_LIST_BYTES_MAX = 1 << 16 };

struct option_row {
    const char *name; /* the field; of a ROW_TITLE, the title */
    enum row_type type;
    const char *preset;
    double min, max;
    const char *unit;
    unsigned commands; /* or kinds of sections */
    enum row_show show;
    enum conf_reload reload;
    const char *help;
    size_t offset; /* in the struct */
};

bool row_is_named(const struct option_row *r, const char *name, size_t n);
const char *row_flag(const struct option_row *r, char out[ROW_NAME_BYTES]); /* with '-' */

/* Reads value into the struct at base. from: where it stands, for errors. */
bool row_assign(void *base, const struct option_row *r, const char *value, const char *from, struct err *e);

/* Adds value to a LIST that has some already. */
bool row_append(void *base, const struct option_row *r, const char *value, const char *from, struct err *e);

void row_release(void *base, const struct option_row *r); /* frees what row_assign took */
bool row_has_same(const void *a, const void *b, const struct option_row *r);

/* "; help" and "name = value", as a config file has it; a comment in its place where a line can't hold the value. */
void row_show(struct buf *out, const void *base, const struct option_row *r);

/* A line of a section's part of a --help text; preset: the default to name. */
void row_help(struct buf *out, const struct option_row *r, const char *preset);

/* "1 to 65536 bytes", for a table in Markdown. */
void row_range(struct buf *out, const struct option_row *r);

#endif
