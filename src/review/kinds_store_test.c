/* What the inventory's file could not take is written when it can: nothing is lost, nothing is counted twice. */
#include "review/kinds_store.h"

#include "base/check.h"
#include "base/wal_fixture.h"
#include "data/decider.h"
#include "review/kinds_internal.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { HOUR = 3600, T0 = 500000 * HOUR };

static char g_folder[] = "/tmp/logclass_store_XXXXXX", g_path[100];

static void open_book(struct book *b, size_t max, uint32_t now) {
    book_init(b);
    book_open(b, &(struct kinds_opts){.max = max});
    kinds_tick(b->kinds, now);
}

static uint64_t see_one(struct book *b, const char *text, uint32_t lines) {
    struct kinds_sight s = {.text = span_of(text), .lines = lines, .decided = true, .stage = DECIDER_BERT};
    s.label = kinds_label(b->kinds, SPAN_LIT("INFO"));
    CHECK(kinds_see(b->kinds, &s) != 0);
    return kinds_id_of(span_of(text));
}

static void count_rule(struct book *b, uint64_t rule, unsigned n, uint32_t now) {
    for (unsigned i = 0; i < n; i++) ruled_count(b->ruled, 0, ruled_place(b->ruled, rule));
    ruled_sweep(b->ruled, now);
}

static bool writes(struct kinds_store *s, struct book *b, struct err *e) {
    bool more = true, ok = true;
    while (more && ok) ok = kinds_store_write(s, b, false, &more, e);
    return ok;
}

/* While another process writes: it does not begin. */
static void fails_locked(struct kinds_store *s, struct book *b) {
    struct err e = {0};
    sqlite3 *db = NULL;
    CHECK(sqlite3_open(g_path, &db) == SQLITE_OK && sqlite3_exec(db, "BEGIN IMMEDIATE", 0, 0, 0) == SQLITE_OK);
    CHECK(!writes(s, b, &e) && e.code == ERR_IO && strstr(e.msg, "locked"));
    sqlite3_close(db);
}

/* As on a full disk: it begins, and can't end. */
static void fails_full(struct kinds_store *s, struct book *b) {
    struct err e = {0};
    struct rlimit was, none;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &was) == 0);
    none = (struct rlimit){1, was.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &none) == 0);
    CHECK(!writes(s, b, &e));
    CHECK(setrlimit(RLIMIT_FSIZE, &was) == 0 && e.code == ERR_IO);
    signal(SIGXFSZ, handler);
}

