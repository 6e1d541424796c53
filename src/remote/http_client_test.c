#include "remote/http_client.h"

#include "base/check.h"
#include "base/clock.h"
#include "remote/fake_service.h"

#include <sys/resource.h>

static struct http_endpoint *endpoint(const char *url, const char *key) {
    struct err e = {0};
    struct http_endpoint_opts o = {.url = url, .key = key};
    struct http_endpoint *p = http_endpoint_open(&o, &e);
    if (!p) fprintf(stderr, "%s\n", e.msg);
    MUST(p != NULL);
    return p;
}

static struct http_call *send_to(struct http_client *c, const struct http_endpoint *to, uint64_t timeout_ms) {
    struct err e = {0};
    struct http_call *call = http_client_take(c);
    MUST(call != NULL);
    buf_puts(&call->request, "{\"message\":\"x\"}");
    CHECK(http_client_start(c, call, to, timeout_ms, &e));
    return call;
}

static struct http_call *wait_for_one(struct http_client *c) {
    struct http_call *done;
    while (!(done = http_client_step(c))) http_client_wait(c, 1000);
    return done;
}

/* The outcome of one request to a service with this one-row script. */
struct outcome {
    enum err_code code;
    long status;
    int64_t retry_after_ms, took_ms;
    size_t bytes;
};

static struct outcome http_client_ask(const struct fake_reply *reply, uint64_t timeout_ms) {
    struct err e = {0};
    struct fake_service *s = fake_service_open(reply, 1);
    struct http_client *c = http_client_open(1, &e);
    struct http_endpoint *to = endpoint(s->url, NULL);
    uint64_t begun = clock_now_ns(NULL);
    send_to(c, to, timeout_ms);
    struct http_call *done = wait_for_one(c);
    struct outcome o = {done->err.code, done->status, done->retry_after_ms,
                        (int64_t)((clock_now_ns(NULL) - begun) / 1000000), done->reply.n};
    CHECK((done->err.code == ERR_OK) == (done->err.msg[0] == '\0'));
    http_client_give_back(c, done);
    http_client_close(c);
    http_endpoint_close(to);
    fake_service_close(s);
    return o;
}

static void an_answer_comes_whole_with_its_status(void) {
    struct outcome o = http_client_ask(&(struct fake_reply){.body = "{\"a\":1}"}, 2000);
    CHECK_INT(o.code, ERR_OK);
    CHECK_INT(o.status, 200);
    CHECK_INT(o.bytes, 7);
    o = http_client_ask(&(struct fake_reply){.status = "500 Oops", .body = "no"}, 2000);
    CHECK_INT(o.code, ERR_OK);
    CHECK_INT(o.status, 500);
}

