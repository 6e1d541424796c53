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
    snprintf(want, sizeof want, "%s,%s,regex,0.95,app,\"User \"\"x\"\", logged in\",,0\n", l->id, l->name);
    CHECK_STR(written(&(struct writer){.format = WRITER_CSV, .with_message = true}, eng, LOGIN, BY_RULE), want);
    snprintf(want, sizeof want, "%-19s  95 %%            regex    User \"x\", logged in\n", l->id);
    CHECK_STR(written(&(struct writer){.format = WRITER_TABLE}, eng, LOGIN, BY_RULE), want);
    engine_unref(eng);
    buf_release(&g_out);
}

static void a_table_is_safe_on_a_terminal_and_cut_to_its_width(void) {
    static const char TEXT[] = "a\x1b[31mb\x07\xc2\x9b"
                               "c\xc3\xa4 and more";
    const struct record ODD = {{"", 0}, {TEXT, sizeof TEXT - 1}};
    struct engine *eng = writer_open_rules();
    const char *line = written(&(struct writer){.format = WRITER_TABLE, .columns = 45}, eng, ODD, BY_RULE);
    CHECK(strstr(line, " a [31mb  c\xc3\xa4 and mo\n") != NULL);
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
    CHECK(strstr(line, "\"span\":[0,18],\"matched\":\"User bob logged in\",\"template\":") != NULL);
    res = (struct result){.decider = DECIDER_FALLBACK, .label = (uint8_t)eng->labels.unclassified, .err = ERR_TIMEOUT};
    line = written(&(struct writer){.format = WRITER_JSONL, .explain = true}, eng, rec, res);
    CHECK(strstr(line, "\"explain\":{\"memo\":false,\"reason\":\"llm_failed\"") != NULL);
    CHECK(strstr(line, ",\"error\":\"") != NULL);
    engine_unref(eng);
    buf_release(&g_out);
}

static const char *table_line(struct engine *eng, unsigned columns, const char *text, struct result res) {
    struct record rec = {{"", 0}, span_of(text)};
    return written(&(struct writer){.format = WRITER_TABLE, .columns = columns}, eng, rec, res);
}

/* Of 80 columns and of 200: the message is there, and the row is no wider than the terminal. */
static void a_table_fits_its_terminal(void) {
    static const char LINE[] =
        "Jun 15 02:04:59 combo su: ERROR \xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac and so on and so on";
    struct engine *eng = writer_open_rules();
    uint8_t none = (uint8_t)eng->labels.unclassified;
    const char *row = table_line(eng, 48, LINE, BY_RULE);
    CHECK_STR(row,
              "USER_ACTION          95 %  combo su: ERROR \xe6\x97\xa5\xe6\x9c\xac\n"); /* 27 and 16 + 2 x 2 of 21 */
    row = table_line(eng, 200, LINE, BY_RULE);
    CHECK(strstr(row, " 95 %  error     regex    Jun 15 02:04:59 combo") != NULL);
    struct result open = {.label = none, .decider = DECIDER_FALLBACK, .nearest = none, .nearest_p = 0.99F};
    CHECK(strncmp(table_line(eng, 80, "x y", open), "UNCLASSIFIED other   99 %  x y", 30) == 0);
    open.nearest = 0, open.nearest_p = 0.43F;
    CHECK(strncmp(table_line(eng, 80, "x y", open), "UNCLASSIFIED unsure  43 %  (USER_ACTION?) x y", 45) == 0);
    engine_unref(eng);
    buf_release(&g_out);
}

static void a_wrapped_line_loses_nothing(void) {
    struct engine *eng = writer_open_rules();
    struct record rec = {{"", 0}, span_of("0123456789abcdefghijABCDEFGHIJ")};
    const char *rows =
        written(&(struct writer){.format = WRITER_TABLE, .columns = 40, .wrap = true}, eng, rec, BY_RULE);
    CHECK_STR(rows, "USER_ACTION          95 %  0123456789abc\n"
                    "                           defghijABCDEF\n"
                    "                           GHIJ\n");
    engine_unref(eng);
    buf_release(&g_out);
}

/* The object comes back byte for byte, the answer before its last brace. */
static void an_object_is_given_back_with_its_answer(void) {
    static const struct {
        const char *raw, *want;
    } ROW[] = {{"{\"a\": 1.50 , \"msg\":\"x\" }", "{\"a\": 1.50 , \"msg\":\"x\" ,\"p_label_id\":\"USER_ACTION\""},
               {" {} ", "{\"p_label_id\":\"USER_ACTION\""}};
    struct engine *eng = writer_open_rules();
    for (size_t i = 0; i < 2; i++) {
        struct record rec = LOGIN;
        struct result res = BY_RULE;
        struct place at = {.raw = span_of(ROW[i].raw), .is_object = true};
        struct batch b = {.rec = &rec, .res = &res, .n = 1, .engine = eng, .place = &at};
        struct writer w = {.format = WRITER_JSONL, .merge_prefix = "p_"};
        buf_reset(&g_out);
        CHECK(writer_record(&w, &g_out, &b, 0));
        CHECK(span_starts(buf_span(&g_out), span_of(ROW[i].want)));
        writer_close(&w);
    }
    engine_unref(eng);
    buf_release(&g_out);
}

