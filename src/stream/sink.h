/* sink: where decided chunks go; sink.def lists the kinds. A sink's functions are called by its flow, on one thread
 * after open. */
#ifndef STREAM_SINK_H
#define STREAM_SINK_H

#include "data/chunk.h"

#include <stdatomic.h>

struct flow;
struct checkpoint;
struct dead_letters;
struct form;
struct kafka_link;
struct section;
struct sink_fd_result;
struct top;
struct writer;

enum sink_id {
#define SINK(id, ...) SINK_##id,
#include "stream/sink.def"
#undef SINK
    SINK_COUNT
};

/* What one may tell a sink; each kind says which of it counts. */
struct sink_opts {
    int fd;                        /* SINK_FD: where the text goes; stays open */
    struct writer *writer;         /* SINK_FD: how it looks; the sink's while it is open */
    struct top *top;               /* SINK_TOP: what it counts into */
    struct sink_fd_result *result; /* SINK_FD: filled while it writes; whole after flow_drain */
    struct form *form;             /* SINK_FILE, and SINK_FD instead of the writer: which records, and how they look */
    const struct section *section; /* of kinds that have one: what the config says */
    struct dead_letters *dead_letters; /* SINK_OTLP, SINK_LOKI, SINK_KAFKA: where goes what nobody takes */
    struct checkpoint *checkpoint;     /* SINK_FILE: that it drives, where the section says exactly-once; else NULL */
    struct kafka_link *kafka_link;     /* SINK_KAFKA: the source whose offsets it commits; NULL: there is none */
    const atomic_uint *reopened;       /* SINK_FILE: when it changes, the path is opened anew; NULL: never */
};

struct sink_kind {
    void *(*open)(const struct sink_opts *o, struct flow *f, struct err *e);

    /* Takes a decided chunk and calls flow_settle for it, now or later. False: there is no room, step first. */
    bool (*put)(void *self, struct chunk *c);

    /* Moves what is under way, for wait_ms at most. NULL: put leaves nothing under way. */
    void (*step)(void *self, int wait_ms);

    /* The time is over: settles everything that it took as not safe. NULL: put leaves nothing under way. */
    void (*abandon)(void *self);

    void (*close)(void *self); /* everything it took is settled */

    /* Ends the wait of a step that has begun or begins next; any thread. Where there is one, all waiting is done in
     * step. NULL: there is none. */
    void (*wake)(void *self);
};

extern const struct sink_kind *const sink_table[SINK_COUNT];

#endif
