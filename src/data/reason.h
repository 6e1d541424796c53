/* reason: why a line is UNCLASSIFIED. The contract has one word for it; people need to know whether the line is surely
 * of another kind, or nobody was sure, or somebody could not be asked. */
#ifndef DATA_REASON_H
#define DATA_REASON_H

#include "data/batch.h"
#include "data/label.h"

enum reason {
#define REASON(id, ...) REASON_##id,
#include "data/reason.def"
#undef REASON
    REASON_COUNT
};

enum reason reason_of(const struct result *r, const struct label_set *labels);

const char *reason_name(enum reason r);  /* "below_threshold" */
const char *reason_word(enum reason r);  /* for tables and filters: "unsure" */
const char *reason_about(enum reason r); /* a phrase for people */

#endif
