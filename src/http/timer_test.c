#include "http/timer.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/rng.h"

enum { TIMERS = 300 };

static struct timers g_all;
static struct timer g_timer[TIMERS];
static int g_order[TIMERS], g_expired;

static void note(void *self) {
    g_order[g_expired++] = (int)((struct timer *)self - g_timer);
}

static void timer_begin(void) {
    g_all = (struct timers){0};
    memset(g_timer, 0, sizeof g_timer);
    for (int i = 0; i < TIMERS; i++) g_timer[i].expired = note, g_timer[i].self = &g_timer[i];
    g_expired = 0;
}

static uint64_t ms(unsigned n) {
    return clock_ns_of_ms(n);
}

static void each_expires_at_its_time(void) {
    timer_begin();
    CHECK(timer_next_ns(&g_all) == UINT64_MAX);
    timer_start(&g_all, &g_timer[0], ms(1), 100);
    timer_start(&g_all, &g_timer[1], ms(2), 10);
    timer_start(&g_all, &g_timer[2], ms(3), 100);
    CHECK(timer_next_ns(&g_all) == ms(12));
    timer_run(&g_all, ms(11));
    CHECK_INT(g_expired, 0);
    timer_run(&g_all, ms(12));
    CHECK_INT(g_expired, 1);
    CHECK_INT(g_order[0], 1);
    timer_start(&g_all, &g_timer[0], ms(50), 100); /* anew */
    timer_stop(&g_timer[2]);
    timer_stop(&g_timer[2]);
    CHECK(timer_next_ns(&g_all) == ms(150));
    timer_run(&g_all, ms(1000));
    CHECK_INT(g_expired, 2);
    CHECK_INT(g_order[1], 0);
    CHECK(timer_next_ns(&g_all) == UINT64_MAX);
}

/* A reload that shortens a limit must not wait for those that run by the old one. */
static void a_shorter_limit_is_not_held_up_by_longer_ones(void) {
    timer_begin();
    for (int i = 0; i < 10; i++) timer_start(&g_all, &g_timer[i], ms(1), 600000);
    timer_start(&g_all, &g_timer[10], ms(2), 500);
    timer_run(&g_all, ms(502));
    CHECK_INT(g_expired, 1);
    CHECK_INT(g_order[0], 10);
}

/* More different limits than lists: against a plain array. */
static void any_number_of_limits_keeps_the_order(void) {
    struct rng r = {.state = 42};
    timer_begin();
    uint64_t now = 0;
    for (int round = 0; round < 20000; round++) {
        struct timer *t = &g_timer[rng_below(&r, TIMERS)];
        if (rng_below(&r, 4) == 0)
            timer_stop(t);
        else
            timer_start(&g_all, t, now, 1 + (unsigned)rng_below(&r, 50) * 7);
        now += ms((unsigned)rng_below(&r, 2));
        uint64_t soonest = UINT64_MAX;
        for (int i = 0; i < TIMERS; i++)
            if (g_timer[i].list && g_timer[i].deadline_ns < soonest) soonest = g_timer[i].deadline_ns;
        CHECK(timer_next_ns(&g_all) == soonest);
        g_expired = 0;
        timer_run(&g_all, now);
        for (int i = 0; i < TIMERS; i++) CHECK(!g_timer[i].list || g_timer[i].deadline_ns > now);
        for (int i = 0; i < g_expired; i++) CHECK(g_timer[g_order[i]].deadline_ns <= now);
    }
}

CHECK_MAIN(CHECK_TEST(each_expires_at_its_time), CHECK_TEST(a_shorter_limit_is_not_held_up_by_longer_ones),
           CHECK_TEST(any_number_of_limits_keeps_the_order))
