#include "conf/conf.h"

#include "base/check.h"
#include "base/file.h"

#include <unistd.h>

static bool conf_from(struct conf *c, struct err *e, int *operands, const char *const *words) {
    static char *argv[16];
    static char text[16][64];
    int argc = 0;
    for (; words[argc]; argc++) {
        snprintf(text[argc], sizeof text[argc], "%s", words[argc]);
        argv[argc] = text[argc];
    }
    bool ok = conf_load(c, CONF_CLASSIFY, argc, argv, operands, e);
    for (int i = 0; ok && i < *operands; i++) CHECK(argv[1 + i][0] != '-' || argv[1 + i][1] == '\0' || i > 0);
    return ok;
}

#define LOAD(c, e, n, ...) conf_from(c, e, n, (const char *const[]){"classify", __VA_ARGS__, NULL})

static void defaults_are_the_contract(void) {
    struct conf c;
    struct err e = {0};
    int n;
    CHECK(LOAD(&c, &e, &n, "a.log"));
    CHECK_INT(c.workers, 4);
    CHECK_INT(c.port, 8080);
    CHECK(c.bert_pipeline_threshold == 0.20 && c.bert_classifier_threshold == 0.50);
    CHECK(c.memo && !c.explain);
    CHECK_INT(n, 1);
    conf_release(&c);
}

static void flags_take_their_values(void) {
    struct conf c;
    struct err e = {0};
    int n;
    CHECK(LOAD(&c, &e, &n, "x", "--workers", "7", "--no-memo", "--source=app", "-", "--", "--explain"));
    CHECK_INT(c.workers, 7);
    CHECK(!c.memo && !c.explain);
    CHECK_STR(c.source, "app");
    CHECK_INT(n, 3);
    conf_release(&c);
}

static void wrong_values_are_named(void) {
    struct conf c;
    struct err e = {0};
    int n;
    CHECK(!LOAD(&c, &e, &n, "--workers", "0"));
    CHECK(strstr(e.msg, "--workers") && strstr(e.msg, "1 to 256"));
    conf_release(&c);
    CHECK(!LOAD(&c, &e, &n, "--workers", "3x"));
    conf_release(&c);
    CHECK(!LOAD(&c, &e, &n, "--memo=perhaps"));
    CHECK(strstr(e.msg, "yes or no"));
    conf_release(&c);
    CHECK(!LOAD(&c, &e, &n, "--port", "80")); /* serve's, not classify's */
    CHECK(strstr(e.msg, "--port"));
    conf_release(&c);
    CHECK(!LOAD(&c, &e, &n, "--workers"));
    conf_release(&c);
    CHECK(!LOAD(&c, &e, &n, "-x"));
    conf_release(&c);
}

static void later_places_win(void) {
    struct conf c;
    struct err e = {0};
    int n;
    const char *path = "/tmp/logclass_conf_test.ini";
    CHECK(file_write(path, SPAN_LIT("; a comment\n[any]\nworkers = 2\nmemo-entries = 5000\nsource = file\n"), &e));
    setenv("LOGCLASS_MEMO_ENTRIES", "6000", 1);
    setenv("LOGCLASS_SOURCE", "env", 1);
    CHECK(LOAD(&c, &e, &n, "--config", path, "--source", "flag"));
    CHECK_INT(c.workers, 2);
    CHECK_INT(c.memo_entries, 6000);
    CHECK_STR(c.source, "flag");
    conf_release(&c);
    unsetenv("LOGCLASS_MEMO_ENTRIES");
    unsetenv("LOGCLASS_SOURCE");
    CHECK(file_write(path, SPAN_LIT("wrokers = 2\n"), &e));
    CHECK(!LOAD(&c, &e, &n, "--config", path));
    CHECK(strstr(e.msg, "wrokers"));
    conf_release(&c);
    CHECK(file_write(path, SPAN_LIT("workers = 2\nno equals sign\n"), &e));
    CHECK(!LOAD(&c, &e, &n, "--config", path));
    CHECK(strstr(e.msg, ":2:"));
    conf_release(&c);
    unlink(path);
    CHECK(!LOAD(&c, &e, &n, "--config", path));
    CHECK_INT(e.code, ERR_CONFIG);
    conf_release(&c);
}

