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
    unsigned columns; /* of the terminal, for the table; 0: do not cut */
    const struct engine *eng;
    struct engine_scratch scratch; /* for explanations; opened by writer_open when they are asked for */
};

bool writer_open(struct writer *w, struct err *e);
void writer_close(struct writer *w);

void writer_header(const struct writer *w, struct buf *out); /* the CSV header; nothing for the others */
void writer_record(struct writer *w, struct buf *out, const struct record *rec, const struct result *res);

/* "jsonl", "csv", "table"; -1: none of them. */
int writer_format_find(const char *name);

#endif
