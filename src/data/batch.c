#include "data/batch.h"

#include "base/must.h"

static const char *const STAGE_NAME[DECIDER_COUNT] = {"regex", "bert", "llm", "fallback"};

const char *decider_name(enum decider id) {
    MUST(id < DECIDER_COUNT);
    return STAGE_NAME[id];
}
