/* The rules as a user meets them: the default file, what wins, spans, limits, errors. differential_test.c compares the
 * engine with another one. */
#include "rules/rules.h"

#include "base/check.h"
#include "base/file.h"
#include "rules/cost.h"
#include "rules/regex.h"
#include "rules/selftest.h"

#include <unistd.h>

enum { NONE = -1 };

static struct rules *rules;
static struct rules_scratch *scratch;

/* Opens the rules in this text; NULL: *e says why. */
static struct rules *open_text(const char *text, struct err *e) {
    char path[] = "/tmp/rules_test.XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0) return NULL;
    close(fd);
    struct rules *r = file_write(path, span_of(text), e) ? rules_open(path, label_default(), e) : NULL;
    unlink(path);
    return r;
}

/* For a test's length: `rules` and `scratch` hold this text's rules. */
static bool rules_begin(const char *text) {
    struct err e = {0};
    rules = open_text(text, &e);
    scratch = rules ? rules_scratch_open(rules, &e) : NULL;
    CHECK_STR(e.msg, "");
    return scratch != NULL;
}

static void rules_end(void) {
    rules_scratch_close(scratch);
    rules_close(rules);
    scratch = NULL;
    rules = NULL;
}

static int rules_match_one(const char *source, const char *message) {
    struct record rec = {span_of(source), span_of(message)};
    return rules_match(rules, scratch, &rec, NULL);
}

/* The text that the winning rule's match covers, in a buffer of its own. */
static const char *rules_matched(const char *message) {
    static char text[256];
    struct record rec = {{0}, span_of(message)};
    struct rules_match m;
    if (rules_match(rules, scratch, &rec, &m) == NONE) return "(none)";
    snprintf(text, sizeof text, "%.*s", (int)(m.to - m.from), message + m.from);
    return text;
}

static void default_rules_hold_the_contract(void) {
    static const struct {
        const char *message;
        const char *label; /* NULL: no rule */
    } rows[] = {
        {"User User123 logged in.", "USER_ACTION"},
        {"User admin123 logged in.", "USER_ACTION"},
        {"user x LOGGED OUT", "USER_ACTION"},
        {"xxUser a logged inyy", "USER_ACTION"},
        {"Account with ID 7 created by bob", "USER_ACTION"},
        {"account with id a b c created by d e", "USER_ACTION"},
        {"System updated to version 2.0.5", "SYSTEM_NOTIFICATION"},
        {"File data_6957.csv uploaded successfully by user User265.", "SYSTEM_NOTIFICATION"},
        {"Disk cleanup completed successfully.", "SYSTEM_NOTIFICATION"},
        {"System reboot initiated by user User179.", "SYSTEM_NOTIFICATION"},
        {"User a b logged in", NULL},
        {"User a-b logged in", NULL},
        {"user \xc3\xa9 logged in", NULL},
        {"User  logged in", NULL},
        {"User a logged", NULL},
        {"Account with ID  created by x", NULL},
        {"Account with ID 7 created by ", NULL},
        {"Account with ID 7\ncreated by x", NULL},
        {"System updated to version ", NULL},
        {"System updated to version \n2", NULL},
        {"Backup completed successfully.", NULL},
        {"", NULL},
        {"\n", NULL},
    };
    struct err e = {0};
    rules = rules_open("data/rules.conf", label_default(), &e);
    CHECK_STR(e.msg, "");
    if (!rules) return;
    scratch = rules_scratch_open(rules, &e);
    CHECK_INT(rules_count(rules), 6);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int k = rules_match_one("", rows[i].message);
        CHECK_STR(k == NONE ? rows[i].message : label_default()->label[rules_get(rules, (size_t)k)->label].id,
                  rows[i].label ? rows[i].label : rows[i].message);
        if (k != NONE) CHECK_NEAR(rules_get(rules, (size_t)k)->confidence, 0.95, 0);
    }
    struct record none = {{NULL, 0}, {NULL, 0}};
    CHECK_INT(rules_match(rules, scratch, &none, NULL), NONE);
    rules_end();
}

