#include "api/entry.h"

#include "base/check.h"

#include <stdbool.h>

static const struct entry_limits LIM = {.entries_max = 5, .depth_max = 32, .line_bytes_max = 40};

static struct arena g_arena = {.bytes_max = 1 << 20};
static struct buf g_text = {.max = 1 << 20};
static struct entry_reader g_reader;
static struct batch g_batch;
static struct err g_err;

static enum refusal read_bytes(const char *p, size_t n) {
    if (!g_reader.memory) CHECK(entry_reader_init(&g_reader));
    arena_reset(&g_arena);
    buf_reset(&g_text);
    buf_put(&g_text, p, n);
    g_batch = (struct batch){0};
    g_err = (struct err){0};
    return entry_read_array(&g_reader, &LIM, &g_text, &g_arena, &g_batch, &g_err);
}

static enum refusal entry_read_text(const char *text) {
    return read_bytes(text, strlen(text));
}

static void entries_are_read_in_order(void) {
    CHECK_INT(
        entry_read_text(
            " [{\"source\":\"a\",\"log_message\":\"one\"},\n{\"log_message\":\"t\\u0077o\\n\",\"source\":\"b\"}]\r\n"),
        REFUSE_NONE);
    CHECK_INT(g_batch.n, 2);
    CHECK_SPAN(g_batch.rec[0].source, "a");
    CHECK_SPAN(g_batch.rec[0].message, "one");
    CHECK_SPAN(g_batch.rec[1].source, "b");
    CHECK_SPAN(g_batch.rec[1].message, "two\n");
}

static void missing_and_unknown_fields(void) {
    CHECK_INT(entry_read_text("[{},{\"x\":[1,{\"y\":1e999}],\"source\":\"s\"},{\"log_message\":\"m\",\"Source\":7}]"),
              REFUSE_NONE);
    CHECK_SPAN(g_batch.rec[0].source, "");
    CHECK_SPAN(g_batch.rec[0].message, "");
    CHECK_SPAN(g_batch.rec[1].source, "s");
    CHECK_SPAN(g_batch.rec[2].message, "m");
    CHECK_SPAN(g_batch.rec[2].source, "");
}

static void the_last_of_duplicate_keys_wins(void) {
    CHECK_INT(entry_read_text("[{\"log_message\":\"a\",\"log_message\":\"b\",\"log_messag\\u0065\":\"c\"}]"),
              REFUSE_NONE);
    CHECK_SPAN(g_batch.rec[0].message, "c");
}

static void errors_name_the_place(void) {
    static const struct {
        const char *text, *says;
        enum refusal why;
    } row[] = {
        {"", "the body is empty: expected an array of entries", REFUSE_MALFORMED},
        {"[]", "no log entries provided", REFUSE_MALFORMED},
        {" null ", "no log entries provided", REFUSE_MALFORMED},
        {"{}", "expected an array of entries, not object", REFUSE_MALFORMED},
        {"\"x\"", "expected an array of entries, not string", REFUSE_MALFORMED},
        {"17", "expected an array of entries, not number", REFUSE_MALFORMED},
        {"[{},5]", "[1]: expected an object, not number", REFUSE_MALFORMED},
        {"[null]", "[0]: expected an object, not null", REFUSE_MALFORMED},
        {"[{},{\"log_message\":1}]", "[1].log_message: expected a string, not number", REFUSE_MALFORMED},
        {"[{\"source\":null}]", "[0].source: expected a string, not null", REFUSE_MALFORMED},
        {"[{\"source\":[]}]", "[0].source: expected a string, not array", REFUSE_MALFORMED},
        {"[{\"source\":true,\"source\":\"x\"}]", "[0].source: expected a string, not true", REFUSE_MALFORMED},
        {"[{}] x", "byte 5:", REFUSE_MALFORMED},
        {"[{}][]", "byte 4:", REFUSE_MALFORMED},
        {"[{},]", "byte 3:", REFUSE_MALFORMED},
        {"[{'a':1}]", "byte 2:", REFUSE_MALFORMED},
        {"[{\"a\":NaN}]", "byte 6:", REFUSE_MALFORMED},
        {"[{\"log_message\":\"a\nb\"}]", "byte 18:", REFUSE_MALFORMED},
        {"[{\"log_message\":\"\\x\"}]", "byte", REFUSE_MALFORMED},
        {"[{\"log_message\":\"a", "byte", REFUSE_MALFORMED},
        {"[{\"log_message\":\"a\\", "byte", REFUSE_MALFORMED},
        {"[{\"log_message\":\"\\ud83", "byte", REFUSE_MALFORMED},
        {"[// x\n{}]", "byte 1:", REFUSE_MALFORMED},
        {"\xef\xbb\xbf[{}]", "byte 0:", REFUSE_MALFORMED},
        {"[{},{},{},{},{},{}]", "6 entries, the limit is 5", REFUSE_ENTRIES},
        {"[{\"log_message\":\"12345678901234567890123456789012345678901\"}]",
         "[0].log_message: 41 bytes, the limit is 40", REFUSE_LINE_BYTES},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        CHECK_INT(entry_read_text(row[i].text), row[i].why);
        if (strncmp(g_err.msg, row[i].says, strlen(row[i].says)) != 0)
            fprintf(stderr, "%s -> %s, not %s\n", row[i].text, g_err.msg, row[i].says);
        CHECK(strncmp(g_err.msg, row[i].says, strlen(row[i].says)) == 0);
    }
    CHECK_INT(entry_read_text("[{\"log_message\":\"1234567890123456789012345678901234567890\"}]"), REFUSE_NONE);
}

