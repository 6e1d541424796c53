/* shared_log: one log of corrections for several instances. One instance is the desk, and its log is the order in which
 * things were said; or a topic is, and every instance makes the desk's records of its messages by itself
 * (shared_order). The log of each other one follows it: it holds the desk's records as they stand there, with the
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
    int64_t now; /* what the clock there said when it was sent, where its order is a topic's; 0: it is the desk's */
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

/* From now on the log at path follows a desk's (topic "") or a topic's. What was said before is to be sent. Again is
 * fine. */
bool shared_follow(const char *path, const char *topic, struct err *e);

/* What an instance knows, and has to tell. */
struct shared_state {
    uint64_t log;      /* its name */
    uint32_t desk_id;  /* the last record of the desk that it has */
    unsigned waiting;  /* records in `lines` */
    uint32_t last;     /* the number of the last of them */
    struct buf *lines; /* what the desk does not have yet, at most SHARED_LINES_MAX and SHARED_BYTES_MAX */
};

/* ERR_USAGE: the log does not follow anything any more; somebody has removed it. ERR_INPUT: it follows another. */
bool shared_look(const char *path, const char *topic, struct shared_state *s, struct err *e);

/* Adds lines of the desk, those that are not here yet; on disk when it returns. */
bool shared_adopt(const char *path, struct span lines, struct err *e);

/* ---- a topic ---- */

/* What was said within so many seconds before it was sent counts in the order of the topic, else by its time. */
enum { SHARED_PROMPT_S = 10 };

/* A message: one record, and the number that its place in the topic gives it. */
struct shared_entry {
    uint32_t id;
    struct shared_sent sent; /* lines: one */
};

/* Adds what n messages, in their order, come to; those of before and those that came already are passed over, as are
 * those that are no records (*broken is how many). What comes of them depends on nothing but the messages, so that it
 * is the same everywhere. One that tells to forget a kind ends a turn: returns how many were dealt with; 0: e. On disk
 * when it returns. */
size_t shared_order(const char *path, const struct shared_entry *entry, size_t n, unsigned *broken, struct err *e);

/* The number that a record has where it was said; 0: it has none. */
uint32_t shared_number(struct span line);

/* Whether a record tells to forget a kind, and which; and whether one is about such a kind. */
bool shared_forgets(struct span line, uint64_t *kind, uint64_t *family);
bool shared_is_about(struct span line, uint64_t kind, uint64_t family);

#endif
