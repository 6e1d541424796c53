/* quick: rules and memory alone, on the caller's thread, for a few records that both are likely to know. What they do
 * not know goes the long way through pipeline_submit, which decides all of them anew; so the answers are the same on
 * both ways, and the encoder never runs here. */
#ifndef PIPELINE_FAST_PATH_H
#define PIPELINE_FAST_PATH_H

#include "pipeline/pipeline.h"

/* What one call may cost: some microseconds a record, and a scan of so many bytes. */
enum { FAST_PATH_RECORDS_MAX = 16, FAST_PATH_BYTES_MAX = 16 * 1024 };

struct fast_path;

/* One thread uses a quick. It works until the pipeline is closed; fast_path_close may come after that. */
struct fast_path *fast_path_open(struct pipeline *p);
void fast_path_close(struct fast_path *q); /* NULL is fine */

/* Decides the records of b, which must be pinned (pipeline_pin). True: all have their results, and b->done is not
 * called. False: b has more records or bytes than the limits, or one that needs the encoder or the network; nothing
 * is counted, and the results mean nothing. Allocates nothing, but for the first batch of a new engine. */
bool fast_path_run(struct fast_path *q, struct batch *b);

#endif
