/* source: where records come from, and the one loop that runs all of them; source.def lists the kinds. One thread calls
 * everything of one source, so a kind has no lock, no thread, no loop and no stop flag. */
#ifndef STREAM_SOURCE_H
#define STREAM_SOURCE_H

#include "data/chunk.h"
#include "stream/reader.h"

#include <stdatomic.h>

struct checkpoint;
struct feed;
struct flow;
struct kafka_link;
struct section;

enum source_id {
#define SOURCE(id, ...) SOURCE_##id,
#include "stream/source.def"
#undef SOURCE
    SOURCE_COUNT
};

/* SOURCE_POSITIONS: more than the chunks a flow has, so that position[seq % SOURCE_POSITIONS] is a source's own ring of
 * places. SOURCE_WAIT_MS: how long a stop may take. */
enum { SOURCE_POSITIONS = 32, SOURCE_WAIT_MS = 100, SOURCE_STOP_MS = 2000 };

enum source_state {
    SOURCE_GOES_ON, /* what is in the chunk is sent, if anything; call again */
    SOURCE_END,     /* the same, and there will never be anything more */
    SOURCE_FAILED,  /* the same, and err says why nothing more came */
};

struct source_progress {
    uint64_t lines;          /* that are durable */
    uint64_t position, size; /* of the current file, bytes; size 0: unknown */
};

/* What one may tell a source; each kind says which of it counts. */
struct source_opts {
    char *const *paths; /* FILES: in this order; "-" is stdin */
    size_t paths_n;
    struct reader_opts reader;     /* FILES */
    const struct section *section; /* FOLLOW, SYSLOG: what the config says */
    struct checkpoint *checkpoint; /* FOLLOW, JOURNAL: where its places are kept; NULL: nowhere */
    bool driven;                   /* the sink drives the checkpoint */
    struct kafka_link *kafka_link; /* KAFKA: for a sink that commits its offsets; NULL: it commits them itself */
    const _Atomic uint64_t *safe;  /* set by source_open: all chunks up to this number are durable */
    const char *own_path; /* FOLLOW: never read, whatever the patterns say: the sink's file; NULL: there is none */
    void (*on_progress)(void *user, const struct source_progress *p); /* FILES: after each commit; NULL: nobody looks */
    void (*on_trouble)(void *user, const struct err *e); /* FILES: a file that can't be read (to its end), and the next
                                                            is taken; NULL: the source fails at the first */
    void *user;
};

struct source_kind {
    void *(*open)(const struct source_opts *o, struct err *e);

    /* Adds records to c, waits at most wait_ms for the first. c == NULL: there is no room now; stay alive, read
     * nothing. c->seq is the chunk's number, should there be something to commit. */
    enum source_state (*read)(void *self, struct chunk *c, int wait_ms, struct err *e);

    /* All chunks up to number seq are durable. NULL: there is nothing to commit. */
    bool (*commit)(void *self, uint64_t seq, struct err *e);

    void (*close)(void *self);

    /* Nothing more is to come, but what has come already is still to be read: read goes on to be called until it says
     * SOURCE_END, or SOURCE_STOP_MS are over. NULL: what is not read waits for us somewhere. */
    void (*stop)(void *self);
};

extern const struct source_kind *const source_table[SOURCE_COUNT];

struct source {
    const struct source_kind *kind;
    void *self;
    struct flow *flow;
    struct feed *feed;
    const atomic_bool *stop; /* set by anybody: read nothing more */
    _Atomic uint64_t safe;   /* all chunks up to this number are durable */
    bool lost;               /* one was not made durable: what came after it is not committed */
    uint64_t committed;
    struct checkpoint *checkpoint; /* that the sink drives; NULL: it does not */
    uint64_t round;                /* of it, the last that was confirmed */
    bool joined;
};

/* stop: may be set at any time, from a signal handler too; must outlive the source. */
bool source_open(struct source *s, enum source_id id, const struct source_opts *o, struct flow *f,
                 const atomic_bool *stop, struct err *e);

/* Reads until the source ends or fails, the sink fails, or *stop is set; then waits until everything that was sent is
 * settled, and commits it. On the calling thread. False: the source failed (e says how); everything before that has
 * been sent. */
bool source_run(struct source *s, struct err *e);

void source_close(struct source *s); /* a zero-filled one is fine */

/* Of a source_files: JSON lines that held no object with a message. */
uint64_t source_files_odd_lines(const struct source *s);

#endif
