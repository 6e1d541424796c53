#include "stream/push.h"

#include "conf/section.h"
#include "stream/flow_fixture.h"
#include "stream/hold_fixture.h"

enum { PIPE_BYTES = 1 << 20, PUSH_TEST_MAX = 1200, OWNERS = 1024, OTHERS = FLOW_CHUNKS - 1 };

/* A source that is pushed to, whose lines are held back, and what its clients were told. */
struct push_rig {
    struct flow_fixture x;
    struct section conf;
    struct push *push;
    struct push_ticket ticket[PUSH_TEST_MAX];
    unsigned sent;
    atomic_uint safe, lost, turns;
};

static struct push_rig rig;

static void push_test_done(void *self, bool safe) {
    struct push_rig *r = self;
    atomic_fetch_add(safe ? &r->safe : &r->lost, 1);
}

static void push_test_room(void *self) {
    struct push_rig *r = self;
    atomic_fetch_add(&r->turns, 1);
}

static void push_rig_open(int answer_wait) {
    static char none[] = "";
    struct err e = {0};
    rig = (struct push_rig){.conf = {.name = "lines", .source = none, .answer_wait = answer_wait}};
    flow_fixture_open(&rig.x, open_rules(""), 2);
    CHECK(fcntl(rig.x.out, F_SETPIPE_SZ, PIPE_BYTES) >= PIPE_BYTES);
    rig.push = push_new(PUSH_LOKI);
    CHECK(push_admit(rig.push, 0) == PUSH_CLOSED);
    CHECK(push_open(rig.push, &rig.conf, rig.x.f, &e));
}

static void push_rig_close(void) {
    push_stop(rig.push);
    for (int i = 0; i < 5000 && !push_wait_settled(rig.push, 1); i++) flow_release(rig.x.p);
    push_close(rig.push);
    push_free(rig.push);
    for (unsigned i = 0; i < rig.sent; i++) CHECK_INT(atomic_load(&rig.ticket[i].open), 0); /* returned once a chunk */
    flow_fixture_close(&rig.x);
}

static enum push_result push_request(struct push_ticket *t, const char *text) {
    struct err e = {0};
    t->done = push_test_done;
    t->room = push_test_room;
    t->self = &rig;
    return push_send(rig.push, span_of(text), PUSH_FORM_JSON, t, &e);
}

/* A request of one line, which is number rig.sent. */
static enum push_result push_one(void) {
    char text[160];
    snprintf(text, sizeof text, "{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"1\",\"line %u of many\"]]}]}",
             rig.sent);
    enum push_result result = push_request(&rig.ticket[rig.sent], text);
    if (result == PUSH_SENT) rig.sent++;
    return result;
}

static void push_many(unsigned n) {
    for (unsigned i = 0; i < n; i++) CHECK(push_one() == PUSH_SENT);
}

static unsigned told(void) {
    return atomic_load(&rig.safe) + atomic_load(&rig.lost);
}

static void wait_told_of(unsigned least) {
    for (int i = 0; i < 5000 && told() < least; i++) usleep(1000);
}

static void wait_told(unsigned n) {
    wait_told_of(n);
    CHECK_INT(told(), n);
}

/* The sink has written lines number 0 to n - 1, in order. */
static void check_lines(unsigned n) {
    static char text[PIPE_BYTES + 1];
    ssize_t got = read(rig.x.out, text, PIPE_BYTES);
    CHECK(got > 0);
    text[got > 0 ? got : 0] = '\0';
    char *at = text;
    for (unsigned i = 0; i < n; i++) {
        char want[64];
        snprintf(want, sizeof want, "\"line %u of many\"", i);
        char *found = strstr(at, want);
        CHECK(found != NULL);
        if (!found) return;
        at = found;
    }
    CHECK(!strstr(at + 1, "\"line "));
}

