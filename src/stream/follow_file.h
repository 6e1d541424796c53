/* follow_file: one file that is followed: who it is, how far it is read, and the reading itself.
 *
 * Who it is: device, inode and birth time, for inode numbers are given anew as soon as they are free. Where the file
 * system tells no birth time, and for copies, the hash of its first bytes (the head) decides. That what lies before our
 * place is still what we read is seen by the bytes before it (the tail): they are read and compared with each turn, so
 * that a file which was cut and written anew beyond our place is noticed. */
#ifndef STREAM_FOLLOW_FILE_H
#define STREAM_FOLLOW_FILE_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    FOLLOW_HEAD_MAX = 1024,
    FOLLOW_TAIL_MAX = 256,
    FOLLOW_TURN_BYTES = 256 << 10 /* what one file may read before the others have their turn */
};

struct input;

struct follow_id {
    uint64_t dev, ino, born; /* born: ns since the epoch; 0: not known */
};

struct follow_hash {
    uint64_t hash; /* XXH3-64 */
    uint32_t n;    /* of so many bytes */
};

/* A place in a file, as it is kept from one run to the next. */
struct follow_place {
    uint64_t at;             /* behind the newline of the last line that was taken */
    struct follow_hash mark; /* of the bytes before it, at most FOLLOW_TAIL_MAX */
    bool skipping;           /* inside a line that was cut, whose rest is passed over */

    /* Of containers: stdout and stderr are joined to events of their own, and `at` is the lesser place. Lines of a
     * stream before its own place were taken. */
    uint64_t stream_at[2];
};

enum follow_state {
    FOLLOW_ORPHAN,  /* of a checkpoint; not found yet */
    FOLLOW_LIVE,    /* a path of ours leads to it */
    FOLLOW_ROTATED, /* it was renamed, replaced or deleted: read to its end, then let go */
};

enum { FOLLOW_BY_PATH, FOLLOW_BY_NAME, FOLLOW_BY_ID, FOLLOW_INDICES };

struct follow_file {
    char *name; /* under which it is followed; what its lines are said to come from */
    char *path; /* where it is now, as far as we know */
    struct follow_id id;
    enum follow_state state;
    int fd;           /* -1: closed */
    struct input *in; /* instead, of a compressed one */
    char *carry;      /* of a compressed one: what was decoded and is not taken, and the tail */
    size_t carry_n;
    uint64_t carry_at;

    struct follow_hash head;
    uint64_t at, stream_at[2];
    bool skipping;
    enum { FOLLOW_FORM_UNKNOWN, FOLLOW_FORM_PLAIN, FOLLOW_FORM_CONTAINER } form; /* of its lines */
    struct follow_attrs *attrs;                                                  /* of a container's; its own */
    char tail[FOLLOW_TAIL_MAX];
    uint32_t tail_n;
    bool checked;             /* the tail is what stands there; a place out of a checkpoint is not, yet */
    struct follow_hash mark;  /* instead of the tail, until then */
    struct follow_place safe; /* up to here everything is settled */
    uint64_t size;            /* when it was last looked at */
    int64_t seen_s; /* since the epoch: of an orphan, when its row was written; of one that was found, its last write */
    uint64_t changed_ns; /* when it last grew, or we began */

    struct follow_file *after;                 /* is read first: the generation before it; follow_set_chain */
    struct follow_file *waiters, *next_waiter; /* those whose `after` this is */
    bool may_be_copy;                          /* looks like what copytruncate makes of a live one */
    bool kept;                                 /* the checkpoint had a row of it */
    unsigned out;                              /* chunks under way that hold lines of it */
    bool was_cut;                              /* and nothing was read since: there may have been further cuts */
    int64_t cut_since_ns;                      /* when the newest of its copies was written, then */
    struct follow_hash cut_head;               /* of what was cut, where its copy was not found; n == 0: it was */
    struct follow_place cut_place;
    bool at_end;    /* there was nothing more at the last turn */
    bool partial;   /* and what is left is a line without its end */
    bool lost;      /* it is nowhere, and said to be */
    bool is_queued; /* waits for a turn */
    bool wakes;     /* wants a turn at a given time, although it has no news */
    struct follow_file *next_queued;

    uint64_t scan; /* the last scan that saw it */

    /* follow_set's */
    struct follow_file *all_next, *all_prev, *index_next[FOLLOW_INDICES];
    struct follow_file *used_next, *used_prev; /* of those that are open */
    bool is_used;
    uint64_t key[FOLLOW_INDICES];
};

/* Who the file at the path (fd < 0) or behind the descriptor is, and its size. False: there is none, or it is no
 * regular file; errno says why. */
bool follow_look(int fd, const char *path, struct follow_id *id, uint64_t *size, int64_t *mtime_s);

static inline bool follow_id_is_same(struct follow_id a, struct follow_id b) {
    return a.dev == b.dev && a.ino == b.ino && a.born == b.born;
}

/* Opens it, if it is not open, and makes sure that it is the one that we mean. False: it is not there any more. */
bool follow_file_open(struct follow_file *f, struct err *e);
void follow_file_shut(struct follow_file *f); /* closes what is open; it may be opened again */

/* The hash of the first n bytes of what the descriptor holds; n: at most FOLLOW_HEAD_MAX, fewer where it is shorter. */
struct follow_hash follow_head(int fd, uint32_t n);

enum follow_read {
    FOLLOW_READ_OK,      /* *got bytes from f->at on; 0: the end, for now */
    FOLLOW_READ_CHANGED, /* what lies before f->at is not what we read: the file was cut, or written anew */
    FOLLOW_READ_BROKEN,  /* it can't be read: e */
};

/* Reads up to room bytes at f->at into to, which has FOLLOW_TAIL_MAX bytes of room more in front of it. */
enum follow_read follow_file_read(struct follow_file *f, char *to, size_t room, size_t *got, struct err *e);

/* f->at moves behind the first n bytes that were read to `to`. */
void follow_file_take(struct follow_file *f, const char *to, size_t n);

struct follow_place follow_file_place(const struct follow_file *f);

/* From the beginning again. */
void follow_file_rewind(struct follow_file *f);

/* Everything up to the end counts as read. */
void follow_file_skip_to_end(struct follow_file *f);

/* Do the file at the path, which may be compressed, and the text have the same first bytes, as far as both have any,
 * FOLLOW_HEAD_MAX at most? An empty file is a copy that is about to be made. */
bool follow_file_begins_like(const char *path, struct span text);

/* Is the file at the path the one whose first and whose last read bytes are these? It may be compressed. *size: how
 * many bytes it has, decompressed, beyond the place. For finding a rotated file again. */
bool follow_file_is_copy(const char *path, struct follow_hash head, const struct follow_place *place);

#endif
