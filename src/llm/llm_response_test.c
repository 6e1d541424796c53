#include "llm/llm_response.h"

#include "base/check.h"

static struct llm_response response_read_body(const char *body) {
    struct llm_response r;
    struct err e = {0};
    llm_response_read(span_of(body), label_default(), &r, &e);
    CHECK_INT(e.code, r.kind == LLM_RESPONSE_LABEL    ? ERR_OK
                      : r.kind == LLM_RESPONSE_BROKEN ? ERR_DECODE
                                                      : ERR_NO_LABEL);
    return r;
}

/* A completion with this content (already escaped for JSON) and finish reason. */
static struct llm_response read_content(const char *content, const char *finish) {
    char body[4096];
    snprintf(
        body, sizeof body,
        "{\"id\":\"x\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":\"%s\"}],"
        "\"usage\":{\"prompt_tokens\":310,\"completion_tokens\":8,\"total_tokens\":318}}",
        content, finish);
    return response_read_body(body);
}

static const char *label_of(const struct llm_response *r) {
    return label_default()->label[r->label].id;
}

static void a_label_is_read(void) {
    static const char *const CONTENT[] = {
        "{\\\"label_id\\\":\\\"DB_ERROR\\\"}",
        " {\\\"label_id\\\": \\\"DB_ERROR\\\"} \\n",
        "{\\\"label_id\\\":\\\"INFO\\\",\\\"label_id\\\":\\\"DB_ERROR\\\",\\\"why\\\":[1,{}]}",
        "DB_ERROR",
        "  DB_ERROR\\n",
        "```json\\n{\\\"label_id\\\":\\\"DB_ERROR\\\"}\\n```",
        "```\\nDB_ERROR\\n```",
        "<think>it may be INFO or BACKUP</think>\\n\\n{\\\"label_id\\\":\\\"DB_ERROR\\\"}",
    };
    for (size_t i = 0; i < sizeof CONTENT / sizeof CONTENT[0]; i++) {
        struct llm_response r = read_content(CONTENT[i], "stop");
        CHECK_INT(r.kind, LLM_RESPONSE_LABEL);
        CHECK_STR(label_of(&r), "DB_ERROR");
        CHECK(!r.measured);
        CHECK_NEAR(r.confidence, REPLY_CONFIDENCE_CONSTANT, 0);
        CHECK_INT(r.tokens_in, 310);
        CHECK_INT(r.tokens_out, 8);
    }
}

static void anything_but_a_label_is_none(void) {
    static const char *const CONTENT[] = {
        "",
        " ",
        "db_error",
        "DB_ERROR.",
        "The label is DB_ERROR",
        "DB_ERROR INFO",
        "\\\"DB_ERROR\\\"",
        "NOPE",
        "null",
        "{}",
        "[]",
        "[\\\"DB_ERROR\\\"]",
        "{\\\"label\\\":\\\"DB_ERROR\\\"}",
        "{\\\"label_id\\\":\\\"Database Error\\\"}",
        "{\\\"label_id\\\":null}",
        "{\\\"label_id\\\":3}",
        "{\\\"label_id\\\":[\\\"DB_ERROR\\\"]}",
        "{\\\"label_id\\\":\\\"DB_ERROR\\\"",
        "{\\\"label_id\\\":\\\"DB_ERROR\\\"} {\\\"label_id\\\":\\\"INFO\\\"}",
        "{\\\"label_id\\\":\\\"DB_ERROR\\\"} trailing",
        "{\\\"x\\\":{\\\"label_id\\\":\\\"DB_ERROR\\\"}}",
        "I'm sorry, I can't help with that.",
        "<think>DB_ERROR",
        "```DB_ERROR",
        "DB_ERROR\\u0000",
        "\\u0441DB_ERROR",
    };
    for (size_t i = 0; i < sizeof CONTENT / sizeof CONTENT[0]; i++) {
        struct llm_response r = read_content(CONTENT[i], "stop");
        if (r.kind != LLM_RESPONSE_NO_LABEL) fprintf(stderr, "not refused: %s\n", CONTENT[i]);
        CHECK_INT(r.kind, LLM_RESPONSE_NO_LABEL);
    }
}

static void a_cut_answer_is_no_answer(void) {
    CHECK_INT(read_content("{\\\"label_id\\\":\\\"DB_ERROR\\\"}", "length").kind, LLM_RESPONSE_CUT);
    CHECK_INT(read_content("", "length").kind, LLM_RESPONSE_CUT);
}

