/* trial: decides records on the caller's thread as a worker would, but asks nobody over the network, and remembers and
 * counts nothing: for whoever wants to know what would become of a line. It costs milliseconds a record. */
#ifndef PIPELINE_TRIAL_H
#define PIPELINE_TRIAL_H

#include "pipeline/pipeline.h"

enum { TRIAL_RECORDS_MAX = 256 };

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

/* The encoder's vector of a template, dim numbers (encoder_dim). False: there is no encoder. */
bool trial_embed(struct trial *t, const struct span *text, uint32_t n, float *vector);

#endif
