/* cost: what asking the LLM costs, in figures for people: day by day, against the limits, and what the store of answers
 * has saved. */
#ifndef APP_COST_H
#define APP_COST_H

#include "base/buf.h"
#include "conf/conf.h"

struct cost;

struct cost *cost_open(void);
void cost_close(struct cost *c); /* NULL is fine */

void cost_set(struct cost *c, const struct conf *conf); /* the options in force, from now on */

/* Writes the last `days` (at most STORE_USAGE_DAYS_MAX) as JSON: {"configured","price_in","price_out","limits",
 * "today","days","recalled","saved","refused","breaker_open"}; of the process: recalled, saved, refused; of all who
 * share the store: the days. Money is null where no price is set. Any thread; reads the store's file. */
bool cost_json(struct cost *c, unsigned days, struct buf *out, struct err *e);

#endif
