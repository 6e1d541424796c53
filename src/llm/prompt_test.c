#include "llm/prompt.h"

#include "base/check.h"

static struct buf g_out = {.max = 1 << 20};

static const char *line_of(const char *template) {
    static struct redact *r;
    struct err e;
    if (!r) r = redact_open("", &e);
    buf_reset(&g_out);
    prompt_line(r, span_of(template), &g_out);
    buf_putc(&g_out, '\0');
    return g_out.p;
}

static void the_system_text_names_every_label(void) {
    const struct label_set *labels = label_default();
    buf_reset(&g_out);
    prompt_system(labels, &g_out);
    buf_putc(&g_out, '\0');
    CHECK(!g_out.failed);
    CHECK(strstr(g_out.p, "# (a number), <time>, ") != NULL && strstr(g_out.p, "<num>") == NULL);
    CHECK(strstr(g_out.p, "GET <path> 200 #ms -> ") != NULL); /* examples look as lines do */
    for (unsigned i = 0; i < labels->n; i++) {
        char example[128];
        CHECK(strstr(g_out.p, labels->label[i].description) != NULL);
        snprintf(example, sizeof example, " -> {\"label_id\":\"%s\"}\n", labels->label[i].id);
        CHECK(strstr(g_out.p, example) != NULL);
    }
}

static void another_label_set_is_another_prompt(void) {
    struct label_set own = {.n = 2, .unclassified = 1};
    snprintf(own.label[0].id, LABEL_ID_MAX, "BILLING");
    snprintf(own.label[0].name, LABEL_NAME_MAX, "About money");
    snprintf(own.label[1].id, LABEL_ID_MAX, "UNCLASSIFIED");
    CHECK(prompt_version(&own) != prompt_version(label_default()));
    CHECK(prompt_version(&own) == prompt_version(&own));
    buf_reset(&g_out);
    prompt_system(&own, &g_out);
    buf_putc(&g_out, '\0');
    CHECK(strstr(g_out.p, "BILLING: About money\n") != NULL);
    CHECK(strstr(g_out.p, "AUTH_ERROR") == NULL);
    snprintf(own.label[0].description, LABEL_TEXT_MAX, "Invoices");
    uint64_t before = prompt_version(&own);
    snprintf(own.label[0].description, LABEL_TEXT_MAX, "Invoices and refunds");
    CHECK(prompt_version(&own) != before);
}

static void lines_lose_what_is_not_seen(void) {
    CHECK_STR(line_of("disk # full"), "disk # full");
    CHECK_STR(line_of("a\nb\tc\rd"), "a b c d");
    CHECK_STR(line_of("a\x01\x1b[31mb\x7f"), "a[31mb");
    CHECK_STR(line_of("x\xe2\x80\x8by"), "xy");                                 /* zero-width space */
    CHECK_STR(line_of("x\xe2\x80\xaey"), "xy");                                 /* right-to-left override */
    CHECK_STR(line_of("x\xf3\xa0\x81\x81y"), "xy");                             /* tag letter */
    CHECK_STR(line_of("caf\xc3\xa9 \xe6\x97\xa5"), "caf\xc3\xa9 \xe6\x97\xa5"); /* letters stay */
    CHECK_STR(line_of("x\xff\xc3y"), "x\xef\xbf\xbd\xef\xbf\xbdy");
    CHECK_STR(line_of("pass\xe2\x80\x8bword=hunter"), "password=<secret>"); /* nothing hides behind what is not seen */
}

static void long_lines_are_cut_after_redaction(void) {
    static char text[8001];
    memset(text, 'x', 8000);
    for (size_t i = 0; i < 8000; i += 20) text[i] = ' ';
    memcpy(text + PROMPT_LINE_MAX - 12, " password=hunter2hunter2", 24);
    const char *line = line_of(text);
    CHECK(strlen(line) <= PROMPT_LINE_MAX);
    CHECK(strstr(line, "hun") == NULL);
    for (size_t i = 0; i < 8000; i += 2) memcpy(text + i, "\xc3\xa9", 2);
    line = line_of(text);
    CHECK(strlen(line) % 2 == 0 && strlen(line) > PROMPT_LINE_MAX - 2); /* not inside a character */
}

static void marks_are_new_each_time(void) {
    char a[PROMPT_NONCE_MAX], b[PROMPT_NONCE_MAX], want[256];
    prompt_nonce(a);
    prompt_nonce(b);
    CHECK(strcmp(a, b) != 0 && strlen(a) == 16 && strspn(a, "0123456789abcdef") == 16);
    buf_reset(&g_out);
    prompt_user(SPAN_LIT("the line"), a, &g_out);
    snprintf(want, sizeof want, "<<<message %s\nthe line\n%s message>>>", a, a);
    CHECK_SPAN(buf_span(&g_out), want);
}

CHECK_MAIN(CHECK_TEST(the_system_text_names_every_label), CHECK_TEST(another_label_set_is_another_prompt),
           CHECK_TEST(lines_lose_what_is_not_seen), CHECK_TEST(long_lines_are_cut_after_redaction),
           CHECK_TEST(marks_are_new_each_time))
