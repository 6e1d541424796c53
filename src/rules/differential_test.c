/* The same questions to Hyperscan and to PCRE2, an independent engine: random patterns on random lines, from a seed.
 * PCRE2's backtracking matcher says whether a pattern matches; its DFA matcher, which finds the leftmost longest match,
 * says where. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/buf.h"
#include "base/check.h"
#include "base/file.h"
#include "base/must.h"
#include "base/rng.h"
#include "rules/cost.h"
#include "rules/regex.h"
#include "rules/rules.h"

#include <pcre2.h>
#include <unistd.h>

enum {
    SET = 20,           /* patterns in one database */
    SETS = 9,           /* databases */
    LINES = 600,        /* lines for each: SETS * SET * LINES = 108,000 comparisons */
    LONE_SETS = 80,     /* databases of one pattern, */
    LONE_LINES = 100,   /* with as many lines */
    FILES = 1,          /* rule files, each tried on FILE_LINES records each */
    FILE_LINES = 1600,  /* … */
    POSITIONS_MAX = 50, /* of a pattern, as cost.h counts them */
    DEPTH_MAX = 3,
    TEXT_MAX = 4096,
    BACKTRACK_MAX = 20000, /* PCRE2's steps for one answer */
};

/* ---- random patterns, each with a text that it matches more often than not ---- */

struct maker {
    struct rng rng;
    struct buf pattern, sample;
};

static const struct {
    const char *pattern, *samples; /* samples: single bytes */
} ATOMS[] = {
    {"a", "aA"},
    {"b", "bB"},
    {"c", "c"},
    {"x", "xX"},
    {"-", "-"},
    {"7", "7"},
    {"_", "_"},
    {" ", " "},
    {"\\.", "."},
    {"\xe9", "\xe9"},
    {"\\w", "aZ9_"},
    {"\\W", "- ;\x80"},
    {"\\d", "0429"},
    {"\\D", "a- \xff"},
    {"\\s", " \t\n\v\f\r"},
    {"\\S", "a;\xe9"},
    {".", "az \x80"},
    {"[ab]", "aB"},
    {"[^ab]", "cd \n"},
    {"[a-f0-9]", "aF3"},
    {"[^\\s-]", "a_"},
    {"\\x41", "aA"},
    {"[[:punct:]]", ".;"},
    {"\\t", "\t"},
    {"[\\]x]", "]x"},
};

static const char *const WORDS[] = {"error", "failed to", "connection", "User", "disk full", "session closed for user"};

static uint32_t below(struct maker *m, uint32_t n) {
    return rng_below(&m->rng, n);
}

static void alternatives(struct maker *m, unsigned depth);

static void atom(struct maker *m, unsigned depth) {
    uint32_t kind = below(m, 10);
    if (kind == 0) {
        const char *word = WORDS[below(m, sizeof WORDS / sizeof WORDS[0])];
        buf_printf(&m->pattern, "(?:%s)", word);
        buf_puts(&m->sample, word);
    } else if (kind <= 2 && depth < DEPTH_MAX) {
        buf_puts(&m->pattern, kind == 1 ? "(" : "(?:");
        alternatives(m, depth + 1);
        buf_puts(&m->pattern, ")");
    } else {
        size_t k = below(m, sizeof ATOMS / sizeof ATOMS[0]);
        buf_puts(&m->pattern, ATOMS[k].pattern);
        buf_putc(&m->sample, ATOMS[k].samples[below(m, (uint32_t)strlen(ATOMS[k].samples))]);
    }
}

/* Leaves `times` copies of what the sample holds from `start` on. */
static void repeat_sample(struct maker *m, size_t start, uint32_t times) {
    char piece[TEXT_MAX];
    size_t n = m->sample.n - start;
    if (n > sizeof piece || n * times > TEXT_MAX) return;
    memcpy(piece, m->sample.p + start, n);
    m->sample.n = start;
    for (uint32_t i = 0; i < times; i++) buf_put(&m->sample, piece, n);
}

