/* reader_csv: CSV with a header → records. The message column is "log_message" (or "message", "msg", "log", "text"),
 * the optional source column "source" (or "logger", "program", "service"). */
#ifndef STREAM_READER_CSV_H
#define STREAM_READER_CSV_H

#include "base/err.h"
#include "stream/reader.h"

struct reader_csv {
    const char *path;    /* for errors */
    int message, source; /* columns; source -1: none */
    uint64_t line;       /* of the row that comes next */
};

/* Is this line a CSV header with a message column (and more than it alone, so that a plain "message" line is none)? */
bool reader_csv_is_header(struct span line);

/* Takes the header off the front of text[n]; *used: its bytes. A missing message column is an error that lists the
 * columns. */
bool reader_csv_open(struct reader_csv *r, const char *path, char *text, size_t n, size_t *used, struct err *e);

/* Makes records of the whole rows in c->text[*from..] until the chunk is full; *from moves behind the last one taken.
 * `last`: no more bytes follow. */
bool reader_csv_split(struct reader_csv *r, struct chunk *c, size_t *from, bool last, struct err *e);

#endif
