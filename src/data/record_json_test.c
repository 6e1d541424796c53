#include "data/record_json.h"

#include "base/check.h"

#include <stdbool.h>

static const struct record_json_limits LIM = {.entries_max = 5, .depth_max = 32, .line_bytes_max = 40};

static struct arena g_arena = {.bytes_max = 1 << 20};
static struct buf g_text = {.max = 1 << 20};
static struct record_json_reader g_reader;
static struct batch g_batch;
static struct err g_err;

static enum record_json_trouble read_bytes(const char *p, size_t n) {
    if (!g_reader.memory) CHECK(record_json_reader_init(&g_reader));
    arena_reset(&g_arena);
    buf_reset(&g_text);
    buf_put(&g_text, p, n);
    g_batch = (struct batch){0};
    g_err = (struct err){0};
    return record_json_read_array(&g_reader, &LIM, &g_text, &g_arena, &g_batch, &g_err);
}

static enum record_json_trouble record_json_read_text(const char *text) {
    return read_bytes(text, strlen(text));
}

static void entries_are_read_in_order(void) {
    CHECK_INT(
        record_json_read_text(
            " [{\"source\":\"a\",\"log_message\":\"one\"},\n{\"log_message\":\"t\\u0077o\\n\",\"source\":\"b\"}]\r\n"),
        RECORD_JSON_OK);
    CHECK_INT(g_batch.n, 2);
    CHECK_SPAN(g_batch.rec[0].source, "a");
    CHECK_SPAN(g_batch.rec[0].message, "one");
    CHECK_SPAN(g_batch.rec[1].source, "b");
    CHECK_SPAN(g_batch.rec[1].message, "two\n");
}

static void missing_and_unknown_fields(void) {
    CHECK_INT(
        record_json_read_text("[{},{\"x\":[1,{\"y\":1e999}],\"source\":\"s\"},{\"log_message\":\"m\",\"Source\":7}]"),
        RECORD_JSON_OK);
    CHECK_SPAN(g_batch.rec[0].source, "");
    CHECK_SPAN(g_batch.rec[0].message, "");
    CHECK_SPAN(g_batch.rec[1].source, "s");
    CHECK_SPAN(g_batch.rec[2].message, "m");
    CHECK_SPAN(g_batch.rec[2].source, "");
}

/* A client that calls its fields otherwise is understood; the contract's names go before, and are strict. */
static void other_names_stand_in(void) {
    CHECK_INT(record_json_read_text("[{\"message\":\"m\",\"logger\":\"l\"},{\"msg\":\"x\",\"log_message\":\"y\"},"
                                    "{\"text\":7,\"msg\":\"z\"},{\"message\":{}}]"),
              RECORD_JSON_OK);
    CHECK_SPAN(g_batch.rec[0].message, "m");
    CHECK_SPAN(g_batch.rec[0].source, "l");
    CHECK_SPAN(g_batch.rec[1].message, "y");
    CHECK_SPAN(g_batch.rec[2].message, "z");
    CHECK_SPAN(g_batch.rec[3].message, "");
    CHECK_INT(record_json_read_text("[{\"msg\":\"x\",\"log_message\":7}]"), RECORD_JSON_MALFORMED);
    CHECK_INT(record_json_read_text("[{\"msg\":\"12345678901234567890123456789012345678901\"}]"),
              RECORD_JSON_LINE_BYTES);
}

static void the_last_of_duplicate_keys_wins(void) {
    CHECK_INT(record_json_read_text("[{\"log_message\":\"a\",\"log_message\":\"b\",\"log_messag\\u0065\":\"c\"}]"),
              RECORD_JSON_OK);
    CHECK_SPAN(g_batch.rec[0].message, "c");
}

