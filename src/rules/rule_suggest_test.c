#include "base/check.h"
#include "base/file.h"
#include "rules/rule_suggest.h"
#include "rules/rules.h"
#include "rules/rule_sample.h"
#include "text/mask.h"

#define NUMBER                                                                                                \
    "(?:#|[-+]?(?:0x[\\da-f]+|\\d+(?:,\\d\\d\\d)*(?:\\.\\d+)?(?:e[-+]?\\d+)?(?:(?:[hmswd]|[mu]s|min)\\d+(?:," \
    "\\d\\d\\d)*(?:\\.\\d+)?)*))"

struct suggestion {
    const char *template[3];
    const char *pattern, *name; /* pattern NULL: none */
};

static void what_templates_have_in_common_becomes_a_pattern(void) {
    static const struct suggestion all[] = {
        {{"payment # refused by bank"}, "payment\\s+" NUMBER "\\s+refused\\s+by\\s+bank", "payment refused by bank"},
        {{"<time> payment # refused by bank for <email>", "<time> payment # refused by gateway for <email>"},
         "payment\\s+" NUMBER "\\s+refused\\s+by\\s.{0,80}for",
         "payment refused by for"},
        {{"a(b) [c]*"}, "a\\(b\\)\\s+\\[c\\]\\*", "a(b) _c_*"},
        {{"one two", "two one"}, "one", "one"},
        {{"x a y b z", "a q b", "w a b"}, "a\\s.{0,80}b", "a b"},
        {{"took #ms"}, "took\\s+" NUMBER "ms", "took"},
        {{"alpha", "beta"}, NULL, NULL},
        {{"# <ip>", "# <ip>"}, NULL, NULL},
    };
    struct buf pattern, name;
    struct err e = {0};
    buf_init(&pattern, RULES_PATTERN_MAX), buf_init(&name, RULES_NAME_MAX);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct span t[3];
        size_t n = 0;
        while (n < 3 && all[i].template[n]) t[n] = span_of(all[i].template[n]), n++;
        buf_reset(&pattern), buf_reset(&name);
        bool ok = rule_suggest(t, n, &pattern, &name, &e);
        CHECK_INT(ok, all[i].pattern != NULL);
        if (!ok) continue;
        CHECK_SPAN(buf_span(&pattern), all[i].pattern);
        CHECK_SPAN(buf_span(&name), all[i].name);
    }
    buf_release(&pattern), buf_release(&name);
}

/* What was suggested compiles, and matches the lines that the templates come from. */
static void the_pattern_matches_the_lines_behind_the_templates(void) {
    static const struct {
        const char *template, *line;
    } all[] = {
        {"Failed password for <user> from <ip> port # ssh2", "Failed password for bob from 10.0.0.7 port 4120 ssh2"},
        {"disk <path> is #% full", "disk /var/lib/db is 91.5% full"},
        {"upgrade to <version> of <host> done in #s (id <id>)",
         "upgrade to 1.22.3 of db1.example.org done in 4,120s (id 9f86d081884c7d65)"},
        {"link <mac> down: see <link>", "link 00:1b:21:ab:cd:ef down: see https://example.org/a?b=c"},
    };
    struct buf pattern, name, text;
    struct err e = {0};
    buf_init(&pattern, RULES_PATTERN_MAX), buf_init(&name, RULES_NAME_MAX), buf_init(&text, 1 << 16);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct span t = span_of(all[i].template);
        buf_reset(&pattern), buf_reset(&name), buf_reset(&text);
        CHECK(rule_suggest(&t, 1, &pattern, &name, &e));
        buf_printf(&text, "[rule x]\nlabel = INFO\npattern = %.*s\n", (int)pattern.n, pattern.p);
        struct rules *r = rules_open_text(buf_span(&text), "x", label_default(), &e);
        CHECK(r != NULL);
        struct rules_scratch *s = r ? rules_scratch_open(r, &e) : NULL;
        if (s) CHECK_INT(rules_match(r, s, &(struct record){{0}, span_of(all[i].line)}, NULL), 0);
        rules_scratch_close(s);
        rules_close(r);
    }
    buf_release(&pattern), buf_release(&name), buf_release(&text);
}

/* What is suggested for a template matches the line that stands for it, and that line has the same template again. */
static void a_sample_stands_for_its_template(void) {
    static const char *const ALL[] = {
        "Failed password for <user> from <ip> port # ssh#",
        "disk <path> is #% full: <id> at <time>",
        "upgrade to <version> of <host> done",
        "link <mac> down: see <link> or write to <email>",
        "no value at all",
    };
    struct buf pattern, name, text, line;
    struct err e = {0};
    char masked[MASK_OUTPUT_MAX];
    buf_init(&pattern, RULES_PATTERN_MAX), buf_init(&name, RULES_NAME_MAX);
    buf_init(&text, 1 << 16), buf_init(&line, 1 << 16);
    for (size_t i = 0; i < sizeof ALL / sizeof ALL[0]; i++) {
        struct span t = span_of(ALL[i]);
        buf_reset(&pattern), buf_reset(&name), buf_reset(&text), buf_reset(&line);
        rule_sample(t, &line);
        CHECK_SPAN(((struct span){masked, mask_line(buf_span(&line), masked)}), ALL[i]);
        CHECK(rule_suggest(&t, 1, &pattern, &name, &e));
        buf_printf(&text, "[rule x]\nlabel = INFO\npattern = %.*s\n", (int)pattern.n, pattern.p);
        struct rules *r = rules_open_text(buf_span(&text), "x", label_default(), &e);
        struct rules_scratch *s = r ? rules_scratch_open(r, &e) : NULL;
        CHECK(s && rules_match(r, s, &(struct record){{0}, buf_span(&line)}, NULL) == 0);
        rules_scratch_close(s);
        rules_close(r);
    }
    buf_release(&pattern), buf_release(&name), buf_release(&text), buf_release(&line);
}

CHECK_MAIN(CHECK_TEST(a_sample_stands_for_its_template), CHECK_TEST(what_templates_have_in_common_becomes_a_pattern),
           CHECK_TEST(the_pattern_matches_the_lines_behind_the_templates))
