/* dry_run: a network stage that asks nobody: it counts what an LLM would be asked, once for each template, and what
 * that would cost. */
#ifndef APP_DRY_RUN_H
#define APP_DRY_RUN_H

#include "conf/conf.h"
#include "pipeline/engine.h"

#include <stdio.h>

struct dry_run;

/* Connects the engine, which is not in use yet, to the counter. No endpoint needs to be configured, and no socket is
 * opened; an answer store is looked into where there is one. False: an option is wrong, or the store can't be read. */
struct dry_run *dry_run_open(const struct conf *c, struct engine *eng, struct err *e);
void dry_run_close(struct dry_run *d); /* after pipeline_close; NULL is fine */

/* What was found, once all lines are done: a sentence for people, or a JSON object. lines: of the input; open_lines:
 * those that nothing decided. */
void dry_run_print(const struct dry_run *d, uint64_t lines, uint64_t open_lines, bool as_json, FILE *to);

#endif
