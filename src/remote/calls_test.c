#include "remote/calls.h"

#include "base/check.h"
#include "base/rng.h"

static const struct calls_opts TWO_STEPS = {
    .calls_max = 4,
    .waiters_max = 8,
    .steps = 2,
    .step = {{.wait_ns = 40}, {.wait_ns = 20, .by_template = true, .keeps = true}},
};
static const struct calls_opts LLM_ONLY = {
    .calls_max = 4, .waiters_max = 8, .steps = 1, .step = {{.wait_ns = 20, .by_template = true, .keeps = true}}};

static bool calls_join_one(struct calls *t, uint32_t i, const char *message, const char *template, uint64_t now_ns) {
    struct err e = {0};
    struct question q = {.message = span_of(message), .template = span_of(template)};
    bool ok = calls_join(t, &(struct pending){.i = i}, &q, now_ns, &e);
    CHECK_INT(e.code, ok ? ERR_OK : ERR_BUSY);
    return ok;
}

/* Takes all waiters of a; returns the sum of 10^k * i over them, i.e. their numbers as digits, in order. */
static unsigned take_all(struct calls *t, struct call *a) {
    struct waiter w;
    unsigned digits = 0;
    while (calls_take_waiter(t, a, &w)) digits = digits * 10 + w.pending.i;
    return digits;
}

static void equal_questions_are_one_call(void) {
    struct calls t;
    calls_init(&t, &TWO_STEPS);
    CHECK(calls_join_one(&t, 1, "a 1", "a N", 0) && calls_join_one(&t, 2, "a 1", "a N", 1) &&
          calls_join_one(&t, 3, "a 2", "a N", 2));
    CHECK_INT(t.n, 2); /* the first step sees messages */
    struct call *a = calls_first(&t, 0, CALL_FRESH), *b = calls_next(&t, a);
    CHECK_SPAN(a->q.message, "a 1");
    CHECK_SPAN(b->q.message, "a 2");
    CHECK(calls_next(&t, b) == NULL);
    CHECK(calls_forward(&t, a, ERR_TIMEOUT, 5) && calls_forward(&t, b, ERR_OK, 6));
    CHECK_INT(t.n, 1); /* the second sees templates */
    a = calls_first(&t, 1, CALL_FRESH);
    CHECK_INT(a->waiting, 3);
    struct waiter w;
    CHECK(calls_take_waiter(&t, a, &w));
    CHECK_INT(w.pending.i, 1);
    CHECK_INT(w.why, ERR_TIMEOUT);
    CHECK_INT(take_all(&t, a), 23);
    CHECK(!calls_forward(&t, a, ERR_OK, 7));
    calls_end(&t, a);
    CHECK_INT(t.n, 0);
    CHECK_INT(t.waiting, 0);
    calls_release(&t);
}

/* As when an engine with another head is swapped in while a question is on its way. */
static void another_head_asks_another_question(void) {
    struct calls t;
    struct err e = {0};
    float head[2][3] = {{0.5F, 0.25F, 0.25F}, {0.5F, 0.125F, 0.375F}};
    calls_init(&t, &LLM_ONLY);
    for (uint32_t i = 0; i < 6; i++) {
        struct question q = {.template = SPAN_LIT("a N"), .head = head[i % 2], .labels = 3};
        if (i >= 4) q = (struct question){.template = SPAN_LIT("a N")};
        CHECK(calls_join(&t, &(struct pending){.i = i}, &q, 0, &e));
    }
    memset(head, 0, sizeof head); /* borrowed during the call only */
    CHECK_INT(t.n, 3);
    struct call *a = calls_first(&t, 0, CALL_FRESH), *b = calls_next(&t, a), *c = calls_next(&t, b);
    CHECK(a->q.labels == 3 && a->q.head[1] == 0.25F && b->q.head[2] == 0.375F && c->q.head == NULL);
    CHECK_INT(take_all(&t, a), 2); /* 0 and 2 */
    CHECK_INT(take_all(&t, b), 13);
    CHECK_INT(take_all(&t, c), 45);
    calls_end(&t, a), calls_end(&t, b), calls_end(&t, c);
    calls_release(&t);
}