static void nothing_of_a_file_is_misread(void) {
    struct conf c;
    struct err e = {0};
    int n;
    char text[6000];
    CHECK(LOAD(&c, &e, &n, "x"));
    snprintf(text, sizeof text, "source = %0180d workers = 7\n", 0);
    CHECK(conf_read(&c, span_of(text), "f", &e));
    CHECK_INT(strlen(c.source), 192);
    snprintf(text, sizeof text, "memo = no\nsource = %05000d\n", 0);
    CHECK(!conf_read(&c, span_of(text), "f", &e));
    CHECK(strstr(e.msg, "f:2: a value of 5000 bytes, at most 4095") != NULL);
    CHECK(!conf_read(&c, SPAN_LIT("\nworkers = 2 ; a few\n"), "f", &e));
    CHECK(strstr(e.msg, "f:2: workers has a comment in its line") != NULL);
    CHECK(!conf_read(&c, SPAN_LIT("\n\nwrokers = 2\n"), "f", &e));
    CHECK(strncmp(e.msg, "f:3: there is no option 'wrokers'", 33) == 0);
    CHECK(!conf_read(&c, SPAN_LIT("workers = 2\0\nworkers = 3\n"), "f", &e));
    CHECK(strstr(e.msg, "f:1: contains a NUL byte") != NULL);
    CHECK_INT(c.workers, 4);
    CHECK(conf_read(&c, SPAN_LIT("[a]\n  workers = 5\n\tsource = x\n  log-level = warn\n"), "f", &e)); /* indented */
    CHECK_INT(c.workers, 5);
    CHECK_STR(c.source, "x");
    CHECK_STR(c.log_level, "warn");
    CHECK(!conf_read(&c, SPAN_LIT("source = x\n  more of it\n"), "f", &e));
    CHECK(strstr(e.msg, "f:2:") != NULL);
    conf_release(&c);
}

static void what_no_file_can_hold_is_said(void) {
    static const char *const VALUE[] = {"a ;b", ";a", " a", "a\nworkers = 2"};
    struct conf c;
    struct err e = {0};
    int n;
    struct buf text;
    CHECK(LOAD(&c, &e, &n, "x"));
    for (size_t i = 0; i < 4; i++) {
        buf_init(&text, 1 << 16);
        CHECK(conf_set(&c, "source", VALUE[i], "a test", &e));
        conf_show(&text, &c, NULL, NULL);
        CHECK(memmem(text.p, text.n, "\n; source has a value that no", 29) != NULL);
        CHECK(memmem(text.p, text.n, "\nsource = ", 10) == NULL);
        buf_release(&text);
    }
    conf_release(&c);
}

static void shown_values_can_be_read_back(void) {
    struct conf c, again;
    struct err e = {0};
    int n;
    struct buf text;
    buf_init(&text, 1 << 16);
    CHECK(LOAD(&c, &e, &n, "--workers", "9", "--no-summary"));
    conf_show(&text, &c, NULL, NULL);
    CHECK(memmem(text.p, text.n, "; from --workers\n; ", 19) && memmem(text.p, text.n, "\nworkers = 9\n", 13));
    const char *path = "/tmp/logclass_conf_test_shown.ini";
    CHECK(file_write(path, buf_span(&text), &e));
    CHECK(LOAD(&again, &e, &n, "--config", path));
    CHECK_INT(again.workers, 9);
    CHECK_STR(again.summary, "no");
    unlink(path);
    buf_release(&text);
    conf_release(&c);
    conf_release(&again);
}

static void short_names_and_units(void) {
    struct conf c;
    struct err e = {0};
    int n;
    CHECK(
        LOAD(&c, &e, &n, "-qe", "-ocsv", "-l", "INFO", "--threshold", "0.6", "--summary", "no", "--colour=never", "a"));
    CHECK(c.quiet && c.explain && c.bert_classifier_threshold == 0.6);
    CHECK_STR(c.output, "csv");
    CHECK_STR(c.only, "INFO");
    CHECK_STR(c.summary, "no");
    CHECK_STR(c.color, "never");
    CHECK_STR(c.from[CONF_AT_output], "-o");
    CHECK(c.from[CONF_AT_workers] == NULL);
    CHECK_INT(n, 1);
    CHECK(conf_set(&c, "llm-timeout", "2s", "t", &e) && c.llm_timeout == 2000);
    CHECK(conf_set(&c, "body-bytes-max", "4M", "t", &e) && c.body_bytes_max == 4 << 20);
    CHECK(!conf_set(&c, "llm-timeout", "2M", "t", &e) && strstr(e.msg, "ms, or such as 2s"));
    CHECK(!conf_set(&c, "workers", "2k", "t", &e));
    conf_release(&c);
}

