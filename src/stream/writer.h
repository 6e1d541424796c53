/* writer: results as text: JSON lines, CSV, LABEL<tab>line, or a table for people. */
#ifndef STREAM_WRITER_H
#define STREAM_WRITER_H

#include "base/buf.h"
#include "data/batch.h"
#include "data/label.h"
#include "pipeline/engine.h"
#include "pipeline/explain.h"
#include "stream/writer_filter.h"

enum writer_format { WRITER_JSONL, WRITER_CSV, WRITER_TSV, WRITER_TABLE, WRITER_FORMAT_COUNT };

struct writer {
    enum writer_format format;
    bool with_message; /* source, message and place beside the answer */
    bool with_file;    /* and the file: there are several */
    bool explain, severity;
    unsigned top;             /* so many of the likeliest labels; 0: none */
    const char *merge_prefix; /* JSON objects as they came, the answer added under such names; NULL: answers alone */
    bool colour, wrap;        /* tables */
    unsigned columns;         /* of the terminal, for the table; 0: do not cut */
    struct writer_filter filter;
    struct engine *eng;            /* the writer's: what scratch belongs to; a reference */
    struct engine_scratch scratch; /* the writer's, for explanations */
};

void writer_close(struct writer *w);

/* The CSV header, or a table's; nothing for the others. */
void writer_header(const struct writer *w, struct buf *out);

/* Record i of a batch, which is pinned: its engine names the labels. Memory for explanations is taken anew when the
 * engine is another than before. False: the filter leaves it out. */
bool writer_record(struct writer *w, struct buf *out, const struct batch *b, uint32_t i);

/* "jsonl", "csv", "tsv", "table"; -1: none of them. */
int writer_format_find(const char *name);

#endif