/* Expected: bytes.decode("utf-8", "replace") and, for lone surrogates, what Go's encoding/json does. */
static void wrong_unicode_becomes_the_replacement_character(void) {
    static const struct {
        const char *in, *out;
    } row[] = {
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xe2\x82", "\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
        {"\\ud83d", "\xef\xbf\xbd"},
        {"\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"\\ud83dx", "\xef\xbf\xbdx"},
        {"\\\\ud83d", "\\ud83d"},
        {"\\uD83D\\n", "\xef\xbf\xbd\n"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char text[100];
        snprintf(text, sizeof text, "[{\"log_message\":\"%s\"}]", row[i].in);
        CHECK_INT(entry_read_text(text), REFUSE_NONE);
        CHECK_SPAN(g_batch.rec[0].message, row[i].out);
    }
    CHECK_INT(read_bytes("[{\"log_message\":\"a\\u0000b\"}]", 28), REFUSE_NONE);
    CHECK_INT(g_batch.rec[0].message.n, 3);
}

static void nesting_has_a_limit(void) {
    char text[200];
    for (unsigned depth = 30; depth < 36; depth++) {
        unsigned inner = depth - 2; /* inside [{ */
        int n = snprintf(text, sizeof text, "[{\"x[[[\\\"{\":");
        memset(text + n, '[', inner);
        memset(text + n + inner, ']', inner);
        snprintf(text + n + 2 * inner, 10, "}]");
        CHECK_INT(entry_read_text(text), depth <= 32 ? REFUSE_NONE : REFUSE_DEPTH);
    }
    memset(text, '[', 199);
    text[199] = '\0';
    CHECK_INT(entry_read_text(text), REFUSE_DEPTH);
    CHECK_STR(g_err.msg, "byte 32: nested deeper than 32 (depth-max)");
}

static void a_line_is_one_entry(void) {
    char line[] = "{\"log_message\":\"a\xff\",\"source\":\"s\"}";
    struct record rec;
    struct span text = {line, sizeof line - 1};
    CHECK_INT(entry_read_line(&g_reader, &LIM, text, &g_arena, &rec, &g_err), REFUSE_NONE);
    memset(line, 'x', sizeof line); /* the strings are copies */
    CHECK_SPAN(rec.message, "a\xef\xbf\xbd");
    CHECK_SPAN(rec.source, "s");
    CHECK_INT(entry_read_line(&g_reader, &LIM, SPAN_LIT("[1]"), &g_arena, &rec, &g_err), REFUSE_MALFORMED);
    CHECK_STR(g_err.msg, "expected an object, not array");
    CHECK_INT(entry_read_line(&g_reader, &LIM, SPAN_LIT("{"), &g_arena, &rec, &g_err), REFUSE_MALFORMED);
}

static enum refusal read_question(const char *text) {
    g_err = (struct err){0};
    arena_reset(&g_arena);
    buf_reset(&g_text);
    buf_puts(&g_text, text);
    return entry_read_question(&g_reader, &LIM, &g_text, &g_arena, &g_batch, &g_err);
}

static void a_question_is_one_message(void) {
    CHECK_INT(read_question("{\"message\":\"a\",\"x\":[1],\"message\":\"b\"}"), REFUSE_NONE);
    CHECK_INT(g_batch.n, 1);
    CHECK_SPAN(g_batch.rec[0].message, "b");
    CHECK_INT(g_batch.rec[0].source.n, 0);
    CHECK_INT(read_question("{\"message\":\"\",\"source\":\"sshd\"}"), REFUSE_NONE);
    CHECK_SPAN(g_batch.rec[0].source, "sshd");
    static const struct {
        const char *text, *why;
    } BAD[] = {{"", "empty"},
               {"[]", "expected an object"},
               {"null", "expected an object"},
               {"{}", "it is missing"},
               {"{\"message\":1}", "message: expected a string, not number"},
               {"{\"message\":\"a\"}x", "byte 15"}};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        CHECK_INT(read_question(BAD[i].text), REFUSE_MALFORMED);
        CHECK(strstr(g_err.msg, BAD[i].why) != NULL);
    }
    CHECK_INT(read_question("{\"message\":\"12345678901234567890123456789012345678901\"}"), REFUSE_LINE_BYTES);
}

static void every_prefix_is_refused(void) {
    static const char TEXT[] = "[{\"source\":\"a\\ud83d\\ude00\",\"log_message\":\"\\\\\\\"\",\"x\":[1,null]}]";
    for (size_t n = 0; n < sizeof TEXT - 1; n++) CHECK(read_bytes(TEXT, n) != REFUSE_NONE);
    CHECK_INT(read_bytes(TEXT, sizeof TEXT - 1), REFUSE_NONE);
    entry_reader_release(&g_reader);
    arena_release(&g_arena);
    buf_release(&g_text);
}

CHECK_MAIN(CHECK_TEST(entries_are_read_in_order), CHECK_TEST(missing_and_unknown_fields),
           CHECK_TEST(the_last_of_duplicate_keys_wins), CHECK_TEST(errors_name_the_place),
           CHECK_TEST(wrong_unicode_becomes_the_replacement_character), CHECK_TEST(nesting_has_a_limit),
           CHECK_TEST(a_line_is_one_entry), CHECK_TEST(a_question_is_one_message), CHECK_TEST(every_prefix_is_refused))