static void small_requests_gather_in_the_last_chunk(void) {
    push_rig_open(60000);
    push_many(OTHERS + 1);
    wait_held(OTHERS); /* and the last waits for more */
    push_many(500);
    struct err e = {0};
    struct push_ticket unused = {.done = push_test_done, .self = &rig};
    struct span half = SPAN_LIT("{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\"line 9999 of many\"],[2]]}]}");
    CHECK(push_send(rig.push, half, PUSH_FORM_JSON, &unused, &e) == PUSH_MALFORMED); /* leaves no half */
    CHECK(push_admit(rig.push, 100) == PUSH_SENT);
    push_many(1);
    CHECK_INT(held(), OTHERS);
    CHECK_INT(atomic_load(&rig.safe), 0);
    flow_release(rig.x.p);
    wait_told(OTHERS);
    wait_held(502); /* one of them was settled, and so they go */
    flow_release(rig.x.p);
    wait_told(rig.sent);
    CHECK_INT(atomic_load(&rig.lost), 0);
    check_lines(rig.sent);
    push_rig_close();
}

static void a_full_chunk_goes_and_then_it_is_busy(void) {
    push_rig_open(60000);
    push_many(OTHERS + OWNERS);
    wait_held(OTHERS + OWNERS);
    CHECK(push_admit(rig.push, 33 << 20) == PUSH_BUSY); /* it could not even wait */
    CHECK(push_one() == PUSH_BUSY);
    flow_release(rig.x.p);
    wait_told(rig.sent);
    CHECK(push_one() == PUSH_SENT);
    wait_held(1); /* nothing else is under way: it does not wait */
    push_rig_close();
    CHECK_INT(atomic_load(&rig.safe), OTHERS + OWNERS + 1);
}

static void nothing_gathers_while_the_sink_stands(void) {
    push_rig_open(400);
    for (unsigned i = 0; i <= OTHERS; i++) push_one(); /* whether the last gathers depends on the time */
    usleep(420 * 1000);
    CHECK(push_admit(rig.push, 100) == PUSH_BUSY);
    CHECK(push_one() == PUSH_BUSY);
    CHECK(!push_wait(rig.push, &rig.ticket[rig.sent], 100));
    flow_release(rig.x.p);
    wait_told_of(rig.sent - 1); /* and of one more, where it did not gather */
    push_rig_close();
    CHECK_INT(atomic_load(&rig.safe), rig.sent);
}

static void what_has_gathered_goes_at_the_end(void) {
    push_rig_open(60000);
    push_many(OTHERS + 20);
    push_stop(rig.push);
    CHECK(push_one() == PUSH_BUSY);
    CHECK(!push_wait_settled(rig.push, 0));
    wait_held(OTHERS + 20);
    push_rig_close();
    CHECK_INT(atomic_load(&rig.safe), OTHERS + 20);
}

static void all_who_gathered_are_told_of_a_loss(void) {
    push_rig_open(60000);
    push_many(OTHERS + 20);
    flow_abandon(rig.x.f);
    push_rig_close();
    CHECK_INT(atomic_load(&rig.lost), OTHERS + 20);
}

/* A request that needs so many chunks: of the last, one line. All of it is less than PIPE_BYTES in the sink. */
static enum push_result push_large(struct push_ticket *t, unsigned chunks) {
    static char text[3 * CHUNK_RECORDS * 9 + 100];
    char *to = text + snprintf(text, sizeof text, "{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\"\"]");
    for (unsigned i = 0; i < (chunks - 1) * CHUNK_RECORDS; i++, to += 9) memcpy(to, ",[\"1\",\"\"]", 9);
    memcpy(to, "]}]}", 5);
    return push_request(t, text);
}

static void wait_turns(unsigned n) {
    for (int i = 0; i < 5000 && atomic_load(&rig.turns) < n; i++) usleep(1000);
    CHECK_INT(atomic_load(&rig.turns), n);
}

