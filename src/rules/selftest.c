#include "rules/selftest.h"

#include "base/span.h"
#include "rules/regex.h"

#include <string.h>

enum { OFFSET_MAX = 72, ROOM = 512, FILLER = '~' };

enum { TEXTS = 2 };

struct question {
    const char *pattern;
    const char *yes[TEXTS], *no[TEXTS]; /* what it matches, and what it does not; NULL: no more */
    bool alone;                         /* only when the text stands alone, without filler around it */
};

#define FOX "the quick brown fox jumps over the lazy dog, twice over, and then once more"

static const struct question QUESTIONS[] = {
    /* words and classes are ASCII; case does not count */
    {"User \\w+ logged (in|out)",
     {"xxUser a logged inyy", "user ADMIN_9 LOGGED OUT"},
     {"User a-b logged in", "user \xc3\xa9 logged in"},
     false},
    {"[^a-y0-9~]{3}q", {"abzzzq"}, {"abzyzq"}, false},
    {"\\bfail\\b", {"a fail b", "(FAIL)"}, {"a fails b", "unfail"}, false},
    /* .+ takes at least one byte, any but a newline */
    {"ID .+ created by .+", {"ID 7 created by bob"}, {"ID  created by bob", "ID 7\ncreated by bob"}, false},
    {"left.+right", {"left \x80\xff right"}, {"left\nright", "leftright"}, false},
    /* a literal longer than a vector */
    {FOX, {FOX}, {"the quick brown fox jumps over the lazy dog, twice over, and then once mor_"}, false},
    /* alternatives of one length, of several, with a common start or end */
    {"(alpha|bravo|gamma|delta) (one|two|six)", {"DELTA six", "alpha one"}, {"delta ten", "alph two"}, false},
    {"conn(ect(ion|ed)?|) (refused|reset)", {"conn reset", "connection refused"}, {"connecte reset"}, false},
    {"(x|yy|zzz)+end", {"xyyzzzyyxend"}, {"xyyzzyyxxen"}, false},
    /* counted repeats at both bounds */
    {"<[0-9]{2,4}>", {"<12>", "<1234>"}, {"<1>", "<12345>"}, false},
    {"k.{20}k=v", {"k....................k=v"}, {"k.....................K=V"}, false},
    /* pieces far from each other */
    {"disk.*full",
     {"DISK /dev/sda1 of host h at 12:00:01.123456 in pool p is now full"},
     {"disk /dev/sda1 of host h at 12:00:01.123456 in pool p is now ful"},
     false},
    /* the ends of the text */
    {"^start", {"start of it"}, {" start of it"}, true},
    {"end$", {"at the END"}, {"at the end."}, true},
    {"^whole line$", {"Whole Line"}, {"Whole Line, and more"}, true},
};
enum { QUESTION_COUNT = sizeof QUESTIONS / sizeof QUESTIONS[0] };

struct asker {
    hs_database_t *db;
    hs_scratch_t *scratch;
};

struct answer {
    unsigned asked; /* the id of the pattern in question */
    bool matched;
};

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx) {
    (void)from, (void)to, (void)flags;
    struct answer *a = ctx;
    if (id == a->asked) a->matched = true;
    return 0; /* go on: all patterns at once is what the rules do */
}

static bool ask_at(const struct asker *k, unsigned i, const char *text, bool matches, size_t offset, struct err *e) {
    char whole[ROOM];
    size_t n = strlen(text);
    memset(whole, FILLER, sizeof whole);
    memcpy(whole + offset, text, n);
    struct answer a = {.asked = i};
    if (!regex_scan(k->db, whole, n + 2 * offset, k->scratch, on_match, &a))
        return err_set(e, ERR_RULE, "the regex engine's scan failed");
    return a.matched == matches ||
           err_set(e, ERR_RULE, "the regex engine %s %s: pattern '%s', text '%s' at byte %zu; install another version",
                   hs_version(), matches ? "misses a match" : "invents a match", QUESTIONS[i].pattern, text, offset);
}

static bool ask(const struct asker *k, unsigned i, const char *const *texts, bool matches, struct err *e) {
    size_t last = QUESTIONS[i].alone ? 0 : OFFSET_MAX;
    for (size_t t = 0; t < TEXTS && texts[t]; t++)
        for (size_t offset = 0; offset <= last; offset++)
            if (!ask_at(k, i, texts[t], matches, offset, e)) return false;
    return true;
}

static bool ask_all(const struct asker *k, struct err *e) {
    for (unsigned i = 0; i < QUESTION_COUNT; i++)
        if (!ask(k, i, QUESTIONS[i].yes, true, e) || !ask(k, i, QUESTIONS[i].no, false, e)) return false;
    return true;
}

bool selftest_run(struct err *e) {
    const char *pattern[QUESTION_COUNT];
    unsigned id[QUESTION_COUNT];
    for (unsigned i = 0; i < QUESTION_COUNT; i++) {
        pattern[i] = QUESTIONS[i].pattern;
        id[i] = i;
    }
    struct asker k = {regex_compile(&(struct regex_patterns){pattern, id, QUESTION_COUNT}, REGEX_WHICH, e), NULL};
    if (!k.db) return err_prefix(e, "the regex engine's self-test");
    bool ok = regex_scratch(k.db, &k.scratch, e) && ask_all(&k, e);
    hs_free_scratch(k.scratch);
    hs_free_database(k.db);
    return ok;
}
