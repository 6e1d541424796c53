/* shared_log: one log of corrections for several instances. One instance is the desk, and its log is the order in which
 * things were said. The log of each other one follows it: it holds the desk's records as they stand there, with the
 * desk's numbers, and behind them what was said here and the desk does not have yet, with numbers of its own. So every
 * log that has caught up says the same.
 *
 * A record that comes to the desk from elsewhere gets the desk's next number and names where it came from, so that it
 * is taken once however often it is sent. Where the desk has a later word about the same, it is kept as lost. */
#ifndef REVIEW_SHARED_LOG_H
#define REVIEW_SHARED_LOG_H

#include "review/corrections.h"

enum {
    SHARED_LINES_MAX = 500,        /* records in one request */
    SHARED_LINE_BYTES_MAX = 65536, /* of one of them */
    SHARED_BYTES_MAX = 512 << 10,  /* of all of them */
    SHARED_NAME_MAX = 64,          /* of an instance, with the NUL */
};

/* ---- the desk ---- */

/* What an instance sends: lines of its log. */
struct shared_sent {
    uint64_t log;     /* what its log is called */
    struct span name; /* the instance's */
    int64_t skew_s;   /* how far the clock here is before the one there */
    struct span lines;
};

struct shared_taken {
    unsigned taken, repeated, lost; /* lost: of those that were taken */
};

/* Writes them to the desk's log; on disk when it returns. ERR_INPUT: they are no such records; ERR_USAGE: the log here
 * follows another desk's. */
bool shared_take(const char *path, const struct shared_sent *s, struct shared_taken *t, struct err *e);

/* Appends the lines after number `after` to out, whole ones, at most SHARED_BYTES_MAX; *last: the number of the last
 * one there is; *more: there are others. ERR_INPUT: `after` is behind the end, so it is the number of another log;
 * ERR_USAGE: the log here follows another desk's. */
bool shared_give(const char *path, uint32_t after, struct buf *out, uint32_t *last, bool *more, struct err *e);

/* ---- the others ---- */

/* From now on the log at path follows a desk's. What was said before is to be sent. Again is fine. */
bool shared_follow(const char *path, struct err *e);

/* What an instance knows, and has to tell. */
struct shared_state {
    uint64_t log;      /* its name */
    uint32_t desk_id;  /* the last record of the desk that it has */
    unsigned waiting;  /* records in `lines` */
    uint32_t last;     /* the number of the last of them */
    struct buf *lines; /* what the desk does not have yet, at most SHARED_LINES_MAX and SHARED_BYTES_MAX */
};

/* ERR_USAGE: the log does not follow a desk's any more; somebody has removed it. */
bool shared_look(const char *path, struct shared_state *s, struct err *e);

/* Adds lines of the desk, those that are not here yet; on disk when it returns. */
bool shared_adopt(const char *path, struct span lines, struct err *e);

#endif
