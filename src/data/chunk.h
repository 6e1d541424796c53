/* chunk: records that travel together, with the memory they stand in: read, decided, written and acknowledged as one.
 */
#ifndef DATA_CHUNK_H
#define DATA_CHUNK_H

#include "base/arena.h"
#include "data/batch.h"
#include "text/rfc3339.h"

/* Of a line, the first CHUNK_LINE_MAX bytes count. */
enum { CHUNK_RECORDS = 4096, CHUNK_BYTES = 1 << 20, CHUNK_LINE_MAX = 65536 };

struct attr {
    struct span key, value;
};

/* What stands around the records of an OTLP request: a ResourceLogs and a ScopeLogs on the wire, without the ScopeLogs
 * and records in them. */
struct otlp_scope {
    struct span resource_logs, scope_logs;
};

/* Where a record comes from, as far as it was told: what a sink may write beside the answer. Spans lie in the chunk. */
struct origin {
    struct span body; /* the whole event, where rec.message is only the part that is judged; p == NULL: the same */
    struct span raw;  /* the JSON object that the message was taken out of; p == NULL: none */
    struct span host, file;
    struct span time; /* as it was written: RFC 3339; empty: it was not told, or as a number */
    uint64_t time_ns; /* since the epoch, where it was told as a number; else 0 */
    struct span otlp; /* the LogRecord on the wire; p == NULL: it did not come as one */
    const struct otlp_scope *scope;
    struct span key;           /* of the message that it was; p == NULL: none */
    const struct attr *header; /* that stood beside it */
    uint32_t header_n;
    const struct attr *attr;
    uint32_t attr_n;
    uint32_t stream_n; /* the first of attr are the labels of a Loki stream */
    uint64_t place;    /* byte in the file */
    uint8_t severity;  /* 1 + syslog's (1: emergency, 8: debug); 0: not told */
    bool truncated;    /* it was longer */
    bool answered;     /* otlp has attributes under our names */
};

struct chunk {
    struct record rec[CHUNK_RECORDS];
    struct result res[CHUNK_RECORDS];
    struct place place[CHUNK_RECORDS]; /* zero-filled where the source does not say */
    struct batch batch;                /* over rec and res; batch.n is how many there are */
    char *text;                        /* CHUNK_BYTES; records point into it or into the arena */
    size_t text_n;
    struct arena arena;         /* decoded strings */
    uint64_t seq;               /* number within its feed, from 1 on; the feed's */
    struct origin *origin;      /* [batch.n]; NULL: this source tells none */
    struct origin *origin_room; /* chunk_want_origins's, kept */
};

/* When it was, in either form. Text is made in `room` where it came as a number; empty or 0: not told, or no time. */
struct span chunk_time(const struct origin *o, char room[RFC3339_BYTES]);
uint64_t chunk_time_ns(const struct origin *o);

void chunk_init(struct chunk *c); /* takes the memory, about 1.4 MB; untouched pages cost nothing */
void chunk_release(struct chunk *c);
void chunk_reset(struct chunk *c); /* no records, no text; keeps the memory */

/* Is there room for one more record whose source and message have so many bytes together? */
bool chunk_has_room(const struct chunk *c, size_t bytes);

/* For sources that tell origins, before the first record of a chunk. */
void chunk_want_origins(struct chunk *c);

/* Adds a record that points to what lies in the chunk already; returns its origin, empty, in a chunk that has such;
 * else NULL. There must be room for one. */
struct origin *chunk_point(struct chunk *c, struct span source, struct span message);

/* Adds a record and copies source and message into the chunk's text. There must be room (chunk_has_room). */
void chunk_add(struct chunk *c, struct span source, struct span message);

#endif
