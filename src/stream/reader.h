/* reader: turns input into chunks of records. A record for every line, whatever it holds: empty, endless, not UTF-8. */
#ifndef STREAM_READER_H
#define STREAM_READER_H

#include "base/arena.h"
#include "data/batch.h"
#include "stream/input.h"

enum { READER_LINE_MAX = 65536, READER_CHUNK_LINES = 4096, READER_CHUNK_BYTES = 1 << 20 };

enum reader_format { READER_AUTO, READER_LINES, READER_JSONL, READER_CSV, READER_FORMAT_COUNT };

/* Records with the memory they stand in. Reused: reader_next overwrites it. */
struct chunk {
    struct record rec[READER_CHUNK_LINES];
    struct result res[READER_CHUNK_LINES];
    struct batch batch; /* over rec and res */
    char *text;         /* READER_CHUNK_BYTES */
    size_t text_n;
    struct arena arena; /* decoded strings */
    uint64_t position;  /* input_position after it */
};

void chunk_init(struct chunk *c);
void chunk_release(struct chunk *c);

struct reader;

struct reader_opts {
    enum reader_format format;
    struct span source; /* of plain lines */
};

/* Finds the format out where it is AUTO: a first line that is a JSON object means JSONL, one that is a CSV header with
 * a message column means CSV, anything else plain lines. A CSV header without a message column is an error when CSV was
 * asked for. The reader owns the input it opens. */
struct reader *reader_open(const char *path, const struct reader_opts *o, struct err *e);
void reader_close(struct reader *r); /* NULL is fine */

/* Fills c with the next records; c->batch.n == 0: the end. On false c still holds the records before the trouble.
 * Returns early with what there is when the input is a pipe that has no more for now. */
bool reader_next(struct reader *r, struct chunk *c, struct err *e);

enum reader_format reader_format(const struct reader *r);
const struct input *reader_input(const struct reader *r);

/* JSONL lines that were no object with a message; they were taken as plain lines. */
uint64_t reader_odd_lines(const struct reader *r);

/* "lines", "jsonl", "csv", "auto"; -1: none of them. */
int reader_format_find(const char *name);

#endif
