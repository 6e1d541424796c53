/* record_json: JSON text → records, of a request's body, of one line of a stream, of one line of a file. Unknown fields
 * are ignored, of duplicate keys the last wins, text behind the value is an error, invalid UTF-8 and lone surrogates
 * become U+FFFD. Names of fields: data/field.def. */
#ifndef DATA_RECORD_JSON_H
#define DATA_RECORD_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "data/batch.h"
#include "base/err.h"

/* What can be wrong with a text; err says it in words. */
enum record_json_trouble {
    RECORD_JSON_OK,
    RECORD_JSON_MALFORMED,
    RECORD_JSON_DEPTH,
    RECORD_JSON_ENTRIES,
    RECORD_JSON_LINE_BYTES,
    RECORD_JSON_MEMORY,
};

struct record_json_limits {
    unsigned entries_max, depth_max;
    size_t line_bytes_max; /* of a source or log_message */
};

/* The parser's memory, kept from text to text. One thread. */
struct record_json_reader {
    struct yyjson_alc *memory;
    uint64_t without_message; /* entries read so far that had none under any name */
};

bool record_json_reader_init(struct record_json_reader *r); /* false: out of memory */
void record_json_reader_release(struct record_json_reader *r);

/* Reads an array of entries, objects with log_message and source, into b->rec[b->n], allocated in the arena, as is
 * b->res. The strings lie in text, which is changed; its cap must allow three times its length and a little (repaired
 * UTF-8). An entry without log_message may call it by another name, if the value is a string; one without any has the
 * message "". Anything but RECORD_JSON_OK: e says what is wrong and where (byte offset, or [index].field). */
enum record_json_trouble record_json_read_array(struct record_json_reader *r, const struct record_json_limits *lim,
                                                struct buf *text, struct arena *a, struct batch *b, struct err *e);

/* Reads the described services' question, {"message": "…"}, into b->rec[0]. An optional "source" is taken, too. The
 * rest is as in record_json_read_array. */
enum record_json_trouble record_json_read_question(struct record_json_reader *r, const struct record_json_limits *lim,
                                                   struct buf *text, struct arena *a, struct batch *b, struct err *e);

/* Halves of surrogate pairs that are escaped in strings become \ufffd in place; all else is left alone. The parser
 * refuses them. */
void record_json_mend(char *text, size_t n);

/* Reads one entry of an NDJSON text; its strings are in the arena. */
enum record_json_trouble record_json_read_line(struct record_json_reader *r, const struct record_json_limits *lim,
                                               struct span line, struct arena *a, struct record *rec, struct err *e);

#endif