static void trouble_on_the_way_has_its_code(void) {
    static const struct {
        struct fake_reply reply;
        enum err_code code;
    } ROW[] = {
        {{.kind = FAKE_HANG}, ERR_TIMEOUT},
        {{.kind = FAKE_DRIP, .body = "0123456789012345678901234567890123456789"}, ERR_TIMEOUT},
        {{.kind = FAKE_RESET}, ERR_CONNECTION},
        {{.kind = FAKE_RAW, .body = ""}, ERR_CONNECTION},
        {{.kind = FAKE_RAW, .body = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"}, ERR_CONNECTION},
        {{.kind = FAKE_RAW, .body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}, ERR_CONNECTION},
        {{.kind = FAKE_RAW, .body = "SSH-2.0-OpenSSH_9.2\r\n"}, ERR_DECODE},
        {{.kind = FAKE_RAW, .body = "\x16\x03\x01\x02\x00\x01\x00"}, ERR_DECODE},
        {{.kind = FAKE_FLOOD}, ERR_DECODE},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        struct outcome o = http_client_ask(&ROW[i].reply, ROW[i].code == ERR_TIMEOUT ? 300 : 30000);
        if (o.code != ROW[i].code) fprintf(stderr, "row %zu: %s, not %s\n", i, err_name(o.code), err_name(ROW[i].code));
        CHECK_INT(o.code, ROW[i].code);
        CHECK(o.bytes <= HTTP_REPLY_BYTES_MAX);
    }
}

static void endless_headers_are_cut(void) {
    static char raw[200000];
    strcpy(raw, "HTTP/1.1 200 OK\r\n");
    for (size_t n = strlen(raw); n + 40 < sizeof raw; n += 32)
        memcpy(raw + n, "X-Filler: 0123456789012345678\r\n\0", 32), n--;
    CHECK_INT(http_client_ask(&(struct fake_reply){.kind = FAKE_RAW, .body = raw}, 2000).code, ERR_DECODE);
}

static void a_refused_connection_is_told(void) {
    struct err e = {0};
    struct fake_service *s = fake_service_open(NULL, 0);
    struct http_endpoint *to = endpoint(s->url, NULL);
    fake_service_close(s);
    struct http_client *c = http_client_open(1, &e);
    send_to(c, to, 2000);
    CHECK_INT(wait_for_one(c)->err.code, ERR_CONNECTION);
    http_client_close(c);
    http_endpoint_close(to);
}

static void redirects_are_not_followed(void) {
    struct err e = {0};
    struct fake_service *other = fake_service_open(&(struct fake_reply){.body = "{}"}, 1);
    char header[128];
    snprintf(header, sizeof header, "Location: %s\r\n", other->url);
    struct fake_reply moved = {.status = "307 Temporary Redirect", .header = header, .body = ""};
    struct fake_service *s = fake_service_open(&moved, 1);
    struct http_client *c = http_client_open(1, &e);
    struct http_endpoint *to = endpoint(s->url, "secret");
    send_to(c, to, 2000);
    struct http_call *done = wait_for_one(c);
    CHECK_INT(done->status, 307);
    CHECK_INT(atomic_load(&other->connections), 0);
    CHECK(strstr(fake_service_last(s), "Authorization: Bearer secret\r\n") != NULL);
    http_client_close(c);
    http_endpoint_close(to);
    fake_service_close(s);
    fake_service_close(other);
}

static void the_key_goes_to_its_endpoint_only(void) {
    struct err e = {0};
    struct fake_service *with = fake_service_open(NULL, 0), *without = fake_service_open(NULL, 0);
    struct http_client *c = http_client_open(1, &e);
    struct http_endpoint *to_with = endpoint(with->url, "canary-key"), *to_without = endpoint(without->url, NULL);
    for (int i = 0; i < 4; i++) { /* the one handle serves both in turn */
        send_to(c, i % 2 ? to_without : to_with, 2000);
        http_client_give_back(c, wait_for_one(c));
    }
    CHECK(strstr(fake_service_last(with), "canary-key") != NULL);
    CHECK(strstr(fake_service_last(without), "canary-key") == NULL);
    CHECK(strstr(fake_service_last(without), "Authorization") == NULL);
    http_client_close(c);
    http_endpoint_close(to_with);
    http_endpoint_close(to_without);
    fake_service_close(with);
    fake_service_close(without);
}

static void the_environments_proxy_is_ignored(void) {
    struct fake_service *proxy = fake_service_open(NULL, 0);
    setenv("http_proxy", proxy->url, 1);
    setenv("all_proxy", proxy->url, 1);
    CHECK_INT(http_client_ask(&(struct fake_reply){.body = "{}"}, 2000).status, 200);
    CHECK_INT(atomic_load(&proxy->connections), 0);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    fake_service_close(proxy);
}

static void a_configured_proxy_is_used(void) {
    struct err e = {0};
    struct fake_service *proxy = fake_service_open(&(struct fake_reply){.body = "{\"by\":\"proxy\"}"}, 1);
    struct http_endpoint_opts o = {.url = "http://service.invalid/classify", .proxy = proxy->url};
    struct http_endpoint *to = http_endpoint_open(&o, &e);
    struct http_client *c = http_client_open(1, &e);
    send_to(c, to, 2000);
    struct span reply = buf_span(&wait_for_one(c)->reply);
    CHECK_SPAN(reply, "{\"by\":\"proxy\"}");
    http_client_close(c);
    http_endpoint_close(to);
    fake_service_close(proxy);
}

static void connections_are_used_again(void) {
    struct err e = {0};
    struct fake_service *s = fake_service_open(&(struct fake_reply){.body = "{}"}, 1);
    struct http_client *c = http_client_open(8, &e);
    struct http_endpoint *to = endpoint(s->url, NULL);
    for (int i = 0; i < 50; i++) {
        send_to(c, to, 2000);
        http_client_give_back(c, wait_for_one(c));
    }
    CHECK_INT(atomic_load(&s->requests), 50);
    CHECK_INT(atomic_load(&s->connections), 1);
    http_client_close(c);
    http_endpoint_close(to);
    fake_service_close(s);
}

static void calls_run_side_by_side_up_to_the_limit(void) {
    enum { N = 16 };
    struct err e = {0};
    struct fake_service *s = fake_service_open(&(struct fake_reply){.body = "{}", .delay_ms = 100}, 1);
    struct http_client *c = http_client_open(N, &e);
    struct http_endpoint *to = endpoint(s->url, NULL);
    for (int i = 0; i < N; i++) send_to(c, to, 30000);
    CHECK(http_client_take(c) == NULL);
    for (int i = 0; i < N; i++) {
        struct http_call *done = wait_for_one(c);
        CHECK_INT(done->err.code, ERR_OK);
        http_client_give_back(c, done);
    }
    CHECK(atomic_load(&s->most_busy) > 1 && atomic_load(&s->most_busy) <= N);
    http_client_close(c);
    http_endpoint_close(to);
    fake_service_close(s);
}

static void a_cancelled_call_frees_its_place_at_once(void) {
    struct err e = {0};
    static const struct fake_reply script[] = {{.kind = FAKE_HANG}, {.body = "{}"}};
    struct fake_service *s = fake_service_open(script, 2);
    struct http_client *c = http_client_open(1, &e);
    struct http_endpoint *to = endpoint(s->url, NULL);
    struct http_call *call = send_to(c, to, 60000);
    while (atomic_load(&s->requests) == 0) {
        CHECK(http_client_step(c) == NULL);
        http_client_wait(c, 10);
    }
    http_client_give_back(c, call);
    send_to(c, to, 2000);
    CHECK_INT(wait_for_one(c)->status, 200);
    http_client_close(c);
    http_endpoint_close(to);
    fake_service_close(s);
}

static void a_service_that_asks_for_time_is_heard(void) {
    static const struct {
        const char *status, *header;
        int64_t ms;
    } ROW[] = {
        {"429 Too Many", "Retry-After: 2\r\n", 2000},
        {"503 Busy", "Retry-After: 0.5\r\n", 500},
        {"429 Too Many", "", -1},
        {"429 Too Many", "Retry-After: later\r\n", -1},
        {"200 OK", "Retry-After: 7\r\n", -1},
        {"200 OK", "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 7.66s\r\n", 7660},
        {"200 OK", "x-ratelimit-remaining-requests: 3\r\nx-ratelimit-reset-requests: 7.66s\r\n", -1},
        {"200 OK", "x-ratelimit-remaining-tokens: 0\r\nx-ratelimit-reset-tokens: 120ms\r\n", 120},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        struct fake_reply r = {.status = ROW[i].status, .header = ROW[i].header, .body = "{}"};
        CHECK_INT(http_client_ask(&r, 2000).retry_after_ms, ROW[i].ms);
    }
}

static void statuses_are_success_transient_or_final(void) {
    CHECK_INT(http_status_code(200), ERR_OK);
    static const long TRANSIENT[] = {408, 429, 500, 502, 503, 504, 599};
    static const long FINAL[] = {100, 201, 204, 301, 307, 400, 401, 403, 404, 413, 418, 422};
    for (size_t i = 0; i < sizeof TRANSIENT / sizeof TRANSIENT[0]; i++)
        CHECK_INT(http_status_code(TRANSIENT[i]), ERR_HTTP_RETRY);
    for (size_t i = 0; i < sizeof FINAL / sizeof FINAL[0]; i++) CHECK_INT(http_status_code(FINAL[i]), ERR_HTTP_STATUS);
}

static void bad_urls_and_keys_are_refused(void) {
    static const char *const BAD[] = {"",
                                      "classify",
                                      "ftp://host/x",
                                      "file:///etc/passwd",
                                      "http://user:pw@host/",
                                      "https://user@host/",
                                      "http://host/#part",
                                      "http://",
                                      "gopher://h/",
                                      "http://a b/"};
    struct err e;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        e = (struct err){0};
        struct http_endpoint_opts o = {.url = BAD[i]};
        struct http_endpoint *p = http_endpoint_open(&o, &e);
        if (p) fprintf(stderr, "accepted: %s\n", BAD[i]);
        CHECK(p == NULL && e.code == ERR_USAGE);
        CHECK(strstr(e.msg, "pw") == NULL);
    }
    e = (struct err){0};
    struct http_endpoint_opts o = {.url = "http://h/", .key = "abc\r\nX-Evil: 1"};
    CHECK(http_endpoint_open(&o, &e) == NULL && strstr(e.msg, "abc") == NULL);
}

/* curl makes do without the descriptors that wake it, and the first wake-up would fail. */
static void without_descriptors_there_is_no_client(void) {
    struct rlimit before, tight;
    struct err e = {0};
    int free_fd = dup(0);
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    tight = (struct rlimit){(rlim_t)free_fd, before.rlim_max};
    CHECK(free_fd > 0 && close(free_fd) == 0 && setrlimit(RLIMIT_NOFILE, &tight) == 0);
    CHECK(http_client_open(1, &e) == NULL && e.code != ERR_OK);
    tight.rlim_cur++; /* one is not enough for a pair */
    CHECK(setrlimit(RLIMIT_NOFILE, &tight) == 0);
    struct http_client *c = http_client_open(1, &e);
    if (c) http_client_wake(c);
    http_client_close(c);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

CHECK_MAIN(CHECK_TEST(without_descriptors_there_is_no_client), CHECK_TEST(an_answer_comes_whole_with_its_status),
           CHECK_TEST(trouble_on_the_way_has_its_code), CHECK_TEST(endless_headers_are_cut),
           CHECK_TEST(a_refused_connection_is_told), CHECK_TEST(redirects_are_not_followed),
           CHECK_TEST(the_key_goes_to_its_endpoint_only), CHECK_TEST(the_environments_proxy_is_ignored),
           CHECK_TEST(a_configured_proxy_is_used), CHECK_TEST(connections_are_used_again),
           CHECK_TEST(calls_run_side_by_side_up_to_the_limit), CHECK_TEST(a_cancelled_call_frees_its_place_at_once),
           CHECK_TEST(a_service_that_asks_for_time_is_heard), CHECK_TEST(statuses_are_success_transient_or_final),
           CHECK_TEST(bad_urls_and_keys_are_refused))
