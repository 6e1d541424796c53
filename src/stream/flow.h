/* flow: chunks on their way from sources through the pipeline to one sink, and back as acknowledgements.
 *
 *   source ──feed_take──fill──feed_send──► pipeline workers ──► the sink's thread: put, step
 *      ▲                                                             │ durable
 *      └───────────── settled, oldest first ◄──────────────── flow_settle
 *
 * The flow alone owns the order (each feed's chunks reach the sink in the order they were sent), the back-pressure (a
 * free chunk is the ticket: without one nothing is read), the engine's pin (from feed_send until the sink has taken
 * the chunk, so that its results and its labels belong together) and the drain (feed_wait_settled). */
#ifndef STREAM_FLOW_H
#define STREAM_FLOW_H

#include "data/chunk.h"
#include "pipeline/pipeline.h"
#include "stream/sink.h"

enum { FLOW_CHUNKS = 16, FLOW_FEEDS_MAX = 7 /* each keeps two chunks for itself */ };

struct flow;

struct flow_opts {
    struct pipeline *pipeline;    /* with an engine */
    const struct sink_kind *sink; /* of sink_table */
    const struct sink_opts *sink_opts;
};

/* Opens the sink and starts its thread. NULL: the sink could not be opened. */
struct flow *flow_open(const struct flow_opts *o, struct err *e);

/* What the sink says of a chunk that it has taken, once, on its own thread and in any order: it is durable, or (safe is
 * false) it never will be, and the source must bring it again. */
void flow_settle(struct flow *f, struct chunk *c, bool safe);

/* The sink can take nothing more, for the reason e. The first reason stays; what is under way is still put. */
void flow_fail(struct flow *f, const struct err *e);

/* False: the sink has failed, e says why. Any thread. */
bool flow_is_well(struct flow *f, struct err *e);

/* The time for a drain is over: whatever is not safe by now is settled as not safe, also what is still sent. Any
 * thread.
 */
void flow_abandon(struct flow *f);

/* Everything must be settled and all feeds closed. Ends the sink's thread and closes the sink. NULL is fine. */
void flow_close(struct flow *f);

#endif