static void piece(struct maker *m, unsigned depth) {
    size_t start = m->sample.n;
    atom(m, depth);
    uint32_t least = below(m, 4), most = least + below(m, 12), lazy = below(m, 8) == 0;
    uint32_t kind = below(m, 14);
    switch (kind) {
    case 0: buf_puts(&m->pattern, "?"), least = 0, most = 1; break;
    case 1: buf_puts(&m->pattern, "*"), least = 0, most = 4; break;
    case 2: buf_puts(&m->pattern, "+"), least = 1, most = 40; break;
    case 3: buf_printf(&m->pattern, "{%u}", most), least = most; break;
    case 4: buf_printf(&m->pattern, "{%u,}", least), most = least + 2; break;
    case 5: buf_printf(&m->pattern, "{%u,%u}", least, most); break;
    default: return;
    }
    if (lazy) buf_puts(&m->pattern, "?");
    repeat_sample(m, start, least + below(m, most - least + 1));
}

static void sequence(struct maker *m, unsigned depth) {
    for (uint32_t n = 1 + below(m, depth == 0 ? 6 : 3); n > 0; n--) {
        if (below(m, 20) == 0) buf_puts(&m->pattern, "\\b");
        piece(m, depth);
    }
}

/* One alternative's sample is kept. */
static void alternatives(struct maker *m, unsigned depth) {
    uint32_t n = 1 + below(m, 3), kept = below(m, n);
    for (uint32_t i = 0; i < n; i++) {
        size_t start = m->sample.n;
        if (i > 0) buf_puts(&m->pattern, "|");
        sequence(m, depth);
        if (i != kept) m->sample.n = start;
    }
}

/* ---- one pattern in both engines' terms ---- */

struct subject {
    char pattern[TEXT_MAX], sample[TEXT_MAX];
    size_t sample_n;
    pcre2_code *code;
};

static pcre2_match_data *data;
static pcre2_match_context *limits;

static pcre2_code *compile_pcre2(const char *pattern) {
    int why;
    PCRE2_SIZE where;
    pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
    pcre2_set_newline(ctx, PCRE2_NEWLINE_LF);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_CASELESS, &why, &where, ctx);
    pcre2_compile_context_free(ctx);
    return code;
}

/* PCRE2 gives up on patterns that backtrack too much; there is nothing to compare then. */
enum answer { NO, YES, UNKNOWN };

static unsigned unknowns;

static enum answer differential_answer(int rc) {
    MUST(rc >= 0 || rc == PCRE2_ERROR_NOMATCH || rc == PCRE2_ERROR_MATCHLIMIT);
    unknowns += rc == PCRE2_ERROR_MATCHLIMIT;
    return rc >= 0 ? YES : rc == PCRE2_ERROR_NOMATCH ? NO : UNKNOWN;
}

static enum answer matches(const pcre2_code *code, struct span text) {
    return differential_answer(pcre2_match(code, (PCRE2_SPTR)text.p, text.n, 0, 0, data, limits));
}

/* Leftmost, then longest. */
static enum answer differential_find(const pcre2_code *code, struct span text, struct rules_match *m) {
    static int workspace[1 << 16];
    enum answer found = differential_answer(pcre2_dfa_match(code, (PCRE2_SPTR)text.p, text.n, 0, 0, data, limits,
                                                            workspace, sizeof workspace / sizeof workspace[0]));
    const PCRE2_SIZE *v = pcre2_get_ovector_pointer(data);
    if (found == YES) *m = (struct rules_match){(uint32_t)v[0], (uint32_t)v[1]};
    return found;
}

/* Makes patterns until one is fit for a rule. */
static void make_subject(struct maker *m, struct subject *s) {
    struct err e;
    struct cost cost;
    for (;;) {
        buf_reset(&m->pattern), buf_reset(&m->sample);
        bool whole = below(m, 6) == 0;
        if (whole) buf_puts(&m->pattern, "^(?:");
        alternatives(m, 0);
        if (whole) buf_puts(&m->pattern, below(m, 2) ? ")$" : ")");
        if (m->pattern.failed || m->pattern.n >= 160 || m->sample.failed || m->sample.n >= 300) continue;
        memcpy(s->pattern, m->pattern.p, m->pattern.n);
        s->pattern[m->pattern.n] = '\0';
        memcpy(s->sample, m->sample.p, m->sample.n);
        s->sample_n = m->sample.n;
        if (!cost_of(s->pattern, &cost, &e) || cost.positions > POSITIONS_MAX) continue;
        if (!regex_consumes(s->pattern, &e)) continue;
        s->code = compile_pcre2(s->pattern);
        MUST(s->code != NULL);
        return;
    }
}

