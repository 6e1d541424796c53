/* Drift and novelty: that alarms come when they should, and do not otherwise. With a clock of our own. */
#include "review/drift.h"

#include "base/check.h"
#include "base/rng.h"
#include "data/decider.h"
#include "review/news.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct drift_hour g_hour[DRIFT_HOURS];
static struct drift g_found;

/* Lines in runs, as logs have them: how many of each of four labels. */
static void fill_hours(uint64_t seed, unsigned run) {
    struct rng r = {seed};
    memset(g_hour, 0, sizeof g_hour);
    for (unsigned h = 0; h < DRIFT_HOURS; h++)
        for (unsigned n = 0; n < 6000 / run; n++) {
            uint64_t x = rng_next(&r) % 100;
            unsigned label = x < 60 ? 1 : x < 85 ? 2 : x < 95 ? 3 : 4;
            g_hour[h].label[label] += run;
            g_hour[h].lines += run;
            if (label == 4) g_hour[h].undecided += run;
        }
}

static const struct drift_now QUIET = {
    .new_1h = 3, .unseen = 0.001, .lines_24h = 100000, .age_s = 10 * DRIFT_WARM_S, .warm_s = 9 * DRIFT_WARM_S};

static bool alarm_of(const struct drift_now *now) {
    drift_find(g_hour, now, &g_found);
    return drift_alarm(&g_found);
}

/* By their definitions, in Python. */
static void divergences_are_those_of_the_books(void) {
    const uint64_t p[] = {10, 20, 70}, q[] = {30, 30, 40}, z[] = {0, 0, 5}, o[] = {5, 0, 0};
    CHECK_NEAR(drift_jsd(p, q, 3), 0.07489, 0.00001);
    CHECK_NEAR(drift_jsd(p, p, 3), 0, 1e-12);
    CHECK_NEAR(drift_jsd(z, o, 3), 1, 1e-12);
    CHECK_NEAR(drift_jsd(p, q, 3), drift_jsd(q, p, 3), 1e-12);
    CHECK_NEAR(drift_psi(p, q, 3), 0.428, 0.02);
    CHECK(isfinite(drift_psi(z, o, 3)));
    CHECK_NEAR(drift_chi2(30, 100, 20, 100), 2.6667, 0.0001);
    CHECK_NEAR(drift_chi2(20, 100, 200, 1000), 0, 1e-12);
    CHECK_NEAR(drift_chi2(0, 100, 0, 1000), 0, 1e-12);
}

/* Three times the lines of a label are no change when there are three times as many of all, nor when there are few. */
static void a_label_changes_when_its_share_does(void) {
    struct drift_hour *last = &g_hour[DRIFT_HOURS - 2];
    for (unsigned times = 1; times <= 4; times += 3) {
        for (unsigned h = 0; h < DRIFT_HOURS; h++)
            g_hour[h] = (struct drift_hour){.label = {[1] = 3600, [2] = 1500, [3] = 600, [4] = 300}, .lines = 6000};
        for (unsigned l = 0; l < LABEL_MAX; l++) last->label[l] *= times;
        last->lines *= times;
        alarm_of(&QUIET);
        CHECK_INT(g_found.changes, 0);
    }
    last->label[3] *= 6;
    last->lines += last->label[3] / 6 * 5;
    alarm_of(&QUIET);
    CHECK(g_found.changes == 1 && g_found.change[0].label == 3 && g_found.change[0].chi2 > 5.412);
}

static void bursts_are_no_alarm(void) {
    for (uint64_t seed = 1; seed <= 20; seed++)
        for (unsigned run = 1; run <= 200; run *= 14) {
            fill_hours(seed, run);
            CHECK(!alarm_of(&QUIET));
            if (run > 1) CHECK(g_found.jsd_limit > DRIFT_JSD_MIN || run < 100); /* the limit is the data's own */
        }
}

static void another_mix_of_labels_is_one_when_it_lasts(void) {
    fill_hours(1, 14);
    struct drift_hour *last = &g_hour[DRIFT_HOURS - 2];
    for (unsigned h = 0; h < 2; h++) {
        last[-(int)h].label[3] += 6000;
        last[-(int)h].lines += 6000;
        CHECK_INT(alarm_of(&QUIET), h == 1); /* two hours in a row */
    }
    CHECK(g_found.jsd_alarm && !g_found.undecided_alarm && g_found.jsd > g_found.jsd_limit && g_found.psi > 0.2);
    CHECK(g_found.changes == 1 && g_found.change[0].label == 3 && g_found.change[0].factor > 3);
}

