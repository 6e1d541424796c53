/* Lines by rule: exact with threads, by hour, over reloads and in the file. Marks: in order, bounded, in the file. */
#include "review/ruled.h"

#include "base/check.h"
#include "review/kinds_store.h"
#include "review/marks.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOUR = 3600, T0 = 500000 * HOUR, THREADS = 12, EACH = 1000000 };

static struct ruled_view rule_view(struct ruled *r, uint64_t rule, uint32_t now) {
    struct ruled_view v;
    CHECK(ruled_find(r, rule, now, &v));
    return v;
}

struct counting {
    struct ruled *r;
    uint16_t place[3];
};

static void *ruled_count_lines(void *self) {
    const struct counting *c = self;
    unsigned shard = ruled_shard(c->r);
    for (unsigned i = 0; i < EACH; i++) ruled_count(c->r, shard, c->place[i % 4 == 0 ? 0 : 1]);
    return NULL;
}

static void lines_are_exact_with_threads(void) {
    struct ruled *r = ruled_open();
    struct counting c = {r, {ruled_place(r, 7), ruled_place(r, 8), ruled_place(r, 9)}};
    struct ruled_view v;
    pthread_t t[THREADS];
    CHECK_INT(ruled_place(r, 8), c.place[1]);
    for (unsigned i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, ruled_count_lines, &c);
    for (unsigned i = 0; i < 20; i++) ruled_sweep(r, T0);
    for (unsigned i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    ruled_sweep(r, T0 + 5);
    CHECK_INT(rule_view(r, 7, T0 + 5).lines, THREADS * EACH / 4);
    CHECK_INT(rule_view(r, 8, T0 + 5).lines_24h, THREADS * EACH / 4 * 3);
    CHECK(rule_view(r, 9, T0).last == 0 && rule_view(r, 8, T0).last >= T0);
    CHECK(!ruled_find(r, 10, T0, &v));
    ruled_close(r);
}

static void count_some(struct ruled *r, uint64_t rule, unsigned n, uint32_t now) {
    uint16_t place = ruled_place(r, rule);
    while (n--) ruled_count(r, n % RULED_SHARDS, place);
    ruled_sweep(r, now);
}

static void hours_go_by(void) {
    struct ruled *r = ruled_open();
    count_some(r, 1, 10, T0);
    count_some(r, 1, 5, T0 + 2 * HOUR);
    struct ruled_view v = rule_view(r, 1, T0 + 3 * HOUR);
    CHECK_INT(v.hour[20], 10);
    CHECK_INT(v.hour[21], 0);
    CHECK_INT(v.hour[22], 5);
    CHECK_INT(v.hour[23], 0);
    CHECK_INT(v.lines_24h, 15);
    CHECK_INT(rule_view(r, 1, T0 + 24 * HOUR).lines_24h, 5);
    CHECK_INT(rule_view(r, 1, T0 + 26 * HOUR).lines_24h, 0);
    count_some(r, 1, 2, T0 + 100 * HOUR); /* in the place of an hour of four days before */
    v = rule_view(r, 1, T0 + 100 * HOUR);
    CHECK_INT(v.lines_24h, 2);
    CHECK_INT(v.lines, 17);
    CHECK_INT(v.last, T0 + 100 * HOUR);
    count_some(r, 1, 1, T0 + 10 * HOUR); /* the clock was set back */
    CHECK_INT(rule_view(r, 1, T0 + 100 * HOUR).lines_24h, 2);
    ruled_close(r);
}

static void more_rules_than_fit_are_not_counted(void) {
    struct ruled *r = ruled_open();
    struct ruled_view v;
    for (uint64_t i = 1; i <= RULED_MAX; i++) CHECK(ruled_place(r, i * 0x9e3779b97f4a7c15U) != 0);
    CHECK_INT(ruled_place(r, 3), 0);
    count_some(r, 3, 4, T0);
    CHECK(!ruled_find(r, 3, T0, &v));
    CHECK_INT(rule_view(r, 0x9e3779b97f4a7c15U, T0).lines, 0);
    ruled_close(r);
}

/* ---- the file ---- */

static void ruled_open_at(struct book *b, uint32_t now) {
    static const struct kinds_opts OPTS = {.max = 1000};
    book_init(b);
    book_open(b, &OPTS);
    kinds_tick(b->kinds, now);
}

static void save_to(struct book *b, const char *path) {
    struct err e = {0};
    bool more;
    struct kinds_store *s = kinds_store_open(path, &e);
    CHECK(s && kinds_store_write(s, b, false, &more, &e));
    kinds_store_close(s);
}

static void load_from(struct book *b, const char *path) {
    struct err e = {0};
    struct kinds_store *s = kinds_store_open(path, &e);
    CHECK(s && kinds_store_load(s, b, &e));
    kinds_store_close(s);
}

static void the_file_adds_up_what_processes_counted(void) {
    char folder[] = "/tmp/logclass_ruled_XXXXXX", path[100];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/kinds.db", folder);
    struct book a, b;
    struct mark mark[MARKS_MAX];
    ruled_open_at(&a, T0);
    ruled_open_at(&b, T0);
    count_some(a.ruled, 1, 10, T0);
    count_some(b.ruled, 1, 3, T0 + HOUR);
    count_some(b.ruled, 2, 1, T0 - 30 * HOUR);
    CHECK(told_begin(&a.told, 7, 41, T0) && (told_end(&a.told), !told_begin(&a.told, 7, 41, T0 + 1)));
    marks_add(a.marks, T0, "started");
    marks_add(b.marks, T0 + 9, "rule added: %s", "tea\npot");
    save_to(&a, path);
    save_to(&b, path);
    save_to(&b, path); /* nothing twice */
    count_some(a.ruled, 1, 1, T0 + HOUR);
    save_to(&a, path);
    book_release(&a), book_release(&b);
    ruled_open_at(&a, T0 + HOUR);
    load_from(&a, path);
    struct ruled_view v = rule_view(a.ruled, 1, T0 + HOUR);
    CHECK_INT(v.lines, 14);
    CHECK_INT(v.hour[22], 10);
    CHECK_INT(v.hour[23], 4);
    CHECK_INT(v.last, T0 + HOUR);
    v = rule_view(a.ruled, 2, T0 + HOUR);
    CHECK_INT(v.lines, 1);
    CHECK_INT(v.lines_24h, 0);
    CHECK_INT(marks_since(a.marks, 0, mark), 2);
    CHECK_STR(mark[0].text, "started");
    CHECK_STR(mark[1].text, "rule added: tea pot");
    CHECK_INT(marks_take_unwritten(a.marks, mark), 0);
    CHECK(!told_begin(&a.told, 7, 41, T0 + HOUR)); /* what was counted before the end is not counted again */
    CHECK(told_begin(&a.told, 7, 42, T0 + HOUR));
    told_end(&a.told);
    book_release(&a);
    unlink(path);
    rmdir(folder);
}

static bool told_takes(struct told *t, uint64_t run, uint64_t seq, uint32_t now) {
    bool fresh = told_begin(t, run, seq, now);
    if (fresh) told_end(t);
    return fresh;
}

static void counts_of_others_are_taken_once_by_their_number(void) {
    struct told *t = calloc(1, sizeof *t);
    told_init(t);
    CHECK(told_takes(t, 1, 1, 5) && !told_takes(t, 1, 1, 5));
    CHECK(told_takes(t, 2, 1, 5));
    CHECK(told_takes(t, 1, 2, 6) && !told_takes(t, 1, 2, 6));
    told_restore(t, &(struct told_row){1, 9, 4}); /* the file is behind */
    CHECK(!told_takes(t, 1, 2, 6));
    for (uint64_t i = 0; i < TOLD_MAX; i++) told_takes(t, 100 + i, 1, 50);
    CHECK(told_takes(t, 1, 2, 51)); /* 256 others have come since: it was let go of */
    CHECK(!told_takes(t, 1, 2, 51));
    told_release(t);
    free(t);
}

static void marks_are_in_order_and_bounded(void) {
    struct marks *m = marks_open();
    struct mark mark[MARKS_MAX];
    marks_add(NULL, 1, "nowhere");
    for (unsigned i = 0; i < MARKS_MAX + 10; i++) marks_add(m, 1000 + i, "mark %u", i);
    marks_restore(m, 900, SPAN_LIT("too old for a place"));
    CHECK_INT(marks_since(m, 0, mark), MARKS_MAX);
    CHECK_STR(mark[0].text, "mark 10");
    CHECK_INT(marks_since(m, 1000 + MARKS_MAX, mark), 10);
    marks_restore(m, 1100, SPAN_LIT("mark 100")); /* is there */
    marks_restore(m, 1100, SPAN_LIT("beside it"));
    marks_restore(m, 1100, SPAN_LIT("and this"));
    CHECK_INT(marks_since(m, 1100, mark), MARKS_MAX + 10 - 100 + 2);
    CHECK_STR(mark[0].text, "beside it"); /* what the process before said is older, in the same second, too */
    CHECK_STR(mark[1].text, "and this");
    CHECK_STR(mark[2].text, "mark 100");
    CHECK_INT(marks_take_unwritten(m, mark), MARKS_MAX - 2);
    char longer[400];
    memset(longer, 'x', sizeof longer);
    memcpy(longer + MARKS_TEXT_MAX - 2, "\xc3\xa9", 2); /* a character where it is cut */
    longer[sizeof longer - 1] = '\0';
    marks_add(m, 9999, "%s", longer);
    CHECK_INT(marks_since(m, 9999, mark), 1);
    CHECK_INT(strlen(mark[0].text), MARKS_TEXT_MAX - 2);
    marks_close(m);
}

CHECK_MAIN(CHECK_TEST(lines_are_exact_with_threads), CHECK_TEST(hours_go_by),
           CHECK_TEST(more_rules_than_fit_are_not_counted), CHECK_TEST(the_file_adds_up_what_processes_counted),
           CHECK_TEST(counts_of_others_are_taken_once_by_their_number), CHECK_TEST(marks_are_in_order_and_bounded))
