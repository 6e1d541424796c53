#include "data/decider.h"

#include "base/must.h"

static const char *const DECIDER_NAME[DECIDER_COUNT] = {"regex", "bert", "llm", "fallback"};

const char *decider_name(enum decider d) {
    MUST(d < DECIDER_COUNT);
    return DECIDER_NAME[d];
}
