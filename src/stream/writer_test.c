#include "stream/writer.h"

#include "base/check.h"

static struct err err;
static struct buf g_out;

/* What the writer makes of one message, decided by a rule or left open. */
static const char *written(struct writer *w, struct engine *eng, struct record rec, struct result res) {
    struct batch b = {.rec = &rec, .res = &res, .n = 1, .engine = eng};
    buf_reset(&g_out);
    writer_record(w, &g_out, &b, 0);
    buf_putc(&g_out, '\0');
    writer_close(w);
    return g_out.p;
}

static struct engine *writer_open_rules(void) {
    struct engine_opts o = {.rules_path = "data/rules.conf", .classifier_threshold = 0.5, .pipeline_threshold = 0.2};
    struct engine *eng = engine_open(&o, &err);
    CHECK(eng != NULL);
    buf_init(&g_out, 1 << 20);
    return eng;
}

static const struct record LOGIN = {{"app", 3}, {"User \"x\", logged in", 19}};
static const struct result BY_RULE = {
    .confidence = 0.95, .label = 0, .decider = DECIDER_REGEX, .decided = true, .match_from = 0, .match_to = 4};

static void each_form_has_its_line(void) {
    struct engine *eng = writer_open_rules();
    char want[400];
    const struct label *l = &eng->labels.label[0];
    snprintf(want, sizeof want, "{\"label_id\":\"%s\",\"label\":\"%s\",\"source\":\"regex\",\"confidence\":0.95}\n",
             l->id, l->name);
    CHECK_STR(written(&(struct writer){.format = WRITER_JSONL}, eng, LOGIN, BY_RULE), want);
    snprintf(want, sizeof want, "%s,%s,regex,0.95,app,\"User \"\"x\"\", logged in\"\n", l->id, l->name);
    CHECK_STR(written(&(struct writer){.format = WRITER_CSV, .with_message = true}, eng, LOGIN, BY_RULE), want);
    snprintf(want, sizeof want, "%-20s 0.9500 regex    User \"x\", logged in\n", l->id);
    CHECK_STR(written(&(struct writer){.format = WRITER_TABLE}, eng, LOGIN, BY_RULE), want);
    engine_unref(eng);
    buf_release(&g_out);
}

static void a_table_is_safe_on_a_terminal_and_cut_to_its_width(void) {
    static const char TEXT[] = "a\x1b[31mb\x07\xc2\x9b"
                               "c\xc3\xa4 and more";
    const struct record ODD = {{"", 0}, {TEXT, sizeof TEXT - 1}};
    struct engine *eng = writer_open_rules();
    const char *line = written(&(struct writer){.format = WRITER_TABLE, .columns = 48}, eng, ODD, BY_RULE);
    CHECK(strstr(line, " a [31mb  c\xc3\xa4\n") != NULL);
    CHECK(strpbrk(line, "\x1b\x07") == NULL);
    line = written(&(struct writer){.format = WRITER_TABLE, .colour = true}, eng, ODD, BY_RULE);
    CHECK(line[0] == '\033' && strstr(line, "\033[0m") != NULL);
    engine_unref(eng);
    buf_release(&g_out);
}

static void an_explanation_names_rule_and_text(void) {
    struct engine *eng = writer_open_rules();
    struct record rec = {{"", 0}, {"User bob logged in", 18}};
    struct result res = BY_RULE;
    res.match_to = 18;
    const char *line = written(&(struct writer){.format = WRITER_JSONL, .explain = true}, eng, rec, res);
    CHECK(strstr(line, ",\"explain\":{\"rule\":\"") != NULL);
    CHECK(strstr(line, "\"span\":[0,18],\"matched\":\"User bob logged in\"}}\n") != NULL);
    res = (struct result){.decider = DECIDER_FALLBACK, .label = (uint8_t)eng->labels.unclassified, .err = ERR_TIMEOUT};
    line = written(&(struct writer){.format = WRITER_JSONL, .explain = true}, eng, rec, res);
    CHECK(strstr(line, "\"explain\":{\"memo\":false,\"template\":\"User bob logged in\"") != NULL);
    CHECK(strstr(line, ",\"error\":\"") != NULL);
    engine_unref(eng);
    buf_release(&g_out);
}

static void only_csv_has_a_header(void) {
    buf_init(&g_out, 1000);
    writer_header(&(struct writer){.format = WRITER_JSONL}, &g_out);
    writer_header(&(struct writer){.format = WRITER_TABLE}, &g_out);
    CHECK_INT(g_out.n, 0);
    writer_header(&(struct writer){.format = WRITER_CSV, .with_message = true, .explain = true}, &g_out);
    CHECK_SPAN(buf_span(&g_out), "label_id,label,source,confidence,log_source,log_message,explain\n");
    CHECK(writer_format_find("table") == WRITER_TABLE && writer_format_find("yaml") == -1);
    buf_release(&g_out);
}

CHECK_MAIN(CHECK_TEST(each_form_has_its_line), CHECK_TEST(a_table_is_safe_on_a_terminal_and_cut_to_its_width),
           CHECK_TEST(an_explanation_names_rule_and_text), CHECK_TEST(only_csv_has_a_header))
