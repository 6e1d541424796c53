#include "remote/breaker.h"

#include "base/check.h"

#include <pthread.h>
#include <stdatomic.h>

/* A clock that stands still until a test moves it. */
static _Atomic uint64_t g_now_ns;

static uint64_t now(void *self) {
    (void)self;
    return atomic_load(&g_now_ns);
}

static const struct clock CLOCK = {.now_ns = now};
static const struct breaker_opts BERT = {.failures_max = 5, .reset_ms = 10000, .probe_ms = 4000};
static const struct breaker_opts LLM = {.failures_max = 3, .reset_ms = 5000, .probe_ms = 2000};

static void pass_ms(uint64_t ms) {
    atomic_fetch_add(&g_now_ns, clock_ns_of_ms(ms));
}

static bool breaker_enters(struct breaker *b, struct breaker_pass *pass) {
    struct err e = {0};
    bool passed = breaker_enter(b, pass, &e);
    CHECK_INT(e.code, passed ? ERR_OK : ERR_CIRCUIT_OPEN);
    return passed;
}

/* A whole call; false: it was refused. */
static bool call(struct breaker *b, enum breaker_outcome outcome) {
    struct breaker_pass pass;
    if (!breaker_enters(b, &pass)) return false;
    breaker_leave(b, pass, outcome);
    return true;
}

static void breaker_fail(struct breaker *b, unsigned times) {
    for (unsigned i = 0; i < times; i++) CHECK(call(b, BREAKER_FAILED));
}

static void open_breaker(struct breaker *b, const struct breaker_opts *o) {
    breaker_init(b, o, &CLOCK);
    breaker_fail(b, o->failures_max);
    CHECK_INT(breaker_state(b), BREAKER_OPEN);
}

static void exactly_so_many_failures_open_it(void) {
    const struct breaker_opts *opts[] = {&BERT, &LLM};
    for (size_t i = 0; i < 2; i++) {
        struct breaker b;
        breaker_init(&b, opts[i], &CLOCK);
        breaker_fail(&b, opts[i]->failures_max - 1);
        CHECK_INT(breaker_state(&b), BREAKER_CLOSED);
        breaker_fail(&b, 1);
        CHECK_INT(breaker_state(&b), BREAKER_OPEN);
        CHECK(!call(&b, BREAKER_SUCCEEDED));
    }
}

static void a_success_starts_the_count_anew(void) {
    struct breaker b;
    breaker_init(&b, &LLM, &CLOCK);
    for (int round = 0; round < 10; round++) {
        breaker_fail(&b, 2);
        CHECK(call(&b, BREAKER_SUCCEEDED));
    }
    CHECK_INT(breaker_state(&b), BREAKER_CLOSED);
    breaker_fail(&b, 3);
    CHECK_INT(breaker_state(&b), BREAKER_OPEN);
}

static void abandoned_calls_count_for_nothing(void) {
    struct breaker b;
    breaker_init(&b, &LLM, &CLOCK);
    breaker_fail(&b, 2);
    CHECK(call(&b, BREAKER_ABANDONED));
    CHECK_INT(breaker_state(&b), BREAKER_CLOSED);
    breaker_fail(&b, 1);
    CHECK_INT(breaker_state(&b), BREAKER_OPEN);
}

static void it_rests_to_the_nanosecond(void) {
    struct breaker b;
    open_breaker(&b, &BERT);
    pass_ms(9999);
    atomic_fetch_add(&g_now_ns, 999999);
    CHECK(!call(&b, BREAKER_SUCCEEDED));
    CHECK_INT(breaker_state(&b), BREAKER_OPEN);
    CHECK(breaker_is_open(&b));
    atomic_fetch_add(&g_now_ns, 1);
    CHECK(!breaker_is_open(&b));
    struct breaker_pass pass;
    CHECK(breaker_enters(&b, &pass));
    CHECK_INT(breaker_state(&b), BREAKER_HALF_OPEN);
    breaker_leave(&b, pass, BREAKER_SUCCEEDED);
    CHECK_INT(breaker_state(&b), BREAKER_CLOSED);
}

static void half_open_lets_one_probe_through(void) {
    struct breaker b;
    struct breaker_pass probe, other;
    open_breaker(&b, &LLM);
    pass_ms(5000);
    CHECK(breaker_enters(&b, &probe));
    for (int i = 0; i < 1000; i++) CHECK(!breaker_enters(&b, &other));
    CHECK(breaker_is_open(&b));
    breaker_leave(&b, probe, BREAKER_SUCCEEDED);
    CHECK(!breaker_is_open(&b));
    for (int i = 0; i < 10; i++) CHECK(breaker_enters(&b, &other));
}

static void a_failed_probe_opens_it_for_a_whole_rest(void) {
    struct breaker b;
    open_breaker(&b, &LLM);
    pass_ms(7000);
    CHECK(call(&b, BREAKER_FAILED));
    CHECK_INT(breaker_state(&b), BREAKER_OPEN);
    pass_ms(4999);
    CHECK(!call(&b, BREAKER_SUCCEEDED));
    pass_ms(1);
    CHECK(call(&b, BREAKER_SUCCEEDED));
    CHECK_INT(breaker_state(&b), BREAKER_CLOSED);
}

