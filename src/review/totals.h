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

/* What was added since the last call to a cell of an hour, for the file: calls `each` for every cell. */
void totals_take_unwritten(struct totals *t,
                           void (*each)(void *self, uint32_t hour, unsigned label, unsigned stage, uint32_t n),
                           void *self);

/* From the file: not to be written again. */
void totals_restore(struct totals *t, uint32_t hour, unsigned label, unsigned stage, uint32_t n);

#endif
