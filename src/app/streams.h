/* streams: the sources and the sink of a config's sections, running: a thread for each source, one for the sink, and
 * the checkpoint in the state folder. */
#ifndef APP_STREAMS_H
#define APP_STREAMS_H

#include "conf/conf.h"
#include "data/label.h"
#include "pipeline/pipeline.h"

struct push;
struct streams;

struct streams_opts {
    const struct section_list *sections; /* at least a source, exactly one sink; must outlive the streams */
    struct pipeline *pipeline;           /* with an engine */
    const struct label_set *labels;      /* of it; looked at by streams_open only */
    struct push *const *push;            /* [PUSH_KINDS], for sections of these types; NULL: there may be none */
    const char *checkpoint;              /* its name; NULL: no place is kept */
    unsigned checkpoint_interval_ms;
    const char *dead_letter; /* file of records that nobody takes; "": dead-letters/NAME.jsonl of the state folder */
    size_t dead_letter_bytes;
    void (*on_end)(
        void *ctx); /* once, when no source reads any more although nobody stopped them; NULL: nobody cares */
    void *ctx;
};

/* Opens the sink, then the sources, and starts them. NULL: e says what is wrong; nothing was read. */
struct streams *streams_open(const struct streams_opts *o, struct err *e);

bool streams_sink_is_up(const struct streams *s); /* it takes records, as far as it knows; any thread */
void streams_stop(struct streams *s);             /* reads nothing more; any thread, any number of times */
void streams_reopen(struct streams *s); /* file sinks let go of their files and open their paths anew; any thread */

/* Stops, and waits until what was read is settled, drain_ms at most. False: the time was over (what is not settled will
 * be read again), a source or the sink failed: e. NULL is fine, and so is a second time. */
bool streams_drain(struct streams *s, unsigned drain_ms, struct err *e);

void streams_close(struct streams *s); /* drained; saves the places. NULL is fine */

#endif
