/* totals: exact counts of lines by label and stage: by hour for 90 days, by minute for a day. They are taken from the
 * counters of the metrics, so lines cost nothing. One thread writes, any reads. */
#ifndef REVIEW_TOTALS_H
#define REVIEW_TOTALS_H

#include "data/decider.h"
#include "data/label.h"

#include <stdbool.h>
#include <stdint.h>

/* Label 0 is none: under it and stage 0 the new kinds of an hour are counted. */
enum { TOTALS_NEW_KINDS = 0, TOTALS_MINUTES = 24 * 60, TOTALS_HOURS = 24 * 90 };

struct totals;

struct totals *totals_open(void);
void totals_close(struct totals *t); /* NULL is fine */

/* n lines with this label (of the caller's numbering, below LABEL_MAX) by this stage, at this time. */
void totals_add(struct totals *t, uint32_t now_s, unsigned label, unsigned stage, uint32_t n);

/* Lines of an hour (seconds / 3600) or a minute (seconds / 60), by label and stage; 0 for what is too long ago. */
uint64_t totals_hour(struct totals *t, uint32_t hour, unsigned label, unsigned stage);
uint64_t totals_minute(struct totals *t, uint32_t minute, unsigned label, unsigned stage);

/* Lines of an hour (seconds / 3600) with a label by a stage. */
struct totals_cell {
    uint32_t hour, lines;
    uint8_t label, stage;
};

/* What was added to cells and is not in the file yet, at most max of them; how many. They are taken for written. */
unsigned totals_take_unwritten(struct totals *t, struct totals_cell *out, unsigned max);

/* They were not written after all. */
void totals_give_back(struct totals *t, const struct totals_cell *cell, unsigned n);

/* From the file: not to be written again. */
void totals_restore(struct totals *t, uint32_t hour, unsigned label, unsigned stage, uint32_t n);

#endif
