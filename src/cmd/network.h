/* network: from the options to the network stage: the services that are configured (a remote encoder, an LLM), the lane
 * that asks them, and the pipeline's hand-over to it. */
#ifndef CMD_NETWORK_H
#define CMD_NETWORK_H

#include "conf/conf.h"
#include "llm/llm.h"
#include "pipeline/pipeline.h"

struct network;

/* Connects p to the services; before the first submit. Opens no socket by itself. *out is NULL when nothing is
 * configured or --offline forbids it. waits: records wait as long as it takes (files), not only as long as a call may
 * (requests). False: an option is wrong, or the LLM's store can't be opened. */
bool network_open(const struct conf *c, struct pipeline *p, bool waits, struct network **out, struct err *e);

/* After pipeline_close: nothing may be on its way any more. NULL is fine. */
void network_close(struct network *n);

struct llm *network_llm(struct network *n); /* NULL: none; owned by n */

/* The LLM that the options describe, for commands that ask it by themselves. NULL and no error: none is configured. */
struct llm *network_llm_open(const struct conf *c, const struct label_set *labels, uint64_t wait_ms, struct err *e);

#endif
