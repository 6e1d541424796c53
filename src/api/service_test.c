/* The described services' side of the server; pages from elsewhere; settings that change while it runs. */
#include "api/fixture.h"

static int ask_message(const char *message) {
    char body[200];
    int n = snprintf(body, sizeof body, "{\"message\":\"%s\"}", message);
    return fix_post("", body, (size_t)n);
}

static void a_message_gets_a_label_or_an_error(void) {
    static const struct {
        enum err_code err;
        int status;
    } FAILURE[] = {{ERR_OK, 200},          {ERR_NO_LABEL, 200},    {ERR_TIMEOUT, 504}, {ERR_CONNECTION, 502},
                   {ERR_HTTP_STATUS, 502}, {ERR_HTTP_RETRY, 502},  {ERR_DECODE, 502},  {ERR_BUSY, 503},
                   {ERR_CANCELLED, 503},   {ERR_CIRCUIT_OPEN, 503}};
    struct api_opts o = fix_opts();
    o.kind = API_SERVICE;
    if (!fix_start(&o)) return;
    CHECK_INT(ask_message("User a logged in"), 200);
    CHECK_STR(fix.body,
              "{\"label_id\":\"USER_ACTION\",\"label\":\"User Action\",\"confidence\":0.95,\"source\":\"llm\"}");
    for (size_t i = 0; i < sizeof FAILURE / sizeof FAILURE[0]; i++) {
        char message[32];
        snprintf(message, sizeof message, "fail %d", (int)FAILURE[i].err);
        CHECK_INT(ask_message(message), FAILURE[i].status);
        if (FAILURE[i].status == 200)
            CHECK_STR(fix.body,
                      "{\"label_id\":\"UNCLASSIFIED\",\"label\":\"Unclassified\",\"confidence\":0,\"source\":\"llm\"}");
        else
            CHECK(fix_says("{\"error\":\"no answer: "));
        if (FAILURE[i].status == 503) CHECK(fix_says("\r\nRetry-After: 1\r\n"));
    }
    CHECK_INT(fix_post_text("[{\"log_message\":\"x\"}]"), 400);
    CHECK_INT(fix_post_text("{\"massage\":\"x\"}"), 400);
    CHECK_INT(fix_ask("GET /classify HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
    CHECK(fix_says("\r\nAllow: POST\r\n"));
    CHECK_INT(fix_ask("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    fix_busy(true);
    CHECK_INT(ask_message("x"), 503);
    fix_busy(false);
    fix_end();
}

static void nothing_is_decided_before_the_model_is_there(void) {
    struct api_opts o = fix_opts();
    atomic_store(&fix_api.starts_empty, true);
    if (!fix_start(&o)) return;
    atomic_store(&fix_api.starts_empty, false);
    CHECK_INT(fix_ask("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    CHECK_INT(fix_ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), 503);
    CHECK_INT(fix_post_text("[{}]"), 503);
    CHECK(fix_says("busy: rules and model are being loaded") && fix_says("Retry-After"));
    CHECK_INT(fix_post("Content-Type: application/x-ndjson\r\n", "{}\n", 3), 503);
    fix_load(fix_engine(NULL, "USER_ACTION"));
    CHECK_INT(fix_post_text("[{}]"), 200);
    fix_end();
}

#define PREFLIGHT(origin)                                      \
    "OPTIONS /classify HTTP/1.1\r\nHost: x\r\nOrigin: " origin \
    "\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n"

static bool allows(const char *origin) {
    char line[100];
    snprintf(line, sizeof line, "\r\nAccess-Control-Allow-Origin: %s\r\n", origin);
    return strstr(fix.answer, line) && strstr(fix.answer, "\r\nVary: Origin\r\n");
}

static void pages_from_elsewhere_only_where_configured(void) {
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    CHECK_INT(fix_ask(PREFLIGHT("https://a.example")), 405);
    CHECK_INT(fix_post("Origin: https://a.example\r\n", "[{}]", 4), 403);
    CHECK(strstr(fix.answer, "Access-Control") == NULL);
    fix_end();
    o.http.cors_origin = "https://a.example, http://localhost:3000";
    if (!fix_start(&o)) return;
    CHECK_INT(fix_ask(PREFLIGHT("https://a.example")), 200);
    CHECK(allows("https://a.example") && fix_says("Access-Control-Allow-Methods: GET, HEAD, POST\r\n"));
    CHECK_INT(fix_ask(PREFLIGHT("https://b.example")), 405);
    CHECK_INT(fix_ask("OPTIONS /classify HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n\r\n"), 405);
    CHECK_INT(fix_ask("OPTIONS /no HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n"
                      "Access-Control-Request-Method: POST\r\n\r\n"),
              404);
    CHECK_INT(fix_post("Origin: http://localhost:3000\r\n", "[{}]", 4), 200);
    CHECK(allows("http://localhost:3000"));
    CHECK_INT(fix_post("Origin: http://localhost:3000\r\n", "[", 1), 400); /* the page may read errors, too */
    CHECK(allows("http://localhost:3000"));
    CHECK_INT(fix_post("Origin: https://a.example.evil\r\n", "[{}]", 4), 403);
    CHECK(strstr(fix.answer, "Access-Control") == NULL);
    fix_end();
    o.http.cors_origin = "*";
    if (!fix_start(&o)) return;
    CHECK_INT(fix_post("Origin: https://anybody\r\n", "[{}]", 4), 200);
    CHECK(allows("https://anybody"));
    fix_end();
}

static void settings_change_while_it_runs(void) {
    struct api_opts o = fix_opts();
    o.entries_max = 2;
    o.http.threads = 2;
    if (!fix_start(&o)) return;
    CHECK_INT(fix_post_text("[{},{},{}]"), 413);
    struct err e = {0};
    o.entries_max = 3;
    o.http.port = 1; /* stays as it was */
    struct settings *fresh = api_open_settings(fix.server, &o, label_default(), &e);
    CHECK(fresh != NULL);
    server_set(fix.server, fresh);
    CHECK_INT(fix_post_text("[{},{},{}]"), 200);
    o.client_entries_max = 1;
    CHECK(api_open_settings(fix.server, &o, label_default(), &e) == NULL);
    CHECK(strstr(e.msg, "client-entries-max") != NULL);
    CHECK_INT(fix_post_text("[{},{},{}]"), 200);
    o.client_entries_max = 65536;
    o.http.token_file = "/nowhere";
    CHECK(api_open_settings(fix.server, &o, label_default(), &e) == NULL);
    fix_end();
}

CHECK_MAIN(CHECK_TEST(a_message_gets_a_label_or_an_error), CHECK_TEST(nothing_is_decided_before_the_model_is_there),
           CHECK_TEST(pages_from_elsewhere_only_where_configured), CHECK_TEST(settings_change_while_it_runs))
