#include "llm/openai.h"

#include "base/check.h"

#include <yyjson.h>

static struct buf g_out = {.max = 1 << 20};

/* The request for a form, parsed; its member, or NULL. */
static yyjson_val *request(const struct openai_form *form, const char *member) {
    static yyjson_doc *doc;
    struct openai_request r = {"m \"1\"", SPAN_LIT("sys"), SPAN_LIT("user\n\xff"), label_default(), *form};
    buf_reset(&g_out);
    openai_write(&r, &g_out);
    yyjson_doc_free(doc);
    doc = yyjson_read(g_out.p, g_out.n, 0);
    CHECK(doc != NULL);
    return yyjson_obj_get(yyjson_doc_get_root(doc), member);
}

static void a_request_says_what_its_form_says(void) {
    struct openai_form f = openai_form_first(OPENAI_AUTO, "");
    CHECK_STR(yyjson_get_str(request(&f, "model")), "m \"1\"");
    CHECK_INT(yyjson_get_int(request(&f, "max_tokens")), OPENAI_TOKENS_FIRST);
    CHECK(yyjson_is_uint(request(&f, "temperature")) && yyjson_get_uint(request(&f, "temperature")) == 0);
    CHECK(yyjson_is_true(request(&f, "logprobs")) && yyjson_is_false(request(&f, "stream")));
    CHECK_INT(yyjson_get_int(request(&f, "top_logprobs")), OPENAI_ALTERNATIVES);
    yyjson_val *message = request(&f, "messages");
    CHECK_INT(yyjson_arr_size(message), 2);
    CHECK_STR(yyjson_get_str(yyjson_obj_get(yyjson_arr_get(message, 0), "content")), "sys");
    CHECK_STR(yyjson_get_str(yyjson_obj_get(yyjson_arr_get(message, 1), "content")), "user\n\xef\xbf\xbd");
    yyjson_val *schema = yyjson_ptr_get(request(&f, "response_format"), "/json_schema/schema/properties/label_id/enum");
    CHECK_INT(yyjson_arr_size(schema), label_default()->n);
    CHECK_STR(yyjson_get_str(yyjson_arr_get(schema, 2)), "AUTH_ERROR");
    f = (struct openai_form){OPENAI_JSON, .completion_tokens = true, .effort = true, .tokens_max = 9};
    CHECK_STR(yyjson_get_str(yyjson_obj_get(request(&f, "response_format"), "type")), "json_object");
    CHECK_INT(yyjson_get_int(request(&f, "max_completion_tokens")), 9);
    CHECK_STR(yyjson_get_str(request(&f, "reasoning_effort")), "low");
    CHECK(!request(&f, "max_tokens") && !request(&f, "temperature") && !request(&f, "logprobs"));
    f.constraint = OPENAI_FREE;
    CHECK(!request(&f, "response_format"));
}

static void dialects_are_told_by_url(void) {
    static const struct {
        const char *url;
        enum openai_dialect dialect;
    } ROW[] = {
        {"https://api.groq.com/openai/v1", OPENAI_GROQ},  {"https://api.openai.com/v1/chat/completions", OPENAI_OPENAI},
        {"https://API.OpenAI.com:443/v1", OPENAI_OPENAI}, {"https://openai.com.evil.example/v1", OPENAI_AUTO},
        {"https://notopenai.com/v1", OPENAI_AUTO},        {"https://example.org/groq.com", OPENAI_AUTO},
        {"http://127.0.0.1:11434/v1", OPENAI_OLLAMA},     {"http://127.0.0.1:5001/classify", OPENAI_SERVICE},
        {"http://127.0.0.1:8000", OPENAI_AUTO},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) CHECK_INT(openai_dialect_of(ROW[i].url), ROW[i].dialect);
    CHECK_INT(openai_dialect_find("auto"), OPENAI_AUTO);
    CHECK_INT(openai_dialect_find("groq"), OPENAI_GROQ);
    CHECK_INT(openai_dialect_find("claude"), -1);
}

