/* report: a score for people (text, HTML) and for machines (JSON). Pure functions: the same figures give the same
 * bytes. */
#ifndef TRAIN_REPORT_H
#define TRAIN_REPORT_H

#include "base/buf.h"
#include "base/span.h"
#include "data/label.h"
#include "train/score.h"

#include <stdbool.h>

enum { REPORT_PARTS_MAX = 4, REPORT_LINES_MAX = 200 };

/* One line that was judged badly. */
struct report_line {
    struct span source, message;
    unsigned row; /* line in the file */
    uint8_t truth, best, answer;
    double confidence;       /* of best */
    double truth_confidence; /* probability of the truth */
};

/* A judged set of rows: "all", "high", … */
struct report_part {
    const char *name;
    const struct score *score;
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
};

/* Tables for a terminal; colour: with ANSI sequences. */
void report_text(struct buf *out, const struct report *r, bool colour);

/* One JSON object and a line end. */
void report_json(struct buf *out, const struct report *r);

/* One HTML page that needs nothing else: tables, reliability diagram, confusion heat map, coverage curve, worst lines.
 */
void report_html(struct buf *out, const struct report *r);

#endif
