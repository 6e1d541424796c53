/* cascade: labelled records through the whole pipeline, and what each stage did to them. */
#ifndef CMD_CASCADE_H
#define CMD_CASCADE_H

#include "base/buf.h"
#include "base/err.h"
#include "cmd/labelled.h"
#include "data/batch.h"
#include "data/dataset.h"
#include "train/score.h"

#include <stddef.h>

struct cascade_opts {
    const char *head; /* NULL: the shipped one */
    struct labelled_encoder encoder;
    double threshold; /* bert-classifier-threshold */
};

struct cascade {
    struct cascade_stage {
        size_t answers, right;
    } stage[STAGE_COUNT];
    size_t n;
};

/* row[d->n]: the answers. The other settings are the defaults, the config file's and the environment's. */
bool cascade_run(struct cascade *c, const struct cascade_opts *o, const struct dataset *d, struct score_row *row,
                 struct err *e);

void cascade_text(const struct cascade *c, struct buf *out); /* a table of stages */

#endif