static void what_is_no_completion_is_broken(void) {
    static const char *const BODY[] = {
        "",
        "null",
        "[]",
        "{}",
        "<html>",
        "{\"choices\":[]}",
        "{\"choices\":null}",
        "{\"choices\":{}}",
        "{\"choices\":[1]}",
        "{\"choices\":[{}]}",
        "{\"choices\":[{\"message\":null}]}",
        "{\"choices\":[{\"message\":\"DB_ERROR\"}]}",
        "{\"choices\":[{\"text\":\"DB_ERROR\"}]}",
        "{\"error\":{\"message\":\"no\"}}",
        "{\"choices\":[{\"message\":{\"content\":\"DB_ERROR\"}}]} x",
        "data: {\"choices\":[{\"delta\":{\"content\":\"DB\"}}]}\n\n",
    };
    for (size_t i = 0; i < sizeof BODY / sizeof BODY[0]; i++)
        CHECK_INT(response_read_body(BODY[i]).kind, LLM_RESPONSE_BROKEN);
    CHECK_INT(response_read_body("{\"choices\":[{\"message\":{}}]}").kind, LLM_RESPONSE_NO_LABEL);
    CHECK_INT(response_read_body("{\"choices\":[{\"message\":{\"content\":null}}]}").kind, LLM_RESPONSE_NO_LABEL);
    CHECK_INT(response_read_body("{\"choices\":[{\"message\":{\"content\":[\"DB_ERROR\"]}}]}").kind,
              LLM_RESPONSE_NO_LABEL);
}

/* A completion "{"label_id":"<a><b>"}" whose value is two tokens, with alternatives as JSON. */
static struct llm_response read_tokens(const char *content, const char *tokens) {
    char body[8192];
    snprintf(
        body, sizeof body,
        "{\"choices\":[{\"message\":{\"content\":\"%s\"},\"finish_reason\":\"stop\",\"logprobs\":{\"content\":[%s]}}]}",
        content, tokens);
    return response_read_body(body);
}

#define TOKEN(text, logprob, others) "{\"token\":\"" text "\",\"logprob\":" logprob ",\"top_logprobs\":[" others "]}"
#define OTHER(text, logprob)         "{\"token\":\"" text "\",\"logprob\":" logprob "}"

/* ln 0.6 = -0.510825623766, ln 0.2 = -1.609437912434, ln 0.1 = -2.302585092994, ln 0.05 = -2.995732273554 */
/* clang-format off */
static const char AUTH_TOKENS[] =
    TOKEN("{\\\"", "-0.1", OTHER("hello", "-0.2")) ","
    TOKEN("label_id", "-3.0", "") ","
    TOKEN("\\\":\\\"", "-0.5", OTHER("\\\": ", "-0.6")) ","
    TOKEN("AUTH", "-0.510825623766",
          OTHER("AUTH", "-0.510825623766") "," OTHER("DB", "-1.609437912434") ","
          OTHER("IN", "-2.302585092994") "," OTHER("Login", "-2.995732273554")) ","
    TOKEN("_ERROR", "-0.0100503358535", OTHER("_FAILURE", "-4.6")) ","
    TOKEN("\\\"}", "-0.7", OTHER("S", "-0.8"));

static const char STRADDLING_TOKENS[] =
    TOKEN("{\\\"label_id\\\":", "0", "") ","
    TOKEN("\\\"DB", "-0.510825623766",
          OTHER("\\\"INFO", "-1.609437912434") "," OTHER("DB", "-1.6") "," OTHER("\\\"", "-1.6")) ","
    TOKEN("_ERROR\\\"}", "-0.510825623766",
          OTHER("_ERROR\\\"", "-1.609437912434") "," OTHER("_ERR", "-1.609437912434") "," OTHER("_ERRORS", "-1.0"));
/* clang-format on */

static void confidence_is_the_labels_share(void) {
    struct llm_response r = read_tokens("{\\\"label_id\\\":\\\"AUTH_ERROR\\\"}", AUTH_TOKENS);
    CHECK_INT(r.kind, LLM_RESPONSE_LABEL);
    CHECK(r.measured);
    CHECK_NEAR(r.confidence, 0.6667, 1e-9); /* 0.6 / (0.6 + 0.2 + 0.1), and nothing else is possible after AUTH */
}

/* At the first token: USER 0.5 goes on; U may become USER_ACTION or UNCLASSIFIED; DB and "Dep" (no label) lie beside.
 * Then "_ACTION" 0.9 of what is possible, which is itself only. */
static void every_label_gets_its_likelihood(void) {
    struct llm_response r = read_tokens(
        "{\\\"label_id\\\":\\\"USER_ACTION\\\"}",
        TOKEN("{\\\"label_id\\\":\\\"", "-0.01", "") "," TOKEN(
            "USER", "-0.6931471805599453",
            OTHER("USER", "-0.6931471805599453") "," OTHER("U", "-2.3025850929940455") "," OTHER(
                "DB",
                "-1."
                "609437912434100"
                "3") "," OTHER("Dep", "-1.8971199848858813")) "," TOKEN("_ACTION", "-0.10536051565782628",
                                                                        OTHER("_ACCESS",
                                                                              "-2.3025850929940455")) "," TOKEN("\\\"}",
                                                                                                                "-0.01",
                                                                                                                ""));
    double sum = 0;
    CHECK(r.measured);
    for (unsigned i = 0; i < label_default()->n; i++) sum += r.likelihood[i];
    CHECK_NEAR(sum, 1, 1e-5);
    CHECK_NEAR(r.likelihood[label_find(label_default(), SPAN_LIT("USER_ACTION"))], 0.6875, 1e-9);  /* 0.55 / 0.8 */
    CHECK_NEAR(r.likelihood[label_find(label_default(), SPAN_LIT("DB_ERROR"))], 0.25, 1e-9);       /* 0.2 / 0.8 */
    CHECK_NEAR(r.likelihood[label_find(label_default(), SPAN_LIT("UNCLASSIFIED"))], 0.0625, 1e-9); /* 0.05 / 0.8 */
    CHECK_NEAR(r.confidence, 0.6875, 1e-9);
}

