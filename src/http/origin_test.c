/* Which hosts are served on loopback, and which origins are our own. */
#include "http/origin.h"

#include "base/check.h"
#include "http/server.h"

static bool serves(const char *listen, const char *allowed, const char *host) {
    struct server_opts o = SERVER_OPTS_DEFAULT;
    o.host = listen;
    o.allowed_hosts = allowed;
    return origin_serves_host(&o, span_of(host));
}

static void loopback_answers_to_its_own_names(void) {
    static const char *const OURS[] = {"localhost", "LOCALHOST:8080", "127.0.0.1",  "127.0.0.1:80",
                                       "127.9.9.9", "[::1]",          "[::1]:8080", ""};
    static const char *const OTHERS[] = {
        "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "x", "[::2]:80", "localhos",
        "localhostx"};
    for (size_t i = 0; i < sizeof OURS / sizeof OURS[0]; i++) CHECK(serves("127.0.0.1", "", OURS[i]));
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        CHECK(!serves("127.0.0.1", NULL, OTHERS[i]) && !serves("localhost", "", OTHERS[i]));
        CHECK(serves("0.0.0.0", "", OTHERS[i])); /* only loopback is meant for this machine alone */
    }
    CHECK(serves("::1", "", "[::1]:80") && !serves("::1", "", "evil.example"));
    CHECK(serves("127.0.0.1", "a.example , b.example", "b.example:443"));
    CHECK(!serves("127.0.0.1", "a.example,b.example", "example"));
    CHECK(!serves("127.0.0.1", "", "[::1].evil.example"));
    CHECK(serves("127.0.0.1", "*", "evil.example"));
}

static bool serves_page(const char *listen, const char *hosts, const char *host) {
    struct server_opts o = SERVER_OPTS_DEFAULT;
    o.host = listen;
    o.allowed_hosts = "*";
    o.page.hosts = hosts;
    return origin_serves_page(&o, span_of(host));
}

static void the_page_answers_to_its_own_names_everywhere(void) {
    static const char *const OURS[] = {"localhost",   "LOCALHOST:8080", "127.0.0.1",
                                       "127.9.9.9:1", "[::1]",          "[::1]:8080"};
    static const char *const OTHERS[] = {"",
                                         "evil.example",
                                         "localhost.evil.example",
                                         "127.evil.example",
                                         "[::1].evil.example",
                                         "[::1]:80.evil",
                                         "[::1",
                                         "::1",
                                         "localhost:x",
                                         "localhost:123456",
                                         "localhost:80:80",
                                         "[",
                                         "[]",
                                         ":80"};
    for (size_t i = 0; i < sizeof OURS / sizeof OURS[0]; i++)
        CHECK(serves_page("127.0.0.1", "", OURS[i]) && serves_page("0.0.0.0", NULL, OURS[i]));
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        CHECK(!serves_page("127.0.0.1", "", OTHERS[i]));
        CHECK(!serves_page("0.0.0.0", "", OTHERS[i]));
    }
    CHECK(serves_page("10.1.2.3", "", "10.1.2.3:8080") && !serves_page("10.1.2.3", "", "10.1.2.4"));
    CHECK(serves_page("0.0.0.0", "", "10.1.2.3:8080") &&
          serves_page("::", "", "[fd00::1]")); /* an address is no name */
    CHECK(serves_page("0.0.0.0", "a.example, logs.example", "logs.example:80"));
    CHECK(!serves_page("0.0.0.0", "a.example", "x.a.example"));
}

static void an_origin_is_its_host(void) {
    CHECK(origin_is_host(SPAN_LIT("http://localhost:80"), SPAN_LIT("localhost:80")));
    CHECK(origin_is_host(SPAN_LIT("https://Logs.example"), SPAN_LIT("logs.example")));
    CHECK(!origin_is_host(SPAN_LIT("http://localhost:81"), SPAN_LIT("localhost:80")));
    CHECK(!origin_is_host(SPAN_LIT("ftp://localhost"), SPAN_LIT("localhost")));
    CHECK(!origin_is_host(SPAN_LIT("null"), SPAN_LIT("localhost")));
    CHECK(!origin_is_host(SPAN_LIT("http://"), SPAN_LIT("")) && !origin_is_host(SPAN_LIT(""), SPAN_LIT("")));
}

CHECK_MAIN(CHECK_TEST(loopback_answers_to_its_own_names), CHECK_TEST(the_page_answers_to_its_own_names_everywhere),
           CHECK_TEST(an_origin_is_its_host))
