/* writer_table: answers as a table for people, made for terminals of 80 columns and of 200. */
#ifndef STREAM_WRITER_TABLE_H
#define STREAM_WRITER_TABLE_H

#include "stream/writer.h"

void writer_table_header(const struct writer *w, struct buf *out);
void writer_table_record(struct writer *w, struct buf *out, const struct batch *b, uint32_t i);

/* "\033[1;31m": how a label stands out, by how urgent it is; "" for those of one's own. */
const char *writer_table_colour(const char *label_id, enum reason reason);

/* Appends s for the eye: control characters, which would move the cursor or change the terminal, become spaces. At most
 * `columns` columns wide (0: no limit); returns the bytes of s that were shown, and the columns in *used. */
size_t writer_table_text(struct buf *out, struct span s, size_t columns, size_t *used);

#endif