static void tokens_may_straddle_the_quotes(void) {
    struct llm_response r = read_tokens("{\\\"label_id\\\":\\\"DB_ERROR\\\"}", STRADDLING_TOKENS);
    CHECK(r.measured);
    CHECK_NEAR(r.confidence, 0.75, 1e-9); /* 0.6 / 0.8; behind that every way leads to DB_ERROR */
}

static void tokens_may_say_more_than_the_content(void) {
    char tokens[4096];
    snprintf(tokens, sizeof tokens, "%s,%s,%s", TOKEN("```json\\n", "-3", OTHER("DB_ERROR", "-1")), STRADDLING_TOKENS,
             TOKEN("\\n```", "-0.1", ""));
    struct llm_response r = read_tokens("{\\\"label_id\\\":\\\"DB_ERROR\\\"}", tokens);
    CHECK(r.measured);
    CHECK_NEAR(r.confidence, 0.75, 1e-9); /* as without the fence */
}

static void tokens_that_do_not_tell_leave_the_constant(void) {
    static const char *const TOKENS[] = {
        "",
        TOKEN("DB_ERROR", "null", ""),
        TOKEN("DB_ERROR", "\"x\"", ""),
        TOKEN("DB_ERROR", "5", ""),
        TOKEN("DB", "-0.1", ""),
        TOKEN("INFO", "-0.1", ""),
        "{}",
        "null",
        "1",
        TOKEN("DB_ERROR", "-1e999", ""),
    };
    for (size_t i = 0; i < sizeof TOKENS / sizeof TOKENS[0]; i++) {
        struct llm_response r = read_tokens("DB_ERROR", TOKENS[i]);
        if (r.kind == LLM_RESPONSE_BROKEN) continue; /* a number that JSON does not know */
        CHECK_INT(r.kind, LLM_RESPONSE_LABEL);
        CHECK(!r.measured);
        CHECK_NEAR(r.confidence, REPLY_CONFIDENCE_CONSTANT, 0);
    }
    struct llm_response r = read_tokens("DB_ERROR", TOKEN("DB_ERROR", "-0.510825623766", ""));
    CHECK(r.measured);
    CHECK_NEAR(r.confidence, 1, 0); /* the only label among its alternatives */
}

static void errors_have_codes(void) {
    static const char *const ROW[][2] = {
        {"{\"error\":{\"message\":\"gone\",\"type\":\"invalid_request_error\",\"code\":\"model_decommissioned\"}}",
         "model_decommissioned"},
        {"{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\",\"code\":null}}", "invalid_request_error"},
        {"{\"error\":\"x\"}", ""},
        {"", ""},
        {"[]", ""},
        {"{\"error\":{\"code\":404}}", ""},
    };
    char code[24];
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        llm_response_error_code(span_of(ROW[i][0]), code, sizeof code);
        CHECK_STR(code, ROW[i][1]);
    }
}

static void a_cost_that_can_not_be_is_not_believed(void) {
    static const char *const USAGE[] = {"\"prompt_tokens\":18446744073709551615,\"completion_tokens\":5",
                                        "\"prompt_tokens\":310,\"completion_tokens\":9223372036854775807",
                                        "\"prompt_tokens\":1048577,\"completion_tokens\":8",
                                        "\"prompt_tokens\":-1,\"completion_tokens\":1e300"};
    char body[1024];
    for (size_t i = 0; i < sizeof USAGE / sizeof USAGE[0]; i++) {
        snprintf(body, sizeof body, "{\"choices\":[{\"message\":{\"content\":\"DB_ERROR\"}}],\"usage\":{%s}}",
                 USAGE[i]);
        struct llm_response r = response_read_body(body);
        CHECK_INT(r.kind, LLM_RESPONSE_LABEL);
        CHECK(r.tokens_in == 0 && r.tokens_out == 0);
    }
}

CHECK_MAIN(CHECK_TEST(a_cost_that_can_not_be_is_not_believed), CHECK_TEST(a_label_is_read),
           CHECK_TEST(anything_but_a_label_is_none), CHECK_TEST(a_cut_answer_is_no_answer),
           CHECK_TEST(what_is_no_completion_is_broken), CHECK_TEST(confidence_is_the_labels_share),
           CHECK_TEST(every_label_gets_its_likelihood), CHECK_TEST(tokens_may_straddle_the_quotes),
           CHECK_TEST(tokens_may_say_more_than_the_content), CHECK_TEST(tokens_that_do_not_tell_leave_the_constant),
           CHECK_TEST(errors_have_codes))