static void an_abandoned_probe_makes_room_for_the_next(void) {
    struct breaker b;
    open_breaker(&b, &LLM);
    pass_ms(5000);
    CHECK(call(&b, BREAKER_ABANDONED));
    CHECK_INT(breaker_state(&b), BREAKER_HALF_OPEN);
    CHECK(call(&b, BREAKER_SUCCEEDED));
    CHECK_INT(breaker_state(&b), BREAKER_CLOSED);
}

static void a_silent_probe_loses_its_place_at_its_time_out(void) {
    struct breaker b;
    struct breaker_pass lost, next;
    open_breaker(&b, &LLM);
    pass_ms(5000);
    CHECK(breaker_enters(&b, &lost));
    pass_ms(1999);
    CHECK(!breaker_enters(&b, &next));
    pass_ms(1);
    CHECK(breaker_enters(&b, &next));
    breaker_leave(&b, lost, BREAKER_SUCCEEDED); /* too late to tell */
    CHECK_INT(breaker_state(&b), BREAKER_HALF_OPEN);
    breaker_leave(&b, next, BREAKER_FAILED);
    CHECK_INT(breaker_state(&b), BREAKER_OPEN);
    breaker_leave(&b, lost, BREAKER_SUCCEEDED);
    CHECK_INT(breaker_state(&b), BREAKER_OPEN);
}

static void results_of_an_earlier_state_are_ignored(void) {
    struct breaker b;
    struct breaker_pass early[8], probe;
    breaker_init(&b, &LLM, &CLOCK);
    for (int i = 0; i < 8; i++) CHECK(breaker_enters(&b, &early[i]));
    for (int i = 0; i < 3; i++) breaker_leave(&b, early[i], BREAKER_FAILED);
    CHECK_INT(breaker_state(&b), BREAKER_OPEN);
    breaker_leave(&b, early[3], BREAKER_SUCCEEDED);
    CHECK_INT(breaker_state(&b), BREAKER_OPEN);
    pass_ms(5000);
    CHECK(breaker_enters(&b, &probe));
    breaker_leave(&b, early[4], BREAKER_FAILED);
    breaker_leave(&b, early[5], BREAKER_SUCCEEDED);
    CHECK_INT(breaker_state(&b), BREAKER_HALF_OPEN);
    breaker_leave(&b, probe, BREAKER_SUCCEEDED);
    for (int i = 0; i < 2; i++) breaker_leave(&b, early[6 + i], BREAKER_FAILED);
    breaker_fail(&b, 2); /* with the two above it would be four */
    CHECK_INT(breaker_state(&b), BREAKER_CLOSED);
}

static void it_recovers_as_often_as_needed(void) {
    struct breaker b;
    breaker_init(&b, &LLM, &CLOCK);
    for (int round = 0; round < 50; round++) {
        breaker_fail(&b, 3);
        CHECK(!call(&b, BREAKER_SUCCEEDED));
        pass_ms(5000);
        CHECK(call(&b, BREAKER_SUCCEEDED));
        CHECK_INT(breaker_state(&b), BREAKER_CLOSED);
    }
}

static struct breaker g_shared;
static atomic_bool g_ending;

static void *look_often(void *arg) {
    unsigned *seen = arg; /* [2]: times it looked closed, open */
    while (!atomic_load(&g_ending)) seen[breaker_is_open(&g_shared)]++;
    return NULL;
}

static void any_thread_may_ask_whether_it_is_open(void) {
    unsigned seen[2] = {0};
    pthread_t thread;
    breaker_init(&g_shared, &BERT, &CLOCK);
    CHECK(!breaker_is_open(&g_shared));
    pthread_create(&thread, NULL, look_often, seen);
    for (int i = 0; i < 1000; i++) {
        breaker_fail(&g_shared, BERT.failures_max);
        CHECK(breaker_is_open(&g_shared));
        pass_ms(BERT.reset_ms);
        CHECK(!breaker_is_open(&g_shared));
        CHECK(call(&g_shared, BREAKER_SUCCEEDED));
    }
    atomic_store(&g_ending, true);
    pthread_join(thread, NULL);
    CHECK(!breaker_is_open(&g_shared));
}

CHECK_MAIN(CHECK_TEST(exactly_so_many_failures_open_it), CHECK_TEST(a_success_starts_the_count_anew),
           CHECK_TEST(abandoned_calls_count_for_nothing), CHECK_TEST(it_rests_to_the_nanosecond),
           CHECK_TEST(half_open_lets_one_probe_through), CHECK_TEST(a_failed_probe_opens_it_for_a_whole_rest),
           CHECK_TEST(an_abandoned_probe_makes_room_for_the_next),
           CHECK_TEST(a_silent_probe_loses_its_place_at_its_time_out),
           CHECK_TEST(results_of_an_earlier_state_are_ignored), CHECK_TEST(it_recovers_as_often_as_needed),
           CHECK_TEST(any_thread_may_ask_whether_it_is_open))
