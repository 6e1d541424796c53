#include "data/reason.h"

#include "base/check.h"

static void each_kind_of_unclassified_is_told(void) {
    const struct label_set *l = label_default();
    uint8_t none = (uint8_t)l->unclassified;
    const struct {
        struct result r;
        enum reason want;
    } ROW[] = {
        {{.label = 0, .decider = DECIDER_BERT}, REASON_NONE},
        {{.label = none, .decider = DECIDER_LLM}, REASON_OTHER},
        {{.label = none, .decider = DECIDER_FALLBACK, .nearest = none, .nearest_p = 0.99F}, REASON_OTHER},
        {{.label = none, .decider = DECIDER_FALLBACK, .nearest = none, .nearest_p = 0.49F}, REASON_UNSURE},
        {{.label = none, .decider = DECIDER_FALLBACK, .nearest = 1, .nearest_p = 0.9F}, REASON_UNSURE},
        {{.label = none, .decider = DECIDER_FALLBACK}, REASON_UNKNOWN},
        {{.label = none, .decider = DECIDER_FALLBACK, .err = ERR_TIMEOUT, .nearest_p = 0.9F}, REASON_FAILED},
        {{.label = none, .decider = DECIDER_FALLBACK, .err = ERR_BUSY}, REASON_BUDGET},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) CHECK_INT(reason_of(&ROW[i].r, l), ROW[i].want);
    CHECK_STR(reason_name(REASON_UNSURE), "below_threshold");
    CHECK_STR(reason_word(REASON_OTHER), "other");
}

CHECK_MAIN(CHECK_TEST(each_kind_of_unclassified_is_told))
