#include "memo/memo.h"

#include "base/check.h"

#include <pthread.h>

static struct memo_key memo_key_of(struct memo *m, unsigned i) {
    char text[32];
    int n = snprintf(text, sizeof text, "template %u", i);
    return memo_key(m, (struct span){text, (size_t)n}, 7);
}

static void an_answer_comes_back_exactly(void) {
    struct memo *m = memo_open(0);
    struct answer a = {.confidence = 0.1 + 0.2, .label = 5, .decider = 1}, got = {0};
    CHECK(!memo_get(m, memo_key_of(m, 1), &got));
    CHECK(!memo_put(m, memo_key_of(m, 1), &a));
    CHECK(memo_get(m, memo_key_of(m, 1), &got));
    CHECK(got.confidence == a.confidence && got.label == 5 && got.decider == 1);
    CHECK(!memo_get(m, memo_key(m, SPAN_LIT("template 1"), 8), &got)); /* another version: another key */
    CHECK_INT(memo_count(m), 1);
    memo_close(m);
}

static void a_full_table_evicts_and_stays_bounded(void) {
    struct memo *m = memo_open(MEMO_ENTRIES_MIN);
    unsigned evicted = 0;
    for (unsigned i = 0; i < 10000; i++)
        evicted += memo_put(m, memo_key_of(m, i), &(struct answer){.label = (uint8_t)i});
    CHECK(memo_count(m) <= MEMO_ENTRIES_MIN);
    CHECK_INT(memo_count(m) + evicted, 10000);
    unsigned kept = 0, wrong = 0;
    for (unsigned i = 0; i < 10000; i++) {
        struct answer got;
        if (!memo_get(m, memo_key_of(m, i), &got)) continue;
        kept++;
        wrong += got.label != (uint8_t)i;
    }
    CHECK_INT(kept, memo_count(m));
    CHECK_INT(wrong, 0);
    memo_close(m);
}

static void what_is_used_is_kept(void) {
    struct memo *m = memo_open(MEMO_ENTRIES_MIN);
    struct answer got;
    unsigned hits = 0;
    memo_put(m, memo_key_of(m, 0), &(struct answer){.label = 9});
    for (unsigned i = 1; i < 20000; i++) {
        hits += memo_get(m, memo_key_of(m, 0), &got);
        memo_put(m, memo_key_of(m, i), &(struct answer){0});
    }
    CHECK_INT(hits, 19999); /* used between any two evictions of its set: never the victim */
    memo_close(m);
}

static struct memo *g_memo;

static void *hammer(void *arg) {
    for (unsigned i = 0; i < 30000; i++) {
        struct answer got, a = {.confidence = i % 3000, .label = (uint8_t)(i % 3000)};
        struct memo_key k = memo_key_of(g_memo, i % 3000);
        if (memo_get(g_memo, k, &got)) CHECK(got.label == a.label && got.confidence == a.confidence);
        memo_put(g_memo, k, &a);
    }
    return arg;
}

static void threads_never_see_half_an_answer(void) {
    g_memo = memo_open(MEMO_ENTRIES_MIN);
    pthread_t t[4];
    for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, hammer, NULL);
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    CHECK(memo_count(g_memo) <= MEMO_ENTRIES_MIN);
    memo_close(g_memo);
}

static struct {
    uint64_t lines[8];
    unsigned gone; /* this kind is no more */
} tallied;

static bool tally_add(void *self, uint32_t kind, uint32_t lines) {
    CHECK(self == &tallied && kind > 0 && kind < 8);
    if (kind == tallied.gone) return false;
    tallied.lines[kind] += lines;
    return true;
}

/* Every line is counted once: by a sweep, when its entry is full, or when that is evicted. */
static void lines_are_counted_by_kind(void) {
    struct memo *m = memo_open(0);
    struct answer got;
    memo_set_tally(m, &(struct memo_tally){tally_add, &tallied});
    memo_put(m, memo_key_of(m, 1), &(struct answer){.label = 1});
    CHECK(memo_see(m, memo_key_of(m, 1), &got) && got.kind == 0); /* not counted: it has no kind */
    memo_put(m, memo_key_of(m, 1), &(struct answer){.label = 1, .kind = 3});
    memo_put(m, memo_key_of(m, 1), &(struct answer){.label = 2}); /* it stays */
    for (unsigned i = 0; i < 70000; i++) CHECK(memo_see(m, memo_key_of(m, 1), &got) && got.kind == 3 && got.label == 2);
    CHECK(memo_get(m, memo_key_of(m, 1), &got) && got.kind == 3); /* looks only */
    CHECK_INT(tallied.lines[3], UINT16_MAX);
    memo_sweep(m, false);
    CHECK_INT(tallied.lines[3], 70000);
    memo_sweep(m, true);
    CHECK_INT(tallied.lines[3], 70000);
    CHECK(memo_see(m, memo_key_of(m, 1), &got)); /* a single line after a sweep is found by the next */
    memo_sweep(m, false);
    CHECK_INT(tallied.lines[3], 70001);
    CHECK(memo_see(m, memo_key_of(m, 1), &got));
    for (unsigned i = 10; i < 10 + 64 * MEMO_ENTRIES_MIN; i++) memo_put(m, memo_key_of(m, i), &(struct answer){0});
    CHECK(!memo_get(m, memo_key_of(m, 1), &got)); /* evicted */
    CHECK_INT(tallied.lines[3], 70002);
    memo_put(m, memo_key_of(m, 1), &(struct answer){.kind = 5});
    tallied.gone = 5;
    memo_sweep(m, false); /* no line of it: not asked */
    CHECK(memo_get(m, memo_key_of(m, 1), &got) && got.kind == 5);
    memo_sweep(m, true);
    CHECK(memo_get(m, memo_key_of(m, 1), &got) && got.kind == 0);
    memo_close(m);
}

CHECK_MAIN(CHECK_TEST(lines_are_counted_by_kind), CHECK_TEST(an_answer_comes_back_exactly),
           CHECK_TEST(a_full_table_evicts_and_stays_bounded), CHECK_TEST(what_is_used_is_kept),
           CHECK_TEST(threads_never_see_half_an_answer))
