/* share_internal: the thread's state, and the ways by which instances are tied together. Private to share*.c. */
#ifndef APP_SHARE_INTERNAL_H
#define APP_SHARE_INTERNAL_H

#include "app/share.h"
#include "base/rng.h"
#include "review/shared_log.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum {
    SHARE_TURN_MS = 200,
    SHARE_RETRY_FIRST_MS = 500, /* doubles up to SHARE_RETRY_MAX_MS; a random part of it is waited */
    SHARE_RETRY_MAX_MS = 8000,
};

struct share;

/* A desk over HTTP, or a topic. */
struct share_way {
    /* What it has of its own is in s->own from then on, also when it fails. */
    bool (*open)(struct share *s, const struct conf *c, struct err *e);
    void (*turn)(struct share *s);  /* does what is due, and waits for up to SHARE_TURN_MS */
    void (*wake)(struct share *s);  /* any thread: ends that wait; NULL: it is short enough */
    void (*close)(struct share *s); /* after the thread's end; what open has made, if it was called */
};

extern const struct share_way share_by_desk, share_by_topic;

struct share {
    const struct share_way *way;
    void *own;       /* the way's */
    char where[300]; /* for people: "desk http://logs-1:8080" */
    char name[SHARED_NAME_MAX], log[PATH_MAX];
    struct classifier *classifier;
    struct book *book; /* NULL: kinds are not kept */
    struct places *places;

    pthread_t thread;
    atomic_bool ending;
    struct rng rng;
    uint64_t run;       /* of this start */
    uint64_t heard_ns;  /* when all there was to hear was last in force here */
    enum err_code told; /* why it does not work, as far as it was said; ERR_OK: it does */

    char follows[300]; /* what our log is to follow: the topic; "": a desk */
    struct stat seen;  /* of the log, when it was last looked at */
    struct shared_state state;
    struct buf lines;
    uint32_t telling, told_last; /* numbers of the last record that is being sent, and that the other side has */
};

/* Looks at our log when it has changed, and has it follow. state.log is 0 where that can't be done: e says why. */
bool share_look(struct share *s, struct err *e);

/* Whether there is something to send that was not sent yet. */
bool share_has_to_send(const struct share *s);

/* It did not work: why is said once, each time is counted. Returns how long to rest, in ms, by how often in a row it
 * failed before. */
uint64_t share_failed(struct share *s, unsigned failures, const struct err *e);

void share_works(struct share *s); /* said, where it did not */

/* Records were written to our log: brings them in force. */
void share_refresh(struct share *s);

/* The first line of what is sent, without the brace at its end. */
void share_put_sender(const struct share *s, struct buf *b);

#endif
