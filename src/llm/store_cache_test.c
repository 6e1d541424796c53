#include "llm/store_fixture.h"

#include "base/file.h"
#include "metrics/metrics.h"

#include <sqlite3.h>
#include <unistd.h>

static void cache_execute(const char *sql) {
    sqlite3 *db;
    CHECK(sqlite3_open(fix_path, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static void a_cache_opens_whatever_its_file_is(void) {
    static const char NOT[] = "this is no database at all, but long enough to look like one\n";
    char aside[128];
    struct err e = {0};
    struct span moved;
    struct store_opts o = {.path = fix_path, .now_s = fix_now_s};
    fix_fresh_path();
    CHECK(file_write(fix_path, span_of(NOT), &e));
    double failures = metrics_value(METRIC_LLM_STORE_FAILURES, 0, 0, 0);
    struct store *s = store_open_cache(&o, &e);
    CHECK(s != NULL && !store_is_lost(s));
    fix_put(s, "a", "INFO", 1, false);
    store_close(s);
    CHECK_INT(fix_count_answers(), 1); /* in a new file */
    CHECK_NEAR(metrics_value(METRIC_LLM_STORE_FAILURES, 0, 0, 0), failures + 1, 0);
    snprintf(aside, sizeof aside, "%s.damaged-%lld", fix_path, (long long)fix_now);
    CHECK(file_read(aside, 4096, &moved, &e));
    CHECK_SPAN(moved, NOT);
    file_free(&moved);
    unlink(aside);
    fix_remove_files();
}

static void without_its_file_a_cache_is_in_memory(void) {
    static const char *const PATH[] = {"/nowhere/answers.db", "/dev/null/answers.db", "/tmp"};
    struct store_answer a;
    struct err e = {0};
    for (size_t i = 0; i < sizeof PATH / sizeof PATH[0]; i++) {
        struct store *s = store_open_cache(&(struct store_opts){.path = PATH[i], .now_s = fix_now_s}, &e);
        CHECK(s != NULL && store_is_lost(s));
        fix_put(s, "a", "INFO", 1, false);
        CHECK(store_flush(s, &e) && store_find(s, &fix_origin, span_of("a"), &a));
        store_close(s);
    }
}

static void somebody_elses_database_is_left_alone(void) {
    struct err e = {0};
    fix_fresh_path();
    cache_execute("CREATE TABLE theirs(x)");
    struct store *s = store_open_cache(&(struct store_opts){.path = fix_path, .now_s = fix_now_s}, &e);
    CHECK(s != NULL && store_is_lost(s));
    store_close(s);
    cache_execute("SELECT x FROM theirs");
    fix_remove_files();
}

/* The trigger stands for a full disk. */
static void answers_stay_when_the_file_takes_no_more(void) {
    char template[32];
    struct store_answer a;
    struct err e = {0};
    fix_fresh_path();
    struct store *s = store_open_cache(&(struct store_opts){.path = fix_path, .now_s = fix_now_s}, &e);
    cache_execute("CREATE TRIGGER full BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'full'); END");
    for (int i = 0; i < 3 * STORE_QUEUE_MAX; i++) {
        snprintf(template, sizeof template, "template %d", i);
        fix_put(s, template, "INFO", 1, false);
    }
    CHECK(store_is_lost(s) && store_flush(s, &e));
    for (int i = 0; i < 3 * STORE_QUEUE_MAX; i++) {
        snprintf(template, sizeof template, "template %d", i);
        CHECK(store_knows(s, fix_origin.version, span_of(template), &a));
    }
    store_close(s);
    fix_remove_files();
}

CHECK_MAIN(CHECK_TEST(a_cache_opens_whatever_its_file_is), CHECK_TEST(without_its_file_a_cache_is_in_memory),
           CHECK_TEST(somebody_elses_database_is_left_alone), CHECK_TEST(answers_stay_when_the_file_takes_no_more))