static void first_rule_wins(void) {
    /* the later rules' matches end earlier, so the engine reports them first */
    if (!rules_begin("[rule a]\nlabel=INFO\npattern=error.*disk$\n"
                     "[rule b]\nlabel=DB_ERROR\nconfidence = 0.5\npattern=error\n"
                     "[rule c]\nlabel=BACKUP\npattern=err\n"))
        return;
    CHECK_INT(rules_match_one("", "an ERROR of the disk"), 0);
    CHECK_INT(rules_match_one("", "an error of the disk!"), 1);
    CHECK_INT(rules_match_one("", "erratic"), 2);
    CHECK_INT(rules_match_one("", "er"), NONE);
    CHECK_STR(rules_get(rules, 1)->name, "b");
    CHECK_INT(rules_get(rules, 1)->line, 4);
    CHECK_INT(rules_get(rules, 1)->pattern_line, 7);
    CHECK_NEAR(rules_get(rules, 1)->confidence, 0.5, 0);
    rules_end();
}

static void source_is_a_condition(void) {
    if (!rules_begin("[rule a]\nlabel=INFO\npattern=closed\nsource=^sshd$\n"
                     "[rule b]\nlabel=BACKUP\npattern=closed\nsource=cron|at\n"
                     "[rule c]\nlabel=DB_ERROR\npattern=session closed\n"))
        return;
    CHECK_INT(rules_match_one("sshd", "session closed"), 0);
    CHECK_INT(rules_match_one("SSHD", "session closed"), 0);
    CHECK_INT(rules_match_one("sshd2", "session closed"), 2);
    CHECK_INT(rules_match_one("/usr/bin/cron", "session closed"), 1);
    CHECK_INT(rules_match_one("", "session closed"), 2); /* an earlier record's source must not count */
    CHECK_INT(rules_match_one("sshd", "session open"), NONE);
    CHECK_INT(rules_match_one("", "closed"), NONE);
    rules_end();
}

static void span_is_leftmost_and_longest(void) {
    if (!rules_begin("[rule a]\nlabel=INFO\npattern=user \\w+\n"
                     "[rule b]\nlabel=INFO\npattern=id .+ by .+\n"
                     "[rule c]\nlabel=INFO\npattern=(ab|abcd|cde)\n"
                     "[rule d]\nlabel=INFO\npattern=x.{0,700}y\n"))
        return;
    CHECK_STR(rules_matched("the user bob left, user alice came"), "user bob");
    CHECK_STR(rules_matched("an ID 7 by x by y\nz"), "ID 7 by x by y");
    CHECK_STR(rules_matched("-abcde"), "abcd");
    CHECK_STR(rules_matched("12x345y6"), "12x345y"); /* too big for a start: from 0 */
    CHECK_STR(rules_matched("nothing"), "(none)");
    rules_end();
}

static void files_without_rules_are_fine(void) {
    static const char *const texts[] = {"", "\n\n", "# only\n; comments", "\xef\xbb\xbf# with a byte order mark\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!rules_begin(texts[i])) continue;
        CHECK_INT(rules_count(rules), 0);
        CHECK_INT(rules_match_one("a", "b"), NONE);
        rules_end();
    }
}

static void text_is_read_leniently(void) {
    if (!rules_begin(
            "\xef\xbb\xbf  [rule   a = b [c] ]\r\n\tlabel=INFO\r\n  # a comment\r\n  pattern  =  a = #[b] ;c  \r\n"))
        return;
    CHECK_STR(rules_get(rules, 0)->name, "a = b [c]");
    CHECK_STR(rules_get(rules, 0)->pattern, "a = #[b] ;c");
    CHECK_INT(rules_match_one("", "A = #B ;C"), 0);
    rules_end();
}

