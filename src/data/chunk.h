/* chunk: records that travel together, with the memory they stand in: read, decided, written and acknowledged as one.
 */
#ifndef DATA_CHUNK_H
#define DATA_CHUNK_H

#include "base/arena.h"
#include "data/batch.h"

/* Of a line, the first CHUNK_LINE_MAX bytes count. */
enum { CHUNK_RECORDS = 4096, CHUNK_BYTES = 1 << 20, CHUNK_LINE_MAX = 65536 };

struct chunk {
    struct record rec[CHUNK_RECORDS];
    struct result res[CHUNK_RECORDS];
    struct place place[CHUNK_RECORDS]; /* zero-filled where the source does not say */
    struct batch batch;                /* over rec and res; batch.n is how many there are */
    char *text;                        /* CHUNK_BYTES; records point into it or into the arena */
    size_t text_n;
    struct arena arena; /* decoded strings */
    uint64_t seq;       /* number within its feed, from 1 on; the feed's */
};

void chunk_init(struct chunk *c); /* takes the memory, about 1.4 MB; untouched pages cost nothing */
void chunk_release(struct chunk *c);
void chunk_reset(struct chunk *c); /* no records, no text; keeps the memory */

/* Is there room for one more record whose source and message have so many bytes together? */
bool chunk_has_room(const struct chunk *c, size_t bytes);

/* Adds a record and copies source and message into the chunk's text. There must be room (chunk_has_room). */
void chunk_add(struct chunk *c, struct span source, struct span message);

#endif
