/* fast_path: the cheap stages alone (stage.def), on the caller's thread, for a batch of a few records. What they decide
 * is decided as a worker would; what they leave open goes to pipeline_submit together with what they found out, so that
 * no record is matched, masked or looked up twice. The encoder never runs here. */
#ifndef PIPELINE_FAST_PATH_H
#define PIPELINE_FAST_PATH_H

#include "pipeline/pipeline.h"

/* What one call may cost: some microseconds a record, and a scan of so many bytes. */
enum { FAST_PATH_RECORDS_MAX = 16, FAST_PATH_BYTES_MAX = 16 * 1024 };

struct fast_path;

/* What the cheap stages left open of a batch. In the batch's arena. */
struct prepared {
    uint32_t n;
    struct prepared_record {
        uint32_t i; /* of the batch */
        struct memo_key key;
        struct span template;
    } record[];
};

/* One thread uses a fast_path. It works until the pipeline is closed; fast_path_close may come after that. */
struct fast_path *fast_path_open(struct pipeline *p);
void fast_path_close(struct fast_path *f); /* NULL is fine */

/* Decides the records of b, which must be pinned (pipeline_pin). True: all have their results, and b->done is not
 * called. False: submit it. Then b->prepared tells the workers what is left to do, or is NULL: b has more records or
 * bytes than the limits, or no arena with room. Allocates from b->arena only, but for the first batch of a new engine.
 */
bool fast_path_run(struct fast_path *f, struct batch *b);

#endif
