#include "train/wording.h"

#include "base/check.h"

static bool leaks(const char *template, const char *message) {
    struct wording t, m;
    wording_of(span_of(template), true, &t);
    wording_of(span_of(message), false, &m);
    return wording_matches(&t, &m);
}

static double overlap(const char *template, const char *message) {
    struct wording t, m;
    wording_of(span_of(template), true, &t);
    wording_of(span_of(message), false, &m);
    return wording_overlap(&t, &m);
}

static void the_same_words_match_whatever_the_values(void) {
    CHECK(leaks("Connection from {ip} closed after {int} tries", "connection from 10.0.0.7 closed after 12 tries"));
    CHECK(leaks("table '{table}' is marked as broken", "Table 'users' is marked as broken"));
    CHECK(leaks("job {job} was given up", "job nightly import run was given up"));
    CHECK(leaks("no route to host", "No route to host!"));
    CHECK(leaks("goodbye", "Goodbye."));
}

static void other_words_do_not(void) {
    CHECK(!leaks("Connection from {ip} opened", "connection from 10.0.0.7 closed"));
    CHECK(!leaks("no route to host", "no route to that host"));
    CHECK(!leaks("job {job} was given up", "job one two three four five was given up"));
    CHECK(!leaks("user {user} left", "user bob left the room"));
    CHECK(!leaks("{user} left", "the quick fox left"));
    CHECK(!leaks("{int} {int}", "4 5"));
}

static void a_header_may_stand_before_it(void) {
    CHECK(leaks("could not open the door {int}", "Jan 3 12:00:01 web1 doord[33]: could not open the door 7"));
    CHECK(!leaks("door is open", "doord: door is open"));
}

static void overlap_is_of_sets(void) {
    CHECK_NEAR(overlap("alpha beta gamma", "gamma alpha beta alpha"), 1, 1e-9);
    CHECK_NEAR(overlap("alpha beta gamma {int}", "alpha beta delta 7"), 0.5, 1e-9);
    CHECK_NEAR(overlap("{int}", "7"), 0, 1e-9);
}

static void long_text_is_cut(void) {
    static char text[20000];
    for (size_t i = 0; i + 3 < sizeof text; i += 3) memcpy(text + i, "ab ", 3);
    CHECK(leaks(text, text));
    memset(text, '{', sizeof text - 1);
    CHECK(!leaks(text, text));
}

CHECK_MAIN(CHECK_TEST(the_same_words_match_whatever_the_values), CHECK_TEST(other_words_do_not),
           CHECK_TEST(a_header_may_stand_before_it), CHECK_TEST(overlap_is_of_sets), CHECK_TEST(long_text_is_cut))
