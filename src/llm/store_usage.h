/* store_usage: what asking the LLM has cost, day by day, read from a store's file beside whoever has it open. */
#ifndef LLM_STORE_USAGE_H
#define LLM_STORE_USAGE_H

#include "base/err.h"

#include <stdint.h>

enum { STORE_USAGE_DAYS_MAX = 40 }; /* older windows are removed from the file */

struct store_usage_day {
    int64_t start;                      /* of the day (UTC), seconds since the epoch */
    uint64_t calls, tokens, tokens_out; /* tokens: prompt and answer together; out: the answer's */
};

/* The days from `since` on, oldest first, into out[STORE_USAGE_DAYS_MAX + 1]; returns how many. A file that is not
 * there (yet) has none. -1: e says why it can't be read. Any thread; opens and closes the file. */
int store_usage_read(const char *path, int64_t since, struct store_usage_day *out, struct err *e);

#endif
