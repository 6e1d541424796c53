/* network: from the options to the network stage: the services that are configured (a remote encoder, an LLM), the
 * dispatcher that asks them, and the pipeline's hand-over to it. */
#ifndef APP_NETWORK_H
#define APP_NETWORK_H

#include "conf/conf.h"
#include "llm/llm.h"
#include "pipeline/pipeline.h"

struct network;

/* Connects the engine, which is not in use yet, to the services; p takes their answers. Opens no socket by itself. *out
 * is NULL when nothing is configured or --offline forbids it. waits: records wait as long as it takes (files), not only
 * as long as a call may (requests). False: an option is wrong, or there is no memory. */
bool network_open(const struct conf *c, struct engine *eng, struct pipeline *p, bool waits, struct network **out,
                  struct err *e);

/* Gives another engine with equal labels the same services. NULL is fine. */
void network_join(struct network *n, struct engine *eng);

/* Whether n, opened by the options `was`, would be the same opened by `now` for eng: options, files that they name
 * (key, redaction, certificates) and labels. */
bool network_is_same(const struct network *n, const struct conf *was, const struct conf *now, const struct engine *eng);

/* Answers what is on its way with ERR_CANCELLED and refuses the rest. NULL is fine. */
void network_stop(struct network *n);

/* When nothing is on its way any more: after network_stop, or pipeline_close. NULL is fine. */
void network_close(struct network *n);

struct llm *network_llm(struct network *n); /* NULL: none; owned by n */

bool network_bert_is_remote(const struct conf *c); /* bert = URL */

/* The LLM that the options would describe if one were configured, for estimates. Its store is the configured one where
 * that exists, else an empty one in memory: no file is made. */
struct llm *network_llm_open_dry(const struct conf *c, const struct label_set *labels, struct err *e);

/* The LLM that the options describe, for commands that ask it by themselves. NULL and no error: none is configured. */
struct llm *network_llm_open(const struct conf *c, const struct label_set *labels, uint64_t wait_ms, struct err *e);

/* Where answers and costs are kept, into out: as configured, or in the state folder. "": in memory. */
bool network_store_path(const struct conf *c, char *out, size_t size, struct err *e);

/* What asking may cost, and its price. */
struct budget_opts network_budget(const struct conf *c);

/* Whether the options and the environment name an LLM. */
bool network_has_llm(const struct conf *c);

#endif
