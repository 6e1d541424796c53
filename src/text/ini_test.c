#include "text/ini.h"

#include "base/check.h"

static void items_come_in_order(void) {
    static const char TEXT[] =
        "\xef\xbb\xbf# first\n\n[rule  a b ]\r\n key = va = lue ; # x \n;c\n[x]\n  empty =\n\t[a]";
    struct err e = {0};
    struct ini i = ini_open(SPAN_LIT(TEXT));
    CHECK_INT(ini_next(&i, &e), INI_SECTION);
    CHECK_INT(i.line, 3);
    CHECK_SPAN(i.kind, "rule");
    CHECK_SPAN(i.name, "a b");
    CHECK_INT(ini_next(&i, &e), INI_PAIR);
    CHECK_SPAN(i.key, "key");
    CHECK_SPAN(i.value, "va = lue ; # x");
    CHECK_INT(ini_next(&i, &e), INI_SECTION);
    CHECK_SPAN(i.kind, "x");
    CHECK_SPAN(i.name, "");
    CHECK_INT(ini_next(&i, &e), INI_PAIR);
    CHECK_SPAN(i.key, "empty");
    CHECK_SPAN(i.value, "");
    CHECK_INT(ini_next(&i, &e), INI_SECTION);
    CHECK_INT(i.line, 8);
    CHECK_INT(ini_next(&i, &e), INI_END);
    CHECK_INT(ini_next(&i, &e), INI_END);
}

static void broken_lines_are_named_and_passed(void) {
    static const struct {
        const char *line;
        const char *says;
    } ROWS[] = {
        {"[never closed\n", "'[never closed' is not a section"},
        {"no equals sign\n", "expected [section], 'key = value' or a comment"},
        {" = value\n", "expected [section], 'key = value' or a comment"},
        {"[", "'[' is not a section"},
    };
    for (size_t k = 0; k < sizeof ROWS / sizeof ROWS[0]; k++) {
        struct err e = {0};
        struct ini i = ini_open(span_of(ROWS[k].line));
        CHECK_INT(ini_next(&i, &e), INI_BROKEN);
        CHECK_INT(i.line, 1);
        CHECK(strstr(e.msg, ROWS[k].says) != NULL);
        CHECK_INT(ini_next(&i, &e), INI_END);
    }
}

static void a_nul_byte_is_not_text(void) {
    struct err e = {0};
    struct ini i = ini_open(SPAN_LIT("a = b\0c\nd = e\n"));
    CHECK_INT(ini_next(&i, &e), INI_BROKEN);
    CHECK(strstr(e.msg, "contains a NUL byte") != NULL);
    CHECK_INT(ini_next(&i, &e), INI_PAIR);
    CHECK_INT(i.line, 2);
}

CHECK_MAIN(CHECK_TEST(a_nul_byte_is_not_text), CHECK_TEST(items_come_in_order),
           CHECK_TEST(broken_lines_are_named_and_passed))