static void who_finds_no_room_stands_in_line(void) {
    push_rig_open(60000);
    push_many(OTHERS - 1);
    struct push_ticket large = {0}, small = {0}, none = {0};
    CHECK(push_large(&large, 3) == PUSH_BUSY); /* there are two */
    CHECK(push_wait(rig.push, &large, 1000));
    CHECK(push_one() == PUSH_BUSY); /* and nobody else has them meanwhile */
    CHECK(push_wait(rig.push, &rig.ticket[rig.sent], 1000));
    CHECK(push_leave(rig.push, &rig.ticket[rig.sent]));
    CHECK(push_request(&small, "{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\"x\"]]}]}") == PUSH_BUSY);
    CHECK(push_wait(rig.push, &small, 1000));
    CHECK(!push_wait(rig.push, &none, 1000)); /* what was not refused for room */
    CHECK(push_admit(rig.push, 1000) == PUSH_SENT);
    CHECK(push_admit(rig.push, (32 << 20) - 1000) == PUSH_BUSY);
    wait_held(OTHERS - 1);
    CHECK_INT(atomic_load(&rig.turns), 0);
    flow_release(rig.x.p);
    wait_turns(2);
    CHECK(push_one() == PUSH_SENT); /* there is room beside what is kept for the two */
    CHECK(push_large(&large, 3) == PUSH_SENT);
    CHECK(!push_leave(rig.push, &small));
    push_let_go(rig.push, &small);
    push_rig_close();
    CHECK_INT(atomic_load(&rig.safe), OTHERS + 1);
    CHECK_INT(atomic_load(&large.open), 0);
}

static void what_is_kept_for_one_is_not_given_to_another(void) {
    push_rig_open(60000);
    push_many(OTHERS + OWNERS);
    struct push_ticket *t = &rig.ticket[rig.sent], all = {.room = push_test_room, .self = &rig, .place = {.need = 16}};
    CHECK(push_wait(rig.push, &all, 1000));
    wait_held(OTHERS + OWNERS);
    flow_release(rig.x.p);
    wait_turns(1);
    wait_told(rig.sent);
    CHECK(push_one() == PUSH_BUSY);
    CHECK(push_wait(rig.push, t, 1000));
    push_let_go(rig.push, &all);
    CHECK(push_wait_settled(rig.push, 0));
    wait_turns(2);
    CHECK(push_one() == PUSH_SENT);
    push_rig_close();
}

static void what_is_late_is_not_made_later(void) {
    push_rig_open(100);
    push_many(1);
    wait_held(1);
    usleep(60 * 1000);
    CHECK(push_one() == PUSH_BUSY);
    flow_release(rig.x.p);
    wait_told(1);
    push_many(1);
    push_rig_close();
}

static void who_waits_at_the_end_is_told(void) {
    push_rig_open(60000);
    push_many(OTHERS + OWNERS);
    CHECK(push_one() == PUSH_BUSY);
    struct push_ticket *t = &rig.ticket[rig.sent];
    CHECK(push_wait(rig.push, t, 1000));
    push_stop(rig.push);
    CHECK_INT(atomic_load(&rig.turns), 1);
    CHECK(push_one() == PUSH_BUSY);
    CHECK(!push_wait(rig.push, t, 1000));
    push_rig_close();
}

CHECK_MAIN(CHECK_TEST(who_finds_no_room_stands_in_line), CHECK_TEST(what_is_late_is_not_made_later),
           CHECK_TEST(what_is_kept_for_one_is_not_given_to_another), CHECK_TEST(who_waits_at_the_end_is_told),
           CHECK_TEST(small_requests_gather_in_the_last_chunk), CHECK_TEST(a_full_chunk_goes_and_then_it_is_busy),
           CHECK_TEST(nothing_gathers_while_the_sink_stands), CHECK_TEST(what_has_gathered_goes_at_the_end),
           CHECK_TEST(all_who_gathered_are_told_of_a_loss))
