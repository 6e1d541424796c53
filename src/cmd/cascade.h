/* cascade: labelled records through the whole pipeline, and what each stage did to them. */
#ifndef CMD_CASCADE_H
#define CMD_CASCADE_H

#include "base/err.h"
#include "cmd/labelled.h"
#include "data/batch.h"
#include "data/dataset.h"
#include "train/score.h"

#include <stddef.h>

struct cascade_opts {
    const char *head; /* NULL: the shipped one */
    struct labelled_encoder encoder;
    double threshold; /* bert-classifier-threshold; 0: as configured */
};

struct pipeline;

struct cascade {
    struct cascade_stage {
        size_t answers, right;
    } stage[DECIDER_COUNT];
    uint8_t *by; /* [d->n]: enum decider that decided a record; free it */
    uint64_t llm_calls;
    double llm_cost;
};

/* row[d->n]: the answers. The other settings are the defaults, the config file's and the environment's: where an LLM is
 * configured it is asked, once a template. */
bool cascade_run(struct cascade *c, const struct cascade_opts *o, const struct dataset *d, struct score_row *row,
                 struct err *e);

/* Decides rec[n], n <= PIPELINE_BATCH_MAX, and waits until all of res[n] are there. */
void cascade_decide(struct pipeline *p, struct record *rec, struct result *res, uint32_t n);

#endif
