/* store_fixture: a store's file for tests: a path of its own, a clock that stands, and a look into it from outside. */
#ifndef LLM_STORE_FIXTURE_H
#define LLM_STORE_FIXTURE_H

#include "base/check.h"
#include "llm/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

static char fix_path[64];
static int64_t fix_now = 1700000000;
static const struct store_origin fix_origin = {.version = 0xffffffffffffff01u, .prompt = 5, .model = "m"};

static inline int64_t fix_now_s(void) {
    return fix_now;
}

/* fix_path names a file that was not there before. */
static inline void fix_fresh_path(void) {
    static int serial;
    snprintf(fix_path, sizeof fix_path, "/tmp/logclass_%s_%d_%d.db", program_invocation_short_name, (int)getpid(),
             serial++);
}

/* Removes the file at fix_path with what SQLite keeps beside it. */
static inline void fix_remove_files(void) {
    static const char *const SIDE[] = {"", "-wal", "-shm"};
    char path[80];
    for (size_t i = 0; i < sizeof SIDE / sizeof SIDE[0]; i++) {
        snprintf(path, sizeof path, "%s%s", fix_path, SIDE[i]);
        unlink(path);
    }
}

static inline void fix_put(struct store *s, const char *template, const char *label, double confidence, bool negative) {
    struct store_answer a = {.confidence = confidence, .negative = negative};
    snprintf(a.label, sizeof a.label, "%s", label);
    store_put(s, &fix_origin, span_of(template), &a);
}

/* Answers in the file, whoever may read them: by a connection of its own. */
static inline int64_t fix_count_answers(void) {
    sqlite3 *db;
    sqlite3_stmt *st;
    CHECK_INT(sqlite3_open_v2(fix_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_prepare_v2(db, "SELECT count(*) FROM answers", -1, &st, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

#endif
