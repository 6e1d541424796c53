/* csv: RFC 4180 rows, read in place and written to a buffer. Line ends are LF or CRLF; a quoted field may hold both;
 * a quote inside it is doubled. Rows may come in pieces: what is not whole yet is left alone. */
#ifndef TEXT_CSV_H
#define TEXT_CSV_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

enum { CSV_FIELDS_MAX = 64 };

struct csv_row {
    struct span field[CSV_FIELDS_MAX]; /* point into the text that was read */
    unsigned n;
    unsigned lines; /* line ends the row used up, for line numbers in messages */
};

/* Reads the row at the front of text[n], removing quotes in place. `last`: no more bytes follow. Returns the bytes
 * used; 0: the row is not whole (read more and ask again; the bytes are untouched), or with `last` it is broken and e
 * is set. An empty line is a row of one empty field. */
size_t csv_read(char *text, size_t n, bool last, struct csv_row *row, struct err *e);

/* The same, but with another separator than a comma: ';' or a tab. */
size_t csv_read_by(char separator, char *text, size_t n, bool last, struct csv_row *row, struct err *e);

/* Index of the field equal to name (ASCII case is ignored); -1: none. A byte order mark before the first is skipped. */
int csv_find(const struct csv_row *row, const char *name);

/* Appends a field, in quotes where it needs them. The caller puts commas and line ends between. */
void csv_put(struct buf *out, struct span field);

/* The same for a text of others: as valid UTF-8 without NUL; and one that a spreadsheet would take for a formula gets a
 * ' before it. csv_text gives the text back. */
void csv_put_text(struct buf *out, struct span field);

/* A field as it was before csv_put_text, but for what was no UTF-8. */
struct span csv_text(struct span field);

#endif