static void more_undecided_is_one_when_it_lasts(void) {
    fill_hours(2, 14);
    for (unsigned h = 0; h < 2; h++) {
        struct drift_hour *at = &g_hour[DRIFT_HOURS - 2 - h];
        at->undecided += at->label[1] / 2;
        alarm_of(&QUIET);
        CHECK_INT(g_found.undecided_alarm, h == 1);
    }
    CHECK(g_found.undecided > 0.3 && g_found.undecided_limit < 0.2);
}

static void few_lines_say_nothing(void) {
    memset(g_hour, 0, sizeof g_hour);
    CHECK(!alarm_of(&QUIET) && g_found.jsd < 0 && g_found.undecided < 0);
    for (unsigned h = 0; h < DRIFT_HOURS; h++) g_hour[h].lines = g_hour[h].label[1] = 900;
    for (unsigned h = DRIFT_HOURS - 3; h < DRIFT_HOURS; h++)
        g_hour[h].undecided = g_hour[h].label[4] = 900, g_hour[h].label[1] = 0;
    CHECK(!alarm_of(&QUIET));
}

static void new_kinds_are_news_when_the_rest_is_known(void) {
    fill_hours(3, 14);
    struct drift_now now = QUIET;
    now.new_1h = DRIFT_NEW_MIN;
    CHECK(!alarm_of(&now));
    now.new_1h++;
    CHECK(alarm_of(&now) && g_found.new_alarm);
    for (unsigned h = DRIFT_HOURS - 6; h < DRIFT_HOURS; h++) g_hour[h].new_kinds = 30; /* usual here */
    CHECK(!alarm_of(&now));
    CHECK_NEAR(g_found.new_limit, 90, 0);
    now.new_1h = 91;
    CHECK(alarm_of(&now));
    now.warm_s = 3 * 3600;
    CHECK_NEAR((alarm_of(&now), g_found.new_limit), 90, 0);
    now.warm_s = 3600 - 1; /* what came before is no measure */
    CHECK_NEAR((alarm_of(&now), g_found.new_limit), DRIFT_NEW_MIN, 0);
    now.warm_s = 0;
    now.age_s = 3600;
    CHECK(alarm_of(&now) && g_found.warm); /* it has seen enough */
    now.unseen = 0.02;
    CHECK(!alarm_of(&now) && !g_found.warm);
    now.unseen = 0.001;
    now.fresh_1h = DRIFT_NEW_MIN + 1; /* they still come */
    CHECK(!alarm_of(&now) && !g_found.warm);
    now.fresh_1h = DRIFT_NEW_MIN;
    now.lines_24h = 5000;
    CHECK(!alarm_of(&now) && !g_found.warm);
    now.age_s = DRIFT_WARM_S;
    CHECK(alarm_of(&now));
    now.age_s = 3600, now.warm_s = 60; /* what it knows it does not forget when much is new */
    CHECK(alarm_of(&now));
}

/* ---- a replay, hour by hour ---- */

enum { T0 = 1790000000 / 3600 * 3600, SYSTEMS = 10, SHAPES = 80, LINES_AN_HOUR = 6000, RUN = 50 };

static struct book g_book;
static struct news g_news;
static struct rng g_rng;
static uint32_t g_now;

/* A run of lines of one system: shapes that are common and shapes that are rare, some shape of its own now and then. */
static void replay_run(unsigned system, unsigned shapes) {
    char text[80];
    for (unsigned i = 0; i < RUN; i++) {
        double u = (double)(rng_next(&g_rng) % 1000000) / 1e6;
        unsigned shape = (unsigned)(shapes * u * u * u);
        int n = snprintf(text, sizeof text, "system%u: shape %u", system, shape);
        struct kinds_sight s = {
            .text = {text, (size_t)n}, .lines = 1, .decided = true, .stage = DECIDER_BERT, .p1 = 9000};
        s.message_at = (uint16_t)(strlen("systemN: ") + (system > 9));
        s.label = (uint8_t)(1 + (system * 7 + shape) % 6);
        s.best = s.label;
        if (shape % 17 == 3) s.stage = DECIDER_FALLBACK;
        kinds_see(g_book.kinds, &s);
        totals_add(g_book.totals, g_now, s.label, s.stage, 1);
    }
}

