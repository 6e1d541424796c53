#include "stream/flow_fixture.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/must.h"
#include "base/thread.h"
#include "stream/feed.h"
#include "stream/hold_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* A flow into a pipe, and what a feed was told. */
struct rig {
    struct flow_fixture x;
    uint64_t last; /* chunk that was settled last; they come in order */
    unsigned safe, lost;
};

static void flow_rig_open(struct rig *r) {
    *r = (struct rig){0};
    flow_fixture_open(&r->x, open_rules(""), 3);
}

static void flow_rig_close(struct rig *r) {
    flow_fixture_close(&r->x);
}

static void note_settled(void *self, uint64_t seq, bool safe) {
    struct rig *r = self;
    CHECK(seq == r->last + 1);
    r->last = seq;
    if (safe)
        r->safe++;
    else
        r->lost++;
}

static struct feed *rig_feed(struct rig *r) {
    struct err e = {0};
    struct feed *d = feed_open(r->x.f, &(struct feed_opts){note_settled, r}, &e);
    CHECK(d != NULL);
    return d;
}

/* Sends records number *next … of one chunk; false: there is no room. */
static bool send_chunk(struct feed *d, uint32_t records, unsigned *next, int wait_ms) {
    char line[64];
    struct chunk *c = feed_take(d, wait_ms);
    if (!c) return false;
    for (uint32_t i = 0; i < records; i++) {
        int n = snprintf(line, sizeof line, "line %u of many, all of which are told apart", (*next)++);
        chunk_add(c, SPAN_LIT("test"), (struct span){line, (size_t)n});
    }
    feed_send(d, c);
    return true;
}

static void *read_slowly(void *arg) {
    struct rig *r = arg;
    static char text[16 << 20];
    size_t n = 0;
    usleep(300 * 1000); /* the sink stands, and every chunk is used up meanwhile */
    for (ssize_t got; (got = read(r->x.out, text + n, 4096)) > 0; n += (size_t)got)
        ;
    FILE *lines = fmemopen(text, n, "r");
    unsigned want = 0, got = 0;
    char *line = NULL;
    for (size_t cap = 0; getline(&line, &cap, lines) > 0; want++) {
        const char *message = strstr(line, "\"log_message\":\"line ");
        CHECK(message && sscanf(message, "\"log_message\":\"line %u of", &got) == 1 && got == want);
        if (got != want) break;
    }
    free(line);
    fclose(lines);
    return (void *)(uintptr_t)want;
}

/* Chunks are decided the last first, and the reader of the output is slow: still every line comes out once, in order,
 * with its own text. */
static void lines_come_out_in_order_and_whole(void) {
    enum { CHUNKS = 3 * FLOW_CHUNKS, RECORDS = 500 };
    struct rig r;
    flow_rig_open(&r);
    unsigned next = 0, chunks = 0;
    struct feed *d = rig_feed(&r);
    pthread_t reader = thread_start(read_slowly, &r);
    while (chunks < CHUNKS) {
        while (chunks < CHUNKS && send_chunk(d, RECORDS, &next, 0)) chunks++;
        for (int i = 0; i < 5000 && held() == 0 && !feed_wait_settled(d, 0); i++) usleep(1000);
        flow_release(r.x.p);
    }
    while (!feed_wait_settled(d, 20)) flow_release(r.x.p);
    CHECK_INT(r.last, chunks);
    CHECK_INT(r.safe, chunks);
    feed_close(d);
    flow_close(r.x.f);
    r.x.f = NULL;
    close(r.x.sink.fd);
    void *lines;
    pthread_join(reader, &lines);
    CHECK_INT((uintptr_t)lines, next);
    CHECK_INT(r.x.result.lines, next);
    CHECK_INT(r.x.result.by[DECIDER_LLM][LABEL_OF_NETWORK], next);
    r.x.sink.fd = -1;
    flow_rig_close(&r);
}