static void a_filter_takes_what_it_names(void) {
    const struct label_set *l = label_default();
    const uint8_t none = (uint8_t)l->unclassified;
    const struct result user = {.label = 0, .confidence = 0.7, .decider = DECIDER_BERT},
                        other = {.label = none, .decider = DECIDER_FALLBACK, .nearest = none, .nearest_p = 0.9F},
                        unsure = {.label = none, .decider = DECIDER_FALLBACK, .nearest = 1, .nearest_p = 0.4F};
    const struct {
        struct writer_filter f;
        bool user, other, unsure;
    } ROW[] = {{{0}, true, true, true},
               {{.only = "user_action"}, true, false, false},
               {{.only = "INFO, unsure"}, false, false, true},
               {{.only = "UNCLASSIFIED", .except = "other"}, false, false, true},
               {{.except = "USER_ACTION"}, false, true, true},
               {{.confidence_min = 0.7}, true, false, false},
               {{.confidence_min = 0.71}, false, false, false}};
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        struct writer_filter f = ROW[i].f;
        CHECK(writer_filter_fit(&f, l, &err));
        CHECK_INT(writer_filter_takes(&f, &user, l), ROW[i].user);
        CHECK_INT(writer_filter_takes(&f, &other, l), ROW[i].other);
        CHECK_INT(writer_filter_takes(&f, &unsure, l), ROW[i].unsure);
    }
    struct writer_filter wrong = {.only = "AUTH_ERR"};
    CHECK(!writer_filter_fit(&wrong, l, &err) && strstr(err.msg, "did you mean 'AUTH_ERROR'?"));
}

static void lines_for_grep_are_one_a_record(void) {
    struct engine *eng = writer_open_rules();
    const struct record ODD = {{"", 0}, {"a\tb\nc", 5}};
    CHECK_STR(written(&(struct writer){.format = WRITER_TSV, .with_message = true}, eng, ODD, BY_RULE),
              "USER_ACTION\ta b c\n");
    engine_unref(eng);
    buf_release(&g_out);
}

static void only_csv_has_a_header(void) {
    buf_init(&g_out, 1000);
    writer_header(&(struct writer){.format = WRITER_JSONL}, &g_out);
    writer_header(&(struct writer){.format = WRITER_TABLE}, &g_out);
    CHECK_INT(g_out.n, 0);
    writer_header(&(struct writer){.format = WRITER_CSV, .with_message = true, .explain = true}, &g_out);
    CHECK_SPAN(buf_span(&g_out), "label_id,label,source,confidence,log_source,log_message,file,line,explain\n");
    CHECK(writer_format_find("table") == WRITER_TABLE && writer_format_find("yaml") == -1);
    buf_release(&g_out);
}

/* As printf has it, with all four decimals. */
static void the_likeliest_has_four_decimals(void) {
    struct engine *eng = writer_open_rules();
    uint32_t x = 1;
    for (int i = 0; i < 20000; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        float p = i < 10001 ? (float)i / 10000 : (float)(x >> 8) / (1 << 24);
        if (i % 3 == 0) p = (float)(x % 20000) / 20000 + 0.00005F; /* near a half */
        if (p <= 0 || p > 1) continue;
        struct result open = {.label = (uint8_t)eng->labels.unclassified, .decider = DECIDER_FALLBACK, .nearest_p = p};
        char want[120];
        snprintf(want, sizeof want, ",\"reason\":\"below_threshold\",\"likeliest\":{\"%s\":%.4f}}\n",
                 eng->labels.label[0].id, (double)p);
        const char *line = written(&(struct writer){.format = WRITER_JSONL, .with_message = true}, eng, LOGIN, open);
        CHECK(strlen(line) > strlen(want));
        if (strlen(line) > strlen(want)) CHECK_STR(line + strlen(line) - strlen(want), want);
    }
    engine_unref(eng);
    buf_release(&g_out);
}

CHECK_MAIN(CHECK_TEST(the_likeliest_has_four_decimals), CHECK_TEST(each_form_has_its_line),
           CHECK_TEST(a_table_is_safe_on_a_terminal_and_cut_to_its_width),
           CHECK_TEST(an_explanation_names_rule_and_text), CHECK_TEST(only_csv_has_a_header),
           CHECK_TEST(a_table_fits_its_terminal), CHECK_TEST(a_wrapped_line_loses_nothing),
           CHECK_TEST(an_object_is_given_back_with_its_answer), CHECK_TEST(a_filter_takes_what_it_names),
           CHECK_TEST(lines_for_grep_are_one_a_record))
