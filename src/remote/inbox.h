/* inbox: questions on their way from any thread to the one that owns the table of calls. Posting copies the question
 * (as much of it as a call keeps, calls.h), takes one lock and never waits; the owner takes all that has come with one
 * more lock, and reads it without. Bounded: what was posted and not yet taken has at most `bytes_max` bytes. */
#ifndef REMOTE_INBOX_H
#define REMOTE_INBOX_H

#include "base/buf.h"
#include "data/question.h"

#include <pthread.h>
#include <stdatomic.h>

enum { INBOX_BYTES_DEFAULT = 64 << 20, INBOX_BYTES_KEPT = 1 << 20 /* memory that an emptied one holds on to */ };

struct inbox {
    pthread_mutex_t lock; /* what follows, up to `closed` */
    struct buf posted;
    bool closed;
    atomic_bool filled; /* whether anything is in `posted`; a hint that needs no lock */
    struct buf taken;   /* the owner's */
    size_t read;        /* bytes of `taken` that inbox_next has handed out */
};

/* Borrowed from the inbox until the next inbox_take. */
struct inbox_item {
    struct pending pending;
    struct question q;
    uint64_t posted_ns;
};

void inbox_init(struct inbox *b, size_t bytes_max);
void inbox_release(struct inbox *b);

/* Any thread. *first: the inbox was empty, so the owner may be asleep and is to be woken. False, and nothing is posted:
 * ERR_BUSY when there is no room, ERR_CANCELLED after inbox_close. now_ns: the time, kept as posted_ns. */
bool inbox_post(struct inbox *b, const struct pending *p, const struct question *q, uint64_t now_ns, bool *first,
                struct err *e);

/* Any thread: from now on nothing more is posted. What has been posted can still be taken. */
void inbox_close(struct inbox *b);

/* Any thread: whether something waits to be taken. */
bool inbox_is_filled(const struct inbox *b);

/* The owner: takes all that was posted so far, to be read with inbox_next. False: nothing was. */
bool inbox_take(struct inbox *b);

/* The owner: the next of what was taken, in the order of posting. False: there is no more. */
bool inbox_next(struct inbox *b, struct inbox_item *out);

#endif
