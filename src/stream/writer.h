/* writer: results as text: JSON lines, CSV or a table for people. */
#ifndef STREAM_WRITER_H
#define STREAM_WRITER_H

#include "base/buf.h"
#include "data/batch.h"
#include "data/label.h"
#include "pipeline/engine.h"

enum writer_format { WRITER_JSONL, WRITER_CSV, WRITER_TABLE, WRITER_FORMAT_COUNT };

struct writer {
    enum writer_format format;
    bool with_message, explain, colour;
    unsigned columns;              /* of the terminal, for the table; 0: do not cut */
    struct engine *eng;            /* the writer's: what scratch belongs to; a reference */
    struct engine_scratch scratch; /* the writer's, for explanations */
};

void writer_close(struct writer *w);

void writer_header(const struct writer *w, struct buf *out); /* the CSV header; nothing for the others */

/* Record i of a batch, which is pinned: its engine names the labels. Memory for explanations is taken anew when the
 * engine is another than before. */
void writer_record(struct writer *w, struct buf *out, const struct batch *b, uint32_t i);

/* "jsonl", "csv", "table"; -1: none of them. */
int writer_format_find(const char *name);

#endif
