#include "llm/store.h"

#include "base/check.h"
#include "base/file.h"
#include "metrics/metrics.h"

#include <sqlite3.h>
#include <unistd.h>

static char g_path[64];
static int64_t g_now_s = 1700000000;

static int64_t cache_now_s(void) {
    return g_now_s;
}

static void cache_fresh_path(void) {
    static int serial;
    snprintf(g_path, sizeof g_path, "/tmp/logclass_cache_%d_%d.db", (int)getpid(), serial++);
}

static void cache_remove_files(void) {
    char side[80];
    unlink(g_path);
    snprintf(side, sizeof side, "%s-wal", g_path);
    unlink(side);
    snprintf(side, sizeof side, "%s-shm", g_path);
    unlink(side);
}

static const struct store_origin ORIGIN = {.version = 0xffffffffffffff01u, .prompt = 5, .model = "m"};

static void cache_one(struct store *s, const char *template, const char *label, double confidence, bool negative) {
    struct store_answer a = {.confidence = confidence, .negative = negative};
    snprintf(a.label, sizeof a.label, "%s", label);
    store_put(s, &ORIGIN, span_of(template), &a);
}

/* Answers in the file, whoever may read them: by a connection of its own. */
static int64_t cache_count_answers(void) {
    sqlite3 *db;
    sqlite3_stmt *st;
    CHECK_INT(sqlite3_open_v2(g_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_prepare_v2(db, "SELECT count(*) FROM answers", -1, &st, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

static void cache_execute(const char *sql) {
    sqlite3 *db;
    CHECK(sqlite3_open(g_path, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static void a_cache_opens_whatever_its_file_is(void) {
    static const char NOT[] = "this is no database at all, but long enough to look like one\n";
    char aside[128];
    struct err e = {0};
    struct span moved;
    struct store_opts o = {.path = g_path, .now_s = cache_now_s};
    cache_fresh_path();
    CHECK(file_write(g_path, span_of(NOT), &e));
    double failures = metrics_value(METRIC_LLM_STORE_FAILURES, 0, 0, 0);
    struct store *s = store_open_cache(&o, &e);
    CHECK(s != NULL && !store_is_lost(s));
    cache_one(s, "a", "INFO", 1, false);
    store_close(s);
    CHECK_INT(cache_count_answers(), 1); /* in a new file */
    CHECK_NEAR(metrics_value(METRIC_LLM_STORE_FAILURES, 0, 0, 0), failures + 1, 0);
    snprintf(aside, sizeof aside, "%s.damaged-%lld", g_path, (long long)g_now_s);
    CHECK(file_read(aside, 4096, &moved, &e));
    CHECK_SPAN(moved, NOT);
    file_free(&moved);
    unlink(aside);
    cache_remove_files();
}

static void without_its_file_a_cache_is_in_memory(void) {
    static const char *const PATH[] = {"/nowhere/answers.db", "/dev/null/answers.db", "/tmp"};
    struct store_answer a;
    struct err e = {0};
    for (size_t i = 0; i < sizeof PATH / sizeof PATH[0]; i++) {
        struct store *s = store_open_cache(&(struct store_opts){.path = PATH[i], .now_s = cache_now_s}, &e);
        CHECK(s != NULL && store_is_lost(s));
        cache_one(s, "a", "INFO", 1, false);
        CHECK(store_flush(s, &e) && store_find(s, &ORIGIN, span_of("a"), &a));
        store_close(s);
    }
}

static void somebody_elses_database_is_left_alone(void) {
    struct err e = {0};
    cache_fresh_path();
    cache_execute("CREATE TABLE theirs(x)");
    struct store *s = store_open_cache(&(struct store_opts){.path = g_path, .now_s = cache_now_s}, &e);
    CHECK(s != NULL && store_is_lost(s));
    store_close(s);
    cache_execute("SELECT x FROM theirs");
    cache_remove_files();
}

/* The trigger stands for a full disk. */
static void answers_stay_when_the_file_takes_no_more(void) {
    char template[32];
    struct store_answer a;
    struct err e = {0};
    cache_fresh_path();
    struct store *s = store_open_cache(&(struct store_opts){.path = g_path, .now_s = cache_now_s}, &e);
    cache_execute("CREATE TRIGGER full BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'full'); END");
    for (int i = 0; i < 3 * STORE_QUEUE_MAX; i++) {
        snprintf(template, sizeof template, "template %d", i);
        cache_one(s, template, "INFO", 1, false);
    }
    CHECK(store_is_lost(s) && store_flush(s, &e));
    for (int i = 0; i < 3 * STORE_QUEUE_MAX; i++) {
        snprintf(template, sizeof template, "template %d", i);
        CHECK(store_knows(s, ORIGIN.version, span_of(template), &a));
    }
    store_close(s);
    cache_remove_files();
}

CHECK_MAIN(CHECK_TEST(a_cache_opens_whatever_its_file_is), CHECK_TEST(without_its_file_a_cache_is_in_memory),
           CHECK_TEST(somebody_elses_database_is_left_alone), CHECK_TEST(answers_stay_when_the_file_takes_no_more))
