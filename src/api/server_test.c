#include "api/fixture.h"

#include "metrics/metrics.h"

#include <zlib.h>
#include <zstd.h>

#define LINE_OK   "{\"source\":\"app\",\"log_message\":\"User admin123 logged in.\"}"
#define ANSWER_OK "{\"label_id\":\"USER_ACTION\",\"label\":\"User Action\",\"source\":\"regex\",\"confidence\":0.95}"
#define ANSWER_NO "{\"label_id\":\"UNCLASSIFIED\",\"label\":\"Unclassified\",\"source\":\"fallback\",\"confidence\":0}"

static void the_contract(void) {
    static const struct {
        const char *request;
        int status;
        const char *says;
    } row[] = {
        {"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", 200, "\r\n\r\n{\"status\":\"healthy\"}"},
        {"GET /health?x=y HTTP/1.1\r\nHost: x\r\n\r\n", 200, "application/json"},
        {"GET http://x:80/health HTTP/1.1\r\nHost: x\r\n\r\n", 200, "healthy"},
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200, "# TYPE log_classifications_total counter"},
        {"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", 200, "alive"},
        {"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", 200, "ready"},
        {"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 200, "\"/classify\""},
        {"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n", 404, "{\"error\":\"there is nothing at this path\"}"},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, "\"path\":\"/classify\""},
        {"GET /classify/ HTTP/1.1\r\nHost: x\r\n\r\n", 404, "application/json"},
        {"GET /classify HTTP/1.1\r\nHost: x\r\n\r\n", 405, "\r\nAllow: POST\r\n"},
        {"DELETE /health HTTP/1.1\r\nHost: x\r\n\r\n", 405, "\r\nAllow: GET, HEAD\r\n"},
        {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404, "error"},
        {"GET /health HTTP/1.0\r\n\r\n", 200, "\r\nConnection: close\r\n"},
        {"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "\r\nConnection: keep-alive\r\n"},
    };
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        CHECK_INT(fix_ask(row[i].request), row[i].status);
        CHECK(fix_says(row[i].says));
    }
    fix_end();
}