static void a_flood_leaves_others_two_chunks(void) {
    struct rig r;
    flow_rig_open(&r);
    unsigned next = 0, sent = 0;
    struct feed *flood = rig_feed(&r), *other = feed_open(r.x.f, &(struct feed_opts){0}, &(struct err){0});
    while (send_chunk(flood, 1, &next, 0)) sent++;
    CHECK_INT(sent, FLOW_CHUNKS - 2);
    CHECK(send_chunk(other, 1, &next, 0) && send_chunk(other, 1, &next, 0) && !send_chunk(other, 1, &next, 10));
    wait_held(FLOW_CHUNKS);
    flow_release(r.x.p);
    CHECK(feed_wait_settled(flood, 5000) && feed_wait_settled(other, 5000));
    CHECK(send_chunk(flood, 1, &next, 0)); /* there is room again */
    wait_held(1);
    flow_release(r.x.p);
    CHECK(feed_wait_settled(flood, 5000));
    struct err e = {0};
    struct feed *more[FLOW_FEEDS_MAX - 2];
    for (unsigned i = 0; i < FLOW_FEEDS_MAX - 2; i++) more[i] = feed_open(r.x.f, &(struct feed_opts){0}, &e);
    CHECK(!feed_open(r.x.f, &(struct feed_opts){0}, &e) && e.code == ERR_LIMIT);
    for (unsigned i = 0; i < FLOW_FEEDS_MAX - 2; i++) feed_close(more[i]);
    feed_close(flood), feed_close(other);
    flow_rig_close(&r);
}

/* The output's reader leaves: nothing is called durable that is not, and whoever waits for room is told. */
static void a_sink_that_fails_ends_the_feed(void) {
    struct rig r;
    struct err e = {0};
    unsigned next = 0;
    signal(SIGPIPE, SIG_IGN);
    flow_rig_open(&r);
    struct feed *d = rig_feed(&r);
    CHECK(send_chunk(d, 3, &next, 0));
    wait_held(3);
    flow_release(r.x.p);
    CHECK(feed_wait_settled(d, 5000) && r.safe == 1);
    close(r.x.out);
    CHECK(send_chunk(d, 3, &next, 0) && send_chunk(d, 3, &next, 0));
    wait_held(6);
    flow_release(r.x.p);
    CHECK(feed_wait_settled(d, 5000));
    CHECK_INT(r.safe, 1);
    CHECK_INT(r.lost, 2);
    CHECK(!flow_is_well(r.x.f, &e) && e.code == ERR_IO && r.x.result.reader_gone);
    CHECK(feed_take(d, 10000) == NULL); /* at once */
    CHECK_INT(r.x.result.lines, 3);
    feed_close(d);
    r.x.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    flow_rig_close(&r);
}