/* What stands behind "PATH:" of the error that this text gives; "(fine)": none. */
static const char *trouble(const char *text) {
    static struct err e;
    struct rules *r = open_text(text, &e);
    rules_close(r);
    if (r) return "(fine)";
    const char *colon = strchr(e.msg, ':');
    return colon ? colon + 1 : e.msg;
}

static void errors_name_line_and_reason(void) {
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"label = INFO\n", "1: 'label' stands before the first [rule NAME]"},
        {"\n\nnonsense\n", "3: expected [section], 'key = value' or a comment"},
        {"[rule]\n", "1: the rule has no name: expected [rule NAME]"},
        {"[rule   ]\n", "1: the rule has no name: expected [rule NAME]"},
        {"[rule \x1b]\n", "1: the rule's name holds a control character"},
        {"[rules a]\n", "1: [rules] does not start a rule: expected [rule NAME]"},
        {"[rule a\n", "1: '[rule a' is not a section: expected a ']' at the end"},
        {"[", "1: '[' is not a section: expected a ']' at the end"},
        {"[rule a]\nlabel=INFO\n\n[rule b]\n", "1: rule 'a' has no 'pattern = …' line"},
        {"#\n[rule a]\npattern=x\n", "2: rule 'a' has no 'label = …' line"},
        {"[rule a]\nlabel=FOO\n", "2: no label is called 'FOO'"},
        {"[rule a]\nlabel=INFO\nlabel=INFO\n", "3: rule 'a' has two 'label' lines"},
        {"[rule a]\nlabel=\n", "2: 'label' has no value"},
        {"[rule a]\ncolour=red\n", "2: unknown key 'colour': expected label, pattern, confidence or source"},
        {"[rule a]\nconfidence=1.5\n", "2: confidence is '1.5': expected a number from 0 to 1"},
        {"[rule a]\nconfidence=nan\n", "2: confidence is 'nan': expected a number from 0 to 1"},
        {"[rule a]\nconfidence=0.5.1\n", "2: confidence is '0.5.1': expected a number from 0 to 1"},
        {"[rule a]\nlabel=INFO\npattern=x\n[rule b]\nlabel=INFO\npattern=x\n[rule a]\nlabel=INFO\npattern=y\n",
         "7: a rule 'a' stands in line 1 already"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) CHECK_STR(trouble(rows[i].text), rows[i].error);
}

static void patterns_are_refused_with_a_reason(void) {
    static const struct {
        const char *pattern, *error;
    } rows[] = {
        {"a*", "it matches the empty string"},
        {"^$", "it matches the empty string"},
        {"\\b", "it matches the empty string"},
        {"(a|)", "it matches the empty string"},
        {"(", "Missing close parenthesis"},
        {")", "Unmatched parentheses"},
        {"a**", "Invalid repeat"},
        {"(a)\\1", "Back-references are unsupported"},
        {"(?=a)b", "Zero-width assertions are not supported"},
        {"(*UTF8)a", "(*...) switches the engine's mode"},
        {"a\\", "ends in a lone backslash"},
        {"[ab", "a [ has no ]"},
        {"[\xc3\xa9]", "a class can't hold a non-ASCII character"},
        {"\xc3\xa9+", "a repeat here takes only the last byte"},
        {"\xc3\xa9{2}", "a repeat here takes only the last byte"},
        {"a.{0,32767}b", "more than 1000 copies"},
        {"a.{99999999999999999999}b", "more than 1000 copies"},
        {"((a{1,50}){1,50})b", "its repeats come to more than 1024 characters"},
        {"((((a{9}){9}){9}){9}){9}", "its repeats come to more than 1024 characters"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256], place[64];
        snprintf(text, sizeof text, "[rule a]\nlabel = INFO\npattern = %s\n", rows[i].pattern);
        const char *got = trouble(text);
        snprintf(place, sizeof place, "3: the pattern of rule 'a': ");
        CHECK_STR(strncmp(got, place, strlen(place)) == 0 && strstr(got, rows[i].error) ? rows[i].error : got,
                  rows[i].error);
    }
    const char *got = trouble("[rule a]\nlabel = INFO\nsource = a*\npattern = a\n");
    CHECK(strncmp(got, "3: the source of rule 'a': it matches the empty string", 54) == 0);
}

