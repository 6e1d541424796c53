/* report: a score for people (text, HTML) and for machines (JSON). Pure functions: the same figures give the same
 * bytes. */
#ifndef TRAIN_REPORT_H
#define TRAIN_REPORT_H

#include "base/buf.h"
#include "base/span.h"
#include "data/label.h"
#include "train/score.h"
#include "train/threshold.h"

#include <stdbool.h>
#include <stdint.h>

enum { REPORT_PARTS_MAX = 4, REPORT_LINES_MAX = 200, REPORT_STAGES_MAX = 8 };

/* One line that was judged badly. */
struct report_line {
    struct span source, message;
    unsigned row;    /* line in the file */
    uint32_t record; /* index in the dataset */
    uint8_t truth, best, answer;
    double confidence;       /* of best */
    double truth_confidence; /* probability of the truth; negative: unknown */
    struct span reason;      /* why: the words or the stage that decided; may be empty */
};

/* A judged set of rows: "all", "high", … */
struct report_part {
    const char *name;
    const struct score *score;
};

/* A stage of the pipeline and what it decided. */
struct report_stage {
    const char *name;
    size_t answers, right;
};

struct report {
    const char *title; /* what was judged: a file name */
    const char *judge; /* who: a head's file name, "the pipeline" */
    const struct label_set *labels;
    double threshold;
    struct report_part part[REPORT_PARTS_MAX];
    unsigned parts;
    const struct report_line *line; /* worst first */
    unsigned lines;
    struct report_stage stage[REPORT_STAGES_MAX];
    unsigned stages;    /* 0: not a pipeline that was judged */
    uint64_t llm_calls; /* the LLM was asked: lines of equal templates are one question */
    double llm_cost;    /* estimated, in the unit of the configured prices */

    double target; /* the accuracy that was asked for; 0: none */
    struct threshold_effect at_target;
};

/* Tables for a terminal; colour: with ANSI sequences. */
void report_text(struct buf *out, const struct report *r, bool colour);

/* One JSON object and a line end. */
void report_json(struct buf *out, const struct report *r);

/* One HTML page that needs nothing else: tables, reliability diagram, confusion heat map, coverage curve, worst lines.
 */
void report_html(struct buf *out, const struct report *r);

#endif
