/* compiled: the patterns of a rule set as the engine wants them, and the file that keeps them for the next start:
 * compiling, with what must be known of each pattern and of the engine before, takes longer than all the rest of a
 * start. */
#ifndef RULES_COMPILED_H
#define RULES_COMPILED_H

#include "rules/regex.h"
#include "rules/rules_file.h"

struct compiled {
    hs_database_t *messages; /* every rule's pattern, reported by index; NULL: no rules */
    hs_database_t *sources;  /* the source conditions of the rules that have one; NULL: none has */
    hs_database_t **span;    /* [n]: one rule's pattern, to find where its match begins; NULL: too big for that */
    size_t n;
};

void compiled_init(struct compiled *c, size_t n);
void compiled_release(struct compiled *c); /* zero-filled is fine */

enum { COMPILED_SLOTS = 4 }; /* files: with other rules comes another, but not without end */

/* Fills c, which is compiled_init's, from a file of the cache folder (base/cache.h) that was made from these patterns
 * by this library on such a CPU. False: there is none, and c is as it was. */
bool compiled_read(struct compiled *c, const struct rules_list *list);

/* Failing is no harm: the next start compiles again. */
void compiled_write(const struct compiled *c, const struct rules_list *list);

#endif
