#include "data/reason.h"

#include "base/must.h"

/* From this probability on "none of them" is an answer, not a doubt. */
#define REASON_SURE 0.5

enum reason reason_of(const struct result *r, const struct label_set *labels) {
    if (r->label != labels->unclassified) return REASON_NONE;
    if (r->decider != DECIDER_FALLBACK) return REASON_OTHER;
    if (r->err == ERR_BUSY) return REASON_BUDGET;
    if (r->err != ERR_OK && r->err != ERR_NO_LABEL) return REASON_FAILED;
    if (r->nearest_p <= 0) return REASON_UNKNOWN;
    return r->nearest == labels->unclassified && (double)r->nearest_p >= REASON_SURE ? REASON_OTHER : REASON_UNSURE;
}

static const struct {
    const char *name, *word, *about;
} REASONS[REASON_COUNT] = {
#define REASON(id, name, word, about) {name, word, about},
#include "data/reason.def"
#undef REASON
};

const char *reason_name(enum reason r) {
    MUST(r < REASON_COUNT);
    return REASONS[r].name;
}

const char *reason_word(enum reason r) {
    MUST(r < REASON_COUNT);
    return REASONS[r].word;
}

const char *reason_about(enum reason r) {
    MUST(r < REASON_COUNT);
    return REASONS[r].about;
}
