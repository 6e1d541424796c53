#include "rules/rule_pattern.h"

#include "base/check.h"
#include "rules/rules.h"
#include "text/mask.h"

static struct err err;

/* A rule of the line's template, opened; NULL: there is none. */
static struct rules *rule_of(const char *line) {
    char masked[MASK_OUTPUT_MAX];
    struct buf pattern, text;
    struct rules *r = NULL;
    buf_init(&pattern, 1 << 16), buf_init(&text, 1 << 16);
    if (rule_pattern_whole(&pattern, (struct span){masked, mask_line(span_of(line), masked)}, &err)) {
        buf_printf(&text, "[rule x]\nlabel = BACKUP\npattern = %.*s\n", (int)pattern.n, pattern.p);
        r = rules_open_text(buf_span(&text), "x", label_default(), &err);
    }
    if (!r) printf("%s: %s\n", line, err.msg);
    buf_release(&pattern), buf_release(&text);
    return r;
}

static bool rule_matches(const struct rules *r, const char *line) {
    struct rules_scratch *s = rules_scratch_open(r, &err);
    bool matches = s && rules_match(r, s, &(struct record){{0}, span_of(line)}, NULL) == 0;
    rules_scratch_close(s);
    return matches;
}

/* Lines of one kind each, and one that is of another kind. NULL: no further one. */
static const struct {
    const char *line[6], *other;
} KIND[] = {
    {{"Jun 14 15:16:01 done", "2024-01-02 03:04:05,123 +0100 done", "2024-01-02T03:04:05.5Z done", "15:16 done",
      "20230115T101530Z done", "Sat, 14 Jun 2025 10:00:00 GMT done"},
     "123 done"},
    {{"took 7 in all", "took -7.5 in all", "took 1,234 in all", "took 0xfe in all", "took 1.5e-3 in all",
      "took 1, 2, 3 in all"},
     "took it in all"},
    {{"took 5s", "took 1m30s"}, "took 5ms"},
    {{"session 9f86d081884c7d65 ends", "session 123e4567-e89b-12d3-a456-426614174000 ends",
      "session aa:bb:cc:dd:ee:ff:00:11 ends"},
     "session a b ends"},
    {{"peer 10.0.0.7 up", "peer 10.0.0.7:443 up", "peer fe80::1 up", "peer 10.0.0.0/8 up", "peer 10.0.0.1, 10.0.0.2 up",
      "peer ::ffff:10.0.0.7 up"},
     "peer 10 up"},
    {{"port 00:1b:21:ab:cd:ef up", "port 00-1b-21-ab-cd-ef up", "port 001b.21ab.cdef up"}, "port 00:1b up"},
    {{"version 1.2.3 is out", "version v1.2 is out", "version 1.2.3-rc1 is out"}, "version 12 is out"},
    {{"file /var/lib/x is gone", "file ../a/b.c is gone", "file C:\\Program Files (x86)\\App\\x.exe is gone",
      "file \\\\srv1\\share\\x is gone"},
     "file x is gone"},
    {{"see https://example.org/a?b=c#d", "see ldap://h:389/"}, "see example"},
    {{"mail to bob@example.org sent", "mail to b.o-b+x@mail.example.co.uk sent"}, "mail to bob sent"},
    {{"query host=db1 slow", "query host=db1.example.org:80 slow"}, "query host= slow"},
    {{"login user=bob ok", "login user=b.o_b@x ok", "login user=CORP\\bob ok"}, "login user=a b ok"},
    {{"{\"user\": \"bob\"}", "{\"user\": \"Bob the Builder\"}"}, "{\"user\": \"\"}"},
    {{"Failed password for bob from 10.0.0.7 port 4120 ssh2", "Failed password for m\xc3\xbcller from ::1 port 1 ssh2"},
     "Failed password for bob by 10.0.0.7 port 4120 ssh2"},
    {{"disk sda1 is full", "disk sdb is full", "disk sdc12 is full"}, "disk sd is full"},
    {{"errors: 0 in all", "errors: 0.00 in all"}, "errors: 0.1 in all"},
    {{"order #12 of #3 (a+b) [c]*", "  order #4   of #5 (a+b) [c]* "}, "order 12 (a+b) [c]*"},
};

static void a_rule_matches_what_masking_takes_for_its_template(void) {
    for (size_t i = 0; i < sizeof KIND / sizeof KIND[0]; i++)
        for (size_t k = 0; k < 6 && KIND[i].line[k]; k++) {
            struct rules *r = rule_of(KIND[i].line[k]);
            CHECK(r != NULL);
            for (size_t j = 0; r && j < 6 && KIND[i].line[j]; j++)
                if (!rule_matches(r, KIND[i].line[j]))
                    CHECK_SPAN(span_of(KIND[i].line[j]), KIND[i].line[k]); /* shows both */
            if (r && rule_matches(r, KIND[i].other)) CHECK_SPAN(span_of(KIND[i].other), KIND[i].line[k]);
            rules_close(r);
        }
}

/* Beyond what fits with lists they are left out; beyond what fits without there is no rule, and a reason. */
static void a_pattern_is_as_long_as_patterns_may_be(void) {
    struct buf template, pattern;
    buf_init(&template, 1 << 16), buf_init(&pattern, 2 * RULES_PATTERN_MAX);
    unsigned fitted = 0;
    for (unsigned n = 1; n <= 80; n++) {
        buf_puts(&template, "a # ");
        bool ok = rule_pattern_whole(&pattern, span_trim(buf_span(&template)), &err);
        CHECK(!ok || pattern.n <= RULES_PATTERN_MAX);
        CHECK(!ok || fitted == n - 1);
        fitted += ok;
    }
    CHECK(fitted > 20 && fitted < 80);
    CHECK_INT(err.code, ERR_LIMIT);
    buf_release(&template), buf_release(&pattern);
}

CHECK_MAIN(CHECK_TEST(a_rule_matches_what_masking_takes_for_its_template),
           CHECK_TEST(a_pattern_is_as_long_as_patterns_may_be))
