/* reader_csv: CSV with a header → records. The message column is "log_message" (or "message", "msg", "log", "text"),
 * the optional source column "source" (or "logger", "program", "service"); all names stand in
 * data/field.def. Fields are separated by ',', ';' or tabs, as the header has it. */
#ifndef STREAM_READER_CSV_H
#define STREAM_READER_CSV_H

#include "base/err.h"
#include "stream/reader.h"

struct reader_csv {
    const char *path;                     /* for errors */
    const char *message_key, *source_key; /* columns looked for first; NULL or "": none */
    char separator;
    int message, source; /* columns; source -1: none */
    uint64_t line;       /* of the row that comes next */
};

/* Is this line a CSV header with a message column (and more than it alone, so that a plain "message" line is none)?
 * message_key: another name of that column; NULL or "": none. */
bool reader_csv_is_header(struct span line, const char *message_key);

/* Takes the header off the front of text[n]; *used: its bytes. A missing message column is an error that lists the
 * columns. */
bool reader_csv_open(struct reader_csv *r, const char *path, char *text, size_t n, size_t *used, struct err *e);

struct reader_csv_end {
    uint32_t records; /* at most so many in the chunk */
    bool last;        /* no more bytes follow */
};

/* Makes records of the whole rows in c->text[*from..]; *from moves behind the last one taken. */
bool reader_csv_split(struct reader_csv *r, struct chunk *c, size_t *from, const struct reader_csv_end *end,
                      struct err *e);

#endif
