#include "cmd/flags.h"

#include "base/check.h"
#include "base/unconst.h"

#include <stdint.h>

static bool yes, keep;
static const char *text;
static unsigned whole;
static double real, share;

static const struct flag FLAGS[] = {
    {"yes", FLAG_TRUE, &yes, 0, 0, NULL, "says yes"},    {"no-keep", FLAG_FALSE, &keep, 0, 0, NULL, "does not keep"},
    {"text", FLAG_TEXT, &text, 0, 0, "FILE", "a file"},  {"whole", FLAG_INT, &whole, 1, 9, "N", "a number"},
    {"real", FLAG_FLOAT, &real, -1, 1, "X", "a number"}, {"share", FLAG_FRACTION, &share, 0, 0, "SHARE", "a share"},
};
enum { N = sizeof FLAGS / sizeof FLAGS[0] };

static int operands;
static struct err err;
static const char *argv_[12];

static bool flags_of(const char *a, const char *b, const char *c, const char *d) {
    const char *all[] = {"cmd", a, b, c, d};
    int argc = 1;
    while (argc < 5 && all[argc]) argc++;
    memcpy(argv_, all, sizeof all);
    keep = true;
    return flags_parse(FLAGS, N, argc, unconst(argv_), &operands, &err);
}

static void values_are_set(void) {
    CHECK(flags_of("--yes", "--text", "f", "--whole=7") && yes && whole == 7 && keep);
    CHECK_STR(text, "f");
    CHECK(flags_of("--no-keep", "--real", "-0.5", "--share=5%") && !keep && real == -0.5);
    CHECK_NEAR(share, 0.05, 1e-12);
    CHECK(flags_of("--share", "0.25", NULL, NULL) && share == 0.25);
}

static void operands_come_first(void) {
    CHECK(flags_of("a", "--yes", "b", NULL));
    CHECK_INT(operands, 2);
    CHECK_STR(argv_[2], "b");
    CHECK(flags_of("--", "--yes", NULL, NULL));
    CHECK_INT(operands, 1);
    CHECK_STR(argv_[1], "--yes");
}

static void mistakes_are_named(void) {
    static const struct {
        const char *a, *b, *says;
    } CASES[] = {
        {"--nope", NULL, "unknown option '--nope'; see 'logclass cmd --help'"},
        {"--text", NULL, "--text needs a value"},
        {"--yes=1", NULL, "--yes takes no value"},
        {"--whole", "10", "--whole is '10': expected a whole number from 1 to 9"},
        {"--whole", "2.5", "expected a whole number"},
        {"--real", "x", "expected a number from -1 to 1"},
        {"--share", "120%", "expected a share such as 0.05 or 5%"},
        {"--share", "nan", "expected a share"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        CHECK(!flags_of(CASES[i].a, CASES[i].b, NULL, NULL));
        CHECK_INT(err.code, ERR_USAGE);
        if (!strstr(err.msg, CASES[i].says)) CHECK_STR(err.msg, CASES[i].says);
    }
}

static void help_lists_each(void) {
    struct buf b;
    buf_init(&b, 4096);
    flags_help(FLAGS, N, &b);
    buf_putc(&b, '\0');
    CHECK(strstr(b.p, "  --text FILE               a file\n") != NULL);
    CHECK(strstr(b.p, "  --yes                     says yes\n") != NULL);
    buf_release(&b);
}

CHECK_MAIN(CHECK_TEST(values_are_set), CHECK_TEST(operands_come_first), CHECK_TEST(mistakes_are_named),
           CHECK_TEST(help_lists_each))
