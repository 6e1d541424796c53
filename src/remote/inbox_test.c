#include "remote/inbox.h"

#include "base/check.h"
#include "remote/calls.h"

static bool post(struct inbox *b, uint32_t i, struct span message, bool *first) {
    static const float HEAD[] = {0.25f, 0.5f, 0.125f};
    struct err e = {0};
    struct question q = {.message = message, .template = SPAN_LIT("t"), .source = SPAN_LIT("sshd"), .head = HEAD};
    q.labels = i % 3;
    bool ok = inbox_post(b, &(struct pending){.i = i, .key = {1, i}}, &q, 1000 + i, first, &e);
    CHECK_INT(e.code, ok ? ERR_OK : b->closed ? ERR_CANCELLED : ERR_BUSY);
    return ok;
}

static void what_is_posted_comes_out_in_order(void) {
    struct inbox b;
    struct inbox_item item;
    bool first;
    inbox_init(&b, 1 << 20);
    CHECK(!inbox_is_filled(&b) && !inbox_take(&b) && !inbox_next(&b, &item));
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 50; i++) {
            char message[] = "message 00 and a tail";
            CHECK(post(&b, i, (struct span){message, 10 + i % 11}, &first));
            CHECK(first == (i == 0));
            memset(message, 'x', sizeof message); /* it was copied */
        }
        CHECK(inbox_is_filled(&b) && inbox_take(&b) && !inbox_is_filled(&b));
        for (uint32_t i = 0; i < 50; i++) {
            CHECK(inbox_next(&b, &item));
            CHECK(item.pending.i == i && item.pending.key.hi == i && item.posted_ns == 1000 + i);
            CHECK_SPAN(span_sub(item.q.message, 0, 10), "message 00");
            CHECK_INT(item.q.message.n, 10 + i % 11);
            CHECK_SPAN(item.q.template, "t");
            CHECK_SPAN(item.q.source, "sshd");
            CHECK_INT(item.q.labels, i % 3);
            CHECK(item.q.labels ? item.q.head[item.q.labels - 1] == (item.q.labels == 1 ? 0.25f : 0.5f) : !item.q.head);
        }
        CHECK(!inbox_next(&b, &item) && !inbox_take(&b));
    }
    inbox_release(&b);
}

static void a_full_one_refuses_whole_questions(void) {
    static char message[3 * CALLS_MESSAGE_MAX];
    struct inbox b;
    struct inbox_item item;
    bool first;
    unsigned n = 0;
    inbox_init(&b, 10 * CALLS_MESSAGE_MAX);
    while (post(&b, n, (struct span){message, sizeof message}, &first)) n++;
    CHECK_INT(n, 9); /* each cut to what a call keeps */
    CHECK(post(&b, n, SPAN_LIT("a short one still fits"), &first));
    CHECK(inbox_take(&b));
    for (unsigned i = 0; i < n; i++) CHECK(inbox_next(&b, &item) && item.q.message.n == CALLS_MESSAGE_MAX);
    CHECK(inbox_next(&b, &item) && !inbox_next(&b, &item));
    CHECK(post(&b, 0, (struct span){message, sizeof message}, &first) && first); /* there is room again */
    CHECK(inbox_take(&b) && b.posted.cap + b.taken.cap <= INBOX_BYTES_KEPT); /* and a burst's memory is given back */
    inbox_release(&b);
}

static void a_closed_one_keeps_what_it_has(void) {
    struct inbox b;
    struct inbox_item item;
    bool first;
    inbox_init(&b, 1 << 20);
    CHECK(post(&b, 7, SPAN_LIT("before"), &first));
    inbox_close(&b);
    CHECK(!post(&b, 8, SPAN_LIT("after"), &first));
    CHECK(inbox_take(&b) && inbox_next(&b, &item) && item.pending.i == 7 && !inbox_next(&b, &item));
    inbox_release(&b);
}

enum { THREADS = 4, EACH = 5000 };
static struct inbox g_inbox;
static atomic_uint g_woken;

static void *post_many(void *arg) {
    uint32_t from = (uint32_t)(uintptr_t)arg * EACH;
    bool first;
    for (uint32_t i = from; i < from + EACH; i++) {
        CHECK(post(&g_inbox, i, SPAN_LIT("one of many"), &first));
        if (first) atomic_fetch_add(&g_woken, 1);
    }
    return NULL;
}

/* Whenever something waits, somebody was told to wake the owner: an owner that looks only when woken misses nothing. */
static void many_threads_lose_nothing(void) {
    static unsigned seen[THREADS * EACH];
    pthread_t thread[THREADS];
    struct inbox_item item;
    unsigned n = 0;
    inbox_init(&g_inbox, INBOX_BYTES_DEFAULT);
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, post_many, (void *)i);
    for (unsigned woken = 0; n < THREADS * EACH;) {
        while (atomic_load(&g_woken) == woken)
            ;
        woken = atomic_load(&g_woken);
        inbox_take(&g_inbox);
        for (; inbox_next(&g_inbox, &item); n++) seen[item.pending.i]++;
    }
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < THREADS * EACH; i++) CHECK_INT(seen[i], 1);
    inbox_release(&g_inbox);
}

CHECK_MAIN(CHECK_TEST(what_is_posted_comes_out_in_order), CHECK_TEST(a_full_one_refuses_whole_questions),
           CHECK_TEST(a_closed_one_keeps_what_it_has), CHECK_TEST(many_threads_lose_nothing))
