/* reader: turns input into chunks of records. A record for every line, whatever it holds: empty, endless, not UTF-8. */
#ifndef STREAM_READER_H
#define STREAM_READER_H

#include "data/chunk.h"
#include "stream/input.h"

enum reader_format { READER_AUTO, READER_LINES, READER_JSONL, READER_CSV, READER_FORMAT_COUNT };

struct reader;

struct reader_opts {
    enum reader_format format;
    struct span source; /* of plain lines */
    bool binary;        /* read what is no text, too */
    bool join;          /* lines that go on what is before them (stack traces) are one record with it */
    const char *message_key, *source_key; /* fields and columns before those of data/field.def; NULL or "": none */
    bool origins;                         /* tell what each record was taken out of (struct origin) */
};

/* Opens the file; reads nothing yet. The format, where it is AUTO, is told by the first line that is not blank: a JSON
 * object means JSONL, a CSV header with a message column means CSV, anything else plain lines. */
struct reader *reader_open(const char *path, const struct reader_opts *o, struct err *e);
void reader_close(struct reader *r); /* NULL is fine */

/* Fills c, whatever it held, with the next records. Of a pipe or terminal it gives what there is, waits at most wait_ms
 * for the first line, and may give none. False: the input is broken, or CSV was asked for and the header has no message
 * column; c still holds the records before the trouble, and the reader has ended. */
bool reader_next(struct reader *r, struct chunk *c, int wait_ms, struct err *e);
bool reader_is_ended(const struct reader *r); /* reader_next has given everything */

const struct input *reader_input(const struct reader *r);

/* JSON lines that hold no object with a message; they were taken as plain lines. */
uint64_t reader_odd_lines(const struct reader *r);

/* "lines", "jsonl", "csv", "auto"; -1: none of them. */
int reader_format_find(const char *name);

#endif
