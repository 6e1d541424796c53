#include "text/container.h"

#include "base/check.h"

static void lines_of_the_cri_are_taken_apart(void) {
    struct container_line l;
    CHECK(container_parse_cri(SPAN_LIT("2026-01-31T10:00:00.123456789Z stderr F some text"), &l));
    CHECK_SPAN(l.time, "2026-01-31T10:00:00.123456789Z");
    CHECK_SPAN(l.stream, "stderr");
    CHECK_SPAN(l.text, "some text");
    CHECK(!l.partial);
    CHECK(container_parse_cri(SPAN_LIT("2026-01-31T10:00:00+02:00 stdout P:x  two"), &l) && l.partial);
    CHECK_SPAN(l.text, " two");
    CHECK(container_parse_cri(SPAN_LIT("2026-01-31T10:00:00Z stdout F "), &l));
    CHECK_SPAN(l.text, "");
}

static void other_lines_are_not(void) {
    static const char *const OTHER[] = {"",
                                        "2026-01-31T10:00:00Z",
                                        "2026-01-31T10:00:00Z stdin F x",
                                        "2026-01-31T10:00:00Z stdout X x",
                                        "2026-01-31 10:00:00Z stdout F x",
                                        "2026-01-31T10:00 stdout F xxxxxxxxx",
                                        "x stdout F x"};
    struct container_line l;
    for (size_t i = 0; i < sizeof OTHER / sizeof OTHER[0]; i++) CHECK(!container_parse_cri(span_of(OTHER[i]), &l));
    CHECK(container_is_docker(SPAN_LIT("{\"log\":\"x\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-31T10:00:00Z\"}")));
    CHECK(!container_is_docker(SPAN_LIT("{\"log\":\"x\\n\",\"stream\":\"else\",\"time\":\"2026-01-31T10:00:00Z\"}")));
    CHECK(!container_is_docker(SPAN_LIT("{\"msg\":\"x\"}")));
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void paths_tell_the_pod(void) {
    struct container_path p;
    CHECK(container_parse_path(SPAN_LIT("/var/log/pods/shop_cart-7f_1b2c-3d/web/3.log.20260131-1"), &p));
    CHECK_SPAN(p.namespace, "shop");
    CHECK_SPAN(p.pod, "cart-7f");
    CHECK_SPAN(p.uid, "1b2c-3d");
    CHECK_SPAN(p.container, "web");
    CHECK_SPAN(p.restarts, "3");
    CHECK(container_parse_path(SPAN_LIT("/var/log/containers/cart-7f_shop_web-app-" ID ".log"), &p));
    CHECK_SPAN(p.namespace, "shop");
    CHECK_SPAN(p.container, "web-app");
    CHECK_SPAN(p.id, ID);
    CHECK(container_parse_path(SPAN_LIT("/var/lib/docker/containers/" ID "/" ID "-json.log"), &p));
    CHECK_SPAN(p.id, ID);
    CHECK(!container_parse_path(SPAN_LIT("/var/log/pods/x/web/3.log"), &p));
    CHECK(!container_parse_path(SPAN_LIT("/var/log/containers/a_b_c.log"), &p));
    CHECK(!container_parse_path(SPAN_LIT("/var/log/syslog"), &p));
}

CHECK_MAIN(CHECK_TEST(lines_of_the_cri_are_taken_apart), CHECK_TEST(other_lines_are_not),
           CHECK_TEST(paths_tell_the_pod))
