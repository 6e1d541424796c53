#include "data/batch.h"

#include "base/must.h"

static const char *const STAGE_NAME[STAGE_COUNT] = {"regex", "bert", "llm", "fallback"};

const char *stage_name(enum stage_id id) {
    MUST(id < STAGE_COUNT);
    return STAGE_NAME[id];
}