static void classify(void) {
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    CHECK_INT(fix_post_text("[" LINE_OK "]"), 200);
    CHECK_STR(fix.body, "[" ANSWER_OK "]");
    CHECK(fix_says("\r\nContent-Type: application/json\r\n"));
    CHECK_INT(fix_post_text("[" LINE_OK ",{}," LINE_OK "]"), 200);
    CHECK_STR(fix.body, "[" ANSWER_OK "," ANSWER_NO "," ANSWER_OK "]");
    static const struct {
        const char *body;
        const char *says;
    } bad[] = {
        {"[]", "{\"error\":\"no log entries provided\"}"},
        {"null", "{\"error\":\"no log entries provided\"}"},
        {"", "the body is empty"},
        {"{}", "expected an array of entries, not object"},
        {"[1]", "[0]: expected an object"},
        {"[{\"source\":1}]", "[0].source"},
        {"[{}]x", "byte 4"},
        {"[{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "deeper than 32"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(fix_post_text(bad[i].body), 400);
        CHECK(fix_says(bad[i].says));
    }
    CHECK_INT(fix_ask("POST /classify?explain=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n[{}]"), 200);
    CHECK(fix_says("\"confidence\":0,\"explain\":{\"memo\":false,\"reason\":\"not_decided\",\"template\":\"\"}}]"));
    fix_end();
}

static void head_is_get_without_a_body(void) {
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    int fd = fix_connect();
    fix_later_bytes = 0;
    fix_say(fd, "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_INT(fix_read_as(fd, true), 200);
    CHECK(fix_says("Content-Length: 20\r\n"));
    CHECK_INT(fix_read(fd), 200);
    CHECK_STR(fix.body, "{\"status\":\"healthy\"}");
    close(fd);
    fix_end();
}

static void pipelined_requests_are_answered_in_order(void) {
    enum { REQUESTS = 300 };
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    static char all[REQUESTS * 200];
    size_t n = 0;
    for (int i = 0; i < REQUESTS; i++) {
        if (i % 3 == 0)
            n += (size_t)snprintf(all + n, sizeof all - n,
                                  "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n[" LINE_OK "]",
                                  strlen(LINE_OK) + 2);
        else
            n += (size_t)snprintf(all + n, sizeof all - n, "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n",
                                  i % 3 == 1 ? "health" : "no");
    }
    static const int want[] = {200, 200, 404};
    static const char *const body[] = {"[" ANSWER_OK "]", "{\"status\":\"healthy\"}",
                                       "{\"error\":\"there is nothing at this path\"}"};
    int fd = fix_connect();
    fix_later_bytes = 0;
    fix_write(fd, all, n);
    for (int i = 0; i < REQUESTS; i++) {
        CHECK_INT(fix_read(fd), want[i % 3]);
        CHECK_STR(fix.body, body[i % 3]);
    }
    close(fd);
    fd = fix_connect(); /* the same, a byte at a time */
    for (size_t i = 0; i < 1000; i++) fix_write(fd, all + i, 1);
    for (int i = 0; i < 10; i++) CHECK_INT(fix_read(fd), want[i % 3]);
    close(fd);
    fix_end();
}

static void a_half_closed_client_gets_its_answer(void) {
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    atomic_store(&fix_api.held, true);
    int fd = fix_connect();
    fix_later_bytes = 0;
    fix_say(fd, "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n[{}]");
    shutdown(fd, SHUT_WR);
    usleep(20000);
    atomic_store(&fix_api.held, false);
    CHECK_INT(fix_read(fd), 200);
    CHECK(fix_closes(fd));
    close(fd);
    fix_end();
}

static void a_client_that_leaves_costs_nothing(void) {
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    atomic_store(&fix_api.held, true);
    for (int i = 0; i < 20; i++) {
        int fd = fix_connect();
        fix_say(fd, "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n[{}]");
        struct linger reset = {.l_onoff = 1};
        if (i % 2) setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        usleep(2000);
        close(fd);
    }
    atomic_store(&fix_api.held, false);
    CHECK_INT(fix_ask("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    fix_end();
    CHECK_NEAR(metrics_value(METRIC_CONNECTIONS, 0, 0, 0), 0, 0);
    CHECK_NEAR(metrics_value(METRIC_ENTRIES_IN_FLIGHT, 0, 0, 0), 0, 0);
}

static void busy_and_shares(void) {
    struct api_opts o = fix_opts();
    o.entries_max = o.client_entries_max = 3;
    if (!fix_start(&o)) return;
    fix_busy(true);
    CHECK_INT(fix_post_text("[{}]"), 503);
    CHECK(fix_says("\r\nRetry-After: 1\r\n") && fix_says("slices of 256 lines wait already"));
    fix_later_bytes = 0;
    int large = fix_connect(); /* refused without its body: not a byte of it is sent */
    fix_say(large, "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    CHECK_INT(fix_read(large), 503);
    CHECK(fix_says("\r\nRetry-After: 1\r\n") && fix_says("slices of 256 lines wait already"));
    close(large);
    fix_busy(false);
    atomic_store(&fix_api.held, true);
    unsigned before = atomic_load(&fix_api.asked);
    int fd = fix_connect();
    fix_say(fd, "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n[{},{}]");
    while (atomic_load(&fix_api.asked) == before) usleep(1000);
    CHECK_INT(fix_post_text("[{},{}]"), 429);
    CHECK(fix_says("more than 3 entries of one client") && fix_says("Retry-After"));
    atomic_store(&fix_api.held, false);
    fix_later_bytes = 0;
    CHECK_INT(fix_read(fd), 200);
    close(fd);
    CHECK_INT(fix_post_text("[{},{},{}]"), 200);
    CHECK_INT(fix_post_text("[{},{},{},{}]"), 413);
    CHECK(fix_says("4 entries, the limit is 3"));
    fix_end();
}

static void limit_of_a_line(void) {
    struct api_opts o = fix_opts();
    o.line_bytes_max = 1000;
    if (!fix_start(&o)) return;
    static char text[2000];
    int n = snprintf(text, sizeof text, "[{\"log_message\":\"%01001d\"}]", 7);
    CHECK_INT(fix_post("", text, (size_t)n), 413);
    CHECK(fix_says("[0].log_message: 1001 bytes, the limit is 1000"));
    fix_end();
}

static void readiness(void) {
    struct api_opts o = fix_opts();
    atomic_store(&fix_api.starts_empty, true);
    if (!fix_start(&o)) return;
    CHECK_INT(fix_ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), 503);
    fix_load(fix_engine(NULL, "USER_ACTION"));
    atomic_store(&fix_api.starts_empty, false);
    CHECK_INT(fix_ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    fix_end();
}

static void a_drain_finishes_what_is_in_flight(void) {
    struct api_opts o = fix_opts();
    o.http.drain_delay_ms = 1500;
    o.http.threads = 2;
    if (!fix_start(&o)) return;
    int idle = fix_connect();
    fix_say(idle, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    fix_later_bytes = 0;
    CHECK_INT(fix_read(idle), 200);
    atomic_store(&fix_api.held, true);
    int fd = fix_connect();
    fix_say(fd, "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n[{}]");
    usleep(20000);
    server_stop(fix.server);
    CHECK_INT(fix_ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), 503); /* still accepting */
    CHECK(fix_says("stopping") && fix_says("Connection: close"));
    CHECK(fix_closes(idle));
    atomic_store(&fix_api.held, false);
    fix_later_bytes = 0;
    CHECK_INT(fix_read(fd), 200);
    CHECK(fix_says("Connection: close"));
    close(fd);
    close(idle);
    fix_end();
}

static void a_drain_has_an_end(void) {
    struct api_opts o = fix_opts();
    o.http.drain_time_ms = 100;
    if (!fix_start(&o)) return;
    atomic_store(&fix_api.held, true);
    int fd = fix_connect();
    fix_say(fd, "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n[{}]");
    usleep(20000);
    uint64_t begun = clock_now_ns(NULL);
    fix_stop();
    CHECK(clock_now_ns(NULL) - begun < clock_ns_of_ms(30000));
    fix_later_bytes = 0;
    CHECK_INT(fix_read(fd), 0);
    atomic_store(&fix_api.held, false);
    close(fd);
    fix_close();
}

static void open_access_must_be_meant(void) {
    struct api_opts o = fix_opts();
    struct err e = {0};
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 1}, NULL, &e);
    o.http.host = "0.0.0.0";
    CHECK(api_open_server(&o, label_default(), p, &e) == NULL && e.code == ERR_USAGE);
    o.http.allow_open = true;
    struct server *s = api_open_server(&o, label_default(), p, &e);
    CHECK(s != NULL && server_port(s) > 0);
    server_close(s);
    o.http.host = "example";
    CHECK(api_open_server(&o, label_default(), p, &e) == NULL && e.code == ERR_USAGE);
    o.http.host = "::1";
    s = api_open_server(&o, label_default(), p, &e);
    CHECK(s != NULL || e.code == ERR_IO); /* no IPv6 on this machine */
    if (s) {
        o.http.port = server_port(s);
        CHECK(api_open_server(&o, label_default(), p, &e) == NULL && e.code == ERR_IO);
    }
    server_close(s);
    pipeline_close(p);
}

static void tokens(void) {
    char path[] = "/tmp/logclass_token_XXXXXX";
    int tmp = mkstemp(path);
    const char *text = "# ours\n0123456789abcdef0123\n  second-token-of-ours  \n";
    CHECK(write(tmp, text, strlen(text)) > 0);
    close(tmp);
    struct api_opts o = fix_opts();
    o.http.token_file = path;
    if (!fix_start(&o)) return;
    static const struct {
        const char *fields;
        int status;
    } row[] = {{"", 401},
               {"Authorization: Bearer 0123456789abcdef0123\r\n", 200},
               {"authorization:  bearer   second-token-of-ours \r\n", 200},
               {"Authorization: Bearer 0123456789abcdef012\r\n", 401},
               {"Authorization: Bearer 0123456789abcdef01234\r\n", 401},
               {"Authorization: Bearer \r\n", 401},
               {"Authorization: Basic 0123456789abcdef0123\r\n", 401},
               {"Authorization: Bearer 1123456789abcdef0123\r\n", 401}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        CHECK_INT(fix_post(row[i].fields, "[{}]", 4), row[i].status);
    CHECK(fix_says("\r\nWWW-Authenticate: Bearer\r\n"));
    CHECK_INT(fix_ask("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    CHECK_INT(fix_ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), 401);
    fix_end();
    unlink(path);
}

static size_t gzip(const char *p, size_t n, char *to, size_t room) {
    z_stream z = {0};
    union {
        const char *read_only;
        unsigned char *p;
    } in = {.read_only = p};
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = in.p, z.avail_in = (uInt)n, z.next_out = (unsigned char *)to, z.avail_out = (uInt)room;
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static void compressed_bodies(void) {
    struct api_opts o = fix_opts();
    o.http.body_bytes_max = 100000;
    if (!fix_start(&o)) return;
    static char packed[200000], big[100001];
    size_t n = gzip("[" LINE_OK "]", strlen(LINE_OK) + 2, packed, sizeof packed);
    CHECK_INT(fix_post("Content-Encoding: gzip\r\n", packed, n), 200);
    CHECK_STR(fix.body, "[" ANSWER_OK "]");
    CHECK_INT(fix_post("Content-Encoding: gzip\r\n", packed, n - 1), 400);
    CHECK(fix_says("ends too soon"));
    packed[n / 2] ^= 0x55;
    CHECK_INT(fix_post("Content-Encoding: gzip\r\n", packed, n), 400);
    n = ZSTD_compress(packed, sizeof packed, "[" LINE_OK "]", strlen(LINE_OK) + 2, 3);
    CHECK_INT(fix_post("Content-Encoding: ZSTD\r\n", packed, n), 200);
    CHECK_STR(fix.body, "[" ANSWER_OK "]");
    CHECK_INT(fix_post("Content-Encoding: zstd\r\n", "[{}]", 4), 400);
    CHECK_INT(fix_post("Content-Encoding: br\r\n", "[{}]", 4), 415);
    CHECK(fix_says("Accept-Encoding: gzip, zstd"));
    CHECK_INT(fix_post("Content-Encoding: gzip, gzip\r\n", "[{}]", 4), 415);
    memset(big, ' ', sizeof big);
    memcpy(big, "[{}]", 4);
    n = gzip(big, sizeof big - 1, packed, sizeof packed);
    CHECK_INT(fix_post("Content-Encoding: gzip\r\n", packed, n), 200);
    n = gzip(big, sizeof big, packed, sizeof packed);
    CHECK_INT(fix_post("Content-Encoding: gzip\r\n", packed, n), 413);
    n = ZSTD_compress(packed, sizeof packed, big, sizeof big - 1, 3);
    CHECK_INT(fix_post("Content-Encoding: zstd\r\n", packed, n), 200);
    n = ZSTD_compress(packed, sizeof packed, big, sizeof big, 3);
    CHECK_INT(fix_post("Content-Encoding: zstd\r\n", packed, n), 413);
    CHECK(fix_says("body-bytes-max"));
    fix_end();
}

/* Such a body is read on the helper thread, with the same result. */
static void large_bodies(void) {
    enum { ENTRIES = 5000 };
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    static char text[ENTRIES * 80];
    size_t n = 0;
    for (int i = 0; i < ENTRIES; i++) n += (size_t)snprintf(text + n, sizeof text - n, "%c%s", i ? ',' : '[', LINE_OK);
    CHECK(n > 256 * 1024);
    CHECK_INT(fix_post("", text, n), 400); /* its end is missing */
    CHECK(fix_says("{\"error\":\"byte "));
    text[n++] = ']';
    CHECK_INT(fix_post("", text, n), 200);
    size_t answers = 0;
    for (const char *p = fix.body; (p = strstr(p, ANSWER_OK)) != NULL; p++) answers++;
    CHECK_INT(answers, ENTRIES);
    CHECK(fix.body[0] == '[' && fix.answer[fix.answer_bytes - 1] == ']');
    fix_end();
}

/* A reader that takes its time must not keep a model that was replaced: each would be some 20 MiB. */
static void an_answer_that_waits_for_its_reader_holds_no_engine(void) {
    enum { ENTRIES = 10000, NAME = 90, REQUESTS = 3 }; /* their answers are more than the sockets take */
    static char labels[NAME + 40], text[ENTRIES * 30], head[200];
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    snprintf(labels, sizeof labels, "FIRST | %0*d | x\n", NAME, 0);
    fix_load(fix_engine(labels, "FIRST"));
    size_t n = 0;
    for (int i = 0; i < ENTRIES; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%c{\"log_message\":\"User\"}", i ? ',' : '[');
    snprintf(text + n, sizeof text - n, "]");
    snprintf(head, sizeof head, "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", n + 1);
    unsigned label = fix_api.engine->metric[0];
    double had = metrics_value(METRIC_CLASSIFICATIONS, DECIDER_REGEX, label, 0), all = had + ENTRIES * REQUESTS;
    int fd = fix_connect();
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
    for (int i = 0; i < REQUESTS; i++) fix_say(fd, head), fix_say(fd, text);
    for (int i = 0; i < 10000 && metrics_value(METRIC_CLASSIFICATIONS, DECIDER_REGEX, label, 0) < all; i++)
        usleep(1000);
    CHECK_NEAR(metrics_value(METRIC_CLASSIFICATIONS, DECIDER_REGEX, label, 0), all, 0);
    for (int i = 0; i < 10000 && atomic_load(&fix_api.engine->pinned) > 0; i++) usleep(1000);
    CHECK_INT(atomic_load(&fix_api.engine->pinned), 0);
    close(fd);
    fix_end();
}

static void requests_are_counted(void) {
    unsigned classify_at = metrics_name(METRIC_SET_ENDPOINT, "/classify"),
             other = metrics_name(METRIC_SET_ENDPOINT, "other"),
             post = (unsigned)metrics_find(METRIC_SET_METHOD, "POST"),
             get = (unsigned)metrics_find(METRIC_SET_METHOD, "GET"),
             ok = (unsigned)metrics_find(METRIC_SET_STATUS, "200"),
             missing = (unsigned)metrics_find(METRIC_SET_STATUS, "404");
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    double was = metrics_value(METRIC_HTTP_REQUESTS, classify_at, post, ok),
           lost = metrics_value(METRIC_HTTP_REQUESTS, other, get, missing),
           timed = metrics_value(METRIC_HTTP_DURATION, classify_at, post, 0),
           refused = metrics_value(METRIC_REFUSED, (unsigned)metrics_find(METRIC_SET_REASON, "route"), 0, 0);
    CHECK_INT(fix_post_text("[{}]"), 200);
    CHECK_INT(fix_ask("GET /secret-token HTTP/1.1\r\nHost: x\r\n\r\n"), 404);
    fix_end();
    CHECK_NEAR(metrics_value(METRIC_HTTP_REQUESTS, classify_at, post, ok) - was, 1, 0);
    CHECK_NEAR(metrics_value(METRIC_HTTP_DURATION, classify_at, post, 0) - timed, 1, 0);
    CHECK_NEAR(metrics_value(METRIC_HTTP_REQUESTS, other, get, missing) - lost, 1, 0);
    CHECK_NEAR(metrics_value(METRIC_REFUSED, (unsigned)metrics_find(METRIC_SET_REASON, "route"), 0, 0) - refused, 1, 0);
}

CHECK_MAIN(CHECK_TEST(the_contract), CHECK_TEST(classify), CHECK_TEST(head_is_get_without_a_body),
           CHECK_TEST(pipelined_requests_are_answered_in_order), CHECK_TEST(a_half_closed_client_gets_its_answer),
           CHECK_TEST(a_client_that_leaves_costs_nothing), CHECK_TEST(busy_and_shares), CHECK_TEST(limit_of_a_line),
           CHECK_TEST(readiness), CHECK_TEST(a_drain_finishes_what_is_in_flight), CHECK_TEST(a_drain_has_an_end),
           CHECK_TEST(open_access_must_be_meant), CHECK_TEST(tokens), CHECK_TEST(compressed_bodies),
           CHECK_TEST(large_bodies), CHECK_TEST(an_answer_that_waits_for_its_reader_holds_no_engine),
           CHECK_TEST(requests_are_counted))
