/* reader_json: one line of JSON Lines → record. */
#ifndef STREAM_READER_JSON_H
#define STREAM_READER_JSON_H

#include "base/arena.h"
#include "data/batch.h"

struct reader_json {
    void *pool; /* the parser's memory: fixed, reused for each line */
    size_t pool_bytes;
    char *mended;                         /* [CHUNK_LINE_MAX]: a line that the parser would refuse as it stands */
    const char *message_key, *source_key; /* looked for first; NULL or "": none */
};

void reader_json_init(struct reader_json *j);
void reader_json_release(struct reader_json *j);

bool reader_json_is_object(struct reader_json *j, struct span line);

/* Takes message, source and severity out of the object, by the names of data/field.def; strings are copied to the
 * arena. False: no object or no message in it, or no memory; rec and at are as they were. */
bool reader_json_line(struct reader_json *j, struct arena *a, struct span line, struct record *rec, struct place *at);

#endif
