#include "text/severity.h"

#include "base/check.h"

static void levels_that_lines_name(void) {
    static const struct {
        const char *line, *want;
    } ROW[] = {
        {"2024-01-02 03:04:05 ERROR app: it broke", "error"},
        {"2024-01-02 03:04:05,123 [main] WARN  c.e.App - slow", "warning"},
        {"ts=1 level=warn msg=x", "warning"},
        {"{\"level\":\"debug\",\"msg\":\"x\"}", "debug"},
        {"[error] mod_jk child in state 6", "error"},
        {"<11>Oct 1 su: x", "error"},
        {"E0102 03:04:05.6 1 x.go:1] y", "error"},
        {"03-17 16:13:38.811  1702  2395 D WindowManager: printFreezing", "debug"},
        {"I/ActivityManager(  585): Starting", "info"},
        {"gcc: error: no such file", "error"},
        {"FATAL: password authentication failed", "critical"},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++)
        CHECK_STR(severity_name(severity_of_line(span_of(ROW[i].line))), ROW[i].want);
}

static void words_are_no_levels(void) {
    static const char *const NONE[] = {"an error occurred",
                                       "failed with error code 3",
                                       "AUTH_ERROR is a label",
                                       "GET /info HTTP/1.1",
                                       "no level here",
                                       "",
                                       "information about the disk",
                                       "state=error x"};
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++)
        CHECK_STR(severity_name(severity_of_line(span_of(NONE[i]))), "");
    CHECK_INT(severity_of_word(SPAN_LIT("30")), SEVERITY_INFO);
    CHECK_INT(severity_of_word(SPAN_LIT("3")), SEVERITY_ERROR);
    CHECK_INT(severity_of_word(SPAN_LIT("31")), SEVERITY_NONE);
    CHECK_INT(severity_of_word(SPAN_LIT("")), SEVERITY_NONE);
}

CHECK_MAIN(CHECK_TEST(levels_that_lines_name), CHECK_TEST(words_are_no_levels))
