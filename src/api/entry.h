/* entry: the JSON text of a request → records. Unknown fields are ignored, a missing source or log_message is "", of
 * duplicate keys the last wins, text behind the value is an error, invalid UTF-8 and lone surrogates become U+FFFD. */
#ifndef API_ENTRY_H
#define API_ENTRY_H

#include "base/arena.h"
#include "base/buf.h"
#include "data/batch.h"
#include "http/refuse.h"

struct entry_limits {
    unsigned entries_max, depth_max;
    size_t line_bytes_max; /* of a source or log_message */
};

/* The parser's memory, kept from text to text. One thread. */
struct entry_reader {
    struct yyjson_alc *memory;
};

bool entry_reader_init(struct entry_reader *r); /* false: out of memory */
void entry_reader_release(struct entry_reader *r);

/* Reads an array of entries into b->rec[b->n], allocated in the arena, as is b->res. The strings lie in text, which is
 * changed; its cap must allow three times its length and a little (repaired UTF-8). Anything but REFUSE_NONE: e says
 * what is wrong and where (byte offset, or [index].field). */
enum refusal entry_read_array(struct entry_reader *r, const struct entry_limits *lim, struct buf *text, struct arena *a,
                              struct batch *b, struct err *e);

/* Reads the described services' question, {"message": "…"}, into b->rec[0]. An optional "source" is taken, too. The
 * rest is as in entry_read_array. */
enum refusal entry_read_question(struct entry_reader *r, const struct entry_limits *lim, struct buf *text,
                                 struct arena *a, struct batch *b, struct err *e);

/* Reads one entry of an NDJSON text; its strings are in the arena. */
enum refusal entry_read_line(struct entry_reader *r, const struct entry_limits *lim, struct span line, struct arena *a,
                             struct record *rec, struct err *e);

#endif