static void costs_are_counted(void) {
    static const struct {
        const char *pattern;
        unsigned positions, copies;
    } rows[] = {
        {"abc", 3, 0},           {"a{3}", 3, 2},         {"(ab|c){2,4}d", 13, 9},  {"(a{2}b){3}", 9, 7},
        {"[]a]x", 2, 0},         {"[^]{3}]", 1, 0},      {"[[:alpha:]]{2}", 2, 1}, {"\\x{e9}{2}", 2, 1},
        {"\\Qa{9}\\E{2}", 5, 1}, {"a{,3}", 5, 0},        {"a{x}", 4, 0},           {"(?:a)(?#(()b", 2, 0},
        {"\\{3}", 3, 0},         {"(?i:ab){5,}", 10, 8}, {"(?<n>ab)", 2, 0},       {"((", 0, 0},
        {"a{0}", 1, 0},
    };
    struct err e;
    struct cost c;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK(cost_of(rows[i].pattern, &c, &e));
        CHECK_INT(c.positions, rows[i].positions);
        CHECK_INT(c.copies, rows[i].copies);
    }
    char deep[COST_DEPTH_MAX + 1];
    memset(deep, '(', COST_DEPTH_MAX);
    deep[COST_DEPTH_MAX] = '\0';
    CHECK(!cost_of(deep, &c, &e));
    deep[COST_DEPTH_MAX - 1] = '\0';
    CHECK(cost_of(deep, &c, &e));
}

static void sizes_have_limits(void) {
    static char text[RULES_MAX * 40 + 2 * RULES_PATTERN_MAX];
    for (int over = 0; over < 2; over++) {
        int n = snprintf(text, sizeof text, "[rule %0*d]\nlabel=INFO\npattern=", RULES_NAME_MAX + over, 1);
        memset(text + n, 'a', RULES_PATTERN_MAX);
        text[n + RULES_PATTERN_MAX] = '\0';
        CHECK_STR(trouble(text), over ? "1: the rule's name has 129 bytes, at most 128 are allowed" : "(fine)");
    }
    int n = snprintf(text, sizeof text, "[rule a]\nlabel=INFO\npattern=");
    memset(text + n, 'a', RULES_PATTERN_MAX + 1);
    text[n + RULES_PATTERN_MAX + 1] = '\0';
    CHECK_STR(trouble(text), "3: the pattern has 4097 bytes, at most 4096 are allowed");
    n = 0;
    for (int i = 0; i <= RULES_MAX; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "[rule %d]\nlabel=INFO\npattern=%d\n", i, i);
    CHECK_STR(trouble(text), "30001: more than 10000 rules");
}

static void known_bad_engines_are_refused(void) {
    struct err e = {0};
    CHECK(regex_version_check("5.4.0 2021-01-26", &e));
    CHECK(regex_version_check("5.4.90", &e));
    CHECK(!regex_version_check("5.4.9", &e));
    CHECK(!regex_version_check("5.4.9 2023-03-23", &e));
    CHECK(strstr(e.msg, "AVX-512") != NULL);
    CHECK(regex_check(&e) && selftest_run(&e));
}

CHECK_MAIN(CHECK_TEST(default_rules_hold_the_contract), CHECK_TEST(first_rule_wins), CHECK_TEST(source_is_a_condition),
           CHECK_TEST(span_is_leftmost_and_longest), CHECK_TEST(files_without_rules_are_fine),
           CHECK_TEST(text_is_read_leniently), CHECK_TEST(errors_name_line_and_reason),
           CHECK_TEST(patterns_are_refused_with_a_reason), CHECK_TEST(costs_are_counted), CHECK_TEST(sizes_have_limits),
           CHECK_TEST(known_bad_engines_are_refused))