static int64_t number_in_file(const char *sql) {
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int64_t n = -1;
    CHECK(sqlite3_open(g_path, &db) == SQLITE_OK && sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
    if (sqlite3_step(st) == SQLITE_ROW) n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

static struct kinds_store *store_open(void) {
    struct err e = {0};
    struct kinds_store *s = kinds_store_open(g_path, &e);
    CHECK(s != NULL);
    return s;
}

static void store_remove(void) {
    static const char *const SIDE[] = {"", "-wal", "-shm"};
    char path[120];
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", g_path, SIDE[i]);
        unlink(path);
    }
}

static void what_could_not_be_written_is_written_later(void) {
    struct book b;
    struct err e = {0};
    open_book(&b, 1000, T0);
    uint8_t info = kinds_label(b.kinds, SPAN_LIT("INFO"));
    struct kinds_store *s = store_open();
    for (unsigned round = 0; round < 3; round++) {
        uint32_t now = T0 + round * HOUR;
        see_one(&b, "a line", 5);
        totals_add(b.totals, now, info, DECIDER_BERT, 7);
        totals_add(b.totals, T0, info, DECIDER_LLM, 1); /* into the same cell each time */
        count_rule(&b, 4, 3, now);
        marks_add(b.marks, now, "round %u", round);
        if (round == 0) fails_locked(s, &b);
        if (round == 1) fails_full(s, &b);
    }
    CHECK(writes(s, &b, &e) && writes(s, &b, &e)); /* nothing twice */
    kinds_store_close(s);
    CHECK_INT(number_in_file("SELECT lines FROM kinds"), 15);
    CHECK_INT(number_in_file("SELECT sum(lines) FROM totals WHERE stage = 1"), 21);
    CHECK_INT(number_in_file("SELECT lines FROM totals WHERE stage = 2"), 3);
    CHECK_INT(number_in_file("SELECT lines FROM ruled"), 9);
    CHECK_INT(number_in_file("SELECT count(*) FROM ruled_hours WHERE lines = 3"), 3);
    CHECK_INT(number_in_file("SELECT count(*) FROM marks"), 3);
    book_release(&b);
    store_remove();
}

/* A disk that is full for a weekend. */
static void totals_wait_for_as_long_as_they_are_kept(void) {
    struct book b;
    struct err e = {0};
    open_book(&b, 1000, T0);
    uint8_t info = kinds_label(b.kinds, SPAN_LIT("INFO"));
    struct kinds_store *s = store_open();
    for (uint32_t h = 0; h < 60; h++) {
        totals_add(b.totals, T0 + h * HOUR, info, DECIDER_BERT, 2);
        count_rule(&b, 4, 1, T0 + h * HOUR);
        if (h % 10 == 0) fails_full(s, &b);
    }
    CHECK(writes(s, &b, &e));
    kinds_store_close(s);
    CHECK_INT(number_in_file("SELECT count(*) FROM totals WHERE lines = 2"), 60);
    CHECK_INT(number_in_file("SELECT lines FROM ruled"), 60);
    CHECK_INT(number_in_file("SELECT sum(lines) FROM ruled_hours"), RULED_HOURS);
    book_release(&b);
    store_remove();
}

static void more_than_one_write_takes_is_written_in_several(void) {
    enum { RULES = KINDS_STORE_COUNTS + 100 };
    struct book b;
    struct err e = {0};
    open_book(&b, 1000, T0);
    struct kinds_store *s = store_open();
    for (uint64_t rule = 1; rule <= RULES; rule++) ruled_count(b.ruled, 0, ruled_place(b.ruled, rule));
    ruled_sweep(b.ruled, T0);
    for (unsigned i = 0; i < RULES; i++) totals_add(b.totals, T0 + i / 200 * HOUR, i % 50, i / 50 % DECIDER_COUNT, 1);
    fails_full(s, &b);
    CHECK(writes(s, &b, &e));
    kinds_store_close(s);
    CHECK_INT(number_in_file("SELECT count(*) FROM ruled WHERE lines = 1"), RULES);
    CHECK_INT(number_in_file("SELECT sum(lines) FROM totals"), RULES);
    book_release(&b);
    store_remove();
}

static void what_was_dropped_meanwhile_leaves_the_file(void) {
    struct book b;
    struct err e = {0};
    open_book(&b, 1000, T0);
    struct kinds_store *s = store_open();
    uint64_t gone = see_one(&b, "a line", 1);
    see_one(&b, "another", 1);
    CHECK(writes(s, &b, &e));
    CHECK(kinds_forget(b.kinds, gone));
    fails_full(s, &b);
    CHECK_INT(number_in_file("SELECT count(*) FROM kinds"), 2);
    CHECK(writes(s, &b, &e));
    CHECK_INT(number_in_file("SELECT count(*) FROM kinds"), 1);
    kinds_store_close(s);
    book_release(&b);
    store_remove();
}

static void kinds_store_make_folder(void) {
    CHECK(mkdtemp(g_folder) != NULL);
    snprintf(g_path, sizeof g_path, "%s/kinds.db", g_folder);
}

static void kinds_store_remove_folder(void) {
    CHECK_INT(rmdir(g_folder), 0);
}

static void an_inventory_that_another_process_makes_is_waited_for(void) {
    pid_t holder = wal_holder(g_path, 50);
    kinds_store_close(store_open());
    wal_wait(holder);
    store_remove();
}

CHECK_MAIN(CHECK_TEST(kinds_store_make_folder), CHECK_TEST(an_inventory_that_another_process_makes_is_waited_for),
           CHECK_TEST(what_could_not_be_written_is_written_later), CHECK_TEST(totals_wait_for_as_long_as_they_are_kept),
           CHECK_TEST(more_than_one_write_takes_is_written_in_several),
           CHECK_TEST(what_was_dropped_meanwhile_leaves_the_file), CHECK_TEST(kinds_store_remove_folder))
