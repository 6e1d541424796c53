#include "llm/budget.h"

#include "base/check.h"
#include "llm/store_usage.h"

#include <unistd.h>

static int64_t g_now_s;

static int64_t budget_now_s(void) {
    return g_now_s;
}

static struct store *open_store(const char *path) {
    struct err e = {0};
    struct store *s = store_open(&(struct store_opts){.path = path, .now_s = budget_now_s}, &e);
    CHECK(s != NULL);
    return s;
}

/* Calls of 100 tokens that pass before the first refusal. */
static unsigned calls_until_refused(struct budget *b) {
    struct budget_call call;
    struct err e = {0};
    unsigned n = 0;
    while (n < 1000 && budget_reserve(b, 100, &call, &e)) n++;
    CHECK(n == 1000 || e.code == ERR_BUSY);
    return n;
}

static void each_limit_holds_in_its_window(void) {
    static const struct {
        struct budget_opts opts;
        unsigned first, next_minute, next_day;
    } ROW[] = {
        {{.calls_minute = 5}, 5, 5, 5},
        {{.tokens_minute = 399}, 3, 3, 3},
        {{.calls_day = 7}, 7, 0, 7},
        {{.tokens_day = 1000}, 10, 0, 10},
        {{.calls_minute = 5, .calls_day = 8}, 5, 3, 5},
        {{0}, 1000, 1000, 1000},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        struct store *s = open_store("");
        struct budget b;
        budget_init(&b, &ROW[i].opts, s, budget_now_s);
        g_now_s = 1700006399 / 86400 * 86400 + 59; /* the last second of a day's first minute */
        CHECK_INT(calls_until_refused(&b), ROW[i].first);
        g_now_s += 1;
        CHECK_INT(calls_until_refused(&b), ROW[i].next_minute);
        g_now_s += 86400;
        CHECK_INT(calls_until_refused(&b), ROW[i].next_day);
        store_close(s);
    }
}

static void a_reservation_is_corrected(void) {
    struct store *s = open_store("");
    struct budget b;
    struct budget_call call;
    struct err e = {0};
    g_now_s = 1700000000;
    budget_init(&b, &(struct budget_opts){.tokens_day = 1000}, s, budget_now_s);
    CHECK(budget_reserve(&b, 900, &call, &e));
    budget_charge(&b, &call, 40, 10);
    CHECK(budget_reserve(&b, 900, &call, &e));
    CHECK(!budget_reserve(&b, 900, &call, &e));
    CHECK(strstr(e.msg, "budget") != NULL);
    store_close(s);
}

static void a_restart_does_not_start_at_nothing(void) {
    char path[64];
    struct budget b;
    g_now_s = 1700000000;
    snprintf(path, sizeof path, "/tmp/logclass_budget_%d.db", (int)getpid());
    for (unsigned run = 0; run < 3; run++) {
        struct store *s = open_store(path);
        budget_init(&b, &(struct budget_opts){.calls_day = 4}, s, budget_now_s);
        CHECK_INT(calls_until_refused(&b), run == 0 ? 4 : 0);
        store_close(s);
    }
    unlink(path);
}

/* Without a limit nothing is checked before a call, but what it has cost is counted for those who set one later. */
static void what_was_spent_without_a_limit_counts(void) {
    char path[64];
    struct budget b;
    struct budget_call call;
    struct err e = {0};
    g_now_s = 1700000000;
    snprintf(path, sizeof path, "/tmp/logclass_budget_free_%d.db", (int)getpid());
    struct store *s = open_store(path);
    budget_init(&b, &(struct budget_opts){0}, s, budget_now_s);
    for (int i = 0; i < 3; i++) {
        CHECK(budget_reserve(&b, 100, &call, &e));
        budget_charge(&b, &call, 20, 30);
    }
    store_close(s);
    s = open_store(path);
    budget_init(&b, &(struct budget_opts){.calls_day = 4, .tokens_day = 249}, s, budget_now_s);
    CHECK(!budget_reserve(&b, 100, &call, &e)); /* 150 tokens are spent */
    CHECK(budget_reserve(&b, 99, &call, &e));
    CHECK(!budget_reserve(&b, 0, &call, &e)); /* 4 calls */
    store_close(s);
    unlink(path);
}

/* Read beside the store that is open, as a page that shows it does. */
static void what_was_spent_is_told_day_by_day(void) {
    enum { DAY_S = 86400 };
    char path[64];
    struct budget b;
    struct budget_call call;
    struct store_usage_day day[STORE_USAGE_DAYS_MAX + 1];
    struct err e = {0};
    g_now_s = 1700006400;
    snprintf(path, sizeof path, "/tmp/logclass_budget_days_%d.db", (int)getpid());
    CHECK_INT(store_usage_read(path, 0, day, &e), 0); /* there is no file yet */
    struct store *s = open_store(path);
    budget_init(&b, &(struct budget_opts){.calls_day = 100}, s, budget_now_s);
    for (int i = 0; i < 60; i++, g_now_s += DAY_S) {
        CHECK(budget_reserve(&b, 100, &call, &e));
        budget_charge(&b, &call, 20, (uint64_t)i);
    }
    CHECK(store_flush(s, &e));
    int64_t last = g_now_s - DAY_S;
    CHECK_INT(store_usage_read(path, last - DAY_S, day, &e), 2);
    CHECK(day[0].start == last - DAY_S && day[0].calls == 1 && day[0].tokens == 78 && day[0].tokens_out == 58);
    CHECK(day[1].start == last && day[1].tokens == 79 && day[1].tokens_out == 59);
    CHECK(store_usage_read(path, 0, day, &e) <= STORE_USAGE_DAYS_MAX + 1);
    store_close(s);
    unlink(path);
    CHECK_INT(store_usage_read("/", 0, day, &e), -1);
    CHECK(e.code == ERR_IO);
}

static void the_price_is_by_the_million(void) {
    struct budget_opts o = {.price_in = 0.5, .price_out = 2};
    CHECK_NEAR(budget_price(&o, 2000000, 500000), 2.0, 1e-12);
    CHECK_NEAR(budget_price(&(struct budget_opts){0}, 5, 5), 0, 0);
}

static void a_budget_that_can_not_be_kept_forbids_every_call(void) {
    struct err e = {0};
    struct store *s = store_open_cache(&(struct store_opts){.path = "/nowhere/answers.db"}, &e);
    struct budget b;
    struct budget_call call;
    budget_init(&b, &(struct budget_opts){.calls_day = 5}, s, budget_now_s);
    CHECK(!budget_reserve(&b, 100, &call, &e) && e.code == ERR_BUSY && strstr(e.msg, "can't be kept"));
    budget_init(&b, &(struct budget_opts){0}, s, budget_now_s);
    CHECK(budget_reserve(&b, 100, &call, &e));
    store_close(s);
}

CHECK_MAIN(CHECK_TEST(a_budget_that_can_not_be_kept_forbids_every_call), CHECK_TEST(each_limit_holds_in_its_window),
           CHECK_TEST(a_reservation_is_corrected), CHECK_TEST(a_restart_does_not_start_at_nothing),
           CHECK_TEST(what_was_spent_without_a_limit_counts), CHECK_TEST(what_was_spent_is_told_day_by_day),
           CHECK_TEST(the_price_is_by_the_million))