/* A line that holds the sample between noise, sometimes with a byte changed or in capitals. */
static struct span make_line(struct maker *m, const struct subject *s, char *line) {
    static const char NOISE[] = "abcx-7_ .;AB\n\t\x80\xe9 error User";
    size_t n = 0;
    uint32_t before = below(m, 3) ? below(m, 70) : 0, after = below(m, 3) ? below(m, 70) : 0;
    while (n < before) line[n++] = NOISE[below(m, sizeof NOISE)]; /* its NUL too */
    memcpy(line + n, s->sample, s->sample_n);
    if (s->sample_n > 0 && below(m, 3) == 0) line[n + below(m, (uint32_t)s->sample_n)] = NOISE[below(m, sizeof NOISE)];
    n += s->sample_n;
    for (uint32_t i = 0; i < after; i++) line[n++] = NOISE[below(m, sizeof NOISE)];
    return (struct span){line, n};
}

static void report(const char *what, const char *pattern, struct span line) {
    check_failures++;
    fprintf(stderr, "%s: pattern '%s', line ", what, pattern);
    for (size_t i = 0; i < line.n; i++) fprintf(stderr, "\\x%02x", (unsigned char)line.p[i]);
    fputc('\n', stderr);
}

/* ---- the comparisons ---- */

static struct maker maker;
static struct subject subject[SET];

static void differential_begin(uint64_t seed) {
    maker.rng.state = seed;
    buf_init(&maker.pattern, TEXT_MAX);
    buf_init(&maker.sample, TEXT_MAX);
    data = pcre2_match_data_create(16, NULL);
    limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(limits, BACKTRACK_MAX);
    unknowns = 0;
}

static void make_subjects(unsigned n) {
    for (unsigned i = 0; i < n; i++) make_subject(&maker, &subject[i]);
}

static void free_subjects(unsigned n) {
    for (unsigned i = 0; i < n; i++) pcre2_code_free(subject[i].code);
}

static void differential_end(void) {
    buf_release(&maker.pattern);
    buf_release(&maker.sample);
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
}

static int differential_on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                                 void *ctx) {
    (void)from, (void)to, (void)flags;
    bool *matched = ctx;
    matched[id] = true;
    return 0;
}

/* Asks the first n subjects' patterns at once; returns how many of them matched. */
static unsigned compare_line(const hs_database_t *db, hs_scratch_t *scratch, unsigned n, struct span line) {
    bool matched[SET] = {false};
    unsigned hits = 0;
    CHECK(regex_scan(db, line.p, line.n, scratch, differential_on_match, matched));
    for (unsigned i = 0; i < n; i++) {
        enum answer want = line.n == 0 ? NO : matches(subject[i].code, line);
        if (want != UNKNOWN && matched[i] != (want == YES))
            report(matched[i] ? "a match is invented" : "a match is missed", subject[i].pattern, line);
        hits += want == YES;
    }
    return hits;
}

/* The first n subjects in one database, on lines made for them. */
static unsigned compare_set(unsigned n, unsigned lines) {
    static char line[TEXT_MAX];
    const char *pattern[SET];
    unsigned id[SET], hits = 0;
    struct err e = {0};
    hs_scratch_t *scratch = NULL;
    for (unsigned i = 0; i < n; i++) pattern[i] = subject[i].pattern, id[i] = i;
    hs_database_t *db = regex_compile(&(struct regex_patterns){pattern, id, n}, REGEX_WHICH, &e);
    CHECK_STR(e.msg, "");
    if (db && regex_scratch(db, &scratch, &e))
        for (unsigned i = 0; i < lines; i++)
            hits += compare_line(db, scratch, n, make_line(&maker, &subject[i % n], line));
    hs_free_scratch(scratch);
    hs_free_database(db);
    return hits;
}