static void a_source_makes_a_difference_where_it_is_asked_for(void) {
    struct calls_opts o = LLM_ONLY;
    struct err e = {0};
    for (int by_source = 0; by_source < 2; by_source++) {
        struct calls t;
        o.step[0].by_source = by_source;
        calls_init(&t, &o);
        for (uint32_t i = 0; i < 3; i++) {
            struct question q = {.message = SPAN_LIT("m"),
                                 .template = SPAN_LIT("m"),
                                 .source = i == 1 ? SPAN_LIT("cron") : SPAN_LIT("sshd")};
            CHECK(calls_join(&t, &(struct pending){.i = i}, &q, 0, &e));
        }
        CHECK_INT(t.n, by_source ? 2 : 1);
        CHECK_SPAN(calls_first(&t, 0, CALL_FRESH)->q.source, "sshd");
        calls_release(&t);
    }
}

static void both_tables_have_a_limit(void) {
    struct calls t;
    calls_init(&t, &LLM_ONLY);
    CHECK(calls_join_one(&t, 1, "", "a", 0) && calls_join_one(&t, 2, "", "b", 0) && calls_join_one(&t, 3, "", "c", 0) &&
          calls_join_one(&t, 4, "", "d", 0));
    CHECK(!calls_join_one(&t, 5, "", "e", 0)); /* a fifth question */
    for (uint32_t i = 5; i < 9; i++) CHECK(calls_join_one(&t, i, "", "a", 0));
    CHECK(!calls_join_one(&t, 9, "", "a", 0)); /* a ninth waiter */
    CHECK_INT(t.waiting, 8);
    calls_release(&t);
}

static void time_runs_out_step_by_step(void) {
    struct calls t;
    struct calls_expiry x;
    calls_init(&t, &TWO_STEPS);
    CHECK(calls_next_end_ns(&t) == UINT64_MAX);
    CHECK(calls_join_one(&t, 1, "m", "t", 100) && calls_join_one(&t, 2, "m", "t", 110));
    CHECK_INT(calls_next_end_ns(&t), 140);
    CHECK(!calls_expire(&t, 139, &x));
    calls_set_state(&t, calls_first(&t, 0, CALL_FRESH), CALL_CALLING);
    CHECK(calls_expire(&t, 140, &x));
    CHECK(x.step == 0 && !x.ended); /* it goes on to the next step */
    CHECK(!calls_expire(&t, 140, &x));
    CHECK_INT(calls_first(&t, 1, CALL_FRESH)->waiting, 1);
    CHECK(calls_expire(&t, 150, &x) && x.step == 0);
    CHECK_INT(calls_first(&t, 0, CALL_CALLING)->waiting, 0); /* its call goes on to its own end */
    CHECK_INT(calls_next_end_ns(&t), 160);
    CHECK(calls_expire(&t, 160, &x));
    CHECK(x.step == 1 && x.ended && x.pending.i == 1);
    CHECK(calls_expire(&t, 170, &x));
    CHECK(x.ended && x.pending.i == 2);
    CHECK(!calls_expire(&t, 1000, &x));
    CHECK_INT(t.waiting, 0);
    calls_release(&t);
}

static void what_nobody_waits_for_comes_last_and_gives_way(void) {
    struct calls t;
    struct calls_expiry x;
    calls_init(&t, &LLM_ONLY);
    CHECK(calls_join_one(&t, 1, "", "old", 0) && calls_join_one(&t, 2, "", "older", 0));
    CHECK(calls_expire(&t, 20, &x) && calls_expire(&t, 20, &x));
    CHECK_INT(t.n, 2); /* their answers would be kept */
    CHECK_SPAN(calls_ready(&t, 0)->q.template, "old");
    CHECK(calls_join_one(&t, 3, "", "new", 30));
    calls_set_state(&t, calls_first(&t, 0, CALL_FRESH), CALL_READY);
    CHECK_SPAN(calls_ready(&t, 0)->q.template, "new");
    CHECK(calls_join_one(&t, 4, "", "older", 31)); /* wanted again */
    CHECK_SPAN(calls_first(&t, 0, CALL_FRESH)->q.template, "older");
    CHECK(calls_join_one(&t, 5, "", "newer", 32) &&
          calls_join_one(&t, 6, "", "newest", 33)); /* the last orphan is dropped for it */
    CHECK(calls_first(&t, 0, CALL_ORPHAN) == NULL);
    CHECK_INT(t.n, 4);
    CHECK(!calls_join_one(&t, 7, "", "too many", 34));
    calls_release(&t);
}

