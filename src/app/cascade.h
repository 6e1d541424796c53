/* cascade: labelled records through the whole pipeline, and what each stage did to them. */
#ifndef APP_CASCADE_H
#define APP_CASCADE_H

#include "base/err.h"
#include "app/shipped.h"
#include "data/batch.h"
#include "data/dataset.h"
#include "train/score.h"

#include <stddef.h>

struct cascade_opts {
    const char *head; /* NULL: the shipped one */
    struct shipped_encoder_opts encoder;
    double threshold; /* bert-classifier-threshold; 0: as configured */
};

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

#endif
