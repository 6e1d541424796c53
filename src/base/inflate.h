/* inflate: the decoder of compressed input, for files and for request bodies: gzip (RFC 1952) and zstd (RFC 8878), and
 * for files also xz and bzip2; a piece at a time, so that memory stays bounded however much the data grows. Several
 * members, frames or streams in a row are one text, as `gzip -d` and its kin read them. */
#ifndef BASE_INFLATE_H
#define BASE_INFLATE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>

enum inflate_format { INFLATE_PLAIN, INFLATE_GZIP, INFLATE_ZSTD, INFLATE_XZ, INFLATE_BZIP2, INFLATE_FORMATS };

enum {
    INFLATE_MAGIC_BYTES = 10, /* how many of the first bytes inflate_detect looks at */

    /* The largest window a zstd frame may ask for, as a power of two: it is memory that the sender decides about. */
    INFLATE_WINDOW_LOG_NETWORK = 23, /* 8 MiB: what RFC 8878, 3.1.1.1.2 recommends every decoder to support */
    INFLATE_WINDOW_LOG_FILE = 27,    /* 128 MiB: what zstd itself accepts without an option */
};

/* The format that the first bytes of a text name; INFLATE_PLAIN where they name none. Fewer than INFLATE_MAGIC_BYTES
 * are fine at the end of a short text. */
enum inflate_format inflate_detect(struct span first_bytes);

/* Could these few bytes, with others behind them, become a text that inflate_detect knows? */
bool inflate_may_begin(struct span first_bytes);

struct inflate;

/* A decoder; one thread at a time. INFLATE_PLAIN copies. NULL: out of memory. */
struct inflate *inflate_open(enum inflate_format format, unsigned zstd_window_log_max);
size_t inflate_memory(const struct inflate *d); /* bytes it holds now; of gzip and zstd, which requests may use */
void inflate_close(struct inflate *d);          /* NULL is fine */

/* Decodes from the front of *in into to[room], until *in is used up or the room is full; *got: bytes written. What is
 * left in *in comes again with the next call. *got < room: everything that the input so far holds has been written.
 * False with ERR_INPUT: the data is damaged, at the place where *in now begins (the message does not name the place);
 * what was decoded before is good. */
bool inflate_read(struct inflate *d, struct span *in, char *to, size_t room, size_t *got, struct err *e);

/* The same, but appends to out, at most bytes_max bytes. False with ERR_MEMORY: out has no room for them. */
bool inflate_append(struct inflate *d, struct span *in, struct buf *out, size_t bytes_max, struct err *e);

/* True between members or frames (and before the first): the text may end here. False: it is cut short. */
bool inflate_is_whole(const struct inflate *d);

#endif