static void errors_name_the_place(void) {
    static const struct {
        const char *text, *says;
        enum record_json_trouble why;
    } row[] = {
        {"", "the body is empty: expected an array of entries", RECORD_JSON_MALFORMED},
        {"[]", "no log entries provided", RECORD_JSON_MALFORMED},
        {" null ", "no log entries provided", RECORD_JSON_MALFORMED},
        {"{}", "expected an array of entries, not object", RECORD_JSON_MALFORMED},
        {"\"x\"", "expected an array of entries, not string", RECORD_JSON_MALFORMED},
        {"17", "expected an array of entries, not number", RECORD_JSON_MALFORMED},
        {"[{},5]", "[1]: expected an object, not number", RECORD_JSON_MALFORMED},
        {"[null]", "[0]: expected an object, not null", RECORD_JSON_MALFORMED},
        {"[{},{\"log_message\":1}]", "[1].log_message: expected a string, not number", RECORD_JSON_MALFORMED},
        {"[{\"source\":null}]", "[0].source: expected a string, not null", RECORD_JSON_MALFORMED},
        {"[{\"source\":[]}]", "[0].source: expected a string, not array", RECORD_JSON_MALFORMED},
        {"[{\"source\":true,\"source\":\"x\"}]", "[0].source: expected a string, not true", RECORD_JSON_MALFORMED},
        {"[{}] x", "byte 5:", RECORD_JSON_MALFORMED},
        {"[{}][]", "byte 4:", RECORD_JSON_MALFORMED},
        {"[{},]", "byte 3:", RECORD_JSON_MALFORMED},
        {"[{'a':1}]", "byte 2:", RECORD_JSON_MALFORMED},
        {"[{\"a\":NaN}]", "byte 6:", RECORD_JSON_MALFORMED},
        {"[{\"log_message\":\"a\nb\"}]", "byte 18:", RECORD_JSON_MALFORMED},
        {"[{\"log_message\":\"\\x\"}]", "byte", RECORD_JSON_MALFORMED},
        {"[{\"log_message\":\"a", "byte", RECORD_JSON_MALFORMED},
        {"[{\"log_message\":\"a\\", "byte", RECORD_JSON_MALFORMED},
        {"[{\"log_message\":\"\\ud83", "byte", RECORD_JSON_MALFORMED},
        {"[// x\n{}]", "byte 1:", RECORD_JSON_MALFORMED},
        {"\xef\xbb\xbf[{}]", "byte 0:", RECORD_JSON_MALFORMED},
        {"[{},{},{},{},{},{}]", "6 entries, the limit is 5", RECORD_JSON_ENTRIES},
        {"[{\"log_message\":\"12345678901234567890123456789012345678901\"}]",
         "[0].log_message: 41 bytes, the limit is 40", RECORD_JSON_LINE_BYTES},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        CHECK_INT(record_json_read_text(row[i].text), row[i].why);
        if (strncmp(g_err.msg, row[i].says, strlen(row[i].says)) != 0)
            fprintf(stderr, "%s -> %s, not %s\n", row[i].text, g_err.msg, row[i].says);
        CHECK(strncmp(g_err.msg, row[i].says, strlen(row[i].says)) == 0);
    }
    CHECK_INT(record_json_read_text("[{\"log_message\":\"1234567890123456789012345678901234567890\"}]"),
              RECORD_JSON_OK);
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
        CHECK_INT(record_json_read_text(text), RECORD_JSON_OK);
        CHECK_SPAN(g_batch.rec[0].message, row[i].out);
    }
    CHECK_INT(read_bytes("[{\"log_message\":\"a\\u0000b\"}]", 28), RECORD_JSON_OK);
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
        CHECK_INT(record_json_read_text(text), depth <= 32 ? RECORD_JSON_OK : RECORD_JSON_DEPTH);
    }
    memset(text, '[', 199);
    text[199] = '\0';
    CHECK_INT(record_json_read_text(text), RECORD_JSON_DEPTH);
    CHECK_STR(g_err.msg, "byte 32: nested deeper than 32 (depth-max)");
}

static void a_line_is_one_entry(void) {
    char line[] = "{\"log_message\":\"a\xff\",\"source\":\"s\"}";
    struct record rec;
    struct span text = {line, sizeof line - 1};
    CHECK_INT(record_json_read_line(&g_reader, &LIM, text, &g_arena, &rec, &g_err), RECORD_JSON_OK);
    memset(line, 'x', sizeof line); /* the strings are copies */
    CHECK_SPAN(rec.message, "a\xef\xbf\xbd");
    CHECK_SPAN(rec.source, "s");
    CHECK_INT(record_json_read_line(&g_reader, &LIM, SPAN_LIT("[1]"), &g_arena, &rec, &g_err), RECORD_JSON_MALFORMED);
    CHECK_STR(g_err.msg, "expected an object, not array");
    CHECK_INT(record_json_read_line(&g_reader, &LIM, SPAN_LIT("{"), &g_arena, &rec, &g_err), RECORD_JSON_MALFORMED);
}

static enum record_json_trouble read_question(const char *text) {
    g_err = (struct err){0};
    arena_reset(&g_arena);
    buf_reset(&g_text);
    buf_puts(&g_text, text);
    return record_json_read_question(&g_reader, &LIM, &g_text, &g_arena, &g_batch, &g_err);
}

static void a_question_is_one_message(void) {
    CHECK_INT(read_question("{\"message\":\"a\",\"x\":[1],\"message\":\"b\"}"), RECORD_JSON_OK);
    CHECK_INT(g_batch.n, 1);
    CHECK_SPAN(g_batch.rec[0].message, "b");
    CHECK_INT(g_batch.rec[0].source.n, 0);
    CHECK_INT(read_question("{\"message\":\"\",\"source\":\"sshd\"}"), RECORD_JSON_OK);
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
        CHECK_INT(read_question(BAD[i].text), RECORD_JSON_MALFORMED);
        CHECK(strstr(g_err.msg, BAD[i].why) != NULL);
    }
    CHECK_INT(read_question("{\"message\":\"12345678901234567890123456789012345678901\"}"), RECORD_JSON_LINE_BYTES);
}

static void every_prefix_is_refused(void) {
    static const char TEXT[] = "[{\"source\":\"a\\ud83d\\ude00\",\"log_message\":\"\\\\\\\"\",\"x\":[1,null]}]";
    for (size_t n = 0; n < sizeof TEXT - 1; n++) CHECK(read_bytes(TEXT, n) != RECORD_JSON_OK);
    CHECK_INT(read_bytes(TEXT, sizeof TEXT - 1), RECORD_JSON_OK);
    record_json_reader_release(&g_reader);
    arena_release(&g_arena);
    buf_release(&g_text);
}

CHECK_MAIN(CHECK_TEST(entries_are_read_in_order), CHECK_TEST(missing_and_unknown_fields),
           CHECK_TEST(other_names_stand_in), CHECK_TEST(the_last_of_duplicate_keys_wins),
           CHECK_TEST(errors_name_the_place), CHECK_TEST(wrong_unicode_becomes_the_replacement_character),
           CHECK_TEST(nesting_has_a_limit), CHECK_TEST(a_line_is_one_entry), CHECK_TEST(a_question_is_one_message),
           CHECK_TEST(every_prefix_is_refused))
