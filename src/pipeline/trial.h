/* trial: decides records on the caller's thread as a worker would, but asks nobody over the network, and remembers and
 * counts nothing: for whoever wants to know what would become of a line. It costs milliseconds a record. */
#ifndef PIPELINE_TRIAL_H
#define PIPELINE_TRIAL_H

#include "pipeline/pipeline.h"

enum { TRIAL_RECORDS_MAX = 256, TRIAL_DIM_MAX = 1024 /* of vectors */ };

struct trial;

/* With the engine in force. NULL: there is none yet, or no memory; e says which. One thread uses it. */
struct trial *trial_open(struct pipeline *p, struct err *e);
void trial_close(struct trial *t); /* NULL is fine */

struct engine *trial_engine(struct trial *t);
struct engine_scratch *trial_scratch(struct trial *t);

/* Decides rec[n], n <= TRIAL_RECORDS_MAX; what no stage decides is the fallback. */
void trial_run(struct trial *t, const struct record *rec, struct result *res, uint32_t n);

/* Whether an answer to the record's template is remembered. */
bool trial_is_remembered(struct trial *t, const struct record *rec);

/* The encoder's vectors of templates, trial_dim numbers each. False: there is no encoder. */
bool trial_embed(struct trial *t, const struct span *text, uint32_t n, float *vector);

/* The encoder's vector of a template in whole steps of *scale (encoder/vector8.h), trial_dim numbers: as it was kept,
 * or encoded now. False: there is no encoder, or encode is false and it is not kept. */
bool trial_vector(struct trial *t, struct span template, bool encode, int8_t *step, float *scale);
unsigned trial_dim(struct trial *t);     /* 0: there is no encoder */
uint64_t trial_version(struct trial *t); /* of the vectors */

/* Asks the network stage about the one record of b, which is pinned, whatever other stages would say. What it answers
 * is not remembered, and counts for no kind; b->done is called when it is there. False: it can't be asked, e says why.
 */
bool trial_ask(struct batch *b, const struct question *q, struct err *e);

#endif
