#include "text/similar.h"

#include "base/check.h"

static const char *similar_pick(const char *word) {
    static const char *const NAME[] = {"classify", "serve", "service", "output", "AUTH_ERROR", "DB_ERROR", "INFO"};
    struct similar s = similar_to(span_of(word));
    for (size_t i = 0; i < sizeof NAME / sizeof NAME[0]; i++) similar_consider(&s, NAME[i]);
    return s.best ? s.best : "";
}

static void slips_are_understood(void) {
    CHECK_STR(similar_pick("clasify"), "classify");
    CHECK_STR(similar_pick("ouput"), "output");
    CHECK_STR(similar_pick("otuput"), "output");
    CHECK_STR(similar_pick("AUTH_ERR"), "AUTH_ERROR");
    CHECK_STR(similar_pick("auth-error"), "AUTH_ERROR");
    CHECK_STR(similar_pick("info"), "INFO");
    CHECK_STR(similar_pick("serv"), "serve");
}

static void other_words_are_not(void) {
    CHECK_STR(similar_pick("journalctl"), "");
    CHECK_STR(similar_pick("x"), "");
    CHECK_STR(similar_pick(""), "");
    char text[64];
    struct similar s = similar_to(SPAN_LIT("srve"));
    CHECK_STR(similar_hint(&s, text, sizeof text), "");
    similar_consider(&s, "serve");
    CHECK_STR(similar_hint(&s, text, sizeof text), "; did you mean 'serve'?");
}

CHECK_MAIN(CHECK_TEST(slips_are_understood), CHECK_TEST(other_words_are_not))