static void an_answer_of_no_further_use_is_not_asked_for(void) {
    struct calls t;
    struct calls_expiry x;
    struct calls_opts o = LLM_ONLY;
    o.step[0].keeps = false;
    calls_init(&t, &o);
    CHECK(calls_join_one(&t, 1, "", "a", 0) && calls_expire(&t, 20, &x));
    CHECK_INT(t.n, 0);
    calls_release(&t);
}

static void nobody_is_moved_when_nobody_waits(void) {
    struct calls t;
    struct calls_expiry x;
    calls_init(&t, &TWO_STEPS);
    CHECK(calls_join_one(&t, 1, "m", "t", 0));
    struct call *a = calls_first(&t, 0, CALL_FRESH);
    calls_set_state(&t, a, CALL_CALLING);
    CHECK(calls_expire(&t, 40, &x));
    CHECK(!calls_forward(&t, a, ERR_TIMEOUT, 41));
    calls_end(&t, a);
    CHECK_INT(t.n, 1);
    calls_release(&t);
}

static void long_texts_are_cut(void) {
    static char text[2 * CALLS_MESSAGE_MAX];
    struct calls t;
    struct err e;
    calls_init(&t, &LLM_ONLY);
    memset(text, 'x', sizeof text);
    struct question q = {.message = {text, sizeof text}, .template = {text, sizeof text}};
    CHECK(calls_join(&t, &(struct pending){.i = 1}, &q, 0, &e));
    struct call *a = calls_first(&t, 0, CALL_FRESH);
    CHECK_INT(a->q.message.n, CALLS_MESSAGE_MAX);
    CHECK_INT(a->q.template.n, CALLS_TEMPLATE_MAX);
    calls_release(&t);
}

/* A long random run against a count of who went in and who came out. */
static void nobody_is_lost_or_answered_twice(void) {
    enum { RECORDS = 200000 };
    static unsigned char out[RECORDS];
    struct calls_opts o = TWO_STEPS;
    o.calls_max = 40, o.waiters_max = 100;
    struct calls t;
    calls_init(&t, &o);
    struct rng r = {.state = 7};
    uint32_t in = 0, ended = 0;
    uint64_t now = 0;
    struct waiter w;
    struct calls_expiry x;
    while (in < RECORDS || t.waiting > 0) {
        char message[32], template[32];
        now += rng_below(&r, 3);
        snprintf(message, sizeof message, "m%u", rng_below(&r, 60));
        snprintf(template, sizeof template, "t%u", (unsigned)strtoul(message + 1, NULL, 10) / 3);
        struct question q = {.message = span_of(message), .template = span_of(template)};
        struct err e;
        if (in < RECORDS && calls_join(&t, &(struct pending){.i = in}, &q, now, &e)) in++;
        while (calls_expire(&t, now, &x))
            if (x.ended) out[x.pending.i]++, ended++;
        unsigned step = rng_below(&r, 2);
        struct call *a = calls_first(&t, step, (enum call_state)rng_below(&r, CALL_STATES));
        if (!a) continue;
        switch (rng_below(&r, 4)) {
        case 0:
            while (calls_take_waiter(&t, a, &w)) out[w.pending.i]++, ended++;
            calls_end(&t, a);
            break;
        case 1: calls_forward(&t, a, ERR_DECODE, now); break;
        default:
            if (a->waiting > 0) calls_set_state(&t, a, (enum call_state)(CALL_CALLING + rng_below(&r, 2)));
        }
    }
    CHECK_INT(ended, RECORDS);
    for (uint32_t i = 0; i < RECORDS; i++)
        if (out[i] != 1) CHECK_INT(out[i], 1);
    calls_release(&t);
}

CHECK_MAIN(CHECK_TEST(equal_questions_are_one_call), CHECK_TEST(another_head_asks_another_question),
           CHECK_TEST(a_source_makes_a_difference_where_it_is_asked_for), CHECK_TEST(both_tables_have_a_limit),
           CHECK_TEST(time_runs_out_step_by_step), CHECK_TEST(what_nobody_waits_for_comes_last_and_gives_way),
           CHECK_TEST(an_answer_of_no_further_use_is_not_asked_for), CHECK_TEST(nobody_is_moved_when_nobody_waits),
           CHECK_TEST(long_texts_are_cut), CHECK_TEST(nobody_is_lost_or_answered_twice))