static void same_patterns_match(void) {
    unsigned hits = 0;
    differential_begin(1);
    for (unsigned set = 0; set < SETS && check_failures == 0; set++) {
        make_subjects(SET);
        hits += compare_set(SET, LINES);
        free_subjects(SET);
    }
    differential_end();
    CHECK(unknowns < SETS * SET * LINES / 50);
    /* neither all nor none: the comparison means something */
    CHECK(hits > SETS * SET * LINES / 20);
    CHECK(hits < SETS * SET * LINES / 2);
}

/* A lone pattern is searched for by other code than many are. */
static void lone_patterns_match(void) {
    differential_begin(3);
    for (unsigned set = 0; set < LONE_SETS && check_failures == 0; set++) {
        make_subjects(1);
        compare_set(1, LONE_LINES);
        free_subjects(1);
    }
    differential_end();
}

/* Writes the subjects as a rule file; every third rule has a condition on the source. */
static struct rules *open_subjects(void) {
    char path[] = "/tmp/differential_test.XXXXXX";
    struct err e = {0};
    struct buf text;
    int fd = mkstemp(path);
    MUST(fd >= 0);
    close(fd);
    buf_init(&text, 1 << 20);
    for (unsigned i = 0; i < SET; i++)
        buf_printf(&text, "[rule %u]\nlabel = INFO\n%spattern = (?:%s)\n", i, i % 3 == 1 ? "source = ^app[0-4]$\n" : "",
                   subject[i].pattern);
    struct rules *r = file_write(path, buf_span(&text), &e) ? rules_open(path, label_default(), &e) : NULL;
    CHECK_STR(e.msg, "");
    unlink(path);
    buf_release(&text);
    return r;
}

/* Too big for a start (rules.h)? */
static bool is_big(const struct subject *s) {
    struct err e;
    hs_database_t *db =
        regex_compile(&(struct regex_patterns){&(const char *){s->pattern}, &(unsigned){0}, 1}, REGEX_SPAN, &e);
    hs_free_database(db);
    return !db;
}

static void compare_record(const struct rules *r, struct rules_scratch *s, const struct record *rec, bool source_fits) {
    struct rules_match want = {0, 0}, got;
    enum answer found = NO;
    int first = -1;
    for (int i = 0; i < SET && found == NO; i++) {
        bool asked = rec->message.n > 0 && (i % 3 != 1 || source_fits);
        found = asked ? differential_find(subject[i].code, rec->message, &want) : NO;
        if (found == YES) first = i;
    }
    int rule = rules_match(r, s, rec, &got);
    if (found == UNKNOWN) return;
    if (rule != first) report("another rule is first", subject[first < 0 ? rule : first].pattern, rec->message);
    if (rule != first || first < 0 || (got.from == want.from && got.to == want.to)) return;
    if (got.from == 0 && is_big(&subject[first])) return;
    fprintf(stderr, "%u-%u, not %u-%u: ", got.from, got.to, want.from, want.to);
    report("another span", subject[first].pattern, rec->message);
}

static void same_rule_is_first_with_the_same_span(void) {
    static char line[TEXT_MAX];
    differential_begin(2);
    for (unsigned file = 0; file < FILES && check_failures == 0; file++) {
        struct err e;
        make_subjects(SET);
        struct rules *r = open_subjects();
        struct rules_scratch *s = r ? rules_scratch_open(r, &e) : NULL;
        for (unsigned i = 0; s && i < FILE_LINES; i++) {
            char source[] = "app0";
            source[3] = (char)('0' + below(&maker, 10));
            struct record rec = {span_of(source), make_line(&maker, &subject[i % SET], line)};
            compare_record(r, s, &rec, source[3] <= '4');
        }
        rules_scratch_close(s);
        rules_close(r);
        free_subjects(SET);
    }
    differential_end();
    CHECK(unknowns < FILES * FILE_LINES / 20);
}

CHECK_MAIN(CHECK_TEST(same_patterns_match), CHECK_TEST(lone_patterns_match),
           CHECK_TEST(same_rule_is_first_with_the_same_span))
