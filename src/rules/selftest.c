#include "rules/selftest.h"

#include "base/must.h"
#include "rules/regex.h"

#include <string.h>

enum {
    FILLER = '~',   /* part of no text that matches */
    TEXTS = 2,      /* at most, that a question has of each kind */
    TEXT_MAX = 128, /* bytes of a text */
    OFFSET_MAX = 72,
    LONE_OFFSET_MAX = 100,
};

/* Asked of all these patterns in one database, as rules are, with as much filler before the text as behind it. */
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

/* Asked of one pattern alone in its database, where engines look for one byte, or one class of bytes, with code of its
 * own: with any length of filler before the text and behind it. Vectorscan 5.4.9 fails here. */
static const struct {
    const char *pattern, *text;
} LONE[] = {
    {"x", "x"},          {"-", "-"},
    {"q7", "Q7"},        {"fatal", "FATAL"},
    {"[0-9]", "5"},      {"[0-9]+[a-c]", "4b"},
    {"[^~]+x", "abX"},   {"\\w+ing", "pINGing"},
    {"(in|out)", "Out"},
};
enum { LONE_COUNT = sizeof LONE / sizeof LONE[0] };

/* A database to ask. */
struct asker {
    hs_database_t *db;
    hs_scratch_t *scratch;
};

static bool selftest_asker_open(struct asker *k, const char *const *pattern, unsigned n, struct err *e) {
    unsigned id[QUESTION_COUNT] = {0};
    MUST(n <= QUESTION_COUNT);
    for (unsigned i = 0; i < n; i++) id[i] = i;
    *k = (struct asker){.db = regex_compile(&(struct regex_patterns){pattern, id, n}, REGEX_WHICH, e)};
    return (k->db && regex_scratch(k->db, &k->scratch, e)) || err_prefix(e, "the regex engine's self-test");
}

static void asker_close(struct asker *k) {
    hs_free_scratch(k->scratch);
    hs_free_database(k->db);
}

struct answer {
    unsigned asked; /* the id of the pattern in question */
    bool matched;
};

static int selftest_on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx) {
    (void)from, (void)to, (void)flags;
    struct answer *a = ctx;
    if (id == a->asked) a->matched = true;
    return 0; /* go on: all patterns at once is what the rules do */
}

/* A pattern, and a text for it between filler. */
struct inquiry {
    unsigned id; /* the pattern's, in the asker's database */
    const char *pattern, *text;
    size_t before, after; /* bytes of filler */
    bool matches;         /* the right answer */
};

static bool selftest_ask(const struct asker *k, const struct inquiry *q, struct err *e) {
    char whole[TEXT_MAX + 2 * LONE_OFFSET_MAX];
    size_t n = strlen(q->text);
    MUST(n <= TEXT_MAX);
    memset(whole, FILLER, q->before + n + q->after);
    memcpy(whole + q->before, q->text, n);
    struct answer a = {.asked = q->id};
    if (!regex_scan(k->db, whole, q->before + n + q->after, k->scratch, selftest_on_match, &a))
        return err_set(e, ERR_RULE, "the regex engine's scan failed");
    return a.matched == q->matches ||
           err_set(e, ERR_RULE,
                   "the regex library %s %s: pattern '%s', text '%s' with %zu bytes before it and %zu behind; install "
                   "another version",
                   hs_version(), q->matches ? "misses a match" : "invents a match", q->pattern, q->text, q->before,
                   q->after);
}

static bool ask_texts(const struct asker *k, unsigned i, const char *const *texts, bool matches, struct err *e) {
    size_t last = QUESTIONS[i].alone ? 0 : OFFSET_MAX;
    for (size_t t = 0; t < TEXTS && texts[t]; t++)
        for (size_t n = 0; n <= last; n++)
            if (!selftest_ask(k, &(struct inquiry){i, QUESTIONS[i].pattern, texts[t], n, n, matches}, e)) return false;
    return true;
}

static bool ask_together(struct err *e) {
    const char *pattern[QUESTION_COUNT];
    for (unsigned i = 0; i < QUESTION_COUNT; i++) pattern[i] = QUESTIONS[i].pattern;
    struct asker k;
    bool ok = selftest_asker_open(&k, pattern, QUESTION_COUNT, e);
    for (unsigned i = 0; i < QUESTION_COUNT && ok; i++)
        ok = ask_texts(&k, i, QUESTIONS[i].yes, true, e) && ask_texts(&k, i, QUESTIONS[i].no, false, e);
    asker_close(&k);
    return ok;
}

static bool ask_lone(unsigned i, struct err *e) {
    struct asker k;
    bool ok = selftest_asker_open(&k, &LONE[i].pattern, 1, e);
    for (size_t before = 0; before <= LONE_OFFSET_MAX && ok; before++)
        for (size_t after = 0; after <= LONE_OFFSET_MAX && ok; after++)
            ok = selftest_ask(&k, &(struct inquiry){0, LONE[i].pattern, LONE[i].text, before, after, true}, e);
    asker_close(&k);
    return ok;
}

bool selftest_run(struct err *e) {
    if (!ask_together(e)) return false;
    for (unsigned i = 0; i < LONE_COUNT; i++)
        if (!ask_lone(i, e)) return false;
    return true;
}