static void slips_are_hinted_at(void) {
    struct conf c;
    struct err e = {0};
    int n;
    CHECK(!LOAD(&c, &e, &n, "--ouput", "csv") && strstr(e.msg, "did you mean 'output'?"));
    conf_release(&c);
    CHECK(!LOAD(&c, &e, &n, "--no-output", "csv") && e.code == ERR_USAGE);
    conf_release(&c);
    CHECK(LOAD(&c, &e, &n, "x"));
    CHECK(!conf_read(&c, SPAN_LIT("prot = 1\n"), "f", &e) && e.code == ERR_CONFIG);
    CHECK(strstr(e.msg, "did you mean 'port'?"));
    char name[64];
    setenv("LOGCLASS_PROT", "1", 1);
    CHECK_STR(conf_unknown_env(0, name, sizeof name), "LOGCLASS_PROT");
    unsetenv("LOGCLASS_PROT");
    CHECK(conf_unknown_env(0, name, sizeof name) == NULL);
    conf_release(&c);
}

static bool read_text(struct conf *c, const char *text, struct err *e) {
    int n;
    struct err ignored = {0};
    *e = ignored;
    CHECK(LOAD(c, &ignored, &n, "x"));
    return conf_read(c, span_of(text), "f", e);
}

static void sections_hold_their_own_keys(void) {
    struct conf c;
    struct err e;
    char item[64];
    CHECK(read_text(&c,
                    "workers = 2\n[server]\nport = 1\n[source a]\ntype = file\ninclude = /a\ninclude = /b, /c\n"
                    "source = x\n[sink out]\ntype = file\npath = /o\n[more]\nloops = 3\n",
                    &e));
    CHECK(c.workers == 2 && c.port == 1 && c.loops == 3 && c.source[0] == '\0');
    CHECK_INT(c.sections.n, 2);
    const struct section *s = c.sections.v;
    CHECK(s[0].side == SECTION_SOURCE && s[0].kind == SECTION_IN_FILE && s[1].side == SECTION_SINK);
    CHECK_STR(s[0].name, "a");
    CHECK_STR(s[0].place, "f:4");
    CHECK_STR(s[0].include, "/a, /b, /c");
    CHECK_STR(s[0].source, "x");
    CHECK_STR(s[0].exclude, "*.gz, *.zst, *.bz2, *.xz"); /* its default */
    CHECK(section_is_given(&s[0], "include") && !section_is_given(&s[0], "exclude"));
    const char *at = s[0].include;
    CHECK(section_next_item(&at, item, sizeof item) && section_next_item(&at, item, sizeof item));
    CHECK_STR(item, "/b");
    struct conf again;
    CHECK(read_text(
        &again, "[source a]\ntype = file\ninclude = /a, /b, /c\nsource = x\n[sink out]\ntype = file\npath = /o\n", &e));
    CHECK(section_list_is_same(&c.sections, &again.sections));
    CHECK(section_set(&again.sections.v[1], "path", "/p", "t", &e) &&
          !section_list_is_same(&c.sections, &again.sections));
    conf_release(&c);
    conf_release(&again);
}

static void wrong_sections_are_named(void) {
    static const struct {
        const char *text, *says;
    } ROWS[] = {
        {"[source a]\ntype = fil\n", "f:2: type is 'fil': a source is one of file, syslog"},
        {"\n[source a]\ninclude = x\n", "f:2: [source a] has no type"},
        {"[source a]\ntype = file\n", "f:1: [source a] needs 'include'"},
        {"[source a]\ntype = file\ninclude = x\nlisten = y\n", "a source of type file has no key 'listen'"},
        {"[sink a]\ntype = file\npath = x\n[sink a]\n", "f:4: [sink a] is there already, at f:1"},
        {"[sink a/b]\n", "f:1: [sink a/b]: expected a name"},
        {"[sink a]\nworkers = 3\n", "f:2: a sink has no key 'workers'"},
        {"[sink a]\nbatch-wait = -1\n", "f:2: batch-wait is '-1': expected a whole number"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct conf c;
        struct err e;
        bool refused = !read_text(&c, ROWS[i].text, &e) && strstr(e.msg, ROWS[i].says);
        if (!refused) fprintf(stderr, "%s: %s\n", ROWS[i].text, e.msg);
        CHECK(refused);
        conf_release(&c);
    }
}

CHECK_MAIN(CHECK_TEST(sections_hold_their_own_keys), CHECK_TEST(wrong_sections_are_named),
           CHECK_TEST(defaults_are_the_contract), CHECK_TEST(flags_take_their_values),
           CHECK_TEST(wrong_values_are_named), CHECK_TEST(later_places_win), CHECK_TEST(nothing_of_a_file_is_misread),
           CHECK_TEST(what_no_file_can_hold_is_said), CHECK_TEST(shown_values_can_be_read_back),
           CHECK_TEST(short_names_and_units), CHECK_TEST(slips_are_hinted_at))
