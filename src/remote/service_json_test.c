#include "remote/service_json.h"

#include "base/check.h"

static struct buf g_out = {.max = 1 << 20};

static void questions_are_written_as_json(void) {
    static const struct {
        const char *message, *json;
    } ROW[] = {
        {"", "{\"message\":\"\"}"},
        {"disk full", "{\"message\":\"disk full\"}"},
        {"a\"b\\c\n\x01", "{\"message\":\"a\\\"b\\\\c\\n\\u0001\"}"},
        {"caf\xc3\xa9", "{\"message\":\"caf\xc3\xa9\"}"},
        {"x\xff\xc3z", "{\"message\":\"x\xef\xbf\xbd\xef\xbf\xbdz\"}"},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        buf_reset(&g_out);
        service_json_write_question(&g_out, span_of(ROW[i].message), (struct span){0});
        CHECK_SPAN(buf_span(&g_out), ROW[i].json);
    }
    buf_reset(&g_out);
    service_json_write_question(&g_out, SPAN_LIT("m"), SPAN_LIT("s\""));
    CHECK_SPAN(buf_span(&g_out), "{\"message\":\"m\",\"source\":\"s\\\"\"}");
}

static void good_answers_are_read(void) {
    static const struct {
        const char *json, *label;
        double confidence;
    } ROW[] = {
        {"{\"label_id\":\"DB_ERROR\",\"label\":\"Database Error\",\"confidence\":0.87}", "DB_ERROR", 0.87},
        {" {\"confidence\":1,\"label\":\"\",\"label_id\":\"BACKUP\",\"source\":\"bert\",\"x\":[{}]} \n", "BACKUP", 1},
        {"{\"label_id\":\"INFO\",\"label_id\":\"BACKUP\",\"label\":\"b\",\"confidence\":0}", "BACKUP", 0},
        {"{\"label_id\":\"UNCLASSIFIED\",\"label\":\"Unclassified\",\"confidence\":0.3}", "UNCLASSIFIED", 0.3},
        {"{\"label_id\":\"\\u0049NFO\",\"label\":\"i\",\"confidence\":1e-3}", "INFO", 0.001},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        struct service_json_answer a = {0};
        struct err e = {0};
        CHECK(service_json_read_answer(span_of(ROW[i].json), label_default(), &a, &e));
        CHECK_STR(label_default()->label[a.label].id, ROW[i].label);
        CHECK_NEAR(a.confidence, ROW[i].confidence, 0);
    }
}

/* Everything else, all that a service could get wrong. */
static const char *const GARBAGE[] = {
    "",
    " ",
    "null",
    "true",
    "0.5",
    "\"INFO\"",
    "[]",
    "{}",
    "{",
    "}",
    "<html></html>",
    "Internal Server Error",
    "{\"label_id\":\"INFO\",\"label\":\"i\"}",
    "{\"label_id\":\"INFO\",\"confidence\":0.5}",
    "{\"label\":\"i\",\"confidence\":0.5}",
    "{\"label_id\":\"NOPE\",\"label\":\"i\",\"confidence\":0.5}",
    "{\"label_id\":\"info\",\"label\":\"i\",\"confidence\":0.5}",
    "{\"label_id\":\" INFO\",\"label\":\"i\",\"confidence\":0.5}",
    "{\"label_id\":\"INFO\\u0000\",\"label\":\"i\",\"confidence\":0.5}",
    "{\"label_id\":\"\",\"label\":\"i\",\"confidence\":0.5}",
    "{\"label_id\":null,\"label\":\"i\",\"confidence\":0.5}",
    "{\"label_id\":5,\"label\":\"i\",\"confidence\":0.5}",
    "{\"label_id\":[\"INFO\"],\"label\":\"i\",\"confidence\":0.5}",
    "{\"label_id\":\"INFO\",\"label\":null,\"confidence\":0.5}",
    "{\"label_id\":\"INFO\",\"label\":3,\"confidence\":0.5}",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":null}",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":\"0.5\"}",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":true}",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":1.0000001}",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":-0.1}",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":NaN}",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":Infinity}",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":1e400}",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":87}",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":0.5",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":0.5}}",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":0.5} trailing",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":0.5,}",
    "{'label_id':'INFO','label':'i','confidence':0.5}",
    ("{\"label_id\":\"IN\xff" /* F would be one more digit */
     "FO\",\"label\":\"i\",\"confidence\":0.5}"),
    "[{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":0.5}]",
    "{\"data\":{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":0.5}}",
    "{\"error\":\"model is loading\"}",
    "\xef\xbb\xbf",
    "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":0.5,\"confidence\":2}",
};

static void anything_else_is_a_decode_error(void) {
    for (size_t i = 0; i < sizeof GARBAGE / sizeof GARBAGE[0]; i++) {
        struct service_json_answer a;
        struct err e = {0};
        bool ok = service_json_read_answer(span_of(GARBAGE[i]), label_default(), &a, &e);
        if (ok) fprintf(stderr, "accepted: %s\n", GARBAGE[i]);
        CHECK(!ok);
        CHECK_INT(e.code, ERR_DECODE);
    }
    CHECK(sizeof GARBAGE / sizeof GARBAGE[0] >= 40);
}

static void deep_nesting_is_no_danger(void) {
    static char deep[200000];
    memset(deep, '[', sizeof deep);
    struct service_json_answer a;
    struct err e = {0};
    CHECK(!service_json_read_answer((struct span){deep, sizeof deep}, label_default(), &a, &e));
}

CHECK_MAIN(CHECK_TEST(questions_are_written_as_json), CHECK_TEST(good_answers_are_read),
           CHECK_TEST(anything_else_is_a_decode_error), CHECK_TEST(deep_nesting_is_no_danger))