static void bases_become_whole_urls(void) {
    static const char *const ROW[][2] = {
        {"http://h:8000", "http://h:8000/v1/chat/completions"},
        {"http://h:8000/", "http://h:8000/v1/chat/completions"},
        {"https://h/openai/v1", "https://h/openai/v1/chat/completions"},
        {"https://h/v1/", "https://h/v1/chat/completions"},
        {"https://h/v1/chat/completions", "https://h/v1/chat/completions"},
        {"https://h/deployments/x/chat/completions?api-version=1",
         "https://h/deployments/x/chat/completions?api-version=1"},
    };
    char out[256];
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        CHECK(openai_url(ROW[i][0], OPENAI_AUTO, out, sizeof out));
        CHECK_STR(out, ROW[i][1]);
    }
    CHECK(openai_url("http://h:5001", OPENAI_SERVICE, out, sizeof out));
    CHECK_STR(out, "http://h:5001");
    CHECK(!openai_url("http://h:8000", OPENAI_AUTO, out, 20));
}

static void known_endpoints_get_what_they_take(void) {
    struct openai_form f = openai_form_first(OPENAI_GROQ, "llama-3.3-70b-versatile");
    CHECK(!f.logprobs && f.completion_tokens && f.temperature);
    f = openai_form_first(OPENAI_GROQ, "openai/gpt-oss-20b");
    CHECK(f.effort && f.tokens_max > OPENAI_TOKENS_FIRST);
    f = openai_form_first(OPENAI_OPENAI, "gpt-5-mini");
    CHECK(f.effort && !f.temperature && !f.logprobs);
    f = openai_form_first(OPENAI_VLLM, "Qwen/Qwen2.5-7B-Instruct");
    CHECK(f.logprobs && f.constraint == OPENAI_SCHEMA && !f.effort && !f.completion_tokens);
}

static void what_is_refused_by_name_is_given_up(void) {
    struct openai_form f = openai_form_first(OPENAI_AUTO, "");
    CHECK(openai_form_reduce(&f, SPAN_LIT("{\"error\":{\"message\":\"`logprobs` is not supported\"}}"), false));
    CHECK(!f.logprobs && f.constraint == OPENAI_SCHEMA);
    CHECK(
        openai_form_reduce(&f, SPAN_LIT("'max_tokens' is not supported. Use 'max_completion_tokens' instead."), false));
    CHECK(f.completion_tokens);
    CHECK(openai_form_reduce(&f, SPAN_LIT("This model does not support response format `json_schema`"), false));
    CHECK_INT(f.constraint, OPENAI_JSON);
    CHECK(openai_form_reduce(&f, SPAN_LIT("unsupported value: 'temperature'"), false));
    CHECK(!f.temperature);
    struct openai_form before = f;
    CHECK(!openai_form_reduce(&f, SPAN_LIT("the message is not nice"), false));
    CHECK(openai_form_is_equal(&f, &before));
}

static void guessing_ends(void) {
    struct openai_form f = openai_form_first(OPENAI_OPENAI, "o3-mini");
    int steps = 0;
    while (openai_form_reduce(&f, SPAN_LIT(""), true)) steps++;
    CHECK(steps >= 3 && steps < 8);
    CHECK(f.constraint == OPENAI_FREE && !f.logprobs && !f.temperature && !f.effort);
    while (openai_form_widen(&f)) CHECK(f.tokens_max <= OPENAI_TOKENS_MAX);
    CHECK_INT(f.tokens_max, OPENAI_TOKENS_MAX);
}

CHECK_MAIN(CHECK_TEST(a_request_says_what_its_form_says), CHECK_TEST(dialects_are_told_by_url),
           CHECK_TEST(bases_become_whole_urls), CHECK_TEST(known_endpoints_get_what_they_take),
           CHECK_TEST(what_is_refused_by_name_is_given_up), CHECK_TEST(guessing_ends))