static void replay_hour(unsigned systems, unsigned newcomer_runs) {
    struct kinds_figures before, after;
    kinds_figures(g_book.kinds, &before);
    for (unsigned part = 0; part < 6; part++) {
        kinds_tick(g_book.kinds, g_now += 600);
        for (unsigned n = 0; n < LINES_AN_HOUR / RUN / 6; n++)
            replay_run((unsigned)(rng_next(&g_rng) % systems), SHAPES);
        for (unsigned n = 0; n < newcomer_runs / 6; n++) replay_run(systems, SHAPES);
    }
    kinds_figures(g_book.kinds, &after);
    totals_add(g_book.totals, g_now, TOTALS_NEW_KINDS, 0, (uint32_t)(after.entered - before.entered));
    news_find(&g_book, NULL, &g_news);
    news_drift(&g_book, &g_news);
    book_set_news(&g_book, &g_news);
}

/* "412 lines in an hour, …": while it rises, and no longer. */
static void what_rises_is_said_in_a_sentence(void) {
    static const struct kinds_opts OPTS = {.max = 100};
    struct kinds_sight s = {.text = SPAN_LIT("sshd: closed"), .message_at = 6, .lines = 98, .stage = DECIDER_BERT};
    char text[NEWS_TEXT_MAX];
    book_init(&g_book);
    book_open(&g_book, &OPTS);
    g_now = T0;
    kinds_tick(g_book.kinds, g_now);
    for (unsigned h = 0; h < 8 * 24; h++) {
        kinds_see(g_book.kinds, &s);
        kinds_tick(g_book.kinds, g_now += 3600);
    }
    news_find(&g_book, NULL, &g_news);
    news_alarm(&g_news, 3, text);
    CHECK_STR(text, "");
    s.lines = 412;
    kinds_see(g_book.kinds, &s);
    kinds_tick(g_book.kinds, g_now += 60);
    news_find(&g_book, NULL, &g_news);
    news_alarm(&g_news, 3, text);
    CHECK(strncmp(text, "412 lines in an hour, where the busiest of the week before had ", 63) == 0);
    CHECK(strstr(text, ": sshd: closed") != NULL && g_news.riser.busiest > 90 && g_news.riser.busiest < 106);
    kinds_set_state(g_book.kinds, kinds_id_of(s.text), KIND_KNOWN, 0);
    news_find(&g_book, NULL, &g_news);
    CHECK_INT(g_news.risers, 0);
    book_release(&g_book);
}

static void a_day_of_the_same_is_quiet_and_a_newcomer_is_named(void) {
    struct kinds_opts o = {.max = 20000};
    char text[NEWS_TEXT_MAX];
    book_init(&g_book);
    book_open(&g_book, &o);
    g_rng = (struct rng){7};
    g_now = T0;
    kinds_tick(g_book.kinds, g_now);
    kinds_count_entered(g_book.kinds);
    for (unsigned l = 0; l < 7; l++) kinds_label(g_book.kinds, (struct span){&"ABCDEFG"[l], 1});
    for (unsigned h = 0; h < 3 * 24; h++) replay_hour(SYSTEMS, 0); /* it gets to know them */
    for (unsigned h = 0; h < 24; h++) {
        replay_hour(SYSTEMS, 0);
        CHECK(g_news.drift.warm && !drift_alarm(&g_news.drift));
    }
    replay_hour(SYSTEMS, LINES_AN_HOUR / RUN / 9); /* a tenth of the lines */
    CHECK(g_news.drift.new_alarm);
    CHECK_STR(g_news.source[0].name, "system10");
    news_alarm(&g_news, 0, text);
    CHECK(strstr(text, "most from system10") != NULL);
    news_alarm(&g_news, 1, text);
    CHECK_STR(text, "");
    for (unsigned h = 0; h < 3; h++) replay_hour(SYSTEMS + 1, 0);
    CHECK(!g_news.drift.new_alarm); /* known by now */
    book_release(&g_book);
}

CHECK_MAIN(CHECK_TEST(divergences_are_those_of_the_books), CHECK_TEST(bursts_are_no_alarm),
           CHECK_TEST(a_label_changes_when_its_share_does), CHECK_TEST(what_rises_is_said_in_a_sentence),
           CHECK_TEST(another_mix_of_labels_is_one_when_it_lasts), CHECK_TEST(more_undecided_is_one_when_it_lasts),
           CHECK_TEST(few_lines_say_nothing), CHECK_TEST(new_kinds_are_news_when_the_rest_is_known),
           CHECK_TEST(a_day_of_the_same_is_quiet_and_a_newcomer_is_named))
