/* cost: how big a pattern becomes when its repeats are written out, read from its text before the engine sees it. The
 * engine's compile time and memory follow these numbers, and a compile can't be stopped once it runs: a{0,32767} alone
 * takes seconds. The count is an estimate for anything the engine itself will refuse. */
#ifndef RULES_COST_H
#define RULES_COST_H

#include "base/err.h"

#include <stdint.h>

enum {
    COST_REPEAT_MAX = 1000, /* the largest n in {m,n} */
    COST_COPIES_MAX = 1024, /* positions that repeats add; at the limit a pattern compiles in 0.6 s, measured */
    COST_DEPTH_MAX = 64,    /* groups within groups */
};

struct cost {
    uint32_t positions; /* characters, classes and escapes, repeats written out */
    uint32_t copies;    /* of these, how many only repeats add */
};

/* Fills *out, or says what in the pattern passes a limit above. Refuses as well what would not mean what it says,
 * because the engine works on bytes: a non-ASCII character in [...] or directly before a repeat, and (*VERBS), which
 * switch the engine's mode. pattern is NUL-terminated. Any thread. */
bool cost_of(const char *pattern, struct cost *out, struct err *e);

#endif