/* A reload between send and put: the chunk keeps the engine that decided it, with its labels. */
static void a_chunk_keeps_its_engine_over_a_reload(void) {
    static const char PATH[] = "/tmp/logclass_flow_test_labels";
    struct rig r;
    struct err e = {0};
    unsigned next = 0;
    char text[4096];
    CHECK(file_write(PATH, SPAN_LIT("ZERO | zero\nONE | one\nTWO | two\nUNCLASSIFIED | none\n"), &e));
    flow_rig_open(&r);
    struct feed *d = rig_feed(&r);
    CHECK(send_chunk(d, 1, &next, 0));
    wait_held(1);
    struct engine *fresh = open_rules(PATH);
    pipeline_swap(r.x.p, fresh);
    CHECK(send_chunk(d, 1, &next, 0));
    wait_held(2);
    flow_release(r.x.p);
    CHECK(feed_wait_settled(d, 5000));
    ssize_t n = read(r.x.out, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    const char *first = strstr(text, r.x.eng->labels.label[LABEL_OF_NETWORK].id), *second = strstr(text, "\"TWO\"");
    CHECK(first && second && first < second && strchr(text, '\n') < second);
    feed_close(d);
    engine_unref(fresh);
    unlink(PATH);
    flow_rig_close(&r);
}

enum { LATE = 4 };

/* A sink that takes LATE chunks before it settles them, the last first, the second as lost. */
static struct {
    struct flow *flow;
    struct chunk *chunk[LATE];
    unsigned n;
} g_late;

static void *late_open(const struct sink_opts *o, struct flow *f, struct err *e) {
    (void)o, (void)e;
    g_late.flow = f;
    return &g_late;
}

static bool late_put(void *self, struct chunk *c) {
    (void)self;
    if (g_late.n == LATE) return false;
    g_late.chunk[g_late.n++] = c;
    return true;
}

static void late_step(void *self, int wait_ms) {
    (void)self, (void)wait_ms;
    if (g_late.n < LATE) return;
    while (g_late.n > 0) {
        g_late.n--;
        flow_settle(g_late.flow, g_late.chunk[g_late.n], g_late.n != 1);
    }
}

static void late_close(void *self) {
    (void)self;
}

/* However the sink settles, the source hears of it in the order in which it sent. */
static void late_settlement_is_told_in_order(void) {
    static const struct sink_kind LATE_SINK = {late_open, late_put, late_step, NULL, late_close, NULL};
    struct rig r = {0};
    struct err e = {0};
    unsigned next = 0;
    struct engine *eng = open_rules("");
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 2}, eng, &e);
    struct flow *f = flow_open(&(struct flow_opts){.pipeline = p, .sink = &LATE_SINK}, &e);
    struct feed *d = feed_open(f, &(struct feed_opts){note_settled, &r}, &e);
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < LATE; i++) CHECK(send_chunk(d, 1, &next, 0));
        wait_held(LATE);
        flow_release(p);
        CHECK(feed_wait_settled(d, 5000));
        CHECK_INT(r.last, round * LATE);
        CHECK_INT(r.lost, round);
    }
    CHECK_INT(atomic_load(&eng->pinned), 0);
    feed_close(d);
    flow_close(f);
    pipeline_close(p);
    engine_unref(eng);
}

static void late_abandon(void *self) {
    (void)self;
    while (g_late.n > 0) flow_settle(g_late.flow, g_late.chunk[--g_late.n], false);
}

/* A sink that has no room any more: when the time of a drain is over, everything comes back as lost, and nobody hangs.
 */
static void what_is_abandoned_comes_back_as_lost(void) {
    static const struct sink_kind FULL_SINK = {late_open, late_put, late_step, late_abandon, late_close, NULL};
    struct rig r = {0};
    struct err e = {0};
    unsigned next = 0;
    struct engine *eng = open_rules("");
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 2}, eng, &e);
    struct flow *f = flow_open(&(struct flow_opts){.pipeline = p, .sink = &FULL_SINK}, &e);
    struct feed *d = feed_open(f, &(struct feed_opts){note_settled, &r}, &e);
    for (int i = 0; i < LATE - 1; i++) CHECK(send_chunk(d, 1, &next, 0));
    wait_held(LATE - 1);
    flow_release(p);
    CHECK(!feed_wait_settled(d, 50));
    flow_abandon(f);
    CHECK(feed_wait_settled(d, 5000));
    CHECK_INT(r.lost, LATE - 1);
    CHECK(send_chunk(d, 1, &next, 0)); /* also what is sent later */
    wait_held(1);
    flow_release(p);
    CHECK(feed_wait_settled(d, 5000));
    CHECK_INT(r.lost, LATE);
    feed_close(d);
    flow_close(f);
    pipeline_close(p);
    engine_unref(eng);
}

CHECK_MAIN(CHECK_TEST(what_is_abandoned_comes_back_as_lost), CHECK_TEST(lines_come_out_in_order_and_whole),
           CHECK_TEST(a_flood_leaves_others_two_chunks), CHECK_TEST(a_sink_that_fails_ends_the_feed),
           CHECK_TEST(a_chunk_keeps_its_engine_over_a_reload), CHECK_TEST(late_settlement_is_told_in_order))
