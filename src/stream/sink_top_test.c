#include "stream/sink_top.h"

#include "base/check.h"
#include "stream/feed.h"
#include "stream/flow_fixture.h"

/* Lines through rules alone, counted. */
static void top_count_lines(struct top *t, const char *const *lines, size_t n) {
    struct err e = {0};
    struct flow_fixture x;
    struct engine_opts o = {.rules_path = "data/rules.conf", .classifier_threshold = 0.5, .pipeline_threshold = 0.2};
    struct engine *eng = engine_open(&o, &e);
    CHECK(eng != NULL);
    flow_fixture_open(&x, eng, 1);
    flow_close(x.f);
    struct sink_opts to = {.top = t};
    x.f = flow_open(&(struct flow_opts){.pipeline = x.p, .sink = sink_table[SINK_TOP], .sink_opts = &to}, &e);
    struct feed *d = feed_open(x.f, &(struct feed_opts){0}, &e);
    struct chunk *c = feed_take(d, 1000);
    for (size_t i = 0; i < n; i++) chunk_add(c, SPAN_LIT("app"), span_of(lines[i]));
    feed_send(d, c);
    while (!feed_wait_settled(d, 1000))
        ;
    feed_close(d);
    flow_fixture_close(&x);
    top_sort(t);
}

static const char *const LINES[] = {"User admin7 logged in",          "Jun 15 02:04:59 pool 3 is full",
                                    "Jun 16 03:00:00 pool 4 is full", "pool of lava",
                                    "User admin12 logged in",         "User admin3 logged in"};

static void kinds_are_counted_the_most_frequent_first(void) {
    struct top t;
    top_init(&t, TOP_BY_TEMPLATE, &(struct writer_filter){0});
    top_count_lines(&t, LINES, 6);
    CHECK_INT(t.kinds, 3);
    CHECK_INT(t.lines, 6);
    CHECK_INT(t.kind[0].lines, 3);
    CHECK_SPAN(t.kind[0].example, "User admin7 logged in");
    CHECK_INT(t.kind[1].lines, 2);
    CHECK_STR(t.kind[1].first.time, "Jun 15 02:04:59");
    CHECK_STR(t.kind[1].last.time, "Jun 16 03:00:00");
    CHECK_INT(t.kind[2].lines, 1);
    top_release(&t);
}

static void by_label_and_by_source_and_filtered(void) {
    struct top t;
    struct writer_filter no_user = {.except = "USER_ACTION"};
    struct err e = {0};
    top_init(&t, TOP_BY_LABEL, &(struct writer_filter){0});
    top_count_lines(&t, LINES, 6);
    CHECK_INT(t.kinds, 2);
    top_release(&t);
    CHECK(writer_filter_fit(&no_user, label_default(), &e));
    top_init(&t, TOP_BY_SOURCE, &no_user);
    top_count_lines(&t, LINES, 6);
    CHECK_INT(t.kinds, 1);
    CHECK_INT(t.counted, 3);
    CHECK_SPAN(t.kind[0].source, "app");
    top_release(&t);
}

CHECK_MAIN(CHECK_TEST(kinds_are_counted_the_most_frequent_first), CHECK_TEST(by_label_and_by_source_and_filtered))
